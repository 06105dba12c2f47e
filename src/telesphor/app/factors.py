"""Who people and devices are, opened for one node: credentials, presentations, identifiers, passkeys, enrolment.

Start at `Factors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

from telesphor.capabilities.identity.administering import Administration
from telesphor.capabilities.identity.credentials.capability import credentials_capability
from telesphor.capabilities.identity.credentials.expiry import SWEEP_SECONDS, CredentialExpiry
from telesphor.capabilities.identity.credentials.offers import CredentialDesk, offer_of
from telesphor.capabilities.identity.credentials.publishing import StatusLists
from telesphor.capabilities.identity.credentials.routes import routes as credential_routes
from telesphor.capabilities.identity.dids.model import DidNames
from telesphor.capabilities.identity.dids.routes import routes as did_routes
from telesphor.capabilities.identity.dids.service import DidDesk
from telesphor.capabilities.identity.enrolment.capability import enrolment_capability
from telesphor.capabilities.identity.enrolment.channels import ServedCertificates
from telesphor.capabilities.identity.passkeys.capability import passkeys_capability
from telesphor.capabilities.identity.passkeys.model import RelyingParty
from telesphor.capabilities.identity.pauses.capability import pauses_capability
from telesphor.capabilities.identity.presentations.capability import presentations_capability
from telesphor.capabilities.identity.presentations.desk import PresentationDesk
from telesphor.capabilities.identity.presentations.routes import routes as presentation_routes
from telesphor.capabilities.identity.presentations.service import ShownTo
from telesphor.capabilities.identity.recovery.capability import CAPABILITY as KEY_RECOVERY
from telesphor.kernel.clock import Clock
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import IdSource
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import Body, Capability, CommandType, Receipt
from telesphor.runtime.database import open_reader
from telesphor.runtime.folder import NodeFolder, NodeKeys
from telesphor.runtime.jobs import Periodic
from telesphor.runtime.settings import Settings
from telesphor.runtime.tickets import Tickets


class Factors:
    """The desks of one node's identity.

    Args:
        record: records the node's own word.
        open_entries: a reader of committed entries, for one thread.
        administration: the rules about persons who administer.
        shown_to: to whom people have shown themselves in visits.
    """

    def __init__(
        self,
        folder: NodeFolder,
        settings: Settings,
        keys: NodeKeys,
        *,
        tickets: Tickets,
        record: Callable[[CommandType, Body], Receipt],
        open_entries: Callable[[], EntryReader],
        administration: Administration,
        shown_to: ShownTo,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._administration = administration
        self._shown_to = shown_to
        site = settings.site or settings.origin.partition("/")[0]
        self._names = DidNames(site)
        self._party = RelyingParty.of(site)
        self._open_entries = open_entries
        url, open_db = f"https://{site}", partial(open_reader, folder.ledger)
        self.credentials = CredentialDesk(
            url=url, tickets=tickets, open_db=open_db, record=record, clock=clock, random=ids.random_bytes
        )
        self.offers = _Offers(self.credentials)
        self._lists = StatusLists(
            url=url, issuer=self._names.node, key=keys.signing, open_db=open_db, clock=clock
        )
        self._expiry = CredentialExpiry(open_db=open_db, record=record, clock=clock)
        self.presentations = PresentationDesk(
            tickets=tickets, clock=clock, open_db=open_db, read_document=self._read_document
        )
        shown = (settings.tls_identity, settings.tls_browser_certificate)
        self._channels = ServedCertificates(
            [folder.path / place for place in shown if place is not None], required=not settings.plain
        )

    def capabilities(self) -> tuple[Capability, ...]:
        """What they add to the node, in order."""
        return (
            KEY_RECOVERY,
            pauses_capability(self._administration),
            passkeys_capability(self._party),
            credentials_capability(self.credentials),
            presentations_capability(self.presentations, shown_to=self._shown_to),
            enrolment_capability(self._channels, administration=self._administration),
        )

    def routes(self) -> list[Any]:
        """Their handlers."""
        return [
            *did_routes(DidDesk(names=self._names, open_entries=self._open_entries)),
            *credential_routes(lists=self._lists, desk=self.credentials),
            *presentation_routes(self.presentations),
        ]

    def start(self, stack: ExitStack) -> None:
        """Note credentials that end, now and then, until `stack` closes."""
        expiry = Periodic("credential-expiry", seconds=SWEEP_SECONDS, work=self._note_ended)
        expiry.start()
        stack.callback(expiry.stop)

    def _note_ended(self) -> None:
        self._expiry.record_due()

    def _read_document(self, digest: Digest) -> bytes | None:
        with closing(self._open_entries()) as entries:
            return entries.document(digest)


class _Offers:
    """Credentials that wait for their holders, as pages of the app ask for them."""

    def __init__(self, desk: CredentialDesk) -> None:
        self._desk = desk
        self.waits = desk.waits

    def offer_again(self, actor: str, credential: str) -> Mapping[str, Any]:
        """The credential offer for its holder."""
        return offer_of(self._desk.offer_again(actor, credential), url=self._desk.url)
