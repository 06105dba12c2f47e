"""The settings of a node: `telesphor.toml` in its folder, overridden by `TELESPHOR_*` variables.

Everything is validated at start, before anything is opened; a wrong value names its field. The one
place that reads the environment.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from telesphor.kernel.errors import Kind, TelesphorError

SETTINGS_FILE = "telesphor.toml"

SETTINGS_BYTES_MAX = 64 * 1024
"""A dozen lines; whatever is larger is some other file."""

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")

Site = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?)?$", max_length=200)
]

DisplayName = Annotated[str, StringConstraints(pattern=r"^([^\s\p{C}]+( [^\s\p{C}]+)*)?$", max_length=80)]
"""One line, as it stands in a heading of a phone, with nothing in it that does not show or turns text around."""

Origin = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*(/[a-z0-9._-]+)*$", max_length=200)]
"""A schema-less URL (C2SP tlog-checkpoint): lower case, no spaces, no plus."""


def _as_list(value: object) -> object:
    """A variable of the environment is text: one path, or a list as JSON has it."""
    if not isinstance(value, str):
        return value
    if not value:
        return ()
    return json.loads(value) if value.startswith("[") else (value,)


Places = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_as_list), Field(max_length=256)]
"""Files or folders; a single one may stand without brackets."""

IceUrl = Annotated[
    str,
    StringConstraints(pattern=r"^(stun|turn)s?:[A-Za-z0-9.:\[\]-]+(\?transport=(udp|tcp))?$", max_length=200),
]
IceUrls = Annotated[tuple[IceUrl, ...], NoDecode, BeforeValidator(_as_list), Field(max_length=8)]
"""As RFC 7064 and RFC 7065 write them; more than a few only slow a call's beginning."""


class SettingsRefused(TelesphorError):
    """A setting is missing or wrong."""

    code = "settings-refused"
    kind = Kind.INVALID


class FileSettings(BaseSettings):
    """Settings of a TOML file, overridden by variables; `read_settings` reads them."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose values `read_settings` hands in."""
        return (env_settings, init_settings)


