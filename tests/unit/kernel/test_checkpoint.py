"""Checkpoints: both lines of the log, for one origin, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from telesphor.kernel import signing
from telesphor.kernel.checkpoint import (
    Checkpoint,
    CheckpointRefused,
    CosignatureVerifier,
    HalfSignature,
    LogSigner,
    cosigned_message,
    cosigned_time,
    open_checkpoint,
    parse_checkpoint,
)
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.note import (
    Note,
    NoteSignature,
    NoteSignatureRefused,
    VkeyRefused,
    format_note,
    parse_note,
    parse_vkey,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "checkpoint.json").read_text("utf-8"))
ORIGIN = "telesphor.example/log"
LOG = LogSigner(ORIGIN, bytes([1]) * 32, bytes([2]) * 32)
HEAD = Checkpoint(ORIGIN, 5, bytes(range(32)))
SIGNED = LOG.sign(HEAD, time_seconds=1_800_000_000)


def test_signed_checkpoint_opens_to_what_was_signed() -> None:
    opened = open_checkpoint(SIGNED, origin=ORIGIN, vkeys=LOG.vkeys())
    assert opened.checkpoint == HEAD
    assert opened.time_seconds == 1_800_000_000
    assert opened.note == SIGNED
    assert open_checkpoint(SIGNED, origin=ORIGIN, vkeys=LOG.vkeys()[::-1]) == opened


def test_body_is_three_lines() -> None:
    assert HEAD.body() == b"telesphor.example/log\n5\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert parse_checkpoint(HEAD.body()) == HEAD


def test_vkeys_name_the_origin_and_the_two_types() -> None:
    ed25519, mldsa = map(parse_vkey, LOG.vkeys())
    assert (ed25519.name, ed25519.signature_type, len(ed25519.public_key)) == (ORIGIN, 1, 32)
    assert (mldsa.name, mldsa.signature_type, len(mldsa.public_key)) == (ORIGIN, 6, 1312)


def test_cosigned_message_is_laid_out_as_tlog_cosignature_says() -> None:
    message = cosigned_message(HEAD, cosigner="w.example", time_seconds=258)
    assert message == (
        b"subtree/v1\n\x00"
        b"\x09w.example"
        + bytes.fromhex("0000000000000102")
        + bytes([len(ORIGIN)])
        + ORIGIN.encode()
        + bytes(8)
        + bytes.fromhex("0000000000000005")
        + bytes(range(32))
    )


def test_mldsa_line_is_a_time_and_a_signature_of_the_cosigned_message() -> None:
    line = parse_note(SIGNED).signatures[1]
    assert cosigned_time(line.signature) == 1_800_000_000
    public = MLDSA44PublicKey.from_public_bytes(parse_vkey(LOG.vkeys()[1]).public_key)
    message = cosigned_message(HEAD, cosigner=ORIGIN, time_seconds=1_800_000_000)
    public.verify(line.signature[8:], message)


def test_cosignature_of_a_witness_verifies_and_binds_its_name() -> None:
    witness = LogSigner("witness.example/w", bytes([5]) * 32, bytes([6]) * 32)
    verifier = CosignatureVerifier(parse_vkey(witness.vkeys()[1]))
    signature = witness._cosign(HEAD, 7)
    verifier.verify(HEAD.body(), signature)
    with pytest.raises(NoteSignatureRefused):
        verifier.verify(Checkpoint(ORIGIN, 6, HEAD.root).body(), signature)
    with pytest.raises(NoteSignatureRefused):
        CosignatureVerifier(parse_vkey(LOG.vkeys()[1])).verify(HEAD.body(), signature)


@pytest.mark.parametrize(("kept", "missing"), [(0, "ML-DSA-44"), (1, "Ed25519")])
def test_stripped_half_is_refused_and_named(kept: int, missing: str) -> None:
    note = parse_note(SIGNED)
    half = format_note(Note(note.text, (note.signatures[kept],)))
    with pytest.raises(HalfSignature, match=missing):
        open_checkpoint(half, origin=ORIGIN, vkeys=LOG.vkeys())
    assert HalfSignature is signing.HalfSignature


def test_every_altered_byte_is_refused() -> None:
    for position in range(0, len(SIGNED), 29):
        data = bytearray(SIGNED)
        data[position] ^= 1
        with pytest.raises(TelesphorError):
            open_checkpoint(bytes(data), origin=ORIGIN, vkeys=LOG.vkeys())


def test_checkpoint_of_another_origin_is_refused_even_when_well_signed() -> None:
    # The log's keys sign a text of another origin: the keys are right, the origin is not.
    other = Checkpoint("telesphor.example/other", 5, HEAD.root)
    ed25519, mldsa = parse_note(SIGNED).signatures
    message = cosigned_message(other, cosigner=ORIGIN, time_seconds=9)
    cosignature = (9).to_bytes(8, "big") + LOG._mldsa44.sign(message)
    lines = (
        NoteSignature(ORIGIN, ed25519.key_id, LOG._ed25519.sign(other.body())),
        NoteSignature(ORIGIN, mldsa.key_id, cosignature),
    )
    with pytest.raises(CheckpointRefused, match="another log"):
        open_checkpoint(format_note(Note(other.body(), lines)), origin=ORIGIN, vkeys=LOG.vkeys())


def test_log_signs_its_own_origin_only() -> None:
    with pytest.raises(CheckpointRefused):
        LOG.sign(Checkpoint("telesphor.example/other", 5, HEAD.root), time_seconds=1)


@pytest.mark.parametrize("time_seconds", [0, -1, 2**63])
def test_time_out_of_bounds_is_refused(time_seconds: int) -> None:
    with pytest.raises(CheckpointRefused):
        LOG.sign(HEAD, time_seconds=time_seconds)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, bytes(32)),
        ("a b", 1, bytes(32)),
        ("a+b", 1, bytes(32)),
        ("a\nb", 1, bytes(32)),
        ("x" * 256, 1, bytes(32)),
        ("a", -1, bytes(32)),
        ("a", 2**63, bytes(32)),
        ("a", 1, bytes(31)),
    ],
)
def test_checkpoint_that_is_not_valid_cannot_be_built(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(CheckpointRefused):
        Checkpoint(origin, size, root)


def test_keys_of_a_log_are_exactly_one_of_each_type_and_bear_its_origin() -> None:
    other = LogSigner("telesphor.example/other", bytes([1]) * 32, bytes([2]) * 32)
    ed25519, mldsa = LOG.vkeys()
    for vkeys in ([], [ed25519], [mldsa], [ed25519, ed25519], [ed25519, mldsa, mldsa], other.vkeys()):
        with pytest.raises(VkeyRefused):
            open_checkpoint(SIGNED, origin=ORIGIN, vkeys=vkeys)


def test_checkpoint_above_its_bound_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        open_checkpoint(SIGNED + bytes(2**20), origin=ORIGIN, vkeys=LOG.vkeys())


def test_seed_of_another_size_is_refused() -> None:
    for seeds in ((bytes(31), bytes(32)), (bytes(32), bytes(64))):
        with pytest.raises(signing.KeyRefused):
            LogSigner(ORIGIN, *seeds)


def test_repr_shows_no_secret() -> None:
    text = repr(LogSigner(ORIGIN, b"E" * 32, b"M" * 32))
    assert "EEEE" not in text and "MMMM" not in text


def test_generated_logs_have_their_own_keys() -> None:
    first, second = LogSigner.generate(ORIGIN), LogSigner.generate(ORIGIN)
    assert first.vkeys() != second.vkeys()
    opened = open_checkpoint(first.sign(HEAD, time_seconds=1), origin=ORIGIN, vkeys=first.vkeys())
    assert opened.checkpoint == HEAD


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_good_checkpoint_vector_opens(vector: dict[str, Any]) -> None:
    opened = open_checkpoint(vector["note"].encode(), origin=vector["origin"], vkeys=vector["vkeys"])
    assert opened.checkpoint == Checkpoint(vector["origin"], vector["size"], bytes.fromhex(vector["root"]))
    assert opened.time_seconds == vector["time_seconds"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_checkpoint_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        open_checkpoint(vector["note"].encode(), origin=vector["origin"], vkeys=vector["vkeys"])
    assert refusal.value.code == vector["code"]
