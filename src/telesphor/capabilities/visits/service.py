"""The use cases of visits: open, read, add, record, close, export.

Who asks comes first everywhere: access decides by its rules, and `_open_visit_for` refuses whoever has no part in
the visit, before anything else is looked at. Reading goes through the vault's own decision, which is handed in, so
that a read within a visit obeys exactly the rules of any other read and leaves the same entries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from telesphor.capabilities.access.model import Action, Allowed, Ask, Resource, ResourceKind, house_of
from telesphor.capabilities.access.service import authorise, permit_standing
from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.access.tokens.policies import holders_of_device
from telesphor.capabilities.devices.service import RecordReading, draft_reading, own_sealed_object
from telesphor.capabilities.identity.enrolment.service import find_enrolment
from telesphor.capabilities.identity.model import (
    ActorIdField,
    ActorKind,
    ObjectIdField,
    VisitIdField,
    require_kind,
)
from telesphor.capabilities.identity.service import active_kind, own_id
from telesphor.capabilities.interchain.model import PROOF_STREAM, PositionField, ProofIdField
from telesphor.capabilities.interchain.service import require_fact
from telesphor.capabilities.visits import store
from telesphor.capabilities.visits.entries import (
    VISIT_CLOSED,
    VISIT_EXPORTED,
    VISIT_OBJECT_LINKED,
    VISIT_OPENED,
    ObjectLinked,
    VisitClosedBody,
    VisitExported,
    VisitOpened,
)
from telesphor.capabilities.visits.grounds import check_ground
from telesphor.capabilities.visits.model import (
    BUILT_ON,
    BUNDLE_TICKET_SECONDS,
    DEVICES_MAX,
    EXPORTS_STREAM,
    STREAM_CHARS_MAX,
    VISIT_ENTRIES_MAX,
    VISIT_STREAM,
    AddedRole,
    AlreadyLinked,
    BundleGrant,
    BundleTicket,
    GroundRole,
    LinkRole,
    NotAParticipant,
    ObjectOfAnotherVisit,
    ParticipantRefused,
    VisitClosed,
    VisitExists,
    VisitFull,
    VisitMissing,
    VisitNotClosed,
    VisitRow,
)
from telesphor.kernel.digest import format_digest
from telesphor.kernel.ids import Stream, VisitId, stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, Receipt, State
from telesphor.runtime.tickets import Tickets
from telesphor.vault.model import Location, Purpose, ReadObject, stream_of_object

DecideRead = Callable[[Actor, ReadObject, State], Decision]
"""The vault's decision of `object.read/1`; its last draft is the read's entry."""


class OpenVisit(Body, frozen=True, kw_only=True):
    """Open a visit under a fresh id; asked by its clinician, an organisation or a system."""

    visit: VisitIdField
    patient: ActorIdField
    clinician: ActorIdField
    devices: Annotated[tuple[ActorIdField, ...], Meta(max_length=DEVICES_MAX)]


class OpenVisitOnProof(OpenVisit, frozen=True, kw_only=True):
    """Open a visit that goes on from one that another organisation's ledger has closed, as a proof shows."""

    proof: ProofIdField
    position: PositionField


class ReadInVisit(Body, frozen=True, kw_only=True):
    """Read an object within a visit; asked by its patient or its clinician."""

    visit: VisitIdField
    object: ObjectIdField
    purpose: Purpose
    location: Location | None = None


class AddToVisit(Body, frozen=True, kw_only=True):
    """Link a sealed object of one's own; asked by the patient or the clinician."""

    visit: VisitIdField
    object: ObjectIdField
    role: AddedRole


class RecordInVisit(RecordReading, frozen=True, kw_only=True):
    """Record readings within a visit; asked by one of its devices."""

    visit: VisitIdField


class LinkToVisit(Body, frozen=True, kw_only=True):
    """Link number `n` of another stream as what the visit rests on; asked by a participant or an organisation."""

    visit: VisitIdField
    stream: Annotated[str, Meta(max_length=STREAM_CHARS_MAX)]
    n: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    role: GroundRole


class CloseVisit(Body, frozen=True, kw_only=True):
    """Close a visit for good; asked by its clinician, whoever opened it, or an organisation."""

    visit: VisitIdField


class ExportVisit(Body, frozen=True, kw_only=True):
    """Ask for the proof bundle of a closed visit; a participant or an organisation may."""

    visit: VisitIdField


