"""A whole visit through the app, as a patient and a clinician live it: from the link to a proof that verifies.

One visit for the module; each fixture takes it one stage further, so that every test finds it where it needs it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from telesphor.verify.check_bundle import verify_bundle
from tests.e2e.browser.album import DESKTOP, PHONE
from tests.e2e.browser.house import House, Person, open_house, reason_to_skip, wait_until
from tests.e2e.browser.walks import ENCRYPTED, check_in, consent_card, plan_visit

pytestmark = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "it can be tried")

DOCTOR, PATIENT = "Dr. Adaeze Osei", "Rosa <b>Ibáñez</b>"
LINK_SECONDS_MAX = 60.0
"""From opening the link to the picture; people are quicker than that only with a camera that needs no words."""

SAID = "<img src=x onerror=alert(1)> take two with water"
WIDE = "wide" * 100
HOSTILE_NAME = "..\\..//<img src=x onerror=alert(1)>\u202egpj.exe"
CONTENT = b"not a picture"
RECORDED_SECONDS = 3.0
SETTLED_MS = 300
"""A button that has just become one takes its colour in less."""

CLOSE = re.compile("^Close")
SEEK = """(video, seconds) => new Promise((tell, fail) => {
  video.addEventListener("seeked", () => tell(), { once: true });
  video.addEventListener("error", () => fail(new Error(video.error?.message)), { once: true });
  video.currentTime = seconds;
})"""
SESSION = "() => sessionStorage.getItem('telesphor-session')"
STATUS = """async (session) =>
  (await fetch("/v1/session", { headers: { "telesphor-session": session } })).status"""


class Met(NamedTuple):
    """Two people who see each other, and how long it took from the link."""

    house: House
    doctor: Person
    patient: Person
    visit: str
    seconds: float


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("visit")) as house:
        yield house


@pytest.fixture(scope="module")
def met(house: House) -> Met:
    """From the clinician's empty day to both in the room."""
    doctor = house.staff(DOCTOR, "clinician", size=DESKTOP)
    link = plan_visit(doctor, look=True)
    patient = house.person(PATIENT, size=PHONE)
    started = time.monotonic()
    patient.page.goto(link)
    patient.page.get_by_label("Your name").wait_for()
    patient.look("join")
    house.join(patient, link)
    check_in(patient, "visit", "recording", look=True)
    doctor.button(re.compile("^Admit ")).wait_for()
    doctor.look("clinician-queue")
    doctor.press(re.compile("^Admit "))
    for person in (patient, doctor):
        person.sees(ENCRYPTED)
        person.sees_and_hears(1)
    seconds = time.monotonic() - started
    visit = patient.page.url.rpartition("/")[2]
    return Met(house, doctor, patient, visit, seconds)


def test_picture_and_sound_arrive_within_a_minute_of_the_link(met: Met) -> None:
    print(f"from the link to the picture, everything pressed by a program: {met.seconds:.1f} s")
    assert met.seconds < LINK_SECONDS_MAX
    for person in (met.doctor, met.patient):
        person.sees_more(1)


def test_chat_is_text_and_the_node_sees_none_of_it(met: Met) -> None:
    doctor, patient = met.doctor, met.patient
    doctor.press("Chat")
    doctor.page.get_by_label("Write a message").fill(SAID)
    doctor.page.keyboard.press("Enter")
    patient.button(re.compile(r"^Chat")).press("Enter")
    patient.sees(SAID)
    doctor.page.get_by_label("Write a message").fill(WIDE)
    doctor.page.keyboard.press("Enter")
    patient.sees(WIDE)
    assert doctor.jams() == patient.jams() == []
    patient.look("room-patient-chat")
    doctor.look("room-clinician-chat")
    for person in (doctor, patient):
        assert any('"kind":"sealed"' in text for _, text in person.frames), "nothing went over the relay"
        assert not any("take two" in text for _, text in person.frames)


def test_file_of_a_hostile_name_arrives_as_bytes_under_a_harmless_one(met: Met) -> None:
    doctor, patient = met.doctor, met.patient
    file = {"name": HOSTILE_NAME, "mimeType": "text/html", "buffer": CONTENT}
    patient.page.locator("input[type=file]").set_input_files(file)
    save = doctor.button(re.compile("^Save "))
    save.wait_for()
    with doctor.page.expect_download() as download:
        save.click()
    name = download.value.suggested_filename
    assert not set(name) & set("/\\<>\u202e") and not name.startswith(".")
    assert download.value.path().read_bytes() == CONTENT


