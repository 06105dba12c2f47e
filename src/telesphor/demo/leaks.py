"""Does a word of the records stand where it must not: in the ledger, its tiles, the vault's bytes, the proof?

Searched are the files of the node (of the vault's, those as small as a record), of its witnesses and of the
bundle, and, because base64 would hide it, the payload of every signed request and every part of a document.

A factor that was not shown is such a word. One that was shown stands in documents, which are kept beside the entries,
come with the proof, and can be forgotten; it is searched for everywhere else.

Start at `find_leaks` and `find_shown`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Final

from telesphor.app import build_checking_registry, open_for_proofs
from telesphor.kernel import base64url
from telesphor.kernel.archive import read_archive
from telesphor.kernel.bundle import EVIDENCE_BYTES_MAX
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import read_jws
from telesphor.ledger.store import requests_from, table_rows
from telesphor.runtime.capability import LEDGER_TABLES
from telesphor.runtime.database import open_reader
from telesphor.runtime.folder import NodeFolder

PIECE_BYTES: Final = 16 * 1024 * 1024
"""Larger files are read in pieces of this size."""

VAULT_FILE_BYTES_MAX: Final = 1024 * 1024
"""Larger parts are of the recording, which has no words in it."""

OVERLAP_BYTES: Final = 4096
"""What two pieces share, so that a word on the border is found; longer than any word that is sought."""


LEDGER: Final = "ledger.sqlite"
DOCUMENTS: Final = "documents"
_HIDDEN_BY_BASE64: Final = re.compile(rb"[A-Za-z0-9_-]{16,}")


def find_leaks(words: Iterable[str], *, node: Path, neighbours: Path, bundle: bytes) -> tuple[str, ...]:
    """The places (never the words) where one of the words stands; empty when all is well."""
    needles = _needles(words)
    places = chain(_files(neighbours), _places(node, bundle), _unwrapped_documents(node))
    return _found(needles, places)


def find_shown(texts: Iterable[str], *, node: Path, neighbours: Path, bundle: bytes) -> tuple[str, ...]:
    """The places outside documents where a factor that was shown stands; empty when all is well.

    Args:
        texts: as documents and disclosures write them, such as `"licensed_in","WA"`.
    """
    needles = tuple(text.encode() for text in texts)
    files = ((name, data) for name, data in _places(node, bundle) if not _holds_documents(name))
    return _found(needles, chain(_files(neighbours), files, _tables(node)))


def _found(needles: tuple[bytes, ...], places: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
    return tuple(sorted({place for place, data in places if any(needle in data for needle in needles)}))


def _holds_documents(place: str) -> bool:
    """The database is looked at table by table instead."""
    return place.startswith((LEDGER, f"bundle: {DOCUMENTS}/"))


def _tables(node: Path) -> Iterator[tuple[str, bytes]]:
    """Every table of the ledger's database but that of documents."""
    stores = build_checking_registry().stores()
    names = {*LEDGER_TABLES, *(table for store in stores for table in store.tables)} - {DOCUMENTS}
    with closing(open_reader(NodeFolder(node).ledger)) as db:
        for name in sorted(names):
            yield (
                f"table {name}",
                b"\n".join(_as_bytes(value) for row in table_rows(db, name) for value in row),
            )


def _unwrapped_documents(node: Path) -> Iterator[tuple[str, bytes]]:
    """What documents hold within base64, such as the disclosures of a credential."""
    with closing(open_reader(NodeFolder(node).ledger)) as db:
        for row in table_rows(db, DOCUMENTS):
            parts = _HIDDEN_BY_BASE64.findall(b"\n".join(map(_as_bytes, row)))
            yield f"document {row[0]!s}", b"\n".join(map(_decoded, parts))


def _decoded(part: bytes) -> bytes:
    try:
        return base64url.decode(part.decode("ascii"))
    except TelesphorError:
        return b""  # A long word that only looks like it.


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


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
