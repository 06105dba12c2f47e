"""A small node that knows actors and credentials: real keys, real SQLite, the real writer; only time is ours.

An organisation is its own issuer, a clinician and a patient hold keys. Start at `Office`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from telesphor.capabilities.identity.credentials.capability import credentials_capability
from telesphor.capabilities.identity.credentials.expiry import CredentialExpiry
from telesphor.capabilities.identity.credentials.model import (
    CredentialClaims,
    Factor,
    Group,
    IssuedCredential,
    StatusReference,
    Vouching,
)
from telesphor.capabilities.identity.credentials.offers import CredentialDesk
from telesphor.capabilities.identity.credentials.publishing import StatusLists
from telesphor.capabilities.identity.credentials.sd_jwt import issue_credential
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import Capability, Receipt
from telesphor.runtime.tickets import Tickets
from tests.unit.capabilities.identity.small_node import SmallNode

URL = "https://node.example"
DAY_MS = 86_400_000
HOSPITAL = "did:web:hospital.example"


class Held(NamedTuple):
    """A noted credential: its id, its bytes, and its place."""

    credential: str
    issued: IssuedCredential
    status_list: str
    place: int


class Office(SmallNode):
    """A node with one organisation that issues credentials to its clinician."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hospital = self.enrol("organisation")
        self.clinician = self.enrol("person")
        self.patient = self.enrol("person")
        self.issuer = self.ids.next()
        self.status_list = self.ids.next()
        self.index = 0

    def own(self) -> tuple[Capability, ...]:
        self.tickets = Tickets(clock=self.clock, random=self.ids.random_bytes)
        self.desk = CredentialDesk(
            url=URL,
            tickets=self.tickets,
            open_db=self.open_db,
            record=self.record_own_word,
            clock=self.clock,
            random=self.ids.random_bytes,
        )
        self.lists = StatusLists(
            url=URL,
            issuer="did:web:node.example",
            key=self.node.signing_key,
            open_db=self.open_db,
            clock=self.clock,
        )
        self.expiry = CredentialExpiry(open_db=self.open_db, record=self.record_own_word, clock=self.clock)
        return (credentials_capability(self.desk),)

    # Commands.

    def trusting(self, **changes: Any) -> Command:
        """Trust in the hospital as an issuer of this node, or with changes in another."""
        values: dict[str, Any] = {
            "issuer": self.issuer,
            "did": HOSPITAL,
            "actor": self.hospital.actor,
            "groups": ["licence", "employment"],
            "keys": [self.hospital.signing_key.public.jwks()],
            "status_keys": None,
            "status_uri": None,
        }
        return "issuer.trust/1", values | changes

    def opening(self, **changes: Any) -> Command:
        return "status-list.open/1", {"status-list": self.status_list, "issuer": self.issuer} | changes

    def ready(self) -> Office:
        """The hospital trusts itself as an issuer and has a status list."""
        self.ask(self.hospital, self.trusting(), self.opening())
        return self

    def sign_credential(
        self, *, index: int, days: int = 30, group: Group = "licence", holder: Wallet | None = None
    ) -> IssuedCredential:
        """What the hospital signs in its own client; the node sees nothing of it."""
        now_ms = self.clock.now_ms()
        vouching = Vouching(vouched="issuer", vouched_by=HOSPITAL, verified_at=format_instant(now_ms))
        claims = CredentialClaims(
            group=group,
            issuer=HOSPITAL,
            issued_ms=now_ms,
            not_before_ms=now_ms,
            expires_ms=now_ms + days * DAY_MS,
            status=StatusReference(idx=index, uri=self.lists.uri_of(self.status_list)),
        )
        factors = [
            Factor(name="licensed_in", value="WA", vouching=vouching),
            Factor(name="over_18", value=True, vouching=vouching),
        ]
        key = (holder or self.clinician).signing_key.public
        return issue_credential(
            claims, factors, issuer=self.hospital.signing_key, holder=key, random=self.ids.random_bytes
        )

    def issuing(self, issued: IssuedCredential, *, index: int, days: int = 30, **changes: Any) -> Command:
        now_ms = self.clock.now_ms()
        values: dict[str, Any] = {
            "credential": self.ids.next(),
            "digest": issued.digest,
            "group": "licence",
            "issuer": self.issuer,
            "subject": self.clinician.actor,
            "list": self.status_list,
            "index": index,
            "expires": format_instant((now_ms + days * DAY_MS) // 1000 * 1000),
            "verified": format_instant(now_ms),
        }
        return "credential.issue/1", values | changes

    def issue(self, *, days: int = 30) -> Held:
        """A credential of the clinician, noted."""
        self.index += 1
        issued = self.sign_credential(index=self.index, days=days)
        credential = self.ids.next()
        self.ask(self.hospital, self.issuing(issued, index=self.index, days=days, credential=credential))
        return Held(credential, issued, self.status_list, self.index)

    def change(self, what: str, held: Held, *, reason: str = "other") -> Receipt:
        """Suspend, reinstate or revoke."""
        return self.ask(
            self.hospital, (f"credential.{what}/1", {"credential": held.credential, "reason": reason})
        )


@contextmanager
def office_in(folder: Path) -> Iterator[Office]:
    made = Office(folder)
    try:
        yield made
    finally:
        made.close()
