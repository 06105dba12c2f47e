"""A presentation is bound by both keys of its holder to one verifier, one request and what is shown."""

from __future__ import annotations

from functools import partial

import pytest

from telesphor.capabilities.identity.credentials.model import (
    CLOCK_SKEW_MS,
    KEY_BINDING_AGE_MS,
)
from telesphor.capabilities.identity.credentials.serialization import (
    header_of,
)
from telesphor.kernel import base64url
from tests.support.credentials import (
    HOLDER,
    NONCE,
    NOW_MS,
    OTHER,
    issued,
    shown,
    taken_apart,
)
from tests.unit.capabilities.identity.credentials.documents import (
    DATA,
    PRESENTED,
    SHOWN,
    accepted,
    bound,
    changed,
    code_of,
    disclosures_of,
    header_text,
    verified,
    with_disclosures,
)

# Presenting and key binding.


def test_factor_that_is_not_there_or_named_twice_is_not_presented() -> None:
    assert code_of(lambda: shown(DATA, "surgeon")) == "factor-missing"
    assert code_of(lambda: shown(DATA, "over_18", "over_18")) == "factor-missing"


def test_holder_shows_no_factor_that_it_did_not_keep() -> None:
    part = with_disclosures([text for text in disclosures_of() if b"over_18" not in base64url.decode(text)])
    assert code_of(lambda: shown(part, "over_18")) == "factor-missing"


def test_somebody_elses_credential_is_not_presented() -> None:
    assert code_of(lambda: shown(DATA, "over_18", holder=OTHER)) == "holder-mismatch"


def test_presentation_is_not_presented_again() -> None:
    assert code_of(lambda: shown(PRESENTED, "over_18")) == "key-binding-unexpected"


def test_presentation_does_not_pass_for_a_credential() -> None:
    assert code_of(lambda: verified(PRESENTED)) == "key-binding-unexpected"


@pytest.mark.parametrize("member", ["kb_jwt", "kb_jwt_ed25519"])
def test_missing_half_of_the_key_binding_is_refused(member: str) -> None:
    stripped = changed(lambda d: d["signatures"][0]["header"].pop(member), PRESENTED)
    assert code_of(lambda: accepted(stripped)) == "key-binding-missing"


def test_credential_without_key_binding_is_no_presentation() -> None:
    assert code_of(lambda: accepted(DATA)) == "key-binding-missing"


def test_key_binding_by_another_key_is_refused() -> None:
    assert code_of(lambda: accepted(bound(OTHER))) == "key-binding-refused"


@pytest.mark.parametrize("half", [0, 1])
def test_half_of_a_key_binding_by_another_key_is_refused(half: int) -> None:
    assert (
        code_of(lambda: accepted(bound(OTHER, half=half))) == "key-binding-malformed"
    )  # They say other things.


@pytest.mark.parametrize("half", [0, 1])
def test_half_of_a_key_binding_under_another_signature_is_refused(half: int) -> None:
    """The holder's claims, signed by somebody else's key."""
    from telesphor.capabilities.identity.credentials.halves import sign_half

    member = ("kb_jwt_ed25519", "kb_jwt")[half]
    good = taken_apart(PRESENTED)["signatures"][0]["header"][member]
    protected, payload, _ = good.split(".")
    content = base64url.decode(payload)
    signature = sign_half(half, protected=base64url.decode(protected), payload=content, key=OTHER)  # type: ignore[arg-type]
    forged = changed(
        lambda d: d["signatures"][0]["header"].update({member: f"{protected}.{payload}.{signature}"}),
        PRESENTED,
    )
    assert code_of(lambda: accepted(forged)) == "key-binding-refused"


def test_halves_of_two_key_bindings_are_refused() -> None:
    assert code_of(lambda: accepted(bound(half=0, nonce="another"))) == "key-binding-malformed"


@pytest.mark.parametrize("alg", ["none", "HS256", "EdDSA", "Ed25519"])
def test_key_binding_by_another_algorithm_is_refused(alg: str) -> None:
    _, payload, signature = taken_apart(PRESENTED)["signatures"][0]["header"]["kb_jwt"].split(".")
    protected = header_text(alg=alg, kid=HOLDER.public.thumbprints()[1], typ="kb+jwt")
    forged = changed(
        lambda d: d["signatures"][0]["header"].update(kb_jwt=f"{protected}.{payload}.{signature}"), PRESENTED
    )
    assert code_of(lambda: accepted(forged)) == "key-binding-refused"


