"""Everything that people come to outside the room: patients, clinicians, auditors, administrators, verifiers.

The clinic is the demonstration's, so that there is a record, a visit that is over, and somebody who looked. Screens are
judged at both sizes as they are passed; the last test says what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.demo.play.cast import NAMES, Part
from telesphor.verify.check_bundle import verify_bundle
from tests.e2e.browser.album import DESKTOP, PHONE
from tests.e2e.browser.house import Person, reason_to_skip
from tests.e2e.browser.played import (
    Played,
    go,
    look_in_spanish,
    look_in_the_dark,
    look_over,
    open_played,
    settle,
)
from tests.e2e.browser.walks import consent_card

pytestmark = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "it can be tried")

PATIENT_NAME = NAMES[Part.PATIENT]
COLLEAGUE = "Dr. Ines Brandt"
LONG_NAME = "Maximiliana von Hohenlohe-Schillingsfürst"
HAS_FOCUS = "(selector) => document.activeElement.matches(selector)"
REACHES_OUT = """(button) => {
  const { left, right } = button.getBoundingClientRect();
  const boxes = [...button.querySelectorAll("*")].map((one) => [one, one.getBoundingClientRect()]);
  const out = boxes.filter(([, box]) => box.left < left - 0.5 || box.right > right + 0.5 || right > innerWidth);
  return out.map(([one]) => one.outerHTML.slice(0, 120));
}"""
"""What of a button reaches beyond its edges, or with it beyond the window's."""
SUMMARY = "We checked that your pulse clip works"
PATIENT = {
    "home": "/patient",
    "visits": "/patient/visits",
    "record": "/patient/record",
    "devices": "/patient/devices",
    "permissions": "/patient/permissions",
    "seen": "/patient/seen",
    "factors": "/patient/factors",
    "proofs": "/patient/proof",
    "messages": "/patient/messages",
    "settings": "/settings",
}
AUDITOR = {
    "log": "/auditor",
    "activity": "/auditor/activity",
    "blocks": "/auditor/blocks",
    "findings": "/auditor/findings",
    "take": "/auditor/take",
}
ADMINISTRATOR = {
    "node": "/admin",
    "people": "/admin/people",
    "roles": "/admin/people/roles",
    "devices": "/admin/devices",
    "policies": "/admin/policies",
    "contracts": "/admin/contracts",
    "interfaces": "/admin/contracts/interfaces",
}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with open_played(tmp_path_factory.mktemp("journeys")) as played:
        yield played


@pytest.fixture(scope="module")
def clinician(clinic: Played) -> Person:
    return clinic.come(Part.CLINICIAN)


@pytest.fixture(scope="module")
def patient(clinic: Played, clinician: Person) -> Person:
    """The patient, once the clinic has done all it does for it."""
    person = clinic.come(Part.PATIENT)
    clinic.wait_for("identity", "device", "messages", "record", "history")
    return person


@pytest.fixture(scope="module")
def auditor(clinic: Played, patient: Person) -> Person:
    return clinic.come(Part.AUDITOR)


@pytest.fixture(scope="module")
def administrator(clinic: Played) -> Person:
    return clinic.come(Part.ADMINISTRATOR)


def test_page_of_the_demonstration_has_everybody(clinic: Played) -> None:
    visitor = clinic.person("somebody", size=PHONE)
    visitor.page.goto(clinic.page_of_links)
    visitor.sees(PATIENT_NAME)
    look_over(visitor, "demo")
    visitor.page.close()


def test_every_place_of_the_patient_shows_what_it_has(patient: Person) -> None:
    for screen, place in PATIENT.items():
        go(patient, place)
        look_over(patient, f"patient-{screen}", fingers=screen != "messages")
    go(patient, "/patient")
    patient.sees(f"Visit with {NAMES[Part.CLINICIAN]}")
    look_in_the_dark(patient, "patient-home")


def test_long_name_ends_within_the_header_and_shows_its_beginning(patient: Person) -> None:
    go(patient, "/settings")
    field = patient.page.get_by_label("Name", exact=True)
    for name in (LONG_NAME, PATIENT_NAME):
        field.fill(name)
        patient.press("Save")
        account = patient.page.locator("header button")
        account.get_by_text(name).wait_for()
        assert patient.ask(REACHES_OUT, of=account) == []


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
    patient.page.wait_for_function(HAS_FOCUS, arg="article, h1, h2, h3, main")


def test_notice_that_was_seen_gives_the_focus_to_the_page(patient: Person) -> None:
    go(patient, "/patient/visits")
    patient.button("I have seen this").press("Enter")
    patient.page.get_by_role("alert").wait_for(state="hidden")
    patient.page.wait_for_function(HAS_FOCUS, arg="[data-page-title]")


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


