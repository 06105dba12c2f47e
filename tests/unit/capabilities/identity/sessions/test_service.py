"""Who may begin a session, and for how long a sign-in by passkey counts for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.identity.model import NotPermitted
from telesphor.capabilities.identity.passkeys.capability import passkeys_capability
from telesphor.capabilities.identity.passkeys.model import PasskeyNeeded, RelyingParty
from telesphor.capabilities.identity.sessions.capability import sessions_capability
from telesphor.capabilities.identity.sessions.service import SIGNED_IN_MS, SessionTicket, check_standing
from telesphor.client.requests import rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import Actor
from telesphor.runtime.sessions import Sessions
from telesphor.runtime.tickets import Tickets
from tests.support.authenticator import Authenticator
from tests.unit.capabilities.world import ORIGIN, World


class Case:
    """A node that keeps sessions and knows passkeys."""

    def __init__(self, folder: Path) -> None:
        party = RelyingParty.of("node.example")
        self.strangers: set[str] = set()
        sessions = sessions_capability(self._sessions(), is_stranger=self.strangers.__contains__)
        self.world = World(folder, passkeys_capability(party), sessions)
        self.world.begin()

    def _sessions(self) -> Sessions:
        clock = ManualClock(0)
        ids = IdSource(clock)
        tickets = Tickets(clock=clock, random=ids.random_bytes)
        return Sessions(tickets=tickets, clock=clock, random=ids.random_bytes, standing=lambda _: None)

    def open(self, wallet: Wallet) -> SessionTicket:
        ticket: SessionTicket = self.world.ask(wallet, ("session.open/1", {})).results[0]
        return ticket

    def challenge(self, wallet: Wallet, purpose: str) -> Any:
        return self.world.ask(wallet, ("passkey.challenge/1", {"purpose": purpose})).results[0].challenge


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    case = Case(tmp_path_factory.mktemp("sessions"))
    yield case
    case.world.close()


def test_system_of_another_organisation_opens_no_session(case: Case) -> None:
    system = case.world.enrol("system")
    case.strangers.add(system.actor)
    with pytest.raises(NotPermitted, match="names"):
        case.open(system)


@pytest.mark.parametrize("kind", ["person", "organisation", "system"])
def test_whoever_looks_at_views_may_open_a_session(case: Case, kind: str) -> None:
    assert len(case.open(case.world.enrol(kind)).ticket) == 43


def test_device_opens_no_session(case: Case) -> None:
    with pytest.raises(NotPermitted):
        case.open(case.world.enrol("device"))


def test_person_with_a_passkey_has_to_sign_in_by_it_and_it_counts_for_a_quarter_of_an_hour(
    case: Case,
) -> None:
    person, key = case.world.enrol("person"), Authenticator()
    case.world.ask(person, ("passkey.register/1", key.register(case.challenge(person, "register"))))
    with pytest.raises(PasskeyNeeded):
        case.open(person)
    case.world.ask(person, ("passkey.sign-in/1", key.sign_in(case.challenge(person, "sign-in"))))
    case.open(person)
    case.world.clock.advance_ms(SIGNED_IN_MS)
    case.open(person)
    case.world.clock.advance_ms(1)
    with pytest.raises(PasskeyNeeded):
        case.open(person)


def test_session_stands_on_the_keys_that_began_it(case: Case) -> None:
    person = case.world.enrol("person")
    actor = Actor(person.actor, "person", person.signing_key.public.key_id)
    check_standing(case.world.db, actor)
    case.world.ask(person, rotate_command(person.renew(), node=ORIGIN))
    with pytest.raises(NotPermitted):
        check_standing(case.world.db, actor)
