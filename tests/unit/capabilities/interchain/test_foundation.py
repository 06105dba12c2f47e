"""What the offline verifier says of a visit that is built on a proof: the node may lie, and is found out."""

from __future__ import annotations

from typing import Any

from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import Stream, stream_of
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.report import Report
from tests.unit.verify.builder import Draft, Story

CLOSED = {"position": 7, "type": "visit.closed/1", "stream": "visit/x", "n": 3, "leaf": digest_of(b"")}


class Built(Story):
    """The story, with a visit that is opened on a proof."""

    def accept(self, *facts: dict[str, Any], asked: bool = False, n: int = 0) -> None:
        """The node says that it accepted a proof of these facts."""
        self.proof: Stream = stream_of("proof", self.world.ids.next())
        draft = Draft("interchain.proof-accepted/1", self.proof, {"facts": list(facts)}, {"n": n or 1})
        if asked:
            self.world.act(self.clinician, [("interchain.accept/1", {"facts": list(facts)})], draft)
        else:
            self.world.append(self.world.node, draft, None)

    def open_on_proof(self, **asked: Any) -> None:
        body = {"patient": self.patient.id, "clinician": self.clinician.id, "devices": [self.device.id]}
        said = {"visit": self.name, **body, "proof": self.proof.split("/")[1], "position": 7}
        self.world.act(
            self.clinician,
            [("visit.open-on-proof/1", said | asked)],
            Draft("visit.opened/1", self.visit, body),
            self.link(self.proof, 1, "proof"),
        )


def told() -> Built:
    story = Built()
    story.found()
    story.enrol()
    return story


def report_of(story: Built) -> Report:
    if not story.on(story.visit):
        story.open_on_proof()
    story.close()
    return verify_bundle(story.bundle())


def failed(report: Report) -> tuple[str, str]:
    return report.steps[-1].name, report.steps[-1].code


def test_visit_built_on_an_accepted_closing_passes() -> None:
    story = told()
    story.accept(CLOSED)
    assert report_of(story).passed


def test_visit_built_on_a_proof_that_closes_no_visit_is_refused() -> None:
    for facts in ((), ({**CLOSED, "type": "visit.opened/1"},), ({"type": ["visit.closed/1"]},)):
        story = told()
        story.accept(*facts)
        assert failed(report_of(story)) == ("links", "link-refused")


def test_visit_built_on_what_the_node_accepted_only_afterwards_is_refused() -> None:
    story = told()
    story.accept(CLOSED)
    position = len(story.world.entries) - 1
    late = story.world.entries.pop(position)
    story.open_on_proof()
    story.world.append_bytes(late)
    assert failed(report_of(story)) == ("links", "link-refused")


def test_visit_built_on_another_proof_than_its_opener_named_is_refused() -> None:
    story = told()
    story.accept(CLOSED)
    story.open_on_proof(proof=story.world.ids.next())
    assert failed(report_of(story)) == ("requests", "not-asked")


def test_proof_linked_where_the_opener_asked_for_none_is_refused() -> None:
    story = told()
    story.accept(CLOSED)
    body = {"patient": story.patient.id, "clinician": story.clinician.id, "devices": [story.device.id]}
    story.world.act(
        story.clinician,
        [("visit.open/1", {"visit": story.name, **body})],
        Draft("visit.opened/1", story.visit, body),
        story.link(story.proof, 1, "proof"),
    )
    assert failed(report_of(story)) == ("requests", "not-asked")


def test_bundle_without_the_acceptance_is_refused() -> None:
    story = told()
    story.accept(CLOSED)
    story.open_on_proof()
    story.close()
    report = verify_bundle(story.bundle(drop=story.on(story.proof)))
    assert failed(report) == ("links", "linked-entry-missing")


def test_acceptance_that_somebody_asked_for_is_refused() -> None:
    story = told()
    story.accept(CLOSED, asked=True)
    assert failed(report_of(story)) == ("requests", "not-asked")


def test_acceptance_by_another_than_the_node_is_refused() -> None:
    story = told()
    story.proof = stream_of("proof", story.world.ids.next())
    draft = Draft("interchain.proof-accepted/1", story.proof, {"facts": [CLOSED]}, {"n": 1})
    story.world.append(story.clinician, draft, None)
    assert failed(report_of(story)) == ("requests", "evidence-missing")


def test_object_linked_as_a_proof_is_refused() -> None:
    story = told()
    story.record()
    story.open()
    story.note(role="proof")
    assert failed(report_of(story)) == ("links", "link-refused")
