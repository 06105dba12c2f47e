"""A holder shows exactly what it approved, to whom asked, once; every refusal is on the ledger."""

from __future__ import annotations

import msgspec
import pytest

from telesphor.capabilities.identity.credentials.model import StatusReference
from telesphor.capabilities.identity.credentials.status_list import Status
from telesphor.capabilities.identity.presentations.documents import read_factors, write_document
from telesphor.capabilities.identity.presentations.model import REFUSALS_MAX
from telesphor.client.credentials import Answer
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.identity.presentations.cast import want
from tests.unit.capabilities.identity.presentations.house import (
    BOARD,
    HOSPITAL,
    LISTS,
    House,
    answered,
    licence,
)

STATE = "licence.licensed_in=WA"


# Answering.


def test_approved_factors_are_presented_and_count(house: House) -> None:
    link = house.request(holder=house.clinician)
    entry = house.present(house.clinician, link, licence(house))
    assert (entry.type, entry.n, entry.actor) == ("presentation.presented/1", 2, house.clinician.actor)
    assert house.texts(house.clinician) == {STATE}
    (factor,) = house.counting(house.clinician)
    assert (factor.issuer, factor.vouched, factor.vouched_by) == (HOSPITAL, "issuer", HOSPITAL)
    assert house.texts(house.patient) == set()
    assert len(house.desk.waiting) == 0


def test_ledger_and_evidence_hold_no_value(house: House) -> None:
    link = house.request()
    entry = house.present(house.clinician, link, licence(house))
    request = house.world.db.execute("SELECT data FROM requests ORDER BY rowid DESC LIMIT 1").fetchone()
    document = house.world.journal.document(entry.body.factors)
    assert document is not None
    assert b'"WA"' in document
    kept = b"".join(one.data for one in house.world.entries())
    payload = msgspec.json.decode(request[0])["payload"] if request else ""
    assert b'"WA"' not in kept
    assert b"licensed_in" not in kept
    assert b"MD 60 123" not in kept
    assert "MD 60 123" not in payload
    for name in ("vp", "factors"):
        kept_document = house.world.journal.document(getattr(entry.body, name))
        assert kept_document is not None
        assert b"MD 60 123" not in kept_document


def test_credentials_of_two_issuers_answer_one_request(house: House) -> None:
    house.trust_board()
    link = house.request(want("licence.licensed_in"), want("employment.active", "true"))
    board = house.sign_as_board(house.clinician, licensed_in="OR")
    own = house.issue(house.clinician, "employment", active=True)
    house.present(house.clinician, link, board, own, status_lists=house.board_list())
    assert house.texts(house.clinician) == {"licence.licensed_in=OR", "employment.active=true"}
    assert {factor.issuer for factor in house.counting(house.clinician)} == {BOARD, HOSPITAL}


def test_optional_factor_may_stay_at_home(house: House) -> None:
    link = house.request(want("licence.licensed_in"), want("licence.number", optional=True))
    house.present(house.clinician, link, licence(house), names=["licence.licensed_in"])
    assert house.texts(house.clinician) == {STATE}


def test_own_word_counts_as_that_and_only_where_it_is_taken(house: House) -> None:
    own = house.sign(
        house.patient,
        "insurance",
        {"member": True},
        key=house.patient.signing_key,
        name=f"did:web:node.example:{house.patient.actor}",
    ).serialized
    link = house.request(want("insurance.member", vouched="any"))
    house.present(house.patient, link, own)
    assert house.texts(house.patient) == {"self:insurance.member=true"}
    strict = house.request(want("insurance.member"))
    answer = house.approve(house.patient, house.open(house.patient, strict), own)
    assert house.cause_of(house.patient, answer, strict) == "factor-not-vouched"


def test_own_word_that_claims_to_be_the_hospitals_is_refused(shared: House) -> None:
    own = shared.sign(shared.patient, "licence", {"licensed_in": "WA"}, key=shared.patient.signing_key)
    link = shared.request()
    answer = shared.approve(shared.patient, shared.open(shared.patient, link), own.serialized)
    assert shared.cause_of(shared.patient, answer, link) == "issuer-keys-unknown"


def test_own_word_of_another_actor_is_refused(shared: House) -> None:
    """What one actor says of itself, bound to its own keys, is no word of another who sends it along."""
    own = shared.sign(
        shared.patient,
        "insurance",
        {"member": True},
        key=shared.patient.signing_key,
        name="did:web:me.example",
    ).serialized
    link = shared.request(want("insurance.member", vouched="any"))
    answer = shared.approve(shared.patient, shared.open(shared.patient, link), own)
    assert shared.cause_of(shared.clinician, answer, link) == "wrong-holder"


