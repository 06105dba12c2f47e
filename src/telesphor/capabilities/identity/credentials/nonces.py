"""Nonces for wallets' proofs, kept nowhere: each is a time under the node's own MAC.

Anyone may ask for one, so they must not fill a memory. A nonce is good for some minutes and for any wallet; that a
credential is handed out once is the desk's business, not the nonce's. A restart ends all of them.

Start at `Nonces`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from telesphor.capabilities.identity.credentials.standing import ProofRefused
from telesphor.kernel import base64url
from telesphor.kernel.errors import TelesphorError

KEY_BYTES = 32
TIME_BYTES = 8
MAC_BYTES = 16
"""Nobody guesses a MAC of 128 bits."""

LIFETIME_MS = 5 * 60 * 1000
"""A wallet signs and sends at once."""


class Nonces:
    """Makes and checks the nonces of one process."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._key = random(KEY_BYTES)

    def new(self, now_ms: int) -> str:
        """A nonce that is good from now on."""
        moment = now_ms.to_bytes(TIME_BYTES, "big")
        return base64url.encode(moment + self._mac(moment))

    def check(self, nonce: str, now_ms: int) -> None:
        """Let only a nonce of this process pass that is not too old; raises `ProofRefused`."""
        try:
            data = base64url.decode(nonce)
        except TelesphorError:
            data = b""
        moment = data[:TIME_BYTES]
        if not hmac.compare_digest(data[TIME_BYTES:], self._mac(moment)):
            raise ProofRefused("the nonce is not one of this node's", hint="ask for a fresh `c_nonce`")
        if not 0 <= now_ms - int.from_bytes(moment, "big") < LIFETIME_MS:
            raise ProofRefused("the nonce is too old", hint="ask for a fresh `c_nonce`")

    def _mac(self, moment: bytes) -> bytes:
        return hmac.digest(self._key, moment, "sha256")[:MAC_BYTES]
