"""The proof, checked by a stranger: the single-file verifier in a process of its own, with pinned keys.

The process gets the bundle, the verifier, the ledger's public keys and a policy of levels, and nothing else of
the node.

Start at `Verifier.check`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.verify.pack import write_verifier

VERIFY_SECONDS: Final = 120
"""A visit's bundle takes about a second; this is for a machine that is very busy."""


class VerifierFailed(TelesphorError):
    """The verifier did not come to a verdict."""

    code = "verifier-failed"
    kind = Kind.INTERNAL


@dataclass(frozen=True)
class Step:
    """One step of a verdict: what it proved, or what was wrong and its code."""

    name: str
    proved: str
    failure: str
    code: str


@dataclass(frozen=True)
class Level:
    """What a verdict says of one level: when it was reached and by what, or what it lacks."""

    name: str
    at: str
    proved: str
    missing: str


@dataclass(frozen=True)
class Verdict:
    """What the verifier found."""

    passed: bool
    level: str
    pinned: bool
    steps: tuple[Step, ...]
    levels: tuple[Level, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def last(self) -> Step:
        """The step that decided."""
        return self.steps[-1]

    @property
    def lacking(self) -> Level | None:
        """The first level that is not reached, or nothing."""
        return next((level for level in self.levels if not level.at), None)


class Verifier:
    """The verifier as one file.

    Args:
        file: where to write it.
        keys: the file with the ledger's two keys, by which it will know the ledger.
        levels: the file with the policy by which it judges levels.
    """

    def __init__(self, file: Path, *, keys: Path, levels: Path) -> None:
        self.size = len(write_verifier(file))
        self._file = file
        self._keys = keys
        self._levels = levels

    def check(self, bundle: Path, *, require: str = "", shipped_policy: bool = False) -> Verdict:
        """Verify a bundle in a new process.

        Args:
            require: the least level with which it passes, such as `L4`.
            shipped_policy: judge levels by the policy that ships with the verifier, not by the given one.

        Raises:
            VerifierFailed: there is no verdict.
        """
        words = [sys.executable, "-I", str(self._file), "--json", "--key", str(self._keys)]
        words += [] if shipped_policy else ["--levels", str(self._levels)]
        words += ["--require", require] if require else []
        words.append(str(bundle))
        try:
            ran = subprocess.run(words, capture_output=True, timeout=VERIFY_SECONDS, check=False)
            report = json.loads(ran.stdout)
            verdict = _read(report)
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
            raise VerifierFailed("the verifier gave no verdict", detail=type(error).__name__) from error
        if ran.returncode != (0 if verdict.passed else 1):
            raise VerifierFailed(f"the verifier's exit code `{ran.returncode}` is not that of its verdict")
        return verdict


def _read(report: dict[str, Any]) -> Verdict:
    steps = tuple(
        Step(step["name"], step.get("proved", ""), step.get("failure", ""), step.get("code", ""))
        for step in report["steps"]
    )
    levels = tuple(
        Level(level["level"], level["at"] or "", level["proved"], level["missing"])
        for level in report["levels"]
    )
    return Verdict(
        report["verdict"] == "pass",
        report["level"] or "",
        report["pinned"],
        steps,
        levels,
        tuple(report["assumptions"]),
    )
