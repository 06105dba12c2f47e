"""Values of contracts: what a run is given, what it gives back, and how it can end.

`Trigger` and the documents of a run are in `documents`, the manifest is in `manifest`. Nothing here runs anything.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, NewType

import msgspec
from msgspec import Meta

from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Body

ContractId = NewType("ContractId", str)
CallId = NewType("CallId", str)

CONTRACT_STREAM = "contract"

SOURCE_BYTES_MAX = 64 * 1024
"""A thousand lines: a contract that needs more wants to be two."""

MANIFEST_BYTES_MAX = 16 * 1024
"""Triggers, permitted effects and the shapes of calls, with room to spare."""

ARGUMENT_BYTES_MAX = 16 * 1024
"""What a caller may hand over directly; larger things are objects of the vault, named by id."""

TRIGGER_BYTES_MAX = 128 * 1024
"""An entry of the largest size, and the documents it brings along."""

STATE_BYTES_MAX = 256 * 1024
"""Read and written whole by every run of its key."""

OUTPUT_BYTES_MAX = 256 * 1024
"""Effects, result and printed lines together."""

EFFECTS_MAX = 64
"""Commands and messages that one run may ask for."""

PRINTED_MAX = 64
"""Lines that one run may print."""

PRINTED_CHARS_MAX = 500
"""Characters of one printed line, and of a reason given to `fail`."""

GAS_MAX = 2**53 - 1
VERSION_MAX = 1_000_000
TRIGGER_CHARS_MAX = 128

_ID = Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36)

ContractIdField = Annotated[ContractId, _ID]
CallIdField = Annotated[CallId, _ID]
DigestField = Annotated[Digest, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
NameField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*\Z", max_length=64)]
VersionField = Annotated[int, Meta(ge=1, le=VERSION_MAX)]
GasField = Annotated[int, Meta(ge=0, le=GAS_MAX)]
KeyField = Annotated[
    str,
    Meta(
        pattern=r"^(|([a-z][a-z0-9-]*/)?[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\Z",
        max_length=80,
    ),
]
"""What a run is ordered by: an opaque id or a stream, never a name; empty where the contract is serial."""

TriggerName = Annotated[
    str,
    Meta(
        pattern=r"^(entry:[0-9]{1,16}|schedule:[a-z][a-z0-9-]{0,63}:[0-9]{1,16}|call:[0-9a-f-]{36})\Z",
        max_length=TRIGGER_CHARS_MAX,
    ),
]
"""What caused a run, once and for all: an entry's position, a schedule's due time, or a call."""

EngineField = Annotated[str, Meta(pattern=r"^[a-z0-9./ -]+\Z", max_length=64)]
ContractState = Literal["deployed", "paused", "retired"]
TriggerKind = Literal["entry", "schedule", "call"]


class Cause(StrEnum):
    """Why a run gave nothing. Those in `REPEATABLE` come out the same on every machine."""

    STEPS = "steps"
    DEPTH = "depth"
    FAILED = "failed"
    RAISED = "raised"
    SOURCE = "source"
    ANSWER = "answer"
    ANSWER_SIZE = "answer-size"
    EFFECT = "effect"
    KEY = "key"
    MEMORY = "memory"
    TIME = "time"
    CRASHED = "crashed"


REPEATABLE = frozenset(Cause) - {Cause.MEMORY, Cause.TIME, Cause.CRASHED}
"""The other three are limits of a machine, seen from outside: where they strike depends on that machine too."""


class Limits(Body, frozen=True, kw_only=True):
    """What one run may spend.

    Attributes:
        steps: of gas; a step is a turn of a loop, a call of a function, or 64 bytes handed to the host.
        memory_mib: of memory beyond what the idle worker has.
    """

    steps: Annotated[int, Meta(ge=1_000, le=50_000_000)] = 1_000_000
    memory_mib: Annotated[int, Meta(ge=4, le=256)] = 32


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run is given; `state` and `trigger` are canonical JSON text.

    Attributes:
        cases: whether the source is a file of examples, not a contract.
    """

    source: str
    state: str
    trigger: str
    limits: Limits
    cases: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back from a worker: JSON text of state and effects, or the cause why not.

    Attributes:
        message: for the contract's author; it may quote what the contract was given.
    """

    state: str = ""
    effects: str = "[]"
    result: str = "null"
    printed: tuple[str, ...] = ()
    gas: int = 0
    cause: Cause | None = None
    message: str = ""


class CommandEffect(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="effect", tag="command"
):
    """A command for the node to give as its own: its type, and its body as JSON."""

    type: Annotated[str, Meta(max_length=64)]
    body: dict[str, object]


class SendEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="effect", tag="send"):
    """A message for a connector; `key` orders it among others of the same key."""

    connector: Annotated[str, Meta(max_length=64)]
    message: object
    key: Annotated[str, Meta(max_length=80)] = ""


Effect = CommandEffect | SendEffect


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One finished run. `cause` is None when it succeeded; otherwise nothing of it has any effect.

    Attributes:
        state, result: JSON text.
    """

    state: str
    effects: tuple[Effect, ...]
    result: str
    printed: tuple[str, ...]
    gas: int
    cause: Cause | None
    message: str

    @property
    def repeatable(self) -> bool:
        """Whether every machine comes to the same."""
        return self.cause is None or self.cause in REPEATABLE


class ContractRow(NamedTuple):
    """A contract as the ledger says."""

    contract: ContractId
    name: str
    version: int
    state: ContractState
    manifest: Digest
    source: Digest
    deployed_by: ActorId


class RunRow(NamedTuple):
    """What one trigger came to; an empty `cause` for success.

    `output` names the document of what the run gave, or of why it gave nothing.
    """

    position: int
    cause: str
    output: Digest


class ContractExists(TelesphorError):
    """The id or the name is of another contract."""

    code = "contract-exists"
    kind = Kind.CONFLICT


class ContractMissing(TelesphorError):
    """No contract was deployed under this id."""

    code = "contract-missing"
    kind = Kind.NOT_FOUND


class ContractResting(TelesphorError):
    """The contract runs no more, for now or for good; or it runs already."""

    code = "contract-resting"
    kind = Kind.CONFLICT


class ManifestRefused(TelesphorError):
    """The manifest is not one, or asks for what cannot be."""

    code = "manifest-refused"
    kind = Kind.INVALID


class SourceRefused(TelesphorError):
    """The source uses what contracts do not have, such as floats."""

    code = "source-refused"
    kind = Kind.INVALID


class VersionRefused(TelesphorError):
    """An upgrade must carry a higher version, and the same name."""

    code = "version-refused"
    kind = Kind.CONFLICT


class CallRefused(TelesphorError):
    """The contract takes no such call, or not this argument."""

    code = "call-refused"
    kind = Kind.INVALID


class CallExists(TelesphorError):
    """The id was used for a call before."""

    code = "call-exists"
    kind = Kind.CONFLICT


class RunDecided(TelesphorError):
    """This trigger was run already."""

    code = "run-decided"
    kind = Kind.CONFLICT


class RunStale(TelesphorError):
    """The contract or its state changed while it ran; it is run again on what is now."""

    code = "run-stale"
    kind = Kind.CONFLICT


class WorkersBusy(TelesphorError):
    """More runs wait than the workers can finish in reasonable time."""

    code = "workers-busy"
    kind = Kind.OVERLOADED


class DocumentForgotten(TelesphorError):
    """A document that a run needs is not kept any more."""

    code = "document-forgotten"
    kind = Kind.GONE
