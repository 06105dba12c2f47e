"""Chunked encryption: what is flipped, cut, lengthened, reordered or swapped is refused."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.hashes import SHA512
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.kernel.chunked import (
    BATCH_CHUNKS,
    CHUNK,
    CHUNKS_MAX,
    HEADER,
    SEALED_CHUNK,
    TAG,
    ChunkedRefused,
    ChunkReader,
    ChunkRefused,
    Invalid,
    KeyCommitmentRefused,
    MessageKeys,
    Suite,
    Truncated,
    ciphertext_size,
    decrypt_stream,
    encrypt_stream,
    plaintext_size,
)

KEY, SALT, CONTEXT = bytes([1]) * 32, bytes([2]) * 24, b"object 1"
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7, BATCH_CHUNKS * CHUNK, 70 * CHUNK + 5]


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def sealed(size: int, *, key: bytes = KEY, salt: bytes | None = SALT, context: bytes = CONTEXT) -> bytes:
    out = io.BytesIO()
    assert encrypt_stream(io.BytesIO(pattern(size)), out, key=key, context=context, salt=salt) == out.tell()
    return out.getvalue()


def opened(data: bytes, *, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    out = io.BytesIO()
    assert decrypt_stream(io.BytesIO(data), out, key=key, context=context) == out.tell()
    return out.getvalue()


def reader_of(data: bytes, *, key: bytes = KEY, context: bytes = CONTEXT) -> ChunkReader:
    return ChunkReader(lambda offset, length: data[offset : offset + length], len(data), key, context)


@pytest.mark.parametrize("size", SIZES)
def test_sealed_stream_opens_again(size: int) -> None:
    data = sealed(size)
    assert len(data) == ciphertext_size(size)
    assert plaintext_size(len(data)) == size
    assert opened(data) == pattern(size)
    reader = reader_of(data)
    assert reader.size == size
    assert reader.read(0, size) == pattern(size)


@pytest.mark.parametrize("size", SIZES)
def test_sealing_in_pieces_gives_the_same_bytes(size: int) -> None:
    keys = MessageKeys.derive(KEY, SALT, CONTEXT)
    plain = memoryview(pattern(size))
    cut = size // CHUNK // 2
    first = keys.seal_chunks(plain[: cut * CHUNK], first_chunk=0, final=False)
    last = keys.seal_chunks(plain[cut * CHUNK :], first_chunk=cut, final=True)
    assert keys.header() + first + last == sealed(size)
    assert keys.open_chunks(first, first_chunk=0, final=False) == plain[: cut * CHUNK]
    assert keys.open_chunks(last, first_chunk=cut, final=True) == plain[cut * CHUNK :]


def test_random_salt_makes_every_ciphertext_differ() -> None:
    assert sealed(10, salt=None) != sealed(10, salt=None)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4 * CHUNK + 10), st.integers(0, 4 * CHUNK + 20), st.integers(0, 3 * CHUNK))
def test_random_access_reads_the_same_as_slicing(size: int, offset: int, length: int) -> None:
    assert reader_of(sealed(size)).read(offset, length) == pattern(size)[offset : offset + length]


def test_random_access_fetches_only_the_chunks_it_needs() -> None:
    data, asked = sealed(100 * CHUNK), list[tuple[int, int]]()

    def read_at(offset: int, length: int) -> bytes:
        asked.append((offset, length))
        return data[offset : offset + length]

    reader = ChunkReader(read_at, len(data), KEY, CONTEXT)
    asked.clear()
    assert reader.read(50 * CHUNK + 1, CHUNK) == pattern(100 * CHUNK)[50 * CHUNK + 1 :][:CHUNK]
    assert asked == [(HEADER + 50 * SEALED_CHUNK, 2 * SEALED_CHUNK)]


def test_negative_offset_or_length_is_refused() -> None:
    for offset, length in ((-1, 1), (0, -1)):
        with pytest.raises(Invalid):
            reader_of(sealed(10)).read(offset, length)


class Trickle(io.RawIOBase):
    """A pipe: gives and takes a few bytes at a time."""

    def __init__(self, data: bytes = b"") -> None:
        self.inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self.inner.read(min(len(buffer), 4099))
        buffer[: len(piece)] = piece
        return len(piece)

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        return self.inner.write(data[:5003])


class OnlyRead:
    """A file object that has `read` and nothing more."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


