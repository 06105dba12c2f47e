"""Evidence of levels: what was verified of one checkpoint, before anybody judges how far it goes.

What this module guarantees: every piece stands with the card of the very keys that made it, and there are no
more pieces than any judgement needs. Whether a piece counts is for `level_signers` and `levels` to say.

Start at `gather_evidence`. What is evidence and what is not: `docs/spec/levels.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from telesphor.kernel.card import Card, Role
from telesphor.kernel.chains.anchor import VerifiedAnchor
from telesphor.kernel.checkpoint import SignedCheckpoint
from telesphor.kernel.cosignature import Cosignature, CosignatureMissing, verify_cosignature
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.note import parse_note

COSIGNED_MAX: Final = 256
"""Cards and cosignatures in one judgement: a note holds 49 witnesses, and some have renewed their cards."""
ANCHORS_MAX: Final = 64
"""Anchors in one judgement; a policy names at most 16 networks."""


class EvidenceRefused(TelesphorError):
    """The pieces of evidence do not belong together."""

    code = "level-evidence-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Evidence:
    """What was verified of one checkpoint.

    Attributes:
        log: the card of the log that signed it, or None when it is not known.
        log_time_seconds: POSIX time that the log states.
        cosigned: each verified cosignature with a card of the keys that made it.
        anchors: each verified proof that a public chain dates the checkpoint.

    Raises:
        EvidenceRefused: a card is not of the keys, or not of the role, that it is put forward for.
        LimitExceeded: more pieces than any judgement needs.
    """

    log: Card | None
    log_time_seconds: int
    cosigned: tuple[tuple[Card, Cosignature], ...] = ()
    anchors: tuple[VerifiedAnchor, ...] = ()

    def __post_init__(self) -> None:
        if len(self.cosigned) > COSIGNED_MAX or len(self.anchors) > ANCHORS_MAX:
            raise LimitExceeded(f"at most {COSIGNED_MAX} cosignatures and {ANCHORS_MAX} anchors are judged")
        if self.log is not None and self.log.role is not Role.LOG:
            raise EvidenceRefused("the card put forward for the log is not one of a log")
        for card, cosignature in self.cosigned:
            if card.role is Role.LOG or card.vkeys != cosignature.keys.vkeys():
                raise EvidenceRefused(
                    f"the cosignature of `{cosignature.keys.name}` is not of its card's keys"
                )


def gather_evidence(
    signed: SignedCheckpoint,
    *,
    vkeys: Sequence[str],
    cards: Iterable[Card],
    anchors: Iterable[VerifiedAnchor] = (),
) -> Evidence:
    """The evidence that a checkpoint's own note holds, for the log and the witnesses whose cards these are.

    Args:
        signed: opened under `vkeys`, the two keys of its log.
        cards: of the log and of witnesses and notaries; a card whose keys have not signed is no evidence.

    Raises:
        CosignatureRefused, HalfSignature: lines of a carded key do not verify, or only one of them is there.
        EvidenceRefused: the log says two things of itself.
    """
    note = parse_note(signed.note)
    cosigned, logs = [], []
    for card in cards:
        if card.role is Role.LOG:
            if set(card.vkeys) == set(vkeys):  # which hold the origin
                logs.append(card)
            continue
        try:
            cosigned.append((card, verify_cosignature(note, card.keys)))
        except CosignatureMissing:
            continue
    log = _card_of_log(logs, signed.time_seconds)
    return Evidence(log, signed.time_seconds, tuple(cosigned), tuple(anchors))


def _card_of_log(cards: Sequence[Card], time_seconds: int) -> Card | None:
    """The card in force; one that is not, when there is no other, so that the judgement can say so."""
    in_force = [card for card in cards if card.is_in_force(time_seconds=time_seconds)]
    if len({card.claims for card in in_force}) > 1:
        raise EvidenceRefused("the log says two different things of itself")
    return min(in_force or cards, key=lambda card: card.id, default=None)
