"""Chunked encryption against the vectors of `cryptography_vectors` (C2SP): all AES ones, good and bad.

Each vector runs through the stream and through random access. They are of the scheme with SHA-256;
what Telesphor writes is its instantiation Cobblestone-256, with SHA-512, and there the library's own
implementation must agree with ours in both directions.
"""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.hashes import SHA256

from telesphor.kernel.chunked import (
    CHUNK,
    ChunkedRefused,
    ChunkReader,
    MessageKeys,
    Suite,
    decrypt_stream,
    encrypt_stream,
)

FILE = Path(cryptography_vectors.__file__).parent / "chunked-encryption" / "vectors.json"
VECTORS = [
    vector
    for vector in json.loads(FILE.read_text("utf-8"))["vectors"]
    if vector["aead"].startswith("AEAD_AES_")
]
GOOD = [vector for vector in VECTORS if vector["expect"] == "success"]
BAD = [vector for vector in VECTORS if vector["expect"] == "failure"]


def name_of(vector: dict[str, Any]) -> str:
    name: str = vector["name"]
    return name


def ciphertext_of(vector: dict[str, Any]) -> bytes:
    data = base64.b64decode(vector["ciphertext"] or "")
    return zlib.decompress(data) if vector.get("compressed") else data


def suite_of(vector: dict[str, Any]) -> Suite:
    return Suite(vector["aead"], SHA256())


def by_stream(vector: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    key, context = bytes.fromhex(vector["key"]), vector["context"].encode()
    decrypt_stream(io.BytesIO(ciphertext_of(vector)), out, key=key, context=context, suite=suite_of(vector))
    return out.getvalue()


def by_random_access(vector: dict[str, Any]) -> bytes:
    data = ciphertext_of(vector)
    reader = ChunkReader(
        lambda offset, length: data[offset : offset + length],
        len(data),
        bytes.fromhex(vector["key"]),
        vector["context"].encode(),
        suite=suite_of(vector),
    )
    return b"".join(reader.read(offset, 50_000) for offset in range(0, reader.size, 50_000))


WAYS = pytest.mark.parametrize("read", [by_stream, by_random_access], ids=["stream", "random-access"])


def test_there_are_good_and_bad_vectors_of_both_ciphers() -> None:
    assert (len(GOOD), len(BAD)) == (18, 50)


@WAYS
@pytest.mark.parametrize("vector", GOOD, ids=name_of)
def test_good_vector_opens(vector: dict[str, Any], read: Callable[[dict[str, Any]], bytes]) -> None:
    plaintext = read(vector)
    assert len(plaintext) == vector["payload_length"]
    assert sha256(plaintext).hexdigest() == vector["payload_sha256"]


@pytest.mark.parametrize("vector", GOOD, ids=name_of)
def test_good_vector_is_made_again_from_its_salt(vector: dict[str, Any]) -> None:
    data = ciphertext_of(vector)
    key, context = bytes.fromhex(vector["key"]), vector["context"].encode()
    keys = MessageKeys.derive(key, data[:24], context, suite=suite_of(vector))
    assert (keys.aead_key.hex(), keys.base_nonce.hex()) == (vector["aead_key"], vector["base_nonce"])
    assert keys.header() + keys.seal_chunks(by_stream(vector), first_chunk=0, final=True) == data


@WAYS
@pytest.mark.parametrize("vector", BAD, ids=name_of)
def test_bad_vector_is_refused(vector: dict[str, Any], read: Callable[[dict[str, Any]], bytes]) -> None:
    with pytest.raises(ChunkedRefused):
        read(vector)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 300_000])
def test_library_reads_what_we_write_and_we_read_what_it_writes(size: int) -> None:
    key, context, plaintext = bytes(range(32)), b"object 1", bytes(size)
    ours = io.BytesIO()
    encrypt_stream(io.BytesIO(plaintext), ours, key=key, context=context)
    decryptor = Cobblestone256Decryptor(key, context)
    assert decryptor.update(ours.getvalue()) + decryptor.finalize() == plaintext

    encryptor = Cobblestone256Encryptor(key, context)
    theirs = encryptor.update(plaintext) + encryptor.finalize()
    opened = io.BytesIO()
    decrypt_stream(io.BytesIO(theirs), opened, key=key, context=context)
    assert opened.getvalue() == plaintext
