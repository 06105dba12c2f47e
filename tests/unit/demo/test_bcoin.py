"""The Bitcoin node of the demonstration starts where npm put it, funds its wallet, and says why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.demo import bcoin
from telesphor.demo.bcoin import BcoinFault, BcoinUnavailable, find_bcoin, start_bcoin
from tests.support.bcoin import running_bcoin


def test_node_has_a_chain_of_its_own_and_leaves_nothing_behind() -> None:
    with running_bcoin(coins=1) as node:
        assert node.node("getblockchaininfo")["chain"] == "regtest"
        assert node.wallet("getbalance") >= 50
        with pytest.raises(BcoinFault):
            node.node("nonsense")
        folder = node.credential.parent
        assert folder.is_dir()
    assert not folder.exists()
    assert node.process.poll() is not None


def test_missing_node_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bcoin, "_SCRIPT", Path("node_modules/nothing"))
    with pytest.raises(BcoinUnavailable, match="npm"):
        find_bcoin(tmp_path)


def test_missing_node_program_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "node_modules" / "bcoin" / "bin" / "node"
    script.parent.mkdir(parents=True)
    script.write_text("")
    monkeypatch.setattr(bcoin, "find_node_program", lambda: None)
    with pytest.raises(BcoinUnavailable, match="Node"):
        start_bcoin(folder=tmp_path)


def test_program_that_ends_at_once_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "node_modules" / "bcoin" / "bin" / "node"
    script.parent.mkdir(parents=True)
    script.write_text("")
    monkeypatch.setattr(bcoin, "find_node_program", lambda: "false")
    with pytest.raises(BcoinUnavailable, match="did not start"):
        start_bcoin(folder=tmp_path)
