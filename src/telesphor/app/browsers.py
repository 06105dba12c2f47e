"""What browsers meet, opened for one node: sessions, the live connection, names, invitations, the app's files.

Start at `Browsers`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from telesphor.app.relations import NodeAdministration, NodeHosts, NodeRelations
from telesphor.capabilities.access.tokens.policies import roles_of
from telesphor.capabilities.identity.directory.capability import CAPABILITY as DIRECTORY
from telesphor.capabilities.identity.directory.directory import Directory
from telesphor.capabilities.identity.directory.routes import routes as directory_routes
from telesphor.capabilities.identity.directory.service import DirectoryDesk
from telesphor.capabilities.identity.entries import (
    ACTOR_KEY_ROTATED,
    ACTOR_PAUSED,
    ACTOR_RECOVERED,
    ACTOR_RETIRED,
    ACTOR_SUSPENDED,
)
from telesphor.capabilities.identity.invitations.capability import invitations_capability
from telesphor.capabilities.identity.invitations.desk import LinkDesk, Say
from telesphor.capabilities.identity.invitations.routes import routes as invitation_routes
from telesphor.capabilities.identity.sessions.capability import sessions_capability
from telesphor.capabilities.identity.sessions.routes import Who
from telesphor.capabilities.identity.sessions.routes import routes as session_routes
from telesphor.capabilities.identity.sessions.service import check_standing
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import IdSource, parse_stream
from telesphor.ledger.snapshot import Snapshot
from telesphor.runtime.capability import Actor, Body, Capability, CommandType, Receipt, Recorded
from telesphor.runtime.folder import NodeFolder, NodeKeys
from telesphor.runtime.http import RawHandler
from telesphor.runtime.jobs import Periodic
from telesphor.runtime.live import LIVE_PATH, Hub
from telesphor.runtime.sessions import Sessions
from telesphor.runtime.settings import Settings
from telesphor.runtime.tickets import Tickets
from telesphor.vault.store import LedgerView

SWEEP_SECONDS: Final = 5.0
"""How long after its idle end a session's live connection may still be open."""

KEYS_CHANGED: Final = frozenset(
    one.name for one in (ACTOR_PAUSED, ACTOR_KEY_ROTATED, ACTOR_RECOVERED, ACTOR_RETIRED, ACTOR_SUSPENDED)
)
"""Entries after which somebody's sessions no longer stand on anything."""


class Browsers:
    """The parts of one node that browsers meet.

    Args:
        ledger: the committed state tables.
        tickets: where `session.open/1` puts its grants.
        record: records the node's own word.
        say: has the node ask for commands in a request that it signs.
        administration: the rules about persons who administer.
        is_stranger: whether a system belongs to another organisation.
        stack: closes the directory.
    """

    def __init__(
        self,
        folder: NodeFolder,
        settings: Settings,
        keys: NodeKeys,
        *,
        ledger: LedgerView,
        tickets: Tickets,
        record: Callable[[CommandType, Body], Receipt],
        say: Say,
        administration: NodeAdministration,
        is_stranger: Callable[[str], bool],
        clock: Clock,
        ids: IdSource,
        stack: ExitStack,
    ) -> None:
        self._ledger, self._clock, self._ids = ledger, clock, ids
        self._administration, self._is_stranger = administration, is_stranger
        site = settings.site or settings.origin.partition("/")[0]
        self.sessions = Sessions(
            tickets=tickets,
            clock=clock,
            random=ids.random_bytes,
            standing=self._check_standing,
            idle_seconds=settings.session_idle_seconds,
        )
        self.hub = Hub(self.sessions, ids=ids, site=site)
        self.names = Directory(folder.people_db, keys.recipient)
        stack.callback(self.names.close)
        self.people = DirectoryDesk(
            self.names,
            relations=NodeRelations(),
            record=record,
            reading=self.snapshot,
            changed=self._tell_change,
        )
        self.links = LinkDesk(
            host=site,
            name=settings.display_name,
            say=say,
            record=record,
            reading=self.snapshot,
            clock=clock,
        )

    def capabilities(self) -> tuple[Capability, ...]:
        """What they add to the node, in order."""
        return (
            sessions_capability(self.sessions, is_stranger=self._is_stranger),
            DIRECTORY,
            invitations_capability(hosts=NodeHosts(self._administration), claims=self.links),
        )

    def routes(self) -> list[Any]:
        """Their handlers."""
        return [
            *session_routes(self.sessions, who=self._who),
            *directory_routes(self.people, self.sessions),
            *invitation_routes(self.links, self.sessions),
        ]

    def sockets(self) -> dict[str, RawHandler]:
        """Who answers WebSockets, by path."""
        return {LIVE_PATH: self.hub.serve}

    def at_end(self) -> list[Callable[[], Awaitable[None]]]:
        """What is awaited once the node takes no more requests."""
        return [self.hub.stop]

    def start(self, stack: ExitStack) -> None:
        """End sessions that are due, until `stack` closes."""
        sweeper = Periodic("session-sweep", seconds=SWEEP_SECONDS, work=self.sessions.sweep)
        sweeper.start()
        stack.callback(sweeper.stop)

    def end_sessions(self, entry: Recorded) -> None:
        """Follow the log: an actor's keys changed, and sessions that were begun with others end."""
        self.sessions.end_of(parse_stream(entry.stream)[1])

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The committed state of now, for a view."""
        with self._ledger.reading() as db:
            yield Snapshot(db, clock=self._clock, ids=self._ids)

    def _check_standing(self, actor: Actor) -> None:
        with self._ledger.reading() as db:
            check_standing(db, actor)

    def _who(self, actor: Actor) -> Who:
        with self.snapshot() as state:
            roles = roles_of(state, actor.id)
        return Who(roles, self.names.name_of(actor.id))

    def _tell_change(self, person: str) -> None:
        self.hub.publish([person], {"topic": "people", "event": "changed", "actor": person})