def _draft_opening(actor: Actor, command: OpenVisit, state: State) -> Draft:
    require_kind(actor, ActorKind.PERSON, ActorKind.ORGANISATION, ActorKind.SYSTEM)
    if actor.kind == ActorKind.PERSON and actor.id != command.clinician:
        raise NotAParticipant("a person opens only visits whose clinician it is")
    stream = _visit_stream(command.visit)
    if state.next_n(stream) != 0:
        raise VisitExists(f"the id `{command.visit}` was used for a visit before", hint="make a new id")
    _check_parties(command, state)
    body = VisitOpened(patient=command.patient, clinician=command.clinician, devices=command.devices)
    return Draft(VISIT_OPENED.name, stream, body)


def add_object(actor: Actor, command: AddToVisit, state: State) -> Decision:
    """Link a note, a recording or a record that the participant wrote and sealed.

    Raises:
        VisitMissing, NotAParticipant, VisitClosed, VisitFull: as for every step.
        ObjectMissing, NotTheOwner, ObjectNotSealed, ObjectErased, ObjectOfAnotherVisit, AlreadyLinked.
    """
    visit = _open_visit_for(actor, command.visit, state)
    row = own_sealed_object(actor, command.object, state)
    if row.visit not in (None, visit.visit):
        raise ObjectOfAnotherVisit(f"object `{command.object}` was written for another visit")
    assert row.sealed_n is not None, "sealed objects have the number of their seal"
    stream = stream_of_object(command.object)
    return Decision((_link(visit, stream=stream, n=row.sealed_n, role=LinkRole(command.role), state=state),))


def link_ground(actor: Actor, command: LinkToVisit, state: State) -> Decision:
    """Link what the visit rests on: a decision, a presentation, a device's connection, a grant, a contract's run.

    A participant asks, or an organisation, while the visit is open; `check_ground` says what may be linked.

    Raises:
        VisitMissing, NotAParticipant, VisitClosed, VisitFull: as for every step.
        NotAGround, EntryTooFarBack: as `check_ground`.
        AlreadyLinked.
    """
    visit = _find_visit(command.visit, state)
    if actor.kind != ActorKind.ORGANISATION:
        _check_participant(actor, visit)
    _check_open(visit)
    role = LinkRole(command.role)
    stream = check_ground(actor, visit, stream=command.stream, n=command.n, role=role, state=state)
    return Decision((_link(visit, stream=stream, n=command.n, role=role, state=state),))


