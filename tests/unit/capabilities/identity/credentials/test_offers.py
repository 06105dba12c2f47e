"""A credential reaches its holder through the node once, against both of its keys, and is kept nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from litestar.testing import TestClient

from telesphor.capabilities.identity.credentials import offers
from telesphor.capabilities.identity.credentials.model import CREDENTIAL_BYTES_MAX
from telesphor.capabilities.identity.credentials.nonces import LIFETIME_MS
from telesphor.capabilities.identity.credentials.offers import PRE_AUTHORISED, CredentialDesk
from telesphor.capabilities.identity.credentials.routes import routes
from telesphor.capabilities.identity.credentials.standing import DepositGrant
from telesphor.capabilities.identity.credentials.wallet_proof import PROOF_AGE_MS, make_proof
from telesphor.client.requests import rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import SigningKey
from telesphor.runtime.http import build_edge
from telesphor.runtime.telemetry import Metrics
from tests.unit.capabilities.identity.credentials.office import URL, Held, Office


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(TelesphorError) as caught:
        call()
    return caught.value.code


def offered(office: Office, held: Held) -> DepositGrant:
    ticket = office.ask(office.hospital, ("credential.offer/1", {"credential": held.credential})).results[0]
    assert ticket.path == f"/v1/credentials/{held.credential}/deposit"
    return office.tickets.redeem(ticket.ticket, DepositGrant)


def left(office: Office, held: Held) -> str:
    """The code for the holder."""
    return office.desk.leave(offered(office, held), held.issued.serialized).code


def proof(
    office: Office, *, key: SigningKey | None = None, nonce: str | None = None, **changes: Any
) -> tuple[str, str]:
    values: dict[str, Any] = {"audience": URL, "issued_at_ms": office.clock.now_ms()} | changes
    return make_proof(key or office.clinician.signing_key, nonce=nonce or office.desk.new_nonce(), **values)


def collected(
    office: Office, token: str, proofs: tuple[str, ...] | None = None, form: Any = "hybrid"
) -> bytes | str:
    return office.desk.collect(token, proofs or proof(office), group="licence", form=form)


def test_holder_collects_its_credential_once(office: Office) -> None:
    held = office.issue()
    token = office.desk.exchange(left(office, held))
    assert collected(office, token) == held.issued.serialized
    entry = office.entries()[-1]
    assert (entry.type, entry.stream, entry.body.forms) == (
        "credential.collected/1",
        f"credential/{held.credential}",
        ("hybrid",),
    )
    assert (entry.actor, entry.evidence) == (office.node.actor, None)
    assert code_of(lambda: collected(office, token)) == "deposit-missing"


def test_compact_form_is_handed_out_to_who_asks_for_it(office: Office) -> None:
    held = office.issue()
    assert collected(office, office.desk.exchange(left(office, held)), form="compact") == held.issued.compact


def test_nothing_of_a_waiting_credential_is_on_the_disk(office: Office) -> None:
    held = office.issue()
    left(office, held)
    payload = json.loads(held.issued.serialized)["payload"].encode()
    for file in office.path.parent.iterdir():
        assert payload[200:260] not in file.read_bytes()


def test_code_is_changed_once(office: Office) -> None:
    code = left(office, office.issue())
    office.desk.exchange(code)
    assert code_of(lambda: office.desk.exchange(code)) == "deposit-missing"
    assert code_of(lambda: office.desk.exchange("A" * 43)) == "ticket-refused"


def test_other_person_cannot_collect_it(office: Office) -> None:
    token = office.desk.exchange(left(office, office.issue()))
    stolen = proof(office, key=office.patient.signing_key)
    assert code_of(lambda: collected(office, token, stolen)) == "invalid-proof"
    assert collected(office, token)  # And nothing was lost by the attempt.


@pytest.mark.parametrize("half", [0, 1])
def test_proof_by_one_key_is_not_enough(office: Office, half: int) -> None:
    token = office.desk.exchange(left(office, office.issue()))
    nonce = office.desk.new_nonce()
    good = proof(office, nonce=nonce)
    other = proof(office, key=office.patient.signing_key, nonce=nonce)
    mixed = (good[0], other[1]) if half else (other[0], good[1])
    for bad in (mixed, (good[half], good[half]), (good[1], good[0]), (good[half],), ()):
        collect = partial(office.desk.collect, token, bad, group="licence", form="hybrid")
        assert code_of(collect) == "invalid-proof"


def test_proof_for_another_node_nonce_or_time_is_refused(office: Office) -> None:
    token = office.desk.exchange(left(office, office.issue()))
    now_ms = office.clock.now_ms()
    for bad in (
        proof(office, audience="https://other.example"),
        proof(office, nonce="A" * 32),
        proof(office, nonce="not a nonce"),
        proof(office, issued_at_ms=now_ms - PROOF_AGE_MS - 1_000),
        proof(office, issued_at_ms=now_ms + 120_000),
        ("a.b.c", "a.b.c"),
        ("", ""),
    ):
        assert code_of(partial(collected, office, token, bad)) == "invalid-proof"


def test_nonce_ends_and_is_no_other_process_s(office: Office) -> None:
    nonce = office.desk.new_nonce()
    office.clock.advance_ms(LIFETIME_MS)
    token = office.desk.exchange(left(office, office.issue()))
    assert code_of(lambda: collected(office, token, proof(office, nonce=nonce))) == "invalid-proof"
    other = CredentialDesk(
        url=URL,
        tickets=office.tickets,
        open_db=office.open_db,
        record=office.record_own_word,
        clock=office.clock,
        random=office.ids.random_bytes,
    )
    assert (
        code_of(lambda: collected(office, token, proof(office, nonce=other.new_nonce()))) == "invalid-proof"
    )


def test_nonces_fill_no_memory(office: Office) -> None:
    before = len(office.tickets)
    assert len({office.desk.new_nonce() for _ in range(100)}) == 1  # Of one millisecond.
    assert len(office.tickets) == before


def test_code_is_no_token_and_token_is_no_code(office: Office) -> None:
    code = left(office, office.issue())
    assert code_of(lambda: collected(office, code)) == "ticket-refused"
    token = office.desk.exchange(code)
    assert code_of(lambda: office.desk.exchange(token)) == "ticket-refused"


def test_credential_of_another_group_is_not_what_waits(office: Office) -> None:
    token = office.desk.exchange(left(office, office.issue()))
    wrong = partial(office.desk.collect, token, proof(office), group="identity", form="hybrid")
    assert code_of(wrong) == "deposit-missing"


@pytest.mark.parametrize("what", ["revoke", "suspend"])
def test_credential_taken_back_meanwhile_is_not_handed_out(office: Office, what: str) -> None:
    held = office.issue()
    token = office.desk.exchange(left(office, held))
    office.change(what, held)
    assert code_of(lambda: collected(office, token)) == "credential-state-refused"
    assert code_of(lambda: offered(office, held)) == "credential-state-refused"


def test_credential_waits_until_tomorrow(office: Office) -> None:
    held = office.issue()
    code = left(office, held)
    office.clock.advance_ms(offers.CODE_SECONDS * 1000 - 60_000)
    token = office.desk.exchange(code)
    office.clock.advance_ms(60_000)
    assert code_of(lambda: collected(office, token)) == "deposit-missing"


def test_holder_with_new_keys_gets_no_credential_for_the_old(office: Office) -> None:
    held = office.issue()
    grant = offered(office, held)
    token = office.desk.exchange(office.desk.leave(grant, held.issued.serialized).code)
    old = office.clinician
    fresh = Wallet.create(kind="person", ids=office.ids)
    office.ask(old, rotate_command(fresh_for(old, fresh), node="node.example/telesphor"))
    assert code_of(lambda: collected(office, token)) == "deposit-refused"
    assert code_of(lambda: office.desk.leave(grant, held.issued.serialized)) == "deposit-refused"


def fresh_for(old: Wallet, fresh: Wallet) -> Wallet:
    """The actor of `old` with the keys of `fresh`."""
    from dataclasses import replace

    return replace(fresh, actor=old.actor)


def test_other_credential_than_announced_is_not_taken(office: Office) -> None:
    first, second = office.issue(), office.issue()
    grant = offered(office, first)
    assert code_of(lambda: office.desk.leave(grant, second.issued.serialized)) == "deposit-refused"
    assert code_of(lambda: office.desk.leave(grant, first.issued.serialized[:-1])) == "credential-malformed"
    assert (
        code_of(lambda: office.desk.leave(grant, b"x" * (CREDENTIAL_BYTES_MAX + 1))) == "credential-too-large"
    )


@pytest.mark.parametrize("changes", [{"index": 900}, {"group": "employment"}, {"days": 29}], ids=str)
def test_credential_that_says_something_else_than_was_noted_is_not_taken(
    office: Office, changes: dict[str, Any]
) -> None:
    """Verifiers elsewhere would look in another place, or believe it for longer."""
    issued = office.sign_credential(index=500)
    credential = office.ids.next()
    noted = {"index": 500} | changes
    office.ask(office.hospital, office.issuing(issued, credential=credential, **noted))
    grant = offered(office, Held(credential, issued, office.status_list, 500))
    assert code_of(lambda: office.desk.leave(grant, issued.serialized)) == "deposit-refused"


def test_only_its_issuer_offers_a_credential(office: Office) -> None:
    held = office.issue()
    for wallet in (office.clinician, office.enrol("organisation")):
        command = ("credential.offer/1", {"credential": held.credential})
        assert code_of(partial(office.ask, wallet, command)) == "not-permitted"


def test_waiting_credentials_are_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "DEPOSITS_MAX", 1)
    first, second = office.issue(), office.issue()
    left(office, first)
    left(office, first)  # Left again, it takes the same place.
    grant = offered(office, second)
    assert code_of(lambda: office.desk.leave(grant, second.issued.serialized)) == "deposits-full"


def test_failed_entry_hands_out_nothing_and_loses_nothing(office: Office) -> None:
    token = office.desk.exchange(left(office, office.issue()))
    record, office.desk._record = office.desk._record, _failing
    with pytest.raises(RuntimeError):
        collected(office, token)
    office.desk._record = record
    assert collected(office, token)


def _failing(*_: object) -> Any:
    raise RuntimeError("the disk is full")


# Over HTTP.


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


class Caller:
    """Asks the handlers as a wallet does."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(self, method: str, path: str, **options: Any) -> Answer:
        reply = self._client.request(method, path, **options)
        kind = reply.headers.get("content-type", "")
        body = reply.json() if "json" in kind else reply.content
        return Answer(reply.status_code, body, reply.headers)


