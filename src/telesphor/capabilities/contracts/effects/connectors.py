"""Connectors: how a message leaves the node. A folder that others read, or an HTTPS address that is told.

A connector is asked again under the same idempotency key until it returns once, so a receiver may get a message more
than once, always under the same key: it keeps the keys it has seen, or does what it does in a way that repeating
does not change. A folder is such a receiver by itself: the key is the name of the file.

Secrets are put in at the last moment, from files, and only those that the connector's settings allow. Neither they
nor any part of a message stands in an error or a log.

Start at `Connector`; `fill_secrets` makes the bytes that are sent.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import aiohttp

from telesphor.kernel import canonical
from telesphor.kernel.errors import Kind, TelesphorError

SEND_SECONDS: Final = 10.0
"""A receiver that needs longer answers 202 and works afterwards."""

SECRET_BYTES_MAX: Final = 4_096

_KEY: Final = re.compile(r"[0-9a-f-]{36}\.[0-9]{1,2}", re.ASCII)
_REFERENCE: Final = "$secret"


class SendRefused(TelesphorError):
    """The receiver will not take this message, however often it is sent."""

    code = "send-refused"
    kind = Kind.INVALID


class SendFailed(TelesphorError):
    """The message was perhaps not taken; it is sent again."""

    code = "send-failed"
    kind = Kind.OVERLOADED


class SecretMissing(TelesphorError):
    """A secret is not where the settings say, or this connector may not have it."""

    code = "secret-missing"
    kind = Kind.INVALID


class Connector(Protocol):
    """Sends messages. Called from one thread at a time."""

    def send(self, idempotency_key: str, message: object) -> None:
        """Send a message; on return the receiver has it.

        Args:
            idempotency_key: the same whenever the same message is sent.

        Raises:
            SendFailed: try again later.
            SendRefused, SecretMissing: trying again will not help.
        """


class Secrets:
    """Secrets by name, each in a file of its own, read anew whenever it is used.

    Args:
        files: by name, those that this connector may have.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)

    def value(self, name: str) -> str:
        """A secret; raises `SecretMissing`."""
        file = self._files.get(name)
        if file is None:
            raise SecretMissing(f"the connector has no secret `{name}`", hint="its settings list its secrets")
        try:
            with file.open("rb") as source:
                data = source.read(SECRET_BYTES_MAX + 1)
            if len(data) > SECRET_BYTES_MAX:
                raise ValueError("too large")
            return data.decode().strip()
        except (OSError, ValueError):
            raise SecretMissing(f"the file of the secret `{name}` cannot be read") from None


def fill_secrets(message: object, known: Secrets) -> bytes:
    """The message as canonical JSON, with each `{"$secret": name}` replaced; raises `SecretMissing`."""
    return canonical.encode(_fill(message, known))


def _fill(value: object, known: Secrets) -> object:
    if isinstance(value, dict):
        name = value.get(_REFERENCE)
        if isinstance(name, str):
            return known.value(name)
        return {member: _fill(inner, known) for member, inner in value.items()}
    if isinstance(value, list):
        return [_fill(item, known) for item in value]
    return value


class FolderConnector:
    """Writes each message as a file of its own, `<key>.json`, whole or not at all.

    Args:
        folder: of this connector alone; whoever reads it takes files away, and nothing else writes there.
    """

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        self._folder = folder
        self._secrets = secrets

    def send(self, idempotency_key: str, message: object) -> None:
        """Write the message; one that is there already is left as it is."""
        assert _KEY.fullmatch(idempotency_key), "a key is a name that is safe in any folder"
        data = fill_secrets(message, self._secrets)
        place = self._folder / f"{idempotency_key}.json"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not place.exists():
                _write_whole(place, data)
        except OSError as error:
            raise SendFailed("the folder takes no file", detail=type(error).__name__) from None


def _write_whole(place: Path, data: bytes) -> None:
    made = place.with_suffix(".part")
    file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as target:
        target.write(data)
        target.flush()
        os.fsync(target.fileno())
    made.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # Without it the name may be gone after a power cut, and the ledger says `done`.
    finally:
        os.close(folder)


class WebhookConnector:
    """Posts each message to one address, over HTTPS.

    2xx is taken; 408, 425, 429 and 5xx are asked again, and so is silence; anything else is a refusal. Redirects are
    not followed, the environment's proxies are not used, and the answer's body is not read.

    Args:
        url: `https://`, or `http://` on this machine.
        headers: fixed ones.
        secret_headers: names of headers, and where the secret is that is its value.
    """

    def __init__(
        self,
        url: str,
        secrets: Secrets,
        *,
        headers: Mapping[str, str],
        secret_headers: Mapping[str, tuple[Secrets, str]],
        seconds: float = SEND_SECONDS,
    ) -> None:
        self._url = url
        self._secrets = secrets
        self._headers = dict(headers)
        self._secret_headers = dict(secret_headers)
        self._seconds = seconds

    def send(self, idempotency_key: str, message: object) -> None:
        """Post the message."""
        data = fill_secrets(message, self._secrets)
        headers = {
            **self._headers,
            **{name: place.value(secret) for name, (place, secret) in self._secret_headers.items()},
            "content-type": "application/json",
            "idempotency-key": idempotency_key,
        }
        status = asyncio.run(self._post(data, headers))
        if status in (408, 425, 429) or status >= 500:
            raise SendFailed(f"the receiver answered `{status}`")
        if not 200 <= status < 300:
            raise SendRefused(f"the receiver answered `{status}`")

    async def _post(self, data: bytes, headers: dict[str, str]) -> int:
        timeout = aiohttp.ClientTimeout(total=self._seconds)
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
                ) as session,
                session.post(self._url, data=data, headers=headers, allow_redirects=False) as reply,
            ):
                return reply.status
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            # The error's text may quote an address or a header; its type says enough.
            raise SendFailed("the receiver cannot be reached", detail=type(error).__name__) from None