class VisitDesk:
    """The use cases that ask access, or hand out tickets.

    Args:
        decide_read: the vault's decision of `object.read/1`; its last draft is the read's entry.
        tickets: where export tickets are issued.
        sources: what decisions of access are told.
    """

    def __init__(self, *, decide_read: DecideRead, tickets: Tickets, sources: Sources = NOTHING) -> None:
        self._decide_read = decide_read
        self._tickets = tickets
        self._sources = sources

    def open_visit(self, actor: Actor, command: OpenVisit, state: State) -> Decision:
        """Begin a visit.

        Raises:
            AccessDenied, NotPermitted, NotAParticipant: the actor may not open this visit.
            VisitExists: the id was used before.
            ActorMissing, ActorRetired, ParticipantRefused: somebody named cannot take part.
        """
        allowed = self._permit(actor, Action.OPEN_VISIT, state)
        return _beside(allowed, _draft_opening(actor, command, state))

    def open_visit_on_proof(self, actor: Actor, command: OpenVisitOnProof, state: State) -> Decision:
        """Begin a visit that is built on an accepted fact: a visit closed in another organisation's ledger.

        The entry by which the node accepted the proof is linked, so that the visit's own proof holds it.

        Raises:
            FactMissing: no accepted proof gives such a fact at this position; and as `open_visit`.
        """
        allowed = self._permit(actor, Action.OPEN_VISIT, state)
        opening = _draft_opening(actor, command, state)
        fact = require_fact(state.db, proof=command.proof, position=command.position, type=BUILT_ON)
        body = ObjectLinked(stream=stream_of(PROOF_STREAM, fact.proof), n=fact.n, role=LinkRole.PROOF)
        return _beside(allowed, opening, Draft(VISIT_OBJECT_LINKED.name, opening.stream, body))

    def record_reading(self, actor: Actor, command: RecordInVisit, state: State) -> Decision:
        """Record readings of a registered device, and link them, as two entries of one request.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, VisitClosed, VisitFull; and as `devices.draft_reading`.
        """
        require_kind(actor, ActorKind.DEVICE)
        allowed = self._permit(actor, Action.RECORD, state)
        visit = _find_visit(command.visit, state)
        if not store.has_device(state.db, visit=visit.visit, device=actor.id):
            raise NotAParticipant("the device is not one of this visit")
        _check_open(visit, adding=1 + len(allowed.drafts))
        if own_sealed_object(actor, command.object, state).visit not in (None, visit.visit):
            raise ObjectOfAnotherVisit(f"object `{command.object}` was written for another visit")
        reading = draft_reading(actor, command, state, visit=visit.visit)
        n = state.next_n(reading.stream)
        link = _link(visit, stream=Stream(reading.stream), n=n, role=LinkRole.READING, state=state)
        grounds = _link_grounds(visit, allowed, state)
        return Decision((reading, link, *allowed.drafts, *grounds), documents=allowed.documents)

    def close_visit(self, actor: Actor, command: CloseVisit, state: State) -> Decision:
        """End a visit, committing to the complete list of its entries.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, VisitClosed.
        """
        visit = _find_visit(command.visit, state)
        allowed = self._authorise(actor, Action.CLOSE_VISIT, visit, state)
        if actor.id not in (visit.clinician, visit.opened_by) and actor.kind != ActorKind.ORGANISATION:
            raise NotAParticipant("the clinician, whoever opened the visit, or an organisation closes it")
        if visit.state == "closed":
            raise VisitClosed("the visit is closed already")
        body = VisitClosedBody(count=visit.entries, root=format_digest(visit.root))
        return _beside(allowed, Draft(VISIT_CLOSED.name, _visit_stream(visit.visit), body))

    def read_object(self, actor: Actor, command: ReadInVisit, state: State) -> Decision:
        """Decide a read by the vault's rules, and link it with its decision; answers with the vault's ticket.

        Raises:
            VisitMissing, NotAParticipant, VisitClosed, VisitFull; and what the vault refuses.
        """
        visit = _find_visit(command.visit, state)
        ask = ReadObject(
            object=command.object, purpose=command.purpose, visit=visit.visit, location=command.location
        )
        # Access first: that an outsider asked is a fact, whatever else stands in the way.
        read = self._decide_read(actor, ask, state)
        _check_participant(actor, visit)
        _check_open(visit, adding=len(read.drafts))
        links = [
            _link(
                visit,
                stream=Stream(draft.stream),
                n=state.next_n(draft.stream),
                role=LinkRole.READ if draft is read.drafts[-1] else LinkRole.ACCESS,
                state=state,
            )
            for draft in reversed(read.drafts)
        ]
        return read._replace(drafts=(*read.drafts, *links))

    def export_visit(self, actor: Actor, command: ExportVisit, state: State) -> Decision:
        """Note that the actor is given the proof of a closed visit, then issue the ticket for it.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, VisitNotClosed.
        """
        visit = _find_visit(command.visit, state)
        allowed = self._authorise(actor, Action.EXPORT, visit, state)
        if actor.id not in (visit.patient, visit.clinician) and actor.kind != ActorKind.ORGANISATION:
            raise NotAParticipant("a participant or an organisation exports a visit")
        if visit.state != "closed":
            raise VisitNotClosed(
                "the visit is still open", hint="close it first: only then is its list complete"
            )
        draft = Draft(
            VISIT_EXPORTED.name,
            stream_of(EXPORTS_STREAM, visit.visit),
            VisitExported(entries=visit.entries),
        )
        grant = BundleGrant(visit=visit.visit, actor=actor.id)

        def issue(_receipt: Receipt) -> msgspec.Struct:
            ticket = self._tickets.issue(grant, lifetime_seconds=BUNDLE_TICKET_SECONDS)
            return BundleTicket(visit=visit.visit, ticket=ticket, path=bundle_path(visit.visit))

        return Decision((draft, *allowed.drafts), None, issue, allowed.documents)

    def _permit(self, actor: Actor, action: Action, state: State) -> Allowed:
        """For commands that release nothing: what stands decided costs a look-up."""
        ask = Ask(action=action, resource=house_of(own_id(state)))
        return permit_standing(actor, ask, state, sources=self._sources)

    def _authorise(self, actor: Actor, action: Action, visit: VisitRow, state: State) -> Allowed:
        ask = Ask(action=action, resource=_resource(visit))
        return authorise(actor, ask, state, sources=self._sources)


