"""What a person who administers may do at a whole node, what it may not, and what is recorded of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from telesphor.app import create_node, ledger_files, open_node
from telesphor.capabilities.access.tokens.policies import roles_of
from telesphor.capabilities.identity.administering import OVERSEERS
from telesphor.capabilities.identity.enrolment.credential import make_credential
from telesphor.capabilities.identity.invitations.desk import read_registration
from telesphor.capabilities.identity.model import ActorPaused
from telesphor.capabilities.identity.service import find_actor
from telesphor.client.requests import Command, register_command
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.attribution import check_attribution
from telesphor.ledger.replay import check_state
from telesphor.runtime.capability import Actor, Receipt
from telesphor.runtime.sessions import Session, SessionRefused
from tests.support.everything import ORIGIN, Story

HOUR_MS = 3_600_000
Invited = tuple[str, dict[str, Any]]
RULE = """\
@id("administrators")
permit (principal, action == Telesphor::Action::"administer", resource is Telesphor::Organisation)
when { principal.roles.contains("administrator") };
"""


class House(Story):
    """A hospital whose rules let who has the role `administrator` administer: Tomas, and not Vera, who audits."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.tomas, self.vera, self.nurse = (self.wallet("person") for _ in range(3))
        self.ask(
            self.hospital,
            *(register_command(one, node=ORIGIN) for one in (self.tomas, self.vera, self.nurse)),
        )
        self.ask(self.hospital, ("policy.set/1", {"slot": "rules", "policies": RULE}))
        self.groups = {role: self.form(role) for role in ("clinician", *sorted(OVERSEERS))}
        self.team = self.ids.next()
        self.ask(self.hospital, ("group.form/1", {"group": self.team, "kind": "care-team", "role": None}))
        self.add(self.hospital, "administrator", self.tomas)
        self.add(self.hospital, "auditor", self.vera)

    def form(self, role: str) -> str:
        group = self.ids.next()
        self.ask(self.hospital, ("group.form/1", {"group": group, "kind": "role", "role": role}))
        return group

    def add(self, by: Wallet, role: str, member: Wallet) -> Receipt:
        return self.ask(by, ("group.add/1", {"group": self.groups[role], "member": member.actor}))

    def remove(self, by: Wallet, role: str, member: Wallet) -> Receipt:
        return self.ask(by, ("group.remove/1", {"group": self.groups[role], "member": member.actor}))

    def newcomer(self) -> Wallet:
        """Somebody with keys, and nothing else."""
        made = self.wallet("person")
        self.ask(self.hospital, register_command(made, node=ORIGIN))
        return made

    def state(self, wallet: Wallet) -> str:
        with self.node.vault.ledger.reading() as db:
            found = find_actor(db, wallet.actor)
        assert found is not None
        return found.state

    def sign_in(self, wallet: Wallet) -> Session:
        ticket = self.ask(wallet, ("session.open/1", {})).results[0].ticket
        return self.node.desks.browsers.sessions.begin(ticket)[0]

    def enrol(self) -> Wallet:
        """A device of the patient's."""
        device, maker, key = self.wallet("device"), self.ids.next(), SigningKey.generate(HybridSuite.ROOT)
        data = make_credential(
            maker=f"{maker}.example",
            key=key,
            model="Oximeter",
            serial=commit(b"serial", key32=bytes(32)),
            device=device.signing_key.public,
            begins_ms=self.clock.now_ms() - HOUR_MS,
            ends_ms=self.clock.now_ms() + HOUR_MS,
        )
        trusted = {
            "maker": maker,
            "name": f"{maker}.example",
            "keys": key.public.jwks(),
            "models": ["Oximeter"],
        }
        enrolled = {"device": device.actor, "maker": maker, "owner": self.patient.actor}
        enrolled |= {"document": digest_of(data), "credential": msgspec.json.decode(data)}
        self.ask(self.hospital, register_command(device, node=ORIGIN))
        self.ask(self.hospital, ("maker.trust/1", trusted), ("device.enrol/1", enrolled))
        return device

    def invitation(self, **more: Any) -> tuple[Invited, str]:
        """A command that invites somebody new, and the link's code."""
        code = self.ids.random_bytes(32)
        body = {"invitation": self.ids.next(), "actor": self.ids.next(), "kind": "person", **more}
        body |= {"code": digest_of(code), "expires_at": self.instant(HOUR_MS)}
        return ("invitation.make/1", body), base64url.encode(code)

    def redeem(self, invited: Invited, code: str) -> tuple[Wallet, Any]:
        made = self.wallet("person")
        wallet = Wallet(invited[1]["actor"], "person", made.signing_key, made.kem_key)
        registration = read_registration(dict(msgspec.to_builtins(register_command(wallet, node=ORIGIN)[1])))
        links = self.node.desks.browsers.links
        return wallet, links.redeem(str(invited[1]["invitation"]), code, None, registration)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path = tmp_path_factory.mktemp("administering") / "node"
    create_node(path, origin=ORIGIN, passphrase=b"passphrase")
    with open_node(path, passphrase=b"passphrase") as node:
        yield House(node)
        # Whatever was done here, each entry was asked for, and the tables are what the entries say.
        files = ledger_files(node.folder, node.settings)
        assert check_attribution(files) > 10
        assert check_state(node.folder.ledger, path.with_suffix(".sqlite"), node.registry)


