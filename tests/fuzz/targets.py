"""What is fuzzed: one function per parser, and the valid inputs that mutation starts from.

Each target takes bytes. It may return, or raise a `TelesphorError`; anything else that escapes is a
finding. What a parser accepts must come back from its writer byte for byte, where there is a writer.
Start at `TARGETS`. The same targets serve hypothesis (`test_parsers`) and atheris (`harness`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from telesphor.kernel import base64url, canonical, chunked
from telesphor.kernel.archive import read_archive, write_archive
from telesphor.kernel.bundle import (
    OpenedCommitment,
    Selection,
    encode_manifest,
    parse_manifest,
    read_bundle,
)
from telesphor.kernel.bundle_files import encode_opened, parse_opening
from telesphor.kernel.card import card_id, read_card, sign_card
from telesphor.kernel.chains.anchor import HeaderPin, PathStep
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from telesphor.kernel.chains.ethereum import verify_ethereum_anchor
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.rlp import decode_rlp, encode_rlp
from telesphor.kernel.chains.timestamp import (
    TimestampPath,
    bitcoin_attestation,
    format_timestamp,
    format_timestamp_file,
    operations_of_path,
    parse_timestamp,
    pending_attestation,
)
from telesphor.kernel.checkpoint import Checkpoint, LogSigner, open_checkpoint, parse_checkpoint
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.kernel.cosignature import CosignerKeys, append_signatures, verify_cosignature
from telesphor.kernel.digest import format_digest, parse_digest
from telesphor.kernel.entry import encode_entry, parse_entry
from telesphor.kernel.ids import parse_id, parse_stream
from telesphor.kernel.keyfile import Argon2idParams, open_keyfile, seal_keyfile
from telesphor.kernel.levels import DEFAULT_LEVELS, parse_levels
from telesphor.kernel.manifest import name_subject
from telesphor.kernel.merkle import CompactRange
from telesphor.kernel.note import (
    encode_vkey,
    format_note,
    format_signatures,
    parse_note,
    parse_signatures,
    parse_vkey,
)
from telesphor.kernel.policy import QuorumNotMet, parse_policy
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
from telesphor.kernel.tlog_proof import format_tlog_proof, parse_tlog_proof
from telesphor.ledger.witness.model import format_request, parse_request, parse_size
from telesphor.ledger.witness.standalone import read_log_file
from telesphor.runtime.settings import SETTINGS_FILE, load_settings
from telesphor.verify.check_bundle import verify_bundle
from tests.fuzz.tile_targets import ENTRY_BUNDLE, take_entry_bundle, take_tile_path
from tests.support import cards, ethereum, headers
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


def take_cosignature(data: bytes) -> None:
    cosignature = verify_cosignature(parse_note(data), cards.cosigner("alpha").keys)
    assert cosignature.time_seconds == cards.TIME


@cache
def _cosigned() -> bytes:
    lines = cards.cosigner("alpha").cosign(Checkpoint(ORIGIN, 7, bytes(32)), time_seconds=cards.TIME)
    return append_signatures(_note()[0], lines)


def take_signature_lines(data: bytes) -> None:
    assert format_signatures(parse_signatures(data)) == data


@cache
def _card() -> bytes:
    return sign_card(cards.card_of("alpha"), cards.cosigner("alpha"))


def take_card(data: bytes) -> None:
    card_id(data)
    assert read_card(data) == cards.card_of("alpha")
    assert data == _card()


def take_policy(data: bytes) -> None:
    policy = parse_policy(data)
    with suppress(QuorumNotMet):
        assert len(policy.check_quorum(list(policy.witnesses.values()))) == len(policy.witnesses)
    assert policy.check_note(parse_note(_cosigned())) in ((), ("a",))


def _policies() -> list[bytes]:
    log, witness = _LOG.vkeys()[0], cards.cosigner("alpha").vkeys()[0]
    return [
        f"# ours\nlog {log}\nwitness a {witness} https://a.example\ngroup g 1 a\nquorum g\n".encode(),
        b"quorum none\n",
    ]


def take_levels(data: bytes) -> None:
    policy = parse_levels(data)
    for pin in policy.witnesses:
        assert pin.card or (pin.vkeys and CosignerKeys.from_vkeys(pin.vkeys).vkeys() == pin.vkeys)


def _levels() -> list[bytes]:
    pins = f"[[witness]]\nvkeys = {json.dumps(cards.cosigner('alpha').vkeys())}\n"
    pins += f'[[witness]]\ncard = "sha256:{"0" * 64}"\n'
    header = f'[[pin]]\nnetwork = "ethereum-1"\nheight = 1\nhash = "{"0" * 64}"\n'
    return [DEFAULT_LEVELS.encode(), (DEFAULT_LEVELS + pins + header).encode()]


def take_witness_request(data: bytes) -> None:
    request = parse_request(data)
    assert format_request(old_size=request.old_size, proof=request.proof, note=request.note_bytes) == data


def _witness_requests() -> list[bytes]:
    return [
        format_request(old_size=old, proof=proof, note=_note()[0])
        for old, proof in ((0, []), (5, [bytes(32)] * 3), (2**62, [bytes(32)] * 63))
    ]


def take_log_file(data: bytes) -> None:
    read_log_file(data)


def take_size(data: bytes) -> None:
    assert b"%d\n" % parse_size(data) == data


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
    manifest = parse_manifest(data)
    assert name_subject(manifest.subject).count("/") == 1


def _manifests() -> list[bytes]:
    about = {"made_at": "2026-11-22T11:51:15.123Z", "origin": ORIGIN, "keys": ("A" * 43, "B" * 43)}
    chosen = Selection("0190f0f0-0000-7000-8000-000000000000", "a complaint")
    return [
        read_archive(_bundle())["manifest.json"],
        encode_manifest({"checkpoint": b"x"}, subject=chosen, **about),  # type: ignore[arg-type]
    ]


def take_tlog_proof(data: bytes) -> None:
    proof = parse_tlog_proof(data)
    assert format_tlog_proof(proof.index, proof.path, proof.checkpoint, proof.anchors) == data


def _tlog_proofs() -> list[bytes]:
    anchors = {"ethereum-1.json": b"{}", "bitcoin-mainnet.ots": b"o", "bitcoin-mainnet.headers": b"h"}
    return [
        format_tlog_proof(7, (bytes(32),), _note()[0]),
        format_tlog_proof(0, (), _note()[0], anchors),
    ]


def take_opening(data: bytes) -> None:
    assert encode_opened(parse_opening(data, position=3, path="opening")) == data


def _openings() -> list[bytes]:
    return [encode_opened(OpenedCommitment(position=3, member="commitment", key=bytes(32), value=b"61"))]


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
def _ethereum_anchor() -> bytes:
    return ethereum.make_proof(others=ethereum.other_transactions(20), index=5, later=2).encode()


@cache
def _ethereum_pin() -> HeaderPin:
    header = ethereum.make_proof(others=ethereum.other_transactions(20), index=5, later=2).later[-1]
    return HeaderPin(ethereum.NETWORK, ethereum.HEIGHT + 2, keccak256(header).hex())


def take_ethereum_anchor(data: bytes) -> None:
    verify_ethereum_anchor(
        digest=ethereum.DIGEST, data=data, network=ethereum.NETWORK, pins=[_ethereum_pin()]
    )
    assert data == _ethereum_anchor()


def take_rlp(data: bytes) -> None:
    assert encode_rlp(decode_rlp(data)) == data


def _rlp() -> list[bytes]:
    proof = ethereum.make_proof()
    return [proof.header, proof.transaction[1:], proof.nodes[0]]


_HEIGHT = 500
_STAMPED = bytes([7]) * 32


def _paths() -> list[TimestampPath]:
    steps = operations_of_path([PathStep("right", bytes(32))])
    return [
        TimestampPath(steps, bitcoin_attestation(_HEIGHT)),
        TimestampPath(steps[:1], pending_attestation("https://a.example")),
    ]


def take_timestamp(data: bytes) -> None:
    paths = parse_timestamp(data)
    assert set(parse_timestamp(format_timestamp(paths))) == set(paths)


@cache
def _headers() -> bytes:
    return headers.make_row(3, roots={0: _paths()[0].message(_STAMPED)})


def take_bitcoin_headers(data: bytes) -> None:
    """Whatever is accepted holds the dating header as it was made."""
    ots = format_timestamp_file(_paths(), digest=_STAMPED)
    verify_bitcoin_anchor(digest=_STAMPED, ots=ots, headers=data, network="bitcoin-regtest")
    assert _paths()[0].message(_STAMPED) in data


def take_timestamp_file(data: bytes) -> None:
    found = verify_bitcoin_anchor(digest=_STAMPED, ots=data, headers=_headers(), network="bitcoin-regtest")
    assert not found.proves_time


@cache
def _settings_folder() -> Path:
    return Path(mkdtemp(prefix="telesphor-fuzz-"))


def take_settings(data: bytes) -> None:
    (_settings_folder() / SETTINGS_FILE).write_bytes(data)
    load_settings(_settings_folder())


def _settings() -> list[bytes]:
    return [
        b'origin = "a.example/b"\nport = 1\nhost = "::1"\nwriter_route = true\n',
        b'origin = "a.example"\npassphrase = "x"\npassphrase_file = "/run/x"\ncheckpoint_interval_ms = 10\n',
        b'origin = "a.example"\nlog_level = "info"\nvault_url = "s3://b/c"\nqueued_requests_max = 1\n',
        b"[table]\nx = 1979-05-27T07:32:00Z\ny = [1, 2.5, inf, nan, {a = 1}]\n",
    ]


TARGETS = {
    "canonical": Target(take_canonical, lambda: [*_entries()[:3], b'{"a":[1,-2,"x\\n\xc3\xa9",null,true,{}]}']),
    "entry": Target(take_entry, lambda: _entries()[:6]),
    "note": Target(take_note, _note),
    "checkpoint": Target(take_checkpoint, lambda: [*_note(), Checkpoint(ORIGIN, 7, bytes(32)).body()]),
    "vkey": Target(take_vkey, lambda: [vkey.encode() for vkey in _LOG.vkeys()]),
    "cosignature": Target(take_cosignature, lambda: [_cosigned()]),
    "signature-lines": Target(take_signature_lines, lambda: [_cosigned().partition(b"\n\n")[2]]),
    "card": Target(take_card, lambda: [_card()]),
    "policy": Target(take_policy, _policies),
    "levels": Target(take_levels, _levels),
    "witness-request": Target(take_witness_request, _witness_requests),
    "witness-size": Target(take_size, lambda: [b"0\n", b"20852014\n"]),
    "witness-log": Target(take_log_file, lambda: ["\n".join(_LOG.vkeys()).encode() + b"\n"]),
    "jws": Target(take_jws, _jws),
    "detached": Target(take_detached, _detached),
    "keyfile": Target(take_keyfile, lambda: [seal_keyfile({"a": "b"}, passphrase=PASSPHRASE, params=CHEAP)]),
    "archive": Target(take_archive, _archives),
    "bundle": Target(take_bundle, lambda: [_bundle()]),
    "manifest": Target(take_manifest, _manifests),
    "tlog-proof": Target(take_tlog_proof, _tlog_proofs),
    "opening": Target(take_opening, _openings),
    "entry-bundle": Target(take_entry_bundle, lambda: [ENTRY_BUNDLE]),
    "tile-path": Target(take_tile_path, lambda: [b"tile/0/x001/234.p/17", b"tile/entries/x001/000", b"tile/5/000"]),
    "chunked": Target(take_chunked, _chunked),
    "seal": Target(take_seal, _seals),
    "envelope": Target(take_envelope, _envelopes),
    "words": Target(take_words, _words),
    "compact-range": Target(take_compact_range, _compact_ranges),
    "ethereum-anchor": Target(take_ethereum_anchor, lambda: [_ethereum_anchor()]),
    "rlp": Target(take_rlp, _rlp),
    "timestamp": Target(take_timestamp, lambda: [format_timestamp(_paths())]),
    "timestamp-file": Target(take_timestamp_file, lambda: [format_timestamp_file(_paths(), digest=_STAMPED)]),
    "bitcoin-headers": Target(take_bitcoin_headers, lambda: [_headers()]),
    "settings": Target(take_settings, _settings),
}  # fmt: skip
