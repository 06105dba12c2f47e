"""Any run again, offline: from the entry and its documents to the same bytes, or to what differs.

An auditor needs no trust in the node for it: the entry is on the ledger, the documents are what its digests say,
and whoever runs the same source on the same state and trigger with the same engine gets the same answer.

Steps of `replay_run`
1. Every document is there, under its digest.
2. The manifest and the source are those that the entry names; the engine is this one.
3. The run is done again.
4. State, output (or failure) and gas are compared byte by byte.

Start at `replay_run`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from telesphor.capabilities.contracts.desk import state_after
from telesphor.capabilities.contracts.documents import open_input, open_state, seal_output
from telesphor.capabilities.contracts.entries import (
    CONTRACT_EXECUTED,
    CONTRACT_FAILED,
    ContractExecuted,
    ContractFailed,
)
from telesphor.capabilities.contracts.execution import ENGINE, Run, execute, failed_key, key_of
from telesphor.capabilities.contracts.manifest import parse_manifest
from telesphor.capabilities.contracts.model import REPEATABLE, Execution
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import Kind, TelesphorError

RUN_TYPES: dict[str, type[ContractExecuted] | type[ContractFailed]] = {
    CONTRACT_EXECUTED.name: ContractExecuted,
    CONTRACT_FAILED.name: ContractFailed,
}


class ReplayRefused(TelesphorError):
    """A run cannot be repeated, or comes to something else."""

    code = "replay-refused"
    kind = Kind.CORRUPT


class Verdict(StrEnum):
    """What repeating a run showed."""

    SAME = "same"
    LIMIT = "limit-of-machine"
    """It struck a limit of that machine, which says nothing about this one; it had no effect."""


class Replayed(NamedTuple):
    """A run that was repeated."""

    trigger: str
    verdict: Verdict
    gas: int
    cause: str


def parse_run(type: str, body: object) -> ContractExecuted | ContractFailed:
    """The body of an entry about a run; raises `ReplayRefused` when it is none."""
    kind = RUN_TYPES.get(type)
    if kind is None:
        raise ReplayRefused(f"an entry of type `{type}` is not of a run")
    try:
        found: ContractExecuted | ContractFailed = msgspec.convert(msgspec.to_builtins(body), kind)
        return found
    except msgspec.ValidationError as error:
        raise ReplayRefused(f"the entry of type `{type}` is not well formed") from error


def replay_run(
    said: ContractExecuted | ContractFailed, read: Callable[[str], bytes | None], *, run: Run
) -> Replayed:
    """Repeat a run and compare.

    Args:
        read: a document by its digest; its bytes are checked here.
        run: runs a job in a worker: `WorkerPool.run`.

    Raises:
        ReplayRefused: a document is missing or is not what its digest says, the engine is another, or something
            came out differently; the message says what.
    """
    if said.engine != ENGINE:
        raise ReplayRefused(
            f"the run was made by the engine `{said.engine}`, and this is `{ENGINE}`",
            hint="repeat it with the version that made it",
        )
    manifest = parse_manifest(_document(said.manifest, read, "manifest"))
    source = _document(said.source, read, "source").decode("utf-8", "replace")
    given = open_input(_document(said.input, read, "input"))
    state = open_state(_document(said.before, read, "state before")).state if said.before else "{}"
    key = key_of(manifest, msgspec.json.decode(given.trigger))
    if (key or "", given.kind, manifest.version) != (said.key, said.kind, said.version):
        raise ReplayRefused("the entry says another key, kind or version than its documents")
    if isinstance(said, ContractFailed) and said.repeatable != (said.cause in REPEATABLE):
        raise ReplayRefused(f"the entry says of `{said.cause.value}` the wrong thing about repeating it")
    if isinstance(said, ContractFailed) and not said.repeatable:
        return Replayed(said.trigger, Verdict.LIMIT, said.gas, said.cause.value)
    if key is None:
        execution = failed_key(manifest)
    else:
        execution = execute(manifest, source, state=state, trigger=given.trigger, run=run)
    if isinstance(said, ContractFailed):
        return _compare_failure(said, execution, salt=given.salt)
    return _compare_success(said, execution, state=state, salt=given.salt)


def _compare_success(said: ContractExecuted, execution: Execution, *, state: str, salt: str) -> Replayed:
    if execution.cause is not None:
        raise ReplayRefused(f"the run succeeded then, and fails now (`{execution.cause.value}`)")
    after, _ = state_after(execution, before=said.before, state=state, salt=salt)
    output = seal_output(execution, salt=salt).digest
    _same("state after", said.after, after)
    _same("output", said.output, output)
    _same("number of effects", said.effects, len(execution.effects))
    _same("gas", said.gas, execution.gas)
    return Replayed(said.trigger, Verdict.SAME, execution.gas, "")


def _compare_failure(said: ContractFailed, execution: Execution, *, salt: str) -> Replayed:
    if execution.cause is None:
        raise ReplayRefused(f"the run failed then (`{said.cause.value}`), and succeeds now")
    _same("cause", said.cause, execution.cause)
    _same("failure", said.failure, seal_output(execution, salt=salt).digest)
    _same("gas", said.gas, execution.gas)
    return Replayed(said.trigger, Verdict.SAME, execution.gas, said.cause.value)


def _same(what: str, then: object, now: object) -> None:
    if then != now:
        raise ReplayRefused(f"the {what} is `{now}` now, and was `{then}` then")


def _document(digest: str, read: Callable[[str], bytes | None], what: str) -> bytes:
    data = read(digest)
    if data is None:
        raise ReplayRefused(f"the document of the {what} is missing", hint=f"it is `{digest}`")
    if digest_of(data) != digest:
        raise ReplayRefused(f"the document of the {what} is not what its digest says")
    return data
