"""Cosignatures are kept with their cards, given back in one order, and thinned without losing what proves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.card import Role
from telesphor.kernel.cosignature import verify_cosignature
from telesphor.kernel.note import format_signatures, parse_note
from telesphor.ledger.checkpoints import CheckpointMissing
from telesphor.ledger.witness.book import KEEP_ALL_MS, WINDOW_MS, CosignatureBook
from tests.support.witnesses import NOW_SECONDS, ORIGIN, cosigner, peer_at
from tests.unit.ledger.witness.gathering import Published, witness_name


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    # At the beginning of a window, so that the tests can count in windows.
    ledger = Published(tmp_path, clock_seconds=NOW_SECONDS // 600 * 600)
    yield ledger
    ledger.close()


def cosign(published: Published, size: int, place: str, *, later_seconds: int = 0) -> bytes:
    name = witness_name(place)
    now_ms = published.clock.now_ms() + later_seconds * 1000
    lines = cosigner(name).cosign(published.tree.checkpoint(size), time_seconds=now_ms // 1000)
    data = format_signatures(lines)
    peer = peer_at("http://x", name, place=place)
    published.book.add(size, cosigner=peer.key, card=peer.card_bytes, at_ms=now_ms, lines=data)
    return data


def test_the_note_has_every_cosignature_by_name(published: Published) -> None:
    published.publish(5)
    for place in ("south", "north"):
        cosign(published, 5, place)
    note = parse_note(published.book.note(5))
    assert [line.name for line in note.signatures] == [ORIGIN] * 2 + [witness_name("north")] * 2 + [
        witness_name("south")
    ] * 2
    for place in ("south", "north"):
        verify_cosignature(note, cosigner(witness_name(place)).keys)


def test_a_checkpoint_without_cosignatures_is_as_it_was_signed(published: Published) -> None:
    published.publish(5)
    assert published.book.note(5) == published.checkpoints.newest().note


def test_a_size_without_a_checkpoint_is_refused(published: Published) -> None:
    published.publish(5)
    for ask in (published.book.note, published.book.progress):
        with pytest.raises(CheckpointMissing):
            ask(4)


def test_the_first_cosignature_of_a_witness_stays(published: Published) -> None:
    published.publish(5)
    first = cosign(published, 5, "north")
    cosign(published, 5, "north", later_seconds=60)
    assert [found.lines for found in published.book.cosignatures(5)] == [first]


def test_everything_is_there_after_a_restart(published: Published) -> None:
    published.publish(5)
    lines = cosign(published, 5, "north")
    published.book.reach(5, level=2, at_ms=7)
    published.book.close()
    published.book = CosignatureBook(published.path)
    assert [found.lines for found in published.book.cosignatures(5)] == [lines]
    assert len(published.book.cards(5)) == 1
    assert published.book.cosignatures(5)[0].card.role is Role.WITNESS
    assert published.book.progress(5).reached_ms == {1: published.clock.now_ms(), 2: 7}


def test_the_first_time_of_a_level_stays(published: Published) -> None:
    published.publish(5)
    published.book.reach(5, level=2, at_ms=7)
    published.book.reach(5, level=2, at_ms=9)
    assert published.book.progress(5).reached_ms[2] == 7


def test_the_largest_acknowledged_size_is_known(published: Published) -> None:
    key = peer_at("http://x", witness_name("north")).key
    assert published.book.acknowledged(key) == 0
    for size in (5, 9):
        published.publish(size)
        cosign(published, size, "north")
    assert published.book.acknowledged(key) == 9


def test_the_newest_blocks_are_shown_newest_first(published: Published) -> None:
    for size in (1, 2, 3):
        published.publish(size)
    assert [progress.size for progress in published.book.recent(2)] == [3, 2]


def test_the_oldest_checkpoint_of_a_level_that_holds_a_position_is_found(published: Published) -> None:
    for size, level in ((5, 2), (10, 4), (15, 3), (20, 4)):
        published.publish(size)
        published.book.reach(size, level=level, at_ms=1)
    found = [published.book.covering(position, level=3) for position in (0, 9, 10, 14, 15, 19, 20)]
    assert found == [10, 10, 15, 15, 20, 20, None]


def publish_over(published: Published, minutes: int) -> list[int]:
    """A cosigned checkpoint each minute; every fifth reaches L4, the others L3."""
    sizes = []
    for size in range(1, minutes + 1):
        published.publish(size)
        cosign(published, size, "north")
        published.book.reach(size, level=4 if size % 5 == 0 else 3, at_ms=1)
        published.clock.advance_ms(60_000)
        sizes.append(size)
    return sizes


def test_after_an_hour_the_best_of_each_window_stays(published: Published) -> None:
    sizes = publish_over(published, 40)
    published.clock.advance_ms(KEEP_ALL_MS - 20 * 60_000)  # now the first two windows are older than an hour
    assert published.book.thin(now_ms=published.clock.now_ms()) == 18
    left = [size for size in sizes if published.book.cosignatures(size)]
    assert left == [10, 20, *range(21, 41)]  # the last of L4 in each window, and all that is young
    assert published.book.thin(now_ms=published.clock.now_ms()) == 0


def test_what_must_stay_stays(published: Published) -> None:
    publish_over(published, 20)
    published.clock.advance_ms(KEEP_ALL_MS + WINDOW_MS)
    published.book.thin(now_ms=published.clock.now_ms(), keep=[3])
    assert published.book.cosignatures(3)
    assert not published.book.cosignatures(4)


def test_every_entry_is_still_covered_after_thinning(published: Published) -> None:
    publish_over(published, 40)
    published.clock.advance_ms(KEEP_ALL_MS + WINDOW_MS)
    published.book.thin(now_ms=published.clock.now_ms())
    for position in range(40):
        size = published.book.covering(position, level=4)
        assert size is not None
        assert published.book.cosignatures(size)
