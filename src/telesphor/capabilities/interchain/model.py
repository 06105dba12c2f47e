"""Values of interchain: what a proof must be of, the facts it gives, and what can be refused."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, NewType

import msgspec
from msgspec import Meta

from telesphor.kernel.bundle import BUNDLE_BYTES_MAX
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Body

ProofId = NewType("ProofId", str)

PROOF_STREAM = "proof"

FACTS_MAX = 32
"""Entries of another ledger that one proof is asked for: together 10 KB, far below the size of an entry."""

POSITION_MAX = 2**53 - 1

TICKET_SECONDS = 900
"""Long enough to send the largest bundle over a poor line."""

ProofIdField = Annotated[
    ProofId,
    Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36),
]
DigestField = Annotated[Digest, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
SizeField = Annotated[int, Meta(ge=1, le=BUNDLE_BYTES_MAX)]
PositionField = Annotated[int, Meta(ge=0, le=POSITION_MAX)]
PositionsField = Annotated[tuple[PositionField, ...], Meta(min_length=1, max_length=FACTS_MAX)]
OriginField = Annotated[str, Meta(min_length=1, max_length=255)]
SubjectField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*/[0-9a-f-]{36}\Z", max_length=70)]
CauseField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*\Z", max_length=64)]
LevelField = Literal["L1", "L2", "L3", "L4", "L5"]

ProofState = Literal["submitted", "accepted", "refused"]


class Fact(Body, frozen=True, kw_only=True):
    """One entry of the other ledger: its place there, its type and stream, and its leaf hash as a digest."""

    position: PositionField
    type: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9.-]*/[1-9][0-9]*\Z", max_length=64)]
    stream: SubjectField
    n: PositionField
    leaf: DigestField


class Head(Body, frozen=True, kw_only=True):
    """The state of the other ledger in which the facts stand."""

    size: PositionField
    root: DigestField


class ProvenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What verification of a bundle found.

    Attributes:
        subject: the stream or selection that the bundle is about.
        policy: digest of the policy of levels by which this node judged.
    """

    origin: OriginField
    subject: SubjectField
    level: LevelField
    policy: DigestField
    head: Head
    facts: tuple[Fact, ...]


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted fact, with where it came from.

    `n` is the number on the proof's stream of the entry that accepted it. The same bundle may be accepted
    under several ids: what makes a fact the same is `origin` and `fact.leaf`, never `proof`.
    """

    proof: ProofId
    n: int
    origin: str
    level: LevelField
    fact: Fact


class ProofRow(NamedTuple):
    """A proof as the ledger says: who announced what, what became of it, and the code of what refused it."""

    actor: ActorId
    bundle: Digest
    size: int
    facts: tuple[int, ...]
    state: ProofState
    cause: str


class ProofGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What the ticket of `interchain.submit/1` stands for: these bytes, of this actor."""

    proof: ProofId
    actor: ActorId
    bundle: Digest
    size: int
    facts: tuple[int, ...]


class ProofTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send the bundle, and the ticket to send with it."""

    proof: ProofId
    ticket: str
    path: str


class ProofExists(TelesphorError):
    """The id was used for another proof before."""

    code = "proof-exists"
    kind = Kind.CONFLICT


class ProofMissing(TelesphorError):
    """No proof was submitted under this id."""

    code = "proof-missing"
    kind = Kind.NOT_FOUND


class ProofDecided(TelesphorError):
    """The proof was accepted or refused already."""

    code = "proof-decided"
    kind = Kind.CONFLICT


class ProofBusy(TelesphorError):
    """This proof is being judged now, or too many others are."""

    code = "proof-busy"
    kind = Kind.OVERLOADED


class FactsRefused(TelesphorError):
    """The positions that were named are not in rising order."""

    code = "facts-refused"
    kind = Kind.INVALID


class BundleMismatch(TelesphorError):
    """The bytes that came are not those that were announced."""

    code = "bundle-mismatch"
    kind = Kind.INVALID


class ProofRefused(TelesphorError):
    """The bundle does not verify under this node's policy.

    `cause` is the code of what failed. INVARIANT: neither it nor the message holds any text of the bundle,
    which is a stranger's.
    """

    code = "proof-refused"
    kind = Kind.INVALID

    def __init__(self, message: str, *, cause: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.cause = cause


class PartnerForked(TelesphorError):
    """The other ledger shows two different entries at one position, or two trees of one size."""

    code = "partner-forked"
    kind = Kind.CONFLICT


class JudgingFailed(TelesphorError):
    """This node could not judge the bundle, which says nothing about it; the proof stays open."""

    code = "judging-failed"
    kind = Kind.OVERLOADED


class FactMissing(TelesphorError):
    """No accepted proof gives this fact."""

    code = "fact-missing"
    kind = Kind.FORBIDDEN
