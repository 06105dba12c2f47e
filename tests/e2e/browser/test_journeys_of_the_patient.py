"""Everything that a patient comes to outside the room: home, visits, the record, permissions, who saw it, messages.

The clinic is the demonstration's, so that there is a record, a visit that is over, and somebody who looked. Screens
are judged at both sizes as they are passed; the last test says what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.demo.play.cast import NAMES, Part
from telesphor.verify.check_bundle import verify_bundle
from tests.e2e.browser.house import DESKTOP, Person, reason_to_skip
from tests.e2e.browser.played import (
    Played,
    go,
    look_in_spanish,
    look_in_the_dark,
    look_over,
    open_played,
    settle,
)

pytestmark = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "it can be tried")

COLLEAGUE = "Dr. Ines Brandt"
SUMMARY = "We checked that your pulse clip works"
PLACES = {
    "home": "/patient",
    "visits": "/patient/visits",
    "record": "/patient/record",
    "devices": "/patient/devices",
    "permissions": "/patient/permissions",
    "seen": "/patient/seen",
    "proofs": "/patient/proof",
    "messages": "/patient/messages",
    "settings": "/settings",
}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with open_played(tmp_path_factory.mktemp("patient")) as played:
        yield played


@pytest.fixture(scope="module")
def patient(clinic: Played) -> Person:
    """The patient, once the clinic has done all it does for it."""
    clinic.come(Part.CLINICIAN)
    person = clinic.come(Part.PATIENT)
    clinic.wait_for("device", "messages", "record", "history")
    return person


def test_every_place_shows_what_it_has(patient: Person) -> None:
    for screen, place in PLACES.items():
        go(patient, place)
        look_over(patient, f"patient-{screen}", fingers=screen != "messages")
    go(patient, "/patient")
    patient.sees(f"Visit with {NAMES[Part.CLINICIAN]}")
    look_in_the_dark(patient, "patient-home")


def test_summary_of_a_visit_that_is_closed_opens(patient: Person) -> None:
    go(patient, "/patient/visits")
    patient.page.get_by_role("link", name=f"Visit with {COLLEAGUE}").click()
    patient.sees(SUMMARY)
    settle(patient)
    look_over(patient, "patient-after")


def test_permission_is_given_in_three_steps_and_taken_back_in_two_taps(patient: Person) -> None:
    go(patient, "/patient/permissions/new")
    patient.page.get_by_role("radio", name=re.compile(NAMES[Part.CLINICIAN])).check()
    look_over(patient, "patient-grant-who")
    patient.press("Go on")
    patient.page.get_by_role("checkbox").nth(2).check()
    look_over(patient, "patient-grant-what")
    patient.press("Go on")
    patient.sees("Exactly this will be visible")
    look_over(patient, "patient-grant-why")
    patient.press("Give this permission")
    patient.sees("Waits until they accept")
    look_over(patient, "patient-granted")
    patient.press("Take back")
    patient.page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    patient.button("Show 1 that has ended").wait_for()


def test_access_is_proven_from_its_line(patient: Person, tmp_path: Path) -> None:
    go(patient, "/patient/seen")
    patient.sees("Emergency access")
    patient.button(re.compile(r"^L\d\.|^Sealing")).click()
    drawer = patient.page.get_by_role("dialog")
    with patient.page.expect_download() as download:
        drawer.get_by_role("button", name="Download proof").click()
    bundle = tmp_path / "proof.zip"
    download.value.save_as(bundle)
    assert verify_bundle(bundle.read_bytes()).verdict == "pass"
    patient.look("patient-proof")
    drawer.get_by_role("button", name="Verify now").click()
    patient.page.get_by_role("heading", name=re.compile("^Genuine|agrees with itself")).wait_for()
    look_over(patient, "patient-verdict", fingers=False)
    assert patient.page.get_by_text("Connecting again").count() == 0


def test_message_is_read_and_answered(patient: Person) -> None:
    patient.page.set_viewport_size(DESKTOP)
    go(patient, "/patient/messages")
    patient.page.locator("a[href*='patient/messages/']").first.click()
    patient.sees("Your pulse clip")
    patient.page.get_by_label("Write a message").fill("Thank you, the clip fits.")
    patient.button(re.compile("^Send")).click()
    patient.sees("Thank you, the clip fits.")


def test_spanish_screens_are_in_spanish(patient: Person) -> None:
    look_in_spanish(patient, {f"patient-{screen}": place for screen, place in PLACES.items()})


def test_no_screen_has_a_finding_and_no_page_broke(patient: Person) -> None:
    clinic = patient.house
    assert isinstance(clinic, Played)
    refused = [text for text in patient.said if "Failed to load resource" in text]
    found = [*clinic.findings, *clinic.faults, *clinic.broken(), *refused]
    assert found == [], "\n".join(found)
