"""Commitments: opened by the very value and key they were made from, and by nothing else."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.commitment import CommitmentRefused, check_commitment, commit, open_commitment

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32))
def test_commitment_is_hmac_sha256(value: bytes, key: bytes) -> None:
    mac = HMAC(key, SHA256())
    mac.update(value)
    made = commit(value, key32=key)
    assert made == "hmac-sha256:" + mac.finalize().hex()
    open_commitment(made, value, key)


def test_same_value_under_another_key_looks_like_another_value() -> None:
    assert commit(b"true", key32=KEY) != commit(b"true", key32=KEY[::-1])


def test_another_value_is_refused() -> None:
    with pytest.raises(CommitmentRefused) as caught:
        open_commitment(commit(b"true", key32=KEY), b"false", KEY)
    assert caught.value.code == "commitment-refused"


def test_another_key_is_refused() -> None:
    with pytest.raises(CommitmentRefused):
        open_commitment(commit(b"true", key32=KEY), b"true", KEY[::-1])


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(CommitmentRefused):
        commit(b"true", key32=bytes(length))


@pytest.mark.parametrize("text", ["", "hmac-sha256:", "sha256:" + "0" * 64, "hmac-sha256:" + "A" * 64, None])
def test_text_that_is_not_a_commitment_is_refused(text: object) -> None:
    with pytest.raises(CommitmentRefused):
        check_commitment(text)


def test_refusal_repeats_neither_key_nor_value() -> None:
    with pytest.raises(CommitmentRefused) as caught:
        open_commitment(commit(b"true", key32=KEY), b"hiv-positive", KEY)
    said = caught.value.message + caught.value.hint + caught.value.detail
    assert "hiv" not in said
    assert KEY.hex() not in said
