"""What a person's own page says of its factors: which credentials were issued to it and hold, and who asks it for some.

The factors themselves are nowhere here: they are in the person's own wallet. Start at `FactorPages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from telesphor.capabilities.compliance.desk import WatchDesk
from telesphor.capabilities.compliance.people import Person, find_people
from telesphor.capabilities.identity.credentials.listing import CredentialLine, credentials_of
from telesphor.capabilities.identity.presentations.listing import requests_to
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import parse_id
from telesphor.runtime.capability import Actor

CREDENTIALS_MAX: Final = 64
"""Credentials of one person that a page shows, the newest first: two for each group and year of a few."""

REQUESTS_MAX: Final = 32
"""Requests that wait for one person: nobody answers more at a sitting."""


class Offers(Protocol):
    """Where credentials wait for their holders."""

    def waits(self, credential: str) -> bool:
        """Whether a credential waits for its holder now."""
        ...

    def offer_again(self, actor: str, credential: str) -> Mapping[str, Any]:
        """The credential offer for its holder (OpenID4VCI, section 4.1); raises where nothing waits."""
        ...


class OwnCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential that was issued to somebody, as the ledger says; `waits` where it can be collected now.

    Attributes:
        state: `active`, `suspended`, `revoked` or `expired`; `distrusted` where its issuer's word counts no more.
        did: the identifier by which the credential names its issuer.
    """

    credential: str
    digest: str
    group: str
    issuer: Person | None
    did: str
    state: str
    verified_at: str
    expires_at: str
    waits: bool


class OwnRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asks for factors; `presentation.open/1` shows which, and leaves an entry."""

    presentation: str
    verifier: Person
    expires_at: str


class OwnFactors(msgspec.Struct, frozen=True, kw_only=True):
    """What was issued to a person, and who asks it."""

    now: str
    credentials: tuple[OwnCredential, ...]
    requests: tuple[OwnRequest, ...]


class FactorPages:
    """The pages of factors of one node. Safe between threads."""

    def __init__(self, desk: WatchDesk, offers: Offers) -> None:
        self._desk = desk
        self._offers = offers

    def factors(self, actor: Actor) -> OwnFactors:
        """Return what was issued to the actor, the newest first, and who asks it for something."""
        with self._desk.looking() as (_, state):
            lines = credentials_of(state.db, actor.id, count_max=CREDENTIALS_MAX)
            asked = requests_to(state.db, actor.id, now_ms=state.now_ms, count_max=REQUESTS_MAX)
            ids = [*(line.issuer.actor for line in lines), *(row.verifier for row in asked)]
            # Of persons only staff are named: whoever asks could else be anybody who took a name.
            people = find_people(ids, state, names=self._desk.names, named="staff")
            now_ms = state.now_ms
        return OwnFactors(
            now=format_instant(now_ms),
            credentials=tuple(self._draw(line, people, now_ms=now_ms) for line in lines),
            requests=tuple(
                OwnRequest(
                    presentation=row.presentation,
                    verifier=people[row.verifier],
                    expires_at=format_instant(row.expires_ms),
                )
                for row in asked
            ),
        )

    def offer(self, actor: Actor, credential: str) -> Mapping[str, Any]:
        """Return the offer of a credential that waits for the actor; raises `DepositMissing`."""
        return self._offers.offer_again(actor.id, parse_id(credential))

    def _draw(self, line: CredentialLine, people: Mapping[str, Person], *, now_ms: int) -> OwnCredential:
        row, issuer = line
        ended = row.expires_ms <= now_ms and row.state != "revoked"
        trusted = issuer.state == "trusted" and row.group in issuer.groups
        state = "expired" if ended else row.state
        return OwnCredential(
            credential=row.credential,
            digest=row.digest,
            group=row.group,
            issuer=None if issuer.actor is None else people.get(issuer.actor),
            did=issuer.did,
            state=state if trusted or state != "active" else "distrusted",
            verified_at=format_instant(row.verified_ms),
            expires_at=format_instant(row.expires_ms),
            waits=state == "active" and trusted and self._offers.waits(row.credential),
        )
