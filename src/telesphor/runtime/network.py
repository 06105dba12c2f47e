"""The network settings of a node: `network.toml` in its folder. A node without that file stands alone.

The file says who the node's organisation is (this becomes its card), who cosigns its ledger, whose ledgers
it cosigns, which ledgers' proofs it accepts, who mirrors its entries, and which public chains date it. Paths
are relative to the folder. Everything is validated at start, before anything is opened; a wrong value names
its field.

Start at `load_network`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from telesphor.runtime.settings import Origin, SettingsRefused

NETWORK_FILE = "network.toml"

NETWORK_BYTES_MAX = 256 * 1024
"""Dozens of peers with their keys (an ML-DSA-44 vkey is 1.8 KB); whatever is larger is some other file."""

PEERS_MAX = 32
"""As many as a policy must hold (C2SP tlog-policy); each adds 3.4 KB to every checkpoint."""

MIRRORS_MAX = 16
"""Each may have an entry bundle of 16 MiB under way."""

LOG_KEYS_MAX = 4
"""Keys of one ledger that is cosigned: two, and two more while they change."""


def _spelled(pattern: str, says: str, *, chars_max: int) -> AfterValidator:
    """Text of one form; `says` is read by people in place of the pattern."""
    form = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if len(value) > chars_max or form.fullmatch(value) is None:
            raise PydanticCustomError("spelling", "{says}", {"says": says})
        return value

    return AfterValidator(check)


ActorName = Annotated[
    str,
    _spelled(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        "is not an actor's id, such as `telesphor keygen` prints",
        chars_max=36,
    ),
]
"""An actor's id, a UUIDv7 in lower case."""

Attribute = Annotated[
    str,
    _spelled(
        r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?",
        "is not a name of at most 64 lower-case letters, digits, dots and hyphens, such as `north.example`",
        chars_max=64,
    ),
]
"""A lower-case name like a domain name, as cards have them."""

Url = Annotated[
    str,
    # No `@`: an address with a credential in it would be shown to everybody in the status.
    _spelled(
        r"https?://[!-.0->A-~][!-?A-~]*",
        "is not an address with `http://` or `https://`, or holds a credential",
        chars_max=2_000,
    ),
]
Vkey = Annotated[
    str,
    _spelled(
        r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+",
        "is not a verifier key, `name+id+key`, such as a line of `log.vkeys`",
        chars_max=8_192,
    ),
]
BitcoinNetwork = Literal["bitcoin-mainnet", "bitcoin-testnet4", "bitcoin-signet", "bitcoin-regtest"]
EthereumNetwork = Annotated[
    str,
    _spelled(
        r"ethereum-[1-9][0-9]{0,15}", "is not `ethereum-` and a chain id, such as `ethereum-1`", chars_max=25
    ),
]
Level = Literal["L1", "L2", "L3", "L4", "L5"]


def _check_secret_url(value: SecretStr) -> SecretStr:
    if re.fullmatch(r"https?://[!-~]{1,2000}", value.get_secret_value()) is None:
        raise PydanticCustomError("spelling", "is not an address with `http://` or `https://`")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PeerSettings(_Section):
    """A witness or notary of this node's ledger; its card says which, and with which keys."""

    url: Url
    card: Path


class LogSettings(_Section):
    """A ledger of another organisation that this node cosigns; all of its keys must have signed.

    With an address and a key it is mirrored: every entry is read and validated before it is cosigned.
    """

    origin: Origin
    vkeys: tuple[Vkey, ...] = Field(min_length=1, max_length=LOG_KEYS_MAX)
    url: Url | None = None
    """Where that ledger's node answers."""
    key: Path | None = None
    """The sealed key, under this node's passphrase, of the actor that the other node names as a mirror."""
    organisation: Attribute | None = None
    """Whose root the other node's certificate must go back to; needed where several are trusted."""

    @model_validator(mode="after")
    def _check_mirror(self) -> LogSettings:
        if (self.url is None) != (self.key is None):
            raise _wrong("has one of `url` and `key`: a log is mirrored with both, or not at all")
        return self


class PartnerSettings(_Section):
    """A ledger of another organisation whose proofs this node accepts, from a level on."""

    origin: Origin
    vkeys: tuple[Vkey, Vkey]
    at_least: Level = "L3"
    levels: Path | None = None


class MirrorSettings(_Section):
    """An actor of this node that may read every entry: a validator of another organisation, or an auditor."""

    actor: ActorName


