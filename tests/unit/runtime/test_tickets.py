"""Tickets: short-lived, bounded, and never kept as they are."""

from __future__ import annotations

import secrets

import msgspec
import pytest

from telesphor.kernel.clock import ManualClock
from telesphor.runtime.tickets import LIFETIME_SECONDS_MAX, TICKET_CHARS, TicketRefused, Tickets, TicketsFull


class Reading(msgspec.Struct, frozen=True):
    thing: str


class Writing(msgspec.Struct, frozen=True):
    thing: str


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000_000)


@pytest.fixture
def tickets(clock: ManualClock) -> Tickets:
    return Tickets(clock=clock, random=secrets.token_bytes, tickets_max=3)


def test_a_ticket_gives_its_grant_again_and_again(tickets: Tickets) -> None:
    token = tickets.issue(Reading("a"), lifetime_seconds=60)
    assert len(token) == TICKET_CHARS
    assert tickets.redeem(token, Reading) == tickets.redeem(token, Reading) == Reading("a")


def test_two_tickets_differ(tickets: Tickets) -> None:
    assert tickets.issue(Reading("a"), lifetime_seconds=60) != tickets.issue(
        Reading("a"), lifetime_seconds=60
    )


def test_an_expired_ticket_is_refused(tickets: Tickets, clock: ManualClock) -> None:
    token = tickets.issue(Reading("a"), lifetime_seconds=60)
    clock.advance_ms(59_999)
    tickets.redeem(token, Reading)
    clock.advance_ms(1)
    with pytest.raises(TicketRefused):
        tickets.redeem(token, Reading)
    assert len(tickets) == 0


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\u00e9" * 43, "\ud800", "A" * 100_000])
def test_a_ticket_that_was_never_issued_is_refused(tickets: Tickets, token: str) -> None:
    with pytest.raises(TicketRefused):
        tickets.redeem(token, Reading)


def test_another_spelling_of_a_ticket_is_refused(tickets: Tickets) -> None:
    token = tickets.issue(Reading("a"), lifetime_seconds=60)
    for wrong in (token + "=", token[:-1], token.swapcase(), " " + token):
        with pytest.raises(TicketRefused):
            tickets.redeem(wrong, Reading)


def test_a_ticket_for_something_else_is_refused(tickets: Tickets) -> None:
    token = tickets.issue(Reading("a"), lifetime_seconds=60)
    with pytest.raises(TicketRefused):
        tickets.redeem(token, Writing)


def test_the_number_of_tickets_is_bounded(tickets: Tickets) -> None:
    for thing in "abc":
        tickets.issue(Reading(thing), lifetime_seconds=60)
    with pytest.raises(TicketsFull):
        tickets.issue(Reading("d"), lifetime_seconds=60)


def test_expired_tickets_make_room(tickets: Tickets, clock: ManualClock) -> None:
    old = [tickets.issue(Reading(thing), lifetime_seconds=60) for thing in "ab"]
    kept = tickets.issue(Reading("c"), lifetime_seconds=120)
    clock.advance_ms(60_000)
    fresh = tickets.issue(Reading("d"), lifetime_seconds=60)
    assert tickets.redeem(kept, Reading) == Reading("c")
    assert tickets.redeem(fresh, Reading) == Reading("d")
    assert len(tickets) == 2
    for token in old:
        with pytest.raises(TicketRefused):
            tickets.redeem(token, Reading)


def test_the_token_itself_is_not_kept(tickets: Tickets) -> None:
    token = tickets.issue(Reading("a"), lifetime_seconds=60)
    assert token not in repr(vars(tickets))


@pytest.mark.parametrize("lifetime_seconds", [0, -1, LIFETIME_SECONDS_MAX + 1])
def test_a_lifetime_out_of_bounds_is_a_mistake(tickets: Tickets, lifetime_seconds: int) -> None:
    with pytest.raises(ValueError, match="lives between"):
        tickets.issue(Reading("a"), lifetime_seconds=lifetime_seconds)
