"""Faults of the archive, the manifest, opened values and the node's own signature."""

from __future__ import annotations

import re
from typing import Any

from telesphor.kernel import base64url, canonical
from telesphor.kernel.archive import read_archive
from telesphor.kernel.bundle import MANIFEST_JWS, OpenedCommitment, entry_path, proof_path
from telesphor.kernel.digest import digest_of
from tests.unit.verify.builder import READING, Story, signing_key
from tests.vectors.bundles.case import edited, fault, good_bundle, good_story, raw, untouched, without

# Anybody: changes to the archive and to files, without the node's keys.


@fault("archive", "not-an-archive")
def prepended_program() -> bytes:
    return b"#!/bin/sh\n" + good_bundle()


@fault("archive", "not-an-archive")
def appended_byte() -> bytes:
    return good_bundle() + b"\0"


@fault("archive", "not-an-archive")
def cut_short() -> bytes:
    return good_bundle()[:-1]


@fault("archive", "not-an-archive")
def empty_file() -> bytes:
    return b""


@fault("archive", "archive-damaged")
def flipped_byte_in_an_entry() -> bytes:
    data = bytearray(good_bundle())
    data[data.index(b'"visit.opened/1"') + 3] ^= 1
    return bytes(data)


@fault("archive", "archive-refused")
def encrypted_flag() -> bytes:
    return good_bundle()[:6] + b"\x01\0" + good_bundle()[8:]


@fault("archive", "archive-refused")
def data_descriptor_flag() -> bytes:
    return good_bundle()[:6] + b"\x08\0" + good_bundle()[8:]


@fault("archive", "archive-refused")
def zip64_sizes() -> bytes:
    return good_bundle()[:18] + b"\xff" * 8 + good_bundle()[26:]


@fault("archive", "archive-name-refused")
def path_traversal_name() -> bytes:
    # Both headers, and not the line of the manifest, where the name stands between quotes.
    return re.sub(rb'(?<!")READ ME\.txt', b"../E ME.txt", good_bundle())


@fault("manifest", "manifest-mismatch")
def entry_dropped() -> bytes:
    def drop(files: dict[str, bytes]) -> None:
        del files[entry_path(good_story().on(good_story().visit)[1])]

    return raw(drop)


@fault("manifest", "manifest-mismatch")
def unlisted_file() -> bytes:
    return raw(lambda files: files.update({"extra.txt": b"hello"}))


@fault("manifest", "manifest-mismatch")
def changed_entry_with_a_right_checksum() -> bytes:
    path = entry_path(0)
    return raw(lambda files: files.update({path: files[path].replace(b"2026", b"2027")}))


@fault("manifest", "bundle-refused")
def no_checkpoint_file() -> bytes:
    return raw(without("checkpoint"))


@fault("manifest", "limit-exceeded")
def manifest_nested_without_end() -> bytes:
    return raw(lambda files: files.update({"manifest.json": b"[" * 1_000_000}))


@fault("manifest", "not-canonical")
def manifest_with_a_name_twice() -> bytes:
    return raw(lambda files: files.update({"manifest.json": b'{"v":1,' + files["manifest.json"][1:]}))


@fault("manifest", "limit-exceeded")
def manifest_signature_beyond_its_bound() -> bytes:
    return raw(lambda files: files.update({MANIFEST_JWS: b"x" * 17_000}))


# The node: files listed and signed anew.


@fault("manifest", "manifest-refused")
def manifest_lists_a_file_twice() -> bytes:
    return edited(untouched, manifest=lambda value: value["files"].insert(0, value["files"][0]))


@fault("manifest", "manifest-mismatch")
def manifest_lists_an_absent_file() -> bytes:
    line = {"path": "zzz.txt", "size": 0, "digest": digest_of(b"")}
    return edited(untouched, manifest=lambda value: value["files"].append(line))


@fault("manifest", "manifest-mismatch")
def manifest_lists_itself() -> bytes:
    line = {"path": "manifest.json", "size": 0, "digest": digest_of(b"")}
    return edited(
        untouched,
        manifest=lambda value: value.update(
            files=sorted([*value["files"], line], key=lambda f: str(f["path"]))
        ),
    )


