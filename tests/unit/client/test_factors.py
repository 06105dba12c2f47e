"""Issuing, collecting, asking, showing and reading against a whole node over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from telesphor.app import Node, create_node, node_wallet, open_node
from telesphor.capabilities.identity.credentials.model import CredentialClaims, StatusReference
from telesphor.capabilities.identity.credentials.sd_jwt import issue_credential
from telesphor.capabilities.identity.credentials.status_list import pack_statuses, sign_status_list
from telesphor.capabilities.identity.presentations.model import RESPONSE_BYTES_MAX, RequestLink
from telesphor.client.credentials import (
    AnswerDiffers,
    CredentialBook,
    IssuerNotGiven,
    approve,
    check_shown,
)
from telesphor.client.errors import AnswerRefused, ClientRefused
from telesphor.client.http import Http
from telesphor.client.issuing import (
    HandoverRefused,
    Issuer,
    IssuerClient,
    Noted,
    PersonRefused,
    open_handover,
    read_document,
    seal_handover,
    vouch,
)
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.runtime.serving import serving
from tests.unit.capabilities.identity.presentations.cast import make_credential, want

ORIGIN = "node.example/telesphor"
CLOCK = SystemClock()
IDS = IdSource(CLOCK)


class Cast:
    """A hospital that issues, and a clinician who holds, at a node that answers."""

    def __init__(self, node: Node, url: str) -> None:
        self.node, self.url = node, url
        self.hospital = Wallet.create(kind="organisation", ids=IDS)
        self.clinician = Wallet.create(kind="person", ids=IDS)
        self.issuer: Issuer

    async def begin(self) -> None:
        async with self.client(node_wallet(self.node.keys)) as desk:
            await desk.register(self.hospital, self.clinician)
        async with self.client(self.hospital) as hospital:
            self.issuer = await hospital.become_issuer()

    def client(self, wallet: Wallet) -> IssuerClient:
        return IssuerClient(self.url, wallet, origin=ORIGIN)

    async def issue(self) -> Noted:
        """The clinician's licence."""
        now_ms = CLOCK.now_ms()
        factors = [
            vouch("WA", "licensed_in", by=self.issuer.did, at_ms=now_ms),
            vouch(True, "active", by=self.issuer.did, at_ms=now_ms),
        ]
        async with self.client(self.hospital) as hospital:
            subject = await hospital.public_actor(self.clinician.actor)
            return await hospital.issue(
                subject,
                "licence",
                factors,
                issuer=self.issuer,
                actor=self.clinician.actor,
                days=1,
                verified_ms=now_ms,
            )

    def book(self, credential: bytes) -> CredentialBook:
        return CredentialBook(self.clinician.actor).add(
            credential,
            issuer=self.hospital.signing_key.public,
            holder=self.clinician.signing_key.public,
            now_ms=CLOCK.now_ms(),
        )

    async def request(self) -> RequestLink:
        async with self.client(self.hospital) as hospital:
            return await hospital.request_factors(
                [want("licence.licensed_in", "WA"), want("licence.active", optional=True)],
                purpose="treatment",
                holder=self.clinician.actor,
            )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, str]]:
    path = tmp_path_factory.mktemp("factors") / "node"
    create_node(path, origin=ORIGIN, passphrase=b"passphrase")
    with open_node(path, passphrase=b"passphrase") as node, serving(node.edge()) as base:
        yield node, base


@pytest.fixture
async def cast(served: tuple[Node, str]) -> Cast:
    made = Cast(*served)
    await made.begin()
    return made


async def test_credential_goes_to_its_holder_sealed_and_to_nobody_else(cast: Cast) -> None:
    noted = await cast.issue()
    async with cast.client(cast.clinician) as clinician:
        kem = (await clinician.public_actor(cast.clinician.actor)).kem
        data = seal_handover(noted, holder=cast.clinician.actor, kem=kem)
        assert b"licensed_in" not in data
        credential = open_handover(data, cast.clinician)
        assert await clinician.issuer_key(credential) == cast.hospital.signing_key.public
    assert cast.book(credential).held[0].credential.digest == noted.issued.digest
    with pytest.raises(HandoverRefused):
        open_handover(data, cast.hospital)