@pytest.mark.parametrize("wrap", [Trickle, OnlyRead])
def test_streams_that_give_little_at_a_time_are_read_to_their_end(
    wrap: Callable[[bytes], io.BytesIO],
) -> None:
    size = 70 * CHUNK + 5
    out = Trickle()
    encrypt_stream(wrap(pattern(size)), out, key=KEY, context=CONTEXT, salt=SALT)  # type: ignore[arg-type]
    assert out.inner.getvalue() == sealed(size)
    plain = io.BytesIO()
    decrypt_stream(wrap(sealed(size)), plain, key=KEY, context=CONTEXT)
    assert plain.getvalue() == pattern(size)


# What is refused.

FAULTS: dict[str, tuple[Callable[[bytes], bytes], type[ChunkedRefused]]] = {
    "flipped-salt": (lambda data: bytes([data[0] ^ 1]) + data[1:], KeyCommitmentRefused),
    "flipped-commitment": (lambda data: data[:24] + bytes([data[24] ^ 1]) + data[25:], KeyCommitmentRefused),
    "flipped-first-chunk": (lambda data: _flip(data, HEADER), ChunkRefused),
    "flipped-tag": (lambda data: _flip(data, HEADER + SEALED_CHUNK - 1), ChunkRefused),
    "flipped-last-chunk": (lambda data: _flip(data, len(data) - 1), ChunkRefused),
    "truncated-by-a-byte": (lambda data: data[:-1], ChunkRefused),
    "truncated-into-the-tag": (lambda data: data[: HEADER + 3 * SEALED_CHUNK + TAG - 1], Invalid),
    "truncated-to-whole-chunks": (lambda data: data[: HEADER + 3 * SEALED_CHUNK], Truncated),
    "truncated-within-a-chunk": (lambda data: data[: HEADER + SEALED_CHUNK + 100], ChunkRefused),
    "truncated-to-the-header": (lambda data: data[:HEADER], Truncated),
    "truncated-header": (lambda data: data[: HEADER - 1], Invalid),
    "empty": (lambda data: b"", Invalid),
    "extended-by-a-byte": (lambda data: data + b"\x00", ChunkRefused),
    "extended-by-a-chunk": (lambda data: data + data[HEADER : HEADER + SEALED_CHUNK], ChunkRefused),
    "extended-by-its-last-chunk": (lambda data: data + data[HEADER + 3 * SEALED_CHUNK :], ChunkRefused),
    "reordered-chunks": (lambda data: _swap(data, 0, 1), ChunkRefused),
    "repeated-chunk": (lambda data: _put(data, 1, _chunk(data, 0)), ChunkRefused),
    "dropped-chunk": (lambda data: data[:HEADER] + data[HEADER + SEALED_CHUNK :], ChunkRefused),
    "chunk-of-another-message": (
        lambda data: _put(data, 1, _chunk(sealed(3 * CHUNK + 7, salt=bytes(24)), 1)),
        ChunkRefused,
    ),
    "header-of-another-message": (
        lambda data: sealed(3 * CHUNK + 7, salt=bytes(24))[:HEADER] + data[HEADER:],
        ChunkRefused,
    ),
}


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _chunk(data: bytes, number: int) -> bytes:
    return data[HEADER + number * SEALED_CHUNK :][:SEALED_CHUNK]


def _put(data: bytes, number: int, chunk: bytes) -> bytes:
    start = HEADER + number * SEALED_CHUNK
    return data[:start] + chunk + data[start + SEALED_CHUNK :]


def _swap(data: bytes, one: int, two: int) -> bytes:
    return _put(_put(data, one, _chunk(data, two)), two, _chunk(data, one))


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_stream_is_refused(fault: str) -> None:
    damage, refusal = FAULTS[fault]
    with pytest.raises(refusal):
        opened(damage(sealed(3 * CHUNK + 7)))


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_message_is_refused_in_random_access(fault: str) -> None:
    damage, refusal = FAULTS[fault]
    with pytest.raises(refusal):
        reader_of(damage(sealed(3 * CHUNK + 7))).read(0, 4 * CHUNK)


