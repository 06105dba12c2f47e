"""The holder's wallet of the browser before Python's issuer, node and verifier: credentials are collected and shown.

The TypeScript of `web/src/factors/` is run by Node.js, as in `test_web_kernel.py`; the issuer is the client of the
command line, and the node a real one over HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from telesphor.client.credentials import check_shown
from telesphor.client.wallet import Wallet
from telesphor.kernel import canonical
from tests.conformance.test_web_kernel import Judge, Refused, find_program, hand_over, judging
from tests.e2e.running import Running, running
from tests.support.issuing import PERSON, IssuingOffice
from tests.torture.folders import ORIGIN


class Holder(NamedTuple):
    """A person whose wallet the browser's code is."""

    judge: Judge
    node: Running
    wallet: Wallet
    handle: int

    def ask(self, action: str, **asked: object) -> Any:
        return self.judge.ask(action, handle=self.handle, url=self.node.url, node=ORIGIN, **asked)

    def code_of(self, action: str, **asked: object) -> str:
        with pytest.raises(Refused) as refused:
            self.ask(action, **asked)
        return refused.value.code


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    with judging(find_program(), tmp_path_factory.mktemp("judge")) as judge:
        yield judge


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("web") / "node") as node:
        yield node


@pytest.fixture(scope="module")
def office(node: Running) -> IssuingOffice:
    return IssuingOffice(node)


@pytest.fixture(autouse=True)
def taking_back(office: IssuingOffice) -> Iterator[None]:
    yield
    office.take_back()


@pytest.fixture(scope="module")
def patient(judge: Judge, node: Running, office: IssuingOffice) -> Holder:
    """A patient who has collected an identity credential."""
    holder = Holder(judge, node, node.patient, hand_over(judge, node.patient))
    taken = holder.ask("collect", offer=office.offer(office.issue(node.patient.actor)))
    assert taken["factors"] == PERSON
    return holder


@pytest.fixture(scope="module")
def other(judge: Judge, node: Running) -> Holder:
    """Somebody else."""
    return Holder(judge, node, node.clinician, hand_over(judge, node.clinician))


def test_exactly_what_was_approved_is_shown(patient: Holder, office: IssuingOffice) -> None:
    asked = office.ask(patient.wallet.actor, "given_name", "birth_date", "over_18", optional=["birth_date"])
    offered = [[f"identity.{name}", PERSON[name]] for name in ("given_name", "birth_date", "over_18")]
    assert patient.ask("look", presentation=asked) == offered
    patient.ask("present", presentation=asked, names=["identity.given_name", "identity.over_18"])
    shown = office.run(lambda client: client.read_presentation(asked, vp=True))
    check_shown(shown, [office.wallet.signing_key.public])
    (credential,) = shown.factors.credentials
    assert {one.name: one.value for one in credential.factors} == {
        "given_name": PERSON["given_name"],
        "over_18": "true",
    }


def test_keys_of_the_other_engine_collect_and_show(
    judge: Judge, node: Running, office: IssuingOffice
) -> None:
    wallet = office.register()
    holder = Holder(judge, node, wallet, hand_over(judge, wallet, engine="noble"))
    holder.ask("collect", offer=office.offer(office.issue(wallet.actor)))
    asked = office.ask(wallet.actor, "over_18")
    holder.ask("present", presentation=asked, names=["identity.over_18"])
    check_shown(
        office.run(lambda client: client.read_presentation(asked, vp=True)),
        [office.wallet.signing_key.public],
    )


