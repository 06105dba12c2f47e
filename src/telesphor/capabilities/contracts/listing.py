"""How contracts do: counts of runs, what waits, alerts; for other capabilities that show them.

Start at `count_runs`.
"""

from __future__ import annotations

from typing import Final

import apsw

from telesphor.capabilities.contracts import store
from telesphor.capabilities.contracts.alerts import store as alert_store
from telesphor.capabilities.contracts.alerts.model import AlertRow
from telesphor.capabilities.contracts.effects import store as effect_store
from telesphor.capabilities.contracts.effects.model import EffectRow
from telesphor.capabilities.contracts.model import ContractRow

RUNS_COUNTED_MAX: Final = 100_000
"""Of one contract: some milliseconds of counting; beyond, this many is said."""

DEAD_SHOWN_MAX: Final = 1_000
"""Dead letters of all contracts together; each waits for a person, who first deals with these."""


def find_contract(db: apsw.Connection, contract: str) -> ContractRow | None:
    """Return a contract, retired or not, if it was deployed."""
    return store.find_contract(db, contract)


def count_runs(db: apsw.Connection, contract: str) -> tuple[int, int]:
    """Return how often a contract ran, and how often it failed; of at most `RUNS_COUNTED_MAX` runs."""
    return store.count_runs(db, contract, count_max=RUNS_COUNTED_MAX)


def dead_letters(db: apsw.Connection) -> list[EffectRow]:
    """Return the dead letters of all contracts, oldest first, at most `DEAD_SHOWN_MAX`."""
    return effect_store.dead_effects(db, limit=DEAD_SHOWN_MAX)


def count_dead(db: apsw.Connection) -> int:
    """Return how many dead letters there are."""
    return effect_store.count_dead(db)


def newest_alerts(db: apsw.Connection, contract: str, *, count_max: int) -> list[AlertRow]:
    """Return alerts that a contract raised, the newest first."""
    return alert_store.newest_alerts(db, contract, limit=count_max)


def count_open_alerts(db: apsw.Connection, contract: str) -> int:
    """Return how many alerts of a contract nobody has acknowledged."""
    return alert_store.count_open_alerts(db, contract)
