"""Four in one room through the app: patient, clinician, interpreter and caregiver see and hear each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.e2e.browser.house import DESKTOP, PHONE, House, Person, open_house, reason_to_skip
from tests.e2e.browser.walks import ENCRYPTED, check_in, invite, plan_visit
from tests.torture.scale import TORTURE

pytestmark = [
    pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "it can be tried"),
    pytest.mark.skipif(TORTURE == 1, reason="twelve pictures on two cores take long: `make torture`"),
]

DOCTOR, PATIENT, INTERPRETER, CAREGIVER = "Dr. Adaeze Osei", "Rosa Ibáñez", "Ivo Petrov", "Ana Ibáñez"
ROOM_SECONDS = 60.0


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
    people = [house.person(name, size=PHONE) for name in (PATIENT, INTERPRETER, CAREGIVER)]
    for person, link in zip(people, links, strict=True):
        house.join(person, link)
        check_in(person, *(("visit", "recording", "sharing") if person is people[0] else ("recording",)))
    doctor.press(re.compile("^Admit "))
    for _ in people[1:]:
        doctor.press("Let in")
    for person in (doctor, *people):
        person.sees(ENCRYPTED)
        person.sees_and_hears(3, seconds=ROOM_SECONDS)
    doctor.look("room-of-four")
    people[0].look("room-of-four-phone")
    return Four(house, doctor, *people)


def test_everybody_sees_and_hears_the_three_others(four: Four) -> None:
    for person in (four.doctor, four.patient, four.interpreter, four.caregiver):
        assert len(person.media()) == 3
