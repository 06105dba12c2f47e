"""What is fuzzed: one function per parser, and the valid inputs that mutation starts from.

Each target takes bytes. It may return, or raise a `TelesphorError`; anything else that escapes is a
finding. What a parser accepts must come back from its writer byte for byte, where there is a writer.
Start at `TARGETS`. The same targets serve hypothesis (`test_parsers`) and atheris (`harness`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from telesphor.kernel import base64url, canonical, chunked
from telesphor.kernel.archive import read_archive, write_archive
from telesphor.kernel.bundle import parse_manifest, read_bundle
from telesphor.kernel.checkpoint import Checkpoint, LogSigner, open_checkpoint, parse_checkpoint
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.kernel.digest import format_digest, parse_digest
from telesphor.kernel.entry import encode_entry, parse_entry
from telesphor.kernel.ids import parse_id, parse_stream
from telesphor.kernel.keyfile import Argon2idParams, open_keyfile, seal_keyfile
from telesphor.kernel.merkle import CompactRange
from telesphor.kernel.note import encode_vkey, format_note, parse_note, parse_vkey
from telesphor.kernel.sealing import RecipientKey, SealInfo, open_envelope, seal, seal_envelope, unseal
from telesphor.kernel.signing import (
    HybridSuite,
    SigningKey,
    payload_digest,
    read_jws,
    sign_jws,
    verify_detached,
    verify_jws,
)
from telesphor.kernel.tile import parse_entries_path, parse_tile_path
from telesphor.runtime.settings import SETTINGS_FILE, load_settings
from telesphor.verify.check_bundle import verify_bundle
from tests.unit.verify.builder import Story

LIMIT = 256 * 1024
ORIGIN = "fuzz.example/log"
PASSPHRASE = b"fuzz"
CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)
_LOG = LogSigner(ORIGIN, bytes([1]) * 32, bytes([2]) * 32)
_KEY = SigningKey(HybridSuite.ACTOR, bytes([3]) * 32, bytes([4]) * 32)
_RECIPIENT = RecipientKey(bytes([5]) * 32)
_INFO = SealInfo("object-key", "object-1", _RECIPIENT.thumbprint(), "reader")
_DATA_KEY = bytes([6]) * 32
_CONTEXT = b"fuzz"


class Target(NamedTuple):
    """One parser: what takes the bytes, and valid examples of them."""

    take: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


@cache
def _bundle() -> bytes:
    return Story.told().bundle()


@cache
def _entries() -> list[bytes]:
    files = read_archive(_bundle())
    return [data for name, data in files.items() if name.startswith("entries/")]


def _note() -> list[bytes]:
    return [_LOG.sign(Checkpoint(ORIGIN, 7, bytes(32)), time_seconds=1_800_000_000)]


def _jws() -> list[bytes]:
    return [sign_jws({"v": 1, "keys": list(_KEY.public.thumbprints()), "list": [1, "a", None, True]}, _KEY)]


def _chunked() -> list[bytes]:
    sealed = []
    for size in (0, 1, chunked.CHUNK, chunked.CHUNK + 5):
        out = io.BytesIO()
        chunked.encrypt_stream(io.BytesIO(bytes(size)), out, key=_DATA_KEY, context=_CONTEXT, salt=bytes(24))
        sealed.append(out.getvalue())
    return sealed


def _seals() -> list[bytes]:
    return [seal(b"key", recipient=_RECIPIENT.public, info=_INFO)]


def _envelopes() -> list[bytes]:
    return [
        seal_envelope(b"text", recipients=[(_RECIPIENT.public, "reader")], purpose="message", object="m-1")
    ]


def _archives() -> list[bytes]:
    return [write_archive({"manifest.json": b"{}", "a/b.txt": b"x", "c": b""}), _bundle()]


def take_canonical(data: bytes) -> None:
    value = canonical.decode(data, limit=LIMIT)
    assert canonical.encode(value) == data


def take_entry(data: bytes) -> None:
    assert encode_entry(parse_entry(data)) == data


def take_note(data: bytes) -> None:
    assert format_note(parse_note(data)) == data


def take_checkpoint(data: bytes) -> None:
    if data.count(b"\n\n"):
        open_checkpoint(data, origin=ORIGIN, vkeys=_LOG.vkeys())
        assert data == _signed_again(data)
    assert parse_checkpoint(data).body() == data


def _signed_again(data: bytes) -> bytes:
    """Only what the log signed opens, but for lines of other keys behind its own."""
    assert data.startswith(_note()[0].partition(b"\n\n")[0])
    return data


def take_vkey(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert encode_vkey(parse_vkey(text)) == text


def take_jws(data: bytes) -> None:
    read_jws(data, limit=LIMIT)
    payload_digest(data, limit=LIMIT)
    assert verify_jws(data, _KEY.public, limit=LIMIT)["v"] == 1


def take_detached(data: bytes) -> None:
    content, _, jws = data.partition(b"\n")
    verify_detached(content, jws, _KEY.public)


def _detached() -> list[bytes]:
    content = canonical.encode({"keys": list(_KEY.public.thumbprints())})
    jws = json.loads(sign_jws({"keys": list(_KEY.public.thumbprints())}, _KEY))
    return [content + b"\n" + canonical.encode({"signatures": jws["signatures"]})]


def take_keyfile(data: bytes) -> None:
    if (
        b'"memory_kib":8192,' in data and b'"iterations":1,' in data
    ):  # dearer ones are bounded, but slow on purpose
        open_keyfile(data, passphrase=PASSPHRASE)
    else:
        open_keyfile(data.replace(b'"name":"argon2id"', b'"name":"argon2"'), passphrase=PASSPHRASE)


def take_archive(data: bytes) -> None:
    assert write_archive(read_archive(data)) == data


def take_bundle(data: bytes) -> None:
    report = verify_bundle(data)
    assert report.verdict == ("pass" if data == _bundle() else "fail")
    read_bundle(data)


def take_manifest(data: bytes) -> None:
    parse_manifest(data)


def take_tile_path(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    if text.startswith("tile/entries/"):
        assert parse_entries_path(text).entries_path() == text
    else:
        assert parse_tile_path(text).path() == text


def take_chunked(data: bytes) -> None:
    chunked.plaintext_size(len(data))
    out = io.BytesIO()
    chunked.decrypt_stream(io.BytesIO(data), out, key=_DATA_KEY, context=_CONTEXT)
    reader = chunked.ChunkReader(lambda at, n: data[at : at + n], len(data), _DATA_KEY, _CONTEXT)
    assert reader.read(0, reader.size) == out.getvalue()


def take_seal(data: bytes) -> None:
    assert unseal(data, key=_RECIPIENT, info=_INFO) == b"key"


def take_envelope(data: bytes) -> None:
    assert open_envelope(data, key=_RECIPIENT, purpose="message", object="m-1") == b"text"


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


@cache
def _settings_folder() -> Path:
    return Path(mkdtemp(prefix="telesphor-fuzz-"))


def take_settings(data: bytes) -> None:
    (_settings_folder() / SETTINGS_FILE).write_bytes(data)
    load_settings(_settings_folder())


def _settings() -> list[bytes]:
    return [
        b'origin = "a.example/b"\nport = 1\nhost = "::1"\nwriter_route = true\n',
        b'origin = "a.example"\npassphrase = "x"\npassphrase_file = "/tmp/x"\ncheckpoint_interval_ms = 10\n',
        b'origin = "a.example"\nlog_level = "info"\nvault_url = "s3://b/c"\nqueued_requests_max = 1\n',
        b"[table]\nx = 1979-05-27T07:32:00Z\ny = [1, 2.5, inf, nan, {a = 1}]\n",
    ]


TARGETS = {
    "canonical": Target(take_canonical, lambda: [*_entries()[:3], b'{"a":[1,-2,"x\\n\xc3\xa9",null,true,{}]}']),
    "entry": Target(take_entry, lambda: _entries()[:6]),
    "note": Target(take_note, _note),
    "checkpoint": Target(take_checkpoint, lambda: [*_note(), Checkpoint(ORIGIN, 7, bytes(32)).body()]),
    "vkey": Target(take_vkey, lambda: [vkey.encode() for vkey in _LOG.vkeys()]),
    "jws": Target(take_jws, _jws),
    "detached": Target(take_detached, _detached),
    "keyfile": Target(take_keyfile, lambda: [seal_keyfile({"a": "b"}, passphrase=PASSPHRASE, params=CHEAP)]),
    "archive": Target(take_archive, _archives),
    "bundle": Target(take_bundle, lambda: [_bundle()]),
    "manifest": Target(take_manifest, lambda: [read_archive(_bundle())["manifest.json"]]),
    "tile-path": Target(take_tile_path, lambda: [b"tile/0/x001/234.p/17", b"tile/entries/x001/000", b"tile/5/000"]),
    "chunked": Target(take_chunked, _chunked),
    "seal": Target(take_seal, _seals),
    "envelope": Target(take_envelope, _envelopes),
    "words": Target(take_words, _words),
    "compact-range": Target(take_compact_range, _compact_ranges),
    "settings": Target(take_settings, _settings),
}  # fmt: skip
