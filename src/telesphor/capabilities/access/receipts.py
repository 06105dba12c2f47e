"""Decision receipts: from which documents a decision was made, and what it came to, as one small document.

The entry on the ledger names the receipt by digest, the receipt names policies, schema, entities and request.
The bytes are specified in `docs/spec/decision-receipt.md`.

Start at `make_receipt`; `read_receipt` is in `documents`.
"""

from __future__ import annotations

from telesphor.capabilities.access.decide import DecisionInput, Verdict
from telesphor.capabilities.access.documents import Document, ReceiptForm, encode_document


def make_receipt(given: DecisionInput, verdict: Verdict, *, decision: str, at: str, salt: str) -> Document:
    """Write the receipt of one decision.

    Args:
        decision: the id of the decision, a fresh UUIDv7.
        at: the instant of the decision, which is that of its entry.
        salt: a fresh nonce, so that nobody guesses the receipt from its digest.
    """
    return encode_document(
        ReceiptForm(
            format="telesphor-decision/1",
            salt=salt,
            decision=decision,
            at=at,
            policies=tuple(document.digest for document in given.policies),
            policy_schema=given.policy_schema.digest,
            entities=given.entities.digest,
            request=given.request.digest,
            outcome=verdict.outcome,
            reasons=verdict.reasons,
            failed=verdict.failed,
        )
    )
