"""The rules by which a reader judges levels: a small TOML file of the reader's own.

How many validators make L2, how diverse L3 asks them to be, how many notaries make L4, which public chains
make L5, and which witnesses and block headers the reader knows. What this module guarantees: every rule is
there and asks for at least one of something, so no level is had for nothing; what it does not know it
refuses; numbers that no checkpoint could reach are refused too.

Start at `parse_levels` and `DEFAULT_LEVELS`. How the rules are applied: `levels`. The file:
`docs/spec/levels.md`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from telesphor.kernel.chains.anchor import HeaderPin, parse_network
from telesphor.kernel.cosignature import CosignerKeys
from telesphor.kernel.digest import Digest, digest_of, parse_digest
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.note import SIGNATURES_MAX

LEVELS_BYTES_MAX: Final = 256 * 1024
"""Room for the keys of every witness that a note can hold, 2 KB each, and as many pinned headers."""
COSIGNERS_MAX: Final = (SIGNATURES_MAX - 2) // 2
"""A note has a hundred lines: two of its log and two of each witness. No rule may ask for more."""
CONFIRMATIONS_MAX: Final = 2016
"""Two weeks of Bitcoin blocks: more headers than any proof carries."""
NETWORKS_MAX: Final = 16
"""Public chains that are worth an anchor are few."""
WITNESS_PINS_MAX: Final = 96
"""Twice as many as a note can hold."""
HEADER_PINS_MAX: Final = 256
"""A page in a file; more is a mistake."""

_FORMAT: Final = "telesphor-levels/1"

DEFAULT_LEVELS: Final = """\
# What each level asks for. This is the policy that ships; a reader may well ask for more.
format = "telesphor-levels/1"

# L2: so many witnesses cosigned, none of them of the log's own organisation.
validators = 3

# L3: and they differ in so many ways.
[diversity]
organisations = 3
regions = 2
clouds = 2
operators = 1

# L4: so many notaries, of organisations that are none of those, checked that and signed.
[notary]
at_least = 1

# L5: so many of these public chains date the checkpoint, each with so many blocks from it on. Headers of
# Ethereum show no work and can be written for nothing: they count when one of them is among the pins below.
[anchors]
at_least = 1
networks = ["bitcoin-mainnet", "ethereum-1"]
confirmations = 6

# Pins. When any witness is listed only those listed count; write `vkeys` (both keys of the witness) or `card`
# (the digest of its card, which holds it to what the card says).
#
# [[witness]]
# vkeys = ["witness.north.example+...", "witness.north.example+..."]
#
# Block headers that you know from elsewhere, the hash as explorers show it, without `0x`.
#
# [[pin]]
# network = "bitcoin-mainnet"
# height = 0
# hash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
"""


class LevelsRefused(TelesphorError):
    """The bytes are not a policy of levels, or one that asks for nothing, or for what cannot be."""

    code = "levels-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Diversity:
    """How many different organisations, regions, clouds and operators the validators must show."""

    organisations: int
    regions: int
    clouds: int
    operators: int


@dataclass(frozen=True)
class AnchorRule:
    """On how many of these networks a checkpoint must be anchored, and how deep."""

    at_least: int
    networks: tuple[str, ...]
    confirmations: int


@dataclass(frozen=True)
class WitnessPin:
    """A witness, or notary, that the reader knows: by its two vkeys, or by the digest of its card."""

    vkeys: tuple[str, str] | None
    card: Digest | None


@dataclass(frozen=True)
class LevelPolicy:
    """A policy of levels as it was read; `digest` is of the file's bytes."""

    validators: int
    diversity: Diversity
    notaries: int
    anchors: AnchorRule
    witnesses: tuple[WitnessPin, ...]
    pins: tuple[HeaderPin, ...]
    digest: Digest


def parse_levels(data: bytes) -> LevelPolicy:
    """Read a policy of levels strictly. Raises `LimitExceeded`, or `LevelsRefused` naming what is wrong."""
    if len(data) > LEVELS_BYTES_MAX:
        raise LimitExceeded(f"the levels are larger than {LEVELS_BYTES_MAX} bytes")
    table = _Table("", _read_toml(data))
    if table.take("format") != _FORMAT:
        raise LevelsRefused(f"the levels are not of the format `{_FORMAT}`")
    policy = LevelPolicy(
        validators=table.number("validators", COSIGNERS_MAX),
        diversity=_diversity(table.table("diversity")),
        notaries=_notaries(table.table("notary")),
        anchors=_anchors(table.table("anchors")),
        witnesses=_witnesses(table.tables("witness", WITNESS_PINS_MAX)),
        pins=_pins(table.tables("pin", HEADER_PINS_MAX)),
        digest=digest_of(data),
    )
    table.close()
    return policy


