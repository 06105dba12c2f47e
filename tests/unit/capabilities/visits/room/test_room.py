"""The room: who may record and when a recording ends, for whom keys are made, and what comes of it afterwards."""

from __future__ import annotations

import io

import pytest

from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from tests.unit.capabilities.visits.clinic import adding
from tests.unit.capabilities.visits.lived import LivedClinic, asking

ENVELOPES = "0123456789abcdef" * 4


# Recording.


def test_visit_is_recorded_only_while_everybody_in_the_room_consents(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.consent(lived.patient, visit, "recording")
    target = lived.world.begin_object(lived.clinician, visit=visit)
    start = {"object": target}
    assert lived.code(lived.clinician, visit, "start-recording", **start) == "recording-not-permitted"
    lived.consent(lived.clinician, visit, "recording")
    lived.ask(lived.clinician, visit, "start-recording", **start)
    assert lived.code(lived.clinician, visit, "start-recording", **start) == "recording-running"


@pytest.mark.parametrize("who", ["patient", "caregiver"])
def test_participant_who_is_no_clinician_does_not_record(lived: LivedClinic, who: str) -> None:
    visit = lived.begin()
    lived.join(visit, lived.caregiver, "caregiver")
    for wallet in (lived.patient, lived.clinician, lived.caregiver):
        lived.consent(wallet, visit, "recording")
    wallet = getattr(lived, who)
    target = lived.world.begin_object(wallet, visit=visit)
    assert lived.code(wallet, visit, "start-recording", object=target) == "not-a-participant"


@pytest.mark.parametrize("fault", ["of another", "of no visit", "sealed", "read by others", "missing"])
def test_recording_into_an_object_that_does_not_fit_is_refused(lived: LivedClinic, fault: str) -> None:
    world, visit = lived.world, lived.begin()
    lived.consent(lived.patient, visit, "recording")
    lived.consent(lived.clinician, visit, "recording")
    target = {
        "of another": lambda: world.begin_object(lived.patient, visit=visit),
        "of no visit": lambda: world.begin_object(lived.clinician),
        "sealed": lambda: world.put(lived.clinician, visit=visit),
        "read by others": lambda: world.begin_object(
            lived.clinician, readers=(lived.stranger.actor,), visit=visit
        ),
        "missing": world.ids.next,
    }[fault]()
    assert lived.code(lived.clinician, visit, "start-recording", object=target) == "recording-refused"


def test_newcomer_who_has_not_consented_ends_the_recording_on_entering(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.record(visit, by=lived.clinician, others=(lived.patient,))
    lived.join(visit, lived.colleague, "colleague")
    stopped, admitted = lived.stream(visit)[-2:]
    assert (stopped.type, stopped.body.reason) == ("visit.recording-stopped/1", "consent")
    assert admitted.type == "visit.admitted/1"


def test_newcomer_who_has_consented_is_recorded(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.invite(visit, lived.colleague, "colleague")
    lived.record(visit, by=lived.clinician, others=(lived.patient, lived.colleague))
    lived.enter(visit, lived.colleague)
    lived.ask(lived.patient, visit, "stop-recording")
    assert lived.last(visit).body.reason == "asked"


@pytest.mark.parametrize(
    ("step", "reason"), [("leave", "left"), ("return", "left"), ("remove", "left"), ("end", "ended")]
)
def test_recording_ends_with_its_maker_and_with_the_visit(lived: LivedClinic, step: str, reason: str) -> None:
    visit = lived.begin()
    lived.join(visit, lived.colleague, "colleague")
    lived.record(visit, by=lived.colleague, others=(lived.patient, lived.clinician))
    body = {"leave": {}, "end": {"outcome": "completed"}}.get(step, {"participant": lived.colleague.actor})
    lived.ask(lived.colleague if step == "leave" else lived.clinician, visit, step, **body)
    reasons = [e.body.reason for e in lived.stream(visit) if e.type == "visit.recording-stopped/1"]
    assert reasons == [reason]


def test_recording_goes_on_when_another_leaves(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.record(visit, by=lived.clinician, others=(lived.patient,))
    lived.ask(lived.patient, visit, "leave")
    assert lived.code(lived.patient, visit, "stop-recording") == "not-in-room"
    lived.ask(lived.clinician, visit, "stop-recording")


def test_only_what_was_recorded_while_all_consented_is_the_visits_recording(lived: LivedClinic) -> None:
    visit, world = lived.begin(), lived.world
    target = lived.record(visit, by=lived.clinician, others=(lived.patient,))
    stored = world.vault.receive(world.ticket, io.BytesIO(b"webm"))
    sealing = {"object": target, "size": stored.size, "digest": stored.digest}
    world.ask(lived.clinician, ("object.seal/1", sealing))
    recorded = adding(visit, target, role="recording")
    assert lived.code_of(lived.clinician, recorded) == "recording-running"
    lived.ask(lived.clinician, visit, "end", outcome="completed")
    world.ask(lived.clinician, recorded)
    secret = world.put(lived.clinician, visit=visit)
    assert lived.code_of(lived.clinician, adding(visit, secret, role="recording")) == "recording-refused"


# Keys.


def epoch(visit: str, number: int, *wallets: Wallet, envelopes: str = ENVELOPES) -> Command:
    actors = sorted(wallet.actor for wallet in wallets)
    return asking(visit, "open-epoch", epoch=number, participants=actors, envelopes=envelopes)


def test_each_notes_its_keys_for_those_in_the_room_under_rising_numbers(lived: LivedClinic) -> None:
    visit = lived.begin()
    both = (lived.patient, lived.clinician)
    for wallet in both:
        lived.world.ask(wallet, epoch(visit, 1_795_348_275, *both))
    assert lived.last(visit).body.envelopes == ENVELOPES
    again = epoch(visit, 1_795_348_275, *both)
    assert lived.code_of(lived.patient, again) == "epoch-refused"
    lived.world.ask(lived.patient, epoch(visit, 1_795_348_276, lived.patient))


def test_key_for_somebody_who_is_not_in_the_room_is_refused(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.join(visit, lived.caregiver, "caregiver")
    everybody = (lived.patient, lived.clinician, lived.caregiver)
    lived.world.ask(lived.patient, epoch(visit, 1, *everybody))
    lived.ask(lived.clinician, visit, "remove", participant=lived.caregiver.actor)
    assert lived.code_of(lived.patient, epoch(visit, 2, *everybody)) == "epoch-refused"
    assert lived.code_of(lived.caregiver, epoch(visit, 2, *everybody)) == "participant-removed"


def test_key_of_somebody_in_the_lobby_or_without_its_maker_is_refused(lived: LivedClinic) -> None:
    visit = lived.begin()
    assert lived.code_of(lived.patient, epoch(visit, 1, lived.clinician)) == "epoch-refused"
    twice = epoch(visit, 1, lived.patient, lived.patient)
    assert lived.code_of(lived.patient, twice) == "epoch-refused"
    lived.ask(lived.clinician, visit, "return", participant=lived.patient.actor)
    assert lived.code_of(lived.patient, epoch(visit, 1, lived.patient)) == "not-in-room"


def test_envelopes_are_never_written_as_a_digest_that_could_name_a_document(lived: LivedClinic) -> None:
    named = epoch(lived.begin(), 1, lived.patient, envelopes="sha256:" + "0" * 57)
    assert lived.code_of(lived.patient, named) == "command-refused"


# What is written up.


def test_summary_is_a_document_of_fhir_that_the_patient_can_read(lived: LivedClinic) -> None:
    visit, world = lived.begin(), lived.world
    summary = world.put(lived.clinician, readers=(lived.patient.actor,), visit=visit)
    linking = adding(visit, summary, role="summary")
    assert lived.code_of(lived.clinician, linking) == "visit-not-ended"
    lived.ask(lived.clinician, visit, "end", outcome="completed")
    kept_back = adding(visit, world.put(lived.clinician, visit=visit), role="summary")
    assert lived.code_of(lived.clinician, kept_back) == "summary-refused"
    world.ask(lived.clinician, linking)
    assert lived.last(visit).body.role == "summary"


def test_patient_writes_no_summary_and_interpreter_no_note(lived: LivedClinic) -> None:
    visit, world = lived.begin(), lived.world
    lived.join(visit, lived.interpreter, "interpreter")
    lived.ask(lived.clinician, visit, "end", outcome="completed")
    theirs = world.put(lived.patient, visit=visit)
    assert lived.code_of(lived.patient, adding(visit, theirs, role="summary")) == "not-a-participant"
    brought = world.put(lived.interpreter, visit=visit)
    assert lived.code_of(lived.interpreter, adding(visit, brought, role="note")) == "not-a-participant"
    world.ask(lived.interpreter, adding(visit, brought, role="record"))


def test_colleague_adds_and_whoever_was_removed_does_not(lived: LivedClinic) -> None:
    visit, world = lived.begin(), lived.world
    lived.join(visit, lived.colleague, "colleague")
    world.ask(lived.colleague, adding(visit, world.put(lived.colleague, visit=visit)))
    lived.ask(lived.clinician, visit, "remove", participant=lived.colleague.actor)
    late = adding(visit, world.put(lived.colleague, visit=visit))
    assert lived.code_of(lived.colleague, late) == "participant-removed"
