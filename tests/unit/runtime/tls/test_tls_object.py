"""Bytes through one channel: any sizes, any cuts, goodbyes, and what a loop may ask."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.runtime.tls.certificate import Algorithm
from telesphor.runtime.tls.context import TlsContext, client_context, server_context
from telesphor.runtime.tls.errors import ChannelRefused
from telesphor.runtime.tls.policy import BROWSERS
from tests.support.certificates import Organisation, Side, exchange, shake_hands

Contexts = tuple[TlsContext, TlsContext]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    folder: Path = tmp_path_factory.mktemp("classical")
    made = Organisation.make(folder, algorithm=Algorithm.ECDSA_P256)
    identity = made.issue(algorithm=Algorithm.ECDSA_P256)
    return server_context(identity, BROWSERS), client_context(None, BROWSERS, made.trust)


def read_all(side: Side, *, size: int = 256 * 1024) -> bytes:
    """Read like uvloop: only while one of the two says that something is pending."""
    parts: list[bytes] = []
    while side.incoming.pending or side.tls.pending():
        try:
            part = side.tls.read(size)
        except ssl.SSLWantReadError:
            break
        assert isinstance(part, bytes)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield data[:size]
        data = data[size:]
    yield data


@settings(max_examples=40, deadline=None)
@given(
    data=st.integers(0, 300_000).map(lambda size: bytes(range(256)) * (size // 256 + 1)),
    cuts=st.lists(st.integers(0, 70_000), max_size=12),
    size=st.sampled_from([1_000, 16_384, 40_000, 262_144]),
)
def test_every_byte_arrives_however_the_line_cuts(
    contexts: Contexts, data: bytes, cuts: list[int], size: int
) -> None:
    there, here = shake_hands(*contexts)
    assert here.tls.write(data) == len(data)
    got = b""
    for piece in cut(here.outgoing.read(), cuts):
        there.incoming.write(piece)
        got += read_all(there, size=size)
    assert got == data


@pytest.mark.parametrize("room", [100, 16_384, 100_000])
def test_reading_into_memory_is_the_same(contexts: Contexts, room: int) -> None:
    there, here = shake_hands(*contexts)
    data = bytes(range(250)) * 1_000
    here.tls.write(data)
    exchange(there, here)
    got, memory = b"", bytearray(room)
    while there.incoming.pending or there.tls.pending():
        try:
            size = there.tls.read(room, memory)
        except ssl.SSLWantReadError:
            break
        assert isinstance(size, int)
        got += memory[:size]
    assert got == data


def test_data_behind_the_last_message_of_a_handshake_is_read(contexts: Contexts) -> None:
    server, client = contexts
    there, here = Side(server), Side(client, dial="localhost")
    here.step()
    exchange(there, here)
    there.step()
    exchange(there, here)
    here.step()
    assert here.done
    here.tls.write(b"at once")
    exchange(there, here)  # the client's Finished and its first data in one piece
    there.step()
    assert there.done
    assert read_all(there) == b"at once"


def test_hundred_megabytes_stay_small_inside(contexts: Contexts) -> None:
    there, here = shake_hands(*contexts)
    piece, got = bytes(1 << 20), 0
    for _ in range(100):
        here.tls.write(piece)
        exchange(there, here)
        got += len(read_all(there))
    assert got == 100 << 20


def test_goodbye_after_data_is_seen_after_the_data(contexts: Contexts) -> None:
    there, here = shake_hands(*contexts)
    here.tls.write(b"the last words")
    with pytest.raises(ssl.SSLWantReadError):
        here.tls.unwrap()
    exchange(there, here)
    assert there.tls.read(262_144) == b"the last words"
    assert there.tls.pending(), "or uvloop would not ask again, and never hear the goodbye"
    assert there.tls.read(262_144) == b""
    assert there.tls.read(262_144) == b""
    assert there.tls.read(10, bytearray(10)) == 0


def test_half_closed_channel_still_carries_the_answer(contexts: Contexts) -> None:
    there, here = shake_hands(*contexts)
    with pytest.raises(ssl.SSLWantReadError):
        here.tls.unwrap()
    exchange(there, here)
    assert there.tls.read() == b""
    there.tls.write(b"the answer")
    exchange(there, here)
    assert here.tls.read() == b"the answer"


def test_both_goodbyes_end_it(contexts: Contexts) -> None:
    there, here = shake_hands(*contexts)
    with pytest.raises(ssl.SSLWantReadError):
        here.tls.unwrap()
    exchange(there, here)
    there.tls.unwrap()
    exchange(there, here)
    here.tls.unwrap()


def test_altered_record_breaks_the_channel_after_what_was_sound(contexts: Contexts) -> None:
    there, here = shake_hands(*contexts)
    here.tls.write(b"sound")
    sound = here.outgoing.read()
    here.tls.write(b"altered")
    altered = bytearray(here.outgoing.read())
    altered[-1] ^= 1
    there.incoming.write(sound + bytes(altered))
    assert there.tls.read(262_144) == b"sound"
    assert there.tls.pending()
    for _ in range(2):
        with pytest.raises(ChannelRefused):
            there.tls.read(262_144)
    assert there.outgoing.pending, "an alert goes out"


def test_record_that_cannot_be_is_refused_at_once(contexts: Contexts) -> None:
    there, _ = shake_hands(*contexts)
    there.incoming.write(b"\x17\x03\x03\xff\xff")
    with pytest.raises(ChannelRefused):
        there.tls.read()


def test_key_updates_are_followed(contexts: Contexts) -> None:
    """OpenSSL's own client asks for them over a real line; here the records' count must survive them."""
    there, here = shake_hands(*contexts)
    there.tls._records.ready = 5  # as if more records had come than bring data
    with pytest.raises(ssl.SSLWantReadError):
        there.tls.read()
    assert there.tls.pending() == 0
    here.tls.write(b"on")
    exchange(there, here)
    assert there.tls.read() == b"on"


def test_nothing_to_write_writes_nothing(contexts: Contexts) -> None:
    _, here = shake_hands(*contexts)
    assert here.tls.write(b"") == 0
    assert not here.outgoing.pending


@pytest.mark.parametrize(
    "data", [bytearray(b"abc"), memoryview(b"abc"), memoryview(b"a.b.c.")[::2].tobytes()]
)
def test_any_bytes_can_be_written(contexts: Contexts, data: Any) -> None:
    there, here = shake_hands(*contexts)
    assert here.tls.write(data) == 3
    exchange(there, here)
    assert there.tls.read() == b"abc"


def test_writing_before_the_handshake_is_refused(contexts: Contexts) -> None:
    side = Side(contexts[1], dial="localhost")
    with pytest.raises(ssl.SSLError):
        side.tls.write(b"in the clear?")
    assert b"in the clear" not in side.outgoing.read()
