"""What an answer must be: for this verifier and request, by one holder, of exactly what is asked for."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from telesphor.capabilities.identity.presentations.documents import (
    describe_request,
    read_request,
    read_response,
    write_document,
)
from telesphor.capabilities.identity.presentations.model import (
    CREDENTIALS_MAX,
    RESPONSE_BYTES_MAX,
    FactorWanted,
    PresentationId,
    PresentationRequest,
    PresentedFactor,
    Response,
)
from telesphor.capabilities.identity.presentations.response import Shown, verify_response
from telesphor.kernel import canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey
from tests.unit.capabilities.identity.presentations.cast import (
    BOARD,
    DAY_MS,
    HOLDER,
    IDENTITY,
    IDS,
    LICENCE,
    NOW_MS,
    OTHER,
    make_credential,
    make_request,
    resolve,
    respond,
    show,
    want,
)

STATE = make_credential("licence", LICENCE)
ADULT = make_credential("identity", IDENTITY, own_word=["family_name"])


def verify(response: Response, request: PresentationRequest, *, now_ms: int = NOW_MS) -> Shown:
    return verify_response(response, request=request, resolve=resolve, now_ms=now_ms)


def code_of(response: Response, request: PresentationRequest, *, now_ms: int = NOW_MS) -> str:
    with pytest.raises(TelesphorError) as caught:
        verify(response, request, now_ms=now_ms)
    for value in ("WA", "Quill", "MD 60 123"):
        assert value not in f"{caught.value.message}{caught.value.hint}{caught.value.detail}"
    return caught.value.code


def test_answer_shows_what_is_asked_for_and_who_vouches_for_it() -> None:
    request = make_request()
    shown = verify(respond(request, licence=[show(STATE, "licensed_in", request=request)]), request)
    assert shown.factors == ("licence.licensed_in",)
    assert shown.keys == HOLDER.signing_key.public.key_id
    factor = shown.credentials[0].factors[0]
    assert (factor.text, factor.issuer, factor.vouched) == ("licence.licensed_in=WA", BOARD, "issuer")
    assert (shown.credentials[0].status_list, shown.credentials[0].expires_ms) == (None, NOW_MS + DAY_MS)
    assert "'WA'" not in repr(shown)  # as a value; a thumbprint may have the two letters
    assert "=WA" not in repr(shown)


def test_credentials_of_two_groups_answer_together() -> None:
    request = make_request(want("licence.licensed_in"), want("identity.over_18", "true"))
    licence, identity = show(STATE, "licensed_in", request=request), show(ADULT, "over_18", request=request)
    shown = verify(respond(request, licence=[licence], identity=[identity]), request)
    assert set(shown.factors) == {"licence.licensed_in", "identity.over_18"}


def test_one_credential_may_be_shown_factor_by_factor() -> None:
    request = make_request(want("licence.licensed_in"), want("licence.active"))
    parts = [show(STATE, name, request=request) for name in ("licensed_in", "active")]
    assert set(verify(respond(request, licence=parts), request).factors) == {
        "licence.licensed_in",
        "licence.active",
    }


def test_two_issuers_of_one_group_answer_together() -> None:
    request = make_request(want("licence.licensed_in"), want("licence.privileges"))
    other = make_credential("licence", {"privileges": "surgery"}, name="did:web:college.example")
    sent = [show(STATE, "licensed_in", request=request), show(other, "privileges", request=request)]
    shown = verify(respond(request, licence=sent), request)
    assert {credential.issuer for credential in shown.credentials} == {BOARD, "did:web:college.example"}


def test_optional_factor_may_be_left_out() -> None:
    request = make_request(want("licence.licensed_in"), want("licence.active", optional=True))
    sent = respond(request, licence=[show(STATE, "licensed_in", request=request)])
    assert verify(sent, request).factors == ("licence.licensed_in",)


def test_own_word_of_the_holder_is_marked_where_any_is_taken() -> None:
    request = make_request(want("identity.family_name", vouched="any"))
    shown = verify(respond(request, identity=[show(ADULT, "family_name", request=request)]), request)
    assert shown.credentials[0].factors[0].text == "self:identity.family_name=Quill"


def test_more_than_was_asked_for_is_refused() -> None:
    request = make_request()
    sent = respond(request, licence=[show(STATE, "licensed_in", "active", request=request)])
    assert code_of(sent, request) == "factor-superfluous"


def test_credential_without_any_factor_is_refused() -> None:
    request = make_request()
    sent = respond(
        request, licence=[show(STATE, "licensed_in", request=request), show(STATE, request=request)]
    )
    assert code_of(sent, request) == "factor-superfluous"


def test_less_than_is_needed_is_refused() -> None:
    request = make_request(want("licence.licensed_in"), want("licence.active"))
    sent = respond(request, licence=[show(STATE, "licensed_in", request=request)])
    assert code_of(sent, request) == "factor-not-shown"


def test_factor_shown_twice_is_refused() -> None:
    request = make_request()
    text = show(STATE, "licensed_in", request=request)
    assert code_of(respond(request, licence=[text, text]), request) == "factor-repeated"


def test_factor_shown_from_two_credentials_is_refused() -> None:
    request = make_request(want("licence.licensed_in", "WA", "OR"))
    other = make_credential("licence", {"licensed_in": "OR"})
    sent = respond(request, licence=[show(data, "licensed_in", request=request) for data in (STATE, other)])
    assert code_of(sent, request) == "factor-repeated"


def test_own_word_where_an_issuer_has_to_vouch_is_refused() -> None:
    request = make_request(want("identity.family_name"))
    sent = respond(request, identity=[show(ADULT, "family_name", request=request)])
    assert code_of(sent, request) == "factor-not-vouched"


def test_value_that_is_not_accepted_is_refused() -> None:
    request = make_request(want("licence.licensed_in", "OR", "CA"))
    sent = respond(request, licence=[show(STATE, "licensed_in", request=request)])
    assert code_of(sent, request) == "factor-not-accepted"


def test_text_that_reads_like_a_predicate_is_not_told_from_one_by_its_group() -> None:
    """A credential of another group that says the same name does not stand in for the one that is asked for."""
    request = make_request(want("identity.over_18", "true"))
    forged = make_credential("employment", {"over_18": True})
    sent = respond(request, employment=[show(forged, "over_18", request=request)])
    assert code_of(sent, request) == "factor-superfluous"


def test_credential_sent_for_another_group_is_refused() -> None:
    request = make_request()
    sent = respond(request, identity=[show(STATE, "licensed_in", request=request)])
    assert code_of(sent, request) == "credential-group-mismatch"


def test_answer_to_another_request_is_refused() -> None:
    request, other = make_request(), make_request()
    sent = respond(other, licence=[show(STATE, "licensed_in", request=request)])
    assert code_of(sent, request) == "presentation-request-mismatch"


def test_nonce_of_another_request_is_refused() -> None:
    request, other = make_request(), make_request()
    sent = respond(request, licence=[show(STATE, "licensed_in", request=other)])
    assert code_of(sent, request) == "nonce-mismatch"


def test_answer_to_another_verifier_is_refused() -> None:
    request = make_request()
    sent = respond(
        request,
        licence=[show(STATE, "licensed_in", request=request, audience=f"{request.node}/actors/{IDS.next()}")],
    )
    assert code_of(sent, request) == "audience-mismatch"


def test_answer_at_another_node_is_refused() -> None:
    request = make_request()
    elsewhere = f"other.example/ledger/actors/{request.verifier}"
    sent = respond(request, licence=[show(STATE, "licensed_in", request=request, audience=elsewhere)])
    assert code_of(sent, request) == "audience-mismatch"


def test_credentials_of_two_holders_are_refused() -> None:
    request = make_request(want("licence.licensed_in"), want("identity.over_18"))
    theirs = make_credential("identity", IDENTITY, wallet=OTHER)
    licence = show(STATE, "licensed_in", request=request)
    identity = show(theirs, "over_18", request=request, wallet=OTHER)
    assert code_of(respond(request, licence=[licence], identity=[identity]), request) == "holder-mismatch"


def test_credential_that_only_claims_to_be_by_the_issuer_is_refused() -> None:
    request = make_request()
    forged = make_credential("licence", LICENCE, issuer=SigningKey.generate(HybridSuite.ACTOR))
    sent = respond(request, licence=[show(forged, "licensed_in", request=request)])
    assert code_of(sent, request) == "credential-keys-mismatch"


def test_status_list_that_nobody_needs_is_refused() -> None:
    request = make_request()
    sent = respond(request, licence=[show(STATE, "licensed_in", request=request)])
    padded = msgspec.structs.replace(sent, status_lists={"https://x/1": "x" * 1000})
    assert code_of(padded, request) == "presentation-malformed"


def test_no_change_of_a_byte_breaks_anything_but_the_answer() -> None:
    """Whatever is changed, an answer is refused, or shows what it showed: never anything else."""
    request = make_request()
    good = respond(request, licence=[show(STATE, "licensed_in", request=request)])
    text = good.vp_token["licence"][0]
    chance = Random(7)
    codes = set()
    for _ in range(200):
        at = chance.randrange(len(text))
        altered = text[:at] + chance.choice('A-_~."{}[],:0\u0141\0') + text[at + chance.randrange(3) :]
        try:
            shown = verify(respond(request, licence=[altered]), request)
        except TelesphorError as error:
            codes.add(error.code)
        else:
            assert shown == verify(good, request)
    assert len(codes) >= 3


def test_expired_credential_is_refused() -> None:
    request = make_request()
    sent = respond(request, licence=[show(STATE, "licensed_in", request=request)])
    assert code_of(sent, request, now_ms=NOW_MS + DAY_MS) == "credential-expired"


def test_credential_without_key_binding_is_refused() -> None:
    request = make_request(*(want(f"licence.{name}") for name in LICENCE))
    assert code_of(respond(request, licence=[STATE.decode()]), request) == "key-binding-missing"


def test_more_credentials_than_an_answer_has_are_refused() -> None:
    request = make_request()
    text = show(STATE, "licensed_in", request=request)
    sent = respond(request, licence=[text] * CREDENTIALS_MAX, identity=[text])
    assert code_of(sent, request) == "presentation-malformed"


@pytest.mark.parametrize(
    "change",
    [
        {"format": "telesphor-presentation/2"},
        {"v": 2},
        {"vp_token": {}},
        {"vp_token": {"licence": []}},
        {"vp_token": {"unheard": ["x"]}},
        {"vp_token": {"licence": ["x"] * (CREDENTIALS_MAX + 1)}},
        {"vp_token": {"licence": [1]}},
        {"status_lists": {f"https://x/{n}": "x" for n in range(9)}},
        {"presentation": "not an id"},
        {"more": 1},
    ],
    ids=str,
)
def test_document_that_is_no_answer_is_refused(change: dict[str, object]) -> None:
    good = msgspec.to_builtins(respond(make_request(), licence=["x"]))
    assert isinstance(read_response(canonical.encode(good)), Response)
    with pytest.raises(TelesphorError) as caught:
        read_response(canonical.encode({**good, **change}))
    assert caught.value.code == "presentation-malformed"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff", b'{"a": 1}', b"[" * 10_000], ids=lambda data: repr(data[:9])
)
def test_bytes_that_are_no_answer_are_refused(data: bytes) -> None:
    with pytest.raises(TelesphorError) as caught:
        read_response(data)
    assert caught.value.code == "presentation-malformed"


def test_answer_beyond_its_size_is_refused_before_it_is_read() -> None:
    with pytest.raises(TelesphorError) as caught:
        read_response(b"x" * (RESPONSE_BYTES_MAX + 1))
    assert caught.value.code == "limit-exceeded"


def test_request_document_reads_back_as_it_was_written() -> None:
    request = make_request(want("licence.licensed_in", "WA", "OR", vouched="any", optional=True))
    assert read_request(write_document(request)) == request


def test_largest_request_fits_its_document() -> None:
    codes = [f"A{first}{second}-Z9" for first in "ABCDEFGHIJ" for second in "ABCDEF"]
    wanted = [
        FactorWanted(group="employment", name=f"{'n' * 61}_{number:02}", accepted=tuple(codes), optional=True)
        for number in range(32)
    ]
    request = make_request(*wanted)
    assert read_request(write_document(request)).presentation == request.presentation


def test_openid4vp_wallet_is_told_what_is_asked_for() -> None:
    request = make_request(want("licence.licensed_in", "WA"), want("identity.over_18", "true"))
    described = describe_request(request, base_path="/v1/presentations/x")
    assert described["nonce"] == request.nonce
    assert described["dcql_query"]["credentials"] == [
        {"id": "identity", "format": "dc+sd-jwt", "claims": [{"path": ["over_18"], "values": [True]}]},
        {"id": "licence", "format": "dc+sd-jwt", "claims": [{"path": ["licensed_in"], "values": ["WA"]}]},
    ]


@pytest.mark.parametrize("value", ["Quill", "1980-01-01", "MRN1234", "wa", "TRUE\n", "", "WASHING"])
def test_value_that_could_tell_a_person_apart_stands_in_no_request(value: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"group": "licence", "name": "x", "accepted": [value]}, FactorWanted)


def test_own_word_never_reads_like_an_issuers() -> None:
    own = PresentedFactor("licence", "licensed_in", "WA", "did:x", "", "self")
    assert own.text == "self:licence.licensed_in=WA"
    assert PresentationId("x") == "x"
