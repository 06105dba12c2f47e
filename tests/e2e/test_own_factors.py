"""What a person is told of its own factors at a running node, and who may read what it showed in a visit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from telesphor.capabilities.identity.presentations.model import FactorWanted
from telesphor.client.credentials import CredentialBook, approve
from telesphor.client.issuing import IssuerClient
from telesphor.client.wallet import Wallet
from telesphor.demo.play.house import Reach, find_issuer
from tests.e2e.running import Answer, Running, code_of, running
from tests.e2e.test_browsers import Tab, begin
from tests.support.issuing import PERSON, IssuingOffice
from tests.torture.folders import ORIGIN

WANTED = ("given_name", "family_name", "birth_date")
MISSING = "01930000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("own") / "node") as node:
        yield node


@pytest.fixture(scope="module")
def office(node: Running) -> IssuingOffice:
    return IssuingOffice(node)


@pytest.fixture(scope="module")
def tab(node: Running) -> Tab:
    return begin(node, node.patient)


def run(node: Running, wallet: Wallet, work: Callable[[IssuerClient], Awaitable[Any]]) -> Any:
    """Do something as somebody, with the command line's client."""

    async def done() -> Any:
        async with IssuerClient(node.url, wallet, origin=ORIGIN, clock=node.clock, ids=node.ids) as client:
            return await work(client)

    return asyncio.run(done())


def credentials(tab: Tab) -> dict[str, dict[str, Any]]:
    return {one["credential"]: one for one in tab.ask("GET", "/v1/app/my/factors").json()["credentials"]}


def code_in(offer: Answer) -> str:
    assert offer.status == 200, offer
    assert offer.headers["cache-control"] == "no-store"
    (grant,) = offer.json()["grants"].values()
    return str(grant["pre-authorized_code"])


def test_credential_waits_is_collected_and_is_taken_back(
    node: Running, office: IssuingOffice, tab: Tab
) -> None:
    noted = office.issue(node.patient.actor)
    said = credentials(tab)[noted.credential]
    assert (said["state"], said["waits"], said["group"]) == ("active", False, "identity")
    assert (said["did"], said["issuer"]["id"]) == (office.issuer.did, office.wallet.actor)
    assert said["digest"] == noted.issued.digest
    office.offer(noted)
    assert credentials(tab)[noted.credential]["waits"]
    path = f"/v1/app/my/factors/{noted.credential}/offer"
    code = code_in(tab.ask("POST", path))
    taken = run(node, node.patient, lambda client: client.collect(code, "identity"))
    assert taken == noted.issued.serialized
    assert not credentials(tab)[noted.credential]["waits"]
    assert code_of(tab.ask("POST", path), 410) == "deposit-missing"
    revoked = node.command(
        office.wallet, "credential.revoke/1", credential=noted.credential, reason="mistaken"
    )
    assert revoked.status == 200
    assert credentials(tab)[noted.credential]["state"] == "revoked"


def test_broken_collection_is_begun_again(node: Running, office: IssuingOffice, tab: Tab) -> None:
    noted = office.issue(node.patient.actor)
    office.offer(noted)
    path = f"/v1/app/my/factors/{noted.credential}/offer"
    form = {"content-type": "application/x-www-form-urlencoded"}
    grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Apre-authorized_code"
    body = f"grant_type={grant}&pre-authorized_code={code_in(tab.ask('POST', path))}".encode()
    assert node.ask("POST", "/v1/credential/token", body=body, headers=form).status == 200
    # The line broke here: the first code is used, and the credential still waits.
    assert (
        code_of(node.ask("POST", "/v1/credential/token", body=body, headers=form), 410) == "deposit-missing"
    )
    code = code_in(tab.ask("POST", path))
    assert run(node, node.patient, lambda client: client.collect(code, "identity")) == noted.issued.serialized


def test_offer_of_another_person_is_neither_told_nor_given(
    node: Running, office: IssuingOffice, tab: Tab
) -> None:
    noted = office.issue(node.patient.actor)
    office.offer(noted)
    other = begin(node, node.clinician)
    assert noted.credential not in credentials(other)
    for credential in (noted.credential, MISSING):
        path = f"/v1/app/my/factors/{credential}/offer"
        assert code_of(other.ask("POST", path), 410) == "deposit-missing"
    assert credentials(tab)[noted.credential]["waits"]


def test_factors_are_told_to_nobody_without_a_session(node: Running) -> None:
    assert node.ask("GET", "/v1/app/my/factors").status == 401
    assert node.ask("POST", f"/v1/app/my/factors/{MISSING}/offer").status == 401


def test_requests_of_others_wait_until_they_are_answered_or_over(
    node: Running, office: IssuingOffice, tab: Tab
) -> None:
    asked = office.ask(node.patient.actor, "over_18")
    office.ask(node.clinician.actor, "over_18")
    office.ask(None, "over_18")
    soon = office.ask(node.patient.actor, "over_18", seconds=60)

    def waiting() -> list[str]:
        requests = tab.ask("GET", "/v1/app/my/factors").json()["requests"]
        assert all(one["verifier"]["id"] == office.wallet.actor for one in requests)
        return [one["presentation"] for one in requests]

    assert waiting() == [soon, asked]
    node.clock.ahead_ms = 61_000
    try:
        assert waiting() == [asked]
    finally:
        node.clock.ahead_ms = 0
    assert node.command(node.patient, "presentation.withdraw/1", presentation=asked).status == 200
    assert asked not in waiting()


