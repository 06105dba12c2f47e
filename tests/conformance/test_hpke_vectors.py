"""HPKE against the post-quantum vectors of `cryptography_vectors` (draft-ietf-hpke-pq).

The X-Wing vectors (KEM 0x647a) run through our seed expansion: `RecipientKey` must make the same
public key of the seed, and its private key must open the ciphertext. Their KDF and AEAD are not
those of our suite, so the last step is the library's. The other KEMs that it knows run through it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from telesphor.kernel.sealing import RecipientKey

FILE = Path(cryptography_vectors.__file__).parent / "HPKE" / "hpke-pq-test-vectors.json"
VECTORS = json.loads(FILE.read_text("utf-8"))
XWING = 0x647A
KEMS = {0x41: KEM.MLKEM768, 0x42: KEM.MLKEM1024, XWING: KEM.MLKEM768_X25519}
KDFS = {
    1: KDF.HKDF_SHA256,
    2: KDF.HKDF_SHA384,
    3: KDF.HKDF_SHA512,
    0x10: KDF.SHAKE128,
    0x11: KDF.SHAKE256,
}
AEADS = {1: AEAD.AES_128_GCM, 2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}

# The others are of KEMs and KDFs that neither the library nor any format of ours knows.
KNOWN = [vector for vector in VECTORS if vector["kem_id"] in KEMS and vector["kdf_id"] in KDFS]


def name_of(vector: dict[str, Any]) -> str:
    return f"kem-{vector['kem_id']:04x}-kdf-{vector['kdf_id']:04x}-aead-{vector['aead_id']:04x}"


def private_key_of(vector: dict[str, Any]) -> Any:
    secret = bytes.fromhex(vector["skRm"])
    if vector["kem_id"] == XWING:
        return RecipientKey(secret)._key
    if vector["kem_id"] == 0x41:
        return MLKEM768PrivateKey.from_seed_bytes(secret)
    return MLKEM1024PrivateKey.from_seed_bytes(secret)


def open_first(vector: dict[str, Any], key: Any, *, aad: bytes) -> bytes:
    """Open the first ciphertext of a vector; the library's public interface takes no `aad`."""
    suite = Suite(KEMS[vector["kem_id"]], KDFS[vector["kdf_id"]], AEADS[vector["aead_id"]])
    sealed = bytes.fromhex(vector["enc"] + vector["encryptions"][0]["ct"])
    info = bytes.fromhex(vector["info"])
    opened: bytes = openssl.hpke._decrypt_with_aad(suite, sealed, key, info, aad)
    return opened


@pytest.mark.parametrize("vector", KNOWN, ids=name_of)
def test_vector_opens(vector: dict[str, Any]) -> None:
    first, key = vector["encryptions"][0], private_key_of(vector)
    aad = bytes.fromhex(first["aad"])
    assert open_first(vector, key, aad=aad) == bytes.fromhex(first["pt"])
    with pytest.raises(InvalidTag):
        open_first(vector, key, aad=aad + b"\x00")


def test_our_seed_expansion_makes_the_public_keys_of_x_wing() -> None:
    vectors = [vector for vector in KNOWN if vector["kem_id"] == XWING]
    assert (len(vectors), len(KNOWN)) == (2, 4)
    for vector in vectors:
        key = RecipientKey(bytes.fromhex(vector["skRm"]))
        assert key.public.public_bytes == bytes.fromhex(vector["pkRm"])