def code_of(house: House, by: Wallet, *commands: Command) -> str:
    with pytest.raises(TelesphorError) as caught:
        house.ask(by, *commands)
    return caught.value.code


def types_of(receipt: Receipt) -> list[str]:
    """The acts, and that a decision stands beside them; that of the command itself may have been made before."""
    return [line.type for line in receipt.entries if line.type != "access.standing/1"]


def test_administrator_gives_and_takes_a_role_and_the_decision_stands_beside(house: House) -> None:
    given = house.add(house.tomas, "clinician", house.nurse)
    assert types_of(given) == ["group.added/1", "access.decided/1"]
    with house.node.desks.browsers.snapshot() as state:
        assert roles_of(state, house.nurse.actor) == ("clinician",)
    taken = house.remove(house.tomas, "clinician", house.nurse)
    assert types_of(taken) == ["group.removed/1", "access.decided/1"]


@pytest.mark.parametrize("verb", ["group.add/1", "group.remove/1"])
def test_person_without_the_rule_is_denied_on_record(house: House, verb: str) -> None:
    before = house.node.machine.committed_size
    command = (verb, {"group": house.groups["clinician"], "member": house.patient.actor})
    assert code_of(house, house.clinician, command) == "access-denied"
    assert house.node.machine.committed_size == before + 1


@pytest.mark.parametrize("role", sorted(OVERSEERS))
def test_roles_that_oversee_are_the_organisations_alone(house: House, role: str) -> None:
    for verb in ("group.add/1", "group.remove/1"):
        command = (verb, {"group": house.groups[role], "member": house.nurse.actor})
        assert code_of(house, house.tomas, command) == "overseer-refused"
    invited, _ = house.invitation(groups=[house.groups[role]])
    assert code_of(house, house.tomas, invited) == "overseer-refused"


def test_nobody_gives_itself_a_role(house: House) -> None:
    command = ("group.add/1", {"group": house.groups["clinician"], "member": house.tomas.actor})
    assert code_of(house, house.tomas, command) == "own-rights-refused"


def test_who_belongs_to_a_care_team_is_its_keepers_to_say(house: House) -> None:
    command = ("group.add/1", {"group": house.team, "member": house.nurse.actor})
    assert code_of(house, house.tomas, command) == "not-the-keeper"
    invited, _ = house.invitation(groups=[house.team])
    assert code_of(house, house.tomas, invited) == "not-the-keeper"


def test_roles_of_a_person_cannot_be_kept_by_a_person(house: House) -> None:
    command = ("group.form/1", {"group": house.ids.next(), "kind": "role", "role": "clinician"})
    assert code_of(house, house.tomas, command) == "not-permitted"