def test_clinic_of_the_demonstration_stays_the_issuer_that_it_is(
    node: Running, office: IssuingOffice
) -> None:
    reach = Reach(node.url, node.node.reader, node.clock, node.ids)
    assert office.run(lambda client: find_issuer(client, reach)) == office.issuer


# Who one is, shown in a visit.


def show(node: Running, office: IssuingOffice, *, verifier: Wallet | None = None) -> str:
    """The patient shows its name and birth date, to itself where nobody else asks; returns the presentation."""
    noted = office.issue(node.patient.actor)
    holder = node.patient
    book = CredentialBook(holder.actor).add(
        noted.issued.serialized,
        issuer=office.wallet.signing_key.public,
        holder=holder.signing_key.public,
        now_ms=node.clock.now_ms(),
    )
    wanted = [FactorWanted(group="identity", name=name) for name in WANTED]

    async def ask(client: IssuerClient) -> Any:
        return await client.request_factors(wanted, purpose="treatment", holder=holder.actor)

    async def answer(client: IssuerClient) -> str:
        opened = await client.open_request(link.presentation)
        names = [one.factor for one in wanted]
        made = approve(opened.request, book, names, wallet=holder, node=ORIGIN, now_ms=node.clock.now_ms())
        await client.answer(made, opened.link)
        return str(link.presentation)

    link = run(node, verifier or holder, ask)
    shown: str = run(node, holder, answer)
    return shown


def present(node: Running, presentation: str) -> str:
    """Show it in a new visit; returns the visit."""
    visit = node.ids.next()
    assert node.open_visit(visit).status == 200
    answer = node.command(node.patient, "visit.present-identity/1", visit=visit, presentation=presentation)
    assert answer.status == 200, answer
    return visit


def read(node: Running, wallet: Wallet, presentation: str) -> Answer:
    return node.command(wallet, "presentation.read/1", presentation=presentation, vp=True)


def test_clinician_of_the_visit_reads_what_was_shown_while_it_lives(
    node: Running, office: IssuingOffice
) -> None:
    presentation = show(node, office)
    assert code_of(read(node, node.clinician, presentation), 403) == "not-permitted"
    visit = present(node, presentation)
    seats = begin(node, node.clinician).ask("GET", f"/v1/app/visits/{visit}").json()["visit"]["seats"]
    (patient,) = [seat for seat in seats if seat["role"] == "patient"]
    assert (patient["identity"], patient["presentation"]) == ("presented", presentation)
    answer = read(node, node.clinician, presentation)
    assert answer.status == 200, answer
    assert [line["type"] for line in answer.json()["entries"]] == ["presentation.read/1"]
    (shown,) = answer.json()["results"][0]["factors"]["credentials"]
    assert {one["name"]: one["value"] for one in shown["factors"]} == {name: PERSON[name] for name in WANTED}
    assert code_of(read(node, office.register(), presentation), 403) == "not-permitted"
    assert code_of(read(node, office.wallet, presentation), 403) == "not-permitted"
    assert node.command(node.clinician, "visit.close/1", visit=visit).status == 200
    assert code_of(read(node, node.clinician, presentation), 403) == "not-permitted"


def test_colleague_reads_it_once_in_the_room(node: Running, office: IssuingOffice) -> None:
    presentation, colleague = show(node, office), office.register()
    visit = present(node, presentation)

    def step(wallet: Wallet, name: str, **body: object) -> None:
        answer = node.command(wallet, f"visit.{name}/1", visit=visit, **body)
        assert answer.status == 200, answer

    step(node.clinician, "invite", participant=colleague.actor, role="colleague", invitation=None)
    assert code_of(read(node, colleague, presentation), 403) == "not-permitted"
    step(node.clinician, "begin")
    step(colleague, "check-in", camera="ok", microphone="ok", speaker="ok", network="good")
    step(colleague, "wait")
    assert code_of(read(node, colleague, presentation), 403) == "not-permitted"
    step(node.clinician, "admit", participant=colleague.actor)
    assert read(node, colleague, presentation).status == 200
    step(node.clinician, "remove", participant=colleague.actor)
    assert code_of(read(node, colleague, presentation), 403) == "not-permitted"


def test_what_somebody_else_asked_for_is_not_read_by_the_clinician(
    node: Running, office: IssuingOffice
) -> None:
    presentation = show(node, office, verifier=office.wallet)
    present(node, presentation)
    assert code_of(read(node, node.clinician, presentation), 403) == "not-permitted"
    assert read(node, office.wallet, presentation).status == 200


def test_another_persons_presentation_shows_nobody(node: Running, office: IssuingOffice) -> None:
    presentation = show(node, office)
    visit = node.ids.next()
    assert node.open_visit(visit).status == 200
    answer = node.command(node.clinician, "visit.present-identity/1", visit=visit, presentation=presentation)
    assert code_of(answer, 400) == "identity-refused"


def test_what_is_taken_back_is_read_by_nobody(node: Running, office: IssuingOffice) -> None:
    presentation = show(node, office)
    present(node, presentation)
    assert node.command(node.patient, "presentation.withdraw/1", presentation=presentation).status == 200
    assert code_of(read(node, node.clinician, presentation), 410) == "presentation-withdrawn"
