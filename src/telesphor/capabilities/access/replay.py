"""Replay: reach a recorded decision again, from its documents alone, without any node.

    entry (proved by the bundle) -> receipt -> policies, schema, entities, request -> the same outcome and reasons

Each step is by digest, so that whoever changes a byte of any of them is found out. Nothing here trusts the node
that decided; what replay cannot say is whether the entities were true, only that the decision follows from them.

1. The receipt's bytes have the digest that the entry names, and it has the form of a receipt.
2. It says what the entry says: decision, instant, outcome, reasons.
3. Policies, schema, entities and request have the digests that the receipt names.
4. The request asks what the entry says was asked, by the actor whose stream the entry stands on, at its instant.
5. Cedar decides again: same outcome, same reasons, same failures.

Start at `replay_decision`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

import msgspec

from telesphor.capabilities.access.decide import DecisionInput, Verdict, decide
from telesphor.capabilities.access.documents import (
    Document,
    ReceiptForm,
    RequestForm,
    document_of,
    read_receipt,
    read_request,
    read_value,
)
from telesphor.capabilities.access.entries import (
    ACCESS_DECIDED,
    ACCESS_STANDING,
    AccessDecided,
    AccessStanding,
)
from telesphor.capabilities.access.model import REASONS_RECORDED_MAX, Outcome
from telesphor.capabilities.access.vocabulary import NAMESPACE
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.digest import Digest
from telesphor.kernel.entry import Entry, parse_entry
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import parse_stream

REPLAYED_TYPES: Final = (ACCESS_DECIDED.name, ACCESS_STANDING.name)


class Shown(Protocol):
    """An entry of a bundle: its place and its exact bytes."""

    @property
    def position(self) -> int: ...
    @property
    def data(self) -> bytes: ...


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of the ledger, reached again.

    Attributes:
        outcome: what it came to; None where its receipt is not shown, or it does not replay.
        policies: the texts it was decided by.
        fault, message: code and sentence of why it does not replay.
    """

    position: int
    at: str
    actor: str
    action: str
    resource: str
    purpose: str
    outcome: Outcome | None
    reasons: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    policies: tuple[Digest, ...] = ()
    fault: str = ""
    message: str = ""


class ReceiptMismatch(TelesphorError):
    """The receipt, or what it names, is not what the entry says."""

    code = "receipt-mismatch"
    kind = Kind.CORRUPT


class DocumentMissing(TelesphorError):
    """The receipt names a document that is not shown."""

    code = "document-missing"
    kind = Kind.NOT_FOUND


class DecisionDiffers(TelesphorError):
    """Deciding again comes to another answer."""

    code = "decision-differs"
    kind = Kind.CORRUPT


def replay_all(entries: Iterable[Shown], documents: Mapping[Digest, bytes]) -> Iterator[Replayed]:
    """Replay every decision among the entries, in their order; the entries must have been verified before.

    One that does not replay is returned with its `fault` and `message`, and the others are replayed all the same.
    """
    for shown in entries:
        entry = parse_entry(shown.data)
        if entry.type in REPLAYED_TYPES:
            try:
                yield replay_decision(entry, position=shown.position, documents=documents)
            except TelesphorError as error:
                yield _fault(entry, shown.position, error)


def replay_decision(entry: Entry, *, position: int, documents: Mapping[Digest, bytes]) -> Replayed:
    """Replay the decision of one entry. Where its receipt is not shown, nothing is replayed, and it says so.

    Raises:
        ReceiptMismatch: a document is not the one that is named, or says something else than the entry.
        DocumentMissing: the receipt is shown, and one of its inputs is not.
        DecisionRefused, PolicyRefused: a document is not what its place asks for.
        DecisionDiffers: the decision comes out differently.
    """
    said = _read_body(entry)
    plain = _describe(entry, said, position)
    # 1. The receipt.
    if said.receipt not in documents:
        return plain
    receipt = read_receipt(_shown(said.receipt, documents).data)
    # 2. It says what the entry says.
    _check_receipt(receipt, entry, said)
    # 3. Its inputs.
    given = DecisionInput(
        policies=tuple(_shown(digest, documents) for digest in receipt.policies),
        policy_schema=_shown(receipt.policy_schema, documents),
        entities=_shown(receipt.entities, documents),
        request=_shown(receipt.request, documents),
    )
    # 4. The request is what the entry says was asked.
    read_value(given.entities.data)
    _check_request(read_request(given.request.data), entry, plain)
    # 5. The same again.
    verdict = decide(given)
    _check_verdict(verdict, receipt)
    return msgspec.structs.replace(
        plain,
        outcome=verdict.outcome,
        reasons=verdict.reasons,
        failed=verdict.failed,
        policies=receipt.policies,
    )


