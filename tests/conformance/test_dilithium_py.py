"""ML-DSA against dilithium-py, an implementation in plain Python by other authors, both directions.

What our keys sign it verifies, what it signs we verify, and both make the same keys of a seed.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87

from telesphor.kernel import base64url, canonical
from telesphor.kernel.checkpoint import (
    Checkpoint,
    CosignatureVerifier,
    LogSigner,
    cosigned_message,
    cosigned_time,
)
from telesphor.kernel.note import NoteSignatureRefused, parse_note, parse_vkey
from telesphor.kernel.signing import HybridSuite, SignatureRefused, SigningKey, sign_jws, verify_jws

PEERS = {HybridSuite.ACTOR: ML_DSA_65, HybridSuite.ROOT: ML_DSA_87}
SUITES = pytest.mark.parametrize("suite", PEERS, ids=lambda suite: suite.name.lower())
SEED = sha256(b"dilithium-py").digest()


def payload_of(key: SigningKey) -> dict[str, object]:
    return {"v": 1, "keys": list(key.public.thumbprints())}


@SUITES
def test_peer_makes_the_same_key_and_verifies_our_documents(suite: HybridSuite) -> None:
    key, peer = SigningKey(suite, bytes(32), SEED), PEERS[suite]
    public, _ = peer.key_derive(SEED)
    assert public == key.public.mldsa_pub
    jws = json.loads(sign_jws(payload_of(key), key))
    part = jws["signatures"][1]
    signed, signature = _signed(part, jws), base64url.decode(part["signature"])
    assert peer.verify(public, signed, signature)
    assert not peer.verify(public, signed + b"x", signature)


@SUITES
def test_we_verify_documents_that_the_peer_signs(suite: HybridSuite) -> None:
    key, peer = SigningKey(suite, bytes(32), SEED), PEERS[suite]
    _, secret = peer.key_derive(SEED)
    jws = json.loads(sign_jws(payload_of(key), key))
    part = jws["signatures"][1]
    part["signature"] = base64url.encode(peer.sign(secret, _signed(part, jws)))
    assert verify_jws(canonical.encode(jws), key.public) == payload_of(key)
    # A signature with a context is one of another protocol (RFC 9964: the context is empty).
    part["signature"] = base64url.encode(peer.sign(secret, _signed(part, jws), ctx=b"other"))
    with pytest.raises(SignatureRefused):
        verify_jws(canonical.encode(jws), key.public)


def test_peer_verifies_our_cosignature_and_we_verify_its() -> None:
    log = LogSigner("log.example", bytes(32), SEED)
    checkpoint = Checkpoint("log.example", 3, bytes(32))
    vkey = parse_vkey(log.vkeys()[1])
    line = parse_note(log.sign(checkpoint, time_seconds=5)).signatures[1].signature
    message = cosigned_message(checkpoint, cosigner="log.example", time_seconds=cosigned_time(line))
    public, secret = ML_DSA_44.key_derive(SEED)
    assert public == vkey.public_key
    assert ML_DSA_44.verify(public, message, line[8:])
    verifier = CosignatureVerifier(vkey)
    verifier.verify(checkpoint.body(), line[:8] + ML_DSA_44.sign(secret, message))
    with pytest.raises(NoteSignatureRefused):
        verifier.verify(checkpoint.body(), line[:8] + ML_DSA_44.sign(secret, message + b"x"))


def _signed(part: dict[str, Any], jws: dict[str, Any]) -> bytes:
    return f"{part['protected']}.{jws['payload']}".encode()
