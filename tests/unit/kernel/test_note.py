"""Signed notes: one reading of each, known keys verified, unknown ones ignored."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.note import (
    NOTE_BYTES_MAX,
    Ed25519Verifier,
    Note,
    NoteMalformed,
    NoteRefused,
    NoteSignature,
    NoteSignatureRefused,
    NoteUnsigned,
    Vkey,
    VkeyRefused,
    encode_vkey,
    format_note,
    format_signatures,
    open_note,
    parse_note,
    parse_signatures,
    parse_vkey,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "note.json").read_text("utf-8"))
LOG = LogSigner("log.example/a", bytes([1]) * 32, bytes([2]) * 32)
OTHER = LogSigner("log.example/b", bytes([3]) * 32, bytes([4]) * 32)
VERIFIER = Ed25519Verifier(parse_vkey(LOG.vkeys()[0]))
TEXT = b"first\n\nlast\n"


def line_of(log: LogSigner, text: bytes = TEXT) -> NoteSignature:
    return NoteSignature(log.origin, log._vkeys[0].key_id, log._ed25519.sign(text))


def test_note_of_the_specification_reads_and_verifies() -> None:
    # The example and its key are from the documentation of Go's note package.
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = (
        b"If you think cryptography is the answer to your problem,\n"
        b"then you don't know what your problem is.\n"
    )
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    data = text + f"\n— PeterNeumann {signature}\n".encode()
    note, verified = open_note(data, [Ed25519Verifier(parse_vkey(vkey))])
    assert note.text == text
    assert [verifier.name for verifier in verified] == ["PeterNeumann"]
    assert encode_vkey(parse_vkey(vkey)) == vkey


def test_formatted_note_reads_back() -> None:
    note = Note(TEXT, (line_of(LOG), line_of(OTHER)))
    assert parse_note(format_note(note)) == note


@given(st.binary(max_size=300))
def test_what_is_read_is_written_the_same_or_refused(data: bytes) -> None:
    try:
        note = parse_note(TEXT + b"\n" + data)
    except (NoteRefused, LimitExceeded):
        return
    assert format_note(note) == TEXT + b"\n" + data


def test_lines_without_their_note_read_back() -> None:
    lines = (line_of(LOG), line_of(OTHER))
    data = format_signatures(lines)
    assert parse_signatures(data) == lines
    assert format_note(Note(TEXT, lines)) == TEXT + b"\n" + data


@pytest.mark.parametrize("data", [b"", b"\n", b"text\n", format_signatures([line_of(LOG)])[:-1], b"\xff\n"])
def test_bytes_that_are_no_signature_lines_are_refused(data: bytes) -> None:
    with pytest.raises(NoteMalformed):
        parse_signatures(data)


def test_text_before_signature_lines_is_refused() -> None:
    lines = format_signatures([line_of(LOG)])
    for data in (TEXT + b"\n" + lines, lines + b"\n", b"\n" + lines):
        with pytest.raises(NoteMalformed):
            parse_signatures(data)


def test_signature_lines_beyond_their_bounds_are_refused() -> None:
    with pytest.raises(LimitExceeded):
        parse_signatures(bytes(NOTE_BYTES_MAX + 1))
    with pytest.raises(LimitExceeded):
        parse_signatures(format_signatures([line_of(LOG)] * 101))


def test_all_known_signers_are_returned_once_and_unknown_ones_ignored() -> None:
    other = Ed25519Verifier(parse_vkey(OTHER.vkeys()[0]))
    unknown = NoteSignature("x.example", 1, b"?")
    data = format_note(Note(TEXT, (unknown, line_of(OTHER), line_of(LOG), line_of(LOG))))
    assert open_note(data, [VERIFIER, other])[1] == (other, VERIFIER)


def test_same_name_with_another_key_id_is_an_unknown_key() -> None:
    line = NoteSignature(LOG.origin, 1, b"?")
    with pytest.raises(NoteUnsigned):
        open_note(format_note(Note(TEXT, (line,))), [VERIFIER])


def test_failing_signature_of_a_known_key_condemns_the_note() -> None:
    data = format_note(Note(TEXT, (line_of(OTHER), line_of(LOG, b"other\n"))))
    other = Ed25519Verifier(parse_vkey(OTHER.vkeys()[0]))
    with pytest.raises(NoteSignatureRefused):
        open_note(data, [other, VERIFIER])


def test_note_is_refused_when_no_key_is_known() -> None:
    with pytest.raises(NoteUnsigned):
        open_note(format_note(Note(TEXT, (line_of(LOG),))), [])


def test_known_keys_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(VkeyRefused):
        open_note(format_note(Note(TEXT, (line_of(LOG),))), [VERIFIER, VERIFIER])


def test_note_above_its_bound_is_refused_unread() -> None:
    with pytest.raises(LimitExceeded):
        parse_note(bytes(NOTE_BYTES_MAX + 1))


def test_note_without_signature_or_newline_cannot_be_written() -> None:
    for note in (Note(TEXT, ()), Note(b"text", (line_of(LOG),))):
        with pytest.raises(NoteMalformed):
            format_note(note)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\u2003b", "\ud800", "x" * 256])
def test_name_that_a_line_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(NoteMalformed):
        NoteSignature(name, 1, b"x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        LOG.vkeys()[0].replace("log", "lag"),
        LOG.vkeys()[0].upper(),
        LOG.vkeys()[0] + "=",
        LOG.vkeys()[0] + "\n",
        " " + LOG.vkeys()[0],
        LOG.vkeys()[0][:-4],
        "log.example/a+00000000+",
    ],
)
def test_text_that_is_no_vkey_is_refused(text: str) -> None:
    with pytest.raises(VkeyRefused):
        parse_vkey(text)


def test_vkey_above_its_bound_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        parse_vkey("x" * 10_000)


def test_key_of_another_type_is_no_ed25519_verifier() -> None:
    with pytest.raises(VkeyRefused):
        Ed25519Verifier(parse_vkey(LOG.vkeys()[1]))
    with pytest.raises(VkeyRefused):
        Ed25519Verifier(Vkey("a", 1, bytes(31)))


def verifiers_of(vector: dict[str, Any]) -> list[Ed25519Verifier]:
    return [Ed25519Verifier(parse_vkey(text)) for text in vector["vkeys"]]


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_good_note_vector_opens(vector: dict[str, Any]) -> None:
    note, _ = open_note(base64.b64decode(vector["note"]), verifiers_of(vector))
    assert note.text.decode() == vector["text"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_note_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        open_note(base64.b64decode(vector["note"]), verifiers_of(vector))
    assert refusal.value.code == vector["code"]