def test_identity_is_accepted_and_shown_in_a_visit_instead_of_being_asked_for(
    patient: Person, clinician: Person
) -> None:
    go(patient, "/patient/factors")
    patient.press("Accept it")
    patient.sees("Accepted, and kept in this browser.")
    patient.sees("25 December 1974")
    look_over(patient, "patient-factors-held")
    look_in_the_dark(patient, "patient-factors-held")
    go(patient, "/patient/visits")
    patient.press(re.compile("^(Join|Get ready)$"))
    patient.press("Go on without a test")
    consent_card(patient, "visit").get_by_role("button", name="Yes, I agree").click()
    consent_card(patient, "recording").get_by_role("button", name="No", exact=True).click()
    patient.press("Go on")
    patient.button("Show who I am").wait_for()
    look_over(patient, "patient-identity-to-show")
    patient.press("Show who I am")
    patient.sees("You have shown who you are.")
    go(clinician, "/clinician")
    visits = clinician.page.locator("a[href*='clinician/visits/']")
    visits.filter(has_text=PATIENT_NAME).first.click()
    clinician.press("Look at what they showed")
    clinician.sees("25 December 1974")
    look_over(clinician, "clinician-identity-shown")


def test_clinician_reads_what_was_granted_and_says_who_gave_it(clinician: Person, patient: Person) -> None:
    go(clinician, "/clinician")
    clinician.sees(PATIENT_NAME)
    look_over(clinician, "clinician-day")
    go(clinician, "/clinician/patients")
    clinician.press(PATIENT_NAME)
    clinician.sees("by a permission that Riverside Clinic gave")
    settle(clinician)
    look_over(clinician, "clinician-record")
    look_in_the_dark(clinician, "clinician-record")


def test_emergency_frames_the_window_and_leaves_nothing_behind(clinician: Person) -> None:
    clinician.press("Emergency access")
    dialog = clinician.page.get_by_role("dialog")
    dialog.get_by_label("The patient is unconscious").check()
    look_over(clinician, "clinician-emergency", fingers=False)
    dialog.get_by_role("button", name="Open the record").click()
    clinician.button("End now").wait_for()
    clinician.sees("You can see this by emergency access")
    look_over(clinician, "clinician-glass")
    clinician.press("End now")
    clinician.sees("Your permission has ended")
    clinician.page.get_by_text("You can see this by emergency access").first.wait_for(state="hidden")


def test_auditor_watches_searches_and_decides_again(auditor: Person) -> None:
    for screen, place in AUDITOR.items():
        go(auditor, place)
        look_over(auditor, f"auditor-{screen}", fingers=False)
    go(auditor, "/auditor/activity")
    ticks = auditor.page.locator("figure text").all_text_contents()
    assert not [tick for tick in ticks if re.fullmatch(r"\d+[.,]\d+", tick)], ticks
    go(auditor, "/auditor?type=access.decided/1")
    auditor.page.locator("a[href*='auditor/entries/']").first.click()
    auditor.press("Decide again")
    auditor.sees(re.compile("same", re.IGNORECASE))
    look_over(auditor, "auditor-decision", fingers=False)


def test_administrator_sees_node_people_and_rules(administrator: Person) -> None:
    for screen, place in ADMINISTRATOR.items():
        go(administrator, place)
        look_over(administrator, f"admin-{screen}", fingers=False)


def test_spanish_screens_are_in_spanish(
    patient: Person, clinician: Person, auditor: Person, administrator: Person
) -> None:
    look_in_spanish(patient, {f"patient-{screen}": place for screen, place in PATIENT.items()})
    look_in_spanish(clinician, {"clinician-day": "/clinician", "clinician-patients": "/clinician/patients"})
    look_in_spanish(auditor, {f"auditor-{screen}": place for screen, place in AUDITOR.items()})
    look_in_spanish(administrator, {f"admin-{screen}": place for screen, place in ADMINISTRATOR.items()})


def test_file_that_is_no_proof_is_not_accepted(clinic: Played) -> None:
    visitor = clinic.person("somebody", size=DESKTOP)
    visitor.page.goto(f"{clinic.url}/#/verify")
    visitor.sees("Drop a proof here")
    file = {"name": "cat.png", "mimeType": "image/png", "buffer": b"\x89PNG, and no proof"}
    visitor.page.locator("input[type=file]").first.set_input_files(file)
    visitor.page.get_by_role("heading", name=re.compile("^Not accepted")).wait_for()
    look_over(visitor, "verify-something-else", fingers=False)


def test_no_screen_has_a_finding_and_no_page_broke(clinic: Played, patient: Person) -> None:
    refused = [text for text in patient.said if "Failed to load resource" in text]
    found = [*clinic.findings, *clinic.faults, *clinic.broken(), *refused]
    assert found == [], "\n".join(found)
