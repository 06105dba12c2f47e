"""What is fuzzed of the smallest formats: canonical JSON, entries, notes, keys, signatures, words."""

from __future__ import annotations

import json

from telesphor.kernel import base64url, canonical
from telesphor.kernel.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.kernel.digest import format_digest, parse_digest
from telesphor.kernel.entry import encode_entry, parse_entry
from telesphor.kernel.ids import parse_id, parse_stream
from telesphor.kernel.keyfile import Argon2idParams, open_keyfile, seal_keyfile
from telesphor.kernel.merkle import CompactRange
from telesphor.kernel.note import (
    encode_vkey,
    format_note,
    parse_note,
    parse_vkey,
)
from telesphor.kernel.signing import (
    payload_digest,
    read_jws,
    sign_jws,
    verify_detached,
    verify_jws,
)
from tests.fuzz.target import KEY, LIMIT, LOG, ORIGIN, Target, signed_notes, visit_entries

PASSPHRASE = b"fuzz"
CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)


def take_canonical(data: bytes) -> None:
    value = canonical.decode(data, limit=LIMIT)
    assert canonical.encode(value) == data


def take_entry(data: bytes) -> None:
    assert encode_entry(parse_entry(data)) == data


def take_note(data: bytes) -> None:
    assert format_note(parse_note(data)) == data


def take_checkpoint(data: bytes) -> None:
    if data.count(b"\n\n"):
        open_checkpoint(data, origin=ORIGIN, vkeys=LOG.vkeys())
        assert data == _signed_again(data)
    assert parse_checkpoint(data).body() == data


def _signed_again(data: bytes) -> bytes:
    """Only what the log signed opens, but for lines of other keys behind its own."""
    assert data.startswith(signed_notes()[0].partition(b"\n\n")[0])
    return data


def take_vkey(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert encode_vkey(parse_vkey(text)) == text


def take_jws(data: bytes) -> None:
    read_jws(data, limit=LIMIT)
    payload_digest(data, limit=LIMIT)
    assert verify_jws(data, KEY.public, limit=LIMIT)["v"] == 1


def _jws() -> list[bytes]:
    return [sign_jws({"v": 1, "keys": list(KEY.public.thumbprints()), "list": [1, "a", None, True]}, KEY)]


def take_detached(data: bytes) -> None:
    content, _, jws = data.partition(b"\n")
    verify_detached(content, jws, KEY.public)


def _detached() -> list[bytes]:
    content = canonical.encode({"keys": list(KEY.public.thumbprints())})
    jws = json.loads(sign_jws({"keys": list(KEY.public.thumbprints())}, KEY))
    return [content + b"\n" + canonical.encode({"signatures": jws["signatures"]})]


def take_keyfile(data: bytes) -> None:
    if (
        b'"memory_kib":8192,' in data and b'"iterations":1,' in data
    ):  # dearer ones are bounded, but slow on purpose
        open_keyfile(data, passphrase=PASSPHRASE)
    else:
        open_keyfile(data.replace(b'"name":"argon2id"', b'"name":"argon2"'), passphrase=PASSPHRASE)


def take_words(data: bytes) -> None:
    """The small ones: instants, ids, streams, digests, base64url; the first byte says which."""
    text = data[1:].decode("utf-8", "replace")
    which = data[0] % 6 if data else 0
    if which == 0:
        assert format_instant(parse_instant(text)) == text
    elif which == 1:
        assert parse_id(text) == text
    elif which == 2:
        assert "/".join(parse_stream(text)) == text
    elif which == 3:
        assert format_digest(parse_digest(text)) == text
    elif which == 4:
        assert base64url.encode(base64url.decode(text)) == text
    else:
        assert base64url.std_encode(base64url.std_decode(text)) == text


def _words() -> list[bytes]:
    uuid = b"019a0000-0000-7000-8000-000000000001"
    words = [
        b"2026-11-22T11:51:15.123Z",
        uuid,
        b"visit/" + uuid,
        b"sha256:" + b"a" * 64,
        b"AAEC_-A",
        b"AAEC+/A=",
    ]
    return [bytes([which]) + word for which, word in enumerate(words)]


def take_compact_range(data: bytes) -> None:
    found = CompactRange.decode(data)
    assert found.encode() == data
    found.root()


def _compact_ranges() -> list[bytes]:
    return [CompactRange(size, [bytes(32)] * size.bit_count()).encode() for size in (0, 1, 5, 255)]


TARGETS = {
    "canonical": Target(
        take_canonical, lambda: [*visit_entries()[:3], b'{"a":[1,-2,"x\\n\xc3\xa9",null,true,{}]}']
    ),
    "entry": Target(take_entry, lambda: visit_entries()[:6]),
    "note": Target(take_note, signed_notes),
    "checkpoint": Target(take_checkpoint, lambda: [*signed_notes(), Checkpoint(ORIGIN, 7, bytes(32)).body()]),
    "vkey": Target(take_vkey, lambda: [vkey.encode() for vkey in LOG.vkeys()]),
    "jws": Target(take_jws, _jws),
    "detached": Target(take_detached, _detached),
    "keyfile": Target(take_keyfile, lambda: [seal_keyfile({"a": "b"}, passphrase=PASSPHRASE, params=CHEAP)]),
    "words": Target(take_words, _words),
    "compact-range": Target(take_compact_range, _compact_ranges),
}
