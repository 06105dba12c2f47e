"""What the replays say is told in plain words, and a replay that gives no answer is no success."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from telesphor.demo import replays
from telesphor.demo.replays import Replayed, ReplayFailed

TOKEN = "01900000-0000-7000-8000-0000000000aa"


def decision(action: str, outcome: str, *reasons: str) -> dict[str, Any]:
    return {"action": action, "outcome": outcome, "reasons": list(reasons)}


FOUND = Replayed(
    (
        decision("read", "allow", f"token:{TOKEN}"),
        decision("read", "allow", f"token:{TOKEN}"),
        decision("read", "deny"),
        decision("read", "allow", "base:broken-glass"),
        decision("record", "deny", "connected-devices-only"),
    ),
    same=5,
    runs=2,
    held=True,
)


def test_rules_are_told_in_plain_words() -> None:
    assert FOUND.rules(token=TOKEN, emergency="unconscious-patient") == {
        "read allowed: a grant by the patient": 2,
        "read denied: no rule allows it": 1,
        "read allowed: emergency access, reason: unconscious patient": 1,
        "record denied: forbidden by the organisation's rule `connected-devices-only`": 1,
    }


def test_outcomes_are_counted() -> None:
    assert FOUND.outcomes() == {"allow": 3, "deny": 2}


def test_replay_without_an_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "_MODULE", ["/bin/echo", "no JSON:"])
    with pytest.raises(ReplayFailed):
        replays._run(["decision", "replay"])


def test_replay_that_never_ends_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(*_words: object, timeout: float, **_options: object) -> None:
        raise subprocess.TimeoutExpired("telesphor", timeout)

    monkeypatch.setattr(subprocess, "run", wait)
    with pytest.raises(ReplayFailed):
        replays._run(["decision", "replay"])
