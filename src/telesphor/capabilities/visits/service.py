"""The use cases of visits as records: open, read, add, record, close, export. How a visit is lived is in `life`.

Who asks comes first everywhere: access decides by its rules, and whoever has no part in the visit is refused
before anything else is looked at. Reading goes through the vault's own decision, which is handed in, so
that a read within a visit obeys exactly the rules of any other read and leaves the same entries.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telesphor.capabilities.access.model import Action, Allowed, Resource
from telesphor.capabilities.access.service import permit_in_house
from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.devices.service import RecordReading, draft_reading, own_sealed_object
from telesphor.capabilities.identity.model import ActorKind, ObjectIdField, VisitIdField, require_kind
from telesphor.capabilities.interchain.model import PROOF_STREAM, PositionField, ProofIdField
from telesphor.capabilities.interchain.service import require_fact
from telesphor.capabilities.visits import store
from telesphor.capabilities.visits.entries import (
    VISIT_CLOSED,
    VISIT_EXPORTED,
    VISIT_OBJECT_LINKED,
    ObjectLinked,
    VisitClosedBody,
    VisitExported,
)
from telesphor.capabilities.visits.grounds import check_ground
from telesphor.capabilities.visits.life.model import CLINICAL, THIRD_PARTIES, Phase, VisitNotEnded
from telesphor.capabilities.visits.links import draft_link, link_grounds
from telesphor.capabilities.visits.model import (
    BUILT_ON,
    BUNDLE_TICKET_SECONDS,
    EXPORTS_STREAM,
    STREAM_CHARS_MAX,
    AddedRole,
    BundleGrant,
    BundleTicket,
    GroundRole,
    LinkRole,
    NotAParticipant,
    ObjectOfAnotherVisit,
    SummaryRefused,
    VisitClosed,
    VisitNotClosed,
)
from telesphor.capabilities.visits.opening import OpenVisit, draft_opening
from telesphor.capabilities.visits.room.model import RecordingRefused, RecordingRunning
from telesphor.capabilities.visits.room.store import find_recording
from telesphor.capabilities.visits.scene import (
    Scene,
    ask_about,
    beside,
    check_open,
    find_scene,
    find_visit,
    leads,
    own_seat,
    resource_of,
    stream_of_visit,
)
from telesphor.kernel.digest import format_digest
from telesphor.kernel.ids import Stream, VisitId, stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, Receipt, State
from telesphor.runtime.tickets import Tickets
from telesphor.vault.model import Location, ObjectRow, Purpose, ReadObject, stream_of_object
from telesphor.vault.store import readers_of

SUMMARY_TYPES: Final = frozenset({"application/fhir+json"})
"""A Composition, a document Bundle of one, or a DocumentReference: the node sees the type, never the content."""

DecideRead = Callable[[Actor, ReadObject, State], Decision]
"""The vault's decision of `object.read/1`; its last draft is the read's entry."""


class OpenVisitOnProof(OpenVisit, frozen=True, kw_only=True):
    """Open a visit that goes on from one that another organisation's ledger has closed, as a proof shows."""

    proof: ProofIdField
    position: PositionField


class ReadInVisit(Body, frozen=True, kw_only=True):
    """Read an object within a visit; asked by its patient or a clinician of it."""

    visit: VisitIdField
    object: ObjectIdField
    purpose: Purpose
    location: Location | None = None


class AddToVisit(Body, frozen=True, kw_only=True):
    """Link a sealed object of one's own; asked by a participant."""

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


def add_object(actor: Actor, command: AddToVisit, state: State) -> Decision:
    """Link a note, a recording, a record or the summary that the participant wrote and sealed.

    Raises:
        VisitMissing, NotAParticipant, ParticipantRemoved, VisitClosed, VisitFull: as for every step.
        ObjectMissing, NotTheOwner, ObjectNotSealed, ObjectErased, ObjectOfAnotherVisit, AlreadyLinked.
        SummaryRefused, VisitNotEnded: it is no summary, or comes too early.
        RecordingRefused, RecordingRunning: the visit was not recorded into it, or still is.
    """
    scene = find_scene(command.visit, state)
    visit, role = scene.visit, LinkRole(command.role)
    _check_adds(actor, role, scene)
    check_open(visit, state.db)
    row = own_sealed_object(actor, command.object, state)
    if row.visit not in (None, visit.visit):
        raise ObjectOfAnotherVisit(f"object `{command.object}` was written for another visit")
    assert row.sealed_n is not None, "sealed objects have the number of their seal"
    if role is LinkRole.SUMMARY:
        _check_summary(row, scene, state)
    if role is LinkRole.RECORDING:
        _check_recorded(row, scene, state)
    stream = stream_of_object(command.object)
    return Decision((draft_link(visit, stream=stream, n=row.sealed_n, role=role, state=state),))


