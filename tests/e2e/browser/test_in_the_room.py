"""What people do in a room and at its door: share a screen, lose the picture, open a second tab, write markup, go away.

Two people, who met without any ado; the patient's phone has a clock that is an hour ahead. Start at `met`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.e2e.browser.album import DESKTOP, PHONE, SIZES, resize
from tests.e2e.browser.house import House, Person, open_house, reason_to_skip, wait_until
from tests.e2e.browser.walks import ENCRYPTED, admit, check_in, plan_visit

pytestmark = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "it can be tried")

DOCTOR, PATIENT = "Dr. Adaeze Osei", "Rosa María de los Ángeles Ibáñez y Villaseñor de la Torre"
HOUR_MS = 3_600_000
MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"
PICTURE_SECONDS = 60.0
STILL_SECONDS = 2.0
"""A picture at ten frames a second that stands still for so long is none."""

WIDTH = "(video) => video.videoWidth"
WEAKEN = """() => {
  const report = { type: "remote-inbound-rtp", fractionLost: 0.5 };
  for (const peer of window.peers) peer.getStats = async () => new Map([["lost", report]]);
}"""
SESSION = "() => sessionStorage.getItem('telesphor-session')"
STATUS = """async (session) =>
  (await fetch("/v1/session", { headers: { "telesphor-session": session } })).status"""


class Met(NamedTuple):
    """Two people who see each other."""

    house: House
    doctor: Person
    patient: Person
    visit: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("in-the-room")) as house:
        yield house


@pytest.fixture(scope="module")
def met(house: House) -> Met:
    doctor = house.staff(DOCTOR, "clinician", size=DESKTOP)
    link = plan_visit(doctor)
    patient = house.person(PATIENT, size=PHONE, ahead_ms=HOUR_MS)
    house.join(patient, link)
    check_in(patient, "visit", "recording")
    admit(doctor, PATIENT)
    for person in (patient, doctor):
        person.sees(ENCRYPTED)
        person.sees_and_hears(1)
    return Met(house, doctor, patient, patient.page.url.rpartition("/")[2])


def picture(person: Person, label: str) -> Any:
    return person.page.locator(f'video[aria-label="{label}"]')


def test_long_name_leaves_ones_own_picture_and_what_to_do_with_them_free(met: Met) -> None:
    for size in SIZES:
        resize(met.doctor.page, size)
        assert met.doctor.jams() == [], size
        name = met.doctor.page.get_by_title(PATIENT).bounding_box()
        mine = met.doctor.button("Your picture. Press to move it to the next corner").bounding_box()
        assert name["y"] >= mine["y"] + mine["height"] or name["x"] + name["width"] <= mine["x"], (name, mine)
    met.doctor.look("room-long-name")


def test_clock_that_is_an_hour_off_keeps_nobody_out(met: Met) -> None:
    assert met.patient.ask("() => Date.now()") - met.doctor.ask("() => Date.now()") > HOUR_MS - 60_000
    met.patient.sees_and_hears(1)


def test_shared_screen_is_seen_and_its_end_too(met: Met) -> None:
    doctor, patient = met.doctor, met.patient
    doctor.press("Share screen")
    shown = picture(patient, f"Screen of {DOCTOR}")
    shown.wait_for()
    wait_until(lambda: patient.ask(WIDTH, of=shown) > 0, lambda: "nothing is on it", seconds=PICTURE_SECONDS)
    patient.look("room-screen-shared")
    doctor.press("Stop sharing")
    shown.wait_for(state="detached")
    doctor.button("Share screen").wait_for()


def test_voice_only_takes_the_picture_and_leaves_the_voice(met: Met) -> None:
    doctor, patient = met.doctor, met.patient
    patient.press("Voice only")
    gone = doctor.page.get_by_role("img", name=f"{PATIENT} has no picture on")
    gone.wait_for()
    assert patient.button("Voice only").get_attribute("aria-pressed") == "true"
    doctor.page.wait_for_timeout(STILL_SECONDS * 1_000)
    before = doctor.media()[0]
    wait_until(lambda: doctor.media()[0]["sound"] > before["sound"], lambda: "the voice is gone too")
    assert doctor.media()[0]["frames"] == before["frames"], "the picture goes on"
    patient.press("Voice only")
    gone.wait_for(state="detached")
    wait_until(
        lambda: doctor.media()[0]["frames"] > before["frames"], lambda: "no picture", seconds=PICTURE_SECONDS
    )


def test_markup_in_notes_is_text(met: Met) -> None:
    doctor = met.doctor
    doctor.press("Notes")
    notes = doctor.page.get_by_label("Notes", exact=True)
    notes.fill(MARKUP)
    doctor.press("Seal the note")
    doctor.sees("The note is sealed and belongs to the visit.")
    assert notes.input_value() == MARKUP
    doctor.press("Close")


def test_second_tab_takes_the_place_and_the_first_says_so_and_can_take_it_back(met: Met) -> None:
    doctor, first = met.doctor, met.patient
    second = Person(met.house, PATIENT, first.context)
    met.house.people.append(second)
    second.page.goto(first.page.url)
    second.press(PATIENT)
    second.press("Go on without a test")
    second.sees(ENCRYPTED)
    first.sees("This visit is open in another tab or on another device of yours. It goes on there.")
    first.look("room-replaced")
    assert first.media() == []
    second.sees_and_hears(1)
    assert len(doctor.media()) == 1
    first.press("Go on here instead")
    second.sees("This visit is open in another tab or on another device of yours.")
    first.sees(ENCRYPTED)
    for person in (first, doctor):
        person.sees_and_hears(1)
    second.page.close()


def test_weak_line_gives_up_the_picture_and_says_why(met: Met) -> None:
    doctor, patient = met.doctor, met.patient
    patient.ask(WEAKEN)
    patient.sees("Voice only, the line is weak")
    doctor.page.get_by_role("img", name=f"{PATIENT} has no picture on").wait_for()
    before = doctor.media()[0]["sound"]
    wait_until(lambda: doctor.media()[0]["sound"] > before, lambda: "the voice is gone too")


@pytest.fixture(scope="module")
def ended(met: Met) -> Met:
    """The visit is over; both are still signed in."""
    met.doctor.press("End visit")
    met.doctor.page.get_by_role("dialog").get_by_role("button", name="End the visit").click()
    met.patient.sees(f"Your visit with {DOCTOR} has ended.")
    return met


def test_who_is_idle_is_warned_and_then_signed_off(ended: Met) -> None:
    patient = ended.patient
    session = patient.ask(SESSION)
    idle_ms = ended.house.node.node.settings.session_idle_seconds * 1_000
    patient.turn_clock(HOUR_MS + idle_ms - 30_000)
    patient.sees("Are you still there?")
    patient.look("idle-warning")
    patient.press("Stay signed in")
    patient.page.get_by_role("dialog").wait_for(state="detached")
    assert patient.ask(STATUS, session) == 200
    patient.turn_clock(HOUR_MS + 2 * idle_ms)
    patient.sees("You were signed out because nobody was here for a while.")
    wait_until(lambda: patient.ask(STATUS, session) == 401, lambda: "the node still knows the session")
    assert patient.page.get_by_text(DOCTOR).count() == 0


def test_session_that_ended_at_the_node_takes_the_page_away(ended: Met) -> None:
    doctor, clock = ended.doctor, ended.house.node.clock
    clock.ahead_ms += 2 * ended.house.node.node.settings.session_idle_seconds * 1_000
    try:
        doctor.page.goto(f"{ended.house.node.url}/#/clinician/patients")
        doctor.sees("Your session ended.")
        assert doctor.page.get_by_text(PATIENT).count() == 0
    finally:
        clock.ahead_ms = 0


def test_no_screen_has_a_serious_finding_and_no_page_broke(ended: Met) -> None:
    assert ended.house.findings == [], "\n".join(ended.house.findings)
    assert ended.house.broken() == []
