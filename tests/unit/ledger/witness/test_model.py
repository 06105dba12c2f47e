"""The request of tlog-witness is read strictly, and each refusal has the status of the specification."""

from __future__ import annotations

import pytest

from telesphor.kernel import base64url
from telesphor.kernel.checkpoint import NUMBER_MAX
from telesphor.kernel.note import SIGNATURES_MAX
from telesphor.ledger.witness import model
from telesphor.ledger.witness.model import (
    PROOF_LINES_MAX,
    REQUEST_BYTES_MAX,
    RequestMalformed,
    SizeConflict,
    WitnessRefusal,
    format_request,
    parse_request,
    parse_size,
)
from tests.support.witnesses import ORIGIN, Tree

NOTE = Tree(9).note()
HASH = b"\x07" * 32


def test_a_request_is_read_as_it_was_written() -> None:
    proof = (HASH, bytes(32))
    request = parse_request(format_request(old_size=5, proof=proof, note=NOTE))
    assert (request.old_size, request.proof, request.note_bytes) == (5, proof, NOTE)
    assert (request.checkpoint.origin, request.checkpoint.size) == (ORIGIN, 9)


def test_the_request_has_the_form_of_the_specification() -> None:
    body = format_request(old_size=20852014, proof=[HASH], note=NOTE)
    assert body == b"old 20852014\n" + base64url.std_encode(HASH).encode() + b"\n\n" + NOTE


def test_sixty_three_proof_lines_are_read_and_sixty_four_refused() -> None:
    assert len(parse_request(format_request(old_size=1, proof=[HASH] * 63, note=NOTE)).proof) == 63
    assert PROOF_LINES_MAX == 63
    with pytest.raises(RequestMalformed, match="at most `63` lines"):
        parse_request(format_request(old_size=1, proof=[HASH] * 64, note=NOTE))


def test_the_largest_old_size_is_read() -> None:
    assert parse_request(format_request(old_size=NUMBER_MAX, proof=(), note=NOTE)).old_size == NUMBER_MAX


@pytest.mark.parametrize(
    "first",
    [b"", b"old", b"old ", b"old -1", b"old +1", b"old 01", b"old 00", b"old 1 ", b" old 1", b"old  1", b"old\t1",
     b"Old 1", b"size 1", b"old 0x1", b"old 1.0", b"old 1\r", b"old \xd9\xa1", b"old 9223372036854775808",
     b"old 99999999999999999999", b"1"],
)  # fmt: skip
def test_a_wrong_old_line_is_refused(first: bytes) -> None:
    with pytest.raises(RequestMalformed):
        parse_request(first + b"\n\n" + NOTE)


@pytest.mark.parametrize(
    "line",
    [base64url.std_encode(bytes(31)), base64url.std_encode(bytes(33)), base64url.encode(HASH), "A" * 43,
     "A" * 43 + "B=", base64url.std_encode(HASH) + " ", "é" * 20, base64url.std_encode(HASH) + "\r", "ab" * 32],
)  # fmt: skip
def test_a_wrong_proof_line_is_refused(line: str) -> None:
    with pytest.raises(RequestMalformed):
        parse_request(b"old 1\n" + line.encode() + b"\n\n" + NOTE)


def test_a_request_without_an_empty_line_is_refused() -> None:
    with pytest.raises(RequestMalformed, match="no empty line"):
        parse_request(b"old 1\n" + NOTE.replace(b"\n\n", b"\n"))


def test_the_last_line_must_end_in_a_newline() -> None:
    with pytest.raises(RequestMalformed):
        parse_request(format_request(old_size=0, proof=(), note=NOTE[:-1]))


def test_an_empty_body_is_refused() -> None:
    with pytest.raises(RequestMalformed):
        parse_request(b"")


def test_a_body_over_the_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(RequestMalformed, match=str(REQUEST_BYTES_MAX)):
        parse_request(format_request(old_size=0, proof=(), note=NOTE) + b" " * REQUEST_BYTES_MAX)


def test_a_note_with_a_thousand_lines_of_text_is_refused() -> None:
    text, signatures = NOTE.split(b"\n\n")
    with pytest.raises(RequestMalformed, match="exactly three lines"):
        parse_request(b"old 0\n\n" + text + b"\n" + b"extension\n" * 1000 + b"\n" + signatures)


def test_a_note_with_a_thousand_signatures_is_refused() -> None:
    line = b"\xe2\x80\x94 someone.example AAAAAAAA\n"
    with pytest.raises(RequestMalformed, match="1002 signatures"):
        parse_request(b"old 0\n\n" + NOTE + line * 1000)


def test_the_bound_has_room_for_as_many_signatures_as_a_note_may_have() -> None:
    name = "w" * 255
    line = f"— {name} {base64url.std_encode(bytes(4 + 8 + 2420))}\n".encode()
    note = NOTE + line * (SIGNATURES_MAX - 2)
    body = format_request(old_size=NUMBER_MAX, proof=[HASH] * 63, note=note)
    assert len(parse_request(body).note.signatures) == SIGNATURES_MAX


@pytest.mark.parametrize("size", [0, 1, 20852014, NUMBER_MAX])
def test_the_answer_to_a_wrong_old_size_is_the_size_and_a_newline(size: int) -> None:
    refusal = SizeConflict(size)
    assert (refusal.status, refusal.media_type) == (409, "text/x.tlog.size")
    assert refusal.body == f"{size}\n".encode()
    assert parse_size(refusal.body) == size


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"1", b"01\n", b"-1\n", b"1\n\n", b" 1\n", b"9223372036854775808\n", b"x\n", b"1\n" * 9],
)
def test_a_wrong_size_answer_is_refused(body: bytes) -> None:
    with pytest.raises(RequestMalformed):
        parse_size(body)


def test_every_refusal_has_a_code_and_status_of_its_own_kind() -> None:
    refusals = [
        kind for kind in vars(model).values() if isinstance(kind, type) and issubclass(kind, WitnessRefusal)
    ]
    assert len({kind.code for kind in refusals}) == len(refusals)
    assert {kind.status for kind in refusals} == {400, 403, 404, 409, 422, 503}