@pytest.fixture
def call(office: Office) -> Any:
    edge = build_edge(
        handlers=routes(lists=office.lists, desk=office.desk), raw=[], metrics=Metrics(), health=dict
    )
    with TestClient(edge.app) as client:
        yield Caller(client)


def test_credential_goes_to_its_holder_over_http(office: Office, call: Caller) -> None:
    metadata = call("GET", "/.well-known/openid-credential-issuer").body
    server = call("GET", "/.well-known/oauth-authorization-server").body
    assert metadata["credential_issuer"] == URL == server["issuer"]
    held = office.issue()
    ticket = office.ask(office.hospital, ("credential.offer/1", {"credential": held.credential})).results[0]
    bearer = {"authorization": f"Bearer {ticket.ticket}"}
    offer = call("PUT", ticket.path, content=held.issued.serialized, headers=bearer)
    assert offer.status == 200 and offer.headers["cache-control"] == "no-store"
    assert set(offer.body["credential_configuration_ids"]) <= set(
        metadata["credential_configurations_supported"]
    )
    form = urlencode(
        {
            "grant_type": PRE_AUTHORISED,
            "pre-authorized_code": offer.body["grants"][PRE_AUTHORISED]["pre-authorized_code"],
        }
    )
    path = server["token_endpoint"].removeprefix(URL)
    answer = call("POST", path, content=form, headers={"content-type": "application/x-www-form-urlencoded"})
    assert (answer.status, answer.body["token_type"]) == (200, "Bearer")
    nonce = call("POST", metadata["nonce_endpoint"].removeprefix(URL)).body["c_nonce"]
    ask = {"credential_configuration_id": "licence-hybrid", "proofs": {"jwt": proof(office, nonce=nonce)}}
    token = {"authorization": f"Bearer {answer.body['access_token']}"}
    path = metadata["credential_endpoint"].removeprefix(URL)
    found = call("POST", path, json=ask, headers=token)
    assert found.status == 200 and found.headers["cache-control"] == "no-store"
    assert found.body["credentials"][0]["credential"] == json.loads(held.issued.serialized)
    assert call("POST", path, json=ask, headers=token).body["code"] == "deposit-missing"


