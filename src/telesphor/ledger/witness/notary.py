"""A notary: a witness that signs only what witnesses have confirmed up to L3 under its own policy.

It is asked with a checkpoint that carries the cosignatures already. What it guarantees by signing: it has
verified them itself, under cards that it knows, and judged them by its own policy at its own time. Lines of
witnesses that it does not know count for nothing. Start at `NotaryCheck`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from telesphor.kernel.card import Card, Role
from telesphor.kernel.clock import Clock
from telesphor.kernel.cosignature import Cosignature, CosignatureMissing, verify_cosignature
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.levels import (
    DEFAULT_LEVELS,
    LEVELS_BYTES_MAX,
    NOTARY_LAG_SECONDS_MAX,
    Evidence,
    LevelPolicy,
    judge_levels,
    parse_levels,
)
from telesphor.kernel.note import Note
from telesphor.ledger.witness.model import SubmissionRefused
from telesphor.ledger.witness.standalone import WitnessFolder, load_cards, read_file
from telesphor.ledger.witness.witness import Submission

LEVEL_BELOW: Final = 3
"""What must be reached before a notary signs: it makes L4."""


class NotaryCheck:
    """The check of a notary.

    Args:
        policy: what L1 to L3 mean to this notary.
        cards: of the logs and of the witnesses that it knows.
        organisation: its own; witnesses of it do not count, as a notary confirms what others say.
    """

    def __init__(
        self, policy: LevelPolicy, cards: Sequence[Card], *, organisation: str, clock: Clock
    ) -> None:
        self._policy = policy
        self._witnesses = [
            card for card in cards if card.role is Role.WITNESS and card.organisation != organisation
        ]
        self._logs = {card.name: card for card in cards if card.role is Role.LOG}
        self._clock = clock

    def check(self, submission: Submission) -> None:
        """Raise `SubmissionRefused` unless the note carries what makes L3."""
        evidence = Evidence(
            log=self._logs.get(submission.request.checkpoint.origin),
            log_time_seconds=submission.log_seconds,
            cosigned=tuple(self._cosigned(submission.request.note)),
        )
        judgement = judge_levels(evidence, self._policy)
        if judgement.level < LEVEL_BELOW:
            missing = judgement.steps[judgement.level].missing
            raise SubmissionRefused(f"the checkpoint is at L{judgement.level}: {missing}")

    def _cosigned(self, note: Note) -> Iterator[tuple[Card, Cosignature]]:
        latest_seconds = self._clock.now_ms() // 1000 + NOTARY_LAG_SECONDS_MAX
        for card in self._witnesses:
            try:
                cosignature = verify_cosignature(note, card.keys)
            except CosignatureMissing:
                continue
            except TelesphorError as error:
                raise SubmissionRefused(error.message) from error
            # Whoever states a later time than ours did not sign before us, as far as a reader can tell.
            if cosignature.time_seconds <= latest_seconds:
                yield card, cosignature


def notary_check(folder: WitnessFolder, *, organisation: str, clock: Clock) -> NotaryCheck:
    """The check of the notary in `folder`: its policy, else the shipped default, and the cards that it knows."""
    written = folder.levels.is_file()
    data = read_file(folder.levels, limit=LEVELS_BYTES_MAX) if written else DEFAULT_LEVELS.encode()
    return NotaryCheck(parse_levels(data), load_cards(folder), organisation=organisation, clock=clock)
