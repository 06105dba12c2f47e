"""What waits: triggers that were found and not run yet, messages that were not sent yet, times that are due.

Each change is durable when its function returns. Nothing here is more than ids, and the cursors of those who fill it
are here too: when the file is lost, all of it is found again in the log, and what the ledger says was done is not
done again.
"""

from __future__ import annotations

import threading
from pathlib import Path

from telesphor.capabilities.contracts.runner import store
from telesphor.capabilities.contracts.runner.store import ScheduleRow, SendRow
from telesphor.runtime.database import open_database, storage_errors, transaction

CACHE_KIB = 1024


class ReactionQueue:
    """The queue of one node, with its followers' cursors (`runtime.jobs.Cursors`). Safe between threads."""

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, cache_kib=CACHE_KIB)
        self._lock = threading.Lock()
        store.create_tables(self._db)

    def put_trigger(self, contract: str, name: str) -> None:
        """Put a trigger at the end, unless it waits already."""
        with self._lock, storage_errors():
            store.put_trigger(self._db, contract=contract, name=name)

    def first_triggers(self, contract: str, *, limit: int) -> list[str]:
        """The names of a contract's triggers, first come first."""
        with self._lock:
            return store.first_triggers(self._db, contract, limit=limit)

    def contracts_waiting(self) -> list[str]:
        """The contracts that have triggers."""
        with self._lock:
            return store.contracts_waiting(self._db)

    def remove_trigger(self, contract: str, name: str) -> None:
        """Remove a trigger that was run, or will not be."""
        with self._lock, storage_errors():
            store.remove_trigger(self._db, contract=contract, name=name)

    def remove_contract(self, contract: str) -> None:
        """Remove all of a contract that is retired."""
        with self._lock, storage_errors(), transaction(self._db):
            store.remove_contract(self._db, contract)

    def put_send(self, row: SendRow) -> None:
        """Put a message among those that wait, unless it waits already."""
        with self._lock, storage_errors():
            store.put_send(self._db, row)

    def connectors_due(self, now_ms: int) -> list[str]:
        """The connectors that have something to send now."""
        with self._lock:
            return store.connectors_due(self._db, now_ms)

    def due_sends(self, connector: str, *, now_ms: int, limit: int) -> list[SendRow]:
        """Messages to send now: of each contract and key the first, if its time has come."""
        with self._lock:
            return store.due_sends(self._db, connector, now_ms=now_ms, limit=limit)

    def postpone_send(self, row: SendRow, *, next_ms: int) -> None:
        """Note an attempt that failed, and when the next one is."""
        with self._lock, storage_errors():
            store.postpone_send(self._db, row, next_ms=next_ms)

    def remove_send(self, row: SendRow) -> None:
        """Remove a message that is settled."""
        with self._lock, storage_errors():
            store.remove_send(self._db, row)

    def schedule(self, contract: str, name: str) -> ScheduleRow | None:
        """When a schedule is due, if that was kept."""
        with self._lock:
            return store.find_schedule(self._db, contract=contract, name=name)

    def put_schedule(
        self, contract: str, name: str, *, cron: str, next_ms: int, trigger: str | None = None
    ) -> None:
        """Keep when a schedule is due next; and at once, where it was due, put its trigger at the end."""
        with self._lock, storage_errors(), transaction(self._db):
            if trigger is not None:
                store.put_trigger(self._db, contract=contract, name=trigger)
            store.put_schedule(self._db, contract=contract, name=name, cron=cron, next_ms=next_ms)

    def cursor(self, follower: str) -> int:
        """Position up to which a follower has worked."""
        with self._lock:
            return store.cursor_of(self._db, follower)

    def move_cursor(self, follower: str, position: int) -> None:
        """Keep a follower's position; durable on return."""
        with self._lock, storage_errors():
            store.put_cursor(self._db, follower, position)

    def counts(self) -> tuple[int, int]:
        """How many triggers and how many messages wait."""
        with self._lock:
            return store.count_waiting(self._db)

    def waiting_sends(self) -> dict[str, tuple[int, int, int]]:
        """By connector: how many messages wait, the oldest run among them, and the most attempts at one."""
        with self._lock:
            return {name: tuple(rest) for name, *rest in store.waiting_by_connector(self._db)}  # type: ignore[misc]

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()
