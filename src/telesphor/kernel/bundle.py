"""The bundle: everything needed to check one visit offline, in one file.

A bundle is a canonical archive (`archive.py`) with a closed set of paths. `manifest.json` lists every
other file with its size and digest, and `manifest.jws` is the node's detached signature over it, so that
no byte can change unnoticed. What the files mean together is proved by `telesphor.verify`; this module
only knows their form.

Writing is deterministic up to the signature: the same parts give the same files. Reading bounds every
size before it looks, accepts exactly the files named below, and verifies no signature.

INVARIANT: every byte of a bundle that `read_bundle` accepts is either in `manifest.json`, in
`manifest.jws`, or under a digest of the manifest.

Start at `write_bundle` and `read_bundle`; the bytes are specified in `docs/spec/bundle.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from telesphor.kernel import base64url, canonical
from telesphor.kernel.archive import FILES_MAX, ArchiveLimits, read_archive, write_archive
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.digest import Digest, digest_of, format_digest, parse_digest
from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.ids import Stream, parse_stream
from telesphor.kernel.note import NOTE_BYTES_MAX
from telesphor.kernel.read_me import write_read_me
from telesphor.kernel.signing import SigningKey, payload_digest, sign_detached

FORMAT: Final = "telesphor-bundle/1"
# A visit with ten thousand readings is under 32 MiB; more than this is not for e-mail or a browser.
BUNDLE_BYTES_MAX: Final = 64 * 1024 * 1024
# About 200 bytes for each of the files that an archive can hold.
MANIFEST_BYTES_MAX: Final = 16 * 1024 * 1024
# Two signatures and their headers, with room for the larger suite.
MANIFEST_JWS_BYTES_MAX: Final = 16 * 1024
# Four times what a node reads of one request.
EVIDENCE_BYTES_MAX: Final = 4 * 1024 * 1024
# A tree has fewer than 2^63 leaves, so a path has at most 63 hashes (RFC 6962 2.1.1).
PATH_HASHES_MAX: Final = 63
# An opened value is one small answer or figure, not a document.
OPENED_BYTES_MAX: Final = 64 * 1024
VKEYS_BYTES_MAX: Final = 8 * 1024
# Twelve digits of position: far beyond any ledger, and the files sort as the entries do.
POSITION_MAX: Final = 10**12 - 1
ORIGIN_BYTES_MAX: Final = 255

LIMITS: Final = ArchiveLimits(archive_bytes=BUNDLE_BYTES_MAX, file_bytes=BUNDLE_BYTES_MAX, files=FILES_MAX)

MANIFEST: Final = "manifest.json"
MANIFEST_JWS: Final = "manifest.jws"
READ_ME: Final = "READ ME.txt"
CHECKPOINT: Final = "checkpoint"
LOG_VKEYS: Final = "log.vkeys"

_SIZES_MAX: Final = {
    READ_ME: 64 * 1024,
    CHECKPOINT: NOTE_BYTES_MAX,
    LOG_VKEYS: VKEYS_BYTES_MAX,
    "entries": ENTRY_BYTES_MAX,
    "proofs": PATH_HASHES_MAX * 45,  # 32 bytes are 44 characters of base64, and a newline
    "evidence": EVIDENCE_BYTES_MAX,
    "opened": OPENED_BYTES_MAX,
}
_NUMBERED: Final = re.compile(r"(entries|proofs|opened)/([0-9]{12})\.(json|txt)", re.ASCII)
_EVIDENCE: Final = re.compile(r"evidence/([0-9a-f]{64})\.json", re.ASCII)
_MEMBER: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class BundleRefused(TelesphorError):
    """The archive is sound, but its files are not those of a bundle."""

    code = "bundle-refused"
    kind = Kind.INVALID


class ManifestRefused(TelesphorError):
    """The manifest is not the one form that manifests have, or is of an unknown version."""

    code = "manifest-refused"
    kind = Kind.INVALID


class ManifestMismatch(TelesphorError):
    """The manifest and the files of the archive do not agree."""

    code = "manifest-mismatch"
    kind = Kind.CORRUPT


@dataclass(frozen=True, kw_only=True)
class BundleEntry:
    """One entry: its exact bytes and the inclusion path from its leaf to the checkpoint's root."""

    position: int
    data: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class OpenedCommitment:
    """The value behind a commitment of an entry: `member` is its name in the entry's body."""

    position: int
    member: str
    key: bytes = field(repr=False)
    value: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class BundleParts:
    """What a node puts into a bundle.

    Args:
        made_at: instant of making, as text.
        checkpoint: the signed note, with whatever cosignatures it has.
        log_vkeys: the log's Ed25519 and ML-DSA-44 keys as vkey text, in that order.
        entries: by rising position.
        evidence: the signed requests (JWS) behind the entries, in any order.
    """

    made_at: str
    origin: str
    subject: Stream
    checkpoint: bytes
    log_vkeys: tuple[str, str]
    entries: Sequence[BundleEntry]
    evidence: Sequence[bytes]
    opened: Sequence[OpenedCommitment] = ()


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
    subject: Stream
    keys: tuple[str, str]
    files: tuple[ManifestFile, ...]
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle whose form holds. Nothing is verified yet: that is `telesphor.verify`."""

    manifest: Manifest
    manifest_jws: bytes
    read_me: str
    checkpoint: bytes
    log_vkeys: tuple[str, str]
    entries: tuple[BundleEntry, ...]
    evidence: Mapping[Digest, bytes]
    opened: tuple[OpenedCommitment, ...]


def entry_path(position: int) -> str:
    """Path of an entry's exact bytes."""
    return f"entries/{position:012d}.json"


