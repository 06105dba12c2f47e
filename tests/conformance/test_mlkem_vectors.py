"""ML-KEM-768 against all known-answer vectors of `cryptography_vectors` (FIPS 203).

Our code takes ML-KEM only within X-Wing, whose vectors are in `test_hpke_vectors`; these run through
the library it stands on: key generation from `d || z`, decapsulation, and implicit rejection.
"""

from __future__ import annotations

from pathlib import Path

import cryptography_vectors
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from tests.conformance.test_mldsa_vectors import vectors_of

FILE = Path(cryptography_vectors.__file__).parent / "asymmetric" / "MLKEM" / "kat_MLKEM_768.rsp"
COUNT = 1000


def test_every_vector() -> None:
    vectors = vectors_of(FILE)
    assert len(vectors) == COUNT
    for vector in vectors:
        key = MLKEM768PrivateKey.from_seed_bytes(vector["d"] + vector["z"])
        assert key.public_key().public_bytes_raw() == vector["pk"]
        assert key.decapsulate(vector["ct"]) == vector["ss"]
        # An altered ciphertext gives a secret that nobody else has, not an error.
        assert key.decapsulate(vector["ct_n"]) == vector["ss_n"]


def test_encapsulated_secret_is_decapsulated() -> None:
    for vector in vectors_of(FILE)[:20]:
        secret, ciphertext = MLKEM768PublicKey.from_public_bytes(vector["pk"]).encapsulate()
        key = MLKEM768PrivateKey.from_seed_bytes(vector["d"] + vector["z"])
        assert key.decapsulate(ciphertext) == secret