async def test_credential_left_at_the_node_is_collected_once_by_its_holder(cast: Cast) -> None:
    noted = await cast.issue()
    async with cast.client(cast.hospital) as hospital:
        offer = await hospital.leave(noted)
        code = next(iter(offer["grants"].values()))["pre-authorized_code"]
    async with cast.client(cast.clinician) as clinician:
        credential = await clinician.collect(code, "licence")
        assert credential == noted.issued.serialized
        with pytest.raises(ClientRefused):
            await clinician.collect(code, "licence")


async def test_request_is_answered_with_what_was_approved_and_read_by_who_asked(cast: Cast) -> None:
    book = cast.book((await cast.issue()).issued.serialized)
    link = await cast.request()
    async with cast.client(cast.clinician) as clinician:
        opened = await clinician.open_request(link.presentation)
        assert await clinician.fetch_request(link) == msgspec.structs.replace(opened, link=link)
        answer = approve(
            opened.request,
            book,
            ["licence.licensed_in"],
            wallet=cast.clinician,
            node=ORIGIN,
            now_ms=CLOCK.now_ms(),
        )
        receipt = await clinician.answer(answer, opened.link)
        assert [line.type for line in receipt.entries] == ["presentation.presented/1"]
    async with cast.client(cast.hospital) as hospital:
        shown = await hospital.read_presentation(link.presentation, vp=True)
    (credential,) = shown.factors.credentials
    assert [(factor.name, factor.value) for factor in credential.factors] == [("licensed_in", "WA")]
    check_shown(shown, [cast.hospital.signing_key.public])
    with pytest.raises(IssuerNotGiven):
        check_shown(shown, [SigningKey.generate(HybridSuite.ACTOR).public])
    (factor,) = credential.factors
    other = msgspec.structs.replace(credential, factors=(msgspec.structs.replace(factor, value="OR"),))
    told = msgspec.structs.replace(
        shown, factors=msgspec.structs.replace(shown.factors, credentials=(other,))
    )
    with pytest.raises(AnswerDiffers):
        check_shown(told, [cast.hospital.signing_key.public])
    with pytest.raises(AnswerDiffers):
        check_shown(msgspec.structs.replace(shown, vp=None), [cast.hospital.signing_key.public])


async def test_what_an_issuer_elsewhere_vouches_for_is_verified_by_who_asked(cast: Cast) -> None:
    """Its status list came along and was judged by the node; who asked has only the issuer's keys."""
    board, name, uri = (
        SigningKey.generate(HybridSuite.ACTOR),
        "did:web:board.example",
        "https://board.example/1",
    )
    now_ms, holder = CLOCK.now_ms(), cast.clinician.signing_key.public
    claims = CredentialClaims(
        group="licence",
        issuer=name,
        issued_ms=now_ms,
        not_before_ms=now_ms,
        expires_ms=now_ms + 60_000,
        status=StatusReference(idx=7, uri=uri),
    )
    issued = issue_credential(
        claims,
        [vouch("WA", "licensed_in", by=name, at_ms=now_ms)],
        issuer=board,
        holder=holder,
        random=IDS.random_bytes,
    )
    listed = sign_status_list(pack_statuses({}), uri=uri, issuer=name, key=board, issued_at_ms=now_ms)
    book = CredentialBook(cast.clinician.actor)
    book = book.add(issued.serialized, issuer=board.public, holder=holder, now_ms=now_ms)
    async with cast.client(cast.hospital) as hospital:
        await hospital.trust_issuer(name, [board.public], groups=["licence"], status_uri=uri)
    link = await cast.request()
    async with cast.client(cast.clinician) as clinician:
        opened = await clinician.open_request(link.presentation)
        answer = approve(
            opened.request,
            book,
            ["licence.licensed_in"],
            wallet=cast.clinician,
            node=ORIGIN,
            now_ms=CLOCK.now_ms(),
            status_lists={uri: listed.serialized},
        )
        await clinician.answer(answer, opened.link)
    async with cast.client(cast.hospital) as hospital:
        shown = await hospital.read_presentation(link.presentation, vp=True)
    check_shown(shown, [board.public])
    with pytest.raises(IssuerNotGiven):
        check_shown(shown, [cast.hospital.signing_key.public])


