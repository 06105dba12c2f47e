"""A credential says what was issued, to whom and until when, and nothing else."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from telesphor.capabilities.identity.credentials.key_binding import sd_jwt_of
from telesphor.capabilities.identity.credentials.model import (
    CLOCK_SKEW_MS,
    CREDENTIAL_BYTES_MAX,
    DECOY_STEP,
    FACTORS_MAX,
    GROUPS,
    VALUE_CHARS_MAX,
    Factor,
    Vouching,
)
from telesphor.capabilities.identity.credentials.sd_jwt import (
    read_head,
)
from telesphor.capabilities.identity.credentials.serialization import (
    read_document,
    type_of,
)
from telesphor.kernel import base64url
from telesphor.kernel.digest import digest_of
from tests.support.credentials import (
    CHECKED,
    DAY_MS,
    FACTORS,
    HOLDER,
    ISSUER,
    ISSUER_ID,
    NONCE,
    NOW_MS,
    SAID,
    issued,
    shown,
    taken_apart,
)
from tests.unit.capabilities.identity.credentials.documents import (
    CREDENTIAL,
    DATA,
    PRESENTED,
    accepted,
    code_of,
    disclosures_of,
    payload_of,
    resigned,
    verified,
)

# What holds.


def test_issued_credential_says_each_factor_and_who_vouches_for_it() -> None:
    credential = verified()
    assert {factor.name: factor.value for factor in credential.factors} == {
        "licensed_in": "WA",
        "over_18": True,
        "preferred_name": "Zoë",
        "years_in_practice": 12,
    }
    by_name = {factor.name: factor for factor in credential.factors}
    assert by_name["over_18"].vouching == CHECKED and by_name["preferred_name"].vouching == SAID
    assert [by_name[name].text for name in ("over_18", "years_in_practice")] == ["true", "12"]
    assert (credential.group, credential.issuer, credential.holder) == ("licence", ISSUER_ID, HOLDER.public)
    assert (credential.issued_ms, credential.expires_ms) == (
        NOW_MS // 1000 * 1000,
        (NOW_MS + 30 * DAY_MS) // 1000 * 1000,
    )
    assert credential.status is not None and credential.status.idx == 7


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_its_type(group: str) -> None:
    data = issued(group=group).serialized
    assert verified(data).group == group and payload_of(data)["vct"] == type_of(group)


def test_digest_names_the_credential_whatever_is_shown_of_it() -> None:
    assert (
        CREDENTIAL.digest == verified().digest == accepted().credential.digest == read_head(PRESENTED).digest
    )
    assert CREDENTIAL.digest == digest_of(base64url.decode(taken_apart(DATA)["payload"]))


def test_head_says_whom_to_ask_for_the_keys() -> None:
    head = read_head(DATA)
    assert (head.issuer, head.keys, head.group) == (ISSUER_ID, ISSUER.public.thumbprints(), "licence")


@pytest.mark.parametrize("count", range(len(FACTORS) + 1))
def test_presentation_shows_exactly_the_named_factors(count: int) -> None:
    for names in combinations([factor.name for factor in FACTORS], count):
        presented = accepted(shown(DATA, *names))
        assert {factor.name for factor in presented.credential.factors} == set(names)


def test_hidden_factors_leave_no_trace_in_a_presentation() -> None:
    for hidden in disclosures_of():
        if hidden not in disclosures_of(PRESENTED):
            assert hidden.encode() not in PRESENTED
    whole = base64url.decode(taken_apart(PRESENTED)["payload"])
    assert (
        "Zoë".encode() not in whole and b"preferred_name" not in whole and b"years_in_practice" not in whole
    )


@pytest.mark.parametrize("count", [1, 7, 8, 9, FACTORS_MAX])
def test_decoys_hide_how_many_factors_there_are(count: int) -> None:
    factors = [Factor(name=f"factor_{number}", value=number, vouching=CHECKED) for number in range(count)]
    data = issued(*factors).serialized
    digests = payload_of(data)["_sd"]
    assert len(digests) % DECOY_STEP == 0 and len(digests) > count
    assert digests == sorted(digests) and len(set(digests)) == len(digests)
    assert len(verified(data).factors) == count


def test_two_credentials_of_the_same_factors_share_no_digest() -> None:
    assert not set(payload_of()["_sd"]) & set(payload_of(issued().serialized)["_sd"])


def test_compact_form_is_the_same_payload_under_the_second_signature() -> None:
    document = read_document(DATA, bytes_max=CREDENTIAL_BYTES_MAX)
    assert CREDENTIAL.compact == sd_jwt_of(document.jwt(1), document.disclosures)
    header = json.loads(base64url.decode(CREDENTIAL.compact.split(".")[0]))
    assert header == {"alg": "ML-DSA-65", "kid": ISSUER.public.thumbprints()[1], "typ": "dc+sd-jwt"}


def test_largest_credential_is_read() -> None:
    factors = [
        Factor(name=f"{'f' * 60}{number:03d}", value="\x01" * VALUE_CHARS_MAX, vouching=CHECKED)
        for number in range(FACTORS_MAX)
    ]
    data = issued(*factors[:16]).serialized
    assert len(verified(data).factors) == 16
    assert code_of(lambda: issued(*factors)) == "credential-too-large"


def test_reprs_show_no_factor() -> None:
    texts = [repr(value) for value in (CREDENTIAL, verified(), accepted(), FACTORS[0])]
    assert not any("WA" in text or "licensed_in" in text or NONCE in text for text in texts)


# Times.


def test_credential_ends_at_its_very_second() -> None:
    end = verified().expires_ms
    assert verified(now_ms=end - 1).group == "licence"
    assert code_of(lambda: verified(now_ms=end)) == "credential-expired"
    assert code_of(lambda: accepted(now_ms=end)) == "credential-expired"


def test_credential_that_has_not_begun_is_refused() -> None:
    later = issued(not_before_ms=NOW_MS + DAY_MS).serialized
    assert code_of(lambda: verified(later)) == "credential-not-yet-valid"
    assert verified(later, now_ms=NOW_MS + DAY_MS).group == "licence"
    begins = verified().not_before_ms
    assert verified(now_ms=begins - CLOCK_SKEW_MS).group == "licence"
    assert code_of(lambda: verified(now_ms=begins - CLOCK_SKEW_MS - 1)) == "credential-not-yet-valid"


def test_credential_issued_in_the_future_is_refused() -> None:
    data = resigned(iat=NOW_MS // 1000 + 3600)
    assert code_of(lambda: verified(data)) == "credential-not-yet-valid"


# Issuing.


@pytest.mark.parametrize(
    ("factors", "code"),
    [
        ([FACTORS[0], FACTORS[0]], "factors-refused"),
        ([FACTORS[0]] * (FACTORS_MAX + 1), "factors-refused"),
        ([Factor(name="a", value="x" * (VALUE_CHARS_MAX + 1), vouching=CHECKED)], "factors-refused"),
        ([Factor(name="a", value=2**53, vouching=CHECKED)], "factors-refused"),
        ([Factor(name="a", value=1.5, vouching=CHECKED)], "factors-refused"),  # type: ignore[arg-type]
        ([Factor(name="sub", value="x", vouching=CHECKED)], "factor-name-refused"),
        ([Factor(name="9a", value="x", vouching=CHECKED)], "factor-name-refused"),
        ([Factor(name="a" * 65, value="x", vouching=CHECKED)], "factor-name-refused"),
    ],
)
def test_factors_out_of_bounds_are_not_issued(factors: list[Factor], code: str) -> None:
    assert code_of(lambda: issued(*factors)) == code


def test_too_many_ways_of_vouching_are_not_issued() -> None:
    factors = [
        Factor(
            name=f"factor_{number}",
            value=True,
            vouching=Vouching(
                vouched="issuer", vouched_by=f"did:web:{number}.example", verified_at=CHECKED.verified_at
            ),
        )
        for number in range(17)
    ]
    assert code_of(lambda: issued(*factors)) == "factors-refused"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer_": 1},
        {"expires_ms": NOW_MS},
        {"expires_ms": NOW_MS - DAY_MS},
        {"subject": "a b"},
        {"not_before_ms": -1000},
    ],
    ids=str,
)
def test_claims_out_of_bounds_are_not_issued(changes: dict[str, Any]) -> None:
    if "issuer_" in changes:
        from telesphor.capabilities.identity.credentials.sd_jwt import issue_credential
        from tests.support.credentials import claims

        def issue() -> object:
            bad = claims(issuer="no spaces here please")
            return issue_credential(bad, FACTORS, issuer=ISSUER, holder=HOLDER.public, random=bytes)

        assert code_of(issue) == "factors-refused"
    else:
        assert code_of(lambda: issued(**changes)) == "factors-refused"
