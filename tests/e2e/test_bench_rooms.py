"""The benchmarks of rooms and messages play every step of theirs at a served node; never how fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.bench import child, messages, recording, rooms
from telesphor.bench.child import Measured
from telesphor.bench.firstpage import script_bytes
from telesphor.bench.limits import Limits
from telesphor.bench.run import Run
from tests.torture.processes import ready_made


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A tenth of everything; people are played in this process, because starting one takes longer than they do."""
    monkeypatch.setattr(child, "_SPAWN", ready_made())
    for module in (rooms, recording, messages):
        monkeypatch.setattr(module, "in_child", lambda play, *words: Measured(play(*words), 0))
    return Run(tmp_path, 10, Limits(tmp_path, seconds=0.001), lambda _doing: None)


def test_visits_meet_and_a_recording_arrives(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "ROUNDS", 1)
    monkeypatch.setattr(rooms, "ALONE", 10)
    monkeypatch.setattr(recording, "ROUNDS", 1)
    monkeypatch.setattr(recording, "RECORDING_BYTES", 10 * recording.MIB)
    figures = list(rooms.measure(run))
    assert [figure.unit for figure in figures][:4] == ["s", "s", "s", "MB/s"]
    assert all(figure.value > 0 for figure in figures)
    assert all(figure.peer is not None for figure in figures[:4])
    assert figures[0].name.startswith("link to picture, the node's part, 2 visits") and figures[0].spent


def test_messages_are_sent_shown_and_delivered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PEOPLE", 40)
    monkeypatch.setattr(messages, "SECONDS", 2)
    figures = list(messages.measure(run))
    assert [figure.unit for figure in figures] == ["ms"] * 4
    assert all(figure.value > 0 for figure in figures)


def test_first_page_counts_what_is_imported_at_once_and_nothing_later(tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text('<script type="module" src="/assets/a.js"></script>')
    (assets / "a.js").write_text('import{x}from"./b.js";import("./later.js")')
    (assets / "b.js").write_text('import "./a.js";')
    (assets / "Join-1.js").write_text('import"./b.js"')
    (assets / "later.js").write_text("x" * 10_000)
    first = ("a.js", "b.js", "Join-1.js")
    assert script_bytes(tmp_path) == sum((assets / name).stat().st_size for name in first)
    assert script_bytes(tmp_path / "nothing") is None
