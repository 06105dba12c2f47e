"""What is remembered is bounded, and never a failure."""

from __future__ import annotations

import pytest

from telesphor.capabilities.access.model import PolicyRefused
from telesphor.capabilities.access.remembered import Remembered


def test_remembered_forgets_what_was_used_longest_ago() -> None:
    made: list[str] = []
    remembered: Remembered[str, int] = Remembered(2)

    def make(key: str) -> int:
        made.append(key)
        return len(key)

    for key in ("a", "b", "a", "c", "a", "b"):
        assert remembered.get(key, lambda key=key: make(key)) == 1  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"]


def test_remembered_keeps_to_its_weight_and_keeps_the_last_whatever_it_weighs() -> None:
    made: list[str] = []
    remembered: Remembered[str, str] = Remembered(10, len)

    def make(text: str) -> str:
        made.append(text)
        return text

    for text in ("aaaa", "bbbb", "aaaa", "cccccc", "bbbb", "d" * 30, "d" * 30, "aaaa"):
        assert remembered.get(text, lambda text=text: make(text)) == text  # type: ignore[misc]
    assert made == ["aaaa", "bbbb", "cccccc", "bbbb", "d" * 30, "aaaa"]


def test_what_fails_is_not_remembered() -> None:
    remembered: Remembered[str, str] = Remembered(2)

    def fail() -> str:
        raise PolicyRefused("not now")

    with pytest.raises(PolicyRefused):
        remembered.get("a", fail)
    assert remembered.get("a", lambda: "later") == "later"
