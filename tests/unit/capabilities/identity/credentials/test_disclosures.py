"""What is disclosed is what the issuer signed, once, and never a claim of the credential itself."""

from __future__ import annotations

import base64
import json
from functools import partial

import pytest

from telesphor.capabilities.identity.credentials.disclosures import SALT_CHARS_MIN, disclosure_digest
from telesphor.capabilities.identity.credentials.model import (
    Factor,
)
from telesphor.kernel import base64url, canonical
from tests.support.credentials import (
    CHECKED,
    issued,
    signed_again,
)
from tests.unit.capabilities.identity.credentials.documents import (
    code_of,
    disclosures_of,
    payload_of,
    resigned,
    verified,
    with_disclosures,
)

# Disclosures.


def test_disclosure_that_matches_nothing_is_refused() -> None:
    foreign = disclosures_of(issued(Factor(name="surgeon", value=True, vouching=CHECKED)).serialized)
    assert (
        code_of(lambda: verified(with_disclosures([*disclosures_of(), *foreign]))) == "disclosure-unmatched"
    )


def test_disclosure_of_another_value_is_refused() -> None:
    salt, name, _ = json.loads(base64url.decode(disclosures_of()[0]))
    forged = base64url.encode(canonical.encode([salt, name, "OR"]))
    assert (
        code_of(lambda: verified(with_disclosures([forged, *disclosures_of()[1:]]))) == "disclosure-unmatched"
    )


def test_repeated_disclosure_is_refused() -> None:
    texts = disclosures_of()
    assert code_of(lambda: verified(with_disclosures([*texts, texts[0]]))) == "disclosure-repeated"


def test_two_disclosures_of_one_name_are_refused() -> None:
    """A dishonest issuer signs both, and shows one to this verifier and the other to that one."""
    salt, name, _ = json.loads(base64url.decode(disclosures_of()[0]))
    second = base64url.encode(canonical.encode([salt, name, "OR"]))
    digests = [*payload_of()["_sd"][:-1], disclosure_digest(second)]
    document = signed_again(payload_of() | {"_sd": digests}, disclosures=[disclosures_of()[0], second])
    if disclosure_digest(disclosures_of()[0]) == payload_of()["_sd"][-1]:
        document = signed_again(
            payload_of() | {"_sd": [disclosure_digest(second), *payload_of()["_sd"][1:]]},
            disclosures=[disclosures_of()[0], second],
        )
    assert code_of(lambda: verified(document)) == "disclosure-repeated"


def test_digest_that_stands_there_twice_is_refused() -> None:
    digests = payload_of()["_sd"]
    assert code_of(lambda: verified(resigned(_sd=[*digests[:-1], digests[0]]))) == "digest-repeated"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'["AAAAAAAAAAAAAAAAAAAAAA","a"]', "disclosure-malformed"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","a",1,2]', "disclosure-malformed"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA", "a",1]', "disclosure-malformed"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","a",1.5]', "disclosure-malformed"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","a",null]', "disclosure-malformed"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","a",{"_sd":[]}]', "disclosure-malformed"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","a",["..."]]', "disclosure-malformed"),
        (b'[1,"a",1]', "disclosure-malformed"),
        (b'["salt","a",1]', "disclosure-malformed"),
        (b'{"a":1}', "disclosure-malformed"),
        (b"a", "disclosure-malformed"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","_sd",1]', "factor-name-refused"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","...",1]', "factor-name-refused"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","exp",9999999999]', "factor-name-refused"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","cnf","mine"]', "factor-name-refused"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","status","good"]', "factor-name-refused"),
        (b'["AAAAAAAAAAAAAAAAAAAAAA","Over_18",true]', "factor-name-refused"),
        ('["AAAAAAAAAAAAAAAAAAAAAA","\u043ever_18",true]'.encode(), "factor-name-refused"),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_disclosure_in_any_other_form_is_refused(content: bytes, code: str) -> None:
    """Also when the issuer signed it: its digest stands in the credential."""
    text = base64url.encode(content)
    digests = [*payload_of()["_sd"][:-1], disclosure_digest(text)]
    document = signed_again(payload_of() | {"_sd": digests}, disclosures=[text])
    assert code_of(lambda: verified(document)) == code


def test_disclosure_that_is_no_base64url_is_refused() -> None:
    padded = base64.urlsafe_b64encode(b'["AAAAAAAAAAAAAAAAAAAAAA","a",1]').decode() + "="
    for text in (padded, "a b", "é", ""):
        assert code_of(partial(verified, with_disclosures([text]))) == "disclosure-malformed"


def test_salt_has_at_least_sixteen_bytes() -> None:
    for text in disclosures_of():
        assert len(json.loads(base64url.decode(text))[0]) >= SALT_CHARS_MIN
