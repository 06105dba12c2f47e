"""Reports: for people and for machines, and never steering a terminal."""

from __future__ import annotations

import json
from dataclasses import replace

from telesphor.kernel.levels import Judgement, LevelStep
from telesphor.verify.report import Judged, Report, Step, counted

LEVELS = tuple(
    LevelStep(number, number < 3, "" if number > 2 else "so it is", "" if number < 3 else "two are lacking")
    for number in range(1, 6)
)
JUDGED = Judged(
    judgement=Judgement(2, LEVELS, (60, 61), ("all is as it seems",)), given=False, digest="sha256:0"
)
PASSED = Report(steps=(Step(name="archive", proved="all is well"),), not_run=(), pinned=True, judged=JUDGED)
FAILED = Report(
    steps=(
        Step(name="archive", proved="all is well"),
        Step(name="manifest", failure="no", code="x", hint="try"),
    ),
    not_run=("checkpoint",),
    pinned=False,
)


def test_json_of_a_pass_has_the_keys_machines_rely_on() -> None:
    value = json.loads(json.dumps(PASSED.to_json()))
    assert (value["verdict"], value["level"], value["pinned"]) == ("pass", "L2", True)
    assert value["steps"] == [{"name": "archive", "proved": "all is well"}]


def test_json_lists_every_level_and_what_is_assumed() -> None:
    value = json.loads(json.dumps(PASSED.to_json()))
    assert [step["level"] for step in value["levels"]] == ["L1", "L2", "L3", "L4", "L5"]
    assert value["levels"][0] == {
        "level": "L1",
        "met": True,
        "at": "1970-01-01T00:01:00.000Z",
        "proved": "so it is",
        "missing": "",
    }
    assert value["levels"][2] == {
        "level": "L3",
        "met": False,
        "at": None,
        "proved": "",
        "missing": "two are lacking",
    }
    assert value["assumptions"] == ["all is as it seems"]
    assert value["policy"] == {"given": False, "digest": "sha256:0", "bundle": "none"}


def test_text_says_the_level_and_what_the_next_one_lacks() -> None:
    text = PASSED.to_text()
    assert "L2 reached at 1970-01-01T00:01:01.000Z: so it is" in text
    assert "L3 not reached: two are lacking" in text
    assert "L4" not in text
    assert "NOTE It is assumed that all is as it seems." in text
    assert "PASS at level L2" in text


def test_fail_after_the_levels_claims_none() -> None:
    failed = replace(PASSED, steps=(*PASSED.steps, Step(name="closing", failure="no", code="x")))
    assert failed.level is None
    assert "reached" not in failed.to_text()


def test_json_of_a_fail_names_the_failure_and_has_no_level() -> None:
    value = FAILED.to_json()
    assert (value["verdict"], value["level"], value["pinned"]) == ("fail", None, False)
    assert FAILED.to_json()["steps"] == [
        {"name": "archive", "proved": "all is well"},
        {"name": "manifest", "failure": "no", "code": "x"},
    ]


def test_text_numbers_the_steps_and_says_what_was_not_run() -> None:
    text = FAILED.to_text()
    assert " 1. archive      ok    all is well" in text
    assert " 2. manifest     FAIL  no [x]" in text
    assert "hint: try" in text
    assert "not run: checkpoint" in text
    assert text.endswith("FAIL at step 2 (manifest)")


def test_report_without_any_step_is_a_fail() -> None:
    assert Report(steps=(), not_run=(), pinned=False).verdict == "fail"


def test_report_with_steps_not_run_is_a_fail() -> None:
    assert Report(steps=PASSED.steps, not_run=("manifest",), pinned=False).verdict == "fail"


def test_text_of_a_bundle_cannot_steer_the_terminal() -> None:
    step = Step(name="archive", failure="bad `\x1b[2J\u202e\u200b` name", code="x")
    text = Report(steps=(step,), not_run=(), pinned=True).to_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[2J\u202e" in text


def test_counted_uses_the_singular_for_one() -> None:
    assert (counted(1, "link"), counted(0, "link"), counted(2, "entry", "entries")) == (
        "1 link",
        "0 links",
        "2 entries",
    )
