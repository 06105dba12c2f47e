"""The facts of interchain: a proof was submitted, and the node accepted or refused it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.interchain.model import (
    FACTS_MAX,
    CauseField,
    DigestField,
    Fact,
    Head,
    LevelField,
    OriginField,
    PositionsField,
    SizeField,
    SubjectField,
)
from telesphor.runtime.capability import Body, EntryType


class ProofSubmitted(Body, frozen=True, kw_only=True):
    """Somebody announced a bundle, and which entries of it matter; said again for a new ticket."""

    bundle: DigestField
    size: SizeField
    facts: PositionsField


class ProofAccepted(Body, frozen=True, kw_only=True):
    """The node verified these very bytes: the facts stand in that state of that ledger."""

    bundle: DigestField
    origin: OriginField
    subject: SubjectField
    level: LevelField
    policy: DigestField
    head: Head
    facts: Annotated[tuple[Fact, ...], Meta(min_length=1, max_length=FACTS_MAX)]


class ProofRefusedBody(Body, frozen=True, kw_only=True):
    """The bundle did not verify; `cause` is the code of what failed."""

    bundle: DigestField
    cause: CauseField


PROOF_SUBMITTED = EntryType("interchain.proof-submitted/1", ProofSubmitted)
PROOF_ACCEPTED = EntryType("interchain.proof-accepted/1", ProofAccepted)
PROOF_REFUSED = EntryType("interchain.proof-refused/1", ProofRefusedBody)

ENTRIES = (PROOF_SUBMITTED, PROOF_ACCEPTED, PROOF_REFUSED)
