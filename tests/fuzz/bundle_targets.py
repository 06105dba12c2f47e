"""What is fuzzed of bundles: archive, manifest, proofs, openings, documents."""

from __future__ import annotations

from telesphor.kernel.archive import read_archive, write_archive
from telesphor.kernel.bundle import (
    OpenedCommitment,
    Selection,
    encode_manifest,
    parse_manifest,
    read_bundle,
)
from telesphor.kernel.bundle_files import encode_opened, parse_opening
from telesphor.kernel.manifest import name_subject
from telesphor.kernel.tlog_proof import format_tlog_proof, parse_tlog_proof
from telesphor.verify.check_bundle import verify_bundle
from tests.fuzz.document_targets import DOCUMENTS, take_document
from tests.fuzz.target import ORIGIN, Target, signed_notes, visit_bundle
from tests.fuzz.tile_targets import ENTRY_BUNDLE, take_entry_bundle, take_tile_path


def _archives() -> list[bytes]:
    return [write_archive({"manifest.json": b"{}", "a/b.txt": b"x", "c": b""}), visit_bundle()]


def take_archive(data: bytes) -> None:
    assert write_archive(read_archive(data)) == data


def take_bundle(data: bytes) -> None:
    report = verify_bundle(data)
    assert report.verdict == ("pass" if data == visit_bundle() else "fail")
    read_bundle(data)


def take_manifest(data: bytes) -> None:
    manifest = parse_manifest(data)
    assert name_subject(manifest.subject).count("/") == 1


def _manifests() -> list[bytes]:
    about = {"made_at": "2026-11-22T11:51:15.123Z", "origin": ORIGIN, "keys": ("A" * 43, "B" * 43)}
    chosen = Selection("0190f0f0-0000-7000-8000-000000000000", "a complaint")
    return [
        read_archive(visit_bundle())["manifest.json"],
        encode_manifest({"checkpoint": b"x"}, subject=chosen, **about),  # type: ignore[arg-type]
    ]


def take_tlog_proof(data: bytes) -> None:
    proof = parse_tlog_proof(data)
    assert format_tlog_proof(proof.index, proof.path, proof.checkpoint, proof.anchors) == data


def _tlog_proofs() -> list[bytes]:
    anchors = {"ethereum-1.json": b"{}", "bitcoin-mainnet.ots": b"o", "bitcoin-mainnet.headers": b"h"}
    return [
        format_tlog_proof(7, (bytes(32),), signed_notes()[0]),
        format_tlog_proof(0, (), signed_notes()[0], anchors),
    ]


def take_opening(data: bytes) -> None:
    assert encode_opened(parse_opening(data, position=3, path="opening")) == data


def _openings() -> list[bytes]:
    return [encode_opened(OpenedCommitment(position=3, member="commitment", key=bytes(32), value=b"61"))]


TARGETS = {
    "archive": Target(take_archive, _archives),
    "bundle": Target(take_bundle, lambda: [visit_bundle()]),
    "document": Target(take_document, lambda: DOCUMENTS),
    "manifest": Target(take_manifest, _manifests),
    "tlog-proof": Target(take_tlog_proof, _tlog_proofs),
    "opening": Target(take_opening, _openings),
    "entry-bundle": Target(take_entry_bundle, lambda: [ENTRY_BUNDLE]),
    "tile-path": Target(
        take_tile_path, lambda: [b"tile/0/x001/234.p/17", b"tile/entries/x001/000", b"tile/5/000"]
    ),
}
