"""What to offer for gas: an estimate from the last blocks, a ceiling, and how to outbid oneself.

Pure rules over wei. A transaction that replaces another of the same nonce must offer at least a tenth more of
both tip and fee (the pools of the common nodes ask for 10 %): an eighth more satisfies them all.
Start at `first_offer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from telesphor.ledger.anchors.ethereum.node import Fees

GWEI: Final = 10**9
ETHER: Final = 10**18
TIP_WEI_MIN: Final = GWEI // 100
"""A hundredth of a gwei: no tip at all is passed over by many makers of blocks."""

_BASE_ROOM: Final = 2
"""The base fee can grow by an eighth per block: twice as much lasts for six full blocks."""


@dataclass(frozen=True)
class Offer:
    """At most `fee_wei` per gas in all, of which at most `tip_wei` to the block's maker."""

    fee_wei: int
    tip_wei: int


def first_offer(fees: Fees, *, fee_wei_max: int) -> Offer:
    """Room for a growing base fee and the usual tip, under the ceiling."""
    tip = max(fees.tip_wei, TIP_WEI_MIN)
    fee = min(fees.base_wei * _BASE_ROOM + tip, fee_wei_max)
    return Offer(fee_wei=fee, tip_wei=min(tip, fee))


def higher_offer(before: Offer, fees: Fees, *, fee_wei_max: int) -> Offer | None:
    """An eighth more of both, or what is asked now if that is more; None when the ceiling forbids it."""
    wanted = first_offer(fees, fee_wei_max=fee_wei_max)
    fee = max(_eighth_more(before.fee_wei), wanted.fee_wei)
    tip = max(_eighth_more(before.tip_wei), wanted.tip_wei)
    if fee > fee_wei_max:
        return None
    return Offer(fee_wei=fee, tip_wei=min(tip, fee))


def _eighth_more(wei: int) -> int:
    return wei + wei // 8 + 1


def ether_text(wei: int) -> str:
    """Wei as a decimal number of ether, exactly: `0.00004456`."""
    whole, part = divmod(wei, ETHER)
    text = f"{part:018d}".rstrip("0")
    return f"{whole}.{text}" if text else str(whole)


def gwei_text(wei: int) -> str:
    """Wei as gwei, to three places, for people."""
    return f"{wei / GWEI:.3f}"
