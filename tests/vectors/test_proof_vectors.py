"""Proofs of one entry: each good one passes, each bad one fails where and as its name says."""

from __future__ import annotations

import json

import pytest

from telesphor.kernel import base64url
from telesphor.kernel.levels import parse_levels
from telesphor.verify.check_proof import PROOF_STEPS, Known, verify_proof
from telesphor.verify.pins import read_keys
from tests.vectors.generate_proof import FILE
from tests.vectors.proofs import ProofCase, cases


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name.replace(" ", "-"))
def test_proof_is_judged_as_its_name_says(case: ProofCase) -> None:
    levels = parse_levels(case.levels.encode()) if case.levels else None
    known = Known.of(read_keys(case.keys), case.cards)
    report = verify_proof(case.text, case.entry, known, levels=levels, require=case.require)
    last = report.steps[-1]
    if case.step:
        assert (last.name, last.code) == (case.step, case.code), report.to_text()
    else:
        assert report.passed, report.to_text()


def test_there_is_a_bad_proof_for_every_step() -> None:
    assert {case.step for case in cases() if case.step} == set(PROOF_STEPS)


def test_proof_that_was_kept_still_verifies() -> None:
    kept = json.loads(FILE.read_text())
    text, entry = (base64url.std_decode(kept[name]) for name in ("proof", "entry"))
    known = Known.of(read_keys("\n".join(kept["keys"])), ())
    report = verify_proof(text, entry, known)
    assert (report.verdict, report.level, report.subject) == ("pass", "L1", f"entry/{kept['position']}")
