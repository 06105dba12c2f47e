"""Four in one room through the app: they see and hear each other, until one is removed and gets no key of what follows.

The interpreter's computer has a clock that is an hour behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.e2e.browser.album import DESKTOP, PHONE
from tests.e2e.browser.house import House, Person, open_house, reason_to_skip, wait_until
from tests.e2e.browser.walks import ENCRYPTED, admit, check_in, invite, plan_visit

pytestmark = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "it can be tried")

DOCTOR, PATIENT, INTERPRETER, CAREGIVER = "Dr. Adaeze Osei", "Rosa Ibáñez", "Ivo Petrov", "Ana Ibáñez"
HOUR_MS = 3_600_000
DAY_MINUTES = 24 * 60
ROOM_SECONDS = 60.0
"""Twelve pictures that begin at once, on two cores that others use too."""

SENT_AT = re.compile(r"\d{1,2}:\d\d")
CAMERAS = """() => window.peers.flatMap((peer) => peer.getSenders())
  .filter(({ track }) => track !== null && track.readyState === "live").length"""


class Four(NamedTuple):
    """Four people who see each other."""

    house: House
    doctor: Person
    patient: Person
    interpreter: Person
    caregiver: Person


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("four")) as house:
        yield house


@pytest.fixture(scope="module")
def four(house: House) -> Four:
    doctor = house.staff(DOCTOR, "clinician", size=DESKTOP)
    links = [plan_visit(doctor)]
    links += [
        invite(doctor, role, name) for role, name in (("Interpreter", INTERPRETER), ("Caregiver", CAREGIVER))
    ]
    behind = {INTERPRETER: -HOUR_MS}
    guests = (PATIENT, INTERPRETER, CAREGIVER)
    people = [house.person(name, size=PHONE, ahead_ms=behind.get(name, 0)) for name in guests]
    for person, link in zip(people, links, strict=True):
        house.join(person, link)
        check_in(person, *(("visit", "recording", "sharing") if person is people[0] else ("recording",)))
    admit(doctor, *guests)
    for person in (doctor, *people):
        person.sees(ENCRYPTED)
        person.sees_and_hears(3, seconds=ROOM_SECONDS)
    doctor.look("room-of-four")
    people[0].look("room-of-four-phone")
    return Four(house, doctor, *people)


def test_everybody_sees_and_hears_the_three_others(four: Four) -> None:
    for person in (four.doctor, four.patient, four.interpreter, four.caregiver):
        assert len(person.media()) == 3


def test_what_somebody_with_a_wrong_clock_writes_is_dated_by_the_node(four: Four) -> None:
    four.interpreter.press("Chat")
    four.interpreter.page.get_by_label("Write a message").fill("She says: twice a day.")
    four.interpreter.page.keyboard.press("Enter")
    times = []
    for person in (four.interpreter, four.patient):
        if person is four.patient:
            person.press(re.compile("^Chat"))
        line = person.page.get_by_role("listitem").filter(has_text="twice a day")
        line.wait_for()
        found = SENT_AT.search(line.inner_text())
        assert found is not None, line.inner_text()
        times.append(found.group())
        person.press("Close the chat")
    now = four.patient.ask("() => new Date().toTimeString().slice(0, 5)")
    minutes = [int(hour) * 60 + int(minute) for hour, minute in (text.split(":") for text in (*times, now))]
    assert max(minutes) - min(minutes) in (0, 1, DAY_MINUTES - 1), (times, now)


def keys_heard(person: Person) -> list[int]:
    """Epochs of the keys that came to somebody over the live connection."""
    heard = [json.loads(text) for way, text in person.frames if way == "received"]
    return [frame["epoch"] for frame in heard if frame.get("kind") == "key"]


def goes_on_without_one(person: Person, before: int) -> None:
    """Somebody has a key of a later epoch, a path to two others, and their pictures go on."""
    wait_until(lambda: max(keys_heard(person)) > before, lambda: f"{person.name} heard {keys_heard(person)}")
    wait_until(lambda: len(person.media()) == 2, lambda: f"{person.name} has a path to who is out")
    person.sees(ENCRYPTED)
    person.sees_more(2, seconds=ROOM_SECONDS)


def test_who_is_removed_is_told_and_gets_no_key_while_the_others_go_on(four: Four) -> None:
    doctor, removed = four.doctor, four.caregiver
    before = max(keys_heard(doctor))
    doctor.press(f"{CAREGIVER}: what to do")
    doctor.page.get_by_role("menuitem", name="Remove from the visit").click()
    doctor.page.get_by_role("dialog").get_by_role("button", name="Remove from the visit").click()
    removed.sees("You were taken out of this visit. If that was a mistake, ask the clinic for a new link.")
    for person in (four.doctor, four.patient, four.interpreter):
        goes_on_without_one(person, before)
    assert max(keys_heard(removed)) == before
    wait_until(lambda: removed.media() == [], lambda: f"still connected: {removed.media()}")
    assert removed.ask(CAMERAS) == 0
    removed.look("removed")


def test_who_was_removed_does_not_come_back_by_reloading(four: Four) -> None:
    removed = four.caregiver
    epochs = keys_heard(removed)
    removed.page.reload()
    removed.sees("You were taken out of this visit.")
    assert keys_heard(removed) == epochs
    assert four.doctor.button(f"{CAREGIVER}: what to do").count() == 0


def test_no_screen_has_a_serious_finding_and_no_page_broke(four: Four) -> None:
    assert four.house.findings == []
    assert four.house.broken() == []
