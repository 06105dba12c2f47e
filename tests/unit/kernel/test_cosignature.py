"""Cosignatures: both lines of a witness, once, over this checkpoint, at one time, or nothing."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.checkpoint import (
    Checkpoint,
    CheckpointRefused,
    LogSigner,
    cosigned_message,
    cosigned_time,
    open_checkpoint,
)
from telesphor.kernel.cosignature import (
    COSIGNATURE_ED25519_TYPE,
    Cosignature,
    CosignatureMissing,
    CosignatureRefused,
    Cosigner,
    CosignerKeys,
    HalfSignature,
    TimedEd25519Verifier,
    append_signatures,
    verify_cosignature,
)
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.note import (
    SIGNATURES_MAX,
    Note,
    NoteMalformed,
    NoteSignature,
    NoteSignatureRefused,
    Vkey,
    VkeyRefused,
    format_note,
    parse_note,
    parse_vkey,
)
from telesphor.kernel.signing import KeyRefused

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "cosignature.json").read_text("utf-8"))
ORIGIN = "ledger.clinic.example/2026"
LOG = LogSigner(ORIGIN, bytes([1]) * 32, bytes([2]) * 32)
HEAD = Checkpoint(ORIGIN, 5, bytes(range(32)))
SIGNED = LOG.sign(HEAD, time_seconds=1_800_000_000)
WITNESS = Cosigner("witness.example/w1", bytes([3]) * 32, bytes([4]) * 32)
OTHER = Cosigner("witness.example/w2", bytes([5]) * 32, bytes([6]) * 32)
TIME = 1_800_000_002
LINES = WITNESS.cosign(HEAD, time_seconds=TIME)


def note_with(*lines: NoteSignature, text: bytes = HEAD.body()) -> Note:
    return Note(text, (*parse_note(SIGNED).signatures, *lines))


def altered(line: NoteSignature, position: int) -> NoteSignature:
    signature = bytearray(line.signature)
    signature[position] ^= 1
    return NoteSignature(line.name, line.key_id, bytes(signature))


def test_cosignature_verifies_with_the_time_it_states() -> None:
    assert verify_cosignature(note_with(*LINES), WITNESS.keys) == Cosignature(WITNESS.keys, TIME)
    assert verify_cosignature(note_with(*LINES[::-1]), WITNESS.keys).time_seconds == TIME


def test_lines_are_those_of_tlog_cosignature() -> None:
    ed25519, mldsa44 = LINES
    public, mldsa_public = map(parse_vkey, WITNESS.vkeys())
    assert cosigned_time(ed25519.signature) == cosigned_time(mldsa44.signature) == TIME
    message = b"cosignature/v1\ntime 1800000002\n" + HEAD.body()
    Ed25519PublicKey.from_public_bytes(public.public_key).verify(ed25519.signature[8:], message)
    MLDSA44PublicKey.from_public_bytes(mldsa_public.public_key).verify(
        mldsa44.signature[8:], cosigned_message(HEAD, cosigner=WITNESS.name, time_seconds=TIME)
    )


def test_vkeys_name_the_witness_and_the_two_types() -> None:
    ed25519, mldsa44 = map(parse_vkey, WITNESS.vkeys())
    assert (ed25519.name, ed25519.signature_type, len(ed25519.public_key)) == (WITNESS.name, 4, 32)
    assert (mldsa44.name, mldsa44.signature_type, len(mldsa44.public_key)) == (WITNESS.name, 6, 1312)
    assert COSIGNATURE_ED25519_TYPE == 4


def test_cosigned_checkpoint_still_opens_as_that_of_its_log() -> None:
    cosigned = append_signatures(SIGNED, LINES)
    assert open_checkpoint(cosigned, origin=ORIGIN, vkeys=LOG.vkeys()).checkpoint == HEAD


def test_keys_that_sign_the_card_are_those_that_cosign() -> None:
    assert WITNESS.signing_key.public == WITNESS.keys.verify_key


def test_witness_that_has_not_signed_is_missing() -> None:
    with pytest.raises(CosignatureMissing, match="w2"):
        verify_cosignature(note_with(*LINES), OTHER.keys)


@pytest.mark.parametrize(("kept", "missing"), [(0, "ML-DSA-44"), (1, "Ed25519")])
def test_stripped_half_is_refused_and_named(kept: int, missing: str) -> None:
    with pytest.raises(HalfSignature, match=missing):
        verify_cosignature(note_with(LINES[kept]), WITNESS.keys)


@pytest.mark.parametrize("line", [0, 1])
@pytest.mark.parametrize("position", [0, 7, 8, 40, 71])
def test_altered_time_or_signature_is_refused(line: int, position: int) -> None:
    lines = list(LINES)
    lines[line] = altered(lines[line], position)
    with pytest.raises(CosignatureRefused):
        verify_cosignature(note_with(*lines), WITNESS.keys)


@pytest.mark.parametrize("line", [0, 1])
def test_line_that_is_there_twice_is_refused(line: int) -> None:
    again = WITNESS.cosign(HEAD, time_seconds=TIME + 1)
    for second in (again[line], LINES[line]):
        with pytest.raises(CosignatureRefused, match="more than once"):
            verify_cosignature(note_with(*LINES, second), WITNESS.keys)


def test_halves_that_state_two_times_are_refused() -> None:
    later = WITNESS.cosign(HEAD, time_seconds=TIME + 1)
    with pytest.raises(CosignatureRefused, match="two times"):
        verify_cosignature(note_with(LINES[0], later[1]), WITNESS.keys)


def test_cosignature_of_another_checkpoint_is_refused() -> None:
    for other in (
        Checkpoint(ORIGIN, 6, HEAD.root),
        Checkpoint(ORIGIN, 5, bytes(32)),
        Checkpoint("x", 5, HEAD.root),
    ):
        with pytest.raises(CosignatureRefused):
            verify_cosignature(note_with(*LINES, text=other.body()), WITNESS.keys)


def test_text_that_is_no_checkpoint_is_refused() -> None:
    # The Ed25519 line signs whatever text there is; the ML-DSA line knows three lines only.
    extended = HEAD.body() + b"extension\n"
    with pytest.raises(CosignatureRefused, match="three lines"):
        verify_cosignature(note_with(*LINES, text=extended), WITNESS.keys)


@pytest.mark.parametrize("size", [1, 8, 71, 73])
def test_line_of_another_size_is_refused(size: int) -> None:
    short = NoteSignature(WITNESS.name, LINES[0].key_id, bytes(size))
    with pytest.raises(CosignatureRefused, match="wrong size"):
        verify_cosignature(note_with(short, LINES[1]), WITNESS.keys)


@pytest.mark.parametrize("time_seconds", [0, 2**63])
def test_line_that_states_a_time_out_of_bounds_is_refused(time_seconds: int) -> None:
    lines = [
        NoteSignature(line.name, line.key_id, time_seconds.to_bytes(8, "big") + line.signature[8:])
        for line in LINES
    ]
    with pytest.raises(CosignatureRefused, match="time"):
        verify_cosignature(note_with(*lines), WITNESS.keys)


@pytest.mark.parametrize("time_seconds", [0, -1, 2**63])
def test_time_out_of_bounds_is_not_cosigned(time_seconds: int) -> None:
    with pytest.raises(CheckpointRefused):
        WITNESS.cosign(HEAD, time_seconds=time_seconds)


def test_lines_of_the_log_are_no_cosignature_of_a_witness_of_its_name() -> None:
    # A witness that has the log's own keys and name: the log's ML-DSA line is its too, but no more.
    shadow = Cosigner(ORIGIN, LOG.ed25519_seed, LOG.mldsa44_seed)
    with pytest.raises(HalfSignature, match="Ed25519"):
        verify_cosignature(parse_note(SIGNED), shadow.keys)


def test_same_keys_under_another_name_do_not_verify() -> None:
    # Ed25519 does not sign the name (tlog-cosignature), so only the ML-DSA half holds it.
    renamed = Cosigner("another.example", WITNESS.ed25519_seed, WITNESS.mldsa44_seed)
    moved = [
        NoteSignature(renamed.name, parse_vkey(vkey).key_id, line.signature)
        for vkey, line in zip(renamed.vkeys(), LINES, strict=True)
    ]
    with pytest.raises(CosignatureRefused, match="ML-DSA-44"):
        verify_cosignature(note_with(*moved), renamed.keys)


def test_keys_are_read_in_either_order() -> None:
    assert CosignerKeys.from_vkeys(WITNESS.vkeys()) == WITNESS.keys
    assert CosignerKeys.from_vkeys(WITNESS.vkeys()[::-1]) == WITNESS.keys
    assert WITNESS.keys.vkeys() == WITNESS.vkeys()


def test_keys_of_a_witness_are_exactly_one_of_each_type_under_one_name() -> None:
    ed25519, mldsa44 = WITNESS.vkeys()
    log_ed25519, _ = LogSigner(WITNESS.name, bytes([3]) * 32, bytes([4]) * 32).vkeys()
    wrong: list[Any] = [
        [], [ed25519], [mldsa44], [ed25519, ed25519], [mldsa44, mldsa44], [ed25519, mldsa44, mldsa44],
        [log_ed25519, mldsa44], [ed25519, OTHER.vkeys()[1]], ["", ""], "ab",
    ]  # fmt: skip
    for vkeys in wrong:
        with pytest.raises(VkeyRefused):
            CosignerKeys.from_vkeys(vkeys)


def test_key_of_another_size_is_refused() -> None:
    with pytest.raises(VkeyRefused):
        TimedEd25519Verifier(Vkey("w", COSIGNATURE_ED25519_TYPE, bytes(31)))
    with pytest.raises(VkeyRefused):
        TimedEd25519Verifier(Vkey("w", 1, bytes(32)))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "x" * 256, "a\nb"])
def test_witness_without_a_proper_name_cannot_be_built(name: str) -> None:
    with pytest.raises(NoteMalformed):
        Cosigner(name, bytes(32), bytes(32))


def test_seed_of_another_size_is_refused() -> None:
    for seeds in ((bytes(31), bytes(32)), (bytes(32), bytes(64))):
        with pytest.raises(KeyRefused):
            Cosigner("w", *seeds)


def test_repr_shows_no_secret() -> None:
    text = repr(Cosigner("w", b"E" * 32, b"M" * 32))
    assert "EEEE" not in text and "MMMM" not in text and text == "Cosigner(name='w')"


def test_generated_witnesses_have_their_own_keys() -> None:
    first, second = Cosigner.generate("w"), Cosigner.generate("w")
    assert not {*first.vkeys()} & {*second.vkeys()}
    assert verify_cosignature(note_with(*first.cosign(HEAD, time_seconds=1)), first.keys).time_seconds == 1


def test_lines_are_appended_in_one_order_however_they_are_given() -> None:
    lines = [*LINES, *OTHER.cosign(HEAD, time_seconds=TIME)]
    notes = {append_signatures(SIGNED, order) for order in permutations(lines)}
    assert len(notes) == 1
    assert notes.pop() == format_note(note_with(*lines))


def test_second_line_of_one_key_is_not_appended() -> None:
    cosigned = append_signatures(SIGNED, LINES)
    again = WITNESS.cosign(HEAD, time_seconds=TIME + 9)
    for note, lines in ((cosigned, LINES[:1]), (cosigned, again), (SIGNED, (LINES[1], again[1]))):
        with pytest.raises(CosignatureRefused, match="already"):
            append_signatures(note, lines)


def test_more_lines_than_a_note_holds_are_not_appended() -> None:
    lines = [NoteSignature("w", number, b"x") for number in range(SIGNATURES_MAX - 1)]
    assert len(parse_note(append_signatures(SIGNED, lines[:-1])).signatures) == SIGNATURES_MAX
    with pytest.raises(LimitExceeded):
        append_signatures(SIGNED, lines)
    with pytest.raises(LimitExceeded):
        append_signatures(SIGNED, [NoteSignature("w", 1, bytes(800_000))])


def test_nothing_is_appended_to_what_is_no_note() -> None:
    with pytest.raises(NoteMalformed):
        append_signatures(HEAD.body(), LINES)


@given(st.binary(max_size=3000))
def test_any_bytes_in_place_of_a_line_are_refused_and_never_crash(data: bytes) -> None:
    for index in (0, 1):
        lines = list(LINES)
        lines[index] = NoteSignature(WITNESS.name, lines[index].key_id, data or b"\0")
        with pytest.raises(CosignatureRefused):
            verify_cosignature(note_with(*lines), WITNESS.keys)


def test_verifier_names_the_witness_whose_line_fails() -> None:
    with pytest.raises(NoteSignatureRefused, match="w1"):
        TimedEd25519Verifier(WITNESS.keys.ed25519).verify(b"other text", LINES[0].signature)


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_good_cosignature_vector_verifies(vector: dict[str, Any]) -> None:
    keys = CosignerKeys.from_vkeys(vector["vkeys"])
    cosignature = verify_cosignature(parse_note(vector["note"].encode()), keys)
    assert cosignature.time_seconds == vector["time_seconds"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_cosignature_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        keys = CosignerKeys.from_vkeys(vector["vkeys"])
        verify_cosignature(parse_note(vector["note"].encode()), keys)
    assert refusal.value.code == vector["code"]
