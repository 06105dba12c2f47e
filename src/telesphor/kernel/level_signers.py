"""Who counts: which of those who cosigned a checkpoint a judgement of levels may count, and why not the others.

What this module guarantees: nobody counts who cannot be told apart from the log, who had no card in force, who
states a time that cannot be, or who is shown to say two things of one key; the order of the evidence changes
nothing. How many of them make which level is for `levels` to say.

Start at `count_signers`. Each rule and the attack that it is against: `docs/spec/levels.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from telesphor.kernel.card import Card, Role
from telesphor.kernel.level_evidence import Evidence
from telesphor.kernel.level_policy import LevelPolicy

WITNESS_LAG_SECONDS_MAX: Final = 300
"""A cosignature may state a time so much before the log's, as clocks differ; never more, as a witness signs
what the log has signed. Witnesses let a log be as far ahead."""
WITNESS_DELAY_SECONDS_MAX: Final = 366 * 24 * 60 * 60
"""Nor one so long after: a year is room for a witness that joins a log in which nothing happens, and a time
beyond it is that of a wrong clock or of a lie."""


@dataclass(frozen=True)
class Signer:
    """One who cosigned, at a POSIX time, and may be counted."""

    time_seconds: int
    card: Card


@dataclass(frozen=True)
class Count:
    """Who counts, in the order of their times, and in plain words why the others do not."""

    validators: tuple[Signer, ...]
    notaries: tuple[Signer, ...]
    doubts: tuple[str, ...]


def count_signers(evidence: Evidence, policy: LevelPolicy) -> Count:
    """Those who may be counted.

    1. When the reader has pinned any, only the pinned. 2. Only with a card in force when they signed.
    3. Nobody who states a time before the log did, or long after. 4. Nobody who says two things of one
    key. 5. Nobody of the log's own organisation, and nobody with a key of the log's.
    """
    doubts: set[str] = set()
    log = evidence.log
    if log is None or not log.is_in_force(time_seconds=evidence.log_time_seconds):
        reason = "is not here" if log is None else "was not in force"
        return Count((), (), (f"the log's own card {reason}, so nobody can be told apart from the log",))
    signers = {Signer(cosignature.time_seconds, card) for card, cosignature in evidence.cosigned}
    for refuse in (_unpinned(policy), _out_of_force, _out_of_time(evidence.log_time_seconds)):
        signers -= _drop(signers, refuse, doubts)
    for refuse in (_two_faced(signers), _of_log(log)):
        signers -= _drop(signers, refuse, doubts)
    ordered = sorted(signers, key=_order)
    return Count(
        tuple(signer for signer in ordered if signer.card.role is Role.WITNESS),
        tuple(signer for signer in ordered if signer.card.role is Role.NOTARY),
        tuple(sorted(doubts)),
    )


_Refuse = Callable[[Signer], str]
"""Why a signer does not count, or nothing when this is no reason."""


def _drop(signers: set[Signer], refuse: _Refuse, doubts: set[str]) -> set[Signer]:
    reasons = {signer: refuse(signer) for signer in signers}
    doubts.update(f"`{signer.card.name}` {reason}" for signer, reason in reasons.items() if reason)
    return {signer for signer, reason in reasons.items() if reason}


def _unpinned(policy: LevelPolicy) -> _Refuse:
    vkeys = {pin.vkeys for pin in policy.witnesses if pin.vkeys}
    cards = {pin.card for pin in policy.witnesses if pin.card}

    def refuse(signer: Signer) -> str:
        known = (
            not policy.witnesses or signer.card.vkeys in vkeys or (bool(cards) and signer.card.id in cards)
        )
        return "" if known else "is not one that the policy pins"

    return refuse


def _out_of_force(signer: Signer) -> str:
    in_force = signer.card.is_in_force(time_seconds=signer.time_seconds)
    return "" if in_force else "had no card in force when it signed"


def _out_of_time(log_time_seconds: int) -> _Refuse:
    # Otherwise a key that leaks after its card's term could sign, back-dated, what was made after it.
    def refuse(signer: Signer) -> str:
        if signer.time_seconds < log_time_seconds - WITNESS_LAG_SECONDS_MAX:
            return "states a time before the log's own"
        late = signer.time_seconds > log_time_seconds + WITNESS_DELAY_SECONDS_MAX
        return "states a time more than a year after the log's" if late else ""

    return refuse


def _two_faced(signers: Iterable[Signer]) -> _Refuse:
    """Those with a key, either half, of which two different things are said; a renewal says the same."""
    said: dict[bytes, set[tuple[str, ...]]] = {}
    for signer in signers:
        for half in _halves(signer.card):
            said.setdefault(half, set()).add(signer.card.claims)

    def refuse(signer: Signer) -> str:
        two_faced = any(len(said.get(half, ())) > 1 for half in _halves(signer.card))
        return "has a key of which two different things are said" if two_faced else ""

    return refuse


def _of_log(log: Card) -> _Refuse:
    def refuse(signer: Signer) -> str:
        if signer.card.organisation == log.organisation:
            return "is of the log's own organisation"
        return "has a key of the log" if {*_halves(log)} & {*_halves(signer.card)} else ""

    return refuse


def _halves(card: Card) -> tuple[bytes, bytes]:
    return card.verify_key.ed25519_pub, card.verify_key.mldsa_pub


def _order(signer: Signer) -> tuple[object, ...]:
    return (signer.time_seconds, signer.card.vkeys, signer.card.issued_at, signer.card.expires_at)