class Settings(FileSettings):
    """One node's settings."""

    model_config = SettingsConfigDict(env_prefix="TELESPHOR_", extra="forbid", frozen=True)

    origin: Origin
    site: Site = ""
    """Where browsers, wallets and other organisations reach the node by HTTPS, such as `node.example`, with its
    port where that is not 443. It is in identifiers and in what passkeys are made for, so it stays. When nothing
    is set, it is the origin's first part."""
    display_name: DisplayName = ""
    """What the clinic is called, for people who come by a link; when nothing is set, they read the site."""
    host: str = "127.0.0.1"
    port: int = Field(default=8420, ge=0, le=65_535)
    plain: bool = True
    """Whether `host` and `port` are listened on, where HTTP is spoken in the clear."""
    tls_identity: Path | None = None
    """PEM: this node's ML-DSA certificate and its key, for links to other nodes (`telesphor tls node`)."""
    tls_trust: Places = ()
    """Roots of the organisations whose nodes are trusted: files, or folders of `*.pem`."""
    tls_host: str = "127.0.0.1"
    tls_port: int = Field(default=8422, ge=0, le=65_535)
    """Where other nodes connect."""
    tls_browser_certificate: Path | None = None
    """PEM: the certificate for browsers, and its key where `tls_browser_key` names no other file."""
    tls_browser_key: Path | None = None
    tls_browser_host: str = "127.0.0.1"
    tls_browser_port: int = Field(default=8443, ge=0, le=65_535)
    tls_browser_classical: bool = True
    """Whether browsers without X25519MLKEM768 are served too, by X25519 alone."""
    vault_url: str = ""
    """Where sealed objects are kept; empty means the folder `vault` of the node."""
    public_url: str = ""
    """Where tiles and checkpoints are published; empty means the folder `public` of the node."""
    checkpoint_interval_ms: int = Field(default=500, ge=10, le=60_000)
    queued_requests_max: int = Field(default=8_192, ge=1, le=65_536)
    verify_processes: int | None = Field(default=None, ge=0, le=64)
    """Child processes that verify signatures, 60 MB each. 0 verifies in threads of the node's own process;
    when nothing is set, `telesphor serve` takes one per core, at most four."""
    ice_urls: IceUrls = ()
    """STUN and TURN servers for calls between networks, such as `turn:turn.example:3478`; none are needed on one."""
    ice_secret_file: Path | None = None
    """A file with what the node shares with its TURN servers (`static-auth-secret` of coturn)."""
    ice_secret: SecretStr | None = None
    """The same in the environment, where secrets come that way."""
    ice_relay_only: bool = False
    """Whether calls go through TURN servers alone, so that nobody in a room learns another's network address."""
    session_idle_seconds: int = Field(default=900, ge=60, le=43_200)
    """How long a browser's session lives while nobody is there; it ends after twelve hours in any case."""
    writer_route: bool = False
    """Whether `POST /add` takes unsigned leaves: for load tools only, never beside patients."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    passphrase: SecretStr | None = None
    passphrase_file: Path | None = None

    @model_validator(mode="after")
    def _check_listeners(self) -> Settings:
        """What is half said would be passed over in silence."""
        check_link(self.tls_identity, self.tls_trust)
        self._check_needed("tls_identity", "tls_host", "tls_port")
        browsers = ("tls_browser_key", "tls_browser_host", "tls_browser_port", "tls_browser_classical")
        self._check_needed("tls_browser_certificate", *browsers)
        self._check_relays()
        places = [
            (host, port)
            for used, host, port in (
                (self.plain, self.host, self.port),
                (self.tls_identity, self.tls_host, self.tls_port),
                (self.tls_browser_certificate, self.tls_browser_host, self.tls_browser_port),
            )
            if used
        ]
        if not places:
            raise wrong("`plain` is false and no other listener is set: nobody could reach the node")
        fixed = [place for place in places if place[1]]
        if len(set(fixed)) != len(fixed):
            raise wrong("two listeners are set to one address: each needs a port of its own")
        return self

    def _check_relays(self) -> None:
        has_relay = any(url.startswith("turn") for url in self.ice_urls)
        if self.ice_secret is not None and self.ice_secret_file is not None:
            raise wrong(
                "both `ice_secret` and `ice_secret_file` are set: which one do the TURN servers have?"
            )
        has_secret = self.ice_secret is not None or self.ice_secret_file is not None
        if has_relay and not has_secret:
            raise wrong(
                "`ice_urls` has a TURN server, but `ice_secret_file` is not set: it would refuse every call"
            )
        if has_secret and not has_relay:
            raise wrong("a secret for TURN servers is set, but `ice_urls` has none")
        if self.ice_relay_only and not has_relay:
            raise wrong(
                "`ice_relay_only` is set, but `ice_urls` has no TURN server: no call would come about"
            )

    def _check_needed(self, needed: str, *names: str) -> None:
        lonely = [name for name in names if name in self.model_fields_set]
        if lonely and getattr(self, needed) is None:
            raise wrong(f"`{lonely[0]}` is set, but `{needed}` is not")


def check_link(identity: Path | None, trust: tuple[Path, ...]) -> None:
    """Refuse half of what a link between nodes needs; for the validators of settings."""
    if identity is not None and not trust:
        raise wrong("`tls_identity` is set, but `tls_trust` is not: whose nodes are trusted?")
    if trust and identity is None:
        raise wrong("`tls_trust` is set, but `tls_identity` is not: links between nodes are mutual")


def wrong(says: str) -> PydanticCustomError:
    """Settings that do not go together, in plain words."""
    return PydanticCustomError("settings", "{says}", {"says": says})


_Kind = TypeVar("_Kind", bound=FileSettings)


def load_settings(folder: Path) -> Settings:
    """Read and check the settings of the node in `folder`.

    Raises:
        SettingsRefused: there is no node there, or a value is wrong.
    """
    file = folder / SETTINGS_FILE
    if not file.is_file():
        raise SettingsRefused(f"`{folder}` holds no node", hint=f"make one with `telesphor init {folder}`")
    return read_settings(Settings, file)


def read_settings(kind: type[_Kind], file: Path) -> _Kind:
    """Read and check the settings in a TOML file; raises `SettingsRefused`."""
    try:
        return kind(**_read_toml(file))
    except ValidationError as error:
        raise SettingsRefused(
            first_fault(error), hint=f"see `{file.name}` and the {kind.model_config['env_prefix']} variables"
        ) from None  # The cause quotes the value, and one of them is a passphrase.
    except (ValueError, TypeError, RecursionError) as error:  # includes tomllib.TOMLDecodeError
        raise SettingsRefused(f"`{file.name}` is not TOML", detail=str(error)) from error
    except OSError as error:
        raise SettingsRefused(f"`{file.name}` cannot be read", hint="check its permissions") from error


def first_fault(error: ValidationError) -> str:
    """What is wrong, without the value: the setting's name, or what does not go together."""
    first = error.errors(include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "settings":
        return str(first["msg"])
    return f"setting `{field}`: {first['msg'].lower()}"


def _read_toml(file: Path) -> dict[str, Any]:
    with file.open("rb") as source:
        data = source.read(SETTINGS_BYTES_MAX + 1)
    if len(data) > SETTINGS_BYTES_MAX:
        raise SettingsRefused(f"`{file.name}` is larger than `{SETTINGS_BYTES_MAX}` bytes")
    values = tomllib.loads(data.decode())
    if any(name.startswith("_") for name in values):  # those would be options of the library that checks them
        raise SettingsRefused(f"`{file.name}` has a setting that begins with `_`")
    return values


def has_screen() -> bool:
    """Whether a window that is opened here is seen: on Linux, whether an X or Wayland session is named."""
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in SCREENS)


def format_settings(values: dict[str, Any]) -> str:
    """Write `values` as the lines of a settings file."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in values.items())


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # A basic string of TOML is one of JSON, but for the delete character (TOML 1.0, "String").
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
