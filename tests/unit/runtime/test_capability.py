"""Registration: two owners of anything are refused at start."""

from __future__ import annotations

import pytest

from telesphor.runtime.capability import (
    LEDGER_TABLES,
    Body,
    Capability,
    CommandType,
    Decision,
    EntryType,
    Receipt,
    ReceiptLine,
    RegistrationRefused,
    Registry,
    Store,
    UnknownCommand,
)
from tests.support import notes

ENTRY = EntryType("thing.made/1", Body)
COMMAND = CommandType("thing.make/1", Body, lambda *_: Decision(()))


def store(*tables: str) -> Store:
    return Store("", tables, lambda *_: None)


def test_registry_finds_commands_entry_types_and_stores() -> None:
    registry = Registry((notes.CAPABILITY, Capability("things", (ENTRY,), (COMMAND,))))
    assert registry.command("note.add/1") is notes.ADD
    assert registry.command("thing.make/1") is COMMAND
    assert registry.entry_types["thing.made/1"] is ENTRY
    assert registry.appliers["note.added/1"] is notes.apply
    assert registry.appliers["thing.made/1"] is None
    assert registry.stores() == (notes.CAPABILITY.store,)


def test_unknown_command_is_refused_and_its_name_is_cut() -> None:
    with pytest.raises(UnknownCommand) as raised:
        Registry(()).command("x" * 10_000)
    assert len(raised.value.message) < 200


@pytest.mark.parametrize(
    ("first", "second", "sort"),
    [
        (Capability("a"), Capability("a"), "capability `a`"),
        (Capability("a", entries=(ENTRY,)), Capability("b", entries=(ENTRY,)), "entry type `thing.made/1`"),
        (
            Capability("a", commands=(COMMAND,)),
            Capability("b", commands=(COMMAND,)),
            "command `thing.make/1`",
        ),
        (Capability("a", store=store("t")), Capability("b", store=store("t")), "table `t`"),
    ],
    ids=["name", "entry-type", "command", "table"],
)
def test_two_owners_are_refused(first: Capability, second: Capability, sort: str) -> None:
    with pytest.raises(RegistrationRefused, match=f"{sort} is claimed by both `a` and `[ab]`"):
        Registry((first, second))


def test_one_capability_that_claims_a_name_twice_is_refused() -> None:
    with pytest.raises(RegistrationRefused):
        Registry((Capability("a", entries=(ENTRY, ENTRY)),))


@pytest.mark.parametrize("table", LEDGER_TABLES)
def test_table_of_the_ledger_is_refused(table: str) -> None:
    with pytest.raises(RegistrationRefused, match="by both `the ledger` and `a`"):
        Registry((Capability("a", store=store(table)),))


@pytest.mark.parametrize(
    "name", ["", "made", "Made/1", "made/0", "made/01", "made/1 ", "1made/1", "m" * 63 + "/1"]
)
def test_entry_type_that_no_entry_can_bear_is_refused(name: str) -> None:
    with pytest.raises(RegistrationRefused):
        Registry((Capability("a", entries=(EntryType(name, Body),)),))


@pytest.mark.parametrize("table", ['t"; drop table entries', "T", "", "sqlite master"])
def test_table_name_that_is_no_word_is_refused(table: str) -> None:
    with pytest.raises(RegistrationRefused):
        Registry((Capability("a", store=store(table)),))


def test_first_of_a_receipt_is_the_position_of_its_first_entry() -> None:
    lines = tuple(ReceiptLine(position, "", "", "", 0) for position in (7, 8))
    assert Receipt("", lines).first == 7