def test_factors_that_no_rule_can_name_are_left_out(shared: House) -> None:
    link = shared.request(want("identity.family_name"), want("identity.over_18"))
    shared.present(
        shared.patient, link, shared.issue(shared.patient, "identity", family_name="Łuk", over_18=True)
    )
    assert shared.texts(shared.patient) == {"identity.over_18=true"}


def test_answer_that_was_not_sent_leaves_no_entry(shared: House) -> None:
    answer, _ = answered(shared)
    assert shared.code_of(shared.clinician, answer.command) == "presentation-not-sent"


def test_answer_that_waited_too_long_is_sent_again(house: House) -> None:
    answer, link = answered(house)
    house.send(link, answer.data)
    house.world.clock.advance_ms(300_000)
    assert house.code_of(house.clinician, answer.command) == "presentation-not-sent"
    house.send(link, answer.data)
    house.world.ask(house.clinician, answer.command)
    assert house.texts(house.clinician) == {STATE}


def test_unknown_presentation_leaves_no_entry(shared: House) -> None:
    answer, _ = answered(shared)
    name, body = answer.command
    other = {**msgspec.to_builtins(body), "presentation": shared.world.ids.next()}
    assert shared.code_of(shared.clinician, (name, other)) == "presentation-missing"


def test_second_answer_is_refused_and_its_nonce_is_used(house: House) -> None:
    answer, link = answered(house)
    house.send(link, answer.data)
    house.world.ask(house.clinician, answer.command)
    assert house.refusal_of(house.clinician, answer) == "presentation-answered"
    with pytest.raises(TelesphorError) as caught:
        house.send(link, answer.data)
    assert caught.value.code == "presentation-answered"
    assert house.texts(house.clinician) == {STATE}


def test_answer_after_the_end_is_refused(house: House) -> None:
    answer, link = answered(house)
    house.world.clock.advance_ms(500_000)
    house.send(link, answer.data)
    house.world.clock.advance_ms(100_000)
    assert house.refusal_of(house.clinician, answer) == "presentation-expired"


def test_answer_by_another_than_who_is_asked_is_refused(shared: House) -> None:
    link = shared.request(holder=shared.clinician)
    opened = shared.open(shared.clinician, link)
    asked = msgspec.structs.replace(opened, request=msgspec.structs.replace(opened.request, holder=None))
    answer = shared.approve(shared.patient, asked, licence(shared, shared.patient))
    digest = digest_of(write_document(opened.request))
    assert shared.cause_of(shared.patient, answer, link, request=digest) == "wrong-holder"


def test_answer_of_another_actor_is_refused(shared: House) -> None:
    """Somebody who saw the answer on its way shows it as its own."""
    answer, link = answered(shared)
    assert shared.cause_of(shared.patient, answer, link) == "wrong-holder"


def test_credential_of_another_actor_is_refused_also_with_its_name_changed(shared: House) -> None:
    answer, link = answered(shared)
    response = msgspec.json.decode(answer.data)
    response["holder"] = shared.patient.actor
    data = msgspec.json.encode(response, order="sorted")
    forged = answer._replace(data=data)
    assert shared.cause_of(shared.patient, forged, link, vp=digest_of(data)) == "holder-mismatch"


def test_credential_under_keys_of_before_is_refused(house: House) -> None:
    link, held = house.request(), licence(house)
    opened = house.open(house.clinician, link)
    renewed = house.rotate(house.clinician)
    answer = house.approve(house.clinician, opened, held)
    assert house.cause_of(renewed, answer, link) == "holder-mismatch"


def test_keys_changed_between_sending_and_naming_are_refused(house: House) -> None:
    answer, link = answered(house)
    house.send(link, answer.data)
    renewed = house.rotate(house.clinician)
    assert house.refusal_of(renewed, answer) == "holder-mismatch"


def test_request_that_the_holder_did_not_see_is_refused(shared: House) -> None:
    """A node, or somebody in between, showed the holder another request than the ledger has."""
    answer, link = answered(shared)
    other = digest_of(b"another request")
    assert shared.cause_of(shared.clinician, answer, link, request=other) == "presentation-request-mismatch"


