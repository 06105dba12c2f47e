"""The commands of presentations, what counts of what was shown, and the use cases that need no ticket.

Access decides with `presented_factors`. Asking and answering are in `desk`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import apsw
import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField, NotPermitted
from telesphor.capabilities.identity.presentations import store
from telesphor.capabilities.identity.presentations.documents import (
    read_factors,
    read_request,
)
from telesphor.capabilities.identity.presentations.entries import (
    READ,
    WITHDRAWN,
    Read,
    Withdrawn,
)
from telesphor.capabilities.identity.presentations.model import (
    PRESENTATION_STREAM,
    WANTED_MAX,
    AcceptedRow,
    DigestField,
    FactorNameField,
    InstantField,
    NonceField,
    PresentationExpired,
    PresentationIdField,
    PresentationMissing,
    PresentationRow,
    PresentedFactor,
    PresentedFactors,
    ReliedField,
    RequestAnswered,
    RequestWithdrawn,
    ShownFactors,
    WantedField,
)
from telesphor.capabilities.identity.presentations.standing import require_in_force
from telesphor.capabilities.identity.service import find_actor
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import Stream, stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State
from telesphor.vault.model import Purpose

ShownTo = Callable[[Actor, str, State], None]
"""Raises `NotPermitted` unless its holder has shown itself to the actor by a presentation, as other parts know."""

RELIED_ON_MAX = 64
"""Presentations of one actor that count at the same time; those that last longest, where there are more."""


class RequestFactors(Body, frozen=True, kw_only=True):
    """Ask a holder, or whoever can show them, for factors.

    `nonce` is the verifier's own randomness, used once; `expires_at` is when the request ends, `relied_seconds` how
    long the answer is relied on.
    """

    presentation: PresentationIdField
    wanted: WantedField
    purpose: Purpose
    nonce: NonceField
    holder: ActorIdField | None
    expires_at: InstantField
    relied_seconds: ReliedField


class OpenRequest(Body, frozen=True, kw_only=True):
    """Look at a request, and get the ticket to answer it with."""

    presentation: PresentationIdField


class Present(Body, frozen=True, kw_only=True):
    """Answer a request: `request` is what was seen, `approved` the factors, and `vp` the answer that was sent."""

    presentation: PresentationIdField
    request: DigestField
    approved: Annotated[tuple[FactorNameField, ...], Meta(min_length=1, max_length=WANTED_MAX)]
    vp: DigestField


class ReadPresentation(Body, frozen=True, kw_only=True):
    """Be given what was shown; with `vp` also the answer itself, to verify it oneself."""

    presentation: PresentationIdField
    vp: bool = False


class WithdrawPresentation(Body, frozen=True, kw_only=True):
    """End a request that is open, or what was shown."""

    presentation: PresentationIdField


def presented_factors(state: State, actor_id: str) -> tuple[PresentedFactor, ...]:
    """What this actor has shown that counts now, whoever asked for it.

    A factor counts while its presentation has neither expired nor been withdrawn, its credential and issuer hold, and
    the actor still has the keys that bound it. Values that are not printable ASCII are left out: no rule names them.
    """
    info = find_actor(state.db, actor_id)
    if info is None or info.state != "active":
        return ()
    factors: list[PresentedFactor] = []
    for row in _accepted(state, actor_id):
        data = state.document(row.factors)
        document = None if data is None else read_factors(data)
        if document is None or document.keys != info.key_id or row.until_ms <= state.now_ms:
            continue
        factors += _in_force(document, state, actor_id)
    return tuple(dict.fromkeys(factors))


def audience_of(origin: str, verifier: str) -> str:
    """What the holder's key binding names: the verifier, as an actor of this node."""
    return f"{origin}/actors/{verifier}"


def base_path_of(presentation: str) -> str:
    """Where a presentation is, over HTTP."""
    return f"/v1/presentations/{presentation}"


def nobody_else(_actor: Actor, _presentation: str, _state: State) -> None:
    """What was shown is for who asked and who answered alone; raises `NotPermitted`."""
    raise NotPermitted("only who asked and who answered may see what was shown")


