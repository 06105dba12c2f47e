"""One decision in full: its rule, what it was made from, and the same decision made again.

Documents are told by digest and size; what the rules looked at (entities and request, which hold opaque ids and the
factors that a policy names) is shown to who watches over the whole log, never on a person's own page. Start at
`Decisions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Final

import msgspec

from telesphor.capabilities.access.documents import Document, ReceiptForm, read_receipt, read_value
from telesphor.capabilities.access.inspecting import PolicyText, list_policies
from telesphor.capabilities.access.replay import replay_decision
from telesphor.capabilities.access.uses.explaining import explain_policy
from telesphor.capabilities.compliance.blocks import Block, LedgerBlocks
from telesphor.capabilities.compliance.desk import Look, Under, WatchDesk
from telesphor.capabilities.compliance.model import EntryNotShown
from telesphor.capabilities.compliance.rows import DECISIONS, Row, describe_rows
from telesphor.kernel.digest import Digest
from telesphor.kernel.document import digests_in
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.capability import Actor

DOCUMENTS_SHOWN_MAX: Final = 64
"""Documents that one entry names: a decision leads to a dozen, a presentation to as many."""

FORGOTTEN: Final = "document-forgotten"


class DocumentLine(msgspec.Struct, frozen=True, kw_only=True):
    """A document: its digest, and its size where it is kept still."""

    digest: str
    bytes: int | None


class InputLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision was made from: which part, its digest, and its size where it is kept still."""

    what: str
    digest: str
    bytes: int | None


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry whole, as it stands on the ledger, and the block that holds it.

    Attributes:
        evidence: digest of the signed request behind it; None for the node's own word.
        proof: where its proof is served.
    """

    look: Look
    row: Row
    body: dict[str, Any]
    id: str
    salt: str
    evidence: str | None
    documents: tuple[DocumentLine, ...]
    block: Block | None
    proof: str


class PolicyLine(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that determined a decision: in words, and as Cedar, written anew from what was parsed."""

    id: str
    effect: str
    words: str
    text: str


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    """The decision's receipt, and whether it is kept still."""

    digest: str
    kept: bool


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules looked at."""

    entities: Any
    request: Any


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """One decision in full; `standing` where it holds until something changes."""

    look: Look
    row: Row
    decision: str
    standing: bool
    policies: tuple[PolicyLine, ...]
    failed: tuple[str, ...]
    receipt: ReceiptLine
    documents: tuple[InputLine, ...]
    inputs: Inputs | None
    block: Block | None


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """How a decision came out, by which policies, and which could not be evaluated."""

    outcome: str
    reasons: tuple[str, ...]
    failed: tuple[str, ...]


class ReplayView(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded, and what the same inputs come to now; `fault` is why they could not be compared."""

    look: Look
    recorded: Side | None
    replayed: Side | None
    same: bool
    fault: str
    message: str
    policies: tuple[str, ...]
    milliseconds: float


class Decisions:
    """Single entries and decisions of one node.

    Args:
        seconds: a monotonic timer.
    """

    def __init__(
        self, desk: WatchDesk, blocks: LedgerBlocks, *, seconds: Callable[[], float] = perf_counter
    ) -> None:
        self._desk = desk
        self._blocks = blocks
        self._seconds = seconds

    def show_entry(self, actor: Actor, watch: str, position: int) -> EntryView:
        """Return one entry; raises `EntryNotShown`, and what `WatchDesk.under` and `note` raise."""
        with self._desk.under(actor, watch, scope="log") as under:
            entry, row = self._find(under, position)
            whole = parse_entry(entry.data)
            documents = tuple(
                DocumentLine(digest=digest, bytes=_size(under, digest))
                for digest in sorted(digests_in(whole.body))[:DOCUMENTS_SHOWN_MAX]
            )
        return EntryView(
            look=self._desk.note(under, "entry", position=position, subject=_subject(row)),
            row=row,
            body=dict(whole.body),
            id=entry.id,
            salt=whole.salt,
            evidence=entry.evidence,
            documents=documents,
            block=self._blocks.holding(position),
            proof=f"/v1/proofs/{position}",
        )

    def show_decision(self, actor: Actor, watch: str, position: int) -> DecisionView:
        """Return one decision in full; raises `EntryNotShown`, and what `WatchDesk.under` and `note` raise."""
        with self._desk.under(actor, watch, scope="log") as under:
            entry, row = self._find_decision(under, position)
            receipt = _receipt(under, entry)
            policies = () if receipt is None else tuple(_policies(under, entry, receipt))
            inputs = None if receipt is None or under.row.subject is not None else _inputs(under, receipt)
            documents = tuple(_documents(under, entry, receipt))
        return DecisionView(
            look=self._desk.note(under, "decision", position=position, subject=_subject(row)),
            row=row,
            decision=entry.body.decision,
            standing=row.type != DECISIONS[0],
            policies=policies,
            failed=() if receipt is None else receipt.failed,
            receipt=ReceiptLine(digest=entry.body.receipt, kept=receipt is not None),
            documents=documents,
            inputs=inputs,
            block=self._blocks.holding(position),
        )

    def replay(self, actor: Actor, watch: str, position: int) -> ReplayView:
        """Decide again from the documents alone; raises as `show_decision`."""
        with self._desk.under(actor, watch, scope="log") as under:
            entry, row = self._find_decision(under, position)
            begun = self._seconds()
            made = _replay(under, entry)
            milliseconds = (self._seconds() - begun) * 1000
        look = self._desk.note(under, "replay", position=position, subject=_subject(row))
        return msgspec.structs.replace(made, look=look, milliseconds=round(milliseconds, 3))

    def _find(self, under: Under, position: int) -> tuple[RecordedEntry, Row]:
        entry = under.entry(position)
        (row,) = describe_rows([entry], under.state, names=self._desk.names, named=under.row.named)
        return entry, row

    def _find_decision(self, under: Under, position: int) -> tuple[RecordedEntry, Row]:
        entry, row = self._find(under, position)
        if entry.type not in DECISIONS:
            raise EntryNotShown(f"the entry at position `{position}` is no decision")
        return entry, row


