"""What verification found: each step with what it proved, or with why it failed, and the level reached.

Start at `Report`. It renders itself for people (`to_text`) and for machines (`to_json`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Generic, Literal, TypeVar

from telesphor.kernel.clock import format_instant
from telesphor.kernel.levels import Judgement, LevelStep

T = TypeVar("T")

UNPINNED: Final = (
    "The ledger's keys were taken from the bundle itself: this shows that the bundle agrees with itself, "
    "not that its ledger is the one you mean. Give the keys you know with --key or --policy."
)
CHOSEN: Final = (
    "Somebody chose these entries, to be shown for the purpose `{purpose}`. Others may exist; nothing is "
    "said of them."
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
class Judged:
    """The levels, and whose policy judged them.

    Attributes:
        given: whether the reader gave the policy; otherwise it is the one that ships.
        digest: of the policy's bytes.
        own: whether the bundle has a policy, and whether that is the same one.
    """

    judgement: Judgement
    given: bool
    digest: str
    own: Literal["none", "same", "other"] = "none"

    def beside(self, own: Literal["same", "other"]) -> Judged:
        """The same, beside a policy of the bundle's own."""
        return replace(self, own=own)

    @property
    def lacking(self) -> LevelStep | None:
        """The next level, which is not reached, or nothing."""
        return next((step for step in self.judgement.steps if not step.met), None)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of verifying one bundle, or one entry with its proof.

    Attributes:
        steps: those that were run, in order; only the last can have failed.
        not_run: names of the steps that could not stand after the one that failed.
        pinned: whether the ledger's keys were given from outside.
        origin, subject: what the bundle says it is about, empty where it could not be read.
        purpose: what its entries were chosen for; empty for a bundle about a visit.
        judged: the levels, where verification came so far.
    """

    steps: tuple[Step, ...]
    not_run: tuple[str, ...]
    pinned: bool
    origin: str = ""
    subject: str = ""
    purpose: str = ""
    judged: Judged | None = None

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
        """The assurance level that was proved, `L1` to `L5`, or nothing."""
        return f"L{self.judged.judgement.level}" if self.passed and self.judged else None

    def to_json(self) -> dict[str, object]:
        """The report for machines; `docs/spec/verification.md` lists its members."""
        return {
            "verdict": self.verdict,
            "level": self.level,
            "levels": _levels_json(self.judged),
            "assumptions": list(self.judged.judgement.assumptions) if self.judged else [],
            "policy": _policy_json(self.judged),
            "pinned": self.pinned,
            "origin": self.origin,
            "subject": self.subject,
            "purpose": self.purpose,
            "steps": [_step_json(step) for step in self.steps],
        }

    def to_text(self) -> str:
        """The report for people: one line per step, the levels, then the verdict."""
        lines = [line for number, step in enumerate(self.steps, 1) for line in _step_lines(number, step)]
        if self.not_run:
            lines.append(f"    not run: {', '.join(self.not_run)}")
        if self.judged and (self.passed or self.steps[-1].name == "levels"):
            lines += _levels_lines(self.judged)
        if not self.pinned:
            lines.append(f"NOTE {UNPINNED}")
        if self.purpose:
            lines.append(f"NOTE {CHOSEN.format(purpose=self.purpose)}")
        lines.append(self._verdict_line())
        return "\n".join(map(_printable, lines))

    def _verdict_line(self) -> str:
        if self.passed:
            return f"PASS at level {self.level}: `{self.subject}` in the ledger `{self.origin}`"
        return f"FAIL at step {len(self.steps)} ({self.steps[-1].name})" if self.steps else "FAIL"


def _step_json(step: Step) -> dict[str, str]:
    if step.failure:
        return {"name": step.name, "failure": step.failure, "code": step.code}
    return {"name": step.name, "proved": step.proved}


def _levels_json(judged: Judged | None) -> list[dict[str, object]]:
    if judged is None:
        return []
    times = [format_instant(seconds * 1000) for seconds in judged.judgement.at_seconds]
    return [
        {
            "level": f"L{step.level}",
            "met": step.met,
            "at": times[step.level - 1] if step.met else None,
            "proved": step.proved,
            "missing": step.missing,
        }
        for step in judged.judgement.steps
    ]


def _policy_json(judged: Judged | None) -> dict[str, object] | None:
    if judged is None:
        return None
    return {"given": judged.given, "digest": judged.digest, "bundle": judged.own}


def _step_lines(number: int, step: Step) -> list[str]:
    head = f"{number:2}. {step.name:<12}"
    if not step.failure:
        return [f"{head} ok    {step.proved}"]
    lines = [f"{head} FAIL  {step.failure} [{step.code}]"]
    return [*lines, f"    hint: {step.hint}"] if step.hint else lines


def _levels_lines(judged: Judged) -> list[str]:
    """Each level that was reached, with its time, and the first that was not, with what it lacks."""
    judgement = judged.judgement
    lines = [
        f"L{step.level} reached at {format_instant(seconds * 1000)}: {step.proved}"
        for step, seconds in zip(judgement.steps, judgement.at_seconds, strict=False)
    ]
    if judged.lacking:
        lines.append(f"L{judged.lacking.level} not reached: {judged.lacking.missing}")
    return [*lines, *(f"NOTE It is assumed that {said}." for said in judgement.assumptions)]


def _printable(line: str) -> str:
    """A bundle is somebody else's text: nothing in it may steer the reader's terminal."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
