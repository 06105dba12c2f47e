"""What people see of visits, and what they are told while these go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apsw
import pytest

from telesphor.capabilities.visits.life.live import LIVE_TYPES, VisitNews
from telesphor.capabilities.visits.life.pictures import VisitView
from telesphor.capabilities.visits.life.views import VisitViews, parts_with
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import VisitId
from telesphor.runtime.capability import Actor
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.visits.clinic import reading
from tests.unit.capabilities.visits.lived import TESTED, LivedClinic


class Directory:
    """A name for everybody."""

    def names_for(self, _reader: Actor, actors: Iterable[str]) -> Mapping[str, str]:
        return {actor: f"name of {actor}" for actor in actors}


class Seen:
    """The views of a clinic, and the news of it."""

    def __init__(self, lived: LivedClinic, *, later_ms: int = 0) -> None:
        self.lived = lived
        self.clock = ManualClock(lived.world.clock.now_ms() + later_ms)
        self.views = VisitViews(
            reading=self.reading, names=Directory(), clock=self.clock, read_document=lambda _: None
        )

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        db = open_reader(self.lived.world.path)
        try:
            yield db
        finally:
            db.close()

    def visit(self, wallet: Wallet, visit: str, *, kind: str = "person") -> VisitView:
        return self.views.show_visit(as_actor(wallet, kind=kind), VisitId(visit)).visit

    def news(
        self, visit: str, *types: str, there: set[str] | None = None
    ) -> list[tuple[set[str], dict[str, Any]]]:
        """What is told of the entries of these types in a visit."""
        told: list[tuple[set[str], dict[str, Any]]] = []
        desk = VisitNews(
            reading=self.reading,
            publish=lambda actors, message: told.append((set(actors), message)),
            clock=self.clock,
            is_connected=lambda actor: there is None or actor in there,
        )
        for entry in self.lived.stream(visit):
            if entry.type in types:
                desk.handle(entry)
        return [(actors, message) for actors, message in told if actors]


@pytest.fixture(scope="module")
def seen(lived: LivedClinic) -> Seen:
    return Seen(lived)


def as_actor(wallet: Wallet, *, kind: str = "person") -> Actor:
    return Actor(wallet.actor, kind, wallet.signing_key.public.key_id)


def test_visit_shows_how_far_it_is_and_what_is_missing(seen: Seen, lived: LivedClinic) -> None:
    visit = lived.schedule()
    shown = seen.visit(lived.patient, visit)
    assert (shown.phase, shown.minutes, shown.position) == ("scheduled", 20, None)
    assert shown.missing == ("check-in", "consent-visit", "identity")
    assert shown.mine is not None
    assert (shown.mine.role, shown.mine.name) == ("patient", f"name of {lived.patient.actor}")
    lived.consent(lived.patient, visit, "visit")
    lived.ask(lived.patient, visit, "check-in", **{**TESTED, "microphone": "refused"})
    assert seen.visit(lived.patient, visit).missing == ("identity", "microphone")


def test_room_shows_who_is_in_it_whose_key_is_needed_and_who_has_not_consented(
    seen: Seen, lived: LivedClinic
) -> None:
    visit = lived.begin()
    both = sorted([lived.patient.actor, lived.clinician.actor])
    room = seen.visit(lived.patient, visit).room
    assert (list(room.participants), room.epoch, room.epoch_needed, room.key_maker) == (
        both,
        0,
        True,
        both[0],
    )
    note = {"epoch": 7, "participants": both, "envelopes": "0" * 64}
    lived.ask(lived.patient, visit, "open-epoch", **note)
    assert not seen.visit(lived.patient, visit).room.epoch_needed
    assert seen.visit(lived.clinician, visit).room.epoch_needed
    lived.consent(lived.patient, visit, "recording")
    recording = seen.visit(lived.patient, visit).recording
    assert (recording.permitted, recording.running, recording.lacking) == (
        False,
        False,
        (lived.clinician.actor,),
    )


def test_interpreter_sees_who_is_there_and_no_more(seen: Seen, lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.join(visit, lived.interpreter, "interpreter")
    lived.add(visit, lived.clinician)
    shown = seen.visit(lived.interpreter, visit)
    others = [seat for seat in shown.seats if seat.actor != lived.interpreter.actor]
    assert all(seat.checks is None and seat.consents.visit is None for seat in others)
    assert shown.objects == ()
    assert shown.missing == ()
    assert len(seen.visit(lived.patient, visit).objects) == 1


@pytest.mark.parametrize(
    ("who", "code"), [("stranger", "not-a-participant"), ("device", "not-a-participant")]
)
def test_visit_of_others_is_not_shown(seen: Seen, lived: LivedClinic, who: str, code: str) -> None:
    with pytest.raises(TelesphorError) as caught:
        seen.visit(getattr(lived, who), lived.schedule())
    assert caught.value.code == code


def test_removed_participant_sees_nothing_more_and_organisation_may_look(
    seen: Seen, lived: LivedClinic
) -> None:
    visit = lived.begin()
    lived.join(visit, lived.caregiver, "caregiver")
    lived.ask(lived.clinician, visit, "remove", participant=lived.caregiver.actor)
    with pytest.raises(TelesphorError) as caught:
        seen.visit(lived.caregiver, visit)
    assert caught.value.code == "participant-removed"
    assert visit not in {one.visit for one in visits_of(seen, lived.caregiver)}
    assert seen.visit(lived.hospital, visit, kind="organisation").mine is None


def visits_of(seen: Seen, wallet: Wallet, *, which: Any = "upcoming") -> tuple[VisitView, ...]:
    return seen.views.visits_of(as_actor(wallet), which=which, before=None, rows=100).visits


def test_past_visits_come_in_pages_the_newest_first(seen: Seen, lived: LivedClinic) -> None:
    ended = [lived.schedule() for _ in range(3)]
    for visit in ended:
        lived.ask(lived.clinician, visit, "end", outcome="missed")
    actor = as_actor(lived.patient)
    first = seen.views.visits_of(actor, which="past", before=None, rows=2)
    assert [one.visit for one in first.visits] == [ended[2], ended[1]]
    second = seen.views.visits_of(actor, which="past", before=first.next, rows=1)
    assert [one.visit for one in second.visits] == [ended[0]]


def test_queue_is_by_arrival_and_moves_when_somebody_is_let_in(seen: Seen, lived: LivedClinic) -> None:
    doctor = lived.world.enrol("person")
    people = [lived.world.enrol("person") for _ in range(2)]
    visits = []
    for wallet in reversed(people):  # the first to arrive is the last who was scheduled
        visit = lived.world.ids.next()
        changes = {"patient": wallet.actor, "clinician": doctor.actor, "devices": []}
        lived.world.ask(doctor, lived.scheduling(visit, **changes))
        lived.consent(wallet, visit, "visit")
        visits.append(visit)
    visits.reverse()
    for wallet, visit in zip(people, visits, strict=True):
        lived.arrive(visit, wallet)
    queue = seen.views.show_queue(as_actor(doctor))
    assert [one.visit for one in queue.waiting] == visits
    assert {one.visit for one in queue.today} == set(visits)
    assert [seen.visit(w, v).position for w, v in zip(people, visits, strict=True)] == [1, 2]
    lived.ask(doctor, visits[0], "begin")
    lived.ask(doctor, visits[0], "admit", participant=people[0].actor)
    told = seen.news(visits[0], "visit.admitted/1")
    moved = {"topic": f"visit/{visits[1]}", "visit": visits[1], "position": 1, "changes": []}
    assert ({people[1].actor}, moved) in told
    assert ({doctor.actor}, {"topic": "queue", "visit": visits[0], "changes": ["visit.admitted/1"]}) in told


def test_who_waits_longer_than_a_day_of_work_holds_no_place(seen: Seen, lived: LivedClinic) -> None:
    visit = lived.schedule()
    lived.arrive(visit, lived.patient)
    assert seen.visit(lived.patient, visit).position is not None
    assert Seen(lived, later_ms=13 * 3_600_000).visit(lived.patient, visit).position is None


def test_everybody_with_a_seat_is_told_and_interpreters_not_what_is_the_others_own(
    seen: Seen, lived: LivedClinic
) -> None:
    visit = lived.begin()
    lived.join(visit, lived.interpreter, "interpreter")
    confirm = {"participant": lived.patient.actor, "identifiers": ["name", "phone"]}
    lived.ask(lived.clinician, visit, "confirm-identity", **confirm)
    told = {frozenset(actors): message for actors, message in seen.news(visit, "visit.identity-confirmed/1")}
    (whole,) = told[frozenset({lived.patient.actor, lived.clinician.actor})]["changes"]
    (plain,) = told[frozenset({lived.interpreter.actor})]["changes"]
    assert list(whole["identifiers"]) == ["name", "phone"]
    assert plain == {
        "type": "visit.identity-confirmed/1",
        "by": lived.clinician.actor,
        "participant": lived.patient.actor,
    }


def test_removed_participant_is_told_that_and_nothing_after_it(seen: Seen, lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.join(visit, lived.caregiver, "caregiver")
    lived.ask(lived.clinician, visit, "remove", participant=lived.caregiver.actor)
    lived.ask(lived.patient, visit, "leave")
    reached = {actor for actors, _ in seen.news(visit, "visit.removed/1") for actor in actors}
    assert lived.caregiver.actor in reached
    reached = {actor for actors, _ in seen.news(visit, "visit.left/1") for actor in actors}
    assert lived.caregiver.actor not in reached


def test_opening_is_told_where_one_of_its_two_is_there(seen: Seen, lived: LivedClinic) -> None:
    visit = lived.begin()
    both = {lived.patient.actor, lived.clinician.actor}
    for one in both:
        told = seen.news(visit, "visit.opened/1", there={one})
        assert (both, "visit.opened/1") in [
            (actors, message["changes"][0]["type"]) for actors, message in told if "at" in message
        ]
    assert seen.news(visit, "visit.opened/1", there={lived.stranger.actor}) == []
    assert seen.news(visit, "visit.begun/1", there=set())


def test_readings_and_what_is_long_past_are_told_to_nobody(seen: Seen, lived: LivedClinic) -> None:
    visit = lived.begin()
    assert seen.news(visit, "visit.begun/1")
    lived.world.ask(lived.device, reading(visit, lived.world.put(lived.device, visit=visit)))
    assert seen.news(visit, "visit.object-linked/1") == []
    assert Seen(lived, later_ms=700_000).news(visit, *LIVE_TYPES) == []


def test_parts_are_shared_by_those_of_one_visit(seen: Seen, lived: LivedClinic) -> None:
    visit = lived.begin()
    newcomer = lived.world.enrol("person")
    lived.invite(visit, newcomer, "caregiver")
    with seen.reading() as db:
        everybody = [lived.patient.actor, lived.stranger.actor]
        assert parts_with(db, newcomer.actor, everybody) == {lived.patient.actor}
        assert parts_with(db, newcomer.actor, []) == set()
    lived.ask(lived.clinician, visit, "remove", participant=newcomer.actor)
    with seen.reading() as db:
        assert parts_with(db, newcomer.actor, everybody) == set()


def test_whoever_was_only_put_on_a_seat_is_a_stranger_still(seen: Seen, lived: LivedClinic) -> None:
    victim = lived.world.enrol("person")
    visit = lived.schedule(patient=victim.actor, devices=[])
    assert known(seen, lived.clinician, victim) is False
    lived.invite(visit, lived.stranger, "colleague")
    assert known(seen, lived.clinician, lived.stranger) is False
    lived.ask(lived.clinician, visit, "remove", participant=lived.stranger.actor)
    assert known(seen, lived.clinician, lived.stranger) is False
    lived.ask(victim, visit, "check-in", **TESTED)
    assert known(seen, lived.clinician, victim) is True


def test_patient_of_a_visit_that_the_clinic_arranged_is_known_before_it_comes(
    seen: Seen, lived: LivedClinic
) -> None:
    patient, doctor = lived.world.enrol("person"), lived.world.enrol("person")
    visit = lived.world.ids.next()
    asked = lived.scheduling(visit, patient=patient.actor, clinician=doctor.actor, devices=[])
    lived.world.ask(lived.hospital, asked)
    assert known(seen, doctor, patient) is True
    assert known(seen, patient, doctor) is True


def known(seen: Seen, reader: Wallet, other: Wallet) -> bool:
    """Whether the reader may learn what the other is called."""
    with seen.reading() as db:
        return parts_with(db, reader.actor, [other.actor]) == {other.actor}
