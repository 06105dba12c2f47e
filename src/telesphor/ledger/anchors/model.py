"""What anchoring is made of, whatever the chain: its progress, its cost, and the chain as a protocol.

A chain does two things. `prepare` makes everything but the sending, so that the intention is durable before
anything leaves the node; `advance` takes it one step further and may be repeated without harm at any time,
after a crash too. What lies between the two is the chain's own (`state`, opaque bytes).

Start at `Chain`.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from telesphor.kernel.errors import Kind, TelesphorError

Phase = Literal["waiting", "confirmed", "final", "failed"]
"""`waiting`: no block holds it yet. `confirmed`: a block does, and a proof exists, which may still be undone by
a reorganisation or be made better. `final`: nothing more will be done. `failed`: given up."""

STATE_BYTES_MAX = 1024 * 1024
"""A chain's state holds a few transactions or pending timestamps; a megabyte is far beyond them."""
FILES_BYTES_MAX = 4 * 1024 * 1024
"""All files of one anchor together: they travel in every bundle that the anchor dates."""


class AnchorUnavailable(TelesphorError):
    """The chain's node cannot be reached or cannot serve now; asking again later can succeed."""

    code = "anchor-unavailable"
    kind = Kind.STORAGE


class WrongNetwork(TelesphorError):
    """The chain's node follows another network than the one configured: nothing is sent to it."""

    code = "anchor-wrong-network"
    kind = Kind.CONFLICT


class AnchorFailed(TelesphorError):
    """The anchor cannot be made as things stand, for a reason an operator must remove (no funds, say)."""

    code = "anchor-failed"
    kind = Kind.CONFLICT


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one anchor cost: a decimal amount of a currency, and the gas where the chain counts it."""

    amount: str
    currency: str
    gas: int | None = None


class Progress(msgspec.Struct, frozen=True):
    """How far an anchor has come.

    Attributes:
        state: what the chain wants back at the next `advance`; kept durably by the caller.
        says: one plain sentence for people.
        cost: once something was paid, else None; calendars are free.
        files: the proof by file suffix (`.ots` and `.headers`, or `.json`), once there is one.
    """

    state: bytes
    phase: Phase
    says: str
    cost: Cost | None = None
    files: dict[str, bytes] | None = None


class Chain(Protocol):
    """A public chain that can date a digest."""

    @property
    def network(self) -> str:
        """Such as `bitcoin-mainnet`; an anchor book holds at most one unfinished anchor of each."""
        ...

    async def prepare(self, digest: bytes) -> bytes:
        """Everything but sending, as state. The caller keeps it durably before it calls `advance`.

        Raises:
            AnchorUnavailable: ask again later.
            WrongNetwork: the node follows another network.
            AnchorFailed: an operator must do something first.
        """
        ...

    async def advance(self, state: bytes) -> Progress:
        """One step: send if not known, look, bump the fee, notice a reorganisation, build the proof.

        Harmless to repeat, with an older state too.

        Raises:
            AnchorUnavailable: ask again later.
            WrongNetwork: the node follows another network.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
