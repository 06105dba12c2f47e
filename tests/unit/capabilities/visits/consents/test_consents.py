"""Consents: each apart, in words that are in force, and taken back with effect at once."""

from __future__ import annotations

from contextlib import closing

import pytest

from telesphor.capabilities.visits.consents.model import Consent
from telesphor.capabilities.visits.consents.service import texts_in_force
from telesphor.capabilities.visits.consents.texts import SHIPPED
from telesphor.kernel.digest import digest_of
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.visits.lived import LivedClinic, asking, consenting


def test_consent_names_its_text_which_is_kept_for_the_proof(lived: LivedClinic) -> None:
    visit = lived.schedule()
    lived.consent(lived.patient, visit, "visit", "es")
    body = lived.last(visit).body
    assert (body.consent, body.language) == ("visit", "es")
    kept = lived.world.db.execute("SELECT data FROM documents WHERE digest = ?", (body.text,)).fetchone()
    assert kept == (SHIPPED[Consent.VISIT, "es"].text.encode(),)


def test_spanish_texts_call_a_visit_as_the_app_does() -> None:
    spanish = [shipped.text for (_, language), shipped in SHIPPED.items() if language == "es"]
    assert len(spanish) == len(Consent)
    assert not [text for text in spanish if "visita" in text.lower()]


def test_each_consent_stands_apart(lived: LivedClinic) -> None:
    visit = lived.schedule()
    lived.consent(lived.patient, visit, "visit")
    lived.consent(lived.patient, visit, "recording")
    lived.ask(lived.patient, visit, "withdraw-consent", consent="recording")
    assert lived.code_of(lived.patient, consenting(visit, "visit")) == "consent-given-already"
    assert lived.code(lived.patient, visit, "withdraw-consent", consent="sharing") == "consent-missing"


@pytest.mark.parametrize("consent", ["visit", "sharing"])
@pytest.mark.parametrize("who", ["clinician", "caregiver"])
def test_consent_of_the_patient_is_given_by_nobody_else(lived: LivedClinic, who: str, consent: str) -> None:
    visit = lived.schedule()
    lived.invite(visit, lived.caregiver, "caregiver")
    assert lived.code_of(getattr(lived, who), consenting(visit, consent)) == "consent-not-theirs"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("sha256:" + "0" * 64, "en"),
        (SHIPPED[Consent.VISIT, "es"].digest, "en"),
        (SHIPPED[Consent.RECORDING, "en"].digest, "en"),
    ],
)
def test_consent_to_words_not_in_force_is_refused(lived: LivedClinic, text: str, language: str) -> None:
    visit = lived.schedule()
    body = {"consent": "visit", "text": text, "language": language}
    assert lived.code(lived.patient, visit, "give-consent", **body) == "consent-text-unknown"


def test_recording_stops_in_the_decision_that_takes_the_consent_back(lived: LivedClinic) -> None:
    visit = lived.begin()
    target = lived.record(visit, by=lived.clinician, others=(lived.patient,))
    receipt = lived.ask(lived.patient, visit, "withdraw-consent", consent="recording")
    assert [line.type for line in receipt.entries] == [
        "visit.consent-withdrawn/1",
        "visit.recording-stopped/1",
    ]
    assert (lived.last(visit).body.object, lived.last(visit).body.reason) == (target, "consent")
    assert lived.code(lived.clinician, visit, "stop-recording") == "not-recording"


