"""Visits whose entries stand in an order that their rules forbid. Each entry was asked for: only the node was lax."""

from __future__ import annotations

from typing import Any

from tests.unit.verify.builder import Actor, Draft, Story
from tests.vectors.bundles.case import fault

TEXT = "sha256:" + "0" * 64
GOOD = ("camera", "microphone", "speaker")


class Life:
    """A visit that is lived, honestly as far as a test does; the clinic's second clinician may come as well."""

    def __init__(self) -> None:
        self.story = Story.told(until="measure")
        self.world = self.story.world
        self.clinician, self.patient = self.story.clinician, self.story.patient
        self.guest = self.world.actor("guest", "person")
        self.world.register(self.story.clinic, self.guest)
        self.target = self.world.ids.next()

    def say(self, by: Actor, type: str, asked: str, **body: Any) -> None:
        """One command and its entry, which say the same."""
        command = (f"visit.{asked}/1", {"visit": self.story.name, **body})
        self.world.act(by, [command], Draft(f"visit.{type}/1", self.story.visit, body))

    def also(self, by: Actor, asked: str, said: dict[str, Any], *drafts: tuple[str, dict[str, Any]]) -> None:
        """One command and all that follows from it."""
        command = (f"visit.{asked}/1", {"visit": self.story.name, **said})
        entries = [Draft(f"visit.{type}/1", self.story.visit, body) for type, body in drafts]
        self.world.act(by, [command], *entries)

    def schedule(self) -> None:
        self.say(self.clinician, "scheduled", "reschedule", starts_at="2027-01-01T10:00:00.000Z", minutes=20)

    def invite(self, role: str = "colleague") -> None:
        body = {"participant": self.guest.id, "role": role, "invitation": None}
        self.say(self.clinician, "invited", "invite", **body)

    def begin(self) -> None:
        self.say(self.clinician, "begun", "begin")

    def check_in(self, who: Actor) -> None:
        self.say(who, "checked-in", "check-in", **dict.fromkeys(GOOD, "ok"), network="good")

    def arrive(self, who: Actor) -> None:
        self.check_in(who)
        self.say(who, "waiting", "wait")

    def admit(self, who: Actor) -> None:
        self.say(self.clinician, "admitted", "admit", participant=who.id)

    def agree(self, who: Actor, consent: str) -> None:
        self.say(who, "consent-given", "give-consent", consent=consent, text=TEXT, language="en")

    def meet(self) -> None:
        """The visit is underway, with the patient in the room."""
        self.schedule()
        self.begin()
        self.agree(self.patient, "visit")
        self.arrive(self.patient)
        self.admit(self.patient)

    def record(self, by: Actor | None = None) -> None:
        self.say(by or self.clinician, "recording-started", "start-recording", object=self.target)

    def stopped(self, reason: str) -> tuple[str, dict[str, Any]]:
        return ("recording-stopped", {"object": self.target, "reason": reason})

    def key(self, who: Actor, epoch: int, *others: Actor) -> None:
        named = sorted([who.id, *(other.id for other in others)])
        body = {"epoch": epoch, "participants": named, "envelopes": "0" * 64}
        self.say(who, "epoch-opened", "open-epoch", **body)

    def end(self, outcome: str = "completed") -> None:
        self.say(self.clinician, "ended", "end", outcome=outcome)

    def bundle(self) -> bytes:
        """The bundle of the visit, closed as it is."""
        self.story.close()
        return self.story.bundle()


def lived() -> bytes:
    """A whole visit: three in the room, recorded three times, a consent taken back, somebody removed and back."""
    life = Life()
    guest, patient = life.guest, life.patient
    life.invite()
    life.meet()
    life.arrive(guest)
    life.admit(guest)
    for who in (life.clinician, patient, guest):
        life.agree(who, "recording")
    life.key(patient, 1, life.clinician)
    life.key(patient, 2, life.clinician, guest)
    life.record()
    life.also(patient, "stop-recording", {}, life.stopped("asked"))
    life.record(guest)
    life.also(guest, "leave", {}, ("left", {}), life.stopped("left"))
    life.record()
    taken_back = {"consent": "visit"}
    returned = ("returned", {"participant": patient.id})
    life.also(patient, "withdraw-consent", taken_back, ("consent-withdrawn", taken_back), returned)
    life.agree(patient, "visit")
    life.admit(patient)
    removed = {"participant": guest.id}
    life.say(life.clinician, "removed", "remove", **removed)
    life.invite("colleague")
    life.also(
        life.clinician,
        "end",
        {"outcome": "completed"},
        life.stopped("ended"),
        ("ended", {"outcome": "completed"}),
    )
    taken_back = {"consent": "recording"}
    life.say(patient, "consent-withdrawn", "withdraw-consent", **taken_back)
    return life.bundle()


def cancelled() -> bytes:
    """A visit that nobody came to."""
    life = Life()
    life.schedule()
    life.end("missed")
    return life.bundle()


@fault("life", "visit-not-begun")
def patient_is_let_in_before_the_visit_begins() -> bytes:
    life = Life()
    life.schedule()
    life.agree(life.patient, "visit")
    life.arrive(life.patient)
    life.admit(life.patient)
    life.begin()
    life.end()
    return life.bundle()


@fault("life", "recording-not-permitted")
def recording_begins_without_the_consent_of_all() -> bytes:
    life = Life()
    life.meet()
    life.agree(life.clinician, "recording")
    life.record()
    life.also(life.clinician, "stop-recording", {}, life.stopped("asked"))
    life.end()
    return life.bundle()