class BitcoinSettings(_Section):
    """How Bitcoin dates the ledger: by calendars (OpenTimestamps), or by transactions of one's own.

    The addresses hold no credential: the file has `user:password` in it.
    """

    network: BitcoinNetwork
    calendars: tuple[Url, ...] = Field(default=(), max_length=8)
    calendars_needed: int = Field(default=1, ge=1, le=8)
    node_url: Url | None = None
    wallet_url: Url | None = None
    credential_file: Path | None = None
    fee_max_sats: int = Field(default=20_000, ge=1, le=10_000_000)
    confirmations: int = Field(default=6, ge=1, le=2_016)

    @model_validator(mode="after")
    def _check_way(self) -> BitcoinSettings:
        """One of the two ways, whole: what is half said would be passed over in silence."""
        if self.calendars:
            if self.wallet_url is not None:
                raise _wrong("names both `calendars` and `wallet_url`: a network is anchored in one way")
            if not self.calendars_needed <= len(set(self.calendars)) == len(self.calendars):
                raise _wrong("names a calendar twice, or fewer than `calendars_needed`")
        elif self.node_url is None or self.wallet_url is None:
            raise _wrong("names neither `calendars`, nor `node_url` and `wallet_url`")
        return self


class EthereumSettings(_Section):
    """How an Ethereum network dates the ledger: by transactions of an account that does nothing else."""

    network: EthereumNetwork
    node_url: Annotated[SecretStr, AfterValidator(_check_secret_url)]
    """May hold a provider's key."""
    key_file: Path
    fee_gwei_max: int = Field(default=100, ge=1, le=100_000)
    confirmations: int = Field(default=6, ge=1, le=65)


class NetworkSettings(_Section):
    """One node's part in the network."""

    organisation: Attribute
    region: Attribute
    cloud: Attribute
    operator: Attribute
    levels: Path | None = None
    """The policy of levels that the node aims at; without it the shipped default."""
    witness: tuple[PeerSettings, ...] = Field(default=(), max_length=PEERS_MAX)
    log: tuple[LogSettings, ...] = Field(default=(), max_length=1_024)
    partner: tuple[PartnerSettings, ...] = Field(default=(), max_length=1_024)
    mirror: tuple[MirrorSettings, ...] = Field(default=(), max_length=MIRRORS_MAX)
    bitcoin: BitcoinSettings | None = None
    ethereum: EthereumSettings | None = None
    anchor_minutes: float = Field(default=60.0, gt=0, le=7 * 24 * 60)
    """From one anchor of a chain to the next: one dates every entry before it."""
    look_seconds: float = Field(default=30.0, gt=0, le=3_600)
    """Between two looks at an anchor that is under way."""

    @model_validator(mode="after")
    def _check_names(self) -> NetworkSettings:
        """Whoever is named twice would be asked twice, or with the keys of the second entry only."""
        for section, names in (
            ("witness", [str(peer.card) for peer in self.witness]),
            ("log", [log.origin for log in self.log]),
            ("partner", [partner.origin for partner in self.partner]),
        ):
            if len(set(names)) != len(names):
                raise _wrong(f"names the same `{section}` twice")
        return self


def _wrong(says: str) -> PydanticCustomError:
    return PydanticCustomError("settings", "{says}", {"says": says})


def load_network(folder: Path) -> NetworkSettings | None:
    """Read and check the network settings of the node in `folder`; None when it has none.

    Raises:
        SettingsRefused: a value is wrong, or the file cannot be read.
    """
    file = folder / NETWORK_FILE
    if not file.exists():
        return None
    try:
        with file.open("rb") as source:
            data = source.read(NETWORK_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsRefused(f"`{NETWORK_FILE}` cannot be read", hint="check its permissions") from error
    return parse_network_settings(data)


def parse_network_settings(data: bytes) -> NetworkSettings:
    """Read and check the bytes of a `network.toml`; raises `SettingsRefused`, which names the field."""
    if len(data) > NETWORK_BYTES_MAX:
        raise SettingsRefused(f"`{NETWORK_FILE}` is larger than `{NETWORK_BYTES_MAX}` bytes")
    try:
        return NetworkSettings.model_validate(tomllib.loads(data.decode()))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise SettingsRefused(
            f"`{NETWORK_FILE}`: {_field(first['loc'])}{_PLAIN.get(first['type'], first['msg'].lower())}",
            hint="docs/operating/network.md lists what may stand there",
        ) from None  # The cause quotes the value, and one of them may be a password.
    except (ValueError, RecursionError) as error:  # includes tomllib.TOMLDecodeError
        raise SettingsRefused(
            f"`{NETWORK_FILE}` is not TOML", hint="a text stands in quotes", detail=type(error).__name__
        ) from None


_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "is not known: look for a misspelled name",
    "string_type": "is not text in quotes",
    "tuple_type": "is not a list",
    "model_type": "is not a section of its own",
}
"""What people read in place of the library's words."""


def _field(place: tuple[int | str, ...]) -> str:
    """The name of a field with its section, such as "`witness` 2 `card` "; the first is 1."""
    return "".join(f"{part + 1} " if isinstance(part, int) else f"`{part}` " for part in place)