@pytest.mark.parametrize(
    ("method", "path", "options", "code"),
    [
        ("PUT", "/v1/credentials/x/deposit", {"content": b"x"}, "ticket-refused"),
        ("POST", "/v1/credential/token", {"content": b"grant_type=password"}, "invalid-credential-request"),
        ("POST", "/v1/credential/token", {"content": b"\xff"}, "invalid-credential-request"),
        ("POST", "/v1/credential/token", {"content": b"x" * 5000}, "body-too-large"),
        ("POST", "/v1/credential", {"json": {}}, "ticket-refused"),
        (
            "POST",
            "/v1/credential",
            {"json": {}, "headers": {"authorization": "Bearer " + "A" * 43}},
            "invalid-credential-request",
        ),
        ("GET", "/v1/status-lists/x", {}, "invalid-id"),
        ("GET", "/v1/status-lists/01930000-0000-7000-8000-000000000001", {}, "status-list-missing"),
    ],
)
def test_bad_requests_are_refused_by_name(
    call: Caller, method: str, path: str, options: Any, code: str
) -> None:
    assert call(method, path, **options).body["code"] == code


def test_ticket_of_another_credential_is_refused(office: Office, call: Caller) -> None:
    first, second = office.issue(), office.issue()
    ticket = office.ask(office.hospital, ("credential.offer/1", {"credential": first.credential})).results[0]
    bearer = {"authorization": f"Bearer {ticket.ticket}"}
    path = f"/v1/credentials/{second.credential}/deposit"
    assert (
        call("PUT", path, content=second.issued.serialized, headers=bearer).body["code"] == "ticket-refused"
    )


def test_status_list_is_public_whole_and_in_two_forms(office: Office, call: Caller) -> None:
    path = f"/v1/status-lists/{office.status_list}"
    hybrid = call("GET", path)
    assert hybrid.headers["cache-control"] == "public, max-age=60" and hybrid.headers["vary"] == "accept"
    signed = office.lists.current(office.status_list)
    assert hybrid.body == json.loads(signed.serialized)
    compact = call("GET", path, headers={"accept": "application/statuslist+jwt"})
    assert compact.body == signed.compact.encode()
    assert compact.headers["content-type"].startswith("application/statuslist+jwt")
