"""Judging in a child process: the same verdicts, within bounds of time and memory."""

from __future__ import annotations

import threading
import time

import pytest

from telesphor.capabilities.interchain.judging import JudgingProcess
from telesphor.capabilities.interchain.model import JudgingFailed, ProofRefused
from telesphor.capabilities.interchain.partners import prove_facts
from tests.unit.capabilities.interchain.hospital import CLINIC, CLOSING, partner
from tests.vectors.bundles.case import good_bundle

PARTNERS = {CLINIC: partner()}


def test_child_finds_what_this_process_finds() -> None:
    judge = JudgingProcess(PARTNERS)
    assert judge.prove(good_bundle(), (CLOSING,)) == prove_facts(good_bundle(), (CLOSING,), partners=PARTNERS)


def test_refusal_comes_back_with_its_cause() -> None:
    with pytest.raises(ProofRefused) as caught:
        JudgingProcess({}).prove(good_bundle(), (CLOSING,))
    assert caught.value.cause == "partner-unknown"
    assert caught.value.hint


def test_child_that_takes_too_long_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(JudgingFailed):
        JudgingProcess(PARTNERS, seconds=0.05).prove(good_bundle(), (CLOSING,))
    assert time.monotonic() - begun < 10


def test_child_that_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(JudgingFailed):
        JudgingProcess(PARTNERS, memory_bytes=1024 * 1024).prove(bytes(32 * 1024 * 1024), (CLOSING,))


def test_closing_ends_the_child_and_takes_no_more() -> None:
    judge, failed = JudgingProcess(PARTNERS), []

    def ask() -> None:
        try:
            judge.prove(b"PK" * 16_000_000, (CLOSING,))
        except (JudgingFailed, ProofRefused) as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.05)
    judge.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(failed) == 1
    with pytest.raises(JudgingFailed):
        judge.prove(good_bundle(), (CLOSING,))
