"""The demonstration's chains: what is missing is named, and a block comes when there is something to put in it."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from telesphor.demo import chains
from telesphor.demo.anvil import Anvil, AnvilUnavailable
from telesphor.demo.bcoin import BcoinUnavailable
from telesphor.demo.chains import Chains, Miner, start_chains
from tests.support.anvil import running_anvil

MONEY = "0x1"
MINED_SECONDS_MAX = 10.0


def height(node: Anvil) -> int:
    return int(node.call("eth_blockNumber"), 16)


def pay(node: Anvil) -> None:
    first, second = node.call("eth_accounts")[:2]
    sent = node.call("eth_sendTransaction", {"from": first, "to": second, "value": MONEY})
    end = time.monotonic() + MINED_SECONDS_MAX
    while node.call("eth_getTransactionReceipt", sent) is None:  # its block comes a moment later
        assert time.monotonic() < end, "no block took the transaction"
        time.sleep(0.01)


def test_what_is_missing_is_named_and_nothing_else_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_bcoin() -> None:
        raise BcoinUnavailable("no bcoin here")

    def no_anvil() -> None:
        raise AnvilUnavailable("no anvil here")

    monkeypatch.setattr(chains, "start_bcoin", no_bcoin)
    monkeypatch.setattr(chains, "start_anvil", no_anvil)
    with ExitStack() as stack:
        found = start_chains(stack)
        assert found.networks == ()
        assert found.missing == ("no bcoin here", "no anvil here")


def test_each_transaction_gets_its_block_and_one_on_top_and_an_idle_chain_rests() -> None:
    with running_anvil() as node:
        miner = Miner(Chains(None, node, ()))
        miner.mine_once()
        assert height(node) == 0
        pay(node)
        miner.mine_once()
        assert height(node) == 2
        miner.mine_once()
        assert height(node) == 2


def test_transaction_between_two_looks_of_the_miner_is_not_overlooked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_anvil() as node:
        miner = Miner(Chains(None, node, ()))
        mine = node.mine

        def pay_first(blocks: int) -> None:
            pay(node)
            mine(blocks)

        pay(node)
        with monkeypatch.context() as during:
            during.setattr(node, "mine", pay_first)
            miner.mine_once()
        miner.mine_once()
        assert height(node) == 4  # two with a transaction, the second of them with one on top
