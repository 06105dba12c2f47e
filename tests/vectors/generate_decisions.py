"""Write the vectors of decision receipts: entries with their documents, which replay, and others which must not.

Run as `python -m tests.vectors.generate_decisions` from the root of the checkout, with `src` on the path. The file
changes only when a format or the shipped policies do; one written under older policies replays all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from telesphor.capabilities.access.documents import encode_document
from telesphor.capabilities.access.model import Resource, TokenPolicy
from telesphor.capabilities.access.sources import Sources
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.entry import Entry, encode_entry
from tests.unit.capabilities.access.decided import Decided

OUT = Path(__file__).with_name("decision.json")
TOKEN = "0199f0f0-0000-7000-8000-00000000000a"
DATASET = "0199f0f0-0000-7000-8000-00000000000b"
OVERFLOW = "context.now + 9223372036854775807 > 0"


@dataclass(frozen=True)
class Case:
    """One vector: an entry, the documents that are shown with it, and what is to be said of them."""

    name: str
    entry: Entry
    documents: Mapping[Digest, bytes]
    expected: Mapping[str, Any]


def main() -> None:
    decided, good = make_good()
    cases = {"good": good, "bad": make_bad(decided, good)}
    shown = [data for sort in cases.values() for case in sort for data in case.documents.values()]
    named = {digest_of(data): data.decode() for data in shown}
    value = {
        "format": "docs/spec/decision-receipt.md",
        "source": "Telesphor's.",
        "documents": named,
        **{sort: [_show(case) for case in cases[sort]] for sort in cases},
    }
    OUT.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="ascii")


def make_good() -> tuple[Decided, list[Case]]:
    """Each kind of answer once."""
    decided = Decided()
    clinician, device, organisation = decided.story.clinician, decided.story.device, decided.story.clinic
    positions = {
        "reader-allowed": decided.decide(clinician),
        "nobody-denied": decided.decide(device),
        "custodian-erases": decided.decide(organisation, "erase"),
        "standing": decided.stand(clinician),
        "token-allows": decided.decide(device, sources=_tokens(device.id, "true"), datasets=(DATASET,)),
        "token-fails": decided.decide(
            clinician, sources=_tokens(clinician.id, OVERFLOW), datasets=(DATASET,)
        ),
    }
    return decided, [_good(name, decided, position) for name, position in positions.items()]


def make_bad(decided: Decided, good: list[Case]) -> list[Case]:
    """Each fault, with its code, done to the first decision or the second."""
    allowed, denied = good[:2]
    receipt, shown = decided.receipt(decided.positions[0]), allowed.documents
    no_cedar, forbids = b"permit", b'@id("x") forbid (principal, action, resource);'
    other = {digest_of(text): text for text in (no_cedar, forbids)}
    request = msgspec.json.decode(shown[receipt["request"]])
    elsewhere = encode_document({**request, "action": {**request["action"], "id": "export"}})
    without = {digest: data for digest, data in shown.items() if digest != receipt["entities"]}
    changed = {**shown, receipt["entities"]: b"[]"}
    hidden = replace(denied.entry, body={**denied.entry.body, "outcome": "allow"})

    def retold(name: str, code: str, more: Mapping[Digest, bytes] = other, **changes: Any) -> Case:
        """The decision with another receipt, and an entry that names it."""
        written = encode_document({**receipt, **changes})
        entry = replace(allowed.entry, body={**allowed.entry.body, "receipt": written.digest})
        return Case(name, entry, {**shown, **more, written.digest: written.data}, {"code": code})

    return [
        Case("document-missing", allowed.entry, without, {"code": "document-missing"}),
        Case("document-changed", allowed.entry, changed, {"code": "receipt-mismatch"}),
        Case("hidden-denial", hidden, denied.documents, {"code": "receipt-mismatch"}),
        retold(
            "another-request",
            "receipt-mismatch",
            {elsewhere.digest: elsewhere.data},
            request=elsewhere.digest,
        ),
        retold("another-moment", "receipt-mismatch", at="2026-01-01T00:00:00.000Z"),
        retold("unknown-version", "decision-refused", format="telesphor-decision/2"),
        retold("unknown-member", "decision-refused", more_than_it_has=1),
        retold("policies-that-are-none", "policy-refused", policies=[digest_of(no_cedar)]),
        retold("another-policy", "decision-differs", policies=[digest_of(forbids)]),
        retold("no-policy", "decision-differs", policies=[]),
    ]


def _tokens(holder: str, rule: str) -> Sources:
    text = (
        f'@id("token:{TOKEN}") permit (principal == Telesphor::Actor::"{holder}",'
        f' action in [Telesphor::Action::"read"], resource in Telesphor::Dataset::"{DATASET}")'
        f" when {{\n{rule}\n}};"
    )

    def policies_for(_state: Any, _actor: Any, _resource: Resource, _action: Any) -> tuple[TokenPolicy, ...]:
        return (TokenPolicy(TOKEN, text),)

    return Sources(policies_for=policies_for)


def _good(name: str, decided: Decided, position: int) -> Case:
    said = decided.receipt(position)
    named = {*said["policies"], said["schema"], said["entities"], said["request"]}
    entry = decided.entry(position)
    shown = {
        digest: data
        for digest, data in decided.documents.items()
        if digest in {*named, entry.body["receipt"]}
    }
    return Case(name, entry, shown, {part: said[part] for part in ("outcome", "reasons", "failed")})


def _show(case: Case) -> dict[str, Any]:
    """`shown` is by the digest under which a document is shown; its text is found by its own."""
    shown = {digest: digest_of(data) for digest, data in case.documents.items()}
    return {"name": case.name, "entry": encode_entry(case.entry).decode(), "shown": shown, **case.expected}


if __name__ == "__main__":
    main()
