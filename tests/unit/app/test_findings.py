"""What the compliance monitor found, at a whole node: who sees it, under which watch, and what a look leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest

from telesphor.app import Node, create_node, open_node
from telesphor.capabilities.compliance.findings import FindingPages, FindingsPage
from telesphor.capabilities.compliance.model import WatchMissing, WatchTooNarrow
from telesphor.client.wallet import Wallet
from telesphor.runtime.capability import Actor
from tests.support.everything import ORIGIN, Story
from tests.support.letters import ask_messages


class Found(NamedTuple):
    """A node at which a patient's message was held back."""

    node: Node
    story: Story

    def watch(self, wallet: Wallet, *, subject: str | None = None) -> str:
        watch = self.story.ids.next()
        body = {"watch": watch, "scope": "log", "subject": subject, "minutes": 5, "live": False}
        self.story.ask(wallet, ("audit.watch/1", body))
        return watch

    def look(self, wallet: Wallet, watch: str, *, before: int | None = None, rows: int = 10) -> FindingsPage:
        pages = FindingPages(self.node.desks.compliance.desk)
        actor = Actor(wallet.actor, wallet.kind, wallet.signing_key.public.key_id)
        return pages.findings(actor, watch, before=before, rows=rows)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    folder = tmp_path_factory.mktemp("findings") / "node"
    create_node(folder, origin=ORIGIN, passphrase=b"passphrase")
    with open_node(folder, passphrase=b"passphrase") as node:
        story = Story(node)
        ask_messages(story)
        yield Found(node, story)


def test_finding_is_told_by_codes_and_a_patient_among_the_senders_is_an_id(found: Found) -> None:
    page = found.look(found.story.hospital, found.watch(found.story.hospital))
    (finding,) = page.findings
    assert (finding.verdict, finding.codes, finding.version) == ("hold", ("credential",), 2)
    assert (finding.sender.id, finding.sender.name) == (found.story.patient.actor, None)
    assert page.before is None


def test_look_at_the_findings_is_an_entry(found: Found) -> None:
    page = found.look(found.story.hospital, found.watch(found.story.hospital))
    with closing(found.node.reader()) as reader:
        entry = reader.entry(page.look.position)
    assert entry.type == "audit.looked/1"
    assert b'"what":"findings"' in entry.data


def test_next_page_begins_behind_the_last_finding(found: Found) -> None:
    hospital = found.story.hospital
    watch = found.watch(hospital)
    first = found.look(hospital, watch, rows=1)
    assert first.before is not None
    assert found.look(hospital, watch, before=first.before).findings == ()


def test_watch_on_ones_own_log_shows_no_findings(found: Found) -> None:
    patient = found.story.patient
    with pytest.raises(WatchTooNarrow):
        found.look(patient, found.watch(patient, subject=patient.actor))


def test_watch_of_somebody_else_shows_no_findings(found: Found) -> None:
    with pytest.raises(WatchMissing):
        found.look(found.story.patient, found.watch(found.story.hospital))
