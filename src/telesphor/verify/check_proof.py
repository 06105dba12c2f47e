"""Verification of one entry by its own small proof (C2SP tlog-proof), with the keys and cards of the reader.

It proves less than a bundle: that the entry stands in the ledger, and how far the ledger's state was
confirmed. Who asked for the entry, and that the ledger was founded with these keys, is not in such a proof.

Start at `verify_proof`. `docs/spec/verification.md` specifies each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telesphor.kernel.bundle_files import BundleEntry
from telesphor.kernel.card import Card, Role, read_card
from telesphor.kernel.checkpoint import SignedCheckpoint, open_checkpoint, parse_checkpoint
from telesphor.kernel.levels import LevelPolicy
from telesphor.kernel.note import Note, parse_note, parse_vkey
from telesphor.kernel.tlog_proof import TlogProof, parse_tlog_proof
from telesphor.verify.confirm_checkpoint import Witnessed, check_anchors, witness_note
from telesphor.verify.ledger import Placed
from telesphor.verify.pins import Pins
from telesphor.verify.place_entries import KeyNotPinned, place_entry, say_signed
from telesphor.verify.reach_level import LOWEST, Demand, check_levels, policy_of
from telesphor.verify.report import Proved, Report
from telesphor.verify.walk import StepFailed, Walk

PROOF_STEPS: Final = ("proof", "checkpoint", "witnesses", "anchors", "levels", "inclusion")


@dataclass(frozen=True)
class Known:
    """What the reader of a proof has from elsewhere: the log's keys, and cards of witnesses and of the log."""

    pins: Pins
    cards: tuple[Card, ...] = ()

    @classmethod
    def of(cls, pins: Pins, cards: Sequence[bytes]) -> Known:
        """Read the signed cards; raises `CardRefused`, `HalfSignature`."""
        return cls(pins, tuple(map(read_card, cards)))


def verify_proof(
    data: bytes, entry: bytes, known: Known, *, levels: LevelPolicy | None = None, require: int = LOWEST
) -> Report:
    """Verify that `entry` stands in a ledger, and report on each step. Raises nothing, whatever the bytes.

    Args:
        data: the proof.
        entry: the entry's exact bytes.
        known: a proof holds no keys and no cards, so those of the reader decide alone.
        levels, require: as `check_bundle.verify_bundle` has them.
    """
    walk = Walk(PROOF_STEPS, pinned=True)
    try:
        _verify(data, entry, known, Demand(levels, require), walk)
    except StepFailed:
        pass
    return walk.report()


def _verify(data: bytes, entry: bytes, known: Known, demand: Demand, walk: Walk) -> None:
    # 1. The text is a proof.
    proof, note = walk.step("proof", _open_proof, data)
    # 2. The ledger's state, signed by both of its keys as the reader knows them.
    signed = walk.step("checkpoint", _check_checkpoint, proof, note, known.pins)
    walk.describe(origin=signed.checkpoint.origin, subject=f"entry/{proof.index}")
    # 3. Who else signed that state.
    witnessed = walk.step("witnesses", _check_witnesses, note, signed, known)
    # 4. Which public chains date it.
    anchors = walk.step("anchors", check_anchors, proof.anchors, signed, policy_of(demand).pins)
    # 5. How far that confirms it.
    walk.step("levels", check_levels, None, signed, witnessed, anchors, demand, walk.judge)
    # 6. The entry stands in that state.
    walk.step("inclusion", _check_inclusion, proof, entry, signed)


def _open_proof(data: bytes) -> Proved[tuple[TlogProof, Note]]:
    proof = parse_tlog_proof(data)
    note = parse_note(proof.checkpoint)
    return Proved((proof, note), f"the text is a proof of the entry at position {proof.index}")


def _check_checkpoint(proof: TlogProof, note: Note, pins: Pins) -> Proved[SignedCheckpoint]:
    origin = parse_checkpoint(note.text).origin
    vkeys = _vkeys_of(origin, pins)
    signed = open_checkpoint(proof.checkpoint, origin=origin, vkeys=vkeys)
    return Proved(signed, say_signed(signed, "the keys you gave"))


def _vkeys_of(origin: str, pins: Pins) -> list[str]:
    vkeys = sorted(vkey for vkey in pins.vkeys if parse_vkey(vkey).name == origin)
    if len(vkeys) != 2:
        raise KeyNotPinned(
            f"{len(vkeys)} keys of the ledger `{origin}` are among the keys you gave, where it has two",
            hint="give both keys of the ledger, Ed25519 and ML-DSA-44",
        )
    return vkeys


def _check_witnesses(note: Note, signed: SignedCheckpoint, known: Known) -> Proved[Witnessed]:
    """As in a bundle, with those of the reader's cards whose keys signed."""
    lines = {line.key_id for line in note.signatures}
    vkeys = _vkeys_of(signed.checkpoint.origin, known.pins)
    cards = [card for card in known.cards if _belongs(card, lines, vkeys)]
    return witness_note(note, cards, log_vkeys=vkeys, policies=known.pins.policies)


def _belongs(card: Card, lines: set[int], log_vkeys: list[str]) -> bool:
    if card.role is Role.LOG:
        return set(card.vkeys) == set(log_vkeys)
    return any(parse_vkey(vkey).key_id in lines for vkey in card.vkeys)


def _check_inclusion(proof: TlogProof, entry: bytes, signed: SignedCheckpoint) -> Proved[Placed]:
    placed = place_entry(BundleEntry(position=proof.index, data=entry, path=proof.path), signed)
    return Proved(
        placed,
        f"the entry `{placed.entry.type}` stands at position {placed.position} of that ledger, byte for byte; "
        "who asked for it is not in such a proof",
    )
