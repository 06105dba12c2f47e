"""The bundle: everything needed to check one visit, or some chosen entries, offline, in one file.

A bundle is a canonical archive (`archive.py`) with a closed set of paths (`bundle_files.py`).
`manifest.json` (`manifest.py`) lists every other file with its size and digest, and `manifest.jws` is the
node's detached signature over it, so that no byte can change unnoticed. What the files mean together is
proved by `telesphor.verify`; this module only knows their form.

Writing is deterministic up to the signature: the same parts give the same files. Reading bounds every
size before it looks, accepts exactly the files that bundles have, and verifies no signature.

INVARIANT: every byte of a bundle that `read_bundle` accepts is either in `manifest.json`, in
`manifest.jws`, or under a digest of the manifest.

Start at `write_bundle` and `read_bundle`; the bytes are specified in `docs/spec/bundle.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from telesphor.kernel.archive import FILES_MAX, ArchiveLimits, read_archive, write_archive
from telesphor.kernel.bundle_files import (
    CARDS_MAX,
    CHECKPOINT,
    EVIDENCE_BYTES_MAX,
    LEVELS,
    LOG_VKEYS,
    MANIFEST,
    MANIFEST_JWS,
    MANIFEST_JWS_BYTES_MAX,
    OPENED_BYTES_MAX,
    READ_ME,
    BundleEntry,
    BundleRefused,
    OpenedCommitment,
    bound_of,
    card_path,
    check_anchors,
    check_documents,
    document_path,
    encode_opened,
    entry_path,
    evidence_path,
    format_proof,
    opened_path,
    parse_anchors,
    parse_cards,
    parse_documents,
    parse_entries,
    parse_evidence,
    parse_opened,
    parse_text,
    parse_vkeys,
    proof_path,
)
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.manifest import (
    Manifest,
    ManifestRefused,
    Selection,
    Subject,
    encode_manifest,
    parse_manifest,
)
from telesphor.kernel.read_me import write_read_me
from telesphor.kernel.signing import SigningKey, payload_digest, sign_detached

__all__ = [
    "BUNDLE_BYTES_MAX",
    "CHECKPOINT",
    "EVIDENCE_BYTES_MAX",
    "LEVELS",
    "LIMITS",
    "LOG_VKEYS",
    "MANIFEST",
    "MANIFEST_JWS",
    "OPENED_BYTES_MAX",
    "READ_ME",
    "Bundle",
    "BundleEntry",
    "BundleParts",
    "BundleRefused",
    "Manifest",
    "ManifestMismatch",
    "ManifestRefused",
    "OpenedCommitment",
    "Selection",
    "Subject",
    "document_path",
    "encode_manifest",
    "entry_path",
    "evidence_path",
    "opened_path",
    "parse_files",
    "parse_manifest",
    "proof_path",
    "read_bundle",
    "write_bundle",
]

# A visit with ten thousand readings is under 32 MiB; more than this is not for e-mail or a browser.
BUNDLE_BYTES_MAX: Final = 64 * 1024 * 1024
LIMITS: Final = ArchiveLimits(archive_bytes=BUNDLE_BYTES_MAX, file_bytes=BUNDLE_BYTES_MAX, files=FILES_MAX)


class ManifestMismatch(TelesphorError):
    """The manifest and the files of the archive do not agree."""

    code = "manifest-mismatch"
    kind = Kind.CORRUPT


@dataclass(frozen=True, kw_only=True)
class BundleParts:
    """What a node puts into a bundle.

    Args:
        made_at: instant of making, as text.
        checkpoint: the signed note, with whatever cosignatures it has.
        log_vkeys: the log's Ed25519 and ML-DSA-44 keys as vkey text, in that order.
        entries: by rising position.
        evidence: the signed requests (JWS) behind the entries, in any order.
        cards: the signed cards of whoever cosigned the checkpoint, and of the log, each by the key id
            of its ML-DSA-44 verifier key.
        anchors: what dates the checkpoint, by file name: `<network>.ots` with `<network>.headers`,
            or `<network>.json`.
        levels: the policy of assurance levels that the node aims at; its reader has a policy of its own.
        documents: what entries name by digest, and what these documents name in turn, in any order.
    """

    made_at: str
    origin: str
    subject: Subject
    checkpoint: bytes
    log_vkeys: tuple[str, str]
    entries: Sequence[BundleEntry]
    evidence: Sequence[bytes]
    opened: Sequence[OpenedCommitment] = ()
    cards: Mapping[int, bytes] = field(default_factory=dict)
    anchors: Mapping[str, bytes] = field(default_factory=dict)
    levels: bytes | None = None
    documents: Sequence[bytes] = ()


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle whose form holds. Nothing is verified yet: that is `telesphor.verify`.

    `cards` are by the key id in their path; `anchors` by the name of their file; `evidence` and `documents` by
    the digest in their path.
    """

    manifest: Manifest
    manifest_jws: bytes
    read_me: str
    checkpoint: bytes
    log_vkeys: tuple[str, str]
    entries: tuple[BundleEntry, ...]
    evidence: Mapping[Digest, bytes]
    opened: tuple[OpenedCommitment, ...]
    cards: Mapping[int, bytes]
    anchors: Mapping[str, bytes]
    levels: bytes | None
    documents: Mapping[Digest, bytes]


