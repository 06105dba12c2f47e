"""Where a browser asks how it can be reached from outside: STUN and TURN servers, as the node's settings name them.

None are needed on one network, and none are set by default. A TURN server relays sealed frames; it is used under a
name that ends by itself, made from a secret shared with the server and never sent to a browser (coturn, option
`use-auth-secret`; draft-uberti-behave-turn-rest). Only those who have a place in a room are told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from telesphor.kernel.errors import Kind, TelesphorError

TURN_SECONDS: Final = 12 * 3_600
"""A name for the relay lives as long as a session at most: a call in it is never cut."""

SECRET_BYTES_MIN: Final = 16
"""Everybody in a room holds a credential made with the secret, and could guess at a shorter one at leisure."""

SECRET_BYTES_MAX: Final = 256
"""A line of coturn's settings; whatever is longer is some other file."""

_SECRET: Final = re.compile(rb"[!-~]+")


class IceSecretRefused(TelesphorError):
    """What the node should share with its TURN servers cannot be read, or is no good secret."""

    code = "ice-secret-refused"
    kind = Kind.INVALID


def read_secret(path: Path) -> bytes:
    """The secret in a file, without white space around it; raises `IceSecretRefused`."""
    try:
        with path.open("rb") as file:
            # White space around it is no part of it, and an editor adds no more than a line's end.
            held = file.read(SECRET_BYTES_MAX + 2 + 1)
    except OSError as error:
        hint = "check `ice_secret_file`, and the file's permissions"
        raise IceSecretRefused(f"`{path}` cannot be read", hint=hint) from error
    return check_secret(held.strip(), place=str(path))


def check_secret(secret: bytes, *, place: str) -> bytes:
    """Returns what may be a secret; raises `IceSecretRefused`, which tells nothing of it."""
    hint = "make one with `openssl rand -hex 32`, the same for `static-auth-secret` of the TURN server"
    if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
        bounds = f"{SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} characters"
        raise IceSecretRefused(f"`{place}` does not hold a secret of {bounds}", hint=hint)
    if not _SECRET.fullmatch(secret):
        raise IceSecretRefused(f"`{place}` does not hold one line of plain letters and signs", hint=hint)
    return secret


@dataclass(frozen=True)
class IceServers:
    """The servers of one node.

    Attributes:
        urls: such as `stun:stun.example:3478` or `turns:turn.example:443?transport=tcp`.
        secret: what the node shares with its TURN servers; nothing where it has none.
        relay_only: whether calls go through them alone, so that nobody learns another's network address.
    """

    urls: tuple[str, ...] = ()
    secret: bytes = field(default=b"", repr=False)
    relay_only: bool = False

    def told_to(self, actor: str, *, now_s: int) -> list[dict[str, Any]]:
        """The list that `RTCPeerConnection` takes, with a name of the actor's own for the relays."""
        stun = [url for url in self.urls if url.startswith("stun")]
        turn = [url for url in self.urls if url.startswith("turn")]
        told: list[dict[str, Any]] = [{"urls": stun}] if stun else []
        if turn and self.secret:
            name = f"{now_s + TURN_SECONDS}:{_pseudonym(actor, secret=self.secret)}"
            told.append({"urls": turn, "username": name, "credential": _credential(name, secret=self.secret)})
        return told


def _pseudonym(actor: str, *, secret: bytes) -> str:
    # The relay's operator learns that somebody called twice, and not who it is.
    return hmac.new(secret, b"telesphor ice " + actor.encode(), hashlib.sha256).hexdigest()[:16]


def _credential(name: str, *, secret: bytes) -> str:
    # The servers know HMAC-SHA1 only; it guards the use of the relay, not what is said over it.
    return base64.b64encode(hmac.new(secret, name.encode(), hashlib.sha1).digest()).decode()