@pytest.fixture(scope="module")
def recorded(met: Met) -> Met:
    """Recorded over a broken line, until the patient takes the consent back."""
    doctor, patient = met.doctor, met.patient
    broken: list[str] = []

    def cut_once(route: Any) -> None:
        if route.request.method == "PATCH" and not broken:
            broken.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    for person in (doctor, patient):
        if person.button("Close the chat").is_visible():
            person.press("Close the chat")
    doctor.context.route("**/v1/objects/*/content", cut_once)
    doctor.press("Agree to record")
    doctor.page.get_by_role("dialog").get_by_role("button", name="Agree to a recording").click()
    doctor.press("Record")
    for person in (doctor, patient):
        person.sees("Recording on.")
        person.look(f"room-recording-{'clinician' if person is doctor else 'patient'}")
    doctor.page.wait_for_timeout(RECORDED_SECONDS * 1_000)
    patient.press("Consents")
    consent_card(patient, "recording").get_by_role("button", name="Take back").click()
    for person in (doctor, patient):
        person.sees("Recording off.")
    wait_until(lambda: kept(met), lambda: f"no recording is kept: {doctor.said[-5:]}")
    assert broken, "the upload was never cut"
    return met


def kept(met: Met) -> bool:
    text = met.doctor.page.get_by_role("status").all_inner_texts()
    return any("The recording is saved." in one for one in text)


def test_consent_taken_back_stops_the_recording_and_it_is_kept_over_a_broken_line(recorded: Met) -> None:
    recorded.patient.press(CLOSE)
    recorded.doctor.button("Agree to record").wait_for(state="hidden")
    assert recorded.doctor.button("Record").count() == 0


@pytest.fixture(scope="module")
def closed(recorded: Met) -> Met:
    """Ended, summarised and closed by the clinician."""
    doctor, patient = recorded.doctor, recorded.patient
    doctor.press("End visit")
    doctor.page.get_by_role("dialog").get_by_role("button", name="End the visit").click()
    patient.sees(f"Your visit with {DOCTOR} has ended.")
    doctor.page.get_by_label("What we talked about").fill("Blood pressure, <i>and</i> the new pills.")
    doctor.page.wait_for_timeout(SETTLED_MS)
    doctor.look("clinician-after")
    doctor.press("Seal it and give it to the patient")
    patient.sees("Blood pressure, <i>and</i> the new pills.")
    doctor.press("Close the visit")
    doctor.page.get_by_role("dialog").get_by_role("button", name="Close the visit").click()
    patient.button("Download proof").wait_for()
    patient.look("patient-after")
    return recorded


def test_recording_plays_from_its_middle(closed: Met) -> None:
    doctor = closed.doctor
    doctor.press("Play recording 1")
    shown = doctor.page.locator("figure video, figure [role=alert]").first
    shown.wait_for()
    video = doctor.page.locator("figure video")
    assert video.count() == 1, shown.inner_text()
    doctor.ask(SEEK, 1.5, of=video)
    place = doctor.ask("video => ({ time: video.currentTime, width: video.videoWidth })", of=video)
    assert place["time"] >= 1.4 and place["width"] > 0
    doctor.look("clinician-recording")


def test_proof_verifies_in_the_browser_and_by_the_command_line(closed: Met, tmp_path: Path) -> None:
    patient = closed.patient
    with patient.page.expect_download() as download:
        patient.press("Download proof")
    bundle = tmp_path / "proof.zip"
    download.value.save_as(bundle)
    assert verify_bundle(bundle.read_bytes()).verdict == "pass"
    words = [sys.executable, "-c", "from telesphor.cli import main; main()", "verify", str(bundle)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    patient.press("Verify now")
    patient.sees(re.compile("^Genuine|agrees with itself"))
    patient.look("verify-verdict")


def test_names_and_words_are_nowhere_in_the_nodes_files(closed: Met) -> None:
    node = closed.house.node
    for file in node.node.folder.path.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            for text in ("Ibáñez", "take two", "new pills"):
                assert text.encode() not in data, (file.name, text)


def test_who_signs_out_leaves_nothing_on_the_screen(closed: Met) -> None:
    patient = closed.patient
    patient.page.goto(f"{closed.house.node.url}/#/patient")
    session = patient.ask(SESSION)
    patient.press(PATIENT, exact=False)
    patient.page.get_by_role("menuitem", name="Sign out").click()
    patient.sees("You are signed out.")
    patient.look("signed-out")
    wait_until(lambda: patient.ask(STATUS, session) == 401, lambda: "the node still knows the session")
    for leave in (patient.page.go_back, patient.page.reload, lambda: patient.page.goto("about:blank")):
        leave()
    patient.page.go_back()
    patient.page.get_by_role("heading", name="Sign in").wait_for()
    assert patient.page.get_by_text(DOCTOR).count() == 0


def test_no_screen_has_a_serious_finding_and_no_page_broke(closed: Met) -> None:
    assert closed.house.findings == [], "\n".join(closed.house.findings)
    assert closed.house.broken() == []
