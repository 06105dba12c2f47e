"""Sealing: it opens for its recipient, purpose, object and role, and for nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel import base64url, canonical, chunked
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.sealing import (
    ENVELOPE_BYTES_MAX,
    ENVELOPE_PLAINTEXT_MAX,
    RECIPIENTS_MAX,
    SEAL_BYTES_MAX,
    SEAL_OVERHEAD,
    NotARecipient,
    RecipientKey,
    RecipientKeyRefused,
    RecipientPublic,
    SealInfo,
    SealRefused,
    open_envelope,
    read_header,
    seal,
    seal_envelope,
    unseal,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "sealing.json").read_text("utf-8"))
KEY = RecipientKey(bytes([1]) * 32)
OTHER = RecipientKey(bytes([2]) * 32)


def info_for(key: RecipientKey, role: str = "reader") -> SealInfo:
    return SealInfo("object-key", "object-1", key.thumbprint(), role)


@pytest.mark.parametrize("size", [0, 1, 32, SEAL_BYTES_MAX])
def test_sealed_secret_opens_for_its_recipient(size: int) -> None:
    sealed = seal(bytes(size), recipient=KEY.public, info=info_for(KEY))
    assert len(sealed) == size + SEAL_OVERHEAD
    assert unseal(sealed, key=KEY, info=info_for(KEY)) == bytes(size)


def test_info_is_canonical_and_names_its_format() -> None:
    assert json.loads(info_for(KEY).encode()) == {
        "format": "telesphor-seal/1",
        "object": "object-1",
        "purpose": "object-key",
        "recipient": KEY.thumbprint(),
        "role": "reader",
    }


def test_same_secret_sealed_twice_differs() -> None:
    first, second = (seal(b"x", recipient=KEY.public, info=info_for(KEY)) for _ in range(2))
    assert first != second


def test_seal_for_another_recipient_than_named_is_refused() -> None:
    with pytest.raises(NotARecipient):
        seal(b"x", recipient=OTHER.public, info=info_for(KEY))


def test_secret_above_its_bound_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        seal(bytes(SEAL_BYTES_MAX + 1), recipient=KEY.public, info=info_for(KEY))


def test_every_altered_byte_of_a_seal_is_refused() -> None:
    sealed = seal(b"secret", recipient=KEY.public, info=info_for(KEY))
    for position in range(0, len(sealed), 31):
        data = bytearray(sealed)
        data[position] ^= 1
        with pytest.raises(SealRefused):
            unseal(bytes(data), key=KEY, info=info_for(KEY))


@pytest.mark.parametrize("field", ["purpose", "object", "role"])
@pytest.mark.parametrize("value", ["", "x" * 201])
def test_name_out_of_bounds_is_refused(field: str, value: str) -> None:
    members = {"purpose": "p", "object": "o", "recipient": KEY.thumbprint(), "role": "r", field: value}
    with pytest.raises(SealRefused):
        SealInfo(**members)  # type: ignore[arg-type]


def test_recipient_that_is_no_digest_is_refused() -> None:
    with pytest.raises(TelesphorError):
        SealInfo("p", "o", Digest("sha256:0"), "r")


def test_thumbprint_is_the_digest_of_the_public_bytes() -> None:
    assert len(KEY.public.public_bytes) == 1216
    assert KEY.thumbprint() == KEY.public.thumbprint() == digest_of(KEY.public.public_bytes)
    assert RecipientPublic(KEY.public.public_bytes) == KEY.public


@pytest.mark.parametrize("public", [b"", bytes(1215), bytes(1217), b"\xff" * 1216])
def test_bytes_that_are_no_public_key_are_refused(public: bytes) -> None:
    with pytest.raises(RecipientKeyRefused):
        RecipientPublic(public)


def test_public_key_of_small_order_cannot_be_sealed_to() -> None:
    weak = RecipientPublic(KEY.public.public_bytes[:1184] + bytes(32))
    with pytest.raises(RecipientKeyRefused):
        seal(b"x", recipient=weak, info=SealInfo("p", "o", weak.thumbprint(), "r"))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_seed_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(RecipientKeyRefused):
        RecipientKey(bytes(size))


def test_repr_shows_no_secret() -> None:
    text = repr(RecipientKey(b"S" * 32))
    assert "SSSS" not in text and "5353" not in text
    assert RecipientKey(b"S" * 32).thumbprint() in text


def test_generated_keys_differ() -> None:
    assert RecipientKey.generate().thumbprint() != RecipientKey.generate().thumbprint()


# Envelopes.

RECIPIENTS = [(KEY.public, "reader"), (OTHER.public, "monitor")]


def envelope_of(plaintext: bytes = b"text") -> bytes:
    return seal_envelope(plaintext, recipients=RECIPIENTS, purpose="message", object="visit-1")


@pytest.mark.parametrize("key", [KEY, OTHER], ids=["reader", "monitor"])
@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 100_000])
def test_envelope_opens_for_each_of_its_recipients(key: RecipientKey, size: int) -> None:
    data = envelope_of(bytes(size))
    assert open_envelope(data, key=key, purpose="message", object="visit-1") == bytes(size)
    assert canonical.encode(json.loads(data)) == data


def test_envelope_does_not_open_for_a_stranger() -> None:
    with pytest.raises(NotARecipient):
        open_envelope(envelope_of(), key=RecipientKey(bytes(32)), purpose="message", object="visit-1")


def test_two_recipients_cannot_be_shown_two_messages() -> None:
    # A sender who gives the monitor another key cannot make the one ciphertext open under it.
    data = json.loads(envelope_of())
    info = SealInfo("message", "visit-1", OTHER.thumbprint(), "monitor")
    forged = seal(bytes([7]) * 32, recipient=OTHER.public, info=info)
    data["recipients"][1]["sealed"] = base64url.encode(forged)
    with pytest.raises(SealRefused) as refusal:
        open_envelope(canonical.encode(data), key=OTHER, purpose="message", object="visit-1")
    assert isinstance(refusal.value.__cause__, chunked.KeyCommitmentRefused)


def test_wrapped_key_of_another_size_is_refused() -> None:
    data = json.loads(envelope_of())
    info = SealInfo("message", "visit-1", KEY.thumbprint(), "reader")
    data["recipients"][0]["sealed"] = base64url.encode(seal(b"short", recipient=KEY.public, info=info))
    with pytest.raises(SealRefused, match="size"):
        open_envelope(canonical.encode(data), key=KEY, purpose="message", object="visit-1")


def test_envelope_above_its_bounds_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        envelope_of(bytes(ENVELOPE_PLAINTEXT_MAX + 1))
    with pytest.raises(LimitExceeded):
        open_envelope(bytes(ENVELOPE_BYTES_MAX + 1), key=KEY, purpose="p", object="o")


def test_largest_envelope_fits_its_own_bound() -> None:
    data = envelope_of(bytes(ENVELOPE_PLAINTEXT_MAX))
    wrap = len(canonical.encode(json.loads(data)["recipients"][0])) + 1
    assert len(data) + RECIPIENTS_MAX * (wrap + 200) <= ENVELOPE_BYTES_MAX
    assert open_envelope(data, key=KEY, purpose="message", object="visit-1")


def test_envelope_needs_recipients_each_named_once() -> None:
    for recipients in ([], [RECIPIENTS[0], RECIPIENTS[0]], RECIPIENTS * RECIPIENTS_MAX):
        with pytest.raises(SealRefused):
            seal_envelope(b"x", recipients=recipients, purpose="p", object="o")


# Vectors.


def unseal_vector(vector: dict[str, Any]) -> bytes:
    info = SealInfo(vector["purpose"], vector["object"], vector["recipient"], vector["role"])
    key = RecipientKey(bytes.fromhex(vector["seed"]))
    return unseal(base64url.decode(vector["sealed"]), key=key, info=info)


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_good_seal_vector_opens(vector: dict[str, Any]) -> None:
    assert unseal_vector(vector).hex() == vector["plaintext"]
    key = RecipientKey(bytes.fromhex(vector["seed"]))
    assert base64url.encode(key.public.public_bytes) == vector["public"]
    info = SealInfo(vector["purpose"], vector["object"], vector["recipient"], vector["role"])
    assert info.encode().decode() == vector["info"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_seal_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        unseal_vector(vector)
    assert refusal.value.code == vector["code"]


def open_vector(vector: dict[str, Any]) -> bytes:
    key = RecipientKey(bytes.fromhex(vector["seed"]))
    data = vector["envelope"].encode()
    return open_envelope(data, key=key, purpose=vector["purpose"], object=vector["object"])


@pytest.mark.parametrize("vector", VECTORS["envelopes"]["good"], ids=lambda vector: vector["name"])
def test_good_envelope_vector_opens(vector: dict[str, Any]) -> None:
    assert open_vector(vector).decode() == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS["envelopes"]["bad"], ids=lambda vector: vector["name"])
def test_bad_envelope_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        open_vector(vector)
    assert refusal.value.code == vector["code"]


def test_header_says_what_an_envelope_was_sealed_for_without_a_key() -> None:
    to = [(KEY.public, "member"), (OTHER.public, "monitor")]
    header = read_header(seal_envelope(b"words", recipients=to, purpose="message", object="m/1"))
    assert (header.purpose, header.object) == ("message", "m/1")
    assert header.recipients == ((KEY.thumbprint(), "member"), (OTHER.thumbprint(), "monitor"))


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "somebody"},
        {"sealed": base64url.encode(bytes(SEAL_OVERHEAD))},
        {"sealed": "!"},
    ],
    ids=["recipient-without-a-digest", "key-of-another-size", "not-base64url"],
)
def test_header_of_what_cannot_open_for_its_recipient_is_refused(change: dict[str, str]) -> None:
    envelope: Any = canonical.decode(
        seal_envelope(b"x", recipients=[(KEY.public, "member")], purpose="message", object="m/1"),
        limit=ENVELOPE_BYTES_MAX,
    )
    envelope["recipients"][0] |= change
    with pytest.raises(SealRefused):
        read_header(canonical.encode(envelope))


def test_header_of_a_message_without_a_possible_size_is_refused() -> None:
    envelope: Any = canonical.decode(
        seal_envelope(b"x", recipients=[(KEY.public, "member")], purpose="message", object="m/1"),
        limit=ENVELOPE_BYTES_MAX,
    )
    envelope["ciphertext"] = base64url.encode(bytes(3))
    with pytest.raises(SealRefused, match="no possible size"):
        read_header(canonical.encode(envelope))