def test_patient_is_in_the_lobby_once_the_consent_to_the_visit_is_taken_back(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.ask(lived.patient, visit, "withdraw-consent", consent="visit")
    assert lived.state(visit, lived.patient) == "waiting"
    admit = {"participant": lived.patient.actor}
    assert lived.code(lived.clinician, visit, "admit", **admit) == "consent-missing"


def test_third_parties_are_out_once_sharing_is_taken_back_and_the_patient_stays(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.join(visit, lived.interpreter, "interpreter")
    lived.join(visit, lived.caregiver, "caregiver")
    lived.join(visit, lived.colleague, "colleague")
    receipt = lived.ask(lived.patient, visit, "withdraw-consent", consent="sharing")
    assert len(receipt.entries) == 3
    assert lived.state(visit, lived.interpreter) == lived.state(visit, lived.caregiver) == "waiting"
    assert lived.state(visit, lived.patient) == lived.state(visit, lived.colleague) == "admitted"


def test_consent_is_taken_back_after_the_end_but_not_from_a_closed_visit(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.consent(lived.patient, visit, "recording")
    lived.ask(lived.clinician, visit, "end", outcome="completed")
    assert lived.code_of(lived.patient, consenting(visit, "sharing")) == "visit-ended"
    lived.ask(lived.patient, visit, "withdraw-consent", consent="recording")
    lived.close(visit)
    assert lived.code(lived.patient, visit, "withdraw-consent", consent="visit") == "visit-closed"


def test_consent_taken_back_and_given_in_one_request_still_ends_the_recording(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.record(visit, by=lived.clinician, others=(lived.patient,))
    taking = asking(visit, "withdraw-consent", consent="recording")
    lived.world.ask(lived.patient, taking, consenting(visit, "recording"))
    assert lived.code(lived.clinician, visit, "stop-recording") == "not-recording"


def test_removed_participant_still_takes_back_what_it_gave(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.join(visit, lived.caregiver, "caregiver")
    lived.consent(lived.caregiver, visit, "recording")
    lived.ask(lived.clinician, visit, "remove", participant=lived.caregiver.actor)
    lived.ask(lived.caregiver, visit, "withdraw-consent", consent="recording")


# Texts.


def setting(text: str, *, language: str = "en", kind: str = "sharing") -> tuple[str, dict[str, object]]:
    body: dict[str, object] = {"kind": kind, "language": language, "text": text}
    body["digest"] = digest_of(text.encode())
    return "consent.set-text/1", body


def test_new_text_is_what_people_consent_to_from_then_on(lived: LivedClinic) -> None:
    before, after = lived.schedule(), lived.schedule()
    lived.consent(lived.patient, before, "sharing")
    lived.world.ask(lived.hospital, setting("I agree, in the clinic's own words."))
    assert lived.code_of(lived.patient, consenting(after, "sharing")) == "consent-text-unknown"
    shown = {one.kind: one for one in texts_of(lived, "en")}[Consent.SHARING]
    assert shown.text == "I agree, in the clinic's own words."
    body = {"consent": "sharing", "text": shown.digest, "language": "en"}
    lived.ask(lived.patient, after, "give-consent", **body)
    lived.ask(lived.patient, before, "give-consent", **body)


def test_language_without_text_is_answered_in_english(lived: LivedClinic) -> None:
    assert {one.language for one in texts_of(lived, "is")} == {"en"}
    assert {one.language for one in texts_of(lived, "es-MX")} == {"es"}


def texts_of(lived: LivedClinic, language: str) -> tuple:  # type: ignore[type-arg]
    with closing(open_reader(lived.world.path)) as db:

        def read(digest: str) -> bytes | None:
            row = db.execute("SELECT data FROM documents WHERE digest = ?", (digest,)).fetchone()
            return None if row is None else row[0]

        return texts_in_force(db, language=language, read_document=read)


@pytest.mark.parametrize(
    ("text", "digest", "code"),
    [
        ("I agree.", "sha256:" + "0" * 64, "consent-text-refused"),
        ("I \u202eeerga.", None, "consent-text-refused"),
        ("   ", None, "consent-text-refused"),
        (f'"sha256:{"1" * 64}"', None, "consent-text-refused"),
        ("x" * 8_001, None, "command-refused"),
    ],
)
def test_text_that_nobody_could_consent_to_is_refused(
    lived: LivedClinic, text: str, digest: str | None, code: str
) -> None:
    type, body = setting(text, language="de")
    body["digest"] = digest or body["digest"]
    assert lived.code_of(lived.hospital, (type, body)) == code


@pytest.mark.parametrize("who", ["clinician", "patient"])
def test_person_sets_no_text(lived: LivedClinic, who: str) -> None:
    assert lived.code_of(getattr(lived, who), setting("I agree to everything.")) == "not-permitted"
