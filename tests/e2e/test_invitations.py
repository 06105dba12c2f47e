"""Links by which new keys come in, and the names of people, at a running node."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from telesphor.app import ledger_files, node_wallet
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import format_instant
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of
from telesphor.ledger.attribution import check_attribution
from telesphor.ledger.replay import check_state
from tests.e2e.running import Answer, Running, code_of, running
from tests.e2e.test_browsers import Tab, begin

HOUR_MS = 3_600_000
PASSCODE = "482913"


class Cast(NamedTuple):
    """The node, and the hospital that invites."""

    node: Running
    hospital: Wallet

    @property
    def origin(self) -> str:
        return self.node.node.settings.origin


class Link(NamedTuple):
    """A link as it was sent."""

    cast: Cast
    invitation: str
    code: str
    actor: str

    def post(self, verb: str, **body: object) -> Answer:
        tab: Tab | None = body.pop("tab", None)  # type: ignore[assignment]
        path = f"/v1/invitations/{self.invitation}/{verb}"
        data = canonical.encode({"code": self.code, **body})
        headers = {"content-type": "application/json", **({} if tab is None else tab.headers())}
        return self.cast.node.ask("POST", path, body=data, headers=headers)

    def wallet(self) -> Wallet:
        """Keys that were just made for the link."""
        made = Wallet.create(kind="person", ids=self.cast.node.ids)
        return Wallet(self.actor, "person", made.signing_key, made.kem_key)  # type: ignore[arg-type]

    def redeem(self, wallet: Wallet | None = None, **body: object) -> Answer:
        _, registration = register_command(wallet or self.wallet(), node=self.cast.origin)
        return self.post("redeem", registration=dict(registration), **body)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with running(tmp_path_factory.mktemp("invitations") / "node", display_name="Clínica Río") as node:
        hospital = Wallet.create(kind="organisation", ids=node.ids)
        command = register_command(hospital, node=node.node.settings.origin)
        assert node.post(node.sign(node_wallet(node.node.keys), command)).status == 200
        yield Cast(node, hospital)


def make(
    cast: Cast, by: Wallet | None = None, *, passcode: str | None = None, **more: Any
) -> tuple[Link, Answer]:
    """Invite somebody new."""
    code = cast.node.ids.random_bytes(32)
    body: dict[str, Any] = {
        "invitation": cast.node.ids.next(),
        "actor": cast.node.ids.next(),
        "kind": "person",
        "code": digest_of(code),
        "expires_at": format_instant(cast.node.clock.now_ms() + HOUR_MS),
        **more,
    }
    if passcode is not None:
        body["passcode"] = commit(canonical.encode(passcode), key32=code)
    answer = cast.node.command(by or cast.hospital, "invitation.make/1", **body)
    return Link(cast, body["invitation"], base64url.encode(code), body["actor"]), answer


def made(cast: Cast, **more: Any) -> Link:
    link, answer = make(cast, **more)
    assert answer.status == 200, answer.body
    return link


def test_link_from_its_making_to_the_first_session(cast: Cast) -> None:
    link = made(cast)
    shown = link.post("look").json()
    assert shown["actor"] == link.actor
    assert (shown["host"], shown["name"]) == (cast.node.node.settings.origin.partition("/")[0], "Clínica Río")
    assert (shown["known"], shown["needs_passcode"], shown["tries_left"]) == (False, False, 5)
    wallet = link.wallet()
    answer = link.redeem(wallet)
    assert answer.status == 201, answer.body
    types = [line["type"] for line in answer.json()["receipt"]["entries"]]
    assert types[0] == "actor.registered/1" and "invitation.redeemed/1" in types
    tab = begin(cast.node, wallet)
    assert tab.ask("GET", "/v1/session").json()["actor"] == link.actor


def test_invited_joins_the_groups_that_its_inviter_keeps(cast: Cast) -> None:
    group = cast.node.ids.next()
    cast.node.command(cast.hospital, "group.form/1", group=group, kind="role", role="nurse")
    link = made(cast, groups=[group])
    wallet = link.wallet()
    assert link.redeem(wallet).json()["groups"] == [group]
    assert begin(cast.node, wallet).ask("GET", "/v1/session").json()["roles"] == ["nurse"]


def test_link_is_used_once(cast: Cast) -> None:
    link = made(cast)
    assert link.redeem().status == 201
    assert code_of(link.redeem(), 410) == "invitation-used"
    assert code_of(link.post("look"), 410) == "invitation-used"


def test_link_that_many_use_at_once_makes_one_actor(cast: Cast) -> None:
    link = made(cast)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: link.redeem().status, range(4)))
    assert answers.count(201) == 1


def test_wrong_code_is_refused_like_an_unknown_invitation(cast: Cast) -> None:
    link = made(cast)
    wrong = link._replace(code=base64url.encode(bytes(32)))
    unknown = link._replace(invitation=cast.node.ids.next())
    malformed = link._replace(invitation="no-id")
    first, second, third = (one.post("look") for one in (wrong, unknown, malformed))
    assert code_of(first, 404) == "invitation-refused"
    assert first.body == second.body == third.body


def test_link_whose_time_is_over_is_refused(cast: Cast) -> None:
    link = made(cast)
    try:
        cast.node.clock.ahead_ms += HOUR_MS
        assert code_of(link.redeem(), 410) == "invitation-expired"
    finally:
        cast.node.clock.ahead_ms = 0


def test_link_that_was_taken_back_is_refused(cast: Cast) -> None:
    link = made(cast)
    assert cast.node.command(cast.hospital, "invitation.withdraw/1", invitation=link.invitation).status == 200
    assert code_of(link.redeem(), 410) == "invitation-withdrawn"


def test_passcode_is_needed_and_five_wrong_ones_end_the_link(cast: Cast) -> None:
    link = made(cast, passcode=PASSCODE)
    assert link.post("look").json()["needs_passcode"]
    assert code_of(link.redeem(), 403) == "passcode-needed"
    for _ in range(4):
        assert code_of(link.redeem(passcode="000000"), 403) == "passcode-refused"
    assert link.post("look").json()["tries_left"] == 1
    assert code_of(link.redeem(passcode="000000"), 410) == "invitation-locked"
    assert code_of(link.redeem(passcode=PASSCODE), 410) == "invitation-locked"


def test_passcodes_tried_at_once_are_counted_one_by_one(cast: Cast) -> None:
    link = made(cast, passcode=PASSCODE)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: link.redeem(passcode=f"{n:06}").status, range(12)))
    assert answers.count(403) == 4
    assert answers.count(410) == 8


def test_right_passcode_lets_in(cast: Cast) -> None:
    assert made(cast, passcode=PASSCODE).redeem(passcode=PASSCODE).status == 201


def test_registration_of_another_id_is_refused_and_the_link_stays(cast: Cast) -> None:
    link = made(cast)
    stranger = Wallet.create(kind="person", ids=cast.node.ids)
    assert code_of(link.redeem(stranger), 400) == "invitation-terms-refused"
    assert link.redeem().status == 201


def test_registration_with_somebody_elses_keys_is_refused_and_the_link_stays(cast: Cast) -> None:
    link = made(cast)
    other = cast.node.patient
    stolen = Wallet(link.actor, "person", other.signing_key, other.kem_key)  # type: ignore[arg-type]
    assert code_of(link.redeem(stolen), 409) == "key-used"
    assert link.redeem().status == 201


@pytest.mark.parametrize("who", ["node", "organisation", "system", "device"])
def test_link_makes_people_only(cast: Cast, who: str) -> None:
    link = made(cast)
    wallet = link.wallet()
    posing = Wallet(wallet.actor, who, wallet.signing_key, wallet.kem_key)
    assert code_of(link.redeem(posing), 400) == "invitation-terms-refused"


def test_person_does_not_invite_to_nothing_in_particular(cast: Cast) -> None:
    _, answer = make(cast, cast.node.patient)
    assert code_of(answer, 403) == "access-denied"


def test_group_that_the_inviter_does_not_keep_is_refused(cast: Cast) -> None:
    group = cast.node.ids.next()
    cast.node.command(cast.node.patient, "group.form/1", group=group, kind="care-team")
    _, answer = make(cast, groups=[group])
    assert code_of(answer, 403) == "not-the-keeper"


def test_id_that_another_has_invited_cannot_be_invited_by_somebody_else(cast: Cast) -> None:
    link = made(cast)
    _, answer = make(cast, cast.node.system, actor=link.actor)
    assert code_of(answer, 409) == "invitation-reserved"


@pytest.mark.parametrize("ahead_ms", [-1, 0, 91 * 24 * HOUR_MS])
def test_time_that_cannot_be_is_refused(cast: Cast, ahead_ms: int) -> None:
    expires_at = format_instant(cast.node.clock.now_ms() + ahead_ms)
    assert code_of(make(cast, expires_at=expires_at)[1], 400) == "invitation-terms-refused"


def test_nobody_but_the_node_says_that_a_link_was_redeemed(cast: Cast) -> None:
    link = made(cast)
    for wallet in (cast.hospital, cast.node.patient):
        body = {"invitation": link.invitation, "member": wallet.actor}
        assert code_of(cast.node.command(wallet, "invitation.redeem/1", **body), 403) == "not-permitted"


def test_known_person_signs_in_and_claims_the_link(cast: Cast) -> None:
    patient = cast.node.patient
    link = made(cast, actor=patient.actor)
    assert link.post("look").json()["known"]
    assert code_of(link.redeem(link.wallet()), 409) == "invitation-known"
    accept = {"invitation": link.invitation}
    assert code_of(cast.node.command(patient, "invitation.accept/1", **accept), 409) == "claim-missing"
    assert link.post("claim", tab=begin(cast.node, patient)).status == 204
    stranger = cast.node.clinician
    assert (
        code_of(cast.node.command(stranger, "invitation.accept/1", **accept), 403) == "invitation-for-another"
    )
    assert cast.node.command(patient, "invitation.accept/1", **accept).status == 200
    assert code_of(link.post("look"), 410) == "invitation-used"


def test_claim_without_a_session_is_refused(cast: Cast) -> None:
    assert code_of(made(cast).post("claim"), 401) == "session-refused"


# Names.


def _name(tab: Tab, actor: str, name: str) -> Answer:
    return tab.ask("PUT", f"/v1/app/people/{actor}", {"name": name}, **{"content-type": "application/json"})


def _people(tab: Tab, *actors: str) -> dict[str, str]:
    answer = tab.ask("GET", f"/v1/app/people?actors={','.join(actors)}")
    assert answer.status == 200, answer.body
    return {one["actor"]: one["name"] for one in answer.json()["people"]}


def test_person_names_itself_and_the_session_shows_it(cast: Cast) -> None:
    tab = begin(cast.node, cast.node.patient)
    assert _name(tab, cast.node.patient.actor, "  Amina   Osei ").status == 204
    assert tab.ask("GET", "/v1/session").json()["name"] == "Amina Osei"
    assert tab.ask("GET", "/v1/session").headers["cache-control"] == "no-store"


def test_name_is_nowhere_in_the_clear(cast: Cast) -> None:
    tab = begin(cast.node, cast.node.patient)
    _name(tab, cast.node.patient.actor, "Quirina Zwetkoff")
    _name(tab, cast.node.patient.actor, "Amina Osei")
    for file in cast.node.node.folder.path.rglob("*"):
        if file.is_file():
            assert b"Zwetkoff" not in file.read_bytes(), file.name
    assert "Zwetkoff" not in cast.node.logs.getvalue()


def test_name_of_somebody_without_a_part_is_not_shown(cast: Cast) -> None:
    _name(begin(cast.node, cast.node.patient), cast.node.patient.actor, "Amina Osei")
    stranger = made(cast)
    wallet = stranger.wallet()
    stranger.redeem(wallet)
    assert _people(begin(cast.node, wallet), cast.node.patient.actor) == {}
    assert _people(begin(cast.node, cast.hospital), cast.node.patient.actor) == {
        cast.node.patient.actor: "Amina Osei"
    }


def test_stranger_neither_sets_nor_destroys_a_name(cast: Cast) -> None:
    tab = begin(cast.node, cast.node.clinician)
    assert code_of(_name(tab, cast.node.patient.actor, "X Y"), 403) == "name-not-yours"
    answer = tab.ask("DELETE", f"/v1/app/people/{cast.node.patient.actor}")
    assert code_of(answer, 403) == "name-not-yours"


def test_destroyed_name_is_gone(cast: Cast) -> None:
    tab = begin(cast.node, cast.node.clinician)
    _name(tab, cast.node.clinician.actor, "Kwame Mensah")
    assert tab.ask("DELETE", f"/v1/app/people/{cast.node.clinician.actor}").status == 204
    assert tab.ask("GET", "/v1/session").json()["name"] is None


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * 201, "a\u202eb", "a\x00b", "\u200b"],
    ids=["empty", "spaces", "long", "turned", "nul", "hidden"],
)
def test_text_that_is_no_name_is_refused(cast: Cast, name: str) -> None:
    answer = _name(begin(cast.node, cast.node.patient), cast.node.patient.actor, name)
    assert answer.status == 400
    assert name not in answer.body.decode() or not name.strip()


def test_people_are_looked_up_by_organisations_alone(cast: Cast) -> None:
    _name(begin(cast.node, cast.node.patient), cast.node.patient.actor, "Amína Osei")
    json = {"content-type": "application/json"}
    found = begin(cast.node, cast.hospital).ask("POST", "/v1/app/people/search", {"q": "ose ami"}, **json)
    assert [one["name"] for one in found.json()["people"]] == ["Amína Osei"]
    refused = begin(cast.node, cast.node.clinician).ask("POST", "/v1/app/people/search", {"q": "ose"}, **json)
    assert code_of(refused, 403) == "search-refused"


def test_tables_are_a_fold_of_all_that_happened(cast: Cast, tmp_path: Path) -> None:
    node = cast.node.node
    assert check_state(node.folder.ledger, tmp_path / "scratch.sqlite", node.registry)


def test_verifier_finds_that_every_entry_was_asked_for(cast: Cast) -> None:
    """Among them the registrations and new members that the node asked for in the name of an invitation."""
    node = cast.node.node
    assert check_attribution(ledger_files(node.folder, node.settings)) > 10
