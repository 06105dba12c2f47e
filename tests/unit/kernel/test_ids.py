"""Identifiers: strictly increasing, never repeated, and read in one spelling only."""

from __future__ import annotations

import os
import threading
import uuid

import pytest

from telesphor.kernel import base64url
from telesphor.kernel.clock import ManualClock, SystemClock
from telesphor.kernel.ids import IdSource, InvalidId, parse_id, parse_stream, stream_of

ID = "0193a3c5-7b1a-7c3d-9e4f-0123456789ab"
NOW_MS = 1_795_348_275_123


def test_id_is_a_uuid_of_version_7_at_the_clocks_millisecond() -> None:
    source = IdSource(ManualClock(NOW_MS))
    for _ in range(200):
        made = uuid.UUID(source.next())
        assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, NOW_MS)


def test_ids_increase_while_the_clock_stands_runs_and_goes_back() -> None:
    clock = ManualClock(NOW_MS)
    source = IdSource(clock)
    made = []
    for step in (0, 0, 1, 0, -5, 0, 2, 1000, -2000, 1):
        clock.advance_ms(step)
        made += [source.next() for _ in range(500)]
    assert made == sorted(set(made))
    assert all(parse_id(text) == text for text in made)


def test_ids_made_at_once_are_those_made_one_by_one() -> None:
    def random(n: int) -> bytes:
        return (bytes(range(256)) * (n // 256 + 1))[:n]

    one, other = (IdSource(ManualClock(NOW_MS), random) for _ in range(2))
    assert [one.next() for _ in range(3_000)] == [id for n in (1, 0, 2_999) for id in other.next_many(n)]
    assert [one.nonce() for _ in range(600)] == [salt for n in (1, 0, 599) for salt in other.nonces(n)]


def test_ids_increase_when_all_random_bits_are_set() -> None:
    source = IdSource(ManualClock(NOW_MS), lambda n: b"\xff" * n)
    source._low = (1 << 62) - 2**33  # close to the end of the millisecond's room
    made = [source.next() for _ in range(10)]
    source._low = (1 << 62) - 2
    made += [source.next() for _ in range(10)]
    assert made == sorted(set(made))
    assert parse_id(made[-1])


def test_ids_are_random_from_one_millisecond_to_the_next() -> None:
    clock = ManualClock(NOW_MS)
    source = IdSource(clock)
    tails = set()
    for _ in range(500):
        clock.advance_ms(1)
        tails.add(source.next()[15:])
    assert len(tails) == 500


def test_ids_of_two_sources_differ() -> None:
    one, other = (IdSource(ManualClock(NOW_MS)) for _ in range(2))
    assert not {one.next() for _ in range(500)} & {other.next() for _ in range(500)}


def test_ids_of_many_threads_are_all_different() -> None:
    source = IdSource(SystemClock())
    made: list[list[str]] = [[] for _ in range(4)]

    def run(mine: list[str]) -> None:
        mine += [source.next() for _ in range(3000)]

    threads = [threading.Thread(target=run, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({text for mine in made for text in mine}) == 12_000
    assert all(mine == sorted(mine) for mine in made)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forked_child_repeats_nothing_of_its_parent() -> None:
    source = IdSource(ManualClock(NOW_MS))
    source.next()
    source.nonce()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the child
        os.write(writer, f"{source.next()} {source.nonce()}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        theirs = pipe.read().split()
    os.waitpid(child, 0)
    assert len(theirs) == 2
    assert theirs != [source.next(), source.nonce()]
    assert theirs[0] != source.next()


def test_same_clock_and_randomness_make_the_same_ids() -> None:
    one, other = (IdSource(ManualClock(NOW_MS), lambda n: bytes(range(256)) * (n // 256)) for _ in range(2))
    assert [one.next() for _ in range(50)] == [other.next() for _ in range(50)]


def test_clock_beyond_the_year_9999_makes_no_id() -> None:
    with pytest.raises(InvalidId):
        IdSource(ManualClock(253_402_300_800_000)).next()


def test_nonce_is_16_bytes_and_never_the_same() -> None:
    source = IdSource(SystemClock())
    nonces = {source.nonce() for _ in range(1000)}
    assert len(nonces) == 1000
    assert all(len(text) == 22 and len(base64url.decode(text)) == 16 for text in nonces)


def test_random_bytes_come_straight_from_the_source() -> None:
    asked: list[int] = []

    def random(n: int) -> bytes:
        asked.append(n)
        return bytes(n)

    assert IdSource(SystemClock(), random).random_bytes(32) == bytes(32)
    assert asked == [32]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        ID.upper(),
        ID.replace("-", ""),
        "{" + ID + "}",
        "urn:uuid:" + ID,
        ID + "\n",
        ID[:-1],
        ID + "0",
        "0193a3c5-7b1a-4c3d-9e4f-0123456789ab",
        "0193a3c5-7b1a-7c3d-7e4f-0123456789ab",
        "0193a3c5-7b1a-7c3d-ce4f-0123456789ab",
        "00000000-0000-0000-0000-000000000000",
        None,
        7,
    ],
)
def test_text_that_is_not_a_lower_case_uuid_of_version_7_is_refused(text: object) -> None:
    with pytest.raises(InvalidId) as caught:
        parse_id(text)
    assert caught.value.code == "invalid-id"


def test_stream_names_a_kind_and_an_id() -> None:
    assert stream_of("visit", ID) == f"visit/{ID}"
    assert parse_stream(f"visit/{ID}") == ("visit", ID)


@pytest.mark.parametrize("kind", ["", "Visit", "1st", "-a", "a.b", "a/b", "a" * 33, "besöch", "a\n"])
def test_stream_of_an_unfit_kind_is_refused(kind: str) -> None:
    with pytest.raises(InvalidId):
        stream_of(kind, ID)
    with pytest.raises(InvalidId):
        parse_stream(f"{kind}/{ID}")


@pytest.mark.parametrize(
    "text", ["", "visit", "visit/", f"/{ID}", ID, f"visit/{ID}/1", f"visit/{ID} ", None, 1]
)
def test_text_that_is_not_a_stream_is_refused(text: object) -> None:
    with pytest.raises(InvalidId):
        parse_stream(text)


def test_stream_of_something_that_is_not_an_id_is_refused() -> None:
    with pytest.raises(InvalidId):
        stream_of("visit", "1")
