"""The steps of a visit's life: whole lives pass, and every fault is shown by a bundle that has it."""

from __future__ import annotations

import pytest

from telesphor.verify import verify_bundle
from telesphor.verify.visit_faults import VisitOrderRefused
from tests.vectors.bundles.case import FAULTS, good_bundle
from tests.vectors.bundles.confirm import selection
from tests.vectors.bundles.life import cancelled, lived


def life_of(data: bytes) -> str:
    report = verify_bundle(data)
    assert report.passed, report.to_text()
    assert report.steps[-1].name == "life"
    return report.steps[-1].proved


def test_visit_that_was_lived_by_the_rules_passes() -> None:
    assert life_of(lived()).startswith("the visit's 30 steps follow one another")
    assert life_of(cancelled()).startswith("the visit's 2 steps follow one another")


def test_visit_without_a_life_and_a_selection_pass_and_claim_nothing() -> None:
    assert life_of(good_bundle()) == "nobody's steps in the visit are shown"
    assert life_of(selection()) == "somebody chose these entries; no order of a visit is claimed"


def test_every_fault_has_a_bundle_that_has_it() -> None:
    shown = {fault.code for fault in FAULTS if fault.step == "life"}
    known: list[type[VisitOrderRefused]] = [VisitOrderRefused, *VisitOrderRefused.__subclasses__()]
    assert {fault.code for fault in known} <= shown


@pytest.mark.parametrize("code", ["visit-not-begun", "recording-not-permitted", "visit-ended"])
def test_fault_says_at_which_entry(code: str) -> None:
    fault = next(fault for fault in FAULTS if fault.code == code)
    assert "position " in verify_bundle(fault.make()).steps[-1].failure