async def test_refused_answer_bears_the_code_of_its_cause(cast: Cast) -> None:
    noted = await cast.issue()
    book = cast.book(noted.issued.serialized)
    link = await cast.request()
    async with cast.client(cast.hospital) as hospital:
        body = {"credential": noted.credential, "reason": "ended"}
        await hospital.send(("credential.revoke/1", body))
    async with cast.client(cast.clinician) as clinician:
        opened = await clinician.open_request(link.presentation)
        answer = approve(
            opened.request,
            book,
            ["licence.licensed_in"],
            wallet=cast.clinician,
            node=ORIGIN,
            now_ms=CLOCK.now_ms(),
        )
        with pytest.raises(ClientRefused) as caught:
            await clinician.answer(answer, opened.link)
    assert (caught.value.code, caught.value.status) == ("credential-revoked", 403)
    with closing(cast.node.reader()) as entries:
        found = entries.stream(f"presentation/{link.presentation}")
    assert (found[-1].type, found[-1].body.cause) == ("presentation.refused/1", "credential-revoked")


async def test_openid4vp_wallet_reads_what_is_asked_for(cast: Cast) -> None:
    link = await cast.request()
    path = link.request_uri.replace("/request", "/openid4vp")
    async with Http(cast.url) as http:
        asked = json.loads(await http.fetch("GET", path, headers={"Authorization": f"Bearer {link.ticket}"}))
    assert (asked["response_type"], asked["response_mode"]) == ("vp_token", "direct_post")
    assert asked["client_id"] == f"{ORIGIN}/actors/{cast.hospital.actor}"


@pytest.mark.parametrize("path", ["request", "openid4vp", "response"])
async def test_without_its_ticket_nothing_is_answered(cast: Cast, path: str) -> None:
    link, other = await cast.request(), await cast.request()
    method = "POST" if path == "response" else "GET"
    for headers in ({}, {"Authorization": f"Bearer {other.ticket}"}):
        async with Http(cast.url) as http:
            with pytest.raises(ClientRefused) as caught:
                await http.fetch(
                    method, f"/v1/presentations/{link.presentation}/{path}", headers=headers, body=b"{}"
                )
        assert caught.value.code == "ticket-refused"


async def test_answer_beyond_its_size_is_refused_at_the_edge(cast: Cast) -> None:
    link = await cast.request()
    async with Http(cast.url) as http:
        with pytest.raises(ClientRefused) as caught:
            await http.fetch(
                "POST",
                link.response_uri,
                headers={"Authorization": f"Bearer {link.ticket}"},
                body=b"x" * (RESPONSE_BYTES_MAX + 1),
            )
    assert caught.value.status == 413


async def test_request_that_is_not_the_ledgers_is_not_shown(cast: Cast) -> None:
    link = await cast.request()
    forged = msgspec.structs.replace(
        link, request=link.request[:-1] + ("0" if link.request[-1] != "0" else "1")
    )
    async with cast.client(cast.clinician) as clinician:
        with pytest.raises(AnswerRefused):
            await clinician.fetch_request(forged)


async def test_issuer_that_is_no_actor_here_is_not_looked_up(cast: Cast) -> None:
    async with cast.client(cast.clinician) as clinician:
        with pytest.raises(ClientRefused):
            await clinician.public_actor(IDS.next())
        with pytest.raises(PersonRefused):
            await clinician.issuer_key(make_credential("licence", {"active": True}))
    with pytest.raises(PersonRefused):
        read_document("did:web:x", [])
