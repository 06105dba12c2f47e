"""Does a word of the records stand where it must not: in the ledger, its tiles, the vault's bytes, the proof?

Searched are the files of the node (of the vault's, those as small as a record), of its witnesses and of the
bundle, and, because base64 would hide it, the payload of every signed request.

Start at `find_leaks`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from telesphor.app import open_for_proofs
from telesphor.kernel.archive import read_archive
from telesphor.kernel.bundle import EVIDENCE_BYTES_MAX
from telesphor.kernel.signing import read_jws
from telesphor.ledger.store import requests_from

PIECE_BYTES: Final = 16 * 1024 * 1024
"""Larger files are read in pieces of this size."""

VAULT_FILE_BYTES_MAX: Final = 1024 * 1024
"""Larger parts are of the recording, which has no words in it."""

OVERLAP_BYTES: Final = 4096
"""What two pieces share, so that a word on the border is found; longer than any word that is sought."""


def find_leaks(words: Iterable[str], *, node: Path, neighbours: Path, bundle: bytes) -> tuple[str, ...]:
    """The places (never the words) where one of the words stands; empty when all is well."""
    needles = _needles(words)
    places = chain(_files(neighbours), _places(node, bundle))
    return tuple(sorted({place for place, data in places if any(needle in data for needle in needles)}))


def _needles(words: Iterable[str]) -> tuple[bytes, ...]:
    """Each word as UTF-8, and as JSON may escape it; of long texts the beginning."""
    cut = {word[: OVERLAP_BYTES // 8] for word in words}
    escaped = {json.dumps(word)[1:-1] for word in cut}
    return tuple(word.encode() for word in sorted(cut | escaped))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        large = name.startswith("vault/") and path.stat().st_size > VAULT_FILE_BYTES_MAX
        if path.is_file() and not large:
            yield from ((name, piece) for piece in _pieces(path))


def _places(node: Path, bundle: bytes) -> Iterator[tuple[str, bytes]]:
    yield from _files(node)
    for name, content in read_archive(bundle).items():
        yield f"bundle: {name}", _readable(name, content)
    with open_for_proofs(node) as (reader, *_):
        for first, _, _, data in requests_from(reader.db, 0):
            yield f"request of entry {first}", read_jws(data, limit=EVIDENCE_BYTES_MAX).payload_bytes


def _readable(name: str, content: bytes) -> bytes:
    if name.startswith("evidence/"):
        return read_jws(content, limit=EVIDENCE_BYTES_MAX).payload_bytes
    return content


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        tail = b""
        while piece := file.read(PIECE_BYTES):
            yield tail + piece
            tail = piece[-OVERLAP_BYTES:]