def _read_body(entry: Entry) -> AccessDecided | AccessStanding:
    try:
        if entry.type == ACCESS_DECIDED.name:
            return msgspec.convert(entry.body, AccessDecided)
        return msgspec.convert(entry.body, AccessStanding)
    except msgspec.ValidationError as error:
        raise ReceiptMismatch("an entry of a decision does not have its form") from error


def _describe(entry: Entry, said: AccessDecided | AccessStanding, position: int) -> Replayed:
    purpose = said.purpose if isinstance(said, AccessDecided) else None
    return Replayed(
        position=position,
        at=entry.at,
        actor=parse_stream(entry.stream)[1],
        action=said.action.value,
        resource=said.resource,
        purpose="" if purpose is None else purpose.value,
        outcome=None,
    )


def _shown(digest: Digest, documents: Mapping[Digest, bytes]) -> Document:
    data = documents.get(digest)
    if data is None:
        raise DocumentMissing(f"the document `{digest}` is named by a receipt and not shown")
    document = document_of(data)
    if document.digest != digest:
        raise ReceiptMismatch(f"the document `{digest}` is not the one of this digest")
    return document


def _fault(entry: Entry, position: int, error: TelesphorError) -> Replayed:
    actor = parse_stream(entry.stream)[1]
    action, resource, purpose = (
        str(entry.body.get(name) or "")[:100] for name in ("action", "resource", "purpose")
    )
    return Replayed(
        position=position,
        at=entry.at,
        actor=actor,
        action=action,
        resource=resource,
        purpose=purpose,
        outcome=None,
        fault=error.code,
        message=error.message,
    )


def _check_receipt(receipt: ReceiptForm, entry: Entry, said: AccessDecided | AccessStanding) -> None:
    _require(entry.actor == parse_stream(entry.stream)[1], "the decision stands on another actor's stream")
    _require(receipt.decision == said.decision, "the receipt is of another decision")
    _require(receipt.at == entry.at, "the receipt is of another moment")
    outcome = said.outcome if isinstance(said, AccessDecided) else "allow"
    _require(receipt.outcome == outcome, "the entry and the receipt say different outcomes")
    reasons = receipt.reasons[:REASONS_RECORDED_MAX]
    _require(reasons == said.reasons, "the entry and the receipt give different reasons")


def _check_request(request: RequestForm, entry: Entry, said: Replayed) -> None:
    kind, _, name = said.resource.partition("/")
    asked = (request.principal.id, request.action.id, request.resource.type, request.resource.id)
    wanted = (said.actor, said.action, f"{NAMESPACE}::{kind.capitalize()}", name)
    types = (request.principal.type, request.action.type)
    _require(types == (f"{NAMESPACE}::Actor", f"{NAMESPACE}::Action"), "the request is of other types")
    _require(asked == wanted, "the request is not what the entry says was asked")
    context = read_value(request.context.encode())
    if not isinstance(context, dict):
        raise ReceiptMismatch("the context of the request is no object")
    _require(context.get("now") == parse_instant(entry.at), "the request is of another moment")
    if entry.type == ACCESS_DECIDED.name:
        _require(context.get("purpose", "") == said.purpose, "the request is for another purpose")
        glass = context.get("break_glass")
        _require(
            (glass.get("id") if isinstance(glass, dict) else None) == entry.body.get("break_glass"),
            "the entry and the request name different emergency accesses",
        )


def _check_verdict(verdict: Verdict, receipt: ReceiptForm) -> None:
    again = (verdict.outcome, verdict.reasons, verdict.failed)
    if again != (receipt.outcome, receipt.reasons, receipt.failed):
        raise DecisionDiffers(f"decided again it is `{verdict.outcome}`, for {_list(verdict.reasons)}")


def _list(reasons: tuple[str, ...]) -> str:
    return ", ".join(f"`{reason}`" for reason in reasons) or "no reason"


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ReceiptMismatch(message)
