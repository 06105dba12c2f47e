"""Evidence of levels: what a checkpoint's own note holds for the cards at hand, or a refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telesphor.kernel.card import Card
from telesphor.kernel.checkpoint import Checkpoint, LogSigner, open_checkpoint
from telesphor.kernel.cosignature import CosignatureRefused, HalfSignature, append_signatures
from telesphor.kernel.errors import LimitExceeded
from telesphor.kernel.level_evidence import (
    ANCHORS_MAX,
    COSIGNED_MAX,
    Evidence,
    EvidenceRefused,
    gather_evidence,
)
from telesphor.kernel.note import format_signatures, parse_note
from tests.support.cards import ALL, LOG, LOG_CARD, NOTARY, ORIGIN, THREE, TIME, anchor, cosigner


def test_cosignature_under_the_card_of_another_is_refused() -> None:
    with pytest.raises(EvidenceRefused):
        replace(ALL, cosigned=((THREE[0][0], THREE[1][1]),))


def test_card_of_a_log_is_no_witness_and_of_a_witness_no_log() -> None:
    with pytest.raises(EvidenceRefused):
        replace(ALL, log=THREE[0][0])
    with pytest.raises(EvidenceRefused):
        replace(ALL, cosigned=((LOG_CARD, THREE[1][1]),))


def test_evidence_beyond_its_bounds_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        replace(ALL, cosigned=THREE[:1] * (COSIGNED_MAX + 1))
    with pytest.raises(LimitExceeded):
        replace(ALL, anchors=(anchor(),) * (ANCHORS_MAX + 1))


# Gathering, from real signatures.

HEAD = Checkpoint(ORIGIN, 5, bytes(range(32)))
CARDS = [LOG_CARD, *(card for card, _ in (*THREE, NOTARY))]
SIGNED = LOG.sign(HEAD, time_seconds=TIME)
LINES = [line for name in ("alpha", "judge") for line in cosigner(name).cosign(HEAD, time_seconds=TIME + 2)]


def gather(note: bytes, cards: list[Card]) -> Evidence:
    opened = open_checkpoint(note, origin=ORIGIN, vkeys=LOG.vkeys())
    return gather_evidence(opened, vkeys=LOG.vkeys(), cards=cards, anchors=[anchor()])


def test_evidence_is_what_carded_keys_have_signed() -> None:
    evidence = gather(append_signatures(SIGNED, LINES), CARDS)
    assert evidence.log == LOG_CARD
    assert [card.name for card, _ in evidence.cosigned] == ["alpha.example/witness", "judge.example/witness"]
    assert {cosignature.time_seconds for _, cosignature in evidence.cosigned} == {TIME + 2}
    assert evidence.anchors == (anchor(),)


def test_lines_without_a_card_are_no_evidence() -> None:
    assert gather(append_signatures(SIGNED, LINES), [LOG_CARD]).cosigned == ()


def test_line_of_a_carded_key_that_does_not_verify_refuses_the_checkpoint() -> None:
    wrong = cosigner("alpha").cosign(replace(HEAD, size=6), time_seconds=TIME)
    with pytest.raises(CosignatureRefused):
        gather(append_signatures(SIGNED, wrong), CARDS)
    with pytest.raises(HalfSignature):
        gather(append_signatures(SIGNED, LINES[:1]), CARDS)
    twice = append_signatures(SIGNED, LINES) + format_signatures(LINES[:1])
    assert len(parse_note(twice).signatures) == 7
    with pytest.raises(CosignatureRefused):
        gather(twice, CARDS)


def test_card_of_another_log_is_not_taken_for_that_of_this_one() -> None:
    other = LogSigner(ORIGIN, bytes([8]) * 32, bytes([9]) * 32)
    elsewhere = LogSigner("ledger.elsewhere.example", LOG.ed25519_seed, LOG.mldsa44_seed)
    cards = [
        replace(LOG_CARD, vkeys=other.vkeys()),
        replace(LOG_CARD, name=elsewhere.origin, vkeys=elsewhere.vkeys()),
    ]
    assert gather(SIGNED, cards).log is None


def test_log_that_says_two_things_of_itself_is_refused() -> None:
    with pytest.raises(EvidenceRefused, match="two different things"):
        gather(SIGNED, [LOG_CARD, replace(LOG_CARD, organisation="another.example")])


def test_renewed_card_of_the_log_is_found_in_any_order() -> None:
    old = replace(LOG_CARD, organisation="former.example", expires_at="2026-06-01T00:00:00.000Z")
    new = replace(LOG_CARD, expires_at="2029-01-01T00:00:00.000Z")
    for cards in ([LOG_CARD, old, new], [new, old, LOG_CARD], [old, new, LOG_CARD]):
        assert gather(SIGNED, cards).log in (LOG_CARD, new)
        assert gather(SIGNED, cards) == gather(SIGNED, cards[::-1])
    assert gather(SIGNED, [old]).log == old