def proof_path(position: int) -> str:
    """Path of an entry's inclusion path."""
    return f"proofs/{position:012d}.txt"


def opened_path(position: int) -> str:
    """Path of the opened commitment of an entry."""
    return f"opened/{position:012d}.json"


def evidence_path(digest: Digest) -> str:
    """Path of the signed request whose payload has this digest."""
    return f"evidence/{parse_digest(digest).hex()}.json"


def write_bundle(parts: BundleParts, *, sign: SigningKey) -> bytes:
    """Return the bundle of `parts`, its manifest signed by the node's key `sign`.

    Raises:
        BundleRefused: two parts have the same path, or a part is out of its range.
        ManifestRefused: the instant, the origin or the subject is not well formed.
        LimitExceeded: the result is larger than any reader would take.
    """
    files = _files_of(parts)
    manifest = encode_manifest(
        files,
        made_at=parts.made_at,
        origin=parts.origin,
        subject=parts.subject,
        keys=sign.public.thumbprints(),
    )
    parse_manifest(manifest)
    data = write_archive({**files, MANIFEST: manifest, MANIFEST_JWS: sign_detached(manifest, sign)})
    if len(data) > BUNDLE_BYTES_MAX:
        raise LimitExceeded(f"the bundle has {len(data)} bytes where {BUNDLE_BYTES_MAX} are allowed")
    return data


def read_bundle(data: bytes, *, limits: ArchiveLimits = LIMITS) -> Bundle:
    """Return a bundle whose archive, manifest and files have the right form.

    1. The archive is canonical and within `limits`.
    2. The manifest lists exactly its files, with their sizes and digests.
    3. Each file has the form its path promises.

    Raises:
        LimitExceeded, BundleRefused, ManifestRefused, ManifestMismatch, and the errors of `archive`,
        `canonical` and `base64url`.
    """
    return parse_files(read_archive(data, limits=limits))


def parse_files(files: Mapping[str, bytes]) -> Bundle:
    """Steps 2 and 3 of `read_bundle`, for files that are already out of their archive."""
    for path in (MANIFEST, MANIFEST_JWS, READ_ME, CHECKPOINT, LOG_VKEYS):
        if path not in files:
            raise BundleRefused(f"the bundle has no file `{path}`")
    if len(files[MANIFEST_JWS]) > MANIFEST_JWS_BYTES_MAX:
        raise LimitExceeded(f"the file `{MANIFEST_JWS}` is larger than {MANIFEST_JWS_BYTES_MAX} bytes")
    manifest = parse_manifest(files[MANIFEST])
    check_files(manifest, files)
    return Bundle(
        manifest=manifest,
        manifest_jws=files[MANIFEST_JWS],
        read_me=_parse_text(files[READ_ME], path=READ_ME),
        checkpoint=files[CHECKPOINT],
        log_vkeys=_parse_vkeys(files[LOG_VKEYS]),
        entries=_parse_entries(files),
        evidence={_digest_in(path): files[path] for path in files if path.startswith("evidence/")},
        opened=tuple(_parse_opened(path, files[path]) for path in files if path.startswith("opened/")),
    )