def _read_toml(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8")
        _check_plain(text)
        return tomllib.loads(text)
    except (ValueError, RecursionError):  # also what is not UTF-8, and numbers too long to read
        raise LevelsRefused("the levels are not TOML") from None


# One line's text in quotes, or its comment. A text that does not end is no TOML; it is taken to the end of
# its line, as trying every quote for a beginning would take time by the square.
_QUOTED: Final = re.compile(r"""  "(?:[^"\\\n]|\\[^\n])*"?  |  '[^'\n]*'?  |  \#[^\n]*  """, re.VERBOSE)


def _check_plain(text: str) -> None:
    """Refuse names with dots: the library takes memory by the square of their parts, gigabytes in 20 KB."""
    if '"""' in text or "'''" in text:
        # Without text over several lines, quotes can be paired line by line.
        raise LevelsRefused("the levels have text over several lines")
    if "." in _QUOTED.sub("", text):
        raise LevelsRefused("the levels have a name with a dot, or a number that is not whole")


class _Table:
    """A table whose members are taken one by one; what is left at the end is not known and refused."""

    def __init__(self, name: str, members: Mapping[str, Any]) -> None:
        self._name = name
        self._left = dict(members)

    def take(self, name: str) -> object:
        if name not in self._left:
            raise LevelsRefused(f"the levels have no `{self._path(name)}`")
        return self._left.pop(name)

    def number(self, name: str, most: int, *, least: int = 1) -> int:
        value = self.take(name)
        # `true` is an int in Python.
        if type(value) is not int or not least <= value <= most:
            raise LevelsRefused(f"`{self._path(name)}` is not a number between {least} and {most}")
        return value

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise LevelsRefused(f"`{self._path(name)}` is not text")
        return value

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        value = self.take(name)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise LevelsRefused(f"`{self._path(name)}` is not a list of 1 to {most} texts")
        if not all(isinstance(item, str) for item in value):
            raise LevelsRefused(f"`{self._path(name)}` holds something other than text")
        return tuple(value)

    def table(self, name: str) -> _Table:
        value = self.take(name)
        if not isinstance(value, dict):
            raise LevelsRefused(f"`{self._path(name)}` is not a table")
        return _Table(self._path(name), value)

    def tables(self, name: str, most: int) -> list[_Table]:
        value = self.take(name) if self.has(name) else []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise LevelsRefused(f"`{self._path(name)}` is not a list of tables")
        if len(value) > most:
            raise LimitExceeded(f"the levels have more than {most} of `{self._path(name)}`")
        return [_Table(self._path(name), item) for item in value]

    def has(self, name: str) -> bool:
        return name in self._left

    def close(self) -> None:
        # The name is input, and may be anything: it is not shown.
        if self._left:
            where = f"`{self._name}`" if self._name else "the levels"
            raise LevelsRefused(f"{where} has a member that is not known", hint="look for a misspelled name")

    def _path(self, name: str) -> str:
        return f"{self._name}.{name}" if self._name else name


def _diversity(table: _Table) -> Diversity:
    names = ("organisations", "regions", "clouds", "operators")
    diversity = Diversity(*(table.number(name, COSIGNERS_MAX) for name in names))
    table.close()
    return diversity


def _notaries(table: _Table) -> int:
    at_least = table.number("at_least", COSIGNERS_MAX)
    table.close()
    return at_least


def _anchors(table: _Table) -> AnchorRule:
    at_least = table.number("at_least", NETWORKS_MAX)
    networks = table.texts("networks", NETWORKS_MAX)
    confirmations = table.number("confirmations", CONFIRMATIONS_MAX)
    table.close()
    try:
        for network in networks:
            parse_network(network)
    except TelesphorError as error:
        raise LevelsRefused(f"`anchors.networks` is refused: {error.message}", hint=error.hint) from error
    if len(set(networks)) != len(networks):
        raise LevelsRefused("`anchors.networks` has a network twice")
    if at_least > len(networks):
        raise LevelsRefused(
            "`anchors.at_least` is more than there are networks", hint="one chain counts once"
        )
    return AnchorRule(at_least, networks, confirmations)


def _witnesses(tables: list[_Table]) -> tuple[WitnessPin, ...]:
    pins = tuple(map(_witness, tables))
    if len(set(pins)) != len(pins):
        raise LevelsRefused("a `witness` is listed twice")
    return pins


def _witness(table: _Table) -> WitnessPin:
    if table.has("vkeys") == table.has("card"):
        raise LevelsRefused("a `witness` has either `vkeys` or `card`")
    try:
        if table.has("card"):
            card = table.text("card")
            parse_digest(card)
            pin = WitnessPin(None, Digest(card))
        else:
            pin = WitnessPin(CosignerKeys.from_vkeys(table.texts("vkeys", 2)).vkeys(), None)
    except LevelsRefused:
        raise
    except TelesphorError as error:
        raise LevelsRefused(f"a `witness` is refused: {error.message}", hint=error.hint) from error
    table.close()
    return pin


def _pins(tables: list[_Table]) -> tuple[HeaderPin, ...]:
    pins = tuple(map(_pin, tables))
    if len({(pin.network, pin.height) for pin in pins}) != len(pins):
        raise LevelsRefused("two `pin` are of one network and height")
    return pins


def _pin(table: _Table) -> HeaderPin:
    network, hash_text = table.text("network"), table.text("hash")
    height = table.number("height", 2**53 - 1, least=0)
    table.close()
    try:
        return HeaderPin(network, height, hash_text)
    except TelesphorError as error:
        raise LevelsRefused(f"a `pin` is refused: {error.message}", hint=error.hint) from error
