"""`network.toml`: checked whole before anything is opened; a wrong value is named by its field, and never quoted."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.runtime.network import (
    NETWORK_BYTES_MAX,
    NETWORK_FILE,
    PEERS_MAX,
    NetworkSettings,
    load_network,
    parse_network_settings,
)
from telesphor.runtime.settings import SettingsRefused
from tests.support.witnesses import log_signer

OWN = """\
organisation = "clinic.example"
region = "eu-west"
cloud = "own"
operator = "clinic.example"
"""
VKEYS = ", ".join(f'"{vkey}"' for vkey in log_signer().vkeys())
LOG = f'[[log]]\norigin = "clinic.example/ledger"\nvkeys = [{VKEYS}]\n'
PARTNER = LOG.replace("[[log]]", "[[partner]]")
WITNESS = '[[witness]]\nurl = "https://w.example:8421"\ncard = "cards/w.json"\n'
BITCOIN = '[bitcoin]\nnetwork = "bitcoin-mainnet"\n'
OWN_NODE = 'node_url = "http://127.0.0.1:8332"\nwallet_url = "http://127.0.0.1:8332/wallet/anchors"\n'
ETHEREUM = '[ethereum]\nnetwork = "ethereum-1"\nnode_url = "https://node.example/v3/a-secret-key"\n'
KEY_FILE = 'key_file = "keys/ethereum.key"\n'


def read(text: str) -> NetworkSettings:
    return parse_network_settings(text.encode())


def test_node_without_the_file_stands_alone(tmp_path: Path) -> None:
    assert load_network(tmp_path) is None


def test_everything_that_may_be_said_is_read(tmp_path: Path) -> None:
    text = OWN + WITNESS + LOG + PARTNER + BITCOIN + OWN_NODE + ETHEREUM + KEY_FILE
    (tmp_path / NETWORK_FILE).write_text(text)
    settings = load_network(tmp_path)
    assert settings is not None
    assert [str(peer.card) for peer in settings.witness] == ["cards/w.json"]
    assert settings.log[0].vkeys == log_signer().vkeys()
    assert settings.partner[0].at_least == "L3"
    assert settings.bitcoin is not None
    assert settings.bitcoin.confirmations == 6
    assert settings.ethereum is not None
    assert settings.ethereum.node_url.get_secret_value().endswith("a-secret-key")


def test_addresses_that_may_hold_a_key_are_not_shown() -> None:
    assert "a-secret-key" not in repr(read(OWN + ETHEREUM + KEY_FILE))


@pytest.mark.parametrize("value", ["a", "a.b-c", "eu-west-1", "9", "a" * 64])
def test_name_like_a_domain_name_is_taken(value: str) -> None:
    assert read(OWN.replace("eu-west", value)).region == value


@pytest.mark.parametrize(
    "value", ["", "Clinic", "a b", "-a", "a-", ".a", "a_b", "a" * 65, "é", "a\\n", "a/b"], ids=repr
)
def test_attribute_that_no_card_could_have_is_refused(value: str) -> None:
    with pytest.raises(SettingsRefused, match="`region` is not a name of at most 64"):
        read(OWN.replace("eu-west", value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "`organisation` is missing"),
        (OWN.replace("operator", "operater"), "`operator` is missing"),
        (OWN + "witnesses = []\n", "`witnesses` is not known: look for a misspelled name"),
        (OWN.replace('"own"', "7"), "`cloud` is not text in quotes"),
        (OWN + WITNESS + WITNESS.replace("card", "crad"), "`witness` 2 `card` is missing"),
        (OWN + WITNESS.replace("https", "ftp"), "`witness` 1 `url` is not an address"),
        (OWN + WITNESS.replace("w.example", "me:word@w.example"), "or holds a credential"),
        (OWN + WITNESS.replace("https://w.example:8421", "https://"), "`witness` 1 `url` is not an address"),
        (OWN + WITNESS + WITNESS, "names the same `witness` twice"),
        (OWN + LOG + LOG, "names the same `log` twice"),
        (OWN + PARTNER + PARTNER, "names the same `partner` twice"),
        (OWN + LOG.replace('clinic.example/ledger"\nv', 'Clinic"\nv'), "`log` 1 `origin`"),
        (OWN + LOG.replace(VKEYS, ""), "`log` 1 `vkeys`"),
        (OWN + LOG.replace(VKEYS, '"no key"'), "`log` 1 `vkeys` 1 is not a verifier key"),
        (OWN + PARTNER.replace(VKEYS, VKEYS.partition(", ")[0]), "`partner` 1 `vkeys`"),
        (OWN + PARTNER + 'at_least = "L6"\n', "`partner` 1 `at_least`"),
        (OWN + '[[mirror]]\nactor = "someone"\n', "`mirror` 1 `actor` is not an actor's id"),
        (OWN + BITCOIN, "names neither `calendars`, nor `node_url` and `wallet_url`"),
        (OWN + BITCOIN + 'node_url = "http://127.0.0.1:8332"\n', "names neither `calendars`"),
        (OWN + BITCOIN + OWN_NODE + 'calendars = ["https://c.example"]\n', "anchored in one way"),
        (OWN + BITCOIN + 'calendars = ["https://c.example", "https://c.example"]\n', "a calendar twice"),
        (OWN + BITCOIN + 'calendars = ["https://c.example"]\ncalendars_needed = 2\n', "`calendars_needed`"),
        (OWN + BITCOIN.replace("mainnet", "mianet") + OWN_NODE, "`bitcoin` `network`"),
        (OWN + BITCOIN + OWN_NODE + "fee_max_sats = 0\n", "`bitcoin` `fee_max_sats`"),
        (OWN + BITCOIN + OWN_NODE + "confirmations = 2017\n", "`bitcoin` `confirmations`"),
        (OWN + BITCOIN + OWN_NODE.replace('127.0.0.1:8332"', 'me:word@h"'), "or holds a credential"),
        (OWN + ETHEREUM, "`ethereum` `key_file` is missing"),
        (OWN + ETHEREUM.replace("ethereum-1", "ethereum-01") + KEY_FILE, "`ethereum` `network` is not"),
        (OWN + ETHEREUM.replace("https://", "file://") + KEY_FILE, "`ethereum` `node_url` is not an address"),
        (OWN + ETHEREUM + KEY_FILE + "confirmations = 66\n", "`ethereum` `confirmations`"),
        (OWN + "anchor_minutes = 0\n", "`anchor_minutes`"),
        (OWN + "anchor_minutes = nan\n", "`anchor_minutes`"),
        (OWN + "look_seconds = inf\n", "`look_seconds`"),
        (OWN + "organisation\n", "is not TOML"),
        (OWN + OWN, "is not TOML"),
    ],
)
def test_wrong_value_is_refused_by_the_name_of_its_field(text: str, said: str) -> None:
    with pytest.raises(SettingsRefused) as caught:
        read(text)
    assert said in caught.value.message
    assert caught.value.message.startswith(f"`{NETWORK_FILE}`")
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        OWN + WITNESS.replace("w.example", "me:pass-word@w.example"),
        OWN + ETHEREUM.replace("a-secret-key", "pass-word with spaces") + KEY_FILE,
        OWN + "look_seconds = pass-word\n",
        OWN + BITCOIN + 'password = "pass-word"\n',
    ],
)
def test_refusal_never_quotes_what_may_be_a_password(text: str) -> None:
    with pytest.raises(SettingsRefused) as caught:
        read(text)
    error: BaseException | None = caught.value
    assert "pass-word" not in f"{caught.value.message} {caught.value.hint} {caught.value.detail}"
    assert error is not None
    assert error.__cause__ is None


def test_more_witnesses_than_a_policy_holds_are_refused() -> None:
    tables = [WITNESS.replace("w.json", f"{number}.json") for number in range(PEERS_MAX + 1)]
    assert len(read(OWN + "".join(tables[:-1])).witness) == PEERS_MAX
    with pytest.raises(SettingsRefused, match="`witness`"):
        read(OWN + "".join(tables))


def test_file_that_is_some_other_file_is_refused_by_its_size(tmp_path: Path) -> None:
    (tmp_path / NETWORK_FILE).write_bytes(b"#" * (NETWORK_BYTES_MAX + 1))
    with pytest.raises(SettingsRefused, match="is larger than"):
        load_network(tmp_path)


def test_file_that_is_not_text_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="is not TOML"):
        parse_network_settings(b"\xff\xfe")


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / NETWORK_FILE).mkdir()
    with pytest.raises(SettingsRefused, match="cannot be read"):
        load_network(tmp_path)


def test_address_of_the_next_version_of_ip_is_taken() -> None:
    assert read(OWN + WITNESS.replace("w.example", "[::1]")).witness[0].url == "https://[::1]:8421"
