"""A hospital that issues and verifies, a clinician and a patient who hold, a board elsewhere: real parts, our time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.credentials.capability import COMMANDS
from telesphor.capabilities.identity.credentials.entries import ENTRIES
from telesphor.capabilities.identity.credentials.model import (
    CredentialClaims,
    Factor,
    IssuedCredential,
    StatusReference,
    Vouching,
)
from telesphor.capabilities.identity.credentials.status_list import (
    LIST_ENTRIES,
    Status,
    pack_statuses,
    sign_status_list,
)
from telesphor.capabilities.identity.credentials.store import STORE
from telesphor.capabilities.identity.presentations.capability import presentations_capability
from telesphor.capabilities.identity.presentations.desk import PresentationDesk
from telesphor.capabilities.identity.presentations.model import (
    FactorWanted,
    OpenedRequest,
    PresentedFactor,
    RequestGrant,
    RequestLink,
)
from telesphor.capabilities.identity.presentations.service import presented_factors
from telesphor.client.credentials import Answer, CredentialBook, approve
from telesphor.client.requests import rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.capability import Actor, Body, Capability, CommandType, Decision, State
from telesphor.runtime.database import open_reader
from telesphor.runtime.machine import Request
from telesphor.runtime.tickets import Tickets
from tests.unit.capabilities.identity.presentations.cast import want
from tests.unit.capabilities.world import ORIGIN, World

DAY_MS = 86_400_000
BOARD = "did:web:board.example"
LISTS = "https://board.example/status/"
HOSPITAL = "did:web:node.example:hospital"


class _Clock:
    """The world's clock, which is there after the desk."""

    world: World

    def now_ms(self) -> int:
        return self.world.clock.now_ms()


class _Documents:
    """The world's documents."""

    world: World

    def __call__(self, digest: Digest) -> bytes | None:
        return self.world.journal.document(digest)


