"""The walk through the numbered steps of a verification: each is run, named and reported, in order.

INVARIANT: the first step that fails is the last that is run, and nothing that a step raises gets past here.

Start at `Walk`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from telesphor.kernel.errors import TelesphorError
from telesphor.verify.report import Judged, Proved, Report, Step

P = ParamSpec("P")
T = TypeVar("T")


class StepFailed(Exception):
    """A step failed, and the ones after it cannot stand; the walk has noted which."""


class Walk:
    """The steps that were run so far.

    Args:
        steps: the names of all, in their order.
        pinned: whether the ledger's keys were given from outside.
    """

    def __init__(self, steps: Sequence[str], *, pinned: bool) -> None:
        self._names = tuple(steps)
        self._pinned = pinned
        self._steps: list[Step] = []
        self._about = {"origin": "", "subject": "", "purpose": ""}
        self._judged: Judged | None = None

    def describe(self, *, origin: str, subject: str, purpose: str = "") -> None:
        """Note what is said to be verified, for the report."""
        self._about = {"origin": origin, "subject": subject, "purpose": purpose}

    def judge(self, judged: Judged) -> None:
        """Note the levels, for the report."""
        self._judged = judged

    def step(self, name: str, check: Callable[P, Proved[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one step and record what it proved, or why it failed; raises `StepFailed`."""
        assert name == self._names[len(self._steps)], "INVARIANT: the steps are run in their order"
        try:
            proved = check(*args, **kwargs)
        except TelesphorError as error:
            failed = Step(name=name, failure=error.message, code=error.code, hint=error.hint)
        except Exception as error:  # noqa: BLE001
            # A fault of ours must fail what is verified: never pass it, never stop the reader.
            reason = f"the verifier met something it did not expect (`{type(error).__name__}`)"
            failed = Step(name=name, failure=reason, code="internal")
        else:
            self._steps.append(Step(name=name, proved=proved.sentence))
            return proved.value
        self._steps.append(failed)
        raise StepFailed

    def report(self) -> Report:
        """What was found."""
        return Report(
            steps=tuple(self._steps),
            not_run=self._names[len(self._steps) :],
            pinned=self._pinned,
            judged=self._judged,
            **self._about,
        )
