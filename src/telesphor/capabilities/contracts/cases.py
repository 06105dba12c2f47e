"""Examples of a contract: a file of them, run one after the other, with what was expected beside what came.

The file is Starlark: `cases = [case("name", trigger = call(...), state_after = {...}), ...]`. It is evaluated in a
worker as contracts are, so that a file of examples can do no more harm than they. Start at `read_cases`,
then `check_case`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from telesphor.capabilities.contracts.execution import Run, execute
from telesphor.capabilities.contracts.language import check_source
from telesphor.capabilities.contracts.manifest import Manifest, parse_manifest, read_manifest
from telesphor.capabilities.contracts.model import (
    SOURCE_BYTES_MAX,
    Execution,
    Job,
    Limits,
    ManifestRefused,
    SourceRefused,
)
from telesphor.kernel import canonical
from telesphor.kernel.canonical import NotCanonical
from telesphor.kernel.errors import Kind, TelesphorError

CASES_MAX = 200

_UNSAID = "\x00unsaid"


class CasesRefused(TelesphorError):
    """The file of cases cannot be read."""

    code = "cases-refused"
    kind = Kind.INVALID


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One run of a case, and what is expected of it; what is not said may be anything."""

    trigger: dict[str, Any]
    state_after: Any = _UNSAID
    effects: Any = _UNSAID
    result: Any = _UNSAID
    fails: str | None = None


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One example: a state to begin with, and its runs in order."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    state: dict[str, Any]
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=50)]


class Package(NamedTuple):
    """A contract as its author keeps it: source, and manifest in both forms."""

    source: str
    manifest: Manifest
    manifest_document: bytes


class Difference(NamedTuple):
    """What a step should have given and what it gave, as JSON text."""

    step: int
    what: str
    expected: str
    came: str


class Outcome(NamedTuple):
    """A case that was run."""

    case: Case
    executions: tuple[Execution, ...]
    differences: tuple[Difference, ...]

    @property
    def gas(self) -> int:
        """Of all its runs."""
        return sum(execution.gas for execution in self.executions)


def read_package(path: Path) -> Package:
    """Read `NAME.star` and the `NAME.toml` beside it.

    Raises:
        SourceRefused, ManifestRefused: one of them is missing, or not what it should be.
    """
    beside = path.with_suffix(".toml")
    if not beside.is_file():
        raise ManifestRefused(
            f"`{beside.name}` is missing", hint="a contract's manifest stands beside its source"
        )
    source = _read(path)
    check_source(source)
    document = read_manifest(_read(beside))
    return Package(source, parse_manifest(document), document)


def read_cases(path: Path, *, run: Run) -> list[Case]:
    """Read a file of cases; raises `CasesRefused` with what Starlark says of it."""
    job = Job(source=_read(path), state="{}", trigger="{}", limits=Limits(), cases=True)
    answer = run(job)
    if answer.cause is not None:
        raise CasesRefused(f"`{path.name}` cannot be read ({answer.cause.value})", hint=answer.message)
    try:
        found = msgspec.json.decode(answer.effects, type=list[Case])
    except msgspec.ValidationError as error:
        raise CasesRefused(f"`{path.name}` does not hold a list of cases", hint=str(error)) from error
    if not 0 < len(found) <= CASES_MAX:
        raise CasesRefused(f"`{path.name}` has `{len(found)}` cases where 1 to {CASES_MAX} may be")
    return found


def check_cases(package: Package, cases: list[Case], *, run: Run) -> Iterator[Outcome]:
    """Run cases in order."""
    for case in cases:
        yield check_case(package, case, run=run)


def check_case(package: Package, case: Case, *, run: Run) -> Outcome:
    """Run a case step by step, each on the state that the one before left, and compare."""
    state = _text(case.state)
    executions: list[Execution] = []
    differences: list[Difference] = []
    for number, step in enumerate(case.steps, start=1):
        execution = execute(
            package.manifest, package.source, state=state, trigger=_text(step.trigger), run=run
        )
        executions.append(execution)
        differences += _compare(number, step, execution)
        state = execution.state or state
    return Outcome(case, tuple(executions), tuple(differences))


def _compare(number: int, step: Step, execution: Execution) -> Iterator[Difference]:
    if execution.cause is not None:
        came = f"{execution.cause.value}: {execution.message}"
        if step.fails is None:
            yield Difference(number, "run", "succeeds", came)
        elif step.fails != execution.cause.value and step.fails not in execution.message:
            yield Difference(number, "failure", step.fails, came)
        return
    if step.fails is not None:
        yield Difference(number, "run", f"fails: {step.fails}", "succeeds")
    effects = canonical.encode(msgspec.to_builtins(execution.effects)).decode()
    pairs = (
        ("state after", step.state_after, execution.state),
        ("effects", step.effects, effects),
        ("result", step.result, execution.result),
    )
    for what, expected, came in pairs:
        if expected != _UNSAID and _text(expected) != came:
            yield Difference(number, what, _text(expected), came)


def _text(value: object) -> str:
    try:
        return canonical.encode(value).decode()
    except NotCanonical as error:
        raise CasesRefused(f"in a case, {error.message}") from error


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(SOURCE_BYTES_MAX + 1)
        if len(data) > SOURCE_BYTES_MAX:
            raise SourceRefused(f"`{path.name}` is larger than {SOURCE_BYTES_MAX} bytes")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceRefused(f"`{path.name}` cannot be read", hint=type(error).__name__) from error
