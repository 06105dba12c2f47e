"""Reports: for people and for machines, and never steering a terminal."""

from __future__ import annotations

import json

from telesphor.verify.report import Report, Step, counted

PASSED = Report(steps=(Step(name="archive", proved="all is well"),), not_run=(), pinned=True)
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
    assert (value["verdict"], value["level"], value["pinned"]) == ("pass", "L1", True)
    assert value["steps"] == [{"name": "archive", "proved": "all is well"}]


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