def test_who_shows_oneself_presents_in_a_visit(patient: Holder, node: Running) -> None:
    visit = node.ids.next()
    assert node.open_visit(visit).status == 200
    wanted: list[dict[str, Any]] = [
        {"group": "identity", "name": name, "accepted": [], "vouched": "issuer", "optional": False}
        for name in ("given_name", "family_name", "birth_date")
    ]
    presentation = patient.ask("show_oneself", wanted=wanted)
    answer = node.command(patient.wallet, "visit.present-identity/1", visit=visit, presentation=presentation)
    assert answer.status == 200, answer
    types = [line["type"] for line in answer.json()["entries"]]
    assert "visit.identity-presented/1" in types


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("audience", "audience-mismatch"),
        ("nonce", "nonce-mismatch"),
        ("half", "key-binding-missing"),
        ("disclosure", "disclosure-unmatched"),
        ("unasked", "factor-superfluous"),
        ("stale", "key-binding-stale"),
    ],
)
def test_answer_that_no_wallet_would_send_is_refused(
    patient: Holder, office: IssuingOffice, wrong: str, code: str
) -> None:
    asked = office.ask(patient.wallet.actor, "given_name")
    found = patient.code_of("present", presentation=asked, names=["identity.given_name"], wrong=wrong)
    assert found == code


def test_answer_counts_once(patient: Holder, office: IssuingOffice) -> None:
    asked = office.ask(patient.wallet.actor, "over_18")
    patient.ask("present", presentation=asked, names=["identity.over_18"])
    again = patient.code_of("present", presentation=asked, names=["identity.over_18"])
    assert again == "presentation-answered"


def test_request_to_another_person_is_not_answered(
    other: Holder, patient: Holder, office: IssuingOffice
) -> None:
    asked = office.ask(patient.wallet.actor, "over_18")
    assert other.code_of("present", presentation=asked, names=["identity.over_18"]) == "wrong-holder"


def test_request_that_is_over_is_not_answered(patient: Holder, node: Running, office: IssuingOffice) -> None:
    asked = office.ask(patient.wallet.actor, "over_18", seconds=60)
    node.clock.ahead_ms = 61_000
    try:
        found = patient.code_of("present", presentation=asked, names=["identity.over_18"])
    finally:
        node.clock.ahead_ms = 0
    assert found == "presentation-expired"


def test_credential_of_another_person_is_neither_collected_nor_taken(
    other: Holder, patient: Holder, office: IssuingOffice
) -> None:
    noted = office.issue(patient.wallet.actor)
    assert other.code_of("collect", offer=office.offer(noted)) == "invalid-proof"
    jwks = office.wallet.signing_key.public.jwks()
    taken = other.code_of("take", serialized=noted.issued.serialized.decode(), jwks=jwks)
    assert taken == "credentials-refused"


def test_offer_that_was_used_gives_nothing(patient: Holder, office: IssuingOffice) -> None:
    offer = office.offer(office.issue(patient.wallet.actor))
    patient.ask("collect", offer=offer)
    assert patient.code_of("collect", offer=offer) == "deposit-missing"


@pytest.mark.parametrize("said", [{"issuer": "did:web:clinic.example"}, {"digest": "sha256:" + "0" * 64}])
def test_credential_that_is_not_what_was_offered_is_not_taken(
    patient: Holder, office: IssuingOffice, said: dict[str, str]
) -> None:
    offer = office.offer(office.issue(patient.wallet.actor), **said)
    assert patient.code_of("collect", offer=offer) == "offer-differs"


def test_credential_without_a_half_is_not_taken(patient: Holder, office: IssuingOffice) -> None:
    noted = office.issue(patient.wallet.actor)
    jwks = office.wallet.signing_key.public.jwks()
    for half in (0, 1):
        document = json.loads(noted.issued.serialized)
        del document["signatures"][half]
        text = canonical.encode(document).decode()
        assert patient.code_of("take", serialized=text, jwks=jwks) == "credential-half-missing"


def test_credential_that_was_taken_back_is_refused_by_the_node(
    patient: Holder, judge: Judge, node: Running, office: IssuingOffice
) -> None:
    wallet = office.register()
    holder = Holder(judge, node, wallet, hand_over(judge, wallet))
    noted = office.issue(wallet.actor)
    holder.ask("collect", offer=office.offer(noted))
    revoked = node.command(
        office.wallet, "credential.revoke/1", credential=noted.credential, reason="mistaken"
    )
    assert revoked.status == 200
    asked = office.ask(wallet.actor, "over_18")
    found = holder.code_of("present", presentation=asked, names=["identity.over_18"])
    assert found == "credential-revoked"
