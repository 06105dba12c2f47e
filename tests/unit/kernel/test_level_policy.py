"""Policies of levels: every rule is there and asks for something, and nothing unknown is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.chains.anchor import HeaderPin
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.level_policy import (
    COSIGNERS_MAX,
    DEFAULT_LEVELS,
    LEVELS_BYTES_MAX,
    AnchorRule,
    Diversity,
    LevelPolicy,
    LevelsRefused,
    WitnessPin,
    parse_levels,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "levels.json").read_text("utf-8"))
ED25519, MLDSA44 = Cosigner("w.example", bytes([1]) * 32, bytes([2]) * 32).vkeys()
CARD = Digest("sha256:" + "0a" * 32)
HASH = "00" * 8 + "0b" * 24


def changed(old: str, new: str) -> bytes:
    assert old in DEFAULT_LEVELS, old
    return DEFAULT_LEVELS.replace(old, new).encode()


def with_more(*lines: str) -> bytes:
    return (DEFAULT_LEVELS + "\n".join(lines) + "\n").encode()


def test_shipped_policy_asks_for_something_at_every_level() -> None:
    assert parse_levels(DEFAULT_LEVELS.encode()) == LevelPolicy(
        validators=3,
        diversity=Diversity(organisations=3, regions=2, clouds=2, operators=1),
        notaries=1,
        anchors=AnchorRule(at_least=1, networks=("bitcoin-mainnet", "ethereum-1"), confirmations=6),
        witnesses=(),
        pins=(),
        digest=digest_of(DEFAULT_LEVELS.encode()),
    )


def test_pinned_witnesses_and_headers_are_read() -> None:
    policy = parse_levels(
        with_more(
            "[[witness]]", f'vkeys = ["{MLDSA44}", "{ED25519}"]',
            "[[witness]]", f'card = "{CARD}"',
            "[[pin]]", 'network = "bitcoin-mainnet"', "height = 0", f'hash = "{HASH}"',
            "[[pin]]", 'network = "ethereum-1"', "height = 0", f'hash = "{HASH}"',
        )
    )  # fmt: skip
    assert policy.witnesses == (WitnessPin((ED25519, MLDSA44), None), WitnessPin(None, CARD))
    assert policy.pins == (HeaderPin("bitcoin-mainnet", 0, HASH), HeaderPin("ethereum-1", 0, HASH))


def test_examples_in_the_shipped_policy_are_those_that_are_read() -> None:
    text = DEFAULT_LEVELS[DEFAULT_LEVELS.index("# [[pin]]") :].replace("# ", "")
    assert parse_levels(with_more(text)).pins[0].height == 0


@pytest.mark.parametrize(
    "number", ["0", "-1", "50", "9999999999999999999999", "true", "3.0", '"3"', "[3]", "inf"]
)
@pytest.mark.parametrize(
    "rule",
    ["validators = 3", "organisations = 3", "regions = 2", "clouds = 2", "operators = 1", "at_least = 1"],
)
def test_rule_that_asks_for_nothing_or_for_what_cannot_be_is_refused(rule: str, number: str) -> None:
    with pytest.raises(LevelsRefused):
        parse_levels(changed(rule, f"{rule.split(' ')[0]} = {number}"))


def test_rules_may_ask_for_as_many_as_a_note_can_hold() -> None:
    assert parse_levels(changed("validators = 3", f"validators = {COSIGNERS_MAX}")).validators == 49


@pytest.mark.parametrize("confirmations", ["0", "-6", "2017", "true"])
def test_confirmations_out_of_bounds_are_refused(confirmations: str) -> None:
    with pytest.raises(LevelsRefused, match="confirmations"):
        parse_levels(changed("confirmations = 6", f"confirmations = {confirmations}"))


@pytest.mark.parametrize(
    "rule",
    [
        'format = "telesphor-levels/1"', "validators = 3", "organisations = 3", "regions = 2", "clouds = 2",
        "operators = 1", "[notary]\nat_least = 1", "confirmations = 6",
        'networks = ["bitcoin-mainnet", "ethereum-1"]',
    ],
)  # fmt: skip
def test_rule_that_is_not_there_is_refused(rule: str) -> None:
    with pytest.raises(LevelsRefused, match="no `"):
        parse_levels(changed(rule, ""))


@pytest.mark.parametrize(
    "networks",
    [
        "[]",
        '"bitcoin-mainnet"',
        '["bitcoin"]',
        '["ethereum-0"]',
        "[1]",
        '["ethereum-1", "ethereum-1"]',
        "[[]]",
    ],
)
def test_networks_that_cannot_be_judged_are_refused(networks: str) -> None:
    with pytest.raises(LevelsRefused, match="networks"):
        parse_levels(changed('["bitcoin-mainnet", "ethereum-1"]', networks))


def test_more_anchors_than_networks_cannot_be_asked() -> None:
    # An anchor in one chain twice is one anchor, so this could never be met.
    with pytest.raises(LevelsRefused, match="networks"):
        parse_levels(changed("at_least = 1\nnetworks", "at_least = 3\nnetworks"))


@pytest.mark.parametrize(
    "lines",
    [
        ("[wishes]", "many = 1"),
        ("[[anchor]]", "at_least = 1"),
        ("[[witness]]",),
        ("[[witness]]", f'card = "{CARD}"', "weight = 2"),
        ("[[witness]]", f'card = "{CARD}"', f'vkeys = ["{ED25519}", "{MLDSA44}"]'),
        ("[[witness]]", f'card = "{CARD.upper()}"'),
        ("[[witness]]", "card = 1"),
        ("[[witness]]", f'vkeys = ["{ED25519}"]'),
        ("[[witness]]", f'vkeys = ["{ED25519}", "{ED25519}"]'),
        ("[[witness]]", f'vkeys = ["{ED25519}", "{MLDSA44}", "{MLDSA44}"]'),
        ("[[witness]]", f'vkeys = "{ED25519}"'),
        ("[[witness]]", "vkeys = [1, 2]"),
        ("[witness]", f'card = "{CARD}"'),
        ("[[witness]]", f'card = "{CARD}"') * 2,
        ("[[witness]]", f'vkeys = ["{ED25519}", "{MLDSA44}"]', "[[witness]]", f'vkeys = ["{MLDSA44}", "{ED25519}"]'),
        ("[[pin]]", 'network = "bitcoin-mainnet"', "height = 1"),
        ("[[pin]]", 'network = "bitcoin"', "height = 1", f'hash = "{HASH}"'),
        ("[[pin]]", 'network = "bitcoin-mainnet"', "height = -1", f'hash = "{HASH}"'),
        ("[[pin]]", 'network = "bitcoin-mainnet"', "height = 1", f'hash = "0x{HASH}"'),
        ("[[pin]]", 'network = "bitcoin-mainnet"', "height = 1", f'hash = "{HASH}"', "work = 1"),
        ("[[pin]]", 'network = "bitcoin-mainnet"', "height = 1", f'hash = "{HASH}"') * 2,
    ],
    ids=lambda lines: " / ".join(line[:24] for line in lines),
)  # fmt: skip
def test_member_that_is_unknown_or_malformed_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(LevelsRefused):
        parse_levels(with_more(*lines))


@pytest.mark.parametrize("table", ["[diversity]", "[notary]", "[anchors]"])
def test_member_that_a_table_does_not_have_is_refused(table: str) -> None:
    with pytest.raises(LevelsRefused, match=table[1:-1]):
        parse_levels(changed(table, f"{table}\ncountries = 1"))


def test_unknown_member_at_the_top_is_refused_and_not_shown() -> None:
    with pytest.raises(LevelsRefused, match="not known") as refusal:
        parse_levels(changed("validators = 3", "validators = 3\nsecret-name = 1"))
    assert "secret" not in refusal.value.message


def test_another_format_is_refused() -> None:
    with pytest.raises(LevelsRefused, match="format"):
        parse_levels(changed("telesphor-levels/1", "telesphor-levels/2"))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"validators", b"validators = 3\nvalidators = 3", b"a = " + b"9" * 5000, b"a = " + b"[" * 5000],
    ids=["empty", "not-utf-8", "no-value", "twice", "long-number", "deep"],
)  # fmt: skip
def test_bytes_that_are_no_toml_are_refused(data: bytes) -> None:
    with pytest.raises(LevelsRefused):
        parse_levels(data)


@pytest.mark.parametrize(
    "data",
    [
        b".".join([b"a"] * 100_000) + b" = 1",
        b"[" + b".".join([b"a"] * 100_000) + b"]",
        b'x = {"."' + b".a" * 100_000 + b" = 1}",
        b"x = {'\"'" + b".a" * 100_000 + b" = '\"'}",
        b'x = "\\""\n"\\".a"' + b".a" * 100_000 + b' = "."',
        b'x = """\n"""\n' + b".".join([b"a"] * 100_000) + b" = 1",
        b'"\\' * 100_000,
    ],
    ids=["name", "header", "inline", "single-quoted", "escaped", "over-lines", "unended"],
)
def test_names_that_would_take_gigabytes_are_refused_at_once(data: bytes) -> None:
    with pytest.raises(LevelsRefused):
        parse_levels(data[:LEVELS_BYTES_MAX])


def test_policy_beyond_its_bounds_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        parse_levels(b"#" * (LEVELS_BYTES_MAX + 1))
    cards = [f'[[witness]]\ncard = "sha256:{number:064x}"' for number in range(97)]
    assert len(parse_levels(with_more(*cards[:96])).witnesses) == 96
    with pytest.raises(LimitExceeded, match="witness"):
        parse_levels(with_more(*cards))
    pins = [f'[[pin]]\nnetwork = "ethereum-1"\nheight = {n}\nhash = "{HASH}"' for n in range(257)]
    with pytest.raises(LimitExceeded, match="pin"):
        parse_levels(with_more(*pins))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_never_crashes(text: str) -> None:
    with pytest.raises((LevelsRefused, LimitExceeded)):
        parse_levels(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_policy_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        parse_levels(vector["policy"].encode())
    assert refusal.value.code == vector["code"]
