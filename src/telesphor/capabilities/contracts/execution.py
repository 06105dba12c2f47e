"""One run of a contract, from what it is given to what it gives: pure, and the same on every machine.

1. The source, the state and the trigger go to a worker, with the limits of the manifest.
2. What comes back is read as data: canonical JSON, effects of known form.
3. Every effect is one that the manifest permits.

Whatever goes wrong is part of the answer (`Execution.cause`); nothing is raised for what a contract did.
Start at `execute`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version

import msgspec

from telesphor.capabilities.contracts.host import HOST_VERSION
from telesphor.capabilities.contracts.manifest import Manifest, OnEntry, check_fields, value_at
from telesphor.capabilities.contracts.model import (
    EFFECTS_MAX,
    OUTPUT_BYTES_MAX,
    PRINTED_CHARS_MAX,
    PRINTED_MAX,
    STATE_BYTES_MAX,
    Answer,
    CallRefused,
    Cause,
    CommandEffect,
    Effect,
    Execution,
    Job,
)
from telesphor.kernel import canonical
from telesphor.kernel.canonical import NotCanonical
from telesphor.kernel.errors import LimitExceeded

Run = Callable[[Job], Answer]
"""Runs a job in a worker: `WorkerPool.run`."""

ENGINE = f"starlark-pyo3 {version('starlark-pyo3')} host {HOST_VERSION}"
"""What ran it. Another engine may count other steps; an auditor repeats a run with the engine that it names."""

MESSAGE_CHARS_MAX = 2_000

_KEY = re.compile(
    r"([a-z][a-z0-9-]*/)?[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)
_REFERENCE = "$secret"


class _Broken(Exception):
    """What came back cannot be taken; for `cause`, in these words."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


def execute(manifest: Manifest, source: str, *, state: str, trigger: str, run: Run) -> Execution:
    """Run a contract once.

    Args:
        state, trigger: canonical JSON text.

    Raises:
        WorkersBusy: it could not be run now, which says nothing about it.
    """
    answer = run(Job(source=source, state=state, trigger=trigger, limits=manifest.limits))
    if answer.cause is not None:
        return _failed(answer, answer.cause, answer.message)
    try:
        effects = _read_answer(answer)
        _check_effects(effects, manifest)
        _check_result(answer, manifest, trigger)
    except _Broken as broken:
        return _failed(answer, broken.cause, str(broken))
    return Execution(
        state=answer.state,
        effects=effects,
        result=answer.result,
        printed=_printed(answer),
        gas=answer.gas,
        cause=None,
        message="",
    )


def matches(rule: OnEntry, entry: dict[str, object]) -> bool:
    """Whether an entry, as triggers show it, is one of those that a rule names."""
    if entry.get("type") != rule.type:
        return False
    return all(value_at(entry, path) in values for path, values in rule.where.items())


def key_of(manifest: Manifest, trigger: dict[str, object]) -> str | None:
    """What orders a run: empty for a serial contract; None when the trigger has no opaque id at the path."""
    if not manifest.key:
        return ""
    found = value_at(trigger, manifest.key)
    return found if isinstance(found, str) and _KEY.fullmatch(found) else None


def failed_key(manifest: Manifest) -> Execution:
    """The run of a trigger that has no key: it is not run at all."""
    answer = Answer()
    return _failed(answer, Cause.KEY, f"the trigger has no opaque id at `{manifest.key}`")


def _read_answer(answer: Answer) -> tuple[Effect, ...]:
    """Check again what a worker says of itself: it has run a stranger's code."""
    for text, most in ((answer.state, STATE_BYTES_MAX), (answer.result, OUTPUT_BYTES_MAX)):
        _canonical(text, most)
    raw = _canonical(answer.effects, OUTPUT_BYTES_MAX)
    if not answer.state.startswith("{") or not isinstance(raw, list):
        raise _Broken(Cause.ANSWER, "the state is a dict, and the effects are a list")
    if len(raw) > EFFECTS_MAX:
        raise _Broken(Cause.EFFECT, f"more than {EFFECTS_MAX} effects")
    try:
        return msgspec.convert(raw, tuple[Effect, ...], strict=True)
    except msgspec.ValidationError as error:
        raise _Broken(Cause.EFFECT, f"an effect is made with `command` or `send`: {error}") from error


def _canonical(text: str, most: int) -> object:
    try:
        return canonical.decode(text.encode("utf-8", "surrogatepass"), limit=most)
    except LimitExceeded as error:
        raise _Broken(Cause.ANSWER_SIZE, error.message) from error
    except NotCanonical as error:
        raise _Broken(Cause.ANSWER, error.message) from error


def _check_effects(effects: tuple[Effect, ...], manifest: Manifest) -> None:
    for effect in effects:
        if isinstance(effect, CommandEffect):
            if effect.type not in manifest.commands:
                raise _Broken(Cause.EFFECT, f"the manifest does not permit the command `{effect.type}`")
            if _REFERENCE in canonical.encode(effect.body).decode():
                raise _Broken(Cause.EFFECT, "a secret goes into a message for a connector only")
        elif effect.connector not in manifest.connectors:
            raise _Broken(Cause.EFFECT, f"the manifest does not permit the connector `{effect.connector}`")
        else:
            _check_secrets(effect.message, manifest)


def _check_secrets(value: object, manifest: Manifest) -> None:
    if isinstance(value, dict):
        if _REFERENCE in value and (len(value) != 1 or value[_REFERENCE] not in manifest.secrets):
            raise _Broken(Cause.EFFECT, "a message names a secret that the manifest does not")
        for member in value.values():
            _check_secrets(member, manifest)
    elif isinstance(value, list):
        for item in value:
            _check_secrets(item, manifest)


def _check_result(answer: Answer, manifest: Manifest, trigger: str) -> None:
    """The result of a call has the shape that the manifest promises; nothing else has a result."""
    said = msgspec.json.decode(trigger)
    result = msgspec.json.decode(answer.result)
    name = value_at(said, "call.name")
    try:
        if isinstance(name, str):
            check_fields({} if result is None else result, manifest.call(name).result, what="result")
        elif result is not None:
            raise _Broken(Cause.ANSWER, "only a call has a result")
    except CallRefused as error:
        raise _Broken(Cause.ANSWER, error.message) from error


def _failed(answer: Answer, cause: Cause, message: str) -> Execution:
    return Execution(
        state="",
        effects=(),
        result="null",
        printed=_printed(answer),
        gas=answer.gas,
        cause=cause,
        message=_clean(message, MESSAGE_CHARS_MAX),
    )


def _printed(answer: Answer) -> tuple[str, ...]:
    return tuple(_clean(line, PRINTED_CHARS_MAX) for line in answer.printed[:PRINTED_MAX])


def _clean(text: str, most: int) -> str:
    """What canonical JSON can hold: no half of a surrogate pair."""
    return text[:most].encode("utf-8", "replace").decode()
