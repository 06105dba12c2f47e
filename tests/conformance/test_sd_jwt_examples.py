"""Examples that others wrote: RFC 9964 (PyPI `jwcrypto`), RFC 9901 and Token Status List (npm `@sd-jwt/*`).

Our credentials take another pair of algorithms than the examples of RFC 9901, which are ES256: so what is compared are
the parts that do not depend on it, disclosures, their digests and `sd_hash`. The keys and signatures of RFC 9964 are
checked whole.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any, Literal

import pytest
from jwcrypto.tests_mldsa import RFC9964_VECTORS  # type: ignore[import-not-found]  # no stubs for tests
from openvc.status import check_token_status
from openvc.status.token_status_list import decode_status_list, get_status

from telesphor.capabilities.identity.credentials.disclosures import disclosure_digest
from telesphor.capabilities.identity.credentials.halves import HALVES, verify_half
from telesphor.capabilities.identity.credentials.key_binding import sd_hash_of
from telesphor.capabilities.identity.credentials.refusals import CredentialSignatureRefused
from telesphor.capabilities.identity.credentials.status_list import (
    LIST_BITS,
    LIST_ENTRIES,
    Status,
    StatusList,
    pack_statuses,
    sign_status_list,
)
from telesphor.kernel import base64url
from telesphor.kernel.signing import HybridSuite, VerifyKey
from tests.support.credentials import ISSUER, ISSUER_ID, NOW_MS, OTHER

PACKAGES = Path(__file__).parents[2] / "node_modules" / "@sd-jwt"
URI = "https://clinic.example/v1/status-lists/1"


def text_of(path: str) -> str:
    file = PACKAGES / path
    if not file.is_file():
        pytest.skip(f"needs npm's `@sd-jwt/{path.split('/')[0]}`: `make setup` installs it")
    return file.read_text("utf-8")


REFUSED = CredentialSignatureRefused("it does not verify")


def rejects(half: Literal[0, 1], **parts: Any) -> bool:
    """Whether this half is refused."""
    try:
        verify_half(half, **parts, refusal=REFUSED)
    except CredentialSignatureRefused:
        return True
    return False


def rfc9964_pair() -> tuple[VerifyKey, dict[str, Any]]:
    vector: dict[str, Any] = RFC9964_VECTORS["ML-DSA-65"]
    public = bytes.fromhex(vector["raw_public_key"])
    return VerifyKey(HybridSuite.ACTOR, ISSUER.public.ed25519_pub, public), vector


def test_key_of_rfc_9964_has_its_thumbprint() -> None:
    key, vector = rfc9964_pair()
    assert key.thumbprints()[1] == vector["kid"]
    assert json.loads(base64url.decode(vector["jws"].split(".")[0]))["alg"] == "ML-DSA-65"


def test_signature_of_rfc_9964_verifies_and_no_changed_one_does() -> None:
    key, vector = rfc9964_pair()
    protected, payload, signature = vector["jws"].split(".")
    parts = {"protected": protected, "payload": payload}
    assert not rejects(1, **parts, signature=signature, key=key)
    assert rejects(1, **parts, signature=signature, key=OTHER.public)
    for at in (0, 1000, len(signature) - 50):
        letter = "A" if signature[at] != "A" else "B"
        assert rejects(1, **parts, signature=signature[:at] + letter + signature[at + 1 :], key=key)


def test_signature_of_another_algorithm_of_rfc_9964_never_verifies() -> None:
    key, _ = rfc9964_pair()
    for alg in ("ML-DSA-44", "ML-DSA-87"):
        protected, payload, signature = RFC9964_VECTORS[alg]["jws"].split(".")
        for half in HALVES:
            assert rejects(half, protected=protected, payload=payload, signature=signature, key=key)


def test_digests_of_the_disclosures_in_the_specification() -> None:
    """Draft 7 of what became RFC 9901, section 5.1: disclosures with white space, and one with an umlaut."""
    text = text_of("utils/src/test/disclosure.spec.ts")
    pairs = re.findall(r"digest: '([\w-]{43})',\s+disclosure:\s+'([\w-]+)'", text)
    assert len(pairs) == 3
    for digest, disclosure in pairs:
        assert disclosure_digest(disclosure) == digest


def test_presentation_of_the_reference_implementation() -> None:
    """The example of an SD-JWT VC, made by the authors of RFC 9901: each disclosure's digest stands in the payload."""
    text = text_of("core/src/test/index.spec.ts")
    jwt, *disclosures, binding = max(re.findall(r"'(eyJ[\w.~-]+)'", text), key=len).split("~")
    payload = json.loads(base64url.decode(jwt.split(".")[1]))
    digests = _digests_in([payload, *(json.loads(base64url.decode(one)) for one in disclosures)])
    assert len(disclosures) >= 2
    assert {disclosure_digest(one) for one in disclosures} <= digests
    claims = json.loads(base64url.decode(binding.split(".")[1]))
    assert claims["sd_hash"] == sd_hash_of("".join(f"{part}~" for part in (jwt, *disclosures)))