def test_answer_to_one_verifier_is_refused_at_another(shared: House) -> None:
    """The patient asks with the hospital's nonce in hand, and hopes for what the hospital would be shown."""
    held = licence(shared)
    first = shared.request()
    opened = shared.open(shared.clinician, first)
    second = shared.request(by=shared.patient)
    theirs = shared.open(shared.clinician, second)
    mixed = msgspec.structs.replace(
        theirs, request=msgspec.structs.replace(theirs.request, nonce=opened.request.nonce)
    )
    answer = shared.approve(shared.clinician, mixed, held)
    body = msgspec.to_builtins(answer.command[1])
    data = answer.data.replace(second.presentation.encode(), first.presentation.encode())
    moved = Answer(data, (answer.command[0], body))
    changes = {"presentation": first.presentation, "request": first.request, "vp": digest_of(data)}
    assert shared.cause_of(shared.clinician, moved, first, **changes) == "audience-mismatch"


def test_answer_to_another_request_of_the_same_verifier_is_refused(shared: House) -> None:
    answer, first = answered(shared)
    second = shared.request()
    data = answer.data.replace(first.presentation.encode(), second.presentation.encode())
    moved = answer._replace(data=data)
    changes = {"presentation": second.presentation, "request": second.request, "vp": digest_of(data)}
    assert shared.cause_of(shared.clinician, moved, second, **changes) == "nonce-mismatch"


@pytest.mark.parametrize(
    ("approved", "code"),
    [
        (["licence.number"], "factor-superfluous"),
        (["licence.licensed_in", "licence.number"], "factor-not-shown"),
        (["licence.licensed_in", "licence.licensed_in"], "factor-not-shown"),
    ],
)
def test_answer_that_differs_from_what_was_approved_is_refused(
    shared: House, approved: list[str], code: str
) -> None:
    answer, link = answered(shared)
    assert shared.cause_of(shared.clinician, answer, link, approved=approved) == code


def test_superfluous_disclosure_is_refused_though_the_holder_approved_it(shared: House) -> None:
    link, held = shared.request(), licence(shared)
    opened = shared.open(shared.clinician, link)
    more = msgspec.structs.replace(opened.request, wanted=(*opened.request.wanted, want("licence.number")))
    answer = shared.approve(shared.clinician, msgspec.structs.replace(opened, request=more), held)
    assert shared.cause_of(shared.clinician, answer, link, request=link.request) == "factor-superfluous"


def test_less_than_is_needed_is_refused(shared: House) -> None:
    link, held = shared.request(want("licence.licensed_in"), want("licence.number")), licence(shared)
    opened = shared.open(shared.clinician, link)
    less = msgspec.structs.replace(opened.request, wanted=opened.request.wanted[:1])
    answer = shared.approve(shared.clinician, msgspec.structs.replace(opened, request=less), held)
    assert shared.cause_of(shared.clinician, answer, link, request=link.request) == "factor-not-shown"


def test_value_that_is_not_accepted_is_refused(shared: House) -> None:
    link, held = shared.request(want("licence.licensed_in", "OR")), licence(shared)
    opened = shared.open(shared.clinician, link)
    lax = msgspec.structs.replace(opened.request, wanted=(want("licence.licensed_in"),))
    answer = shared.approve(shared.clinician, msgspec.structs.replace(opened, request=lax), held)
    assert shared.cause_of(shared.clinician, answer, link, request=link.request) == "factor-not-accepted"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff\xfe", b"x" * 2_000_000], ids=["empty", "{}", "utf", "huge"]
)
def test_bytes_that_are_no_answer_are_refused(shared: House, data: bytes) -> None:
    answer, link = answered(shared)
    code = shared.cause_of(shared.clinician, answer._replace(data=data), link, vp=digest_of(data))
    assert code == ("limit-exceeded" if len(data) > 2**20 else "presentation-malformed")


def test_altered_disclosure_is_refused(shared: House) -> None:
    answer, link = answered(shared)
    response = msgspec.json.decode(answer.data)
    vp = msgspec.json.decode(response["vp_token"]["licence"][0])
    vp["signatures"][0]["header"]["disclosures"] = []
    response["vp_token"]["licence"] = [msgspec.json.encode(vp, order="sorted").decode()]
    data = msgspec.json.encode(response, order="sorted")
    assert shared.cause_of(shared.clinician, answer._replace(data=data), link, vp=digest_of(data)) == (
        "sd-hash-mismatch"
    )


def test_refusals_of_one_request_are_bounded_and_do_not_close_it(house: House) -> None:
    answer, link = answered(house)
    name, body = answer.command
    wrong = {**msgspec.to_builtins(body), "request": digest_of(b"another")}
    for _ in range(REFUSALS_MAX):
        assert house.refusal_of(house.patient, Answer(b"", (name, wrong))) == "presentation-request-mismatch"
    assert house.code_of(house.patient, (name, wrong)) == "presentation-request-mismatch"
    house.send(link, answer.data)
    house.world.ask(house.clinician, answer.command)
    assert house.texts(house.clinician) == {STATE}


