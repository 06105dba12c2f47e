"""Steps 3 and 7: the ledger's signed state, and each entry's place in it."""

from __future__ import annotations

from telesphor.kernel.bundle import Bundle, BundleEntry
from telesphor.kernel.checkpoint import SignedCheckpoint, open_checkpoint
from telesphor.kernel.clock import format_instant
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import leaf_hash, verify_inclusion
from telesphor.verify.evidence import WINDOW_MS
from telesphor.verify.ledger import Ledger, Placed
from telesphor.verify.pins import Pins
from telesphor.verify.report import Proved, counted


class KeyNotPinned(TelesphorError):
    """A key that the bundle claims for its log is not among those the reader trusts."""

    code = "key-not-pinned"
    kind = Kind.UNAUTHENTICATED


class EntryFromFuture(TelesphorError):
    """An entry bears a time well after that of the checkpoint that contains it."""

    code = "entry-from-future"
    kind = Kind.INVALID


def check_checkpoint(bundle: Bundle, pins: Pins | None) -> Proved[SignedCheckpoint]:
    """Step 3. The checkpoint is signed by both keys of the log, and these are the reader's if pinned.

    1. Both vkeys of the bundle are among the pinned ones.
    2. Both lines of the note verify, for the origin that the manifest names.
    """
    if pins is not None:
        _check_pins(bundle, pins)
    signed = open_checkpoint(bundle.checkpoint, origin=bundle.manifest.origin, vkeys=bundle.log_vkeys)
    whose = "the keys you gave" if pins is not None else "keys taken from the bundle itself"
    return Proved(signed, say_signed(signed, whose))


def say_signed(signed: SignedCheckpoint, whose: str) -> str:
    """The sentence about a checkpoint whose log has been verified, under `whose` keys."""
    time = format_instant(signed.time_seconds * 1000)
    return (
        f"the ledger `{signed.checkpoint.origin}` had {signed.checkpoint.size} entries at {time}, "
        f"signed with Ed25519 and ML-DSA-44 under {whose}"
    )


def _check_pins(bundle: Bundle, pins: Pins) -> None:
    for vkey in bundle.log_vkeys:
        if vkey not in pins.vkeys:
            name = "+".join(vkey.split("+", 2)[:2])
            raise KeyNotPinned(
                f"the ledger's key `{name[:300]}` is not among the keys you gave",
                hint="give both keys of the ledger, Ed25519 and ML-DSA-44",
            )


def check_inclusion(bundle: Bundle, signed: SignedCheckpoint) -> Proved[Ledger]:
    """Step 7. Each entry is well formed, stands at its position in the tree, and is not of a later time."""
    placed = tuple(place_entry(entry, signed) for entry in bundle.entries)
    ledger = Ledger(signed.checkpoint.origin, signed.checkpoint.size, placed)
    return Proved(
        ledger,
        f"{counted(len(placed), 'entry', 'entries')} found at their positions in that ledger, byte for byte",
    )


def place_entry(item: BundleEntry, signed: SignedCheckpoint) -> Placed:
    """One entry at its position; raises `EntryRefused`, `InclusionRefused`, `EntryFromFuture`."""
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