def encode_manifest(
    files: Mapping[str, bytes], *, made_at: str, origin: str, subject: Stream, keys: tuple[str, str]
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
            "subject": {"stream": subject},
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
    if not isinstance(value, dict) or value.get("format") != FORMAT or not _is_one(value.get("v")):
        raise ManifestRefused(f"the manifest is not of the format `{FORMAT}`")
    if set(value) != names:
        raise ManifestRefused("the manifest does not have exactly the fields of its format")
    keys, lines = value["keys"], value["files"]
    if not (_is_list(keys, size=2) and all(isinstance(k, str) and _THUMBPRINT.fullmatch(k) for k in keys)):
        raise ManifestRefused("the manifest's `keys` are not two key thumbprints")
    if not isinstance(lines, list):
        raise ManifestRefused("the manifest's `files` are not a list")
    files = tuple(map(_parse_line, lines))
    for first, second in pairwise(files):
        if first.path >= second.path:
            raise ManifestRefused(f"the manifest lists `{second.path}` twice or out of order")
    return Manifest(
        made_at=_parse_made_at(value["made_at"]),
        origin=_parse_origin(value["origin"]),
        subject=_parse_subject(value["subject"]),
        keys=(keys[0], keys[1]),
        files=files,
        data=data,
    )


def check_files(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Refuse unless the manifest lists exactly these files (but itself and its signature).

    Raises:
        ManifestMismatch: naming the first file that is missing, unlisted or different.
        BundleRefused: a path no bundle has.
        LimitExceeded: a file larger than its path allows.
    """
    listed = {line.path: line for line in manifest.files}
    for path in files:
        if path not in (MANIFEST, MANIFEST_JWS) and path not in listed:
            raise ManifestMismatch(f"the bundle holds `{path}`, which its manifest does not list")
    for line in manifest.files:
        if line.path in (MANIFEST, MANIFEST_JWS) or line.path not in files:
            raise ManifestMismatch(f"the manifest lists `{line.path}`, which the bundle does not hold")
        content = files[line.path]
        if len(content) > _size_max(line.path):
            raise LimitExceeded(f"the file `{line.path}` is larger than {_size_max(line.path)} bytes")
        if len(content) != line.size or digest_of(content) != line.digest:
            raise ManifestMismatch(f"the file `{line.path}` is not the one its manifest lists")


def _files_of(parts: BundleParts) -> dict[str, bytes]:
    vkeys = "".join(f"{vkey}\n" for vkey in parts.log_vkeys).encode("utf-8")
    made = [
        (READ_ME, _read_me(parts).encode("utf-8")),
        (CHECKPOINT, parts.checkpoint),
        (LOG_VKEYS, vkeys),
        *((entry_path(entry.position), entry.data) for entry in parts.entries),
        *((proof_path(entry.position), _format_proof(entry.path)) for entry in parts.entries),
        *((evidence_path(payload_digest(jws)), jws) for jws in parts.evidence),
        *((opened_path(opened.position), _encode_opened(opened)) for opened in parts.opened),
    ]
    files = dict(made)
    if len(files) != len(made):
        raise BundleRefused("two parts of the bundle have the same path")
    for path, content in made:
        if len(content) > _size_max(path):
            raise LimitExceeded(f"the file `{path}` is larger than {_size_max(path)} bytes")
    return files


def _size_max(path: str) -> int:
    """The bound of a file by its path, which also says whether a bundle may hold such a file."""
    numbered = _NUMBERED.fullmatch(path)
    if numbered is not None and (numbered[3] == "txt") == (numbered[1] == "proofs"):
        return _SIZES_MAX[numbered[1]]
    if _EVIDENCE.fullmatch(path):
        return _SIZES_MAX["evidence"]
    if path in (READ_ME, CHECKPOINT, LOG_VKEYS):
        return _SIZES_MAX[path]
    raise BundleRefused(f"a bundle has no file such as `{path}`")


def _is_list(value: object, *, size: int) -> bool:
    return isinstance(value, list) and len(value) == size


def _is_one(value: object) -> bool:
    # In Python `True == 1`; a version is the integer.
    return type(value) is int and value == 1


def _parse_line(line: object) -> ManifestFile:
    if not isinstance(line, dict) or set(line) != {"path", "size", "digest"}:
        raise ManifestRefused("a line of the manifest does not have exactly `path`, `size` and `digest`")
    path, size, digest = line["path"], line["size"], line["digest"]
    if not isinstance(path, str) or type(size) is not int or size < 0 or not isinstance(digest, str):
        raise ManifestRefused("a line of the manifest has a field of the wrong type")
    return ManifestFile(path, size, format_digest(parse_digest(digest)))


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


def _parse_subject(value: object) -> Stream:
    if not isinstance(value, dict) or set(value) != {"stream"} or not isinstance(value["stream"], str):
        raise ManifestRefused("the manifest's `subject` does not name one stream")
    if parse_stream(value["stream"])[0] != "visit":
        raise ManifestRefused("the manifest's `subject` is not a visit")
    return Stream(value["stream"])


def _parse_text(data: bytes, *, path: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BundleRefused(f"the file `{path}` is not UTF-8 text") from None


def _parse_vkeys(data: bytes) -> tuple[str, str]:
    lines = _parse_text(data, path=LOG_VKEYS).split("\n")
    if len(lines) != 3 or lines[2] or not (lines[0] and lines[1]):
        raise BundleRefused(f"the file `{LOG_VKEYS}` does not hold exactly two lines")
    return lines[0], lines[1]


def _parse_entries(files: Mapping[str, bytes]) -> tuple[BundleEntry, ...]:
    """Each entry with its proof, by rising position; neither may be without the other."""
    positions = {kind: set[int]() for kind in ("entries", "proofs", "opened")}
    for path in files:
        if numbered := _NUMBERED.fullmatch(path):
            positions[numbered[1]].add(int(numbered[2]))
    for position in sorted(positions["entries"] ^ positions["proofs"]):
        raise BundleRefused(f"the entry at position {position} does not have both its bytes and its proof")
    for position in sorted(positions["opened"] - positions["entries"]):
        raise BundleRefused(f"the commitment opened at position {position} has no entry")
    return tuple(
        BundleEntry(
            position=position,
            data=files[entry_path(position)],
            path=_parse_proof(files[proof_path(position)]),
        )
        for position in sorted(positions["entries"])
    )


def _format_proof(path: Sequence[bytes]) -> bytes:
    return "".join(f"{base64url.std_encode(node)}\n" for node in path).encode("ascii")


def _parse_proof(data: bytes) -> tuple[bytes, ...]:
    """The inclusion path: one hash per line in standard base64, as in C2SP tlog-proof."""
    lines = data.split(b"\n")
    if lines.pop() or len(lines) > PATH_HASHES_MAX:
        raise BundleRefused("a proof is not a list of lines, or has too many")
    path = tuple(base64url.std_decode(line.decode("ascii", "replace")) for line in lines)
    if any(len(node) != 32 for node in path):
        raise BundleRefused("a proof holds something that is not a hash of 32 bytes")
    return path


def _digest_in(path: str) -> Digest:
    return Digest("sha256:" + path.removeprefix("evidence/").removesuffix(".json"))


def _encode_opened(opened: OpenedCommitment) -> bytes:
    value = {
        "key": base64url.encode(opened.key),
        "pointer": opened.member,
        "v": 1,
        "value": base64url.encode(opened.value),
    }
    return canonical.encode(value)


def _parse_opened(path: str, data: bytes) -> OpenedCommitment:
    value = canonical.decode(data, limit=OPENED_BYTES_MAX)
    names = {"v", "pointer", "key", "value"}
    if not isinstance(value, dict) or set(value) != names or not _is_one(value["v"]):
        raise BundleRefused(f"the file `{path}` is not an opened commitment of version 1")
    member, key, content = value["pointer"], value["key"], value["value"]
    if not (isinstance(member, str) and isinstance(key, str) and isinstance(content, str)):
        raise BundleRefused(f"the file `{path}` has a field of the wrong type")
    if not _MEMBER.fullmatch(member) or len(base64url.decode(key)) != 32:
        raise BundleRefused(f"the file `{path}` names no member, or its key is not 32 bytes")
    return OpenedCommitment(
        position=int(path[7:19]), member=member, key=base64url.decode(key), value=base64url.decode(content)
    )


def _read_me(parts: BundleParts) -> str:
    return write_read_me(
        origin=parts.origin, subject=parts.subject, made_at=parts.made_at, entries=len(parts.entries)
    )
