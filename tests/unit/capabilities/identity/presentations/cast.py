"""An issuer, a holder and a request, all real but for the ledger, for tests of what an answer must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.credentials.model import (
    CredentialClaims,
    CredentialHead,
    Factor,
    StatusReference,
    Vouching,
)
from telesphor.capabilities.identity.credentials.standing import IssuerId, ResolvedIssuer
from telesphor.capabilities.identity.presentations.model import (
    FactorWanted,
    PresentationId,
    PresentationRequest,
    Response,
)
from telesphor.capabilities.identity.presentations.service import audience_of
from telesphor.client.credentials import CredentialBook
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import ManualClock, format_instant
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.vault.model import Purpose

NODE = "node.example/telesphor"
NOW_MS = 1_795_348_275_000
DAY_MS = 86_400_000
BOARD = "did:web:board.example"

CLOCK = ManualClock(NOW_MS)
IDS = IdSource(CLOCK)
ISSUER = SigningKey.generate(HybridSuite.ACTOR)
VERIFIER = ActorId(IDS.next())
HOLDER = Wallet.create(kind="person", ids=IDS)
OTHER = Wallet.create(kind="person", ids=IDS)

LICENCE: Mapping[str, Any] = {"licensed_in": "WA", "active": True, "number": "MD 60 123"}
IDENTITY: Mapping[str, Any] = {"over_18": True, "family_name": "Quill"}


def make_credential(
    group: str,
    values: Mapping[str, Any],
    *,
    wallet: Wallet = HOLDER,
    issuer: SigningKey = ISSUER,
    own_word: Sequence[str] = (),
    expires_ms: int = NOW_MS + DAY_MS,
    status: StatusReference | None = None,
    name: str = BOARD,
) -> bytes:
    """A credential to `wallet`; the factors in `own_word` are the holder's own word."""
    claims = CredentialClaims(
        group=group,  # type: ignore[arg-type]  # a group of the model
        issuer=name,
        issued_ms=NOW_MS,
        not_before_ms=NOW_MS,
        expires_ms=expires_ms,
        status=status,
    )
    factors = [
        Factor(name=key, value=value, vouching=vouching(own=key in own_word)) for key, value in values.items()
    ]
    issued = sd_jwt.issue_credential(
        claims, factors, issuer=issuer, holder=wallet.signing_key.public, random=IDS.random_bytes
    )
    return issued.serialized


def vouching(*, own: bool) -> Vouching:
    by = "did:web:holder.example" if own else BOARD
    return Vouching(
        vouched="self" if own else "issuer", vouched_by=by, verified_at=format_instant(NOW_MS - DAY_MS)
    )


def want(factor: str, *accepted: str, **changes: Any) -> FactorWanted:
    group, name = factor.split(".")
    return FactorWanted(group=group, name=name, accepted=accepted, **changes)  # type: ignore[arg-type]


def make_request(*wanted: FactorWanted, **changes: Any) -> PresentationRequest:
    """A request of the verifier; of the state of the licence where nothing else is said."""
    request = PresentationRequest(
        format="telesphor-presentation-request/1",
        v=1,
        presentation=PresentationId(IDS.next()),
        node=NODE,
        verifier=VERIFIER,
        audience=audience_of(NODE, VERIFIER),
        nonce=IDS.nonce(),
        wanted=wanted or (want("licence.licensed_in", "WA"),),
        purpose=Purpose.TREATMENT,
        holder=None,
        expires_at=format_instant(NOW_MS + 600_000),
        relied_seconds=3_600,
    )
    return msgspec.structs.replace(request, **changes)


def show(
    credential: bytes, *names: str, request: PresentationRequest, wallet: Wallet = HOLDER, **changes: Any
) -> str:
    """A presentation of these factors, in answer to `request` where nothing else is said."""
    given: dict[str, Any] = {
        "nonce": request.nonce,
        "audience": request.audience,
        "issued_at_ms": NOW_MS,
        **changes,
    }
    return sd_jwt.present(credential, names=names, holder=wallet.signing_key, **given).decode()


def respond(request: PresentationRequest, **vp_token: Sequence[str]) -> Response:
    tokens: dict[Any, tuple[str, ...]] = {group: tuple(texts) for group, texts in vp_token.items()}
    return Response(
        format="telesphor-presentation/1",
        v=1,
        presentation=request.presentation,
        holder=HOLDER.actor,
        vp_token=tokens,
        status_lists={},
    )


def book_of(*credentials: bytes, wallet: Wallet = HOLDER) -> CredentialBook:
    book = CredentialBook(wallet.actor)
    for credential in credentials:
        book = book.add(credential, issuer=ISSUER.public, holder=wallet.signing_key.public, now_ms=NOW_MS)
    return book


def resolve(head: CredentialHead) -> ResolvedIssuer:
    """One issuer, trusted for every group, whose credentials stand on this ledger."""
    return ResolvedIssuer(head.issuer, IssuerId("board"), ISSUER.public, True, ISSUER.public, None)
