"""A visit that was lived at a whole node: its identity check by factors, and its proof."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from telesphor.app import create_node, open_node
from telesphor.capabilities.visits.consents.model import Consent
from telesphor.capabilities.visits.consents.texts import SHIPPED
from telesphor.client.wallet import Wallet
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.errors import TelesphorError
from telesphor.verify.check_bundle import verify_bundle
from tests.support.everything import ORIGIN, Office, Story
from tests.support.lives import ask_lives


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """The hospital of a whole node as the issuer of the patient's identity."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "node"
        create_node(path, origin=ORIGIN, passphrase=b"passphrase")
        with open_node(path, passphrase=b"passphrase") as node:
            story = Story(node)
            yield Office(story, holder=story.patient, factor="identity.name", value="Ana Reyes")


def begin(story: Story) -> str:
    visit = story.ids.next()
    opened = {"visit": visit, "patient": story.patient.actor, "clinician": story.clinician.actor}
    when = {"devices": [], "starts_at": story.instant(60_000), "minutes": 20}
    story.ask(story.clinician, ("visit.schedule/1", {**opened, **when}))
    return visit


def present(story: Story, wallet: Wallet, visit: str, presentation: str) -> str:
    """The code with which a presentation is refused, or nothing."""
    try:
        body = {"visit": visit, "presentation": presentation}
        story.ask(wallet, ("visit.present-identity/1", body))
    except TelesphorError as error:
        return error.code
    return ""


def test_proof_of_a_lived_visit_is_whole_and_shows_what_was_consented_to(office: Office) -> None:
    story = office.story
    visit = ask_lives(story, shown=office.present(office.issue(index=0)[1]))
    data = story.node.visit_proof(visit)
    report = verify_bundle(data)
    assert report.verdict == "pass", report
    documents = set(read_bundle(data).documents.values())
    assert SHIPPED[Consent.RECORDING, "en"].text.encode() in documents
    assert any(b"Ana Reyes" in document for document in documents)


def test_identity_is_shown_by_ones_own_presentation_while_it_stands(office: Office) -> None:
    story, visit = office.story, begin(office.story)
    shown = office.present(office.issue(index=1)[1])
    assert present(story, story.clinician, visit, shown) == "identity-refused"
    assert present(story, story.patient, visit, story.ids.next()) == "identity-refused"
    assert present(story, story.patient, visit, shown) == ""
    assert present(story, story.patient, visit, shown) == "already-linked"
    story.ask(story.patient, ("presentation.withdraw/1", {"presentation": shown}))
    assert present(story, story.patient, begin(story), shown) == "identity-refused"


def test_credential_that_was_revoked_shows_no_identity(office: Office) -> None:
    story, visit = office.story, begin(office.story)
    credential, issued = office.issue(index=2)
    shown = office.present(issued)
    office.ask(("credential.revoke/1", {"credential": credential, "reason": "other"}))
    assert present(story, story.patient, visit, shown) == "identity-refused"
