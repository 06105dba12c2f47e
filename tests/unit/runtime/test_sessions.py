"""Sessions by themselves: how many, how long, and what they stand on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telesphor.kernel.clock import ManualClock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.runtime.capability import Actor
from telesphor.runtime.database import StorageFailed
from telesphor.runtime.sessions import (
    COOKIE_PREFIX,
    IDLE_SECONDS,
    SESSION_SECONDS_MAX,
    SESSIONS_OF_ONE_MAX,
    TICKET_SECONDS,
    Session,
    SessionGrant,
    SessionRefused,
    Sessions,
    SessionsFull,
    find_session,
)
from telesphor.runtime.tickets import TicketRefused, Tickets

START_MS = 1_795_348_275_123


class House:
    """Sessions with a clock of the test's own."""

    def __init__(self, *, sessions_max: int = 100) -> None:
        self.clock = ManualClock(START_MS)
        self.ids = IdSource(self.clock)
        self.standing: Callable[[Actor], None] = lambda _: None
        self.ended: list[Session] = []
        self.tickets = Tickets(clock=self.clock, random=self.ids.random_bytes)
        self.sessions = Sessions(
            tickets=self.tickets,
            clock=self.clock,
            random=self.ids.random_bytes,
            standing=lambda actor: self.standing(actor),
            sessions_max=sessions_max,
        )
        self.sessions.on_end(self.ended.append)
        self.person = self.actor()

    def actor(self) -> Actor:
        return Actor(ActorId(self.ids.next()), "person", "key")

    def begin(self, actor: Actor | None = None) -> tuple[Session, str]:
        ticket = self.tickets.issue(SessionGrant(actor or self.person), lifetime_seconds=TICKET_SECONDS)
        return self.sessions.begin(ticket)

    def pass_seconds(self, seconds: int) -> None:
        self.clock.advance_ms(seconds * 1000)


@pytest.fixture
def house() -> House:
    return House()


def test_ticket_is_good_for_a_minute(house: House) -> None:
    ticket = house.tickets.issue(SessionGrant(house.person), lifetime_seconds=TICKET_SECONDS)
    house.pass_seconds(TICKET_SECONDS)
    with pytest.raises(TicketRefused):
        house.sessions.begin(ticket)


def test_session_ends_after_twelve_hours_though_somebody_is_there(house: House) -> None:
    session, secret = house.begin()
    for _ in range(SESSION_SECONDS_MAX // 600 - 1):
        house.pass_seconds(600)
        house.sessions.find(session.id, secret, there=True)
    house.pass_seconds(600)
    with pytest.raises(SessionRefused):
        house.sessions.find(session.id, secret, there=True)


def test_session_that_nobody_asks_about_is_ended_by_the_sweep(house: House) -> None:
    session, _ = house.begin()
    house.pass_seconds(IDLE_SECONDS - 1)
    house.sessions.sweep()
    assert house.ended == []
    house.pass_seconds(1)
    house.sessions.sweep()
    assert house.ended == [session]
    assert len(house.sessions) == 0


def test_presence_puts_the_idle_end_off_and_does_not_bring_back_what_ended(house: House) -> None:
    session, secret = house.begin()
    house.pass_seconds(IDLE_SECONDS - 1)
    house.sessions.note_presence(session)
    house.pass_seconds(IDLE_SECONDS - 1)
    house.sessions.find(session.id, secret, there=False)
    house.pass_seconds(1)
    house.sessions.note_presence(session)
    with pytest.raises(SessionRefused):
        house.sessions.find(session.id, secret, there=True)


def test_clock_that_is_set_back_does_not_end_a_session_earlier(house: House) -> None:
    session, secret = house.begin()
    house.pass_seconds(-3_600)
    house.sessions.find(session.id, secret, there=True)
    house.pass_seconds(3_600 + IDLE_SECONDS - 1)
    house.sessions.find(session.id, secret, there=False)


def test_one_session_too_many_ends_the_one_that_was_idle_longest(house: House) -> None:
    begun = [house.begin()[0] for _ in range(SESSIONS_OF_ONE_MAX)]
    house.pass_seconds(1)
    for session in begun[1:]:
        house.sessions.note_presence(session)
    house.begin()
    assert house.ended == begun[:1]
    assert len(house.sessions) == SESSIONS_OF_ONE_MAX


def test_sessions_of_others_never_give_way() -> None:
    house = House(sessions_max=2)
    house.begin(house.actor()), house.begin(house.actor())
    with pytest.raises(SessionsFull):
        house.begin(house.actor())
    assert house.ended == []


def test_session_of_an_actor_that_acts_no_more_is_over_for_good(house: House) -> None:
    session, secret = house.begin()

    def refuse(_: Actor) -> None:
        raise TelesphorErrorOfActor("retired")

    house.standing = refuse
    with pytest.raises(SessionRefused):
        house.sessions.find(session.id, secret, there=True)
    house.standing = lambda _: None
    with pytest.raises(SessionRefused):
        house.sessions.find(session.id, secret, there=True)


class TelesphorErrorOfActor(TelesphorError):
    """As identity refuses."""

    code = "actor-retired"
    kind = SessionRefused.kind


def test_broken_disk_refuses_a_look_and_ends_no_session(house: House) -> None:
    session, secret = house.begin()

    def fail(_: Actor) -> None:
        raise StorageFailed("the disk refused the read")

    house.standing = fail
    with pytest.raises(StorageFailed):
        house.sessions.find(session.id, secret, there=True)
    house.standing = lambda _: None
    assert house.sessions.find(session.id, secret, there=True) is session


def test_listener_that_fails_keeps_no_other_from_knowing(house: House) -> None:
    later: list[Session] = []

    def fail(_: Session) -> None:
        raise ValueError

    house.sessions.on_end(fail)
    house.sessions.on_end(later.append)
    session, _ = house.begin()
    house.sessions.end(session)
    assert later == [session]


def test_secret_is_looked_for_in_its_own_cookie_alone(house: House) -> None:
    session, secret = house.begin()
    name = COOKIE_PREFIX + session.id
    cookie = f"x{name}={secret}; {name}x={secret}; a=b; {name}={secret}"
    assert find_session(house.sessions, {"cookie": cookie}, id=session.id, there=True) is session
    for wrong in (f"{name.lower()}={secret}", f"{name}={secret[:-1]}", f"{name}=", "", f'{name}="{secret}"'):
        with pytest.raises(SessionRefused):
            find_session(house.sessions, {"cookie": wrong}, id=session.id, there=True)