@fault("manifest", "manifest-refused")
def manifest_of_unknown_version() -> bytes:
    return edited(untouched, manifest=lambda value: value.update(v=2))


@fault("manifest", "manifest-refused")
def manifest_with_version_true() -> bytes:
    return edited(untouched, manifest=lambda value: value.update(v=True))


@fault("manifest", "manifest-refused")
def manifest_with_an_unknown_field() -> bytes:
    return edited(untouched, manifest=lambda value: value.update(note="x"))


@fault("manifest", "manifest-refused")
def subject_that_is_no_visit() -> bytes:
    stream = good_story().object
    return edited(untouched, manifest=lambda value: value.update(subject={"stream": stream}))


@fault("manifest", "bundle-refused")
def listed_file_that_no_bundle_has() -> bytes:
    return edited(lambda files: files.update({"entries/extra.txt": b"hello"}))


@fault("manifest", "bundle-refused")
def entry_without_its_proof() -> bytes:
    return edited(without(proof_path(0)))


@fault("manifest", "bundle-refused")
def proof_without_its_entry() -> bytes:
    return edited(lambda files: files.update({proof_path(999): b""}))


@fault("manifest", "not-base64")
def proof_that_is_not_base64() -> bytes:
    return edited(lambda files: files.update({proof_path(0): b"?\n"}))


@fault("manifest", "bundle-refused")
def proof_without_its_last_newline() -> bytes:
    return edited(lambda files: files.update({proof_path(0): files[proof_path(0)][:-1]}))


@fault("manifest", "limit-exceeded")
def proof_longer_than_any_tree() -> bytes:
    line = base64url.std_encode(bytes(32)).encode() + b"\n"
    return edited(lambda files: files.update({proof_path(0): line * 64}))


@fault("manifest", "bundle-refused")
def opened_commitment_without_an_entry() -> bytes:
    def move(files: dict[str, bytes]) -> None:
        path = next(path for path in files if path.startswith("opened/"))
        files["opened/000000000999.json"] = files.pop(path)

    return edited(move)


# Opened values and the node's own signature.


def _opened(**fields: Any) -> bytes:
    story = good_story()
    shown = story.parts().opened[0]
    values: dict[str, Any] = {
        "position": shown.position,
        "member": shown.member,
        "key": shown.key,
        "value": shown.value,
    }
    return story.bundle(opened=[OpenedCommitment(**(values | fields))])


@fault("commitments", "commitment-refused")
def opened_value_that_was_not_committed_to() -> bytes:
    return _opened(value=READING.replace(b"61", b"99"))


@fault("commitments", "commitment-refused")
def opened_value_under_another_key() -> bytes:
    return _opened(key=bytes(32))


@fault("commitments", "commitment-missing")
def opened_value_that_no_entry_holds() -> bytes:
    return _opened(member="secret")


@fault("commitments", "not-canonical")
def opened_value_that_is_not_canonical() -> bytes:
    return _opened(value=READING + b"\n")


@fault("signature", "manifest-of-other-signer")
def manifest_signed_by_an_actor_that_is_not_the_node() -> bytes:
    return good_story().bundle(sign=signing_key("clinic"))


@fault("signature", "half-signature")
def manifest_with_one_half_stripped() -> bytes:
    def strip(files: dict[str, bytes]) -> None:
        jws: Any = canonical.decode(files[MANIFEST_JWS], limit=1 << 20)
        files[MANIFEST_JWS] = canonical.encode({"signatures": jws["signatures"][1:]})

    return raw(strip)


@fault("signature", "jws-malformed")
def manifest_signature_with_white_space() -> bytes:
    return raw(lambda files: files.update({MANIFEST_JWS: files[MANIFEST_JWS] + b"\n"}))


@fault("signature", "signature-refused")
def manifest_with_the_signature_of_another_bundle() -> bytes:
    other = read_archive(Story.told().bundle(made_at="2026-11-22T11:51:15.123Z"))
    return raw(lambda files: files.update({MANIFEST_JWS: other[MANIFEST_JWS]}))
