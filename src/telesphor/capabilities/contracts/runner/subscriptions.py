"""Which contracts react to an entry, or to a time, as their manifests say.

An entry triggers a contract when the manifest that was in force just before it names it; so what is triggered
does not hang on when the log is read. A contract that is retired by then is triggered no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import apsw
import msgspec

from telesphor.capabilities.contracts import store
from telesphor.capabilities.contracts.desk import ReadDocument
from telesphor.capabilities.contracts.execution import matches
from telesphor.capabilities.contracts.manifest import Manifest, OnEntry, OnSchedule, parse_manifest
from telesphor.capabilities.contracts.model import ContractId, ContractRow
from telesphor.capabilities.contracts.store import VersionRow
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.capability import Recorded
from telesphor.runtime.telemetry import log


class Subscriptions:
    """The manifests in force, at any position. Safe between threads.

    Args:
        open_db: opens a read-only connection to the state tables.
    """

    def __init__(self, *, open_db: Callable[[], apsw.Connection], read_document: ReadDocument) -> None:
        self._open_db = open_db
        self._db: apsw.Connection | None = None
        self._read_document = read_document
        self._manifests: dict[str, Manifest | None] = {}
        self._versions: list[VersionRow] = []
        self._lock = threading.Lock()

    def types(self) -> frozenset[str]:
        """The types of entries that any contract reacts to, by any of its manifests; as of now."""
        with self._lock:
            self._db = self._db or self._open_db()  # kept: this is asked after every batch
            self._versions = store.versions(self._db)
            return frozenset(
                rule.type for version in self._versions for rule in self._rules(version, OnEntry)
            )

    def contracts_for(self, entry: Recorded) -> list[ContractId]:
        """The contracts that an entry triggers; `types` was asked since the entry was committed."""
        with self._lock:
            in_force = {
                version.contract: version for version in self._versions if version.position < entry.position
            }
            shown = show_entry(entry)
            return [
                contract
                for contract, version in in_force.items()
                if any(matches(rule, shown) for rule in self._rules(version, OnEntry))
            ]

    def schedules(self) -> Iterator[tuple[ContractRow, VersionRow, OnSchedule]]:
        """The schedules of the contracts that run now, each with the manifest's own row."""
        with closing(self._open_db()) as db:
            versions = {version.contract: version for version in store.versions(db)}
            rows = [store.find_contract(db, contract) for contract in versions]
        for row in rows:
            if row is not None and row.state == "deployed":
                for rule in self._rules(versions[row.contract], OnSchedule):
                    yield row, versions[row.contract], rule

    def contract(self, contract: str) -> ContractRow | None:
        """A contract as it is now."""
        with closing(self._open_db()) as db:
            return store.find_contract(db, contract)

    def manifest(self, digest: str) -> Manifest | None:
        """A manifest by its digest; None when it is not kept, or is one no more."""
        if digest not in self._manifests:
            data = self._read_document(digest)
            try:
                self._manifests[digest] = None if data is None else parse_manifest(data)
            except TelesphorError as error:
                log.error("manifest cannot be read", code=error.code, detail=digest)
                self._manifests[digest] = None
        return self._manifests[digest]

    def close(self) -> None:
        """Close what `types` has opened."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _rules(self, version: VersionRow, kind: type[Any]) -> list[Any]:
        manifest = self.manifest(version.manifest)
        return [] if manifest is None else [rule for rule in manifest.triggers if isinstance(rule, kind)]


def show_entry(entry: Recorded) -> dict[str, object]:
    """An entry as a contract sees it: exactly what stands on the ledger, without salt and evidence."""
    said = msgspec.json.decode(entry.data)
    shown: dict[str, object] = {name: said[name] for name in ("type", "stream", "actor", "body")}
    shown["position"] = entry.position
    return shown
