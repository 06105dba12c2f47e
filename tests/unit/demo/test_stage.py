"""Where a run puts its files, and the small parts that stand on nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from telesphor.demo.attacks import flipped_byte
from telesphor.demo.narration import sized
from telesphor.demo.pattern import FRAME_BYTES, Pattern
from telesphor.demo.records import ExamplesMissing, load_records
from telesphor.demo.stage import DemoFolderRefused, choose_folder


def test_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "visit.bundle.zip").touch()
    with pytest.raises(DemoFolderRefused):
        choose_folder(tmp_path)


def test_empty_folder_is_taken(tmp_path: Path) -> None:
    assert choose_folder(tmp_path) == tmp_path


def test_each_run_without_a_name_gets_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert choose_folder(None) == Path("demo/run-1")
    Path("demo/run-1").mkdir(parents=True)
    assert choose_folder(None) == Path("demo/run-2")


def test_missing_examples_are_named(tmp_path: Path) -> None:
    with pytest.raises(ExamplesMissing) as caught:
        load_records(tmp_path)
    assert "make setup" in caught.value.hint


def test_pattern_reads_the_same_in_a_stream_and_by_place() -> None:
    pattern = Pattern(3 * FRAME_BYTES + 100)
    whole = io.BufferedReader(pattern).read()
    assert len(whole) == pattern.size
    assert pattern.between(FRAME_BYTES - 5, FRAME_BYTES + 9) == whole[FRAME_BYTES - 5 : FRAME_BYTES + 9]
    assert pattern.between(3 * FRAME_BYTES, pattern.size + 999) == whole[3 * FRAME_BYTES :]


def test_flipped_byte_is_flipped_back(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    with flipped_byte(file, 1):
        assert file.read_bytes() == b"acc"
    assert file.read_bytes() == b"abc"


@pytest.mark.parametrize(("size", "text"), [(12, "12 bytes"), (1536, "1.5 KiB"), (64 << 20, "64.0 MiB")])
def test_sizes_are_told_in_readable_units(size: int, text: str) -> None:
    assert sized(size) == text
