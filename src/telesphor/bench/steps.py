"""The steps of a read by themselves: how many microseconds of CPU each takes, one after the other, in one process.

Each step is the node's own function on the node's own tables; nothing else runs beside it. What a whole read costs
besides (HTTP, the queue, the journal, the threads' hand-overs) is what is left of it.

Start at `time_steps`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from telesphor.app import Node, open_node
from telesphor.bench.figures import middle
from telesphor.bench.practice import PASSPHRASE
from telesphor.capabilities.access.decide import DecisionInput, decide
from telesphor.capabilities.access.documents import Document, document_of, read_receipt
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ObjectId
from telesphor.ledger.snapshot import Snapshot
from telesphor.runtime.capability import Actor
from telesphor.vault.access import Allowance
from telesphor.vault.model import Purpose, ReadGrant
from telesphor.vault.store import find_object, readers_of

MICRO: Final = 1e6

SIGNATURES = "verify the signatures, read the command"
DECISION = "decide, with entities, request and receipt"
LOOK_AGAIN = "look again when the content leaves"
CEDAR = "Cedar, of these two"
UNWRAP = "unwrap the data key"
WRAP = "unwrap it and wrap it for the reader"
CONTENT = "read and open the content"

TIMES: Final = {SIGNATURES: 1, DECISION: 1, CEDAR: 2, LOOK_AGAIN: 1, UNWRAP: 1, WRAP: 1, CONTENT: 1}
"""How often a read does it; looked again is when the content leaves."""

WITHIN: Final = frozenset({CEDAR})
"""What is part of other steps."""


class Reading(NamedTuple):
    """A read of somebody's, as it was signed."""

    request: bytes
    object: ObjectId


def time_steps(path: Path, reading: Reading, calls: int) -> dict[str, float]:
    """Microseconds of CPU of each step, the middle of so many calls; for a process of its own."""
    with open_node(path, passphrase=PASSPHRASE) as node:
        actor = node.authenticate(reading.request).actor
        grant = ReadGrant(reading.object, actor, Purpose.TREATMENT, None)
        with node.vault.ledger.reading() as db:
            public = node.vault.recipients.kem_of(db, actor.id)
        given = _given(node, _allow(node, actor, reading.object))
        content = node.vault.open_object(grant)
        steps: dict[str, Callable[[], object]] = {
            SIGNATURES: lambda: node.authenticate(reading.request),
            DECISION: lambda: _allow(node, actor, reading.object),
            LOOK_AGAIN: lambda: node.vault.readable(grant),
            CEDAR: lambda: decide(given),
            UNWRAP: lambda: node.vault.keys.data_key(reading.object),
            WRAP: lambda: node.vault.keys.wrap_for(reading.object, actor.id, public),
            CONTENT: lambda: content.read_within(0, 0, content.size),
        }
        return {name: _time(step, calls) for name, step in steps.items()}


def _allow(node: Node, actor: Actor, object_id: ObjectId) -> Allowance:
    with node.vault.ledger.reading() as db:
        row = find_object(db, object_id)
        assert row is not None, "it was written before"
        state = Snapshot(db, clock=node.clock, ids=node.ids)
        readers = readers_of(db, object_id)
        return node.vault.access.allow(actor, "read", row, readers, state, purpose=Purpose.TREATMENT)


def _given(node: Node, allowed: Allowance) -> DecisionInput:
    """What was decided on, found again by the receipt."""
    own = {document.digest: document for document in map(document_of, allowed.documents)}
    receipt = read_receipt(allowed.documents[0])
    with node.vault.ledger.reading() as db:
        state = Snapshot(db, clock=node.clock, ids=node.ids)

        def find(digest: Digest) -> Document:
            data = own[digest].data if digest in own else state.document(digest)
            assert data is not None, "what was decided on is kept"
            return Document(digest, data)

        return DecisionInput(
            policies=tuple(find(Digest(text)) for text in receipt.policies),
            policy_schema=find(Digest(receipt.policy_schema)),
            entities=find(Digest(receipt.entities)),
            request=find(Digest(receipt.request)),
        )


def _time(step: Callable[[], object], calls: int) -> float:
    step()
    spent = []
    for _ in range(calls):
        before = time.thread_time()
        step()
        spent.append(time.thread_time() - before)
    return middle(spent) * MICRO
