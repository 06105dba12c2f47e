"""The node's own status lists say what the ledger says, and the same to everyone."""

from __future__ import annotations

import pytest

from telesphor.capabilities.identity.credentials.status_list import (
    Status,
    read_status_list,
)
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.identity.credentials.office import Held, Office

# Status lists.


def test_list_says_what_the_ledger_says_at_once(office: Office) -> None:
    first, second = office.issue(), office.issue()
    key = office.node.signing_key.public

    def status(held: Held) -> int:
        data = office.lists.current(office.status_list).serialized
        uri = office.lists.uri_of(office.status_list)
        return read_status_list(data, uri=uri, issuer=key, now_ms=office.clock.now_ms()).status_at(held.place)

    assert (status(first), status(second)) == (Status.VALID, Status.VALID)
    office.change("suspend", first)
    office.change("revoke", second)
    assert (status(first), status(second)) == (Status.SUSPENDED, Status.REVOKED)
    office.change("reinstate", first)
    assert status(first) == Status.VALID


def test_list_is_the_same_bytes_for_everyone_until_something_changes(office: Office) -> None:
    held = office.issue()
    first = office.lists.current(office.status_list)
    office.clock.advance_ms(60_000)
    assert office.lists.current(office.status_list) is first
    office.clock.advance_ms(7 * 60_000)
    fresher = office.lists.current(office.status_list)
    assert fresher.expires_ms > first.expires_ms
    office.change("revoke", held)
    assert office.lists.current(office.status_list) is not fresher


def test_clock_set_back_makes_no_list_from_the_future(office: Office) -> None:
    first = office.lists.current(office.status_list)
    office.clock.advance_ms(-3_600_000)
    assert office.lists.current(office.status_list).expires_ms < first.expires_ms


def test_unknown_list_is_missing(office: Office) -> None:
    with pytest.raises(TelesphorError) as caught:
        office.lists.current(office.ids.next())
    assert caught.value.code == "status-list-missing"
