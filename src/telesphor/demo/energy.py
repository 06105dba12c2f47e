"""Energy of the machine while something ran: measured by the processor itself, or honestly not at all.

Reads the running counters of Linux's `intel-rapl` power cap (processor packages, in microjoules). They
count all that the processor did, not only this process. Virtual machines rarely have them, and most
systems let only the administrator read them.

Start at `EnergyMeter`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

POWERCAP: Final = Path("/sys/class/powercap")
PACKAGES_MAX: Final = 64


@dataclass(frozen=True)
class Energy:
    """Joules that the processor packages used, or None and the reason."""

    joules: float | None
    reason: str

    def __str__(self) -> str:
        return f"not measurable here ({self.reason})" if self.joules is None else f"{self.joules:,.0f} J"


class EnergyMeter:
    """Measures from its making until `read`."""

    def __init__(self, powercap: Path = POWERCAP) -> None:
        # `intel-rapl:0` is a package; `intel-rapl:0:1`, a part of it, would be counted twice.
        zones = sorted(powercap.glob("intel-rapl:*"))[:PACKAGES_MAX] if powercap.is_dir() else []
        self._zones = [zone for zone in zones if zone.name.count(":") == 1]
        self._begin, self._reason = self._counters()

    def read(self) -> Energy:
        """The energy since this meter was made; a counter that began anew is taken for that."""
        if self._begin is None:
            return Energy(None, self._reason)
        end, reason = self._counters()
        if end is None:
            return Energy(None, reason)
        used = sum(self._used(zone, self._begin[zone], end[zone]) for zone in self._zones)
        return Energy(used / 1_000_000, "the processor's own counters, all that it did")

    def _counters(self) -> tuple[Mapping[Path, int] | None, str]:
        if not self._zones:
            return None, "the processor shows no energy counters"
        try:
            return {zone: _number(zone / "energy_uj") for zone in self._zones}, ""
        except PermissionError:
            return None, "only the administrator may read the energy counters"
        except (OSError, ValueError):
            return None, "the energy counters do not answer"

    @staticmethod
    def _used(zone: Path, begin: int, end: int) -> int:
        if end >= begin:
            return end - begin
        return end + _number(zone / "max_energy_range_uj") - begin


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))
