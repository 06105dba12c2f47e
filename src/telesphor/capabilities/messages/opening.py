"""Messages opened for one node: the shelf, the commands, the routes, the follower, the job. Start at `Messages`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from telesphor.capabilities.messages.capability import messages_capability
from telesphor.capabilities.messages.desk import NAMES_MAX, MessageDesk
from telesphor.capabilities.messages.envelopes.shelf import ENVELOPES_FILE, Shelf
from telesphor.capabilities.messages.finding import Authorise
from telesphor.capabilities.messages.live import LiveMessages, Publisher
from telesphor.capabilities.messages.model import ExportGrant
from telesphor.capabilities.messages.retention import RUN_SECONDS, Retention
from telesphor.capabilities.messages.routes import routes
from telesphor.capabilities.messages.views import MessageViews, Names
from telesphor.kernel.clock import Clock
from telesphor.runtime.capability import Body, Capability, CommandType, Receipt, Recorded
from telesphor.runtime.jobs import Periodic
from telesphor.runtime.readers import Readers
from telesphor.runtime.sessions import Sessions
from telesphor.vault.vault import Vault


class Messages:
    """The messages of one node.

    Args:
        folder: the node's folder.
        authorise: the rules of access.
        record: records one command as the node's own word.
        open_db: opens a read-only connection to the ledger's tables.
        names: what people are called.
        hub: the live connections.
        stack: closes what is opened here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        authorise: Authorise,
        record: Callable[[CommandType, Body], Receipt],
        open_db: Callable[[], apsw.Connection],
        vault: Vault,
        names: Names,
        hub: Publisher,
        clock: Clock,
        stack: ExitStack,
    ) -> None:
        self._authorise, self._tickets = authorise, vault.tickets
        self.shelf = Shelf(folder / ENVELOPES_FILE, open_db=open_db, clock=clock)
        stack.callback(self.shelf.close)
        readers = Readers(open_db)
        stack.callback(readers.close)
        self.views = MessageViews(reading=readers.reading, names=names)
        self.desk = MessageDesk(
            shelf=self.shelf,
            reading=readers.reading,
            names_of_patients=partial(self.views.names_of_patients, count_max=NAMES_MAX),
            clock=clock,
        )
        self._live = LiveMessages(hub, reading=readers.reading)
        self.retention = Retention(record=record, open_db=open_db, shelf=self.shelf, vault=vault, clock=clock)

    def capability(self) -> Capability:
        """What decides."""
        return messages_capability(authorise=self._authorise, tickets=self._tickets, shelf=self.shelf)

    def routes(self, *, sessions: Sessions, make_export: Callable[[ExportGrant], bytes]) -> list[Any]:
        """The handlers; `make_export` makes the file of an export, by `exporting.export_thread`."""
        return routes(
            self.desk, self.views, tickets=self._tickets, sessions=sessions, make_export=make_export
        )

    def follow(self, entry: Recorded) -> None:
        """What the follower `live.FOLLOWER` does with each entry of the types `live.FOLLOWED`."""
        self._live.handle(entry)

    def start(self, stack: ExitStack) -> None:
        """Have retention run now and then; the writer takes commands already."""
        job = Periodic("messages-retention", seconds=RUN_SECONDS, work=self._run)
        job.start()
        stack.callback(job.stop)

    def _run(self) -> None:
        self.retention.run()
