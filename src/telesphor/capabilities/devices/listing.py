"""Which objects are readings, for other capabilities that list them. Start at `readings_among`."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from telesphor.capabilities.devices import store
from telesphor.capabilities.devices.model import ReadingLine


def readings_among(db: apsw.Connection, objects: Sequence[str]) -> dict[str, ReadingLine]:
    """Return what was measured in those of these objects that are readings; at most 1,000 may be asked for."""
    return store.readings_among(db, objects) if objects else {}
