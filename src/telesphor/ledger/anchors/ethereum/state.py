"""What an Ethereum anchor needs to go on after any crash: its signed transactions and where they were seen.

Kept by the caller as opaque bytes (canonical JSON; amounts of wei are text, being beyond 2^53). Start at
`Sending`; `read_state` and `write_state` are each other's reverse.
"""

from __future__ import annotations

from typing import Final

import msgspec

from telesphor.kernel.chains.ethereum import TRANSACTION_BYTES_MAX
from telesphor.kernel.chains.keccak import keccak256
from telesphor.ledger.anchors.model import STATE_BYTES_MAX, AnchorFailed

FORMAT: Final = "telesphor-ethereum-sending/1"


class Attempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signed transaction: `raw` is hex, fee and tip are wei per gas, in decimal."""

    raw: str
    fee_wei: str
    tip_wei: str
    made_at_ms: int

    def __post_init__(self) -> None:
        if len(self.raw) > 2 * TRANSACTION_BYTES_MAX:
            raise ValueError("a transaction is too long")

    @property
    def raw_bytes(self) -> bytes:
        return bytes.fromhex(self.raw)

    @property
    def hash(self) -> bytes:
        return keccak256(self.raw_bytes)


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The block that was last seen to hold the anchor, and the proof of its place there, in hex."""

    block_hash: str
    height: int
    transaction: str
    index: int
    nodes: tuple[str, ...]
    header: str


class Sending(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An anchor on its way.

    Attributes:
        digest: what is anchored, 64 hex digits.
        sender: the paying account, 40 hex digits.
        attempts: the same transfer under one nonce with growing fees, oldest first; never empty.
        held: None until a block holds one of them.
        renewals: how often it was signed again under another nonce.
        begun_at_ms: when the first was signed.
    """

    v: int = 1
    format: str = FORMAT
    network: str
    digest: str
    sender: str
    nonce: int
    gas: int
    attempts: tuple[Attempt, ...]
    held: Held | None = None
    renewals: int = 0
    begun_at_ms: int

    def __post_init__(self) -> None:
        if (self.v, self.format) != (1, FORMAT) or not self.attempts:
            raise ValueError("not a state of this form")
        bytes.fromhex(self.digest), bytes.fromhex(self.sender)

    @property
    def newest(self) -> Attempt:
        return self.attempts[-1]


def write_state(sending: Sending) -> bytes:
    """The canonical JSON of a state."""
    return msgspec.json.encode(sending, order="sorted")


def read_state(data: bytes) -> Sending:
    """The state that `write_state` wrote. Raises `AnchorFailed` for anything else."""
    try:
        if len(data) > STATE_BYTES_MAX:
            raise ValueError("too long")
        return msgspec.json.decode(data, type=Sending)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError) as error:
        raise AnchorFailed(
            "the kept state of the Ethereum anchor is not readable", detail=type(error).__name__
        ) from None
