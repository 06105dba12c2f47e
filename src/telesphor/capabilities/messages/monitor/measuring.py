"""How well a scanner does on a labelled set: what it finds of each sort, and how often it cries for nothing.

Recall of a sort is the share of messages with it in which its code was found. A false alarm is a message into which
nothing was put and that is flagged or held; of each sort, how often its code stands on such a message.

Start at `measure`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from telesphor.capabilities.messages.monitor.scanner import Finding, Written
from telesphor.capabilities.messages.monitor.synthesis import DOMAIN, Labelled, make_set

SEED: Final = "telesphor"
MESSAGES: Final = 4_000
"""Some 140 leaks of each of 14 sorts: enough that a recall is known to three percent."""

Scan = Callable[[Written], Finding]


class SortMeasure(msgspec.Struct, frozen=True):
    """One sort of leak: in how many messages it is, in how many it was found, and found in harmless ones."""

    code: str
    there: int
    found: int
    false: int

    @property
    def recall(self) -> float:
        """The share of those there that were found."""
        return self.found / self.there if self.there else 0.0


class Measure(msgspec.Struct, frozen=True):
    """A scanner on one set.

    Attributes:
        leaks: messages with something in them; `caught`: of these, in which that was found.
        harmless: the others; `alarms`: of these, how many are flagged or held.
    """

    seed: str
    leaks: int
    caught: int
    harmless: int
    alarms: int
    sorts: tuple[SortMeasure, ...]

    @property
    def recall(self) -> float:
        """The share of leaks that were caught."""
        return self.caught / self.leaks if self.leaks else 0.0

    @property
    def false_alarms(self) -> float:
        """The share of harmless messages that are flagged or held."""
        return self.alarms / self.harmless if self.harmless else 0.0


def measure(scan: Scan, *, seed: str = SEED, count: int = MESSAGES) -> Measure:
    """Measure a scanner on the set that a seed gives."""
    return measure_on(scan, make_set(seed, count=count), seed=seed)


def measure_on(scan: Scan, messages: Sequence[Labelled], *, seed: str) -> Measure:
    """Measure a scanner on some messages."""
    there: Counter[str] = Counter()
    found: Counter[str] = Counter()
    false: Counter[str] = Counter()
    caught = alarms = 0
    for message in messages:
        finding = scan(_written(message))
        codes = set(finding.codes)
        there.update(message.codes)
        found.update(message.codes & codes)
        caught += bool(message.codes) and message.codes <= codes
        if not message.codes:
            false.update(codes)
            alarms += finding.verdict != "pass"
    leaks = sum(bool(message.codes) for message in messages)
    sorts = sorted(set(there) | set(false))
    return Measure(
        seed=seed,
        leaks=leaks,
        caught=caught,
        harmless=len(messages) - leaks,
        alarms=alarms,
        sorts=tuple(SortMeasure(code, there[code], found[code], false[code]) for code in sorts),
    )


def _written(message: Labelled) -> Written:
    return Written(
        text=message.text,
        names=message.names,
        domains=(DOMAIN,),
        file_names=message.file_names,
        sent_lately=message.sent_lately,
    )