def test_other_signed_claims_of_the_holder_are_no_key_binding() -> None:
    """The holder's key signs other documents too: their type keeps them apart."""
    from telesphor.capabilities.identity.credentials.halves import HALVES, sign_half

    payload = taken_apart(PRESENTED)["signatures"][0]["header"]["kb_jwt"].split(".")[1]
    tokens = []
    for half in HALVES:
        protected = header_of(half, HOLDER.public.thumbprints(), typ="dc+sd-jwt")
        signature = sign_half(half, protected=protected, payload=base64url.decode(payload), key=HOLDER)
        tokens.append(f"{base64url.encode(protected)}.{payload}.{signature}")
    forged = changed(
        lambda d: d["signatures"][0]["header"].update(kb_jwt=tokens[1], kb_jwt_ed25519=tokens[0]), PRESENTED
    )
    assert code_of(lambda: accepted(forged)) == "key-binding-refused"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c.d", "a.b.c", "é.b.c", "x" * 9000])
def test_key_binding_in_any_other_form_is_refused(token: str) -> None:
    forged = changed(
        lambda d: d["signatures"][0]["header"].update(kb_jwt=token, kb_jwt_ed25519=token), PRESENTED
    )
    assert code_of(lambda: accepted(forged)) == "key-binding-malformed"


def test_wrong_nonce_is_refused() -> None:
    assert code_of(lambda: accepted(nonce="another")) == "nonce-mismatch"


def test_wrong_audience_is_refused() -> None:
    assert code_of(lambda: accepted(audience="did:web:other.example")) == "audience-mismatch"


def test_disclosure_less_than_the_holder_signed_for_is_refused() -> None:
    less = with_disclosures(disclosures_of(PRESENTED)[:1], PRESENTED)
    assert code_of(lambda: accepted(less)) == "sd-hash-mismatch"


def test_disclosure_more_than_the_holder_signed_for_is_refused() -> None:
    """A verifier that knows a hidden factor from elsewhere cannot add it."""
    more = with_disclosures(disclosures_of(), PRESENTED)
    assert code_of(lambda: accepted(more)) == "sd-hash-mismatch"


def test_disclosures_in_another_order_are_refused() -> None:
    turned = with_disclosures(disclosures_of(PRESENTED)[::-1], PRESENTED)
    assert code_of(lambda: accepted(turned)) == "sd-hash-mismatch"


def test_key_binding_of_another_credential_is_refused() -> None:
    other = taken_apart(shown(issued().serialized, *SHOWN))["signatures"][0]["header"]
    moved = changed(
        lambda d: d["signatures"][0]["header"].update(
            kb_jwt=other["kb_jwt"], kb_jwt_ed25519=other["kb_jwt_ed25519"]
        ),
        PRESENTED,
    )
    assert code_of(lambda: accepted(moved)) == "sd-hash-mismatch"


def test_old_key_binding_is_refused() -> None:
    made = accepted().presented_ms
    assert accepted(now_ms=made + KEY_BINDING_AGE_MS).nonce == NONCE
    assert code_of(lambda: accepted(now_ms=made + KEY_BINDING_AGE_MS + 1)) == "key-binding-stale"


def test_key_binding_from_the_future_is_refused() -> None:
    soon = shown(DATA, *SHOWN, issued_at_ms=NOW_MS + CLOCK_SKEW_MS)
    assert accepted(soon).nonce == NONCE
    later = shown(DATA, *SHOWN, issued_at_ms=NOW_MS + CLOCK_SKEW_MS + 2_000)
    assert code_of(lambda: accepted(later)) == "key-binding-stale"


def test_nonce_and_audience_out_of_bounds_are_not_signed() -> None:
    for changes in ({"nonce": ""}, {"nonce": "n" * 129}, {"audience": ""}, {"audience": "a" * 256}):
        assert code_of(partial(shown, DATA, "over_18", **changes)) == "key-binding-malformed"