@pytest.mark.parametrize(
    "fault", [name for name in FAULTS if name.startswith(("truncated", "extended", "empty", "dropped"))]
)
def test_message_of_a_changed_length_cannot_even_be_opened(fault: str) -> None:
    with pytest.raises(ChunkedRefused):
        reader_of(FAULTS[fault][0](sealed(3 * CHUNK + 7)))


def test_untouched_chunks_of_a_damaged_message_still_read() -> None:
    reader = reader_of(_flip(sealed(3 * CHUNK + 7), HEADER + SEALED_CHUNK))
    assert reader.read(0, CHUNK) == pattern(CHUNK)
    with pytest.raises(ChunkRefused, match="chunk 1 "):
        reader.read(0, CHUNK + 1)


@pytest.mark.parametrize("size", [0, 100, 3 * CHUNK])
def test_another_key_or_context_is_refused_by_the_commitment(size: int) -> None:
    with pytest.raises(KeyCommitmentRefused):
        opened(sealed(size), key=bytes(32))
    with pytest.raises(KeyCommitmentRefused):
        reader_of(sealed(size), context=b"object 2")


def test_source_that_gives_less_than_asked_is_refused() -> None:
    data = sealed(3 * CHUNK)
    with pytest.raises(Truncated):
        ChunkReader(lambda offset, length: data[offset : offset + length - 1], len(data), KEY, CONTEXT)


def test_only_authentic_plaintext_is_written_before_a_refusal() -> None:
    size = BATCH_CHUNKS * CHUNK + 5
    out = io.BytesIO()
    with pytest.raises(ChunkRefused):
        decrypt_stream(
            io.BytesIO(_flip(sealed(size), ciphertext_size(size) - 1)), out, key=KEY, context=CONTEXT
        )
    assert out.getvalue() == pattern(size)[: BATCH_CHUNKS * CHUNK]


@pytest.mark.parametrize("size", [0, 1, HEADER - 1, HEADER + 1, HEADER + TAG - 1, HEADER + SEALED_CHUNK + 1])
def test_size_that_no_ciphertext_has_is_invalid(size: int) -> None:
    with pytest.raises(Invalid):
        plaintext_size(size)


@pytest.mark.parametrize("chunks", [0, 1, 5])
def test_size_of_whole_chunks_is_truncated(chunks: int) -> None:
    with pytest.raises(Truncated):
        plaintext_size(HEADER + chunks * SEALED_CHUNK)


def test_piece_that_is_no_whole_chunk_is_refused_unless_it_is_the_last() -> None:
    keys = MessageKeys.derive(KEY, SALT, CONTEXT)
    with pytest.raises(Invalid):
        keys.seal_chunks(b"x", first_chunk=0, final=False)
    with pytest.raises(Invalid):
        keys.open_chunks(bytes(100), first_chunk=0, final=False)


def test_number_of_chunks_is_bounded() -> None:
    keys = MessageKeys.derive(KEY, SALT, CONTEXT)
    assert keys.seal_chunks(b"", first_chunk=CHUNKS_MAX - 1, final=True)
    for first_chunk in (CHUNKS_MAX, -1):
        with pytest.raises(Invalid):
            keys.seal_chunks(b"", first_chunk=first_chunk, final=True)
    with pytest.raises(Invalid):
        ciphertext_size(CHUNKS_MAX * CHUNK)
    with pytest.raises(Invalid):
        ciphertext_size(-1)


def test_key_salt_or_cipher_that_does_not_fit_is_refused() -> None:
    for key, salt in ((bytes(31), SALT), (bytes(16), SALT), (KEY, bytes(23))):
        with pytest.raises(Invalid):
            MessageKeys.derive(key, salt, CONTEXT)
    with pytest.raises(Invalid):
        Suite("AEAD_CHACHA20_POLY1305", SHA512())


def test_repr_shows_no_key() -> None:
    keys = MessageKeys.derive(KEY, SALT, CONTEXT)
    assert repr(keys.aead_key) not in repr(keys) and repr(keys.base_nonce) not in repr(keys)
