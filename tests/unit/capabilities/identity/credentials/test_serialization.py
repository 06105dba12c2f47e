"""A credential holds only as it was issued: every change to its form or its halves is refused by its own name."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from telesphor.capabilities.identity.credentials.model import (
    CREDENTIAL_BYTES_MAX,
    Limits,
)
from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey, SuiteMismatch
from tests.support.credentials import (
    ISSUER,
    OTHER,
    issued,
    signed_again,
    taken_apart,
)
from tests.unit.capabilities.identity.credentials.documents import (
    CREDENTIAL,
    DATA,
    PRESENTED,
    accepted,
    changed,
    code_of,
    header_text,
    payload_of,
    resigned,
    verified,
)

# Halves and algorithms.


@pytest.mark.parametrize(("half", "code"), [(0, "credential-half-missing"), (1, "credential-half-missing")])
@pytest.mark.parametrize("data", [DATA, PRESENTED], ids=["credential", "presentation"])
def test_stripped_half_is_refused(data: bytes, half: int, code: str) -> None:
    def strip(document: Any) -> None:
        header = document["signatures"][0]["header"]
        del document["signatures"][half]
        document["signatures"][0]["header"] = header

    assert code_of(lambda: accepted(changed(strip, data))) == code


def test_no_signature_at_all_is_refused() -> None:
    assert code_of(lambda: verified(changed(lambda d: d["signatures"].clear()))) == "credential-half-missing"


def test_halves_in_the_other_order_are_refused() -> None:
    def swap(document: Any) -> None:
        first, second = document["signatures"]
        second["header"] = first.pop("header")
        document["signatures"] = [second, first]

    assert code_of(lambda: verified(changed(swap))) == "credential-malformed"


def test_half_given_twice_is_refused() -> None:
    def double(document: Any) -> None:
        document["signatures"].append(document["signatures"][1])

    assert code_of(lambda: verified(changed(double))) == "credential-malformed"


@pytest.mark.parametrize("half", [0, 1])
def test_half_of_another_credential_is_refused(half: int) -> None:
    other = taken_apart(issued().serialized)["signatures"][half]["signature"]
    swapped = changed(lambda d: d["signatures"][half].update(signature=other))
    assert code_of(lambda: verified(swapped)) == "credential-signature-refused"


@pytest.mark.parametrize("half", [0, 1])
def test_half_by_another_key_is_refused(half: int) -> None:
    payload = payload_of()
    forged = taken_apart(
        signed_again(payload | {"keys": list(OTHER.public.thumbprints())}, issuer=OTHER, disclosures=[])
    )
    with_header = changed(
        lambda d: d["signatures"][half].update(signature=forged["signatures"][half]["signature"])
    )
    assert code_of(lambda: verified(with_header)) == "credential-signature-refused"
    with_kid = changed(
        lambda d: d["signatures"][half].update(protected=forged["signatures"][half]["protected"])
    )
    assert code_of(lambda: verified(with_kid)) == "credential-header-refused"


@pytest.mark.parametrize(
    "alg", ["none", "None", "HS256", "EdDSA", "ES256", "ML-DSA-44", "ML-DSA-87", "ed25519", ""]
)
@pytest.mark.parametrize("half", [0, 1])
def test_any_other_algorithm_is_refused(alg: str, half: int) -> None:
    kid = ISSUER.public.thumbprints()[half]
    confused = changed(
        lambda d: d["signatures"][half].update(protected=header_text(alg=alg, kid=kid, typ="dc+sd-jwt"))
    )
    assert code_of(lambda: verified(confused)) == "credential-algorithm-refused"


def test_signature_keyed_by_the_public_key_is_refused() -> None:
    """Algorithm confusion: an HMAC under the public key, which everybody has."""
    import hmac

    protected = header_text(alg="HS256", kid=ISSUER.public.thumbprints()[1], typ="dc+sd-jwt")
    signed = f"{protected}.{taken_apart(DATA)['payload']}".encode()
    mac = base64url.encode(hmac.digest(ISSUER.public.mldsa_pub, signed, "sha256"))
    confused = changed(lambda d: d["signatures"][1].update(protected=protected, signature=mac))
    assert code_of(lambda: verified(confused)) == "credential-algorithm-refused"


def test_names_of_the_two_algorithms_exchanged_are_refused() -> None:
    def exchange(document: Any) -> None:
        first, second = document["signatures"]
        first["protected"], second["protected"] = second["protected"], first["protected"]

    assert code_of(lambda: verified(changed(exchange))) == "credential-malformed"


@pytest.mark.parametrize(
    "members",
    [
        {"typ": "jwt"},
        {"typ": "kb+jwt"},
        {"kid": OTHER.public.thumbprints()[0]},
        {"crit": "exp"},
        {"jwk": "me"},
    ],
    ids=lambda members: next(iter(members)),
)
def test_header_with_anything_else_is_refused(members: dict[str, str]) -> None:
    good = {"alg": "Ed25519", "kid": ISSUER.public.thumbprints()[0], "typ": "dc+sd-jwt"}
    bad = changed(lambda d: d["signatures"][0].update(protected=header_text(**good | members)))
    assert code_of(lambda: verified(bad)) == "credential-header-refused"


def test_empty_signature_is_refused() -> None:
    empty = changed(lambda d: d["signatures"][1].update(signature=""))
    assert code_of(lambda: verified(empty)) == "credential-signature-refused"


def test_credential_of_another_issuer_is_refused() -> None:
    assert code_of(lambda: verified(issuer=OTHER.public)) == "credential-keys-mismatch"


def test_pair_of_another_suite_neither_issues_nor_holds_nor_verifies() -> None:
    root = SigningKey.generate(HybridSuite.ROOT)
    with pytest.raises(SuiteMismatch):
        issued(issuer=root)
    with pytest.raises(SuiteMismatch):
        issued(holder=root)
    assert code_of(lambda: verified(issuer=root.public)) == "credential-keys-mismatch"


def test_every_changed_byte_of_the_payload_is_refused() -> None:
    payload = taken_apart(DATA)["payload"]
    for at in range(0, len(payload), 97):
        letter = "A" if payload[at] != "A" else "B"
        document = taken_apart(DATA) | {"payload": payload[:at] + letter + payload[at + 1 :]}
        bad = canonical.encode(document)
        with pytest.raises(TelesphorError):
            verified(bad)


# Form.


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        DATA + b"\n",
        b" " + DATA,
        DATA[:-1],
        CREDENTIAL.compact.encode(),
        b"\xff",
        b"[" * 500,
    ],
    ids=["empty", "object", "list", "null", "line feed", "space", "cut", "compact", "not utf-8", "deep"],
)
def test_bytes_in_any_other_form_are_refused(data: bytes) -> None:
    assert code_of(lambda: verified(data)) == "credential-malformed"


def test_oversize_is_refused_before_it_is_read() -> None:
    assert code_of(lambda: verified(b"x" * (CREDENTIAL_BYTES_MAX + 1))) == "credential-too-large"
    assert code_of(lambda: verified(limits=Limits(bytes_max=len(DATA) - 1))) == "credential-too-large"


@pytest.mark.parametrize("where", ["document", "signature", "header"])
def test_unknown_member_is_refused(where: str) -> None:
    def add(document: Any) -> None:
        places = {
            "document": document,
            "signature": document["signatures"][1],
            "header": document["signatures"][0]["header"],
        }
        places[where]["more"] = "1"

    assert code_of(lambda: verified(changed(add))) == "credential-malformed"


def test_disclosures_in_the_second_header_are_refused() -> None:
    """RFC 9901, section 8.1: they stand in the first unprotected header and in no other."""

    def move(document: Any) -> None:
        document["signatures"][1]["header"] = document["signatures"][0]["header"]

    assert code_of(lambda: verified(changed(move))) == "credential-malformed"
    gone = changed(lambda d: d["signatures"][0].pop("header"))
    assert code_of(lambda: verified(gone)) == "credential-malformed"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vct": "urn:telesphor:credential:licence:2"}, "credential-type-unknown"),
        ({"vct": "urn:telesphor:credential:identity:1"}, "credential-type-unknown"),
        ({"vct": "https://example.com/licence"}, "credential-type-unknown"),
        ({"group": "passport"}, "credential-type-unknown"),
        ({"group": "identity"}, "credential-type-unknown"),
        ({"_sd_alg": "sha-512"}, "credential-hash-refused"),
        ({"_sd_alg": "md5"}, "credential-hash-refused"),
        ({"_sd": []}, "credential-malformed"),
        ({"_sd": None}, "credential-malformed"),
        ({"exp": None}, "credential-malformed"),
        ({"exp": "never"}, "credential-malformed"),
        ({"nbf": -1}, "credential-malformed"),
        ({"cnf": None}, "credential-malformed"),
        ({"vouching": None}, "credential-malformed"),
        ({"over_18": True}, "credential-malformed"),
        ({"status": {"status_list": {"idx": -1, "uri": "https://a.example"}}}, "credential-malformed"),
        ({"status": {"status_list": {"idx": 2**20, "uri": "https://a.example"}}}, "credential-malformed"),
        ({"iss": ""}, "credential-malformed"),
        ({"iss": "did:web:a b"}, "credential-malformed"),
        ({"iss": "did:web:" + "a" * 255}, "credential-malformed"),
    ],
    ids=str,
)
def test_claims_in_any_other_form_are_refused(changes: dict[str, Any], code: str) -> None:
    assert code_of(lambda: verified(resigned(**changes))) == code


def test_vouching_that_does_not_fit_the_digests_is_refused() -> None:
    vouching = payload_of()["vouching"]
    for of in (vouching["of"][:-1], [*vouching["of"], 0], [9] * len(vouching["of"])):
        data = resigned(vouching=vouching | {"of": of})
        assert code_of(partial(verified, data)) == "credential-malformed"
    assert (
        code_of(lambda: verified(resigned(vouching={"by": [], "of": vouching["of"]})))
        == "credential-malformed"
    )


def test_holder_key_that_is_none_is_refused() -> None:
    cnf = payload_of()["cnf"]
    short = {"ed25519": cnf["ed25519"] | {"x": "AAAA"}, "jwk": cnf["jwk"]}
    assert code_of(lambda: verified(resigned(cnf=short))) == "credential-malformed"
    swapped = {"ed25519": cnf["jwk"], "jwk": cnf["ed25519"]}
    assert code_of(lambda: verified(resigned(cnf=swapped))) == "credential-malformed"