def find_visit_resource(state: State, visit_id: str) -> Resource:
    """A visit as rules see it; raises `VisitMissing`."""
    return _resource(_find_visit(VisitId(visit_id), state))


def bundle_path(visit: str) -> str:
    """Where the bundle of a visit is fetched."""
    return f"/v1/visits/{visit}/bundle"


def _visit_stream(visit: str) -> Stream:
    return stream_of(VISIT_STREAM, visit)


def _find_visit(visit_id: VisitId, state: State) -> VisitRow:
    visit = store.find_visit(state.db, visit_id)
    if visit is None:
        raise VisitMissing(f"there is no visit `{visit_id}`")
    return visit


def _resource(visit: VisitRow) -> Resource:
    """A visit as rules see it: of whoever opened it, about its patient, with its two participants."""
    return Resource(
        kind=ResourceKind.VISIT,
        id=visit.visit,
        owner=visit.opened_by,
        subject=visit.patient,
        readers=(visit.patient, visit.clinician),
    )


def _beside(allowed: Allowed, *drafts: Draft) -> Decision:
    """A command's own entries, and what its permission must record behind them."""
    return Decision((*drafts, *allowed.drafts), documents=allowed.documents)


def _open_visit_for(actor: Actor, visit_id: VisitId, state: State) -> VisitRow:
    visit = _find_visit(visit_id, state)
    _check_participant(actor, visit)
    _check_open(visit)
    return visit


def _check_participant(actor: Actor, visit: VisitRow) -> None:
    if actor.id not in (visit.patient, visit.clinician):
        raise NotAParticipant("only the visit's patient and clinician may do this")


def _check_open(visit: VisitRow, *, adding: int = 1) -> None:
    if visit.state == "closed":
        raise VisitClosed("the visit is closed; nothing can be added")
    if visit.entries + adding > VISIT_ENTRIES_MAX - 1:  # the last place is that of `visit.closed`
        raise VisitFull(
            f"a visit has at most `{VISIT_ENTRIES_MAX}` entries", hint="close it and open another"
        )


def _check_parties(command: OpenVisit, state: State) -> None:
    if command.patient == command.clinician:
        raise ParticipantRefused("the patient and the clinician are the same person")
    if len(set(command.devices)) != len(command.devices):
        raise ParticipantRefused("a device is named twice")
    people = (command.patient, command.clinician)
    wanted = [(actor, ActorKind.PERSON) for actor in people]
    wanted += [(device, ActorKind.DEVICE) for device in command.devices]
    for actor_id, kind in wanted:
        if active_kind(state, actor_id) != kind:
            raise ParticipantRefused(f"actor `{actor_id}` is not of kind `{kind}`")
    for device in command.devices:
        _check_device(device, patient=command.patient, state=state)


def _check_device(device: str, *, patient: str, state: State) -> None:
    """An enrolled device measures its holder; without one its owner, or anybody where an organisation owns it."""
    enrolment = find_enrolment(state.db, device)
    if enrolment is None:
        return
    holders = holders_of_device(state, device)
    if not holders and active_kind(state, enrolment.owner) != ActorKind.PERSON:
        return
    if patient not in (holders or {enrolment.owner}):
        raise ParticipantRefused(
            f"device `{device}` is another's",
            hint="its owner or an organisation grants it to the patient first",
        )


def _link_grounds(visit: VisitRow, allowed: Allowed, state: State) -> list[Draft]:
    """What a step was decided on, linked with it, so that the visit's proof holds the decision."""
    return [
        _link(
            visit,
            stream=Stream(draft.stream),
            n=state.next_n(draft.stream),
            role=LinkRole.ACCESS,
            state=state,
        )
        for draft in allowed.drafts
    ]


def _link(visit: VisitRow, *, stream: Stream, n: int, role: LinkRole, state: State) -> Draft:
    if store.has_link(state.db, visit=visit.visit, stream=stream, n=n):
        raise AlreadyLinked(f"entry `{n}` of `{stream}` is linked to this visit already")
    return Draft(
        VISIT_OBJECT_LINKED.name, _visit_stream(visit.visit), ObjectLinked(stream=stream, n=n, role=role)
    )
