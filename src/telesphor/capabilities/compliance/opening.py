"""Everything of compliance for one node, put together: `open_compliance`.

`capability()` is what the writer takes; `routes` are the pages; `start` begins to index and to show the log live.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from telesphor.capabilities.access.service import authorise, check_again
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.compliance.administration.contracts import ContractPages, Waiting
from telesphor.capabilities.compliance.administration.health import HealthPages, NodeParts
from telesphor.capabilities.compliance.administration.people import PeoplePages
from telesphor.capabilities.compliance.administration.policies import PolicyPages
from telesphor.capabilities.compliance.blocks import LedgerBlocks
from telesphor.capabilities.compliance.capability import compliance_capability
from telesphor.capabilities.compliance.deciding import Decisions
from telesphor.capabilities.compliance.desk import WatchDesk
from telesphor.capabilities.compliance.exporting import ExportDesk, Exports
from telesphor.capabilities.compliance.factors import FactorPages, Offers
from telesphor.capabilities.compliance.findings import FindingPages
from telesphor.capabilities.compliance.index.index import INDEX_FILE, AuditIndex
from telesphor.capabilities.compliance.live import LiveLog, Publish
from telesphor.capabilities.compliance.mine import OwnPages
from telesphor.capabilities.compliance.people import Names
from telesphor.capabilities.compliance.records import RecordPages
from telesphor.capabilities.compliance.routes import Pages
from telesphor.capabilities.compliance.routes import routes as page_routes
from telesphor.capabilities.compliance.searching import Searches
from telesphor.capabilities.compliance.service import Watches
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import IdSource
from telesphor.ledger.bundles import BundleSource
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.network.standing import Standing
from telesphor.runtime.capability import Body, Capability, CommandType, OnCommit, Receipt
from telesphor.runtime.sessions import Sessions


class Served(NamedTuple):
    """What the pages need of a node that is open, besides what decides.

    Attributes:
        blocks: its blocks.
        standing: the checkpoint at which a position is proven best; it waits for one.
        source: what bundles of this node are made with.
        parts: what its health is made of.
        waiting: what the contracts' queue holds.
        connectors: kinds of the contracts' connectors, by name.
    """

    blocks: LedgerBlocks
    standing: Callable[[int], Standing]
    source: Callable[[], BundleSource]
    parts: NodeParts
    waiting: Callable[[], Waiting]
    connectors: Mapping[str, str]


class Compliance:
    """Compliance of one node.

    Args:
        folder: where the search index is kept.
        open_entries: a reader of committed entries, for one thread.
        record: records the node's own word.
        offers: where credentials wait for their holders.
    """

    def __init__(
        self,
        folder: Path,
        *,
        open_entries: Callable[[], EntryReader],
        record: Callable[[CommandType, Body], Receipt],
        sources: Sources,
        names: Names,
        offers: Offers,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._offers = offers
        self._open_entries = open_entries
        self.exports = Exports(clock=clock)
        self._ids = ids
        self._watches = Watches(
            authorise=partial(authorise, sources=sources), take_export=self.exports.expect
        )
        self._make_desk = partial(
            WatchDesk,
            open_entries=open_entries,
            record=record,
            check_again=partial(check_again, sources=sources),
            names=names,
            clock=clock,
            ids=ids,
        )
        self._index_path = folder / INDEX_FILE
        self._desk: WatchDesk | None = None

    def capability(self) -> Capability:
        """What the writer takes."""
        return compliance_capability(self._watches)

    @property
    def desk(self) -> WatchDesk:
        """The way to every page; opens the search index when it is first asked for."""
        if self._desk is None:
            self._desk = self._make_desk(index=AuditIndex(self._index_path, open_entries=self._open_entries))
        return self._desk

    def routes(self, served: Served, sessions: Sessions) -> list[Any]:
        """The handlers of all pages."""
        desk = self.desk
        searches = Searches(desk)
        exports = ExportDesk(
            desk, self.exports, standing=served.standing, source=served.source, ids=self._ids
        )
        pages = Pages(
            searches=searches,
            decisions=Decisions(desk, served.blocks),
            blocks=served.blocks,
            exports=exports,
            own=OwnPages(desk, searches),
            findings=FindingPages(desk),
            records=RecordPages(desk, served.blocks),
            factors=FactorPages(desk, self._offers),
            people=PeoplePages(desk),
            policies=PolicyPages(desk),
            contracts=ContractPages(desk, waiting=served.waiting, connectors=served.connectors),
            health=HealthPages(desk, served.parts),
        )
        return page_routes(pages, sessions)

    def start(
        self,
        on_commit: OnCommit,
        stack: ExitStack,
        *,
        publish: Publish,
        types: frozenset[str],
    ) -> None:
        """Index what is committed and show it live, until `stack` closes.

        Args:
            types: of all entries that the node records.
            on_commit: has a function called after each batch.
            publish: tells connected people (`runtime.live.Hub.publish`).
        """
        index = self.desk.index
        stack.callback(index.close)
        on_commit(index.follower.wake)
        index.follower.start()
        stack.callback(index.stop)
        with closing(self._open_entries()) as reader:
            size = reader.size()
        live = LiveLog(self.desk, open_entries=self._open_entries, publish=publish, size=size, types=types)
        live.start(on_commit, stack)
