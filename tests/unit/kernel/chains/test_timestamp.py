"""OpenTimestamps files: what is read is written back the same, and everything else is refused by name."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.chains.anchor import (
    AnchorMalformed,
    AnchorOfAnotherDigest,
    AnchorRefused,
    AnchorTooLarge,
    aggregate_digests,
    follow_path,
)
from telesphor.kernel.chains.timestamp import (
    APPEND,
    FILE_BYTES_MAX,
    FILE_MAGIC,
    MESSAGE_BYTES_MAX,
    PATHS_MAX,
    PAYLOAD_BYTES_MAX,
    PREPEND,
    SHA256,
    STEPS_MAX,
    Attestation,
    Operation,
    TimestampPath,
    bitcoin_attestation,
    format_timestamp,
    format_timestamp_file,
    operations_of_path,
    parse_timestamp,
    parse_timestamp_file,
    pending_attestation,
)

DIGEST = sha256(b"a checkpoint").digest()
HEAD = FILE_MAGIC + b"\x01\x08" + DIGEST
BLOCK = bytes.fromhex("000588960d73d71901") + b"\x01\x05"  # attests block 5
CALENDAR = "https://calendar.example"

operations = st.one_of(
    st.just(Operation(SHA256)),
    st.builds(Operation, st.sampled_from([APPEND, PREPEND]), st.binary(min_size=1, max_size=20)),
)
attestations = st.one_of(
    st.builds(bitcoin_attestation, st.integers(min_value=0, max_value=2**31 - 1)),
    st.just(pending_attestation(CALENDAR)),
    st.builds(Attestation, st.just(b"unknown!"), st.binary(max_size=20)),
)
paths_strategy = st.lists(
    st.builds(TimestampPath, st.lists(operations, max_size=6).map(tuple), attestations),
    min_size=1,
    max_size=8,
)


@given(paths_strategy)
def test_paths_are_read_back(paths: list[TimestampPath]) -> None:
    data = format_timestamp_file(paths, digest=DIGEST)
    read = parse_timestamp_file(data, digest=DIGEST)
    assert set(read) == set(paths)
    assert format_timestamp_file(read, digest=DIGEST) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        paths = parse_timestamp(data)
    except AnchorRefused:
        return
    assert set(parse_timestamp(format_timestamp(paths))) == set(paths)


def test_path_computes_its_message() -> None:
    path = TimestampPath(
        (Operation(PREPEND, b"a"), Operation(APPEND, b"b"), Operation(SHA256)), bitcoin_attestation(1)
    )
    assert path.message(b"x") == sha256(b"axb").digest()


def test_steps_of_an_aggregate_lead_to_its_root() -> None:
    digests = [sha256(bytes([index])).digest() for index in range(5)]
    made = aggregate_digests(digests)
    for digest, steps in zip(digests, made.paths, strict=True):
        path = TimestampPath(operations_of_path(steps), bitcoin_attestation(1))
        assert path.message(digest) == follow_path(digest, steps) == made.root


def test_attestations_tell_what_they_say() -> None:
    assert bitcoin_attestation(840_000).height() == 840_000
    assert bitcoin_attestation(840_000).calendar() is None
    assert pending_attestation(CALENDAR).calendar() == CALENDAR
    assert Attestation(b"unknown!", b"").height() is None


def test_a_megabyte_of_forks_is_refused_quickly() -> None:
    with pytest.raises(AnchorTooLarge):
        parse_timestamp(b"\xff\x08" * 5000 + BLOCK)


MALFORMED = {
    "empty": b"",
    "another-magic": b"\x01" + HEAD[1:] + BLOCK,
    "ends-in-head": HEAD[:40],
    "version-2": FILE_MAGIC + b"\x02\x08" + DIGEST + BLOCK,
    "sha1-file": FILE_MAGIC + b"\x01\x02" + DIGEST + BLOCK,
    "no-attestation": HEAD,
    "ends-in-operation": HEAD + b"\x08",
    "trailing-byte": HEAD + BLOCK + b"\x00",
    "fork-of-fork": HEAD + b"\xff\xff" + BLOCK + BLOCK,
    "fork-without-end": HEAD + b"\xff" + BLOCK,
    "operation-sha1": HEAD + b"\x02" + BLOCK,
    "operation-ripemd160": HEAD + b"\x03" + BLOCK,
    "operation-keccak": HEAD + b"\x67" + BLOCK,
    "operation-reverse": HEAD + b"\xf2" + BLOCK,
    "operation-hexlify": HEAD + b"\xf3" + BLOCK,
    "operation-unknown": HEAD + b"\x99" + BLOCK,
    "empty-argument": HEAD + b"\xf0\x00" + BLOCK,
    "argument-cut": HEAD + b"\xf0\x10abc",
    "length-not-shortest": HEAD + b"\xf0\x81\x00a" + BLOCK,
    "height-not-shortest": HEAD + BLOCK[:9] + b"\x02\x85\x00",
    "height-with-more": HEAD + BLOCK[:9] + b"\x02\x05\x05",
    "calendar-with-space": HEAD + bytes.fromhex("0083dfe30d2ef90c8e") + b"\x0c\x0bhttps://a b",
    "calendar-empty": HEAD + bytes.fromhex("0083dfe30d2ef90c8e") + b"\x01\x00",
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_malformed_file_is_refused(fault: str) -> None:
    with pytest.raises(AnchorMalformed):
        parse_timestamp_file(MALFORMED[fault], digest=DIGEST)


TOO_LARGE = {
    "file": HEAD + b"\x08" * FILE_BYTES_MAX,
    "steps": HEAD + b"\x08" * (STEPS_MAX + 1) + BLOCK,
    "paths": HEAD + (b"\xff" + BLOCK) * PATHS_MAX + BLOCK,
    "argument": HEAD + b"\xf0\x81\x20" + bytes(MESSAGE_BYTES_MAX + 1) + BLOCK,
    "attestation": HEAD + b"\x00unknown!\x81\x40" + bytes(PAYLOAD_BYTES_MAX + 1),
    "number": HEAD + b"\xf0\xff\xff\xff\xff\xff\x7f" + BLOCK,
    "height": HEAD + BLOCK[:9] + b"\x05\xff\xff\xff\xff\x0f",
}


@pytest.mark.parametrize("fault", TOO_LARGE)
def test_too_large_file_is_refused(fault: str) -> None:
    with pytest.raises(AnchorTooLarge):
        parse_timestamp_file(TOO_LARGE[fault], digest=DIGEST)


def test_file_of_another_digest_is_refused() -> None:
    with pytest.raises(AnchorOfAnotherDigest):
        parse_timestamp_file(HEAD + BLOCK, digest=bytes(32))


def test_message_that_grows_too_large_is_refused() -> None:
    path = TimestampPath(
        (Operation(APPEND, bytes(4000)), Operation(APPEND, bytes(4000))), bitcoin_attestation(1)
    )
    with pytest.raises(AnchorTooLarge):
        path.message(DIGEST)


def test_writing_nothing_is_refused() -> None:
    with pytest.raises(AnchorMalformed):
        format_timestamp_file([], digest=DIGEST)


def test_writing_more_paths_than_can_be_read_is_refused() -> None:
    paths = [TimestampPath((), bitcoin_attestation(height)) for height in range(PATHS_MAX + 1)]
    with pytest.raises(AnchorTooLarge):
        format_timestamp_file(paths, digest=DIGEST)


def test_every_cut_of_a_file_is_refused() -> None:
    paths = [
        TimestampPath((Operation(APPEND, b"nonce"), Operation(SHA256)), bitcoin_attestation(840_000)),
        TimestampPath((Operation(APPEND, b"nonce"),), pending_attestation(CALENDAR)),
    ]
    data = format_timestamp_file(paths, digest=DIGEST)
    for end in range(len(data)):
        with pytest.raises(AnchorRefused):
            parse_timestamp_file(data[:end], digest=DIGEST)
