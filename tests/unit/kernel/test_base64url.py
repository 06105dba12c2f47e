"""Base64: one text for one string of bytes, in both alphabets."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.base64url import NotBase64, decode, encode, std_decode, std_encode

VECTORS = ["", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"]


@pytest.mark.parametrize("length", range(7))
def test_vectors_of_rfc_4648_section_10(length: int) -> None:
    data, text = b"foobar"[:length], VECTORS[length]
    assert (encode(data), decode(text)) == (text, data)
    padded = text + "=" * (-len(text) % 4)
    assert (std_encode(data), std_decode(padded)) == (padded, data)


@given(st.binary(max_size=100))
def test_bytes_survive_both_alphabets(data: bytes) -> None:
    assert decode(encode(data)) == data
    assert std_decode(std_encode(data)) == data
    assert encode(data) == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert std_encode(data) == base64.b64encode(data).decode()


@given(st.text(st.sampled_from("AQgwZm9v-_+/= \n\x00é"), max_size=12))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    for read, write in ((decode, encode), (std_decode, std_encode)):
        try:
            assert write(read(text)) == text
        except NotBase64 as error:
            assert error.code == "not-base64"


@pytest.mark.parametrize(
    "text",
    [
        "Z",
        "Zg==",
        "Zh",
        "Zm9=",
        "Zm9v\n",
        " Zm9v",
        "Zm 9v",
        "+/+/",
        "Zm9vA",
        "====",
        "Zg\x00",
        "Zgé",
        "Ａg",
        None,
    ],
)
def test_text_that_is_not_canonical_base64url_is_refused(text: str) -> None:
    with pytest.raises(NotBase64):
        decode(text)


@pytest.mark.parametrize(
    "text",
    ["Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "-_-_", "Zm9v=", "=", "====", "Zg==Zg==", "Zgé=", None],
)
def test_text_that_is_not_canonical_standard_base64_is_refused(text: str) -> None:
    with pytest.raises(NotBase64):
        std_decode(text)


def test_refusal_does_not_repeat_the_text() -> None:
    with pytest.raises(NotBase64) as caught:
        decode("c2VjcmV0=")
    assert "c2Vj" not in str(caught.value) + caught.value.hint + caught.value.detail
