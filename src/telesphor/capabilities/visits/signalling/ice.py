"""Where a browser asks how it can be reached from outside: STUN and TURN servers, as the node's settings name them.

None are needed on one network, and none are set by default. A TURN server relays sealed frames; it is used under a
name that ends by itself, made from a secret shared with the server and never sent to a browser (coturn, option
`use-auth-secret`; draft-uberti-behave-turn-rest).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

TURN_SECONDS: Final = 12 * 3_600
"""A name for the relay lives as long as a session at most: a call in it is never cut."""


@dataclass(frozen=True)
class IceServers:
    """The servers of one node.

    Attributes:
        urls: such as `stun:stun.example:3478` or `turns:turn.example:443?transport=tcp`.
        secret: what the node shares with its TURN servers; nothing where it has none.
    """

    urls: tuple[str, ...] = ()
    secret: bytes = b""

    def __repr__(self) -> str:
        return f"IceServers(urls={self.urls!r})"

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
