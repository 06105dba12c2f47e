"""The demonstration's Ethereum node: it starts, answers, ends, and is missed in plain words."""

from __future__ import annotations

import urllib.error
from pathlib import Path

import pytest

from telesphor.demo import anvil
from telesphor.demo.anvil import ANVIL_CHAIN_ID, AnvilUnavailable, find_anvil, start_anvil
from tests.support.anvil import running_anvil


def test_it_is_the_network_it_says_and_ends_when_told() -> None:
    with running_anvil() as node:
        assert int(node.call("eth_chainId"), 16) == ANVIL_CHAIN_ID
        node.mine(3)
        assert node.call("eth_blockNumber") == "0x3"
        with pytest.raises(RuntimeError, match="anvil refuses eth_nonsense"):
            node.call("eth_nonsense")
    with pytest.raises(urllib.error.URLError):
        node.call("eth_chainId")


def test_where_there_is_none_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(anvil, "PACKAGE", "@nobody/anvil")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AnvilUnavailable, match="no anvil here"):
        find_anvil(tmp_path)


def test_one_that_does_not_listen_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(anvil, "PACKAGE", "@nobody/anvil")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(AnvilUnavailable, match="did not start to listen"):
        start_anvil(folder=tmp_path)
