"""The documents of a run: what went in, the state before and after, and what came out, each under its digest.

Their contents are the contract's and its callers', so they stand inside as JSON text, never as values of the
document's own; and each has a salt, so that nobody can guess a content from its digest. The salts of what a run
gives follow from the salt of what it was given: an auditor who repeats the run gets the same bytes.

`docs/spec/contracts.md` is the specification. Start at `seal_input` and `seal_execution`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal, NamedTuple, TypeVar

import msgspec

from telesphor.capabilities.contracts.model import (
    TRIGGER_BYTES_MAX,
    Cause,
    DocumentForgotten,
    Effect,
    Execution,
    TriggerKind,
)
from telesphor.kernel import base64url, canonical
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import LimitExceeded
from telesphor.runtime.capability import Body

SALT_BYTES = 16

_Document = TypeVar("_Document", bound=Body)

_ENCODER = msgspec.json.Encoder(order="sorted")


class InputDocument(Body, frozen=True, kw_only=True):
    """What a run was triggered by; `trigger` is canonical JSON."""

    format: Literal["contract-input/1"] = "contract-input/1"
    kind: TriggerKind
    trigger: str
    salt: str


class StateDocument(Body, frozen=True, kw_only=True):
    """A contract's state, as canonical JSON."""

    format: Literal["contract-state/1"] = "contract-state/1"
    state: str
    salt: str


class OutputDocument(Body, frozen=True, kw_only=True):
    """What a run asked for, told its caller and printed; the first two as canonical JSON."""

    format: Literal["contract-output/1"] = "contract-output/1"
    effects: str
    result: str
    printed: tuple[str, ...]
    salt: str


class FailureDocument(Body, frozen=True, kw_only=True):
    """Why a run gave nothing, in words for the contract's author."""

    format: Literal["contract-failure/1"] = "contract-failure/1"
    cause: Cause
    message: str
    printed: tuple[str, ...]
    salt: str


class Sealed(NamedTuple):
    """A document's bytes and their digest."""

    data: bytes
    digest: Digest


def seal_input(kind: TriggerKind, trigger: dict[str, object], *, salt: str) -> Sealed:
    """The document of a trigger.

    Raises:
        LimitExceeded, NotCanonical: it is too large, or not of canonical JSON.
    """
    text = canonical.encode(trigger)
    if len(text) > TRIGGER_BYTES_MAX:
        raise LimitExceeded(f"the trigger has more than {TRIGGER_BYTES_MAX} bytes")
    return _seal(InputDocument(kind=kind, trigger=text.decode(), salt=salt))


def seal_state(state: str, *, salt: str) -> Sealed:
    """The document of a state after a run whose input had this salt."""
    return _seal(StateDocument(state=state, salt=derive_salt(salt, "state")))


def seal_output(execution: Execution, *, salt: str) -> Sealed:
    """The document of what a run gave, or of why it gave nothing."""
    if execution.cause is not None:
        derived = derive_salt(salt, "failure")
        failure = FailureDocument(
            cause=execution.cause, message=execution.message, printed=execution.printed, salt=derived
        )
        return _seal(failure)
    effects = _ENCODER.encode(execution.effects).decode()
    derived = derive_salt(salt, "output")
    return _seal(
        OutputDocument(effects=effects, result=execution.result, printed=execution.printed, salt=derived)
    )


def derive_salt(salt: str, part: str) -> str:
    """The salt of one thing that a run gives, from the salt of its input; 22 characters."""
    made = sha256(f"telesphor contract salt/1\n{part}\n{salt}".encode()).digest()
    return base64url.encode(made[:SALT_BYTES])


def open_input(data: bytes) -> InputDocument:
    """The trigger in a document; raises `DocumentForgotten` when it is none."""
    return _open(data, InputDocument)


def open_state(data: bytes) -> StateDocument:
    """The state in a document; raises `DocumentForgotten` when it is none."""
    return _open(data, StateDocument)


def open_output(data: bytes) -> OutputDocument:
    """What a run gave; raises `DocumentForgotten` when it is no such document."""
    return _open(data, OutputDocument)


def open_failure(data: bytes) -> FailureDocument:
    """Why a run gave nothing; raises `DocumentForgotten` when it is no such document."""
    return _open(data, FailureDocument)


def effects_of(output: OutputDocument) -> tuple[Effect, ...]:
    """The effects that a run asked for, in order."""
    return msgspec.json.decode(output.effects, type=tuple[Effect, ...])


def _seal(document: Body) -> Sealed:
    data = canonical.encode(msgspec.to_builtins(document))
    return Sealed(data, digest_of(data))


def _open(data: bytes, kind: type[_Document]) -> _Document:
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:  # DecodeError, and text that is not UTF-8
        raise DocumentForgotten("what stands under this digest is not the document of a run") from error