def read_presentation(
    actor: Actor, command: ReadPresentation, state: State, *, shown_to: ShownTo = nobody_else
) -> Decision:
    """Give the verifier, or the holder, what was shown; the entry comes first.

    What a holder asked itself for, in order to show who it is, is given to whom it was then shown (`shown_to`); what
    somebody else asked for never is.

    Raises:
        PresentationMissing: nothing was shown under this id.
        NotPermitted: the actor neither asked nor showed, nor was it shown to the actor.
        RequestWithdrawn, PresentationExpired: it is not to be relied on any more.
    """
    row = require_presentation(state.db, command.presentation)
    if actor.id not in (row.verifier, row.presenter):
        (shown_to if row.verifier == row.presenter else nobody_else)(actor, command.presentation, state)
    if row.state == "withdrawn":
        raise RequestWithdrawn("what was shown was withdrawn")
    if row.state != "presented":
        raise PresentationMissing("nothing was shown yet")
    if row.relied_until_ms <= state.now_ms:
        raise PresentationExpired("what was shown is not to be relied on any more", hint="ask again")
    factors = read_factors(kept(state.document(row.factors)))
    vp = kept(state.document(row.vp)).decode() if command.vp else None
    request = read_request(kept(state.document(row.request)))
    draft = Draft(READ.name, presentation_stream(command.presentation), Read(factors=Digest(row.factors)))
    return Decision((draft,), ShownFactors(factors=factors, request=request, vp=vp))


def withdraw_presentation(actor: Actor, command: WithdrawPresentation, state: State) -> Decision:
    """End a request, asked by its verifier or by the holder that it names; or what was shown, by its holder.

    What was shown is destroyed with it: the ledger keeps that it was shown, and to whom.

    Raises:
        PresentationMissing, RequestWithdrawn: there is nothing to end.
        NotPermitted: it is another's.
    """
    row = require_presentation(state.db, command.presentation)
    if row.state == "withdrawn":
        raise RequestWithdrawn("it was withdrawn already")
    may = (row.presenter,) if row.state == "presented" else (row.verifier, row.holder)
    if actor.id not in may:
        raise NotPermitted("only who asked may withdraw a request, and only its holder what was shown")
    draft = Draft(WITHDRAWN.name, presentation_stream(command.presentation), Withdrawn())
    shown = (row.vp, row.factors) if row.state == "presented" else ()
    return Decision((draft,), forgets=shown)


def require_presentation(db: apsw.Connection, presentation: str) -> PresentationRow:
    """Return a presentation; raises `PresentationMissing`."""
    row = store.find_presentation(db, presentation)
    if row is None:
        raise PresentationMissing(f"nothing was requested under `{presentation}`")
    return row


def _accepted(state: State, actor_id: str) -> tuple[AcceptedRow, ...]:
    known = state.memory_of(store.STORE)
    rows: tuple[AcceptedRow, ...] | None = known.get(actor_id)
    if rows is None:
        rows = store.accepted_of(state.db, actor_id, after_ms=state.now_ms, limit=RELIED_ON_MAX)
        known[actor_id] = rows
    return rows


def _in_force(document: PresentedFactors, state: State, actor_id: str) -> Iterator[PresentedFactor]:
    for credential in document.credentials:
        try:
            verified_ms = require_in_force(state, credential, holder=actor_id)
        except TelesphorError:
            continue
        for factor in credential.factors:
            if factor.value.isascii() and factor.value.isprintable():
                yield _last_verified(factor, verified_ms)


def _last_verified(factor: PresentedFactor, verified_ms: int) -> PresentedFactor:
    """The factor as of when its issuer verified it last: after it was issued, the ledger knows better."""
    at = format_instant(verified_ms)
    if factor.vouched != "issuer" or at <= factor.verified_at:
        return factor
    return msgspec.structs.replace(factor, verified_at=at)


def check_open(row: PresentationRow, *, now_ms: int) -> None:
    """Let only a request pass that can still be answered.

    Raises:
        RequestAnswered, RequestWithdrawn, PresentationExpired
    """
    if row.state == "presented":
        raise RequestAnswered("the request was answered already", hint="the verifier asks anew")
    if row.state == "withdrawn":
        raise RequestWithdrawn("the request was withdrawn")
    if row.expires_ms <= now_ms:
        raise PresentationExpired("the request has expired", hint="the verifier asks anew")


def kept(document: bytes | None) -> bytes:
    """A document that must be there; raises `PresentationMissing` where it was forgotten."""
    if document is None:
        raise PresentationMissing("what was asked or shown is not kept any more")
    return document


def presentation_stream(presentation: str) -> Stream:
    """The stream of a presentation."""
    return stream_of(PRESENTATION_STREAM, presentation)