def test_administrator_invites_somebody_who_joins_with_the_role(house: House) -> None:
    invited, code = house.invitation(groups=[house.groups["clinician"]])
    made = types_of(house.ask(house.tomas, invited))
    assert made == ["invitation.made/1", "access.decided/1", "access.decided/1"]
    wallet, taken = house.redeem(invited, code)
    assert taken.groups == (house.groups["clinician"],)
    with house.node.desks.browsers.snapshot() as state:
        assert roles_of(state, wallet.actor) == ("clinician",)


def test_administrator_who_takes_its_own_link_has_no_role_by_it(house: House) -> None:
    invited, code = house.invitation(groups=[house.groups["clinician"]])
    house.ask(house.tomas, invited)
    key_id = house.tomas.signing_key.public.key_id
    actor = Actor(house.tomas.actor, "person", key_id)
    house.node.desks.browsers.links.claim(actor, str(invited[1]["invitation"]), code, None)
    accepted = house.ask(house.tomas, ("invitation.accept/1", {"invitation": invited[1]["invitation"]}))
    assert types_of(accepted) == ["invitation.accepted/1"]
    with house.node.desks.browsers.snapshot() as state:
        assert roles_of(state, house.tomas.actor) == ("administrator",)


def test_role_in_a_link_is_passed_over_once_its_inviter_administers_no_more(house: House) -> None:
    fired = house.newcomer()
    house.add(house.hospital, "administrator", fired)
    invited, code = house.invitation(groups=[house.groups["clinician"]])
    house.ask(fired, invited)
    house.remove(house.hospital, "administrator", fired)
    _, taken = house.redeem(invited, code)
    assert taken.groups == ()


def test_person_who_does_not_administer_invites_to_visits_alone(house: House) -> None:
    invited, _ = house.invitation()
    assert code_of(house, house.clinician, invited) == "access-denied"


def test_administrator_cannot_invite_under_an_id_that_was_made_before(house: House) -> None:
    """It may be a patient's who has not come yet: whoever takes its keys would be that patient."""
    to_be = house.ids.next()
    old = f"0190{to_be[4:]}"
    invited, _ = house.invitation(actor=old)
    assert code_of(house, house.tomas, invited) == "not-permitted"


def test_administrator_cannot_become_a_patient_who_is_expected_with_a_visit(house: House) -> None:
    """However young the id is: the clinician who made it took the link back, to send another."""
    invited, _ = house.invitation(visit=house.ids.next())
    to_be = invited[1]["actor"]
    visit = {
        "visit": invited[1]["visit"],
        "patient": to_be,
        "clinician": house.clinician.actor,
        "devices": [],
    }
    visit |= {"starts_at": house.instant(HOUR_MS), "minutes": 20}
    house.ask(house.clinician, ("visit.schedule/1", visit))
    other, _ = house.invitation(actor=to_be)
    assert code_of(house, house.tomas, other) == "not-permitted"


def test_administrator_cannot_become_somebody_whom_others_have_invited(house: House) -> None:
    invited, _ = house.invitation()
    house.ask(house.hospital, invited)
    house.ask(house.hospital, ("invitation.withdraw/1", {"invitation": invited[1]["invitation"]}))
    again, _ = house.invitation(actor=invited[1]["actor"])
    assert code_of(house, house.tomas, again) == "not-permitted"


def test_administrator_may_send_another_link_under_an_id_that_it_made(house: House) -> None:
    invited, _ = house.invitation()
    house.ask(house.tomas, invited)
    house.ask(house.tomas, ("invitation.withdraw/1", {"invitation": invited[1]["invitation"]}))
    again, code = house.invitation(actor=invited[1]["actor"])
    house.ask(house.tomas, again)
    house.redeem(again, code)


def test_paused_person_signs_nothing_and_its_sessions_are_over_at_once(house: House) -> None:
    person = house.newcomer()
    session = house.sign_in(person)
    told = types_of(house.ask(house.tomas, ("actor.pause/1", {"actor": person.actor, "reason": "incident"})))
    assert told == ["actor.paused/1", "access.decided/1"]
    with pytest.raises(SessionRefused):
        house.node.desks.browsers.sessions.check(session)
    assert house.state(person) == "paused"
    assert code_of(house, person, ("session.open/1", {})) == "actor-paused"
    assert code_of(house, person, ("actor.retire/1", {"id": person.actor})) == "actor-paused"
    house.ask(house.tomas, ("actor.resume/1", {"actor": person.actor}))
    assert house.state(person) == "active"
    house.sign_in(person)


