"""An attack counts as detected only by the refusal it deserves, and one that does not fails the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from telesphor.client.errors import ClientRefused
from telesphor.demo.attacks import Attack, attempt
from telesphor.demo.chains import Chains
from telesphor.demo.confirmation import Confirmation
from telesphor.demo.energy import Energy
from telesphor.demo.levels import DEMO_LEVELS
from telesphor.demo.network import DemoNetwork
from telesphor.demo.proof import Step, Verdict, Verifier, VerifierFailed
from telesphor.demo.replays import Replayed
from telesphor.demo.run import Checked, Outcome
from telesphor.kernel.level_policy import parse_levels
from telesphor.ledger.fsck import FsckReport

DETECTED = Attack("a replay", True, "request-replayed", "this request was recorded before")
VERDICT = Verdict(True, "L4", True, (Step("archive", "one archive", "", ""),))
NOTHING: Any = cast(Any, None)
HELD = Outcome(
    stage=NOTHING,
    network=DemoNetwork((), Chains(None, None, ()), parse_levels(DEMO_LEVELS.encode())),
    visit=NOTHING,
    confirmation=Confirmation(),
    bundle_bytes=1,
    checked=Checked(cast(FsckReport, None), (), 300),
    verdict=VERDICT,
    shipped=VERDICT,
    replayed=Replayed((), 1, 1, True),
    opened=14,
    attacks=(DETECTED,),
    seconds=10.0,
    energy=Energy(None, "no counters"),
)


async def refuse(code: str) -> None:
    raise ClientRefused("no", code=code, status=409)


async def accept() -> None:
    """A node that notices nothing."""


async def test_deserved_refusal_is_detection() -> None:
    attack = await attempt("a replay", "request-replayed", lambda: refuse("request-replayed"))
    assert attack.detected


async def test_refusal_for_another_reason_is_no_detection() -> None:
    attack = await attempt("a replay", "request-replayed", lambda: refuse("queue-full"))
    assert not attack.detected


async def test_accepted_attack_is_no_detection() -> None:
    assert not (await attempt("a replay", "request-replayed", accept)).detected


def test_run_holds_when_all_is_proven_and_detected() -> None:
    assert HELD.held


@pytest.mark.parametrize(
    "broken",
    [
        replace(HELD, attacks=(DETECTED, replace(DETECTED, detected=False))),
        replace(HELD, verdict=replace(VERDICT, passed=False)),
        replace(HELD, verdict=replace(VERDICT, pinned=False)),
        replace(HELD, verdict=replace(VERDICT, level="L3")),
        replace(HELD, shipped=replace(VERDICT, level="L1")),
        replace(HELD, replayed=Replayed((), 1, 0, False)),
        replace(HELD, checked=replace(HELD.checked, leaks=("entry 4",))),
    ],
    ids=[
        "attack undetected",
        "not verified",
        "keys not pinned",
        "not as far as it can be here",
        "not as far by the policy that ships",
        "not replayed",
        "words leaked",
    ],
)
def test_run_does_not_hold_otherwise(broken: Outcome) -> None:
    assert not broken.held


def test_verifier_refuses_what_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_bytes(b"not a bundle")
    (tmp_path / "keys").write_text("")
    (tmp_path / "levels").write_text(DEMO_LEVELS)
    verifier = Verifier(tmp_path / "verify.pyz", keys=tmp_path / "keys", levels=tmp_path / "levels")
    with pytest.raises(VerifierFailed):  # without keys there is nothing to pin, so there is no verdict
        verifier.check(tmp_path / "bundle.zip")
