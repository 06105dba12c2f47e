"""Contracts with their last runs, their alerts and dead letters; and what waits for connectors.

Runs are found by the search index, newest first. Start at `ContractPages`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from telesphor.capabilities.compliance.desk import Look, Under, WatchDesk
from telesphor.capabilities.compliance.people import Person, find_people
from telesphor.capabilities.contracts.alerts.model import AlertRow
from telesphor.capabilities.contracts.entries import CONTRACT_EXECUTED, CONTRACT_FAILED
from telesphor.capabilities.contracts.listing import (
    count_dead,
    count_open_alerts,
    count_runs,
    dead_letters,
    find_contract,
    newest_alerts,
)
from telesphor.capabilities.contracts.model import ContractMissing, ContractRow
from telesphor.capabilities.contracts.service import list_contracts
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.capability import Actor

RUNS_SHOWN: Final = 50
ALERTS_SHOWN: Final = 50


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run: where it stands, what triggered it, how it came out; `cause` is why it failed, or empty."""

    position: int
    at: str
    trigger: str
    outcome: str
    cause: str


class ContractLine(msgspec.Struct, frozen=True, kw_only=True):
    """A contract and how it does; `alerts` are those that nobody acknowledged."""

    contract: str
    name: str
    version: int
    state: str
    deployed_by: Person
    runs: int
    failed: int
    dead: int
    alerts: int
    last: Run | None


class ContractsPage(msgspec.Struct, frozen=True, kw_only=True):
    """All contracts, retired ones too, oldest first."""

    look: Look
    contracts: tuple[ContractLine, ...]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An effect that could not be carried out and waits for a person."""

    execution: int
    index: int
    code: str


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert; `about` are ids."""

    alert: str
    level: str
    code: str
    about: tuple[str, ...]
    raised_at: str
    acknowledged_by: Person | None
    acknowledged_at: str | None


class ContractPage(msgspec.Struct, frozen=True, kw_only=True):
    """One contract with its newest runs and alerts, and all its dead letters."""

    look: Look
    contract: ContractLine
    runs: tuple[Run, ...]
    dead: tuple[DeadLetter, ...]
    alerts: tuple[AlertView, ...]


class ConnectorLine(msgspec.Struct, frozen=True, kw_only=True):
    """A connector, and the messages that wait for it."""

    name: str
    kind: str
    waiting: int
    oldest_execution: int | None
    attempts_max: int


class ConnectorsPage(msgspec.Struct, frozen=True, kw_only=True):
    """All connectors, by name, and what waits in all."""

    look: Look
    connectors: tuple[ConnectorLine, ...]
    triggers_waiting: int
    sends_waiting: int
    dead: int


class Waiting(NamedTuple):
    """What the queue of reactions holds.

    Attributes:
        by_connector: how many messages, the oldest run among them, and the most attempts at one.
    """

    triggers: int
    sends: int
    by_connector: Mapping[str, tuple[int, int, int]]