def write_bundle(parts: BundleParts, *, sign: SigningKey) -> bytes:
    """Return the bundle of `parts`, its manifest signed by the node's key `sign`.

    Raises:
        BundleRefused: two parts have the same path, or a part is out of its range.
        ManifestRefused: the instant, the origin or the subject is not well formed.
        LimitExceeded: a part or the result is larger than any reader would take.
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
        read_me=parse_text(files[READ_ME], path=READ_ME),
        checkpoint=files[CHECKPOINT],
        log_vkeys=parse_vkeys(files[LOG_VKEYS]),
        entries=parse_entries(files),
        evidence=parse_evidence(files),
        opened=tuple(parse_opened(path, files[path]) for path in files if path.startswith("opened/")),
        cards=parse_cards(files),
        anchors=parse_anchors(files),
        levels=files.get(LEVELS),
        documents=parse_documents(files),
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
        _check_bound(line.path, content)
        if len(content) != line.size or digest_of(content) != line.digest:
            raise ManifestMismatch(f"the file `{line.path}` is not the one its manifest lists")


def _files_of(parts: BundleParts) -> dict[str, bytes]:
    vkeys = "".join(f"{vkey}\n" for vkey in parts.log_vkeys).encode("utf-8")
    made = [
        (READ_ME, _read_me(parts).encode("utf-8")),
        (CHECKPOINT, parts.checkpoint),
        (LOG_VKEYS, vkeys),
        *((entry_path(entry.position), entry.data) for entry in parts.entries),
        *((proof_path(entry.position), format_proof(entry.path)) for entry in parts.entries),
        *((evidence_path(payload_digest(jws)), jws) for jws in parts.evidence),
        *((opened_path(opened.position), encode_opened(opened)) for opened in parts.opened),
        *((card_path(key_id), card) for key_id, card in parts.cards.items()),
        *((f"anchors/{name}", content) for name, content in parts.anchors.items()),
        *([] if parts.levels is None else [(LEVELS, parts.levels)]),
        *((document_path(digest_of(document)), document) for document in parts.documents),
    ]
    files = dict(made)
    if len(files) != len(made):
        raise BundleRefused("two parts of the bundle have the same path")
    if len(parts.cards) > CARDS_MAX:
        raise LimitExceeded(f"a bundle has at most {CARDS_MAX} cards")
    check_anchors(parts.anchors)
    check_documents(len(parts.documents))
    for path, content in made:
        _check_bound(path, content)
    return files


def _check_bound(path: str, content: bytes) -> None:
    bound = bound_of(path)
    if len(content) > bound:
        raise LimitExceeded(f"the file `{path}` is larger than {bound} bytes")


def _read_me(parts: BundleParts) -> str:
    return write_read_me(
        origin=parts.origin, subject=parts.subject, made_at=parts.made_at, entries=len(parts.entries)
    )
