"""What clinicians, auditors and administrators come to, the page of the demonstration, and the verifier's.

Screens are judged at both sizes as they are passed; the last test says what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from telesphor.demo.play.cast import NAMES, Part
from tests.e2e.browser.house import DESKTOP, PHONE, Person, reason_to_skip
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

PATIENT = NAMES[Part.PATIENT]
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
    with open_played(tmp_path_factory.mktemp("staff")) as played:
        yield played


@pytest.fixture(scope="module")
def clinician(clinic: Played) -> Person:
    """The clinician, once there is a patient with a record."""
    person = clinic.come(Part.CLINICIAN)
    clinic.come(Part.PATIENT)
    clinic.wait_for("device", "messages", "record", "history")
    return person


@pytest.fixture(scope="module")
def auditor(clinic: Played) -> Person:
    return clinic.come(Part.AUDITOR)


@pytest.fixture(scope="module")
def administrator(clinic: Played) -> Person:
    return clinic.come(Part.ADMINISTRATOR)


def test_page_of_the_demonstration_has_everybody(clinic: Played) -> None:
    visitor = clinic.person("somebody", size=PHONE)
    visitor.page.goto(clinic.page_of_links)
    visitor.sees(PATIENT)
    look_over(visitor, "demo")
    visitor.page.close()


def test_clinician_reads_what_was_granted_and_says_who_gave_it(clinician: Person) -> None:
    go(clinician, "/clinician")
    clinician.sees(PATIENT)
    look_over(clinician, "clinician-day")
    go(clinician, "/clinician/patients")
    clinician.press(PATIENT)
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


def test_auditor_watches_searches_and_decides_again(auditor: Person, clinician: Person) -> None:
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


def test_spanish_screens_are_in_spanish(clinician: Person, auditor: Person, administrator: Person) -> None:
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


def test_no_screen_has_a_finding_and_no_page_broke(clinic: Played) -> None:
    found = [*clinic.findings, *clinic.faults, *clinic.broken()]
    assert found == [], "\n".join(found)
