"""What verification found: each step with what it proved, or with why it failed.

Start at `Report`. It renders itself for people (`to_text`) and for machines (`to_json`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

LEVEL: Final = "L1"
UNPINNED: Final = (
    "The ledger's keys were taken from the bundle itself: this shows that the bundle agrees with itself, "
    "not that its ledger is the one you mean. Give the keys you know with --key or --policy."
)


def counted(number: int, one: str, many: str = "") -> str:
    """Such as `1 entry` and `2 entries`; the plural is `one` with an s unless it is given."""
    return f"{number} {one if number == 1 else many or one + 's'}"


@dataclass(frozen=True)
class Proved(Generic[T]):
    """What a step hands to the steps after it, and the sentence it stands for."""

    value: T
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One numbered step that was run; exactly one of `proved` and `failure` is not empty."""

    name: str
    proved: str = ""
    failure: str = ""
    code: str = ""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of verifying one bundle.

    Attributes:
        steps: those that were run, in order; only the last can have failed.
        not_run: names of the steps that could not stand after the one that failed.
        pinned: whether the ledger's keys were given from outside.
        origin, subject: what the bundle says it is about, empty where it could not be read.
    """

    steps: tuple[Step, ...]
    not_run: tuple[str, ...]
    pinned: bool
    origin: str = ""
    subject: str = ""

    @property
    def passed(self) -> bool:
        """True only if every step was run and holds."""
        return bool(self.steps) and not self.not_run and not any(step.failure for step in self.steps)

    @property
    def verdict(self) -> str:
        """`pass` or `fail`."""
        return "pass" if self.passed else "fail"

    @property
    def level(self) -> str | None:
        """The assurance level that was proved, or nothing."""
        return LEVEL if self.passed else None

    def to_json(self) -> dict[str, object]:
        """The report for machines: `verdict`, `level`, `steps`, `pinned`, `origin`, `subject`."""
        return {
            "verdict": self.verdict,
            "level": self.level,
            "pinned": self.pinned,
            "origin": self.origin,
            "subject": self.subject,
            "steps": [_step_json(step) for step in self.steps],
        }

    def to_text(self) -> str:
        """The report for people: one line per step, then the verdict."""
        lines = [line for number, step in enumerate(self.steps, 1) for line in _step_lines(number, step)]
        if self.not_run:
            lines.append(f"    not run: {', '.join(self.not_run)}")
        if not self.pinned:
            lines.append(f"NOTE {UNPINNED}")
        lines.append(self._verdict_line())
        return "\n".join(map(_printable, lines))

    def _verdict_line(self) -> str:
        if self.passed:
            return f"PASS at level {LEVEL}: `{self.subject}` in the ledger `{self.origin}`"
        return f"FAIL at step {len(self.steps)} ({self.steps[-1].name})" if self.steps else "FAIL"


def _step_json(step: Step) -> dict[str, str]:
    if step.failure:
        return {"name": step.name, "failure": step.failure, "code": step.code}
    return {"name": step.name, "proved": step.proved}


def _step_lines(number: int, step: Step) -> list[str]:
    head = f"{number:2}. {step.name:<12}"
    if not step.failure:
        return [f"{head} ok    {step.proved}"]
    lines = [f"{head} FAIL  {step.failure} [{step.code}]"]
    return [*lines, f"    hint: {step.hint}"] if step.hint else lines


def _printable(line: str) -> str:
    """A bundle is somebody else's text: nothing in it may steer the reader's terminal."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
