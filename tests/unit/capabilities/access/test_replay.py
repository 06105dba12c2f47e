"""Replay reaches the same decision from the documents alone, and any change to them is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from telesphor.capabilities.access.documents import encode_document
from telesphor.capabilities.access.model import DecisionRefused, PolicyRefused
from telesphor.capabilities.access.replay import (
    DecisionDiffers,
    DocumentMissing,
    ReceiptMismatch,
    replay_all,
    replay_decision,
)
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.digest import digest_of
from telesphor.kernel.entry import Entry
from telesphor.kernel.errors import TelesphorError
from telesphor.verify import verify_bundle
from tests.unit.capabilities.access.decided import Decided

PARTS = ("policies", "schema", "entities", "request")
STEP = 61
"""Every so many bytes one is changed: enough places in each document, within seconds."""


@pytest.fixture(scope="module")
def decided() -> Decided:
    """Allowed, denied, and standing; nobody may go on with it."""
    made = Decided()
    made.decide(made.story.clinician)
    made.decide(made.story.device)
    made.stand(made.story.clinician)
    return made


def test_same_decisions_with_the_same_reasons(decided: Decided) -> None:
    bundle = decided.bundle()
    assert verify_bundle(bundle).passed, verify_bundle(bundle).to_text()
    read = read_bundle(bundle)
    found = list(replay_all(read.entries, read.documents))
    assert [(line.outcome, line.reasons) for line in found] == [
        ("allow", ("base:reader",)),
        ("deny", ()),
        ("allow", ("base:visit-opened",)),
    ]
    assert [line.position for line in found] == decided.positions


@pytest.mark.parametrize("part", [*PARTS, "receipt"])
def test_any_changed_byte_breaks_it(decided: Decided, part: str) -> None:
    position = decided.positions[0]
    digest = named(decided, position, part)
    good = decided.documents[digest]
    for place in [*range(0, len(good), STEP), len(good) - 1]:
        changed = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        with pytest.raises((ReceiptMismatch, DecisionRefused)):
            replay(decided, position, {**decided.documents, digest: changed})


@pytest.mark.parametrize("part", PARTS)
def test_added_and_missing_bytes_break_it(decided: Decided, part: str) -> None:
    digest = named(decided, decided.positions[0], part)
    good = decided.documents[digest]
    for changed in (good + b" ", good[:-1], b"", b" " + good):
        with pytest.raises((ReceiptMismatch, DecisionRefused)):
            replay(decided, decided.positions[0], {**decided.documents, digest: changed})


@pytest.mark.parametrize("part", PARTS)
def test_missing_document_is_named(decided: Decided, part: str) -> None:
    digest = named(decided, decided.positions[0], part)
    rest = {name: data for name, data in decided.documents.items() if name != digest}
    with pytest.raises(DocumentMissing, match=digest):
        replay(decided, decided.positions[0], rest)


def test_decision_whose_receipt_is_not_shown_is_not_replayed(decided: Decided) -> None:
    found = replay(decided, decided.positions[0], {})
    assert (found.outcome, found.fault) == (None, "")
    assert found.action == "read"


def drop_reader(entities: Any) -> None:
    entities[-1]["attrs"]["readers"] = []


def other_purpose(request: Any) -> None:
    request["context"] = request["context"].replace('"treatment"', '"payment"')


def other_moment(request: Any) -> None:
    request["context"] = request["context"].replace('"now":1', '"now":2', 1)


def other_actor(request: Any) -> None:
    request["principal"]["id"] = "0199f0f0-0000-7000-8000-000000000000"


def other_resource(request: Any) -> None:
    request["resource"]["id"] = "0199f0f0-0000-7000-8000-000000000000"


def other_action(request: Any) -> None:
    request["action"]["id"] = "export"


@pytest.mark.parametrize(
    ("part", "edit", "error"),
    [
        ("entities", drop_reader, DecisionDiffers),
        ("request", other_purpose, ReceiptMismatch),
        ("request", other_moment, ReceiptMismatch),
        ("request", other_actor, ReceiptMismatch),
        ("request", other_resource, ReceiptMismatch),
        ("request", other_action, ReceiptMismatch),
    ],
)
def test_node_that_forges_a_whole_chain_of_documents_is_found_out(
    decided: Decided, part: str, edit: Callable[[Any], None], error: type[TelesphorError]
) -> None:
    """The strongest forger writes receipt and entry anew as well: what they say must still hold together."""
    value = msgspec.json.decode(decided.documents[named(decided, decided.positions[0], part)])
    edit(value)
    forged = encode_document(value)
    entry, documents = retell(decided, {part: forged.digest}, {forged.digest: forged.data})
    with pytest.raises(error):
        replay_decision(entry, position=0, documents=documents)


@pytest.mark.parametrize("context", ["[" * 5_000 + "]" * 5_000, "[]", "{", '{"now":1.5}', '{"b":1,"a":2}'])
def test_context_that_is_no_canonical_object_is_refused(decided: Decided, context: str) -> None:
    request = msgspec.json.decode(decided.documents[named(decided, decided.positions[0], "request")])
    forged = encode_document({**request, "context": context})
    entry, documents = retell(decided, {"request": forged.digest}, {forged.digest: forged.data})
    with pytest.raises((ReceiptMismatch, DecisionRefused)):
        replay_decision(entry, position=0, documents=documents)


@pytest.mark.parametrize(
    "text",
    [
        '@id("base:reader") forbid (principal, action, resource);',
        '@id("other") permit (principal, action, resource);',
    ],
)
def test_other_policies_come_to_another_decision(decided: Decided, text: str) -> None:
    data = text.encode()
    entry, documents = retell(decided, {"policies": [digest_of(data)]}, {digest_of(data): data})
    with pytest.raises(DecisionDiffers):
        replay_decision(entry, position=0, documents=documents)


@pytest.mark.parametrize("text", ["permit (principal, action, resource);", "(" * 20_000, "Zoë"])
def test_text_that_is_no_set_of_policies_is_refused(decided: Decided, text: str) -> None:
    data = text.encode()
    entry, documents = retell(decided, {"policies": [digest_of(data)]}, {digest_of(data): data})
    with pytest.raises((PolicyRefused, DecisionRefused)):
        replay_decision(entry, position=0, documents=documents)


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "deny"},
        {"reasons": ["base:owner"]},
        {"reasons": []},
        {"at": "2026-11-22T11:51:15.123Z"},
        {"decision": "0199f0f0-0000-7000-8000-000000000000"},
        {"format": "telesphor-decision/2"},
        {"salt": "short"},
        {"more": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_receipt_that_says_something_else_than_its_entry_is_refused(
    decided: Decided, changes: dict[str, Any]
) -> None:
    entry, documents = retell(decided, changes, {})
    with pytest.raises((ReceiptMismatch, DecisionRefused)):
        replay_decision(entry, position=0, documents=documents)


def test_failed_policies_that_are_left_out_are_missed(decided: Decided) -> None:
    entry, documents = retell(decided, {"failed": ["base:owner"]}, {})
    with pytest.raises(DecisionDiffers):
        replay_decision(entry, position=0, documents=documents)


def test_entry_that_hides_a_denial_is_found_out(decided: Decided) -> None:
    entry = decided.entry(decided.positions[1])
    lying = replace(entry, body={**entry.body, "outcome": "allow"})
    with pytest.raises(ReceiptMismatch):
        replay_decision(lying, position=0, documents=decided.documents)


def test_entry_that_adds_an_emergency_is_found_out(decided: Decided) -> None:
    entry = decided.entry(decided.positions[0])
    lying = replace(entry, body={**entry.body, "break_glass": decided.story.patient.id})
    with pytest.raises(ReceiptMismatch):
        replay_decision(lying, position=0, documents=decided.documents)


def test_decision_on_anothers_stream_is_refused(decided: Decided) -> None:
    entry = decided.entry(decided.positions[0])
    moved = replace(entry, actor=decided.story.patient.id)
    with pytest.raises(ReceiptMismatch):
        replay_decision(moved, position=0, documents=decided.documents)


def test_entry_of_another_form_is_refused(decided: Decided) -> None:
    entry = decided.entry(decided.positions[0])
    for changes in ({"action": "fly"}, {"resource": "object/"}, {"more": 1}, {"receipt": "sha256:0"}):
        odd = replace(entry, body={**entry.body, **changes})
        with pytest.raises(ReceiptMismatch):
            replay_decision(odd, position=0, documents=decided.documents)


def test_fault_of_one_does_not_hide_the_others(decided: Decided) -> None:
    bundle = read_bundle(decided.bundle())
    digest = named(decided, decided.positions[1], "request")
    broken = {**bundle.documents, digest: b"{}"}
    found = list(replay_all(bundle.entries, broken))
    assert [line.fault for line in found] == ["", "receipt-mismatch", ""]


def named(decided: Decided, position: int, part: str) -> Any:
    """The digest of one document of a decision; of its first policies, where there are several."""
    if part == "receipt":
        return decided.entry(position).body["receipt"]
    found = decided.receipt(position)[part]
    return found[0] if part == "policies" else found


def replay(decided: Decided, position: int, documents: Any) -> Any:
    return replay_decision(decided.entry(position), position=position, documents=documents)


def retell(decided: Decided, changes: dict[str, Any], more: Any) -> tuple[Entry, dict[Any, bytes]]:
    """The first decision with another receipt, and an entry that names it."""
    receipt = encode_document({**decided.receipt(decided.positions[0]), **changes})
    entry = decided.entry(decided.positions[0])
    body = {**entry.body, "receipt": receipt.digest}
    return replace(entry, body=body), {**decided.documents, **more, receipt.digest: receipt.data}
