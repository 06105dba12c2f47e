"""ML-DSA-44, -65 and -87 against all known-answer vectors of `cryptography_vectors` (FIPS 204, pure).

Key generation goes through our own key objects (`SigningKey` for 65 and 87, `LogSigner` for 44).
Our documents are signed with an empty context, as RFC 9964 demands, while these vectors have one, so
their signatures are verified by the library that our code stands on. The library signs with fresh
randomness only: the deterministic signatures are verified, not made again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
    MLDSA65PrivateKey,
    MLDSA65PublicKey,
    MLDSA87PrivateKey,
    MLDSA87PublicKey,
)

from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.note import parse_vkey
from telesphor.kernel.signing import HybridSuite, SigningKey

FOLDER = Path(cryptography_vectors.__file__).parent / "asymmetric" / "MLDSA"
COUNT = 100
CLASSES: dict[int, tuple[Any, Any, int]] = {
    44: (MLDSA44PrivateKey, MLDSA44PublicKey, 2420),
    65: (MLDSA65PrivateKey, MLDSA65PublicKey, 3309),
    87: (MLDSA87PrivateKey, MLDSA87PublicKey, 4627),
}


def vectors_of(path: Path) -> list[dict[str, bytes]]:
    """The records of an `.rsp` file: `name = hex` lines, one record for each `count`."""
    records: list[dict[str, bytes]] = []
    for line in path.read_text("ascii").splitlines():
        name, found, value = line.partition(" = ")
        if name == "count":
            records.append({})
        elif found and name not in ("mlen", "smlen"):
            records[-1][name] = bytes.fromhex(value)
    return records


def our_public_key(level: int, seed: bytes) -> bytes:
    """The ML-DSA public key that our own key objects make of a seed."""
    if level == 44:
        signer = LogSigner("vectors.example", bytes(32), seed)
        return parse_vkey(signer.vkeys()[1]).public_key
    suite = HybridSuite.ACTOR if level == 65 else HybridSuite.ROOT
    return SigningKey(suite, bytes(32), seed).public.mldsa_pub


@pytest.mark.parametrize("level", CLASSES)
def test_every_vector_of_the_level(level: int) -> None:
    vectors = vectors_of(FOLDER / f"kat_MLDSA_{level}_det_pure.rsp")
    assert len(vectors) == COUNT
    private_class, public_class, size = CLASSES[level]
    for vector in vectors:
        assert our_public_key(level, vector["xi"]) == vector["pk"]
        public = public_class.from_public_bytes(vector["pk"])
        signature, message = vector["sm"][:size], vector["sm"][size:]
        assert message == vector["msg"]
        public.verify(signature, message, vector["ctx"])
        with pytest.raises(InvalidSignature):
            public.verify(signature, message + b"\x00", vector["ctx"])
        with pytest.raises(InvalidSignature):
            public.verify(signature, message, vector["ctx"] + b"\x00")
        # A new signature of the same key and context verifies too, and is hedged.
        again = private_class.from_seed_bytes(vector["xi"]).sign(message, vector["ctx"])
        public.verify(again, message, vector["ctx"])
        assert again != signature
