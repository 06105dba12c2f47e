"""The chains that settings name, and what is refused before a node starts with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel import base64url
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.keyfile import Argon2idParams, WrongPassphrase, seal_keyfile
from telesphor.kernel.level_policy import AnchorRule
from telesphor.ledger.anchors.bitcoin.calendars import CalendarAddressRefused
from telesphor.ledger.anchors.model import Chain
from telesphor.ledger.network.chains import open_chains
from telesphor.runtime.network import NetworkSettings
from telesphor.runtime.settings import SettingsRefused

OWN = {"organisation": "clinic.example", "region": "eu", "cloud": "own", "operator": "clinic.example"}
RULE = AnchorRule(1, ("bitcoin-mainnet", "ethereum-1"), 6)
BITCOIN = {"network": "bitcoin-mainnet", "node_url": "http://127.0.0.1:1", "wallet_url": "http://127.0.0.1:2"}
ETHEREUM = {"network": "ethereum-1", "node_url": "http://127.0.0.1:3", "key_file": "ethereum.key"}
CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)


def opened(folder: Path, **sections: Any) -> tuple[Chain, ...]:
    settings = NetworkSettings.model_validate({**OWN, **sections})
    return open_chains(
        settings, rule=RULE, folder=folder, passphrase=b"word", clock=SystemClock(), random=lambda n: bytes(n)
    )


def put_key(folder: Path, secret: dict[str, object], passphrase: bytes = b"word") -> None:
    (folder / "ethereum.key").write_bytes(seal_keyfile(secret, passphrase=passphrase, params=CHEAP))


def test_without_sections_there_are_no_chains(tmp_path: Path) -> None:
    assert opened(tmp_path) == ()


def test_each_section_is_a_chain(tmp_path: Path) -> None:
    put_key(tmp_path, {"ethereum": base64url.encode(bytes([7]) * 32)})
    chains = opened(tmp_path, bitcoin=BITCOIN, ethereum=ETHEREUM)
    assert [chain.network for chain in chains] == ["bitcoin-mainnet", "ethereum-1"]


def test_calendars_need_no_node_of_ones_own(tmp_path: Path) -> None:
    section = {"network": "bitcoin-mainnet", "calendars": ["https://a.example", "https://b.example"]}
    assert [chain.network for chain in opened(tmp_path, bitcoin=section)] == ["bitcoin-mainnet"]


def test_calendar_over_the_open_net_is_refused(tmp_path: Path) -> None:
    section = {"network": "bitcoin-mainnet", "calendars": ["http://a.example"]}
    with pytest.raises(CalendarAddressRefused):
        opened(tmp_path, bitcoin=section)


@pytest.mark.parametrize(("name", "section"), [("bitcoin", BITCOIN), ("ethereum", ETHEREUM)])
def test_anchors_that_would_be_final_before_they_count_are_refused(
    tmp_path: Path, name: str, section: dict[str, str]
) -> None:
    with pytest.raises(SettingsRefused, match=f"`{name}.confirmations` is `5`, and the levels ask for `6`"):
        opened(tmp_path, **{name: {**section, "confirmations": 5}})


def test_chain_that_no_level_asks_for_may_be_as_shallow_as_one_likes(tmp_path: Path) -> None:
    assert opened(tmp_path, bitcoin={**BITCOIN, "network": "bitcoin-regtest", "confirmations": 1})


def test_missing_key_file_is_refused_with_the_way_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"`ethereum.key` cannot be read") as caught:
        opened(tmp_path, ethereum=ETHEREUM)
    assert "telesphor network ethereum-key" in caught.value.hint


def test_key_file_of_other_keys_is_refused(tmp_path: Path) -> None:
    put_key(tmp_path, {"signing": "x"})
    with pytest.raises(SettingsRefused, match="holds other keys"):
        opened(tmp_path, ethereum=ETHEREUM)


def test_key_file_under_another_passphrase_is_refused(tmp_path: Path) -> None:
    put_key(tmp_path, {"ethereum": base64url.encode(bytes([7]) * 32)}, b"another")
    with pytest.raises(WrongPassphrase):
        opened(tmp_path, ethereum=ETHEREUM)
