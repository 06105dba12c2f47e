"""Verification as a whole: the honest bundle passes, any change fails, and nothing ever raises."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.kernel.archive import ArchiveLimits, read_archive, write_archive
from telesphor.kernel.bundle import MANIFEST, MANIFEST_JWS
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import stream_of
from telesphor.kernel.signing import verify_detached
from telesphor.verify import Pins, check_bundle, verify_bundle
from telesphor.verify.check_bundle import STEPS
from tests.unit.verify.builder import Draft, Story, log_signer, signing_key
from tests.vectors.bundles.all import FAULTS, Fault, good_bundle
from tests.vectors.bundles.case import good_story
from tests.vectors.bundles.confirm import paused

PINS = Pins(frozenset(good_story().world.log.vkeys()))


def test_honest_bundle_passes_every_step() -> None:
    report = verify_bundle(good_bundle(), pins=PINS)
    assert [step.failure for step in report.steps] == [""] * len(STEPS)
    assert (report.verdict, report.level, report.pinned, report.not_run) == ("pass", "L1", True, ())
    assert report.origin == good_story().world.origin
    assert report.subject == good_story().visit


def test_pause_of_an_actor_and_its_end_can_be_shown() -> None:
    """They begin as entries about keys do, and are none: whoever audits administrators hands them out."""
    report = verify_bundle(paused())
    assert report.passed, report.to_text()


def test_each_step_says_what_it_proved_in_one_line() -> None:
    for step in verify_bundle(good_bundle()).steps:
        assert step.proved
        assert "\n" not in step.proved


def test_without_a_pin_the_report_says_whose_keys_were_used() -> None:
    report = verify_bundle(good_bundle())
    assert report.passed
    assert not report.pinned
    assert "taken from the bundle itself" in report.steps[2].proved
    assert "not that its ledger is the one you mean" in report.to_text()


def test_pinned_report_does_not_warn() -> None:
    assert "NOTE" not in verify_bundle(good_bundle(), pins=PINS).to_text()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_refused(fault: Fault) -> None:
    report = verify_bundle(fault.make())
    assert report.verdict == "fail"
    assert report.level is None
    assert (report.steps[-1].name, report.steps[-1].code) == (fault.step, fault.code)
    assert all(step.proved for step in report.steps[:-1])
    assert report.not_run == STEPS[len(report.steps) :]


def test_faults_have_names_of_their_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_every_step_has_a_fault() -> None:
    assert {fault.step for fault in FAULTS} == set(STEPS)


@pytest.mark.parametrize(
    "vkeys",
    [log_signer("other").vkeys(), (good_story().world.log.vkeys()[0],), (good_story().world.log.vkeys()[1],)],
    ids=["other-keys", "only-ed25519", "only-mldsa44"],
)
def test_ledger_that_is_not_pinned_in_both_keys_is_refused(vkeys: tuple[str, ...]) -> None:
    report = verify_bundle(good_bundle(), pins=Pins(frozenset(vkeys)))
    assert (report.steps[-1].name, report.steps[-1].code) == ("checkpoint", "key-not-pinned")
    assert report.pinned


def test_entry_of_the_nodes_own_word_passes_and_is_counted() -> None:
    story = Story.told(until="close")
    story.world.append(story.world.node, story.link(story.object, 1, "note"), None)
    story.close()
    report = verify_bundle(story.bundle())
    assert report.passed
    assert "the node's own word is 1 entry" in report.steps[STEPS.index("requests")].proved


def test_actor_that_retires_itself_last_passes() -> None:
    story = Story.told()
    story.world.retire(story.device, story.device)
    assert verify_bundle(story.bundle()).passed


def test_many_requests_of_one_batch_pass() -> None:
    story = Story.told(until="close")
    commands = [story.add()] * 20
    story.world.act(story.clinician, commands, *[story.link(story.object, 1, "note")] * 20)
    story.close()
    assert verify_bundle(story.bundle()).passed


def test_bundle_of_a_ledger_with_one_visit_alone_passes() -> None:
    story = Story()
    for step in (story.found, story.enrol, story.open, story.close):
        step()
    assert verify_bundle(story.bundle()).passed


def test_entries_between_those_of_one_request_need_not_be_in_the_bundle() -> None:
    story = Story.told(until="close")
    other = Draft("object.read/1", stream_of("object", story.world.ids.next()), {"purpose": "billing"})
    link = story.link(story.object, 1, "note")
    story.world.act(story.clinician, [story.add()], link, other, link)
    story.close()
    assert verify_bundle(story.bundle()).passed


def test_any_flipped_byte_fails() -> None:
    """Every byte of every header, and every 41st of the contents."""
    data = good_bundle()
    headers = {
        match.start() + offset
        for match in re.finditer(rb"PK\x03\x04|PK\x01\x02|PK\x05\x06", data)
        for offset in range(75 if data[match.start() + 2] == 1 else 22)
        if match.start() + offset < len(data)
    }
    for position in sorted(headers | set(range(0, len(data), 41))):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        assert not verify_bundle(bytes(changed)).passed, position


def test_any_changed_byte_of_a_file_with_its_checksum_mended_fails() -> None:
    files = read_archive(good_bundle())
    for name, content in files.items():
        for position in range(0, len(content), max(1, len(content) // 5)):
            changed = bytearray(content)
            changed[position] ^= 1
            report = verify_bundle(write_archive({**files, name: bytes(changed)}))
            assert not report.passed, (name, position)


def test_any_changed_byte_of_the_manifests_signature_is_refused() -> None:
    files = read_archive(good_bundle())
    key = signing_key("node").public
    verify_detached(files[MANIFEST], files[MANIFEST_JWS], key)
    for position in range(len(files[MANIFEST_JWS])):
        changed = bytearray(files[MANIFEST_JWS])
        changed[position] ^= 1
        with pytest.raises(TelesphorError):
            verify_detached(files[MANIFEST], bytes(changed), key)


def test_any_shorter_or_longer_bundle_fails() -> None:
    data = good_bundle()
    lengths = {*range(30), *range(0, len(data), 997), *range(len(data) - 200, len(data))}
    for length in sorted(lengths):
        assert not verify_bundle(data[:length]).passed, length
    for longer in (
        data + b"\0",
        b"\0" + data,
        data + data,
        data + data[-22:],
        data[:-22] + b"\0" + data[-22:],
    ):
        assert not verify_bundle(longer).passed


def test_any_file_taken_away_fails() -> None:
    files = read_archive(good_bundle())
    for name in files:
        rest = {other: content for other, content in files.items() if other != name}
        assert not verify_bundle(write_archive(rest)).passed, name


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert verify_bundle(data).verdict == "fail"


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(read_archive(good_bundle()))),
    content=st.binary(max_size=60) | st.from_regex(r'\A[\[{"\]}:,0-9a-z]{0,60}\Z').map(str.encode),
)
def test_no_file_makes_it_raise(name: str, content: bytes) -> None:
    files = read_archive(good_bundle())
    report = verify_bundle(write_archive({**files, name: content}))
    assert report.verdict == "fail"
    assert report.steps[-1].code != "internal"


def test_fault_of_the_verifier_itself_fails_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(check_bundle, "check_links", broken)
    report = verify_bundle(good_bundle())
    assert (report.verdict, report.steps[-1].name, report.steps[-1].code) == ("fail", "links", "internal")
    assert "oops" not in report.to_text()


def test_bundle_over_the_limit_is_refused_before_it_is_read() -> None:
    report = verify_bundle(good_bundle(), limits=ArchiveLimits(archive_bytes=1000))
    assert report.steps[-1].code == "limit-exceeded"
