"""Hybrid signatures: whatever is taken from, added to or moved within a signed document is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel import base64url, canonical
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.signing import (
    HalfSignature,
    HeaderRefused,
    HybridSuite,
    JwsMalformed,
    KeysNotBound,
    SignatureRefused,
    SigningKey,
    SuiteMismatch,
    VerifyKey,
    payload_digest,
    read_jws,
    sign_detached,
    sign_jws,
    verify_detached,
    verify_jws,
)

KEY = SigningKey(HybridSuite.ACTOR, bytes([1]) * 32, bytes([2]) * 32)
OTHER = SigningKey(HybridSuite.ACTOR, bytes([3]) * 32, bytes([4]) * 32)
ROOT = SigningKey(HybridSuite.ROOT, bytes([1]) * 32, bytes([2]) * 32)
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "request.json").read_text("utf-8"))


def payload_of(key: SigningKey, **more: object) -> dict[str, object]:
    return {"v": 1, "keys": list(key.public.thumbprints()), "note": "kept", **more}


JWS = sign_jws(payload_of(KEY), KEY)


def changed(change: Callable[[Any], Any], data: bytes = JWS) -> bytes:
    """The document with a change made to its parsed form, written canonically again."""
    value = json.loads(data)
    return canonical.encode(change(value) or value)


def with_header(index: int, header: object, *, encode: Callable[[Any], bytes] = canonical.encode) -> bytes:
    """The document with another protected header, really signed by both keys over that header."""
    value = json.loads(JWS)
    part = value["signatures"][index]
    part["protected"] = base64url.encode(encode(header))
    signed = f"{part['protected']}.{value['payload']}".encode()
    part["signature"] = base64url.encode(KEY._halves[index].sign(signed))
    return canonical.encode(value)


def header_of(index: int) -> dict[str, str]:
    header: dict[str, str] = json.loads(base64url.decode(json.loads(JWS)["signatures"][index]["protected"]))
    return header


@pytest.mark.parametrize("key", [KEY, ROOT], ids=["actor", "root"])
def test_what_is_signed_verifies_and_is_returned(key: SigningKey) -> None:
    payload = payload_of(key)
    assert verify_jws(sign_jws(payload, key), key.public) == payload
    assert verify_jws(read_jws(sign_jws(payload, key)), key.public) == payload


def test_the_document_is_canonical_and_holds_exactly_two_headers_of_alg_and_kid() -> None:
    value = json.loads(JWS)
    assert canonical.encode(value) == JWS
    assert list(value) == ["payload", "signatures"]
    ed25519, mldsa = KEY.public.thumbprints()
    assert [header_of(0), header_of(1)] == [
        {"alg": "Ed25519", "kid": ed25519},
        {"alg": "ML-DSA-65", "kid": mldsa},
    ]


def test_generated_pairs_differ_and_sign() -> None:
    first, second = SigningKey.generate(HybridSuite.ACTOR), SigningKey.generate(HybridSuite.ACTOR)
    assert first.public != second.public
    assert verify_jws(sign_jws(payload_of(first), first), first.public)


# Halves.


def test_stripped_ed25519_half_is_refused() -> None:
    with pytest.raises(HalfSignature, match="Ed25519"):
        verify_jws(changed(lambda jws: jws["signatures"].pop(0) and jws), KEY.public)


def test_stripped_mldsa_half_is_refused() -> None:
    with pytest.raises(HalfSignature, match="ML-DSA"):
        verify_jws(changed(lambda jws: jws["signatures"].pop(1) and jws), KEY.public)


def test_both_halves_stripped_is_refused() -> None:
    with pytest.raises(HalfSignature):
        verify_jws(changed(lambda jws: jws.update(signatures=[])), KEY.public)


def test_swapped_halves_are_refused() -> None:
    with pytest.raises(JwsMalformed):
        verify_jws(changed(lambda jws: jws["signatures"].reverse()), KEY.public)


def test_duplicated_ed25519_half_in_place_of_mldsa_is_refused() -> None:
    with pytest.raises(HalfSignature, match="ML-DSA"):
        verify_jws(changed(lambda jws: jws.update(signatures=[jws["signatures"][0]] * 2)), KEY.public)


def test_duplicated_mldsa_half_in_place_of_ed25519_is_refused() -> None:
    with pytest.raises(HalfSignature, match="Ed25519"):
        verify_jws(changed(lambda jws: jws.update(signatures=[jws["signatures"][1]] * 2)), KEY.public)


def test_third_signature_is_refused() -> None:
    with pytest.raises(JwsMalformed):
        verify_jws(changed(lambda jws: jws["signatures"].append(jws["signatures"][1])), KEY.public)


def test_many_signatures_are_refused_without_verifying_them() -> None:
    with pytest.raises(SignatureRefused):
        read_jws(changed(lambda jws: jws.update(signatures=jws["signatures"] * 50)))


@pytest.mark.parametrize("index", [0, 1], ids=["ed25519", "mldsa"])
def test_altered_half_is_refused(index: int) -> None:
    def alter(jws: Any) -> None:
        part = jws["signatures"][index]
        signature = bytearray(base64url.decode(part["signature"]))
        signature[20] ^= 1
        part["signature"] = base64url.encode(bytes(signature))

    with pytest.raises(SignatureRefused, match="does not verify"):
        verify_jws(changed(alter), KEY.public)


@pytest.mark.parametrize("index", [0, 1], ids=["ed25519", "mldsa"])
@pytest.mark.parametrize("size", [0, 1, 63, 65, 3308])
def test_half_of_another_size_is_refused(index: int, size: int) -> None:
    def cut(jws: Any) -> None:
        jws["signatures"][index]["signature"] = base64url.encode(bytes(size))

    with pytest.raises(SignatureRefused, match="bytes"):
        verify_jws(changed(cut), KEY.public)


def test_half_of_another_pair_is_refused() -> None:
    # Both documents name the pair of KEY, one is signed by a pair that shares the Ed25519 key only.
    mixed = SigningKey(HybridSuite.ACTOR, KEY.ed25519_seed, OTHER.mldsa_seed)
    with pytest.raises(HeaderRefused, match="ML-DSA-65"):
        verify_jws(sign_jws(payload_of(mixed), mixed), KEY.public)


def test_half_signed_by_another_key_under_our_kid_is_refused() -> None:
    def forge(jws: Any) -> None:
        part = jws["signatures"][1]
        forged = OTHER._halves[1].sign(f"{part['protected']}.{jws['payload']}".encode())
        part["signature"] = base64url.encode(forged)

    with pytest.raises(SignatureRefused, match="ML-DSA-65 signature does not verify"):
        verify_jws(changed(forge), KEY.public)


# Algorithms and keys.


def test_swapped_algorithms_are_refused() -> None:
    def swap(jws: Any) -> None:
        one, two = jws["signatures"]
        one["protected"], two["protected"] = two["protected"], one["protected"]

    with pytest.raises(JwsMalformed):
        verify_jws(changed(swap), KEY.public)


@pytest.mark.parametrize("index", [0, 1], ids=["ed25519", "mldsa"])
@pytest.mark.parametrize("alg", ["none", "EdDSA", "HS256", "ML-DSA-43", "ed25519", ""])
def test_alg_none_or_foreign_is_refused(index: int, alg: str) -> None:
    with pytest.raises(HeaderRefused):
        verify_jws(with_header(index, {**header_of(index), "alg": alg}), KEY.public)


def test_actor_document_under_root_suite_is_refused() -> None:
    with pytest.raises(SuiteMismatch):
        verify_jws(JWS, ROOT.public)


def test_root_document_under_actor_suite_is_refused() -> None:
    with pytest.raises(SuiteMismatch):
        verify_jws(sign_jws(payload_of(ROOT), ROOT), KEY.public)


def test_alg_of_the_other_suite_in_the_header_is_refused() -> None:
    with pytest.raises(SuiteMismatch):
        verify_jws(with_header(1, {**header_of(1), "alg": "ML-DSA-87"}), KEY.public)


@pytest.mark.parametrize("index", [0, 1], ids=["ed25519", "mldsa"])
def test_changed_kid_is_refused(index: int) -> None:
    header = {**header_of(index), "kid": OTHER.public.thumbprints()[index]}
    with pytest.raises(HeaderRefused, match="kid"):
        verify_jws(with_header(index, header), KEY.public)


def test_document_of_another_actor_is_refused() -> None:
    with pytest.raises(HeaderRefused):
        verify_jws(JWS, OTHER.public)


# Headers.


@pytest.mark.parametrize(
    "more",
    [{"crit": ["b64"]}, {"b64": False}, {"jwk": KEY.public.jwks()[0]}, {"typ": "JWT"}, {"x5u": "https://x"}],
    ids=["crit", "b64", "embedded-jwk", "typ", "x5u"],
)
def test_header_with_another_member_is_refused(more: dict[str, object]) -> None:
    for index in (0, 1):
        with pytest.raises(HeaderRefused):
            verify_jws(with_header(index, {**header_of(index), **more}), KEY.public)


def test_header_without_kid_is_refused() -> None:
    with pytest.raises(HeaderRefused):
        verify_jws(with_header(0, {"alg": "Ed25519"}), KEY.public)


def test_reordered_header_is_refused() -> None:
    header = {"kid": header_of(0)["kid"], "alg": "Ed25519"}
    encoded = with_header(0, header, encode=lambda value: json.dumps(value, separators=(",", ":")).encode())
    with pytest.raises(HeaderRefused):
        verify_jws(encoded, KEY.public)


def test_header_with_white_space_is_refused() -> None:
    encoded = with_header(0, header_of(0), encode=lambda value: json.dumps(value).encode())
    with pytest.raises(HeaderRefused):
        verify_jws(encoded, KEY.public)


def test_unprotected_header_is_refused() -> None:
    with pytest.raises(JwsMalformed):
        verify_jws(changed(lambda jws: jws["signatures"][0].update(header={"kid": "x"})), KEY.public)


# The one spelling.


@pytest.mark.parametrize(
    "data",
    [
        b" " + JWS,
        JWS + b"\n",
        JWS.replace(b'","signatures"', b'", "signatures"'),
        JWS.replace(b"},{", b"}, {"),
        JWS.replace(b'":"', b'": "', 1),
    ],
    ids=["before", "after", "between-members", "between-signatures", "after-colon"],
)
def test_white_space_is_refused(data: bytes) -> None:
    with pytest.raises(JwsMalformed):
        verify_jws(data, KEY.public)


def test_reordered_members_are_refused() -> None:
    value = json.loads(JWS)
    reordered = {"signatures": value["signatures"], "payload": value["payload"]}
    with pytest.raises(JwsMalformed):
        verify_jws(json.dumps(reordered, separators=(",", ":")).encode(), KEY.public)


def test_reordered_members_of_a_signature_are_refused() -> None:
    value = json.loads(JWS)
    value["signatures"][0] = dict(reversed(list(value["signatures"][0].items())))
    with pytest.raises(JwsMalformed):
        verify_jws(json.dumps(value, separators=(",", ":")).encode(), KEY.public)


@pytest.mark.parametrize("name", ["a", "header", "zip"])
def test_unknown_member_is_refused(name: str) -> None:
    with pytest.raises(JwsMalformed):
        verify_jws(changed(lambda jws: jws.update({name: "x"})), KEY.public)


def test_unknown_member_of_a_signature_is_refused() -> None:
    with pytest.raises(JwsMalformed):
        verify_jws(changed(lambda jws: jws["signatures"][1].update(zone="x")), KEY.public)


def test_repeated_member_is_refused() -> None:
    value = json.loads(JWS)
    with pytest.raises(JwsMalformed):
        verify_jws(JWS.replace(b"{", f'{{"payload":"{value["payload"]}",'.encode(), 1), KEY.public)


def test_flattened_and_compact_serializations_are_refused() -> None:
    value = json.loads(JWS)
    part = value["signatures"][0]
    compact = f"{part['protected']}.{value['payload']}.{part['signature']}".encode()
    for data in (canonical.encode({"payload": value["payload"], **part}), compact):
        with pytest.raises(JwsMalformed):
            verify_jws(data, KEY.public)


@pytest.mark.parametrize("where", ["payload", "protected", "signature"])
@pytest.mark.parametrize("tail", ["=", "==", "A", "\\n", "+", "\\u0041"])
def test_non_canonical_base64_is_refused(where: str, tail: str) -> None:
    mark = f'"{where}":"'.encode()
    before, found, after = JWS.partition(mark)
    text, quote, rest = after.partition(b'"')
    with pytest.raises(SignatureRefused):
        verify_jws(before + found + text + tail.encode() + quote + rest, KEY.public)


def test_stray_low_bits_of_base64_are_refused() -> None:
    # 64 bytes leave four bits unused in the last character.
    signature = json.loads(JWS)["signatures"][0]["signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]
    with pytest.raises(JwsMalformed, match="base64url"):
        verify_jws(JWS.replace(signature.encode(), other.encode()), KEY.public)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"payload":"","signatures":[]}', b"{" * 500]
)
def test_what_is_no_jws_is_refused(data: bytes) -> None:
    with pytest.raises(SignatureRefused):
        verify_jws(data, KEY.public)


def test_document_above_the_limit_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        read_jws(JWS, limit=len(JWS) - 1)
    assert read_jws(JWS, limit=len(JWS)).payload == payload_of(KEY)


def test_every_single_byte_change_is_refused() -> None:
    step = 37
    for position in range(0, len(JWS), step):
        data = bytearray(JWS)
        data[position] ^= 1
        with pytest.raises(TelesphorError):
            verify_jws(bytes(data), KEY.public)


# The payload.


def resigned(payload: bytes) -> bytes:
    """A document over any payload bytes, with two good signatures."""
    text = base64url.encode(payload)
    parts = []
    for index, half in enumerate(KEY._halves):
        protected = base64url.encode(canonical.encode(header_of(index)))
        signature = base64url.encode(half.sign(f"{protected}.{text}".encode()))
        parts.append({"protected": protected, "signature": signature})
    return canonical.encode({"payload": text, "signatures": parts})


def test_altered_payload_is_refused() -> None:
    other = base64url.encode(canonical.encode(payload_of(KEY, note="altered")))
    with pytest.raises(SignatureRefused):
        verify_jws(changed(lambda jws: jws.update(payload=other)), KEY.public)


@pytest.mark.parametrize(
    "keys",
    [
        None,
        [],
        list(KEY.public.thumbprints())[:1],
        list(reversed(KEY.public.thumbprints())),
        [KEY.public.thumbprints()[0], OTHER.public.thumbprints()[1]],
        [*KEY.public.thumbprints(), OTHER.public.thumbprints()[0]],
    ],
    ids=["none", "empty", "one", "reversed", "half-of-another-pair", "a-third"],
)
def test_payload_that_does_not_name_both_keys_is_refused(keys: object) -> None:
    payload = {"keys": keys, "v": 1}
    with pytest.raises(KeysNotBound):
        sign_jws(payload, KEY)
    with pytest.raises(KeysNotBound):
        verify_jws(resigned(canonical.encode(payload)), KEY.public)


def test_payload_without_keys_is_refused() -> None:
    with pytest.raises(KeysNotBound):
        sign_jws({"v": 1}, KEY)
    with pytest.raises(KeysNotBound):
        verify_jws(resigned(b'{"v":1}'), KEY.public)


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'"x"', b'{"v": 1}', b'{"v":1.0}', b'{"v":1,"a":1}', b'{"v":1,"v":1}', b"\xff"]
)
def test_payload_that_is_no_canonical_object_is_refused(payload: bytes) -> None:
    with pytest.raises(JwsMalformed):
        verify_jws(resigned(payload), KEY.public)


def test_payload_digest_is_of_the_payload_bytes_and_survives_signing_again() -> None:
    payload = payload_of(KEY)
    again = sign_jws(payload, KEY)
    assert payload_digest(JWS) == payload_digest(again) == digest_of(canonical.encode(payload))


# Detached.

CONTENT = canonical.encode(payload_of(KEY, files=[]))
DETACHED = sign_detached(CONTENT, KEY)


def test_detached_signatures_verify_over_their_content() -> None:
    assert verify_detached(CONTENT, DETACHED, KEY.public) == json.loads(CONTENT)
    assert b"payload" not in DETACHED


def test_detached_signatures_are_those_of_the_whole_document() -> None:
    value = json.loads(DETACHED)
    whole = canonical.encode({"payload": base64url.encode(CONTENT), **value})
    assert verify_jws(whole, KEY.public) == json.loads(CONTENT)


def test_detached_signatures_over_other_content_are_refused() -> None:
    with pytest.raises(SignatureRefused):
        verify_detached(canonical.encode(payload_of(KEY, files=["x"])), DETACHED, KEY.public)


@pytest.mark.parametrize("index", [0, 1], ids=["ed25519", "mldsa"])
def test_detached_stripped_half_is_refused(index: int) -> None:
    with pytest.raises(HalfSignature):
        verify_detached(CONTENT, changed(lambda j: j["signatures"].pop(index) and j, DETACHED), KEY.public)


def test_whole_document_in_place_of_detached_is_refused() -> None:
    with pytest.raises(JwsMalformed):
        verify_detached(CONTENT, sign_jws(json.loads(CONTENT), KEY), KEY.public)


def test_detached_content_that_is_not_canonical_is_refused() -> None:
    with pytest.raises(JwsMalformed):
        sign_detached(CONTENT + b"\n", KEY)
    with pytest.raises(JwsMalformed):
        verify_detached(CONTENT + b"\n", DETACHED, KEY.public)


def test_detached_content_that_does_not_name_both_keys_is_refused() -> None:
    with pytest.raises(KeysNotBound):
        sign_detached(b"{}", KEY)


def test_detached_document_above_its_bound_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        verify_detached(CONTENT, DETACHED + b" " * 20_000, KEY.public)


# Vectors.


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_good_request_vector_verifies(vector: dict[str, Any]) -> None:
    key = VerifyKey.from_jwks(vector["jwks"])
    assert list(key.thumbprints()) == vector["thumbprints"]
    assert key.key_id == vector["key_id"]
    assert verify_jws(vector["jws"].encode(), key) == vector["payload"]
    assert payload_digest(vector["jws"].encode()) == vector["payload_digest"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_request_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        verify_jws(vector["jws"].encode(), VerifyKey.from_jwks(vector["jwks"]))
    assert refusal.value.code == vector["code"]
