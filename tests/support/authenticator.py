"""A security key in software: real CBOR, real signatures, one credential. W3C Web Authentication, sections 6 and 7.

It does what it is told, so that a test can have it lie: about its counter, the site, the touch.
"""

from __future__ import annotations

import json
import struct
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa

from telesphor.kernel import base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256, ML_DSA_65 = -7, -49


class Authenticator:
    """One credential for one domain.

    Args:
        post_quantum: sign with ML-DSA-65 in place of ES256.
        counts: whether its signature counter rises; a synchronised passkey's stays at 0.
    """

    def __init__(
        self,
        name: str = "key",
        *,
        rp: str = "node.example",
        origin: str = "https://node.example",
        post_quantum: bool = False,
        counts: bool = True,
    ) -> None:
        self.rp, self.origin = rp, origin
        self.credential = sha256(name.encode()).digest()
        self.key: Any = (
            mldsa.MLDSA65PrivateKey.generate() if post_quantum else ec.generate_private_key(ec.SECP256R1())
        )
        self.post_quantum = post_quantum
        self.counts = counts
        self.count = 0
        self.flags = PRESENT | VERIFIED
        self.client: dict[str, Any] = {}
        """Members of the client data that are to be other than they should."""

    @property
    def public_key(self) -> bytes:
        """COSE_Key (RFC 9052; RFC 9964 for ML-DSA)."""
        if self.post_quantum:
            return cbor2.dumps({1: 7, 3: ML_DSA_65, -1: self.key.public_key().public_bytes_raw()})
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: ES256, -1: 1, -2: x, -3: y})

    def register(self, challenge: str, *, fmt: str = "none", extra: bytes = b"") -> dict[str, Any]:
        """The body of `passkey.register/1` for this challenge."""
        attested = bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + self.public_key
        data = self._data(ATTESTED) + attested + extra
        statement = cbor2.dumps({"fmt": fmt, "attStmt": {}, "authData": data})
        return {
            "client_data": base64url.encode(self._client_data("webauthn.create", challenge)),
            "attestation": base64url.encode(statement),
            "transports": ["usb"],
        }

    def sign_in(self, challenge: str, *, signer: Authenticator | None = None) -> dict[str, Any]:
        """The body of `passkey.sign-in/1` for this challenge; `signer` is who signs in the place of this."""
        self.count += self.counts
        client_data = self._client_data("webauthn.get", challenge)
        data = self._data(0)
        signature = (signer or self)._sign(data + sha256(client_data).digest())
        return {
            "credential": base64url.encode(self.credential),
            "public_key": base64url.encode(self.public_key),
            "client_data": base64url.encode(client_data),
            "authenticator_data": base64url.encode(data),
            "signature": base64url.encode(signature),
        }

    def _data(self, flags: int) -> bytes:
        return sha256(self.rp.encode()).digest() + struct.pack(">BI", self.flags | flags, self.count)

    def _client_data(self, type: str, challenge: str) -> bytes:
        said = {"type": type, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | self.client).encode()

    def _sign(self, data: bytes) -> bytes:
        if self.post_quantum:
            signature: bytes = self.key.sign(data)
        else:
            signature = self.key.sign(data, ec.ECDSA(hashes.SHA256()))
        return signature
