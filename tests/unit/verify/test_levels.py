"""What others said of the checkpoint: the level that a bundle reaches, under whose policy, and what it lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telesphor.kernel.archive import ArchiveLimits
from telesphor.kernel.card import Role
from telesphor.kernel.chains.anchor import HeaderPin
from telesphor.kernel.checkpoint import parse_checkpoint
from telesphor.kernel.cosignature import append_signatures
from telesphor.kernel.levels import DEFAULT_LEVELS, LevelPolicy, parse_levels
from telesphor.kernel.note import parse_note
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.pins import Pins, read_policy
from telesphor.verify.report import Report
from tests.unit.verify.peers import NOTARY, START_MS, WITNESSES, Peer, cosigner
from tests.vectors.bundles.case import good_bundle, good_story
from tests.vectors.bundles.confirm import (
    LOW_BAR,
    anchored,
    bundle_of,
    ethereum_anchor,
    levels_knowing,
    selection,
    witnessed_bundle,
    witnessed_edit,
    witnessed_parts,
)

VKEYS = good_story().world.log.vkeys()


def sentence(report: Report, name: str) -> str:
    return next(step.proved or step.failure for step in report.steps if step.name == name)


def peers(*chosen: Peer) -> bytes:
    return bundle_of(good_story().witnessed(chosen))


def test_bundle_without_witnesses_is_at_l1_and_says_what_l2_lacks() -> None:
    report = verify_bundle(good_bundle())
    assert report.level == "L1"
    assert "nobody with a card but the log itself signed this state" in sentence(report, "witnesses")
    assert "L2 not reached: " in report.to_text()


def test_diverse_witnesses_and_a_notary_make_l4() -> None:
    report = verify_bundle(witnessed_bundle())
    assert report.level == "L4"
    assert "3 witnesses and 1 notary signed this state" in sentence(report, "witnesses")
    assert "L5 lacks" in sentence(report, "levels")


def knowing_block() -> LevelPolicy:
    return parse_levels(levels_knowing(ethereum_anchor().encode()).encode())


def test_deep_anchor_in_a_block_that_the_reader_knows_makes_l5() -> None:
    report = verify_bundle(anchored(), levels=knowing_block())
    assert report.passed
    assert report.level == "L5"
    assert "not reached" not in report.to_text()


def test_shallow_anchor_does_not_make_l5() -> None:
    report = verify_bundle(anchored(later=1), levels=knowing_block())
    assert report.level == "L4"
    assert "`ethereum-1` shows 2 of 6 confirmations" in report.to_text()


def test_anchor_in_ethereum_without_a_known_header_is_not_l5_and_names_the_block() -> None:
    report = verify_bundle(anchored())
    assert (report.passed, report.level) == (True, "L4")
    assert "`ethereum-1` counts only with a header that the policy pins: that of block `21000000`" in (
        sentence(report, "levels")
    )
    assert not any("ethereum" in said for said in report.to_json()["assumptions"])  # type: ignore[attr-defined]


def test_anchor_against_a_header_that_the_reader_knows_is_refused() -> None:
    pinned = HeaderPin("ethereum-1", 21_000_000, "00" * 32)
    levels = replace(parse_levels(DEFAULT_LEVELS.encode()), pins=(pinned,))
    report = verify_bundle(anchored(), levels=levels)
    assert (report.steps[-1].name, report.steps[-1].code) == ("anchors", "anchor-pin-mismatch")


@pytest.mark.parametrize(
    ("chosen", "level"),
    [
        ((), "L1"),
        (WITNESSES[:2], "L1"),
        (WITNESSES, "L3"),
        ((*WITNESSES[:2], replace(WITNESSES[2], organisation="south.example")), "L2"),
        ((*WITNESSES[:2], replace(WITNESSES[2], organisation="clinic.example")), "L1"),
        ((*WITNESSES, replace(NOTARY, organisation="clinic.example")), "L3"),
        ((*WITNESSES, replace(NOTARY, organisation="north.example")), "L3"),
        ((*WITNESSES[:2], replace(WITNESSES[2], expires_ms=START_MS + 1)), "L1"),
    ],
    ids=[
        "none",
        "too-few",
        "no-notary",
        "two-organisations",
        "one-of-the-log",
        "notary-of-the-log",
        "notary-of-a-witness",
        "expired-card",
    ],
)
def test_level_follows_from_who_signed(chosen: tuple[Peer, ...], level: str) -> None:
    report = verify_bundle(peers(*chosen))
    assert report.passed
    assert report.level == level


def test_witnesses_of_a_log_without_a_card_do_not_count() -> None:
    report = verify_bundle(bundle_of(good_story().witnessed(log=False)))
    assert report.passed
    assert report.level == "L1"
    assert "the log's own card" in report.to_text()


def test_bundles_own_policy_does_not_lower_the_bar() -> None:
    data = bundle_of(replace(good_story().witnessed(WITNESSES[:1]), levels=LOW_BAR.encode()))
    report = verify_bundle(data)
    assert report.passed
    assert report.level == "L1"
    assert "the bundle's own policy is another one, and was not used" in sentence(report, "levels")
    assert report.to_json()["policy"] == {
        "given": False,
        "digest": parse_levels(DEFAULT_LEVELS.encode()).digest,
        "bundle": "other",
    }
    assert verify_bundle(data, levels=parse_levels(LOW_BAR.encode())).level == "L2"


def test_bundles_own_policy_that_is_the_readers_is_said_to_be() -> None:
    data = bundle_of(replace(witnessed_parts(), levels=DEFAULT_LEVELS.encode()))
    report = verify_bundle(data)
    assert report.judged is not None
    assert report.judged.own == "same"
    assert "another one" not in report.to_text()


def test_level_below_the_one_that_is_demanded_fails_and_says_what_lacks() -> None:
    report = verify_bundle(peers(*WITNESSES), require=4)
    assert (report.verdict, report.level) == ("fail", None)
    assert (report.steps[-1].name, report.steps[-1].code) == ("levels", "level-not-reached")
    assert "L4 is demanded, and L3 is reached; L4 lacks" in report.steps[-1].failure
    assert "L3 reached at" in report.to_text()


def test_level_that_is_demanded_and_reached_passes() -> None:
    assert verify_bundle(witnessed_bundle(), require=4).passed


def test_lines_of_unknown_keys_are_passed_over_and_counted() -> None:
    stranger = cosigner("stranger.example")
    checkpoint = parse_checkpoint(parse_note(witnessed_parts().checkpoint).text)
    wrong = replace(checkpoint, root=bytes(32))
    note = append_signatures(witnessed_parts().checkpoint, stranger.cosign(wrong, time_seconds=1))
    report = verify_bundle(bundle_of(replace(witnessed_parts(), checkpoint=note)))
    assert report.level == "L4"
    assert "2 lines of keys that nobody here knows passed over" in sentence(report, "witnesses")


def policy(quorum: str) -> Pins:
    lines = [f"log {vkey}" for vkey in VKEYS]
    for number, peer in enumerate((*WITNESSES, Peer("absent.example", "absent.example"))):
        ed25519, mldsa44 = cosigner(peer.name).vkeys()
        lines += [f"witness w{number}-ed {ed25519}", f"witness w{number}-ml {mldsa44}"]
        lines += [f"group w{number} all w{number}-ed w{number}-ml"]
    lines += [f"group all-four 4 {' '.join(f'w{number}' for number in range(4))}"]
    return read_policy("\n".join([*lines, f"quorum {quorum}", ""]).encode())


def test_quorum_of_the_readers_policy_is_met() -> None:
    report = verify_bundle(witnessed_bundle(), pins=policy("w1"))
    assert report.passed
    assert "the quorum of your policy is met, by `w0-ed`" in sentence(report, "witnesses")


@pytest.mark.parametrize("quorum", ["w3", "all-four"])
def test_quorum_that_is_not_met_is_refused(quorum: str) -> None:
    report = verify_bundle(witnessed_bundle(), pins=policy(quorum))
    assert (report.steps[-1].name, report.steps[-1].code) == ("witnesses", "quorum-not-met")


def test_quorum_needs_no_cards() -> None:
    data = bundle_of(replace(witnessed_parts(), cards={}))
    report = verify_bundle(data, pins=policy("w1"))
    assert report.passed
    assert report.level == "L1"


def test_line_of_a_witness_in_the_policy_that_does_not_verify_is_refused() -> None:
    parts = good_story().witnessed([])
    checkpoint = parse_checkpoint(parse_note(parts.checkpoint).text)
    wrong = cosigner(WITNESSES[0].name).cosign(
        replace(checkpoint, root=bytes(32)), time_seconds=1_795_000_100
    )
    data = bundle_of(replace(parts, checkpoint=append_signatures(parts.checkpoint, wrong)))
    assert verify_bundle(data).passed  # without a card and a policy it is a line of an unknown key
    report = verify_bundle(data, pins=policy("none"))
    assert (report.steps[-1].name, report.steps[-1].code) == ("witnesses", "note-signature-refused")


def test_notary_counts_as_no_witness() -> None:
    notaries = [replace(peer, role=Role.NOTARY) for peer in WITNESSES]
    assert verify_bundle(peers(*notaries)).level == "L1"


def test_anchor_of_a_hundred_megabytes_is_refused_by_its_size_alone() -> None:
    data = witnessed_edit(lambda files: files.update({"anchors/ethereum-1.json": bytes(100_000_000)}))
    report = verify_bundle(data)
    assert (report.steps[-1].name, report.steps[-1].code) == ("archive", "limit-exceeded")
    report = verify_bundle(data, limits=ArchiveLimits(archive_bytes=len(data), file_bytes=len(data)))
    assert (report.steps[-1].name, report.steps[-1].code) == ("manifest", "limit-exceeded")


def test_selection_passes_and_says_that_nothing_is_complete() -> None:
    report = verify_bundle(selection(purpose="a complaint of May"))
    assert report.passed
    assert report.subject.startswith("selection/")
    assert report.to_json()["purpose"] == "a complaint of May"
    assert "nothing is claimed about what else there is" in sentence(report, "closing")
    assert "for the purpose `a complaint of May`" in report.to_text()


def test_selection_reaches_levels_as_a_visit_does() -> None:
    story = good_story()
    parts = story.selected(story.on(story.readings))
    witnessed = replace(parts, checkpoint=witnessed_parts().checkpoint, cards=witnessed_parts().cards)
    assert verify_bundle(bundle_of(witnessed)).level == "L4"


def test_selection_of_a_key_history_alone_passes() -> None:
    story = good_story()
    parts = story.selected(story.on(story.world.entry(story.world.find("actor.registered/1")[0]).stream))
    assert verify_bundle(bundle_of(parts)).passed


def test_card_that_nobody_verified_never_makes_a_level() -> None:
    """The cards in a bundle may come and go; without its card a witness's lines count for nothing."""
    for peer in WITNESSES:
        without = witnessed_edit(lambda files, peer=peer: files.pop(f"cards/{peer.key_id:08x}.json"))  # type: ignore[misc]
        report = verify_bundle(without)
        assert report.passed
        assert report.level == "L1"
