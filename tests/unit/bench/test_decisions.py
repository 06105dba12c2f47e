"""The ways of deciding that the benchmark compares give the same answers; how fast they are is not for a test."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from telesphor.bench.decisions import decide_in_rego, decide_parsed_each_time, decide_parsed_once

COUNT = 6


def test_parsing_once_changes_no_answer() -> None:
    once = decide_parsed_once(COUNT).answers
    assert once == decide_parsed_each_time(COUNT).answers
    assert set(once) == {True, False}


def test_the_same_rules_in_rego_give_the_same_answers() -> None:
    if find_spec("regopy") is None:
        pytest.skip("needs `regopy`, which only this comparison uses")
    assert decide_in_rego(COUNT).answers == decide_parsed_once(COUNT).answers
