"""Triggers, from where they are found to the run that each becomes.

1. `Runner.take_entry` puts the triggers of an entry into the queue, `take_times` those of schedules, and
   `take_open_calls` the calls that a crash left behind.
2. `Runner.advance` runs what waits for one contract, in order; under several keys at once, where the contract is
   ordered by key.

A trigger leaves the queue once its run is on the ledger. What cannot be run now (all workers busy, a full disk) is
tried again after growing pauses, and what can never be run is skipped by an entry that says so.

MISSED: a schedule that was due while the node was down, or while the contract was paused, is run once when that is
over, for the last time that it was due.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import msgspec

from telesphor.capabilities.contracts.desk import ContractDesk, Ready
from telesphor.capabilities.contracts.documents import open_input, seal_input
from telesphor.capabilities.contracts.effects.desk import EffectDesk
from telesphor.capabilities.contracts.effects.model import CASCADE_MAX, DEPTH_MAX, SkipCause
from telesphor.capabilities.contracts.execution import key_of
from telesphor.capabilities.contracts.manifest import Manifest
from telesphor.capabilities.contracts.model import (
    CallId,
    ContractId,
    ContractResting,
    ContractRow,
    DocumentForgotten,
)
from telesphor.capabilities.contracts.runner.queue import ReactionQueue
from telesphor.capabilities.contracts.runner.subscriptions import Subscriptions, show_entry
from telesphor.capabilities.contracts.schedule import parse_cron
from telesphor.kernel.canonical import NotCanonical
from telesphor.kernel.clock import Clock, format_instant, parse_instant
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import Recorded
from telesphor.runtime.telemetry import log

RUN_TOGETHER_MAX = 64
"""Triggers of one contract looked at together: enough to find other keys to run beside the first."""

KEYS_AT_ONCE = 4
"""Runs at the same time under different keys: twice the workers, so that none waits for the ledger."""

OPEN_CALLS_MAX = 256

PAUSE_MS_MIN = 500
PAUSE_MS_MAX = 60_000


class _Skip(Exception):
    """This trigger can never be run."""

    def __init__(self, cause: SkipCause) -> None:
        super().__init__(cause)
        self.cause = cause


class Runner:
    """Finds and runs triggers. Safe between threads, one contract in one thread at a time.

    Args:
        open_entries: a reader of committed entries, for one thread.
        nonce: 22 random characters, for the document of a trigger.
    """

    def __init__(
        self,
        desk: ContractDesk,
        effects: EffectDesk,
        *,
        queue: ReactionQueue,
        subscriptions: Subscriptions,
        open_entries: Callable[[], EntryReader],
        clock: Clock,
        nonce: Callable[[], str],
    ) -> None:
        self._desk = desk
        self._effects = effects
        self._queue = queue
        self._subscriptions = subscriptions
        self._open_entries = open_entries
        self._clock = clock
        self._nonce = nonce
        self._keys = ThreadPoolExecutor(KEYS_AT_ONCE, thread_name_prefix="contract-key")
        self._pauses: dict[str, tuple[int, int]] = {}
        self._guard = threading.Lock()

    def close(self) -> None:
        """Finish the runs at hand."""
        self._keys.shutdown()

    def take_entry(self, entry: Recorded) -> None:
        """Put the triggers of an entry into the queue; they are durable there on return."""
        for contract in self._subscriptions.contracts_for(entry):
            self._queue.put_trigger(contract, f"entry:{entry.position}")

    def take_times(self) -> bool:
        """Put the triggers of schedules that are due into the queue; whether there were any."""
        now_ms, found = self._clock.now_ms(), False
        for row, version, rule in self._subscriptions.schedules():
            cron, kept = parse_cron(rule.cron), self._queue.schedule(row.contract, rule.name)
            if kept is None or kept.cron != rule.cron:
                # New, or another schedule by the same name: it begins with the manifest that has it.
                next_ms = cron.next_after(parse_instant(version.at))
                self._queue.put_schedule(row.contract, rule.name, cron=rule.cron, next_ms=next_ms)
            else:
                next_ms = kept.next_ms
            if next_ms <= now_ms:
                due = cron.last_until(now_ms)
                trigger = f"schedule:{rule.name}:{due}"
                self._queue.put_schedule(
                    row.contract, rule.name, cron=rule.cron, next_ms=cron.next_after(now_ms), trigger=trigger
                )
                found = True
        return found

    def take_open_calls(self) -> None:
        """Put calls that were noted and not run into the queue."""
        for call in self._desk.open_calls(limit=OPEN_CALLS_MAX):
            try:
                self._queue.put_trigger(self._desk.ready_call(call).contract, f"call:{call}")
            except DocumentForgotten as error:
                log.warning("call cannot be run", code=error.code, detail=call)

    def waiting(self) -> list[str]:
        """The contracts for which something waits whose time has come."""
        now_ms = self._clock.now_ms()
        with self._guard:
            pauses = dict(self._pauses)
        return [name for name in self._queue.contracts_waiting() if pauses.get(name, (0, 0))[1] <= now_ms]

    def advance(self, contract: str) -> bool:
        """Run what waits for a contract; whether anything was finished."""
        row = self._subscriptions.contract(contract)
        if row is None or row.state == "retired":
            self._queue.remove_contract(contract)
            return True
        manifest = self._subscriptions.manifest(row.manifest)
        if row.state == "paused" or manifest is None:
            self._pause(contract, PAUSE_MS_MIN, failures=0)
            return False
        names = self._queue.first_triggers(contract, limit=RUN_TOGETHER_MAX)
        groups = self._group(row, manifest, names)
        if len(groups) == 1:
            finished = [self._run_group(row.contract, group) for group in groups]
        else:
            finished = list(self._keys.map(lambda group: self._run_group(row.contract, group), groups))
        if all(done == len(group) for done, group in zip(finished, groups, strict=True)):
            with self._guard:
                self._pauses.pop(contract, None)
        else:
            self._pause_longer(contract)
        return sum(finished) > 0 or len(names) > sum(map(len, groups))

    def _group(self, row: ContractRow, manifest: Manifest, names: list[str]) -> list[list[Ready]]:
        """What can be run, in order within each key; what cannot is skipped."""
        groups: dict[str, list[Ready]] = {}
        for name in names:
            try:
                ready = self._ready(row.contract, name)
            except _Skip as skip:
                self._skip(row.contract, name, skip.cause)
                continue
            trigger = msgspec.json.decode(open_input(ready.input.data).trigger)
            groups.setdefault(key_of(manifest, trigger) or "", []).append(ready)
        return list(groups.values())

    def _run_group(self, contract: ContractId, group: list[Ready]) -> int:
        """Run triggers one after the other until one cannot be run now; how many were finished."""
        for done, ready in enumerate(group):
            try:
                self._desk.perform(ready)
            except DocumentForgotten:
                self._skip(contract, ready.trigger, "forgotten")
                continue
            except ContractResting:
                return done
            except Exception as error:  # noqa: BLE001  one contract's trouble is not another's
                code = error.code if isinstance(error, TelesphorError) else type(error).__name__
                log.warning("trigger waits", code=code, detail=f"{contract} {ready.trigger}")
                return done
            self._queue.remove_trigger(contract, ready.trigger)
        return len(group)

    def _skip(self, contract: ContractId, trigger: str, cause: SkipCause) -> None:
        self._effects.skip_trigger(contract, trigger, cause)
        self._queue.remove_trigger(contract, trigger)

    def _ready(self, contract: ContractId, name: str) -> Ready:
        """A trigger with the document that says what it is."""
        kind, *rest = name.split(":")
        try:
            if kind == "call":
                return self._desk.ready_call(CallId(rest[0]))
            if kind == "entry":
                trigger = self._entry_trigger(int(rest[0]))
                return Ready(contract, name, "entry", seal_input("entry", trigger, salt=self._nonce()))
            due = format_instant(int(rest[1]))
            trigger = {"kind": "schedule", "at": due, "schedule": {"name": rest[0], "due": due}}
            return Ready(contract, name, "schedule", seal_input("schedule", trigger, salt=self._nonce()))
        except DocumentForgotten as error:
            raise _Skip("forgotten") from error
        except (LimitExceeded, NotCanonical) as error:
            raise _Skip("too-large") from error

    def _entry_trigger(self, position: int) -> dict[str, object]:
        cause = self._effects.cause_of(position)
        if cause is not None and cause.depth >= DEPTH_MAX:
            raise _Skip("depth")
        if cause is not None and self._effects.count_chain(cause.root) >= CASCADE_MAX:
            raise _Skip("cascade")
        with closing(self._open_entries()) as entries:
            entry = entries.entry(position)
        return {"kind": "entry", "at": entry.at, "entry": show_entry(entry)}

    def _pause_longer(self, contract: str) -> None:
        with self._guard:
            failures = self._pauses.get(contract, (0, 0))[0]
        self._pause(contract, min(PAUSE_MS_MIN << min(failures, 10), PAUSE_MS_MAX), failures=failures + 1)

    def _pause(self, contract: str, pause_ms: int, *, failures: int) -> None:
        with self._guard:
            self._pauses[contract] = (failures, self._clock.now_ms() + pause_ms)
