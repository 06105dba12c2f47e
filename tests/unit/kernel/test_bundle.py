"""The bundle's form: what is written is read back, and every file is bounded and accounted for."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from telesphor.kernel import bundle, bundle_files
from telesphor.kernel.archive import ArchiveLimits, read_archive, write_archive
from telesphor.kernel.bundle import (
    BundleRefused,
    ManifestMismatch,
    ManifestRefused,
    Selection,
    parse_manifest,
    read_bundle,
    write_bundle,
)
from telesphor.kernel.clock import InvalidInstant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.document import DOCUMENT_BYTES_MAX
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.ids import Stream
from telesphor.kernel.signing import payload_digest, verify_detached
from tests.unit.verify.builder import signing_key
from tests.vectors.bundles.all import good_bundle
from tests.vectors.bundles.case import good_story

PARTS = good_story().parts()
NODE = signing_key("node")


def test_parts_are_read_back() -> None:
    read = read_bundle(write_bundle(PARTS, sign=NODE))
    assert read.entries == tuple(PARTS.entries)
    assert read.opened == tuple(PARTS.opened)
    assert read.checkpoint == PARTS.checkpoint
    assert read.log_vkeys == PARTS.log_vkeys
    assert dict(read.evidence) == {payload_digest(jws): jws for jws in PARTS.evidence}
    manifest = read.manifest
    assert (manifest.made_at, manifest.origin, manifest.subject) == (
        PARTS.made_at,
        PARTS.origin,
        PARTS.subject,
    )
    assert manifest.keys == NODE.public.thumbprints()


def test_manifest_is_signed_by_the_given_key() -> None:
    read = read_bundle(good_bundle())
    verify_detached(read.manifest.data, read.manifest_jws, NODE.public)


def test_same_parts_give_the_same_files_up_to_the_signature() -> None:
    first, second = (read_archive(write_bundle(PARTS, sign=NODE)) for _ in range(2))
    assert {**first, "manifest.jws": b""} == {**second, "manifest.jws": b""}


def test_order_of_the_parts_does_not_matter() -> None:
    shuffled = replace(PARTS, entries=PARTS.entries[::-1], evidence=PARTS.evidence[::-1])
    assert read_bundle(write_bundle(shuffled, sign=NODE)).entries == tuple(PARTS.entries)
    first, second = (read_bundle(write_bundle(parts, sign=NODE)) for parts in (PARTS, shuffled))
    assert first.manifest == second.manifest


def test_files_have_the_names_of_the_specification() -> None:
    names = list(read_archive(good_bundle()))
    assert names[:3] == ["manifest.json", "manifest.jws", "READ ME.txt"]
    assert {"checkpoint", "log.vkeys", "entries/000000000000.json", "proofs/000000000000.txt"} < set(names)


def test_read_me_names_the_ledger_and_fits_a_narrow_window() -> None:
    text = read_bundle(good_bundle()).read_me
    assert PARTS.origin in text
    assert str(PARTS.subject) in text
    assert "WHAT IT DOES NOT SAY" in text
    assert all(len(line) <= 110 for line in text.splitlines())


@pytest.mark.parametrize(
    "purpose", ["x", "a complaint " * 41, "y" * 500, "braces {origin} and %s", "Grüße ✓"]
)
def test_read_me_of_a_selection_says_its_purpose_and_fits_a_narrow_window(purpose: str) -> None:
    selection = Selection("0190f0f0-0000-7000-8000-000000000000", purpose.strip())
    text = read_bundle(write_bundle(replace(PARTS, subject=selection), sign=NODE)).read_me
    assert "".join(purpose.split()) in "".join(text.split())
    assert "somebody chose" in text
    assert "telehealth visit" not in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_selection_is_read_back() -> None:
    selection = Selection("0190f0f0-0000-7000-8000-000000000000", "a complaint")
    read = read_bundle(write_bundle(replace(PARTS, subject=selection), sign=NODE))
    assert read.manifest.subject == selection


@pytest.mark.parametrize("purpose", ["", " x", "x ", "a\nb", "x\u202e", "x" * 501, "é" * 251])
def test_purpose_that_is_no_short_line_is_refused(purpose: str) -> None:
    with pytest.raises(ManifestRefused):
        Selection("0190f0f0-0000-7000-8000-000000000000", purpose)


def test_confirmations_are_read_back() -> None:
    anchors = {"bitcoin-mainnet.ots": b"o", "bitcoin-mainnet.headers": b"h", "ethereum-1.json": b"{}"}
    parts = replace(PARTS, cards={7: b"{}"}, anchors=anchors, levels=b"format = 1")
    read = read_bundle(write_bundle(parts, sign=NODE))
    assert (read.cards, read.anchors, read.levels) == ({7: b"{}"}, anchors, b"format = 1")
    assert "cards/00000007.json" in read_archive(write_bundle(parts, sign=NODE))


def test_documents_are_read_back_by_their_digests() -> None:
    documents = (b"permit(principal, action, resource);", b"", b"{}")
    data = write_bundle(replace(PARTS, documents=documents), sign=NODE)
    assert read_bundle(data).documents == {digest_of(document): document for document in documents}
    names = {f"documents/{sha256(document).hexdigest()}" for document in documents}
    assert names < set(read_archive(data))
    assert set(read_archive(write_bundle(PARTS, sign=NODE))) == set(read_archive(data)) - names


def test_document_that_is_there_twice_is_not_written() -> None:
    with pytest.raises(BundleRefused):
        write_bundle(replace(PARTS, documents=(b"{}", b"{}")), sign=NODE)


def test_document_of_more_than_a_mebibyte_is_not_written() -> None:
    write_bundle(replace(PARTS, documents=(bytes(DOCUMENT_BYTES_MAX),)), sign=NODE)
    with pytest.raises(LimitExceeded):
        write_bundle(replace(PARTS, documents=(bytes(DOCUMENT_BYTES_MAX + 1),)), sign=NODE)


def test_more_documents_than_a_bundle_has_are_neither_written_nor_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = write_bundle(replace(PARTS, documents=(b"1", b"2")), sign=NODE)
    monkeypatch.setattr(bundle_files, "DOCUMENTS_MAX", 1)
    with pytest.raises(LimitExceeded):
        read_bundle(data)
    with pytest.raises(LimitExceeded):
        write_bundle(replace(PARTS, documents=(b"1", b"2")), sign=NODE)


@pytest.mark.parametrize(
    "name", ["0" * 63, "0" * 65, "0" * 64 + ".json", "A" * 64, "g" * 64, "0" * 63 + "/0"]
)
def test_document_under_another_name_than_a_digest_is_refused(name: str) -> None:
    with pytest.raises(BundleRefused):
        bundle_files.bound_of(f"documents/{name}")


@pytest.mark.parametrize(
    "name", ["bitcoin-mainnet.ots", "bitcoin-mainnet.json", "../x.json", "x", "ethereum-1.ots"]
)
def test_anchor_that_no_bundle_has_is_not_written(name: str) -> None:
    with pytest.raises(TelesphorError):
        write_bundle(replace(PARTS, anchors={name: b""}), sign=NODE)


def test_more_cards_than_a_note_has_signers_are_not_written() -> None:
    with pytest.raises(LimitExceeded):
        write_bundle(replace(PARTS, cards=dict.fromkeys(range(51), b"{}")), sign=NODE)


def test_tree_of_one_leaf_has_an_empty_proof() -> None:
    entry = replace(PARTS.entries[0], path=())
    data = write_bundle(replace(PARTS, entries=[entry], opened=()), sign=NODE)
    assert read_archive(data)["proofs/000000000000.txt"] == b""
    assert read_bundle(data).entries[0].path == ()


def test_entry_given_twice_is_refused() -> None:
    with pytest.raises(BundleRefused, match="same path"):
        write_bundle(replace(PARTS, entries=[*PARTS.entries, PARTS.entries[0]]), sign=NODE)


def test_evidence_given_twice_is_refused() -> None:
    with pytest.raises(BundleRefused, match="same path"):
        write_bundle(replace(PARTS, evidence=[*PARTS.evidence, PARTS.evidence[0]]), sign=NODE)


def test_position_of_more_than_twelve_digits_is_refused() -> None:
    entry = replace(PARTS.entries[0], position=10**12)
    with pytest.raises(BundleRefused):
        write_bundle(replace(PARTS, entries=[entry]), sign=NODE)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "x" * 256])
def test_origin_that_no_log_can_have_is_refused(origin: str) -> None:
    with pytest.raises(ManifestRefused):
        write_bundle(replace(PARTS, origin=origin), sign=NODE)


def test_time_that_is_no_instant_is_refused() -> None:
    with pytest.raises(InvalidInstant):
        write_bundle(replace(PARTS, made_at="yesterday"), sign=NODE)


def test_subject_that_is_no_visit_is_refused() -> None:
    with pytest.raises(ManifestRefused):
        write_bundle(replace(PARTS, subject=Stream(good_story().object)), sign=NODE)


def test_part_over_its_bound_is_not_written() -> None:
    with pytest.raises(LimitExceeded):
        write_bundle(replace(PARTS, checkpoint=b"x" * 2_000_000), sign=NODE)


def test_bundle_that_no_reader_would_take_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "BUNDLE_BYTES_MAX", 1_000)
    with pytest.raises(LimitExceeded):
        write_bundle(PARTS, sign=NODE)


def test_bundle_over_the_readers_limits_is_refused() -> None:
    for limits in (ArchiveLimits(archive_bytes=1_000), ArchiveLimits(files=3), ArchiveLimits(file_bytes=100)):
        with pytest.raises(LimitExceeded):
            read_bundle(good_bundle(), limits=limits)


def test_file_over_the_bound_of_its_path_is_refused_before_it_is_parsed() -> None:
    files = read_archive(good_bundle())
    files["entries/000000000000.json"] = b"x" * 70_000
    with pytest.raises(LimitExceeded, match="entries"):
        read_bundle(write_archive(files))


def test_changed_file_is_named() -> None:
    files = read_archive(good_bundle())
    with pytest.raises(ManifestMismatch, match=r"READ ME\.txt"):
        read_bundle(write_archive({**files, "READ ME.txt": b"Hello."}))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b'{"format":"telesphor-bundle/1","v":1}'])
def test_manifest_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(TelesphorError):
        parse_manifest(data)
