"""Steps 3 and 4: the ledger's signed state, and each entry's place in it."""

from __future__ import annotations

from telesphor.kernel.bundle import Bundle, BundleEntry
from telesphor.kernel.checkpoint import SignedCheckpoint, open_checkpoint
from telesphor.kernel.clock import format_instant
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import leaf_hash, verify_inclusion
from telesphor.verify.evidence import WINDOW_MS
from telesphor.verify.ledger import Ledger, Placed
from telesphor.verify.pins import NO_QUORUM, Pins
from telesphor.verify.report import Proved, counted


class KeyNotPinned(TelesphorError):
    """A key that the bundle claims for its log is not among those the reader trusts."""

    code = "key-not-pinned"
    kind = Kind.UNAUTHENTICATED


class QuorumNotMet(TelesphorError):
    """The reader's policy demands witnesses, which level L1 does not have."""

    code = "quorum-not-met"
    kind = Kind.UNAUTHENTICATED


class EntryFromFuture(TelesphorError):
    """An entry bears a time well after that of the checkpoint that contains it."""

    code = "entry-from-future"
    kind = Kind.INVALID


def check_checkpoint(bundle: Bundle, pins: Pins | None) -> Proved[SignedCheckpoint]:
    """Step 3. The checkpoint is signed by both keys of the log, and these are the reader's if pinned.

    1. Both vkeys of the bundle are among the pinned ones, and the policy asks for no witnesses.
    2. Both lines of the note verify, for the origin that the manifest names.
    """
    if pins is not None:
        _check_pins(bundle, pins)
    signed = open_checkpoint(bundle.checkpoint, origin=bundle.manifest.origin, vkeys=bundle.log_vkeys)
    whose = "the keys you gave" if pins is not None else "keys taken from the bundle itself"
    time = format_instant(signed.time_seconds * 1000)
    return Proved(
        signed,
        f"the ledger `{signed.checkpoint.origin}` had {signed.checkpoint.size} entries at {time}, "
        f"signed with Ed25519 and ML-DSA-44 under {whose}",
    )


def _check_pins(bundle: Bundle, pins: Pins) -> None:
    if pins.quorum != NO_QUORUM:
        raise QuorumNotMet(
            f"the policy demands the witnesses `{pins.quorum}`, and this verifier cannot check any yet",
            hint="only the quorum `none` can be met at level L1",
        )
    for vkey in bundle.log_vkeys:
        if vkey not in pins.vkeys:
            name = "+".join(vkey.split("+", 2)[:2])
            raise KeyNotPinned(
                f"the ledger's key `{name[:300]}` is not among the keys you gave",
                hint="give both keys of the ledger, Ed25519 and ML-DSA-44",
            )


def check_inclusion(bundle: Bundle, signed: SignedCheckpoint) -> Proved[Ledger]:
    """Step 4. Each entry is well formed, stands at its position in the tree, and is not of a later time."""
    placed = tuple(_place(entry, signed) for entry in bundle.entries)
    ledger = Ledger(signed.checkpoint.origin, signed.checkpoint.size, placed)
    return Proved(
        ledger,
        f"{counted(len(placed), 'entry', 'entries')} found at their positions in that ledger, byte for byte",
    )


def _place(item: BundleEntry, signed: SignedCheckpoint) -> Placed:
    checkpoint = signed.checkpoint
    try:
        entry = parse_entry(item.data)
        leaf = leaf_hash(item.data)
        verify_inclusion(
            leaf=leaf, index=item.position, size=checkpoint.size, path=item.path, root=checkpoint.root
        )
    except TelesphorError as error:
        error.message = f"position {item.position}: {error.message}"  # the same refusal, saying where
        raise
    placed = Placed(item.position, entry, leaf)
    if placed.at_ms > signed.time_seconds * 1000 + WINDOW_MS:
        raise EntryFromFuture(f"position {item.position} bears a later time than the checkpoint it is under")
    return placed
