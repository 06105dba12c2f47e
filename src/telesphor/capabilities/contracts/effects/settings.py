"""The settings of contracts: `contracts.toml` in a node's folder. Without it, contracts send nothing.

The file names the connectors that manifests may name, where each sends to, and which secrets each may have; a secret
is the name of a file. Paths are relative to the folder. Everything is validated at start, before anything is
opened; a wrong value names its field.

Start at `load_connectors`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_settings import SettingsConfigDict

from telesphor.capabilities.contracts.effects.connectors import (
    SEND_SECONDS,
    Connector,
    FolderConnector,
    Secrets,
    WebhookConnector,
)
from telesphor.runtime.serving import is_loopback
from telesphor.runtime.settings import FileSettings, SettingsRefused, read_settings, wrong

CONTRACTS_FILE = "contracts.toml"

CONNECTORS_MAX = 32
"""Each may hold a thread for as long as its receiver lets it wait."""

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
_Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=64)]
_Value = Annotated[str, StringConstraints(pattern=r"^[ -~]*$", max_length=1_000)]

_RESERVED = frozenset({"content-type", "content-length", "host", "idempotency-key", "transfer-encoding"})
_URL = re.compile(r"https?://[!-.0->A-~][!-?A-~]*", re.ASCII)


class FolderSettings(BaseModel):
    """A folder that some other program empties."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["folder"]
    path: Path
    secrets: tuple[_Name, ...] = Field(default=(), max_length=16)


class WebhookSettings(BaseModel):
    """An address that is told of each message; `secret_headers` names secrets, never their values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["webhook"]
    url: Annotated[str, StringConstraints(max_length=2_000)]
    headers: dict[_Header, _Value] = Field(default_factory=dict, max_length=16)
    secret_headers: dict[_Header, _Name] = Field(default_factory=dict, max_length=16)
    secrets: tuple[_Name, ...] = Field(default=(), max_length=16)
    timeout_seconds: float = Field(default=SEND_SECONDS, ge=0.1, le=60)

    @model_validator(mode="after")
    def _check_address(self) -> WebhookSettings:
        """An address in the clear is for this machine alone, and no address holds a credential."""
        parts = urlsplit(self.url) if _URL.fullmatch(self.url) else None
        if parts is None or not parts.hostname:
            raise wrong("a webhook's `url` is no address with `https://`, or holds a credential")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise wrong("a webhook's `url` is in the clear, and leads to another machine")
        if taken := {name.lower() for name in (*self.headers, *self.secret_headers)} & _RESERVED:
            raise wrong(f"the header `{sorted(taken)[0]}` is the node's to say")
        return self


class ContractSettings(FileSettings):
    """What `contracts.toml` says."""

    model_config = SettingsConfigDict(env_prefix="TELESPHOR_CONTRACTS_", extra="forbid", frozen=True)

    connectors: dict[_Name, Annotated[FolderSettings | WebhookSettings, Field(discriminator="kind")]] = Field(
        default_factory=dict, max_length=CONNECTORS_MAX
    )
    secrets: dict[_Name, Path] = Field(default_factory=dict, max_length=64)

    @model_validator(mode="after")
    def _check_secrets(self) -> ContractSettings:
        for name, connector in self.connectors.items():
            headers = connector.secret_headers.values() if isinstance(connector, WebhookSettings) else ()
            for secret in (*connector.secrets, *headers):
                if secret not in self.secrets:
                    raise wrong(f"the connector `{name}` names the secret `{secret}`, which is not listed")
        return self


def load_connectors(folder: Path) -> dict[str, Connector]:
    """The connectors of the node in `folder`, by name.

    Raises:
        SettingsRefused: a value is wrong, or a secret's file is not there.
    """
    file = folder / CONTRACTS_FILE
    if not file.exists():
        return {}
    settings = read_settings(ContractSettings, file)
    for name, path in settings.secrets.items():
        if not (folder / path).is_file():
            raise SettingsRefused(f"`{CONTRACTS_FILE}`: the file of the secret `{name}` is not there")
    return {name: _open(one, folder, settings) for name, one in settings.connectors.items()}


def _open(one: FolderSettings | WebhookSettings, folder: Path, settings: ContractSettings) -> Connector:
    secrets = Secrets({name: folder / settings.secrets[name] for name in one.secrets})
    if isinstance(one, FolderSettings):
        return FolderConnector(folder / one.path, secrets)
    # Apart from those for messages: no contract gets a secret into its message that is only for a header.
    headers = Secrets({name: folder / settings.secrets[name] for name in one.secret_headers.values()})
    return WebhookConnector(
        one.url,
        secrets,
        headers=one.headers,
        secret_headers={name: (headers, secret) for name, secret in one.secret_headers.items()},
        seconds=one.timeout_seconds,
    )