class House:
    """The cast, and short names for what they do."""

    def __init__(self, folder: Path) -> None:
        clock, documents = _Clock(), _Documents()
        self.desk = PresentationDesk(
            tickets=Tickets(clock=clock, random=lambda n: self.world.ids.random_bytes(n)),
            clock=clock,
            open_db=lambda: open_reader(self.world.path),
            read_document=documents,
        )
        credentials = Capability("credentials", entries=ENTRIES, commands=COMMANDS, store=STORE)
        self.world = World(folder, credentials, presentations_capability(self.desk))
        clock.world = documents.world = self.world
        self.world.begin()
        self.hospital = self.world.enrol("organisation")
        self.clinician = self.world.enrol("person", by=self.hospital)
        self.patient = self.world.enrol("person", by=self.hospital)
        self.issuer, self.list, self.board = (self.world.ids.next() for _ in range(3))
        self.board_key = SigningKey.generate(HybridSuite.ACTOR)
        self.indexes = iter(range(LIST_ENTRIES))
        self.trust()
        self.world.ask(
            self.hospital, ("status-list.open/1", {"status-list": self.list, "issuer": self.issuer})
        )

    def trust(self, *groups: str) -> None:
        """Trust the hospital itself, for all groups when none is named."""
        body = {
            "issuer": self.issuer,
            "did": HOSPITAL,
            "actor": self.hospital.actor,
            "groups": groups or ["identity", "licence", "insurance", "employment", "device"],
            "keys": [self.hospital.signing_key.public.jwks()],
            "status_keys": None,
            "status_uri": None,
        }
        self.world.ask(self.hospital, ("issuer.trust/1", body))

    def trust_board(self, *, status_uri: str | None = LISTS, key: SigningKey | None = None) -> None:
        body = {
            "issuer": self.board,
            "did": BOARD,
            "actor": None,
            "groups": ["licence"],
            "keys": [(key or self.board_key).public.jwks()],
            "status_keys": None,
            "status_uri": status_uri,
        }
        self.world.ask(self.hospital, ("issuer.trust/1", body))

    def issue(self, wallet: Wallet, group: str, *, days: int = 30, **values: Any) -> bytes:
        """A credential of the hospital, noted on the ledger; returns its bytes."""
        return self.issue_noted(wallet, group, days=days, **values)[1].serialized

    def issue_noted(
        self, wallet: Wallet, group: str, *, days: int = 30, **values: Any
    ) -> tuple[str, IssuedCredential]:
        now_ms, index, credential = self.world.clock.now_ms(), next(self.indexes), self.world.ids.next()
        status = StatusReference(idx=index, uri=f"https://node.example/v1/status-lists/{self.list}")
        issued = self.sign(wallet, group, values, days=days, status=status)
        body = {
            "credential": credential,
            "digest": issued.digest,
            "group": group,
            "issuer": self.issuer,
            "subject": wallet.actor,
            "list": self.list,
            "index": index,
            "expires": format_instant((now_ms // 1000 + days * 86_400) * 1000),
            "verified": format_instant(now_ms),
        }
        self.world.ask(self.hospital, ("credential.issue/1", body))
        return credential, issued

    def sign(
        self,
        wallet: Wallet,
        group: str,
        values: Mapping[str, Any],
        *,
        key: SigningKey | None = None,
        name: str = HOSPITAL,
        days: int = 30,
        status: StatusReference | None = None,
        vouched: str = "issuer",
    ) -> IssuedCredential:
        """A signed credential, of the hospital if no key is named; the ledger knows nothing of it."""
        now_ms = self.world.clock.now_ms()
        claims = CredentialClaims(
            group=group,  # type: ignore[arg-type]  # a group of the model
            issuer=name,
            issued_ms=now_ms,
            not_before_ms=now_ms,
            expires_ms=now_ms + days * DAY_MS,
            status=status,
        )
        said = Vouching(
            vouched=vouched,  # type: ignore[arg-type]  # of the model
            vouched_by=name,
            verified_at=format_instant(now_ms),
        )
        return sd_jwt.issue_credential(
            claims,
            [Factor(name=name, value=value, vouching=said) for name, value in values.items()],
            issuer=key or self.hospital.signing_key,
            holder=wallet.signing_key.public,
            random=self.world.ids.random_bytes,
        )

    def sign_as_board(self, wallet: Wallet, index: int = 7, **values: Any) -> bytes:
        """A licence of the board, with a status in its first list."""
        status = StatusReference(idx=index, uri=f"{LISTS}1")
        return self.sign(wallet, "licence", values, key=self.board_key, name=BOARD, status=status).serialized

    def board_list(self, statuses: Mapping[int, Status] | None = None) -> dict[str, bytes]:
        """The board's first list as of now."""
        signed = sign_status_list(
            pack_statuses(statuses or {}),
            uri=f"{LISTS}1",
            issuer=BOARD,
            key=self.board_key,
            issued_at_ms=self.world.clock.now_ms(),
        )
        return {f"{LISTS}1": signed.serialized}

    def request(
        self,
        *wanted: FactorWanted,
        by: Wallet | None = None,
        holder: Wallet | str | None = None,
        **changes: Any,
    ) -> RequestLink:
        """Ask for the state of the licence, where nothing else is said; returns the link."""
        body = {
            "presentation": self.world.ids.next(),
            "wanted": [msgspec.to_builtins(one) for one in wanted or (want("licence.licensed_in", "WA"),)],
            "purpose": "treatment",
            "nonce": self.world.ids.nonce(),
            "holder": holder.actor if isinstance(holder, Wallet) else holder,
            "expires_at": format_instant(self.world.clock.now_ms() + 600_000),
            "relied_seconds": 3_600,
        }
        receipt = self.world.ask(by or self.hospital, ("presentation.request/1", body | changes))
        link = receipt.results[0]
        assert isinstance(link, RequestLink)
        return link

    def open(self, wallet: Wallet, link: RequestLink) -> OpenedRequest:
        found = self.world.ask(wallet, ("presentation.open/1", {"presentation": link.presentation}))
        opened = found.results[0]
        assert isinstance(opened, OpenedRequest)
        return opened

    def approve(
        self,
        wallet: Wallet,
        opened: OpenedRequest,
        *credentials: bytes,
        names: Sequence[str] = (),
        **more: Any,
    ) -> Answer:
        """Approve all that is asked for, or these names."""
        return approve(
            opened.request,
            self.book(wallet, *credentials),
            names or [wanted.factor for wanted in opened.request.wanted],
            wallet=wallet,
            node=ORIGIN,
            now_ms=self.world.clock.now_ms(),
            **more,
        )

    def book(self, wallet: Wallet, *credentials: bytes) -> CredentialBook:
        book = CredentialBook(wallet.actor)
        keys = [self.hospital.signing_key, self.board_key, wallet.signing_key]
        by_thumbprints = {key.public.thumbprints(): key.public for key in keys}
        for data in credentials:
            issuer = by_thumbprints[sd_jwt.read_head(data).keys]
            book = book.add(
                data, issuer=issuer, holder=wallet.signing_key.public, now_ms=self.world.clock.now_ms()
            )
        return book

    def send(self, link: RequestLink, data: bytes) -> Digest:
        """Post an answer."""
        return self.desk.receive(self.desk.tickets.redeem(link.ticket, RequestGrant), data)

    def present(self, wallet: Wallet, link: RequestLink, *credentials: bytes, **more: Any) -> RecordedEntry:
        """The whole way from the link to the entry."""
        answer = self.approve(wallet, self.open(wallet, link), *credentials, **more)
        self.send(link, answer.data)
        self.world.ask(wallet, answer.command)
        return self.world.entries()[-1]

    def cause_of(self, wallet: Wallet, answer: Answer, link: RequestLink, **changes: Any) -> str:
        """The code with which an answer is refused; the ledger must say the same, of the same bytes."""
        self.send(link, answer.data)
        return self.refusal_of(wallet, answer, **changes)

    def refusal_of(self, wallet: Wallet, answer: Answer, **changes: Any) -> str:
        before = len(self.world.entries())
        name, body = answer.command
        said = {**msgspec.to_builtins(body), **changes}
        with pytest.raises(TelesphorError) as caught:
            self.world.ask(wallet, (name, said))
        entries = self.world.entries()
        assert len(entries) == before + 1
        entry = entries[-1]
        assert (entry.type, entry.actor) == ("presentation.refused/1", wallet.actor)
        assert entry.stream == f"presentation/{said['presentation']}"
        assert entry.evidence is not None
        assert (entry.body.vp, entry.body.cause) == (said["vp"], caught.value.code)
        return caught.value.code

    def code_of(self, wallet: Wallet, *commands: Any) -> str:
        """The code with which a signed request is refused; nothing may have been written."""
        before = len(self.world.entries())
        with pytest.raises(TelesphorError) as caught:
            self.world.ask(wallet, *commands)
        assert len(self.world.entries()) == before
        return caught.value.code

    def rotate(self, wallet: Wallet) -> Wallet:
        renewed = wallet.renew()
        self.world.ask(wallet, rotate_command(renewed, node=ORIGIN))
        return renewed

    def counting(self, wallet: Wallet) -> tuple[PresentedFactor, ...]:
        """What access would see of this actor now, asked inside the writer."""
        found: tuple[PresentedFactor, ...] = self.inside(lambda state: presented_factors(state, wallet.actor))
        return found

    def texts(self, wallet: Wallet) -> set[str]:
        return {factor.text for factor in self.counting(wallet)}

    def inside(self, look: Callable[[State], Any]) -> Any:
        """Look at the state inside the writer; leaves no entry."""
        found: list[Any] = []

        def decide(_actor: Actor, _body: Body, state: State) -> Decision:
            found.append(look(state))
            return Decision(())

        node = Actor(self.world.node.actor, "node", self.world.node.signing_key.public.key_id)
        command = CommandType("look/1", Body, decide)
        with pytest.raises(TelesphorError, match="makes no entry"):
            self.world.machine.call_blocking(Request(node, ((command, Body()),)), timeout_seconds=60)
        return found[0]


def licence(house: House, wallet: Wallet | None = None) -> bytes:
    return house.issue(wallet or house.clinician, "licence", licensed_in="WA", number="MD 60 123")


def answered(house: House, **changes: Any) -> tuple[Answer, Any]:
    """A good answer of the clinician that nobody has sent yet, and its link."""
    link = house.request(**changes)
    return house.approve(house.clinician, house.open(house.clinician, link), licence(house)), link
