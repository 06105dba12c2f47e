"""The manifest of a bundle: what the bundle is about, and every other file by size and digest.

It is one canonical JSON object in a form that leaves no choice; the node signs its exact bytes. What it is
about is either one visit, whole (the name of its stream), or a `Selection`: entries that somebody chose,
for a purpose that is written down, with no claim that they are all there are.

INVARIANT: a manifest lists each path once, and has exactly one subject.

Start at `encode_manifest` and `parse_manifest`; the bytes are specified in `docs/spec/bundle.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeAlias

from telesphor.kernel import canonical
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.digest import Digest, digest_of, format_digest, parse_digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import Stream, parse_id, parse_stream

FORMAT: Final = "telesphor-bundle/1"
# About 200 bytes for each of the files that an archive can hold.
MANIFEST_BYTES_MAX: Final = 16 * 1024 * 1024
ORIGIN_BYTES_MAX: Final = 255
# A sentence or two; whoever needs more writes a letter.
PURPOSE_BYTES_MAX: Final = 500

_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class ManifestRefused(TelesphorError):
    """The manifest is not the one form that manifests have, or is of an unknown version."""

    code = "manifest-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Selection:
    """Entries chosen to be shown: the id of this choice (UUIDv7), and what it is for, in plain words."""

    id: str
    purpose: str

    def __post_init__(self) -> None:
        parse_id(self.id)
        size = len(self.purpose.encode("utf-8", "surrogatepass"))
        if not 0 < size <= PURPOSE_BYTES_MAX or not self.purpose.isprintable():
            raise ManifestRefused(
                f"the purpose of a selection is 1 to {PURPOSE_BYTES_MAX} bytes of printable text"
            )
        if self.purpose != self.purpose.strip():
            raise ManifestRefused("the purpose of a selection begins or ends with a space")


Subject: TypeAlias = Stream | Selection
"""What a bundle is about: a visit's stream, or a selection."""


@dataclass(frozen=True)
class ManifestFile:
    """One line of the manifest."""

    path: str
    size: int
    digest: Digest


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`manifest.json`, parsed; `data` are its exact bytes, which are what the node signed."""

    made_at: str
    origin: str
    subject: Subject
    keys: tuple[str, str]
    files: tuple[ManifestFile, ...]
    data: bytes = field(repr=False)


def name_subject(subject: Subject) -> str:
    """One short name for what a bundle is about, such as `visit/<id>` or `selection/<id>`."""
    return f"selection/{subject.id}" if isinstance(subject, Selection) else subject


def encode_manifest(
    files: Mapping[str, bytes], *, made_at: str, origin: str, subject: Subject, keys: tuple[str, str]
) -> bytes:
    """The manifest of these files, which do not include itself and its signature."""
    lines = [
        {"digest": digest_of(files[path]), "path": path, "size": len(files[path])} for path in sorted(files)
    ]
    return canonical.encode(
        {
            "files": lines,
            "format": FORMAT,
            "keys": list(keys),
            "made_at": made_at,
            "origin": origin,
            "subject": _encode_subject(subject),
            "v": 1,
        }
    )


def parse_manifest(data: bytes) -> Manifest:
    """Return the manifest in `data`.

    Raises:
        ManifestRefused: unknown version, wrong fields, or files not in strictly rising order.
    """
    value = canonical.decode(data, limit=MANIFEST_BYTES_MAX)
    names = {"v", "format", "made_at", "origin", "subject", "keys", "files"}
    # In Python `True == 1`; a version is the integer.
    if not isinstance(value, dict) or value.get("format") != FORMAT or type(value.get("v")) is not int:
        raise ManifestRefused(f"the manifest is not of the format `{FORMAT}`")
    if set(value) != names or value["v"] != 1:
        raise ManifestRefused("the manifest does not have exactly the fields of its format")
    return Manifest(
        made_at=_parse_made_at(value["made_at"]),
        origin=_parse_origin(value["origin"]),
        subject=_parse_subject(value["subject"]),
        keys=_parse_keys(value["keys"]),
        files=_parse_files(value["files"]),
        data=data,
    )


def _encode_subject(subject: Subject) -> dict[str, object]:
    if isinstance(subject, Selection):
        return {"purpose": subject.purpose, "selection": subject.id}
    return {"stream": subject}


def _parse_made_at(value: object) -> str:
    if not isinstance(value, str):
        raise ManifestRefused("the manifest's `made_at` is not an instant")
    parse_instant(value)
    return value


def _parse_origin(value: object) -> str:
    # A signed note's key name: no white space and no plus sign (C2SP signed-note).
    if not isinstance(value, str) or not value.isprintable() or set(value) & set(" +"):
        raise ManifestRefused("the manifest's `origin` is not a log's origin")
    if not 0 < len(value.encode("utf-8")) <= ORIGIN_BYTES_MAX:
        raise ManifestRefused(f"the manifest's `origin` is not 1 to {ORIGIN_BYTES_MAX} bytes long")
    return value


def _parse_subject(value: object) -> Subject:
    match value:
        case {"stream": str(stream), **rest} if not rest:
            if parse_stream(stream)[0] != "visit":
                raise ManifestRefused("the manifest's `subject` is not a visit")
            return Stream(stream)
        case {"selection": str(name), "purpose": str(purpose), **rest} if not rest:
            return Selection(name, purpose)
    raise ManifestRefused("the manifest's `subject` names neither one stream nor one selection")


def _parse_keys(value: object) -> tuple[str, str]:
    match value:
        case [str(first), str(second)] if _THUMBPRINT.fullmatch(first) and _THUMBPRINT.fullmatch(second):
            return first, second
    raise ManifestRefused("the manifest's `keys` are not two key thumbprints")


def _parse_files(value: object) -> tuple[ManifestFile, ...]:
    if not isinstance(value, list):
        raise ManifestRefused("the manifest's `files` are not a list")
    files = tuple(map(_parse_line, value))
    for first, second in pairwise(files):
        if first.path >= second.path:
            raise ManifestRefused(f"the manifest lists `{second.path}` twice or out of order")
    return files


def _parse_line(line: object) -> ManifestFile:
    if not isinstance(line, dict) or set(line) != {"path", "size", "digest"}:
        raise ManifestRefused("a line of the manifest does not have exactly `path`, `size` and `digest`")
    path, size, digest = line["path"], line["size"], line["digest"]
    if not isinstance(path, str) or type(size) is not int or size < 0 or not isinstance(digest, str):
        raise ManifestRefused("a line of the manifest has a field of the wrong type")
    return ManifestFile(path, size, format_digest(parse_digest(digest)))
