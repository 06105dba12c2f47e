"""An infirmary with an auditor's office: watches, the search index, every page, and the names of its people.

Start at `Office`: `watch` opens one, and `searches`, `decisions`, `own` and the others are the pages themselves. The
index is filled when a test asks for it (`index_all`), in the test's own thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.access.service import authorise, check_again
from telesphor.capabilities.compliance.administration.contracts import ContractPages, Waiting
from telesphor.capabilities.compliance.administration.people import PeoplePages
from telesphor.capabilities.compliance.administration.policies import PolicyPages
from telesphor.capabilities.compliance.blocks import LedgerBlocks
from telesphor.capabilities.compliance.capability import compliance_capability
from telesphor.capabilities.compliance.deciding import Decisions
from telesphor.capabilities.compliance.desk import WatchDesk
from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.exporting import ExportDesk, Exports
from telesphor.capabilities.compliance.index.index import INDEX_FILE, AuditIndex
from telesphor.capabilities.compliance.mine import OwnPages
from telesphor.capabilities.compliance.model import MinutesField, Scope
from telesphor.capabilities.compliance.records import RecordPages
from telesphor.capabilities.compliance.searching import Page, Searches
from telesphor.capabilities.compliance.service import Watches
from telesphor.capabilities.contracts.alerts import capability as alerts
from telesphor.capabilities.contracts.capability import RECORDED as CONTRACTS
from telesphor.capabilities.contracts.effects import capability as effects
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.bundles import UNCONFIRMED, BundleSource
from telesphor.ledger.checkpoints import CheckpointBook, PublishedCheckpoint
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.network.standing import Standing
from telesphor.runtime.capability import Actor, State
from tests.support.trees import TreeInMemory
from tests.unit.capabilities.access.infirmary import Infirmary
from tests.unit.capabilities.world import ORIGIN

ALL = Filter()


class Directory(dict[str, str]):
    """Names in memory."""

    def names_of(self, actors: Iterable[str]) -> dict[str, str]:
        return {actor: self[actor] for actor in actors if actor in self}


class Office(Infirmary):
    """The infirmary's auditors; the privacy officer and the hospital watch over its log."""

    def __init__(self, folder: Path) -> None:
        self.names = Directory()
        self.waiting = Waiting(0, 0, {})
        watches = Watches(
            authorise=lambda actor, ask, state: authorise(actor, ask, state, sources=self.sources),
            take_export=lambda actor, command: self.waiting_files.expect(actor, command),
        )
        recorded = (CONTRACTS, effects.RECORDED, alerts.RECORDED)
        super().__init__(folder, compliance_capability(watches), *recorded)
        self.waiting_files = Exports(clock=self.clock)
        self.index = AuditIndex(folder / INDEX_FILE, open_entries=self.reader)
        self.audit = WatchDesk(
            open_entries=self.reader,
            record=self.record_own_word,
            check_again=self._check_again,
            index=self.index,
            names=self.names,
            clock=self.clock,
            ids=self.ids,
        )
        self.exports = ExportDesk(
            self.audit, self.waiting_files, standing=self._standing, source=self._source, ids=self.ids
        )
        self.book = CheckpointBook(folder / "published.sqlite")
        self.blocks = LedgerBlocks(origin=ORIGIN, book=self.book, status=None)
        self.searches = Searches(self.audit)
        self.decisions = Decisions(self.audit, self.blocks)
        self.own = OwnPages(self.audit, self.searches)
        self.records = RecordPages(self.audit, self.blocks)
        self.people = PeoplePages(self.audit)
        self.policies = PolicyPages(self.audit)
        self.contracts = ContractPages(
            self.audit, waiting=lambda: self.waiting, connectors={"archive": "folder"}
        )

    def reader(self) -> EntryReader:
        """Another reader of what is committed."""
        return EntryReader(self.path, self.registry)

    def actor(self, wallet: Wallet) -> Actor:
        """Somebody as its session says."""
        return Actor(wallet.actor, wallet.kind, wallet.signing_key.public.key_id)

    def watch(
        self,
        wallet: Wallet,
        *,
        scope: Scope = "log",
        subject: str | None = None,
        minutes: MinutesField = 60,
        live: bool = False,
    ) -> str:
        """Open a watch; returns its id."""
        watch = self.ids.next()
        body = {"watch": watch, "scope": scope, "subject": subject, "minutes": minutes, "live": live}
        self.ask(wallet, ("audit.watch/1", body))
        return watch

    def index_all(self) -> None:
        """Have the index take in all that is committed."""
        with closing(self.reader()) as source:
            while self.index.follower.advance(source):
                pass

    def search(self, wallet: Wallet, watch: str, filter: Filter = ALL, *, rows: int = 50) -> Page:
        """Search all there is."""
        self.index_all()
        return self.searches.search(self.actor(wallet), watch, filter, rows=rows)

    def code_of(self, call: Any, *args: Any, **named: Any) -> str:
        """The code by which a page is refused, which then leaves nothing."""
        before = len(self.entries())
        with pytest.raises(TelesphorError) as caught:
            call(*args, **named)
        assert self.entries()[before:] == []
        return caught.value.code

    def sign_checkpoint(self) -> int:
        """Have the newest entries in a checkpoint; returns its size."""
        standing = self._standing(0)
        self.book.add(PublishedCheckpoint(standing.size, self.clock.now_ms(), standing.note))
        return standing.size

    def close(self) -> None:
        self.index.close()
        self.book.close()
        super().close()

    def _check_again(self, actor: Actor, ask: Any, state: State) -> None:
        check_again(actor, ask, state, sources=self.sources)

    def _standing(self, _position: int) -> Standing:
        self.tree = TreeInMemory(self.entries())
        made = self.tree.checkpoint(self.log, at_ms=self.clock.now_ms())
        return Standing(made.size, made.note, UNCONFIRMED)

    def _source(self) -> BundleSource:
        return BundleSource(ORIGIN, self.log.vkeys(), self.tree, self.node.signing_key)


def positions_of(page: Any) -> list[int]:
    """Positions of a page's rows."""
    return [row.position for row in page.rows]
