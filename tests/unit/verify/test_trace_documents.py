"""Documents in a bundle: what is shown is what entries name, and what is not shown is not missed."""

from __future__ import annotations

import pytest

from telesphor.kernel import canonical
from telesphor.kernel.bundle import write_bundle
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import stream_of
from telesphor.verify import verify_bundle
from telesphor.verify.check_bundle import STEPS
from tests.unit.verify.builder import Story
from tests.vectors.bundles.case import good_bundle
from tests.vectors.bundles.grants import DOCUMENTS, RECEIPT, RULE, granted_story

DOCUMENTS_STEP = STEPS.index("documents")


def proved(data: bytes) -> str:
    report = verify_bundle(data)
    assert report.passed, report.to_text()
    return report.steps[DOCUMENTS_STEP].proved


def test_documents_are_counted() -> None:
    assert proved(granted_story().bundle(documents=DOCUMENTS)).startswith("2 documents shown")
    assert proved(good_bundle()) == "no document is shown in this bundle"


@pytest.mark.parametrize("kept", [(), (RECEIPT,)], ids=["none", "without-the-last"])
def test_forgotten_document_is_simply_absent(kept: tuple[bytes, ...]) -> None:
    proved(granted_story().bundle(documents=kept))


def test_document_of_a_chosen_entry_may_be_shown_and_that_of_another_may_not() -> None:
    story = granted_story()
    [decided] = story.world.find("access.decided/1")
    sign = story.world.node.key
    assert "2 documents" in proved(write_bundle(story.selected({decided}, documents=DOCUMENTS), sign=sign))
    other = story.selected({story.on(story.readings)[0]}, documents=DOCUMENTS)
    assert verify_bundle(write_bundle(other, sign=sign)).steps[-1].code == "document-unreferenced"


def test_hostile_documents_are_judged_quickly_and_never_stop_the_verifier() -> None:
    named = digest_of(RULE).encode()
    hostile = (
        b'["%s",%s' % (named, b"[" * 60_000),
        b'["%s"%s ]' % (named, b",0" * 400_000),
        b'{"a":"%s"}\xff' % named,
        canonical.encode(["x" * 1_000_000, digest_of(RULE)]),
        RULE,
    )
    story = Story.told(until="close")
    stream = stream_of("access", story.clinician.id)
    story.say("access.decided/1", stream, papers=[digest_of(data) for data in hostile[:-1]])
    story.build_on(stream, role="access")
    story.close()
    assert "5 documents" in proved(story.bundle(documents=hostile))