def link_ground(actor: Actor, command: LinkToVisit, state: State) -> Decision:
    """Link what the visit rests on: a decision, a presentation, a device's connection, a grant, a contract's run.

    A participant asks, or an organisation, while the visit is open; `check_ground` says what may be linked.

    Raises:
        VisitMissing, NotAParticipant, VisitClosed, VisitFull: as for every step.
        NotAGround, EntryTooFarBack: as `check_ground`.
        AlreadyLinked.
    """
    visit = find_visit(command.visit, state)
    if actor.kind != ActorKind.ORGANISATION and actor.id not in (visit.patient, visit.clinician):
        raise NotAParticipant("only the visit's patient and clinician may do this")
    check_open(visit, state.db)
    role = LinkRole(command.role)
    stream = check_ground(actor, visit, stream=command.stream, n=command.n, role=role, state=state)
    return Decision((draft_link(visit, stream=stream, n=command.n, role=role, state=state),))


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
        self._ask = partial(ask_about, sources=sources)

    def open_visit(self, actor: Actor, command: OpenVisit, state: State) -> Decision:
        """Begin a visit.

        Raises:
            AccessDenied, NotPermitted, NotAParticipant: the actor may not open this visit.
            VisitExists: the id was used before.
            ActorMissing, ActorRetired, ParticipantRefused: somebody named cannot take part.
        """
        allowed = self._permit(actor, Action.OPEN_VISIT, state)
        return beside(allowed, draft_opening(actor, command, state))

    def open_visit_on_proof(self, actor: Actor, command: OpenVisitOnProof, state: State) -> Decision:
        """Begin a visit that is built on an accepted fact: a visit closed in another organisation's ledger.

        The entry by which the node accepted the proof is linked, so that the visit's own proof holds it.

        Raises:
            FactMissing: no accepted proof gives such a fact at this position; and as `open_visit`.
        """
        allowed = self._permit(actor, Action.OPEN_VISIT, state)
        opening = draft_opening(actor, command, state)
        fact = require_fact(state.db, proof=command.proof, position=command.position, type=BUILT_ON)
        body = ObjectLinked(stream=stream_of(PROOF_STREAM, fact.proof), n=fact.n, role=LinkRole.PROOF)
        return beside(allowed, opening, Draft(VISIT_OBJECT_LINKED.name, opening.stream, body))

    def record_reading(self, actor: Actor, command: RecordInVisit, state: State) -> Decision:
        """Record readings of a registered device, and link them, as two entries of one request.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, VisitClosed, VisitFull; and as `devices.draft_reading`.
        """
        require_kind(actor, ActorKind.DEVICE)
        allowed = self._permit(actor, Action.RECORD, state)
        visit = find_visit(command.visit, state)
        if not store.has_device(state.db, visit=visit.visit, device=actor.id):
            raise NotAParticipant("the device is not one of this visit")
        check_open(visit, state.db, adding=1 + len(allowed.drafts))
        if own_sealed_object(actor, command.object, state).visit not in (None, visit.visit):
            raise ObjectOfAnotherVisit(f"object `{command.object}` was written for another visit")
        reading = draft_reading(actor, command, state, visit=visit.visit)
        n = state.next_n(reading.stream)
        link = draft_link(visit, stream=Stream(reading.stream), n=n, role=LinkRole.READING, state=state)
        grounds = link_grounds(visit, allowed, state)
        return Decision((reading, link, *allowed.drafts, *grounds), documents=allowed.documents)

    def close_visit(self, actor: Actor, command: CloseVisit, state: State) -> Decision:
        """End a visit, committing to the complete list of its entries.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, VisitClosed.
            VisitNotEnded: it was scheduled or has begun, and has not ended.
        """
        scene = find_scene(command.visit, state)
        visit = scene.visit
        allowed = self._ask(actor, Action.CLOSE_VISIT, scene, state)
        if not leads(actor, scene):
            raise NotAParticipant("the clinician, whoever opened the visit, or an organisation closes it")
        if visit.state == "closed":
            raise VisitClosed("the visit is closed already")
        if scene.life.phase in (Phase.SCHEDULED, Phase.UNDERWAY):
            raise VisitNotEnded(
                "the visit is still to be, or is going on",
                hint="end it first: completed, cancelled or missed",
            )
        body = VisitClosedBody(count=visit.entries, root=format_digest(visit.root))
        return beside(allowed, Draft(VISIT_CLOSED.name, stream_of_visit(visit.visit), body))

    def read_object(self, actor: Actor, command: ReadInVisit, state: State) -> Decision:
        """Decide a read by the vault's rules, and link it with its decision; answers with the vault's ticket.

        Raises:
            VisitMissing, NotAParticipant, VisitClosed, VisitFull; and what the vault refuses.
        """
        scene = find_scene(command.visit, state)
        visit = scene.visit
        ask = ReadObject(
            object=command.object, purpose=command.purpose, visit=visit.visit, location=command.location
        )
        # Access first: that an outsider asked is a fact, whatever else stands in the way.
        read = self._decide_read(actor, ask, state)
        _check_reader(actor, scene)
        check_open(visit, state.db, adding=len(read.drafts))
        links = [
            draft_link(
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
        scene = find_scene(command.visit, state)
        visit = scene.visit
        allowed = self._ask(actor, Action.EXPORT, scene, state)
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
        return permit_in_house(actor, action, state, sources=self._sources)


def find_visit_resource(state: State, visit_id: str) -> Resource:
    """A visit as rules see it; raises `VisitMissing`."""
    scene = find_scene(VisitId(visit_id), state)
    return resource_of(scene.visit, scene.seats)


def bundle_path(visit: str) -> str:
    """Where the bundle of a visit is fetched."""
    return f"/v1/visits/{visit}/bundle"


def _check_reader(actor: Actor, scene: Scene) -> None:
    """Whose reads belong to the visit: its patient's and its clinicians'."""
    if actor.id != scene.visit.patient:
        own_seat(actor, scene, roles=CLINICAL, counted=False)


def _check_adds(actor: Actor, role: LinkRole, scene: Scene) -> None:
    """The patient and the clinicians add; an interpreter or a caregiver what they brought, and nothing else."""
    seat = own_seat(actor, scene, counted=False)
    if role is LinkRole.SUMMARY and seat.role not in CLINICAL:
        raise NotAParticipant("a clinician of the visit writes its summary")
    if seat.role in THIRD_PARTIES and role is not LinkRole.RECORD:
        raise NotAParticipant("an interpreter or a caregiver adds records and nothing else")


def _check_summary(row: ObjectRow, scene: Scene, state: State) -> None:
    """A document of FHIR that the patient can read, of a visit that has ended or has had no life."""
    if scene.life.led and scene.life.phase is not Phase.ENDED:
        raise VisitNotEnded("the visit is summarised once it has ended", hint="end it first")
    if row.media_type not in SUMMARY_TYPES:
        raise SummaryRefused("a summary is a document of FHIR", hint="write it as `application/fhir+json`")
    patient = scene.visit.patient
    if row.subject != patient and patient not in readers_of(state.db, row.object):
        raise SummaryRefused(
            "the patient cannot read the summary", hint="write it with the patient as subject or reader"
        )


def _check_recorded(row: ObjectRow, scene: Scene, state: State) -> None:
    """Of a visit with a life, only what began as its recording, while all consented, is its recording."""
    if not scene.life.led:
        return
    found = find_recording(state.db, visit=scene.visit.visit, object=row.object)
    if found is None:
        raise RecordingRefused("the visit was not recorded into this object")
    if found.stopped_at is None:
        raise RecordingRunning("the visit is still being recorded into this object", hint="stop it first")
