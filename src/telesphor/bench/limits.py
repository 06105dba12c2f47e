"""What the machine itself allows, measured in the same run as everything that is compared with it.

Each limit is measured once, when it is first asked for, and remembered. None of them uses a line of
Telesphor: bare system calls, bare libraries. Start at `Limits`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA65PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from telesphor.bench import store
from telesphor.bench.figures import Peer, middle
from telesphor.runtime.database import open_database

ROUNDS = 3
GIGA = 1e9

APPEND_BYTES = 4_096
ROW_BYTES = 350
"""The usual entry."""

BATCH_ROWS = 512
HASHED_BYTES = 1 << 20
CHUNK_BYTES = 16 * 1024
"""The chunk of the vault's ciphertext."""

SIGNED_BYTES = 700
"""The usual request's payload in base64url."""

NOTE_BYTES = 150
"""What is signed of a checkpoint: origin, size and root, with a time."""


class Limits:
    """The machine's limits, each in the unit its name says.

    Args:
        folder: on the disk that is measured.
        seconds: how long each round takes.
    """

    def __init__(self, folder: Path, *, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds

    @cached_property
    def syncs(self) -> Peer:
        """fdatasync per second, after appends of 4 KiB."""
        with TemporaryDirectory(dir=self._folder) as folder:
            file = os.open(Path(folder) / "appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            data = bytes(APPEND_BYTES)

            def append() -> None:
                os.write(file, data)
                os.fdatasync(file)

            try:
                return Peer("bare fdatasync", self._rate(append))
            finally:
                os.close(file)

    @cached_property
    def hashing(self) -> Peer:
        """SHA-256 of 1 MiB pieces, GB/s, one thread."""
        data = bytes(HASHED_BYTES)
        return Peer("bare SHA-256", self._rate(lambda: sha256(data).digest()) * HASHED_BYTES / GIGA)

    @cached_property
    def leaf_hashing(self) -> Peer:
        """SHA-256 of single entries, per second, one thread."""
        data = bytes(ROW_BYTES)
        return Peer("bare SHA-256 of entries", self._rate(lambda: sha256(data).digest(), block=1_000))

    @cached_property
    def sealing(self) -> Peer:
        """AES-256-GCM of 16 KiB chunks, GB/s, one thread."""
        return Peer("bare AES-256-GCM, 1 thread", self._sealing(threads=1))

    @cached_property
    def sealing_by_two(self) -> Peer:
        """The same, two threads together."""
        return Peer("bare AES-256-GCM, 2 threads", self._sealing(threads=2))

    @cached_property
    def inserts(self) -> Peer:
        """Rows per second into SQLite, durable in batches of 512."""
        with TemporaryDirectory(dir=self._folder) as folder:
            db = open_database(Path(folder) / "bare.sqlite")
            store.create_bare_table(db)
            data, numbers = bytes(ROW_BYTES), iter(range(1 << 40))

            def insert() -> None:
                store.insert_bare(db, [(next(numbers), 0, data) for _ in range(BATCH_ROWS)])

            try:
                return Peer("bare SQLite inserts", self._rate(insert) * BATCH_ROWS)
            finally:
                db.close()

    @cached_property
    def verifying(self) -> Peer:
        """Ed25519 and ML-DSA-65 together, verifies per second, one thread."""
        return Peer("bare verifies, 1 thread", self._threaded_rate(_verifier(), threads=1))

    @cached_property
    def verifying_by_two(self) -> Peer:
        """The same, two threads together."""
        return Peer("bare verifies, 2 threads", self._threaded_rate(_verifier(), threads=2))

    @cached_property
    def verifying_notes(self) -> Peer:
        """Ed25519 and ML-DSA-44 together, as in a checkpoint and a cosignature; verifies per second, one thread."""
        return Peer("bare verifies, 1 thread", self._threaded_rate(_note_verifier(), threads=1))

    @cached_property
    def witnessing(self) -> Peer:
        """What a cosignature cannot do without, per second, one after another: both halves of the log's signature
        verified, one fdatasync, and both halves signed."""
        with TemporaryDirectory(dir=self._folder) as folder:
            file = os.open(Path(folder) / "appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            verify, keys, data = _note_verifier()(), _note_keys(), bytes(NOTE_BYTES)

            def witness() -> None:
                verify()
                os.write(file, bytes(APPEND_BYTES))
                os.fdatasync(file)
                for key in keys:
                    key.sign(data)

            try:
                return Peer("bare verify, fdatasync, sign, 1 core", self._rate(witness))
            finally:
                os.close(file)

    def _sealing(self, *, threads: int) -> float:
        return self._threaded_rate(_sealer, threads=threads, block=64) * CHUNK_BYTES / GIGA

    def _rate(self, work: Callable[[], object], *, block: int = 1) -> float:
        """Calls per second: the middle of some rounds."""
        work()
        return middle(count_calls(work, self._seconds, block) for _ in range(ROUNDS))

    def _threaded_rate(
        self, make: Callable[[], Callable[[], object]], *, threads: int, block: int = 1
    ) -> float:
        with ThreadPoolExecutor(threads) as pool:

            def one_round() -> float:
                works = [make() for _ in range(threads)]
                return sum(pool.map(lambda work: count_calls(work, self._seconds, block), works))

            return middle(one_round() for _ in range(ROUNDS))


def count_calls(work: Callable[[], object], seconds: float, block: int = 1) -> float:
    """Calls of `work` per second, looking at the clock after every `block`."""
    started = time.perf_counter()
    count = 0
    while (elapsed := time.perf_counter() - started) < seconds or count == 0:
        for _ in range(block):
            work()
        count += block
    return count / elapsed


def _sealer() -> Callable[[], object]:
    cipher = AESGCM(bytes(32))
    nonce, plain = bytes(12), bytes(CHUNK_BYTES)
    sealed = memoryview(bytearray(CHUNK_BYTES + 16))
    return lambda: cipher.encrypt_into(nonce, plain, None, sealed)


def _verifier() -> Callable[[], Callable[[], object]]:
    return _verifier_of([Ed25519PrivateKey.generate(), MLDSA65PrivateKey.generate()], bytes(SIGNED_BYTES))


def _note_verifier() -> Callable[[], Callable[[], object]]:
    return _verifier_of(_note_keys(), bytes(NOTE_BYTES))


def _note_keys() -> list[Any]:
    return [Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()]


def _verifier_of(keys: list[Any], data: bytes) -> Callable[[], Callable[[], object]]:
    signed = [(key.public_key(), key.sign(data)) for key in keys]

    def verify() -> None:
        for public, signature in signed:
            public.verify(signature, data)

    return lambda: verify