@fault("life", "recording-not-permitted")
def recording_goes_on_after_a_consent_was_taken_back() -> bytes:
    life = Life()
    life.meet()
    for who in (life.clinician, life.patient):
        life.agree(who, "recording")
    life.record()
    life.say(life.patient, "consent-withdrawn", "withdraw-consent", consent="recording")
    life.key(life.patient, 1)
    return life.bundle()


@fault("life", "recording-not-permitted")
def recording_goes_on_without_whoever_records() -> bytes:
    life = Life()
    life.meet()
    for who in (life.clinician, life.patient):
        life.agree(who, "recording")
    life.record()
    life.say(life.clinician, "left", "leave")
    life.key(life.patient, 1)
    return life.bundle()


@fault("life", "recording-running")
def visit_ends_under_a_recording() -> bytes:
    life = Life()
    life.meet()
    for who in (life.clinician, life.patient):
        life.agree(who, "recording")
    life.record()
    life.end()
    return life.bundle()


@fault("life", "not-recording")
def recording_stops_that_does_not_run() -> bytes:
    life = Life()
    life.meet()
    life.also(life.clinician, "stop-recording", {}, life.stopped("asked"))
    return life.bundle()


@fault("life", "visit-ended")
def visit_begins_again_after_its_end() -> bytes:
    life = Life()
    life.meet()
    life.end()
    life.begin()
    return life.bundle()


@fault("life", "visit-not-ended")
def visit_is_closed_while_it_is_underway() -> bytes:
    life = Life()
    life.meet()
    return life.bundle()


@fault("life", "outcome-refused")
def visit_that_never_began_is_completed() -> bytes:
    life = Life()
    life.schedule()
    life.end("completed")
    return life.bundle()


@fault("life", "visit-underway")
def visit_is_given_another_time_while_it_is_underway() -> bytes:
    life = Life()
    life.meet()
    life.schedule()
    life.end()
    return life.bundle()


@fault("life", "consent-missing")
def patient_is_let_in_without_consent() -> bytes:
    life = Life()
    life.begin()
    life.arrive(life.patient)
    life.admit(life.patient)
    life.end()
    return life.bundle()


@fault("life", "consent-missing")
def caregiver_is_let_in_without_the_patients_consent() -> bytes:
    life = Life()
    life.meet()
    life.invite("caregiver")
    life.arrive(life.guest)
    life.admit(life.guest)
    life.end()
    return life.bundle()


@fault("life", "consent-missing")
def patient_stays_in_the_room_whose_consent_was_taken_back() -> bytes:
    life = Life()
    life.meet()
    life.say(life.patient, "consent-withdrawn", "withdraw-consent", consent="visit")
    life.end()
    return life.bundle()


@fault("life", "consent-not-theirs")
def clinician_consents_for_the_patient() -> bytes:
    life = Life()
    life.agree(life.clinician, "visit")
    return life.bundle()


@fault("life", "not-a-participant")
def stranger_waits() -> bytes:
    life = Life()
    life.arrive(life.guest)
    return life.bundle()


@fault("life", "not-a-participant")
def patient_begins_the_visit() -> bytes:
    life = Life()
    life.say(life.patient, "begun", "begin")
    life.end()
    return life.bundle()


@fault("life", "not-a-participant")
def patient_lets_somebody_in() -> bytes:
    life = Life()
    life.meet()
    life.invite()
    life.arrive(life.guest)
    life.say(life.patient, "admitted", "admit", participant=life.guest.id)
    life.end()
    return life.bundle()


@fault("life", "participant-exists")
def guest_is_given_two_seats() -> bytes:
    life = Life()
    life.invite()
    life.invite("caregiver")
    return life.bundle()


@fault("life", "participant-removed")
def removed_guest_comes_back_uninvited() -> bytes:
    life = Life()
    life.meet()
    life.invite()
    life.say(life.clinician, "removed", "remove", participant=life.guest.id)
    life.arrive(life.guest)
    life.end()
    return life.bundle()


@fault("life", "not-checked-in")
def patient_waits_without_checking_in() -> bytes:
    life = Life()
    life.say(life.patient, "waiting", "wait")
    return life.bundle()


@fault("life", "already-waiting")
def patient_waits_twice() -> bytes:
    life = Life()
    life.arrive(life.patient)
    life.say(life.patient, "waiting", "wait")
    return life.bundle()


@fault("life", "already-admitted")
def clinician_comes_in_twice() -> bytes:
    life = Life()
    life.begin()
    life.begin()
    life.end()
    return life.bundle()


@fault("life", "not-waiting")
def patient_is_let_in_who_does_not_wait() -> bytes:
    life = Life()
    life.begin()
    life.agree(life.patient, "visit")
    life.check_in(life.patient)
    life.admit(life.patient)
    life.end()
    return life.bundle()


@fault("life", "not-in-room")
def patient_leaves_who_never_came() -> bytes:
    life = Life()
    life.say(life.patient, "left", "leave")
    return life.bundle()


@fault("life", "epoch-refused")
def key_is_for_somebody_outside_the_room() -> bytes:
    life = Life()
    life.meet()
    life.key(life.patient, 1, life.guest)
    life.end()
    return life.bundle()


@fault("life", "epoch-refused")
def number_of_a_key_does_not_rise() -> bytes:
    life = Life()
    life.meet()
    life.key(life.patient, 2)
    life.key(life.patient, 2)
    life.end()
    return life.bundle()


@fault("life", "visit-order-refused")
def consent_is_to_nothing_known() -> bytes:
    life = Life()
    life.agree(life.patient, "everything")
    return life.bundle()


@fault("life", "body-refused")
def admission_names_nobody() -> bytes:
    life = Life()
    life.meet()
    life.say(life.clinician, "admitted", "admit", participant=7)
    life.end()
    return life.bundle()