def test_paused_person_reads_no_more_by_a_ticket_it_has(house: House) -> None:
    person = house.newcomer()
    record = house.put(house.clinician, readers=[person.actor])
    body = {"object": record, "purpose": "treatment", "visit": None}
    ticket = house.ask(person, ("object.read/1", body)).results[0].ticket
    assert house.node.vault.send(ticket, io.BytesIO()) > 0
    house.ask(house.tomas, ("actor.pause/1", {"actor": person.actor, "reason": "incident"}))
    with pytest.raises(ActorPaused):
        house.node.vault.send(ticket, io.BytesIO())


def test_paused_device_does_not_act(house: House) -> None:
    house.ask(house.tomas, ("actor.pause/1", {"actor": house.monitor.actor, "reason": "incident"}))
    assert code_of(house, house.monitor, ("device.challenge/1", {})) == "actor-paused"
    house.ask(house.tomas, ("actor.resume/1", {"actor": house.monitor.actor}))


def test_administrator_revokes_a_lost_device_and_nobody_else_does(house: House) -> None:
    revoke = ("device.revoke/1", {"device": house.enrol().actor, "reason": "stolen"})
    assert code_of(house, house.clinician, revoke) == "access-denied"
    assert types_of(house.ask(house.tomas, revoke)) == ["device.revoked/1", "access.decided/1"]


def test_pause_and_its_end_come_once(house: House) -> None:
    person = house.newcomer()
    about = {"actor": person.actor}
    assert code_of(house, house.tomas, ("actor.resume/1", about)) == "pause-missing"
    house.ask(house.tomas, ("actor.pause/1", {**about, "reason": "away"}))
    assert code_of(house, house.tomas, ("actor.pause/1", {**about, "reason": "left"})) == "pause-exists"


def test_keys_of_a_paused_person_may_be_reported_lost_and_the_pause_outlives_that(house: House) -> None:
    person = house.newcomer()
    about = {"actor": person.actor}
    house.ask(house.hospital, ("actor.pause/1", {**about, "reason": "incident"}))
    house.ask(house.hospital, ("actor.report-lost/1", {"id": person.actor, "reason": "stolen"}))
    assert house.state(person) == "suspended"
    house.ask(house.hospital, ("actor.resume/1", about))
    assert house.state(person) == "suspended", "resuming brings no lost keys back"


def test_what_the_organisation_paused_no_administrator_resumes(house: House) -> None:
    person = house.newcomer()
    house.ask(house.hospital, ("actor.pause/1", {"actor": person.actor, "reason": "left"}))
    assert code_of(house, house.tomas, ("actor.resume/1", {"actor": person.actor})) == "not-permitted"


def test_administrator_pauses_nobody_who_oversees_it_nor_itself(house: House) -> None:
    def pause(one: Wallet) -> Command:
        return ("actor.pause/1", {"actor": one.actor, "reason": "left"})

    assert code_of(house, house.tomas, pause(house.vera)) == "overseer-refused"
    assert code_of(house, house.tomas, pause(house.tomas)) == "own-rights-refused"
    assert code_of(house, house.tomas, pause(house.hospital)) == "not-permitted"
    assert code_of(house, house.tomas, pause(house.system)) == "not-permitted", "it may be the monitor"


def test_person_who_does_not_administer_pauses_nobody(house: House) -> None:
    command = ("actor.pause/1", {"actor": house.patient.actor, "reason": "away"})
    assert code_of(house, house.clinician, command) == "access-denied"


def test_paused_administrator_administers_no_more(house: House) -> None:
    other = house.newcomer()
    house.add(house.hospital, "administrator", other)
    house.ask(house.hospital, ("actor.pause/1", {"actor": other.actor, "reason": "incident"}))
    command = ("group.add/1", {"group": house.groups["clinician"], "member": house.nurse.actor})
    assert code_of(house, other, command) == "actor-paused"
