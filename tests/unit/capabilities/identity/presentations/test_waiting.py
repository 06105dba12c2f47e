"""Answers that wait are bounded in number, bytes and time."""

from __future__ import annotations

import pytest

from telesphor.capabilities.identity.presentations import waiting
from telesphor.capabilities.identity.presentations.model import (
    PresentationId,
    ResponseMissing,
    ResponseRefused,
    ResponsesFull,
)
from telesphor.capabilities.identity.presentations.response import Shown
from telesphor.capabilities.identity.presentations.waiting import (
    WAITING_MAX,
    WAITING_MS,
    WAITING_OF_ONE_MAX,
    WaitingAnswers,
)
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.digest import digest_of

REFUSED = ResponseRefused("no")


def shown(keys: str = "sha256:x") -> Shown:
    return Shown("holder", keys, (), {})


SHOWN = shown()


def presentation(number: int) -> PresentationId:
    return PresentationId(f"01a2047b-93a3-7d09-9312-{number:012}")


def test_answer_is_found_by_its_request_and_digest() -> None:
    answers = WaitingAnswers(clock=ManualClock(0))
    digest = answers.keep(presentation(1), b"answer", SHOWN)
    assert digest == digest_of(b"answer")
    assert answers.find(presentation(1), digest).outcome is SHOWN
    with pytest.raises(ResponseMissing):
        answers.find(presentation(2), digest)


def test_answer_is_gone_after_its_time() -> None:
    clock = ManualClock(0)
    answers = WaitingAnswers(clock=clock)
    digest = answers.keep(presentation(1), b"answer", SHOWN)
    clock.advance_ms(WAITING_MS - 1)
    assert answers.find(presentation(1), digest).data == b"answer"
    clock.advance_ms(1)
    with pytest.raises(ResponseMissing):
        answers.find(presentation(1), digest)
    answers.keep(presentation(2), b"other", SHOWN)
    assert len(answers) == 1


def test_oldest_answer_to_a_request_gives_way() -> None:
    answers = WaitingAnswers(clock=ManualClock(0))
    digests = [
        answers.keep(presentation(1), b"%d" % number, SHOWN) for number in range(WAITING_OF_ONE_MAX + 1)
    ]
    with pytest.raises(ResponseMissing):
        answers.find(presentation(1), digests[0])
    assert answers.find(presentation(1), digests[-1])
    assert len(answers) == WAITING_OF_ONE_MAX


def test_same_answer_sent_again_takes_no_second_place() -> None:
    answers = WaitingAnswers(clock=ManualClock(0))
    for _ in range(3):
        answers.keep(presentation(1), b"answer", SHOWN)
    assert len(answers) == 1
    answers.forget(presentation(1))
    assert len(answers) == 0


def test_more_answers_than_are_kept_are_refused_until_the_first_are_gone() -> None:
    clock = ManualClock(0)
    answers = WaitingAnswers(clock=clock)
    for number in range(WAITING_MAX):
        answers.keep(presentation(number), b"answer", shown(f"{number}"))
    with pytest.raises(ResponsesFull):
        answers.keep(presentation(WAITING_MAX), b"answer", shown("more"))
    clock.advance_ms(WAITING_MS)
    assert answers.keep(presentation(WAITING_MAX), b"answer", shown("more"))


def test_refused_answers_take_no_room_from_good_ones() -> None:
    answers = WaitingAnswers(clock=ManualClock(0))
    for number in range(WAITING_MAX):
        digest = answers.keep(presentation(number), b"x" * 1_000_000, REFUSED)
    assert answers.find(presentation(WAITING_MAX - 1), digest).data == b""
    good = answers.keep(presentation(WAITING_MAX), b"answer", SHOWN)
    assert answers.find(presentation(WAITING_MAX), good).data == b"answer"
    assert len(answers) == WAITING_MAX


def test_stranger_with_the_link_pushes_no_good_answer_out() -> None:
    answers = WaitingAnswers(clock=ManualClock(0))
    good = answers.keep(presentation(1), b"answer", SHOWN)
    for number in range(2 * WAITING_OF_ONE_MAX):
        answers.keep(presentation(1), b"%d" % number, REFUSED)
    assert answers.find(presentation(1), good).outcome is SHOWN
    assert len(answers) == 1 + WAITING_OF_ONE_MAX


def test_one_holder_has_few_places() -> None:
    answers = WaitingAnswers(clock=ManualClock(0))
    for number in range(2 * WAITING_OF_ONE_MAX):
        answers.keep(presentation(number), b"answer", SHOWN)
    assert len(answers) == WAITING_OF_ONE_MAX


def test_more_bytes_than_are_kept_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAITING_BYTES_MAX", 10)
    answers = WaitingAnswers(clock=ManualClock(0))
    answers.keep(presentation(1), b"12345678", SHOWN)
    with pytest.raises(ResponsesFull):
        answers.keep(presentation(2), b"123", shown("other"))
    answers.forget(presentation(1))
    assert answers.keep(presentation(2), b"123", SHOWN)
