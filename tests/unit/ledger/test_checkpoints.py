"""The book of checkpoints: kept by time, never shrinking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.ledger.checkpoints import (
    CheckpointBook,
    CheckpointMissing,
    CheckpointShrunk,
    PublishedCheckpoint,
)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[CheckpointBook]:
    book = CheckpointBook(tmp_path / "published.sqlite")
    yield book
    book.close()


def checkpoint(size: int, at_ms: int = 0) -> PublishedCheckpoint:
    return PublishedCheckpoint(size, at_ms, f"note {size}".encode())


def test_empty_book_has_no_answers(book: CheckpointBook) -> None:
    assert book.last() is None
    for ask in (book.newest, lambda: book.at(10**12), lambda: book.covering(0)):
        with pytest.raises(CheckpointMissing):
            ask()


def test_state_at_any_past_moment_can_be_named(book: CheckpointBook) -> None:
    for size, at_ms in ((3, 1_000), (5, 2_000), (9, 3_000)):
        book.add(checkpoint(size, at_ms))
    assert [book.at(at_ms).size for at_ms in (1_000, 1_999, 2_000, 2_001, 10**12)] == [3, 3, 5, 5, 9]
    with pytest.raises(CheckpointMissing, match=r"`1970-01-01T00:00:00\.999Z`"):
        book.at(999)


def test_oldest_checkpoint_that_holds_a_position_is_found(book: CheckpointBook) -> None:
    for size in (3, 5, 9):
        book.add(checkpoint(size))
    assert [book.covering(position).size for position in (0, 2, 3, 4, 5, 8)] == [3, 3, 5, 5, 9, 9]
    with pytest.raises(CheckpointMissing, match="position `9`"):
        book.covering(9)


def test_two_checkpoints_of_one_moment_are_told_apart_by_size(book: CheckpointBook) -> None:
    for size in (3, 5):
        book.add(checkpoint(size, 1_000))
    assert book.at(1_000).size == 5


@pytest.mark.parametrize("size", [5, 4, 0])
def test_checkpoint_that_is_not_larger_is_refused(book: CheckpointBook, size: int) -> None:
    book.add(checkpoint(5))
    with pytest.raises(CheckpointShrunk, match=f"`{size}` follows checkpoint `5`"):
        book.add(checkpoint(size))
    assert book.newest() == checkpoint(5)


def test_second_book_on_the_same_file_sees_and_keeps_the_order(book: CheckpointBook, tmp_path: Path) -> None:
    other = CheckpointBook(tmp_path / "published.sqlite")
    book.add(checkpoint(5))
    with pytest.raises(CheckpointShrunk):
        other.add(checkpoint(4))
    other.add(checkpoint(6))
    assert book.newest().size == 6
    other.close()


def test_checkpoints_and_cursors_survive_a_restart(tmp_path: Path) -> None:
    for size in (3, 5):
        book = CheckpointBook(tmp_path / "published.sqlite")
        book.add(checkpoint(size))
        book.move_cursor("mirror", size)
        book.close()
    book = CheckpointBook(tmp_path / "published.sqlite")
    assert (book.newest(), book.cursor("mirror"), book.cursor("unheard-of")) == (checkpoint(5), 5, 0)
    book.close()