# Issuers and status.


def test_credential_of_an_issuer_that_nobody_trusts_is_refused(shared: House) -> None:
    link = shared.request()
    held = shared.sign_as_board(shared.clinician, licensed_in="WA")
    answer = shared.approve(shared.clinician, shared.open(shared.clinician, link), held)
    assert shared.cause_of(shared.clinician, answer, link) == "issuer-unknown"


def test_credential_that_its_issuer_never_noted_is_refused(shared: House) -> None:
    link = shared.request()
    held = shared.sign(shared.clinician, "licence", {"licensed_in": "WA"}).serialized
    answer = shared.approve(shared.clinician, shared.open(shared.clinician, link), held)
    assert shared.cause_of(shared.clinician, answer, link) == "credential-missing"


def test_issuer_that_may_not_vouch_for_the_group_is_refused(house: House) -> None:
    answer, link = answered(house)
    house.trust("identity")
    assert house.cause_of(house.clinician, answer, link) == "issuer-group-refused"


def test_issuer_distrusted_between_sending_and_naming_is_refused(house: House) -> None:
    answer, link = answered(house)
    house.send(link, answer.data)
    house.world.ask(house.hospital, ("issuer.distrust/1", {"issuer": house.issuer, "reason": "compromised"}))
    assert house.refusal_of(house.clinician, answer) == "issuer-distrusted"


def test_credential_revoked_between_sending_and_naming_is_refused(house: House) -> None:
    link = house.request()
    credential, issued = house.issue_noted(house.clinician, "licence", licensed_in="WA")
    answer = house.approve(house.clinician, house.open(house.clinician, link), issued.serialized)
    house.send(link, answer.data)
    house.world.ask(house.hospital, ("credential.revoke/1", {"credential": credential, "reason": "ended"}))
    assert house.refusal_of(house.clinician, answer) == "credential-revoked"


@pytest.mark.parametrize(
    ("statuses", "code"),
    [({7: Status.REVOKED}, "credential-revoked"), ({7: Status.SUSPENDED}, "credential-suspended")],
)
def test_credential_that_the_issuers_list_takes_back_is_refused(
    house: House, statuses: dict[int, Status], code: str
) -> None:
    house.trust_board()
    link = house.request()
    held = house.sign_as_board(house.clinician, licensed_in="WA")
    opened = house.open(house.clinician, link)
    answer = house.approve(house.clinician, opened, held, status_lists=house.board_list(statuses))
    assert house.cause_of(house.clinician, answer, link) == code


def test_missing_status_list_means_deny(house: House) -> None:
    house.trust_board()
    link = house.request()
    held = house.sign_as_board(house.clinician, licensed_in="WA")
    answer = house.approve(house.clinician, house.open(house.clinician, link), held)
    assert house.cause_of(house.clinician, answer, link) == "status-missing"


def test_stale_status_list_means_deny(house: House) -> None:
    house.trust_board()
    old = house.board_list()
    house.world.clock.advance_ms(15 * 60_000)
    link = house.request()
    held = house.sign_as_board(house.clinician, licensed_in="WA")
    answer = house.approve(house.clinician, house.open(house.clinician, link), held, status_lists=old)
    assert house.cause_of(house.clinician, answer, link) == "status-list-stale"


def test_list_sent_under_an_address_that_is_not_its_own_is_refused(house: House) -> None:
    house.trust_board()
    link = house.request()
    status = StatusReference(idx=7, uri=f"{LISTS}2")
    held = house.sign(
        house.clinician, "licence", {"licensed_in": "WA"}, key=house.board_key, name=BOARD, status=status
    ).serialized
    moved = {f"{LISTS}2": house.board_list()[f"{LISTS}1"]}
    answer = house.approve(house.clinician, house.open(house.clinician, link), held, status_lists=moved)
    assert house.cause_of(house.clinician, answer, link) == "status-list-mismatch"


def test_what_another_issuer_vouches_for_counts_until_its_list_ends(house: House) -> None:
    house.trust_board()
    link = house.request()
    lists = house.board_list()
    held = house.sign_as_board(house.clinician, licensed_in="WA")
    entry = house.present(house.clinician, link, held, status_lists=lists)
    (shown,) = read_factors(house.world.journal.document(entry.body.factors) or b"").credentials
    assert shown.status_list == digest_of(lists[f"{LISTS}1"])
    assert house.world.journal.document(shown.status_list) == lists[f"{LISTS}1"]
    assert house.texts(house.clinician) == {STATE}
    house.world.clock.advance_ms(15 * 60_000)
    assert house.texts(house.clinician) == set()