class ContractPages:
    """The contracts of one node.

    Args:
        waiting: what waits now.
        connectors: the kind of each connector, by name, as the settings know them.
    """

    def __init__(
        self, desk: WatchDesk, *, waiting: Callable[[], Waiting], connectors: Mapping[str, str]
    ) -> None:
        self._desk = desk
        self._waiting = waiting
        self._connectors = connectors

    def contracts(self, actor: Actor, watch: str) -> ContractsPage:
        """Return all contracts; raises what `WatchDesk.under` and `note` raise."""
        with self._desk.under(actor, watch, scope="administration") as under:
            self._desk.index.wait_for(under.size)
            lines = self._lines(list_contracts(under.state.db), under)
        return ContractsPage(look=self._desk.note(under, "contracts", count=len(lines)), contracts=lines)

    def contract(self, actor: Actor, watch: str, contract: str) -> ContractPage:
        """Return one contract; raises `ContractMissing`, and as `contracts`."""
        with self._desk.under(actor, watch, scope="administration") as under:
            row = find_contract(under.state.db, contract)
            if row is None:
                raise ContractMissing(f"no contract `{contract}` was deployed")
            self._desk.index.wait_for(under.size)
            (line,) = self._lines([row], under)
            runs = self._runs(row.contract, under, count=RUNS_SHOWN)
            alerts = newest_alerts(under.state.db, row.contract, count_max=ALERTS_SHOWN)
            dead = [one for one in dead_letters(under.state.db) if one.contract == row.contract]
            people = find_people(
                [one.acknowledged_by for one in alerts],
                under.state,
                names=self._desk.names,
                named="everybody",
            )
        return ContractPage(
            look=self._desk.note(under, "contract", count=len(runs)),
            contract=line,
            runs=runs,
            dead=tuple(DeadLetter(execution=one.execution, index=one.number, code=one.code) for one in dead),
            alerts=tuple(_alert(one, people) for one in alerts),
        )

    def connectors(self, actor: Actor, watch: str) -> ConnectorsPage:
        """Return what waits for each connector; raises as `contracts`."""
        with self._desk.under(actor, watch, scope="administration") as under:
            waiting = self._waiting()
            dead = count_dead(under.state.db)
        names = sorted({*self._connectors, *waiting.by_connector})
        lines = tuple(_connector(name, self._connectors.get(name, "gone"), waiting) for name in names)
        look = self._desk.note(under, "connectors", count=len(lines))
        return ConnectorsPage(
            look=look,
            connectors=lines,
            triggers_waiting=waiting.triggers,
            sends_waiting=waiting.sends,
            dead=dead,
        )

    def _lines(self, rows: Iterable[ContractRow], under: Under) -> tuple[ContractLine, ...]:
        rows = tuple(rows)
        db = under.state.db
        dead = Counter(one.contract for one in dead_letters(db))
        people = find_people(
            [row.deployed_by for row in rows], under.state, names=self._desk.names, named="everybody"
        )
        lines = []
        for row in rows:
            runs, failed = count_runs(db, row.contract)
            last = self._runs(row.contract, under, count=1)
            lines.append(
                ContractLine(
                    contract=row.contract,
                    name=row.name,
                    version=row.version,
                    state=row.state,
                    deployed_by=people[row.deployed_by],
                    runs=runs,
                    failed=failed,
                    dead=dead[row.contract],
                    alerts=count_open_alerts(db, row.contract),
                    last=last[0] if last else None,
                )
            )
        return tuple(lines)

    def _runs(self, contract: str, under: Under, *, count: int) -> tuple[Run, ...]:
        """The newest of both outcomes, merged."""
        end = min(self._desk.index.indexed, under.size)
        positions: list[int] = []
        for kind in (CONTRACT_EXECUTED, CONTRACT_FAILED):
            terms = (("stream", f"contract/{contract}"), ("type", kind.name))
            positions += self._desk.index.search(terms, first=0, end=end, limit=count).positions
        newest = sorted(positions, reverse=True)[:count]
        return tuple(_run(under.reader.entry(position)) for position in newest)


def _run(entry: RecordedEntry) -> Run:
    failed = entry.type == CONTRACT_FAILED.name
    return Run(
        position=entry.position,
        at=entry.at,
        trigger=entry.body.trigger,
        outcome="failed" if failed else "executed",
        cause=str(entry.body.cause) if failed else "",
    )


def _alert(one: AlertRow, people: Mapping[str, Person]) -> AlertView:
    return AlertView(
        alert=one.alert,
        level=one.level,
        code=one.code,
        about=one.about,
        raised_at=one.raised_at,
        acknowledged_by=None if one.acknowledged_by is None else people[one.acknowledged_by],
        acknowledged_at=one.acknowledged_at,
    )


def _connector(name: str, kind: str, waiting: Waiting) -> ConnectorLine:
    count, oldest, attempts = waiting.by_connector.get(name, (0, None, 0))
    return ConnectorLine(name=name, kind=kind, waiting=count, oldest_execution=oldest, attempts_max=attempts)
