"""Asking for factors and answering: the use cases that give tickets, and that answers take.

An answer takes two steps. `PresentationDesk.receive` takes its bytes and verifies them, outside the writer, and holds
the outcome in memory; the holder's signed `presentation.present/1` then names them by digest, and the writer asks
again what may have changed meanwhile. So what the holder shows is never in a signed request, which is kept for ever.

Start at `PresentationDesk`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial

import apsw

from telesphor.capabilities.identity.credentials.issuers import resolve_issuer
from telesphor.capabilities.identity.credentials.refusals import HolderMismatch
from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.presentations import store
from telesphor.capabilities.identity.presentations.documents import (
    commit_to_factors,
    read_request,
    read_response,
    write_document,
)
from telesphor.capabilities.identity.presentations.entries import (
    OPENED,
    PRESENTED,
    REFUSED,
    REQUESTED,
    Opened,
    Presented,
    Refused,
    Requested,
)
from telesphor.capabilities.identity.presentations.model import (
    AUDIENCE_CHARS_MAX,
    OPEN_MAX,
    REFUSALS_MAX,
    REQUEST_SECONDS_MAX,
    FactorNotShown,
    FactorSuperfluous,
    NonceUsed,
    OpenedRequest,
    PresentationExists,
    PresentationId,
    PresentationRefused,
    PresentationRequest,
    PresentationRow,
    PresentedFactors,
    RequestGrant,
    RequestLink,
    RequestMismatch,
    RequestRefused,
    RequestsTooMany,
    ResponseMissing,
    WrongHolder,
)
from telesphor.capabilities.identity.presentations.response import Shown, verify_response
from telesphor.capabilities.identity.presentations.service import (
    OpenRequest,
    Present,
    RequestFactors,
    audience_of,
    base_path_of,
    check_open,
    kept,
    presentation_stream,
    require_presentation,
)
from telesphor.capabilities.identity.presentations.standing import require_in_force
from telesphor.capabilities.identity.presentations.waiting import WaitingAnswers
from telesphor.capabilities.identity.service import active_actor, node_of
from telesphor.kernel.clock import Clock, format_instant, parse_instant
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.capability import Actor, Decision, Draft, Receipt, State
from telesphor.runtime.tickets import LIFETIME_SECONDS_MAX, Tickets

VERIFIERS = (ActorKind.PERSON, ActorKind.SYSTEM, ActorKind.ORGANISATION)
HOLDERS = (ActorKind.PERSON, ActorKind.DEVICE, ActorKind.SYSTEM, ActorKind.ORGANISATION)

ReadDocument = Callable[[Digest], bytes | None]
"""A committed document by its digest; None when there is none such, or it was forgotten."""


class PresentationDesk:
    """The use cases that give tickets, or that answers take. Safe between threads.

    Args:
        open_db: opens a read-only connection to the state tables.
        read_document: reads committed documents.
    """

    def __init__(
        self,
        *,
        tickets: Tickets,
        clock: Clock,
        open_db: Callable[[], apsw.Connection],
        read_document: ReadDocument,
    ) -> None:
        self.tickets = tickets
        self.waiting = WaitingAnswers(clock=clock)
        self._clock = clock
        self._open_db = open_db
        self._read_document = read_document

    def request_factors(self, actor: Actor, command: RequestFactors, state: State) -> Decision:
        """Keep the request, and give its link, for the verifier to hand on.

        Raises:
            NotPermitted: the actor is a device, the node or its root.
            PresentationExists, NonceUsed: the id or the nonce was used before.
            RequestRefused: a factor is asked for twice, or it ends in the past or too late.
            ActorMissing, ActorRetired: the holder is not there to be asked.
            RequestsTooMany: `OPEN_MAX` requests of the actor wait for the holder already.
        """
        require_kind(actor, *VERIFIERS)
        nonce = digest_of(command.nonce.encode())
        if store.find_presentation(state.db, command.presentation) is not None:
            raise PresentationExists(f"the id `{command.presentation}` was used before", hint="make a new id")
        if store.nonce_is_used(state.db, nonce):
            raise NonceUsed("the nonce stood in a request before", hint="make a new one")
        _check_request(command, now_ms=state.now_ms)
        if command.holder is not None:
            _check_holder_kind(active_actor(state.db, command.holder).kind)
            _check_room(actor, command.holder, state)
        document = write_document(_request_of(actor, command, origin=node_of(state.db)[1]))
        digest = digest_of(document)
        body = Requested(
            request=digest,
            nonce=nonce,
            purpose=command.purpose,
            holder=command.holder,
            expires_at=command.expires_at,
        )
        lifetime = (parse_instant(command.expires_at) - state.now_ms) // 1000

        def issue(_receipt: Receipt) -> RequestLink:
            return self._link(command.presentation, digest, lifetime_seconds=lifetime)

        draft = Draft(REQUESTED.name, presentation_stream(command.presentation), body)
        return Decision((draft,), None, issue, (document,))

    def open_request(self, actor: Actor, command: OpenRequest, state: State) -> Decision:
        """Note that an actor looked at the request, then show it, with a ticket to answer it with.

        Raises:
            PresentationMissing, RequestAnswered, RequestWithdrawn, PresentationExpired: there is nothing to answer.
            WrongHolder: another actor is asked.
        """
        row = require_presentation(state.db, command.presentation)
        if actor.id != row.verifier:
            _check_holder(actor, row)
        check_open(row, now_ms=state.now_ms)
        request = read_request(kept(state.document(row.request)))
        lifetime = (row.expires_ms - state.now_ms) // 1000

        def issue(_receipt: Receipt) -> OpenedRequest:
            link = self._link(command.presentation, row.request, lifetime_seconds=lifetime)
            return OpenedRequest(request=request, link=link)

        draft = Draft(OPENED.name, presentation_stream(command.presentation), Opened(request=row.request))
        return Decision((draft,), None, issue)

    def find_request(self, grant: RequestGrant) -> bytes:
        """The request document, for whoever holds a ticket of it.

        Raises:
            PresentationMissing, RequestAnswered, RequestWithdrawn, PresentationExpired: there is nothing to answer.
        """
        with closing(self._open_db()) as db:
            row = require_presentation(db, grant.presentation)
        check_open(row, now_ms=self._clock.now_ms())
        return kept(self._read_document(row.request))

    def receive(self, grant: RequestGrant, data: bytes) -> Digest:
        """Verify an answer and hold it, good or not, for the command that names it by the digest returned.

        Raises:
            PresentationMissing, RequestAnswered, RequestWithdrawn, PresentationExpired: nobody waits for it.
            ResponsesFull: too many wait.
        """
        request = read_request(self.find_request(grant))
        now_ms = self._clock.now_ms()
        outcome: Shown | TelesphorError
        try:
            response = read_response(data)
            with closing(self._open_db()) as db:
                resolve = partial(resolve_issuer, db, holder=response.holder)
                outcome = verify_response(response, request=request, resolve=resolve, now_ms=now_ms)
        except TelesphorError as error:
            outcome = error
        return self.waiting.keep(grant.presentation, data, outcome)

    def present(self, actor: Actor, command: Present, state: State) -> Decision:
        """Note that the holder showed what it approved; or that its answer was refused, and why.

        1. The request is open, asks this actor, and is the one that was approved.
        2. The answer verified, bound by the actor's present pair.
        3. It shows exactly what was approved.
        4. Its credentials and issuers still hold.

        Raises:
            PresentationMissing, ResponseMissing: there is no such request, or the answer was not sent; no entry.
            PresentationRefused: the answer is refused, with the code of its cause; the ledger says so, unless
                `REFUSALS_MAX` of them stand there already.
        """
        row = require_presentation(state.db, command.presentation)
        stream = presentation_stream(command.presentation)
        try:
            _check_asked(actor, command, row, now_ms=state.now_ms)
            held = self.waiting.find(command.presentation, command.vp)
            shown = _judge(actor, command, state, outcome=held.outcome)
        except ResponseMissing:
            raise
        except TelesphorError as error:
            if row.refusals >= REFUSALS_MAX:
                raise
            refused = Refused(vp=command.vp, cause=error.code)
            raise PresentationRefused(error, drafts=(Draft(REFUSED.name, stream, refused),)) from error
        request = read_request(kept(state.document(row.request)))
        factors = _factors_of(actor, shown, state, request=request)
        document = write_document(factors)
        body = Presented(
            request=row.request,
            vp=command.vp,
            factors=digest_of(document),
            shown=commit_to_factors(factors),
            expires_at=factors.expires_at,
        )

        def finish(_receipt: Receipt) -> None:
            self.waiting.forget(command.presentation)

        return Decision(
            (Draft(PRESENTED.name, stream, body),), None, finish, (held.data, document, *shown.lists.values())
        )

    def _link(self, presentation: PresentationId, request: Digest, *, lifetime_seconds: int) -> RequestLink:
        grant = RequestGrant(presentation=presentation, request=request)
        lifetime = min(max(lifetime_seconds, 1), LIFETIME_SECONDS_MAX)
        base = base_path_of(presentation)
        return RequestLink(
            presentation=presentation,
            request=request,
            ticket=self.tickets.issue(grant, lifetime_seconds=lifetime),
            request_uri=f"{base}/request",
            response_uri=f"{base}/response",
        )


def _check_request(command: RequestFactors, *, now_ms: int) -> None:
    if len({factor.factor for factor in command.wanted}) != len(command.wanted):
        raise RequestRefused("a factor is asked for twice", hint="name each once")
    expires_ms = parse_instant(command.expires_at)
    if not now_ms < expires_ms <= now_ms + REQUEST_SECONDS_MAX * 1000:
        raise RequestRefused(f"a request ends after now, and within `{REQUEST_SECONDS_MAX // 86_400}` days")


def _check_room(verifier: Actor, holder: str, state: State) -> None:
    """A person looks through what others ask of it: nobody may fill that list alone."""
    if holder == verifier.id:
        return
    if store.count_asked(state.db, holder, verifier.id, after_ms=state.now_ms) >= OPEN_MAX:
        text = f"`{OPEN_MAX}` requests of this verifier wait for the holder already"
        raise RequestsTooMany(text, hint="withdraw one, or wait until it is answered or ends")


def _request_of(actor: Actor, command: RequestFactors, *, origin: str) -> PresentationRequest:
    audience = audience_of(origin, actor.id)
    if len(audience) > AUDIENCE_CHARS_MAX:
        raise RequestRefused("the node's origin is too long to be named in a presentation")
    return PresentationRequest(
        format="telesphor-presentation-request/1",
        v=1,
        presentation=command.presentation,
        node=origin,
        verifier=actor.id,
        audience=audience,
        nonce=command.nonce,
        wanted=command.wanted,
        purpose=command.purpose,
        holder=command.holder,
        expires_at=command.expires_at,
        relied_seconds=command.relied_seconds,
    )


def _check_asked(actor: Actor, command: Present, row: PresentationRow, *, now_ms: int) -> None:
    """Step 1 of `PresentationDesk.present`."""
    _check_holder(actor, row)
    check_open(row, now_ms=now_ms)
    if command.request != row.request:
        raise RequestMismatch(
            "the holder approved another request than this one", hint="look at the request again"
        )


def _judge(actor: Actor, command: Present, state: State, *, outcome: Shown | TelesphorError) -> Shown:
    """Steps 2 to 4 of `PresentationDesk.present`."""
    if isinstance(outcome, TelesphorError):
        raise outcome
    if outcome.holder != actor.id:
        raise WrongHolder("the answer is another actor's")
    if outcome.keys != actor.key_id:
        raise HolderMismatch("the credentials are not bound to the actor's present keys")
    _check_approved(command.approved, outcome.factors)
    for credential in outcome.credentials:
        require_in_force(state, credential, holder=actor.id)
    return outcome


def _check_holder(actor: Actor, row: PresentationRow) -> None:
    _check_holder_kind(actor.kind)
    if row.holder and actor.id != row.holder:
        raise WrongHolder("another actor is asked")


def _check_holder_kind(kind: str) -> None:
    if kind not in HOLDERS:
        raise NotPermitted(f"an actor of kind `{kind}` holds no credentials")


def _check_approved(approved: tuple[str, ...], shown: tuple[str, ...]) -> None:
    """INVARIANT: what is shown is what the holder signed that it approved, no more and no less."""
    if set(shown) - set(approved):
        raise FactorSuperfluous("a factor is shown that the holder did not approve")
    if set(approved) - set(shown) or len(approved) != len(shown):
        raise FactorNotShown("a factor that the holder approved is not shown, or is named twice")


def _factors_of(
    actor: Actor, shown: Shown, state: State, *, request: PresentationRequest
) -> PresentedFactors:
    relied_ms = state.now_ms + request.relied_seconds * 1000
    until_ms = min(relied_ms, *(credential.expires_ms for credential in shown.credentials))
    return PresentedFactors(
        format="telesphor-presented-factors/1",
        v=1,
        salt=state.new_nonce(),
        presentation=request.presentation,
        verifier=request.verifier,
        holder=actor.id,
        keys=actor.key_id,
        purpose=request.purpose,
        presented_at=format_instant(state.now_ms),
        expires_at=format_instant(until_ms),
        commitment_seed=state.new_nonce() + state.new_nonce(),
        credentials=shown.credentials,
    )
