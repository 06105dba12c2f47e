"""Visits as people live them, opened for one node: what decides, what is shown and told live, and the room's relay.

Start at `Visiting`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from telesphor.app.browsers import Browsers
from telesphor.app.relations import NodeInvitations
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.identity.service import find_actor, kem_of, verify_key_of
from telesphor.capabilities.visits.capability import visits_capability
from telesphor.capabilities.visits.life.live import VisitNews
from telesphor.capabilities.visits.life.model import SeatRow, SeatState
from telesphor.capabilities.visits.life.routes import routes as view_routes
from telesphor.capabilities.visits.life.service import find_seats
from telesphor.capabilities.visits.life.views import VisitViews
from telesphor.capabilities.visits.signalling.desk import SignallingDesk
from telesphor.capabilities.visits.signalling.ice import IceServers, check_secret, read_secret
from telesphor.capabilities.visits.signalling.model import Participant
from telesphor.kernel import base64url
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import VisitId
from telesphor.runtime.capability import Capability, Recorded
from telesphor.runtime.settings import Settings
from telesphor.vault import service as vault_service
from telesphor.vault.vault import Vault

FOLLOWER = "visit-news"


class Visiting:
    """The visits of one node.

    Args:
        folder: the node's; a relative path in its settings begins there.
        read_document: a committed document by its digest.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        folder: Path,
        vault: Vault,
        browsers: Browsers,
        sources: Sources,
        read_document: Callable[[str], bytes | None],
        clock: Clock,
    ) -> None:
        self._vault, self._sessions, self._sources = vault, browsers.sessions, sources
        self._relay = SignallingDesk(admitted=self._admitted, clock=clock, ice=servers_of(settings, folder))
        self._relay.attach(browsers.hub)
        reading = vault.ledger.reading
        self._views = VisitViews(
            reading=reading, names=browsers.people, clock=clock, read_document=read_document
        )
        self._news = VisitNews(
            reading=reading,
            publish=browsers.hub.publish,
            clock=clock,
            is_connected=browsers.hub.is_connected,
            changed=self._relay.changed,
        )

    def capability(self) -> Capability:
        """What decides."""
        return visits_capability(
            decide_read=partial(vault_service.decide_read, vault=self._vault),
            tickets=self._vault.tickets,
            sources=self._sources,
            invitations=NodeInvitations(),
        )

    def routes(self) -> list[Any]:
        """The handlers of what is shown."""
        return view_routes(self._views, sessions=self._sessions)

    def follow(self, entry: Recorded) -> None:
        """Tell of an entry of the types `LIVE_TYPES`."""
        self._news.handle(entry)

    def _admitted(self, visit: VisitId) -> tuple[Participant, ...]:
        """Who is in the room now, with the keys that the others seal to and verify by."""
        with self._vault.ledger.reading() as db:
            inside = [seat for seat in find_seats(db, visit) if seat.state is SeatState.ADMITTED]
            found = (_participant(db, seat) for seat in inside)
            return tuple(one for one in found if one is not None)


def servers_of(settings: Settings, folder: Path) -> IceServers:
    """The servers for calls between networks; raises `IceSecretRefused`."""
    secret = b""
    if settings.ice_secret is not None:
        secret = check_secret(settings.ice_secret.get_secret_value().encode(), place="ice_secret")
    elif settings.ice_secret_file is not None:
        secret = read_secret(folder / settings.ice_secret_file)
    return IceServers(settings.ice_urls, secret, settings.ice_relay_only)


def _participant(db: apsw.Connection, seat: SeatRow) -> Participant | None:
    """A participant with its keys; None for one that was suspended or retired while in the room."""
    info = find_actor(db, seat.actor)
    if info is None or info.state != "active":
        return None
    key = verify_key_of(db, actor_id=seat.actor, key_id=info.key_id)
    kem = base64url.encode(kem_of(db, seat.actor).public_bytes)
    return Participant(seat.actor, seat.role.value, tuple(key.jwks()), kem)
