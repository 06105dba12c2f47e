"""The identity check: factors that a participant presents, or identifiers that a clinician asked for."""

from __future__ import annotations

from typing import Final

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.identity.model import ActorIdField, NotPermitted, VisitIdField
from telesphor.capabilities.identity.presentations.documents import read_factors
from telesphor.capabilities.identity.presentations.entries import PRESENTED
from telesphor.capabilities.identity.presentations.model import PresentationMissing, PresentedFactors
from telesphor.capabilities.identity.presentations.service import presentation_stream, require_presentation
from telesphor.capabilities.identity.presentations.standing import require_in_force
from telesphor.capabilities.visits.life import store as life_store
from telesphor.capabilities.visits.life.entries import (
    IDENTITY_CONFIRMED,
    IDENTITY_PRESENTED,
    IdentifiersField,
    IdentityConfirmed,
    IdentityPresented,
)
from telesphor.capabilities.visits.life.model import CLINICAL, LIVING, IdentityRefused, SeatRole, SeatState
from telesphor.capabilities.visits.life.steps import check_phase
from telesphor.capabilities.visits.links import draft_link
from telesphor.capabilities.visits.model import LinkRole
from telesphor.capabilities.visits.scene import (
    AskAbout,
    beside,
    check_open,
    find_scene,
    own_clinical_seat,
    own_seat,
    stream_of_visit,
)
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import Stream
from telesphor.ledger.lookup import find_entry
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

IDENTITY_GROUP: Final = "identity"

VISITS_LOOKED_AT_MAX: Final = 8
"""Visits in which one presentation stands: who comes again shows itself again, within the hours that it counts."""

LOOKED_AT_MAX: Final = 64
"""Entries of a presentation's stream before it was shown: its request, some openings, at most 16 refusals."""


class ConfirmIdentity(Body, frozen=True, kw_only=True):
    """Say that a participant gave identifiers of these kinds, and that they were right. What they are is nowhere."""

    visit: VisitIdField
    participant: ActorIdField
    identifiers: IdentifiersField


class PresentIdentity(Body, frozen=True, kw_only=True):
    """Show who one is by a presentation that one made before; it comes into the visit's proof."""

    visit: VisitIdField
    presentation: ActorIdField


class IdentityDesk:
    """The use cases of the identity check.

    Args:
        ask: asks access about a visit.
    """

    def __init__(self, *, ask: AskAbout) -> None:
        self._ask = ask

    def confirm_identity(self, actor: Actor, command: ConfirmIdentity, state: State) -> Decision:
        """Note that a clinician asked a participant for identifiers.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted
            VisitEnded, VisitClosed, VisitFull
            IdentityRefused: an identifier is named twice, or there is nobody to confirm.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        own_clinical_seat(actor, scene, in_room=False)
        check_phase(scene.life.phase, LIVING)
        seat = scene.seat_of(command.participant)
        if seat is None or seat.state is SeatState.REMOVED or command.participant == actor.id:
            raise IdentityRefused("there is no such participant whom the actor could confirm")
        if len(set(command.identifiers)) != len(command.identifiers):
            raise IdentityRefused("an identifier is named twice", hint="ask for two that are different")
        check_open(scene.visit, state.db)
        body = IdentityConfirmed(participant=command.participant, identifiers=command.identifiers)
        return beside(allowed, Draft(IDENTITY_CONFIRMED.name, stream_of_visit(command.visit), body))

    def present_identity(self, actor: Actor, command: PresentIdentity, state: State) -> Decision:
        """Note that a participant showed who it is, and link what it showed.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted
            VisitEnded, VisitClosed, VisitFull, AlreadyLinked
            IdentityRefused: the presentation is not the actor's own, stands no more, or says nothing of its identity.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        own_seat(actor, scene)
        check_phase(scene.life.phase, LIVING)
        check_open(scene.visit, state.db, adding=2)
        _check_shows_identity(actor, command.presentation, state)
        stream = presentation_stream(command.presentation)
        link = draft_link(
            scene.visit,
            stream=stream,
            n=_number_of_showing(stream, state),
            role=LinkRole.PRESENTATION,
            state=state,
        )
        body = IdentityPresented(presentation=command.presentation)
        return beside(allowed, Draft(IDENTITY_PRESENTED.name, stream_of_visit(command.visit), body), link)


def check_shown_to(actor: Actor, presentation: str, state: State) -> None:
    """Let those pass to whom a participant has shown itself: a visit's clinician, and a colleague in its room.

    Raises:
        NotPermitted: the actor has no such part in a visit that lives and in which this was shown.
    """
    for visit in life_store.visits_showing(state.db, presentation, limit=VISITS_LOOKED_AT_MAX):
        scene = find_scene(visit, state)
        seat = scene.seat_of(actor.id)
        if seat is None or seat.role not in CLINICAL or seat.state is SeatState.REMOVED:
            continue
        is_here = seat.role is SeatRole.CLINICIAN or seat.state is SeatState.ADMITTED
        if is_here and scene.life.phase in LIVING and scene.visit.state == "open":
            return
    raise NotPermitted("nobody has shown this to the actor in a visit that lives")


def _check_shows_identity(actor: Actor, presentation: str, state: State) -> None:
    """The actor showed it, and of what it shows of an identity something stands that others vouch for."""
    try:
        row = require_presentation(state.db, presentation)
    except PresentationMissing as error:
        raise IdentityRefused("nobody has shown anything under this id") from error
    if row.presenter != actor.id or row.state != "presented":
        raise IdentityRefused("the actor has shown nothing under this id that still stands")
    data = state.document(row.factors)
    document = None if data is None or row.relied_until_ms <= state.now_ms else read_factors(data)
    if document is None or document.keys != actor.key_id or not _shows_identity(document, actor, state):
        raise IdentityRefused(
            "no factor of an identity in it stands", hint="present one that an issuer vouches for"
        )


def _shows_identity(document: PresentedFactors, actor: Actor, state: State) -> bool:
    """Whether one of its credentials of an identity holds, for a factor that is not the actor's own word."""
    for credential in document.credentials:
        vouched = any(factor.vouched == "issuer" for factor in credential.factors)
        if credential.group == IDENTITY_GROUP and vouched and not credential.own_word:
            try:
                require_in_force(state, credential, holder=actor.id)
            except TelesphorError:
                continue
            return True
    return False


def _number_of_showing(stream: Stream, state: State) -> int:
    for n in range(1, min(state.next_n(stream), LOOKED_AT_MAX)):
        entry = find_entry(state.db, stream, n)
        if entry is not None and entry.type == PRESENTED.name:
            return n
    raise IdentityRefused("what was shown is not committed yet", hint="wait for its receipt, then name it")
