"""Digests as text: one algorithm, one spelling."""

from __future__ import annotations

import pytest

from telesphor.kernel.digest import InvalidDigest, digest_of, format_digest, parse_digest

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_digest_names_its_algorithm() -> None:
    assert digest_of(b"") == EMPTY


def test_digest_survives_being_read_and_written() -> None:
    assert format_digest(parse_digest(EMPTY)) == EMPTY
    assert len(parse_digest(EMPTY)) == 32


@pytest.mark.parametrize(
    "text",
    ["", EMPTY[7:], EMPTY.upper(), EMPTY[:-1], EMPTY + "0", EMPTY + "\n", "sha512:" + EMPTY[7:], None, 0],
)
def test_text_that_is_not_a_digest_is_refused(text: object) -> None:
    with pytest.raises(InvalidDigest) as caught:
        parse_digest(text)
    assert caught.value.code == "invalid-digest"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_bytes_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(InvalidDigest):
        format_digest(bytes(length))
