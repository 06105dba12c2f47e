"""What is offered for gas: room to grow, a ceiling that holds, and an eighth more each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telesphor.ledger.anchors.ethereum.fees import (
    ETHER,
    GWEI,
    TIP_WEI_MIN,
    Offer,
    ether_text,
    first_offer,
    gwei_text,
    higher_offer,
)
from telesphor.ledger.anchors.ethereum.node import Fees

wei = st.integers(0, 10**14)


def test_first_offer_leaves_room_for_a_growing_base_fee() -> None:
    fees = Fees(base_wei=10 * GWEI, tip_wei=GWEI)
    assert first_offer(fees, fee_wei_max=100 * GWEI) == Offer(fee_wei=21 * GWEI, tip_wei=GWEI)


def test_some_tip_is_always_given() -> None:
    assert first_offer(Fees(base_wei=0, tip_wei=0), fee_wei_max=GWEI).tip_wei == TIP_WEI_MIN


def test_higher_offer_follows_a_base_fee_that_has_run_away() -> None:
    before = Offer(fee_wei=3 * GWEI, tip_wei=GWEI)
    offer = higher_offer(before, Fees(base_wei=40 * GWEI, tip_wei=2 * GWEI), fee_wei_max=100 * GWEI)
    assert offer == Offer(fee_wei=82 * GWEI, tip_wei=2 * GWEI)


def test_no_higher_offer_is_made_past_the_ceiling() -> None:
    before = Offer(fee_wei=95 * GWEI, tip_wei=GWEI)
    assert higher_offer(before, Fees(base_wei=GWEI, tip_wei=GWEI), fee_wei_max=100 * GWEI) is None


@given(wei, wei, wei, wei, st.integers(1, 10**14))
def test_offers_keep_to_the_ceiling_and_outbid_by_an_eighth(
    fee: int, tip: int, base: int, usual: int, most: int
) -> None:
    fees = Fees(base_wei=base, tip_wei=usual)
    first = first_offer(fees, fee_wei_max=most)
    assert 0 <= first.tip_wei <= first.fee_wei <= most
    before = Offer(fee_wei=max(fee, tip), tip_wei=min(fee, tip))
    higher = higher_offer(before, fees, fee_wei_max=most)
    if higher is not None:
        assert higher.tip_wei <= higher.fee_wei <= most
        assert higher.fee_wei * 8 >= before.fee_wei * 9 and higher.tip_wei * 8 >= before.tip_wei * 9


def test_amounts_are_written_exactly() -> None:
    assert ether_text(0) == "0"
    assert ether_text(1) == "0.000000000000000001"
    assert ether_text(44_560_000_000_000) == "0.00004456"
    assert ether_text(3 * ETHER) == "3"
    assert gwei_text(1_500_000_000) == "1.500"


@given(st.integers(0, 10**30))
def test_no_wei_is_lost_in_writing(amount: int) -> None:
    whole, _, part = ether_text(amount).partition(".")
    assert int(whole) * ETHER + int(part.ljust(18, "0")) == amount