def _subject(row: Row) -> str | None:
    return None if row.subject is None else row.subject.id


def _size(under: Under, digest: str) -> int | None:
    data = under.state.document(digest)
    return None if data is None else len(data)


def _receipt(under: Under, entry: RecordedEntry) -> ReceiptForm | None:
    data = under.state.document(entry.body.receipt)
    return None if data is None else read_receipt(data)


def _policies(under: Under, entry: RecordedEntry, receipt: ReceiptForm) -> Iterator[PolicyLine]:
    """Those that determined it, in the order of its reasons."""
    known: dict[str, PolicyText] = {}
    for digest in receipt.policies:
        data = under.state.document(digest)
        if data is not None:
            known.update((policy.id, policy) for policy in list_policies(Document(digest, data)))
    glass = getattr(entry.body, "break_glass", None)
    for id in receipt.reasons:
        if id in known:
            words = explain_policy(id, break_glass=glass, state=under.state)
            yield PolicyLine(id=id, effect=known[id].effect, words=words, text=known[id].text)


def _inputs(under: Under, receipt: ReceiptForm) -> Inputs | None:
    entities, request = (under.state.document(digest) for digest in (receipt.entities, receipt.request))
    if entities is None or request is None:
        return None
    return Inputs(entities=read_value(entities), request=read_value(request))


def _documents(under: Under, entry: RecordedEntry, receipt: ReceiptForm | None) -> Iterator[InputLine]:
    named: list[tuple[str, str]] = [("receipt", entry.body.receipt)]
    if receipt is not None:
        named += [("policies", digest) for digest in receipt.policies]
        named += [("schema", receipt.policy_schema), ("entities", receipt.entities)]
        named.append(("request", receipt.request))
    for what, digest in named[: 2 * DOCUMENTS_SHOWN_MAX]:
        yield InputLine(what=what, digest=digest, bytes=_size(under, digest))


_NOT_YET: Final = Look(position=0, at="")


def _replay(under: Under, entry: RecordedEntry) -> ReplayView:
    plain = ReplayView(
        look=_NOT_YET,
        recorded=None,
        replayed=None,
        same=False,
        fault=FORGOTTEN,
        message="the receipt of the decision was forgotten",
        policies=(),
        milliseconds=0.0,
    )
    try:
        receipt = _receipt(under, entry)
        if receipt is None:
            return plain
        recorded = Side(outcome=receipt.outcome, reasons=receipt.reasons, failed=receipt.failed)
        plain = msgspec.structs.replace(plain, recorded=recorded, policies=receipt.policies)
        documents = dict(_kept(under, entry, receipt))
        found = replay_decision(parse_entry(entry.data), position=entry.position, documents=documents)
    except TelesphorError as error:
        return msgspec.structs.replace(plain, fault=error.code, message=error.message)
    assert found.outcome is not None, "its receipt is among the documents"
    replayed = Side(outcome=found.outcome, reasons=found.reasons, failed=found.failed)
    return msgspec.structs.replace(plain, replayed=replayed, same=True, fault="", message="")


def _kept(under: Under, entry: RecordedEntry, receipt: ReceiptForm) -> Iterator[tuple[Digest, bytes]]:
    named = (entry.body.receipt, *receipt.policies, receipt.policy_schema, receipt.entities, receipt.request)
    for digest in dict.fromkeys(named):
        data = under.state.document(digest)
        if data is not None:
            yield digest, data
