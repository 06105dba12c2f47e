"""Each row of the table of causes, against a real entry of a whole node and the request that its actor signed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from telesphor.app import create_node, open_node
from telesphor.app.registry import build_checking_registry
from telesphor.kernel import base64url
from telesphor.kernel.entry import Entry, parse_entry
from telesphor.kernel.ids import Stream
from telesphor.verify.asked import Asked, NotAsked
from telesphor.verify.causes import CAUSES
from telesphor.verify.ledger import Placed
from telesphor.verify.order_streams import STRUCTURAL
from telesphor.verify.request import Command, Request, parse_request
from tests.support.everything import ORIGIN, ask_everything

READINGS = {"access.decided/1", "access.standing/1", "leaf.added/1"}
"""What the node makes of a request by its rules, and what nobody signs: believed as it stands."""

KEYS = {f"{name}/{version}" for name, version in STRUCTURAL.items()}
"""Compared member by member where key histories are followed."""

PAGE = Path(__file__).parents[3] / "docs/spec/causes.md"

ELSEWHERE = {"visit.open-on-proof/1", "effect.retry/1", "alert.acknowledge/1"}
"""Take a second node, or a contract that has run by itself; the tests of these parts record what comes of them."""

OTHER = "019a0000-0000-7000-8000-000000000001"
ASKED_FOR = sorted(type for type, causes in CAUSES.items() if set(causes) - ELSEWHERE)
OWN_WORD = sorted(type for type, causes in CAUSES.items() if not causes)


class Case(NamedTuple):
    """An entry, and the request behind it."""

    placed: Placed
    request: Request


Cases = dict[str, list[Case]]


@pytest.fixture(scope="module")
def everything() -> Cases:
    """Cases by type of entry."""
    cases: Cases = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "node"
        create_node(path, origin=ORIGIN, passphrase=b"passphrase")
        with open_node(path, passphrase=b"passphrase") as node:
            told = ask_everything(node)
    for entry, data in told:
        payload = json.loads(base64url.decode(json.loads(data)["payload"]))
        placed = Placed(entry.position, parse_entry(entry.data), entry.leaf)
        cases.setdefault(entry.type, []).append(Case(placed, parse_request(payload)))
    return cases


def case_of(everything: Cases, type: str, command: str = "") -> Case:
    """The first of this type that this command caused."""
    fitting = (
        case
        for case in everything[type]
        if not command or command in {asked.type for asked in case.request.commands}
    )
    return next(fitting)


def test_every_type_that_a_node_records_is_asked_for_or_named_as_believed() -> None:
    recorded = set(build_checking_registry().entry_types)
    assert recorded - set(CAUSES) - KEYS - READINGS == set()
    assert (set(CAUSES) | READINGS) - recorded == set()
    assert (set(CAUSES) | KEYS) & READINGS == set()


def test_page_has_the_same_table() -> None:
    page: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            type, command, names = (cell.replace("`", "").strip() for cell in line.strip("|").split("|"))
            said = {command: tuple(names.split(", "))} if command else {}
            page[type] = {**page.get(type, {}), **said}
    assert page == CAUSES


@pytest.mark.parametrize("type", ASKED_FOR)
def test_request_behind_a_real_entry_asked_for_it(everything: Cases, type: str) -> None:
    for placed, request in everything[type]:
        Asked(request).check(placed)


@pytest.mark.parametrize("type", ASKED_FOR)
def test_entry_of_another_request_was_not_asked_for(everything: Cases, type: str) -> None:
    placed, request = case_of(everything, type)
    other = Command("nothing.at-all/1", {})
    with pytest.raises(NotAsked):
        Asked(replace(request, commands=(other,))).check(placed)


@pytest.mark.parametrize(
    ("type", "command", "name"),
    [
        (type, command, name)
        for type in ASKED_FOR
        for command, names in CAUSES[type].items()
        if command not in ELSEWHERE
        for name in names
    ],
)
def test_entry_that_says_something_else_was_not_asked_for(
    everything: Cases, type: str, command: str, name: str
) -> None:
    """Of all that a row names: an entry in which this is another."""
    placed, request = case_of(everything, type, command)
    asked = Asked(request)
    asked.check(placed)
    with pytest.raises(NotAsked):
        asked.check(replace(placed, entry=saying_another(placed.entry, name)))


def saying_another(entry: Entry, name: str) -> Entry:
    """The entry with another value of this name: in its stream, in the stream that it names, or in its body."""
    if entry.stream.startswith(f"{name}/"):
        return replace(entry, stream=Stream(f"{name}/{OTHER}"))
    body = dict(entry.body)
    if str(body.get("stream")).startswith(f"{name}/"):
        return replace(entry, body={**body, "stream": f"{name}/{OTHER}"})
    assert name in body
    return replace(entry, body={**body, name: f"{name}/{OTHER}"})


@pytest.mark.parametrize("type", OWN_WORD)
def test_own_word_of_the_node_is_nobodys_request(everything: Cases, type: str) -> None:
    """Whatever was asked for."""
    placed, request = case_of(everything, "object.read/1")
    all_there_are = sorted({command for causes in CAUSES.values() for command in causes})
    commands = tuple(Command(command, request.commands[0].body) for command in all_there_are)
    with pytest.raises(NotAsked):
        Asked(replace(request, commands=commands)).check(
            replace(placed, entry=replace(placed.entry, type=type))
        )