def _digests_in(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_digests_in, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = {*value.get("_sd", ()), *([value["..."]] if "..." in value else [])}
    return own.union(*(_digests_in(member) for member in value.values()))


@pytest.mark.parametrize("bits", [1, 2])
def test_lists_of_the_specification_are_read_as_it_says(bits: int) -> None:
    """draft-ietf-oauth-status-list, section 4.1: the example of one bit and that of two."""
    text = text_of("jwt-status-list/src/test/status-list.spec.ts")
    example = text.split(f"test from the example with {bits} bit status")[1]
    packed = re.search(r"toBe\('(eN\w+)'\)", example)
    assert packed is not None
    statuses = [int(one) for one in re.findall(r"status\[\d+\] = (\d);", example[: packed.start()])]
    data = zlib.decompress(base64url.decode(packed[1]))
    read = StatusList(URI, bits, data, 0, 0)
    assert len(statuses) >= 12
    assert [read.status_at(index) for index in range(len(statuses))] == statuses


def test_list_of_two_bits_is_packed_as_the_specification_says() -> None:
    text = text_of("jwt-status-list/src/test/status-list.spec.ts")
    example = text.split("test from the example with 2 bit status")[1]
    packed = re.search(r"toBe\('(eN\w+)'\)", example)
    assert packed is not None
    expected = zlib.decompress(base64url.decode(packed[1]))
    # The third value of the example, 3, is for applications: ours has no name for it.
    ours = {0: 1, 1: 2, 3: 3, 5: 1, 7: 1, 8: 1, 9: 2, 10: 3, 11: 3}
    assert pack_statuses(ours, entries=12) == expected  # type: ignore[arg-type]


def test_openvc_reads_our_status_list() -> None:
    marked = {7: Status.REVOKED, 8: Status.SUSPENDED, LIST_ENTRIES - 1: Status.REVOKED}
    signed = sign_status_list(
        pack_statuses(marked), uri=URI, issuer=ISSUER_ID, key=ISSUER, issued_at_ms=NOW_MS
    )
    header, payload, signature = signed.compact.split(".")
    assert json.loads(base64url.decode(header))["typ"] == "statuslist+jwt"
    assert not rejects(1, protected=header, payload=payload, signature=signature, key=ISSUER.public)
    claims = json.loads(base64url.decode(payload))
    data = decode_status_list(claims["status_list"]["lst"])
    assert {at for at in range(LIST_ENTRIES) if get_status(data, at, bits=LIST_BITS)} == set(marked)
    for index, expected in ((7, 1), (8, 2), (9, 0)):
        reference = {"status": {"status_list": {"idx": index, "uri": URI}}}
        found = check_token_status(reference, resolve_status_list_token=lambda _uri: claims)
        assert found is not None and found.status == expected
