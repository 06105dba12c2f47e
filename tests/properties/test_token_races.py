"""Uses against revocations: however they race through the one writer, no use stands behind what ended its token."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.access.tokens.practice import HOUR_MS, Practice

STEPS = st.lists(
    st.sampled_from(["read", "read-below", "read-as-team", "revoke", "revoke-below", "renounce", "disband"]),
    min_size=4,
    max_size=24,
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_no_use_is_recorded_after_its_revocation_however_they_race(steps: list[str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="token-race-"))
    practice = Practice(folder)
    try:
        race = Race(practice)
        with ThreadPoolExecutor(max_workers=8) as threads:
            list(threads.map(race.take, steps))
        race.check()
    finally:
        practice.close()
        shutil.rmtree(folder)


def test_use_before_its_revocation_is_recorded_and_after_it_denied() -> None:
    folder = Path(tempfile.mkdtemp(prefix="token-race-"))
    practice = Practice(folder)
    try:
        race = Race(practice)
        for step in (
            "read",
            "read-below",
            "read-as-team",
            "revoke",
            "read",
            "read-below",
            "disband",
            "read-as-team",
        ):
            race.take(step)
        assert race.check() == 3
    finally:
        practice.close()
        shutil.rmtree(folder)


class Race:
    """A grant, a part of it further down, and a team's, for others to use while they end."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.record = practice.object_of(practice.patient)
        dataset = practice.dataset_of(practice.patient, self.record)
        window = {"not_before": practice.instant(0), "not_after": practice.instant(HOUR_MS)}
        self.parent = practice.give(
            practice.patient, practice.clinician, dataset, delegation_depth=1, **window
        )
        self.child = practice.pass_on(practice.clinician, self.parent, practice.specialist, dataset, **window)
        self.team = practice.group_of(practice.patient, practice.stranger)
        self.shared = practice.mint(practice.patient, self.team, dataset, **window)

    def take(self, step: str) -> None:
        """One step, whose refusal is no matter here."""
        practice = self.practice
        steps = {
            "read": lambda: practice.use(practice.clinician, self.record),
            "read-below": lambda: practice.use(practice.specialist, self.record),
            "read-as-team": lambda: practice.use(practice.stranger, self.record),
            "revoke": lambda: practice.ask(practice.patient, "token.revoke/1", token=self.parent),
            "revoke-below": lambda: practice.ask(practice.clinician, "token.revoke/1", token=self.child),
            "renounce": lambda: practice.ask(practice.clinician, "token.renounce/1", token=self.parent),
            "disband": lambda: practice.ask(practice.patient, "group.disband/1", group=self.team),
        }
        with contextlib.suppress(TelesphorError):
            steps[step]()  # type: ignore[no-untyped-call]

    def check(self) -> int:
        """Walk the ledger in its order; returns how many uses stand there."""
        ended: set[str] = set()
        uses = 0
        for entry in self.practice.entries():
            token = entry.stream.removeprefix("token/")
            if entry.type in ("token.revoked/1", "token.renounced/1"):
                ended |= {token, *([self.child] if token == self.parent else [])}
            elif entry.type == "group.disbanded/1":
                ended.add(self.shared)
            elif entry.type == "practice.used/1" and entry.body.reasons:
                used = {reason.removeprefix("token:") for reason in entry.body.reasons}
                assert not used & ended, "a use stands behind what ended its token"
                uses += 1
        return uses
