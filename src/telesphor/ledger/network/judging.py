"""How far a checkpoint is confirmed: judged from what is kept of it, with the verifier's own code.

So the node never says more of itself than a reader with the same policy will find. A verdict is remembered
until the evidence changes: one cosignature or one anchor more, and it is made anew. Start at `Judge.judge`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from telesphor.kernel.card import read_card
from telesphor.kernel.checkpoint import open_checkpoint
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.levels import Evidence, LevelPolicy, judge_levels
from telesphor.kernel.note import parse_note
from telesphor.ledger.bundles import Confirmations, choose_cards
from telesphor.verify.confirm_checkpoint import check_anchors, witness_note

REMEMBERED_MAX: Final = 256
"""Verdicts of a few hundred bytes: those of all blocks that can be asked for, a few times over."""

HIGHEST: Final = 5


class Verdict(NamedTuple):
    """The level reached, 1 to 5, and in plain words what the next one lacks; empty at L5."""

    level: int
    missing: str


class Judge:
    """Judges the checkpoints of one ledger under the policy that its node aims at. Safe between threads.

    Args:
        origin, vkeys: of the ledger.
    """

    def __init__(self, origin: str, vkeys: tuple[str, str], policy: LevelPolicy) -> None:
        self._origin = origin
        self._vkeys = vkeys
        self._policy = policy
        self._remembered: OrderedDict[bytes, Verdict] = OrderedDict()
        self._lock = threading.Lock()

    def judge(self, note: bytes, confirmations: Confirmations) -> Verdict:
        """What a reader with this policy finds. Evidence that does not verify reaches L1, and is said."""
        cards, anchors = choose_cards(confirmations.cards, note), confirmations.anchors
        key = _digest(
            [note, *cards.values(), *(part for name in sorted(anchors) for part in _named(name, anchors))]
        )
        with self._lock:
            found = self._remembered.get(key)
        if found is None:
            found = self._judge(note, cards.values(), anchors)
            with self._lock:
                self._remembered[key] = found
                while len(self._remembered) > REMEMBERED_MAX:
                    self._remembered.popitem(last=False)
        return found

    def _judge(self, note: bytes, cards: Iterable[bytes], anchors: Mapping[str, bytes]) -> Verdict:
        try:
            signed = open_checkpoint(note, origin=self._origin, vkeys=self._vkeys)
            read = [read_card(card) for card in cards]
            witnessed = witness_note(parse_note(note), read, log_vkeys=self._vkeys, policies=()).value
            dated = check_anchors(anchors, signed, self._policy.pins).value
            evidence = Evidence(witnessed.log, signed.time_seconds, witnessed.cosigned, dated)
            judgement = judge_levels(evidence, self._policy)
        except TelesphorError as error:
            return Verdict(1, f"what is kept of it does not verify: {error.message}")
        missing = "" if judgement.level == HIGHEST else judgement.steps[judgement.level].missing
        return Verdict(judgement.level, missing)


def _named(name: str, anchors: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    return name.encode(), anchors[name]


def _digest(parts: Iterable[bytes]) -> bytes:
    """Of each part with its length, so that no two lists of parts are one."""
    digest = sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
