"""Copies of the proof, forged: by a stranger, and by the node itself, which has the key that signs bundles.

Every forged bundle but the first is a well-formed archive with a matching manifest, so that what refuses
it is the check that the forgery meets, not a checksum.

Start at `attack_bundle`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from telesphor.demo.attacks import Attack, tell
from telesphor.demo.narration import Narrator
from telesphor.demo.proof import Verifier
from telesphor.demo.stage import Stage
from telesphor.kernel import canonical
from telesphor.kernel.archive import read_archive, write_archive
from telesphor.kernel.bundle import (
    CHECKPOINT,
    EVIDENCE_BYTES_MAX,
    MANIFEST,
    MANIFEST_JWS,
    encode_manifest,
    entry_path,
    parse_manifest,
    proof_path,
)
from telesphor.kernel.bundle_files import card_path
from telesphor.kernel.card import Card, Role, read_card
from telesphor.kernel.checkpoint import parse_checkpoint
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.entry import Entry, parse_entry
from telesphor.kernel.note import format_note, parse_note
from telesphor.kernel.signing import SigningKey, sign_detached
from telesphor.runtime.folder import load_node_keys

Files = Mapping[str, bytes]


def attack_bundle(stage: Stage, verifier: Verifier, narrator: Narrator) -> list[Attack]:
    """Forge copies of the bundle and let the verifier judge each, in a process of its own."""
    key = load_node_keys(stage.node.node_key, passphrase=stage.passphrase).signing
    stage.attacks.mkdir(exist_ok=True)
    attacks = []
    for number, (what, code, data) in enumerate(_forgeries(stage.bundle.read_bytes(), key), 1):
        file = stage.attacks / f"forged-{number}.bundle.zip"
        file.write_bytes(data)
        attacks.append(tell(_judge(what, code, file, verifier), narrator))
    return attacks


def sign_files(files: Files, key: SigningKey) -> bytes:
    """A bundle of these files, under a manifest that lists them and is signed by the node's own key."""
    manifest = parse_manifest(files[MANIFEST])
    rest = {path: content for path, content in files.items() if path not in (MANIFEST, MANIFEST_JWS)}
    made = encode_manifest(
        rest, made_at=manifest.made_at, origin=manifest.origin, subject=manifest.subject, keys=manifest.keys
    )
    return write_archive({**rest, MANIFEST: made, MANIFEST_JWS: sign_detached(made, key)})


def _judge(what: str, code: str, file: Path, verifier: Verifier) -> Attack:
    verdict = verifier.check(file)
    said = f"step {len(verdict.steps)} ({verdict.last.name}): {verdict.last.failure}"
    return Attack(what, not verdict.passed and verdict.last.code == code, verdict.last.code, said)


def _forgeries(bundle: bytes, key: SigningKey) -> Iterator[tuple[str, str, bytes]]:
    """What is done, the code of the refusal it deserves, and the forged bundle."""
    files = read_archive(bundle)
    entries = {int(path[8:20]): parse_entry(files[path]) for path in files if path.startswith("entries/")}
    yield "one bit of the bundle is flipped", "archive-damaged", _flip(bundle, files, entries)
    dropped = _without(files, _position_of(entries, "visit.object-linked/1"))
    yield "an entry is dropped from the bundle", "manifest-mismatch", write_archive(dropped)
    yield (
        "the node itself drops it, and signs a manifest without it",
        "stream-gap",
        sign_files(dropped, key),
    )
    yield (
        "the node itself puts another request's signature under a request",
        "signature-refused",
        sign_files(_swap_signatures(files, entries), key),
    )
    yield "the manifest gets the signature of another manifest", "signature-refused", _redated(files)
    witnesses = _witnesses(files)
    if len(witnesses) < 2:  # Nobody cosigned in time; the run has failed already, and says so.
        return
    yield (
        "the node itself swaps the cards of two witnesses, so that each is said to be of the other's organisation",
        "card-misplaced",
        sign_files(_swap_cards(files, witnesses), key),
    )
    yield (
        "the node itself forges the cosignature of a witness",
        "cosignature-refused",
        sign_files(_forge_cosignature(files, witnesses[0]), key),
    )


def _flip(bundle: bytes, files: Files, entries: Mapping[int, Entry]) -> bytes:
    """Flip a bit within an entry."""
    content = files[entry_path(_position_of(entries, "visit.closed/1"))]
    at = bundle.index(content) + len(content) // 2
    return bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :]


def _without(files: Files, position: int) -> dict[str, bytes]:
    gone = (entry_path(position), proof_path(position))
    return {path: content for path, content in files.items() if path not in gone}


def _swap_signatures(files: Files, entries: Mapping[int, Entry]) -> dict[str, bytes]:
    """Two requests of the actor who closed the visit; the one gets the other's post-quantum signature."""
    closing = entries[_position_of(entries, "visit.closed/1")]
    by_actor = [e.evidence for e in entries.values() if e.actor == closing.actor and e.evidence]
    target, donor = (
        f"evidence/{digest.removeprefix('sha256:')}.json" for digest in (closing.evidence or "", by_actor[0])
    )
    request: Any = canonical.decode(files[target], limit=EVIDENCE_BYTES_MAX)
    stolen: Any = canonical.decode(files[donor], limit=EVIDENCE_BYTES_MAX)
    request["signatures"][1] = stolen["signatures"][1]
    return {**files, target: canonical.encode(request)}


def _redated(files: Files) -> bytes:
    """The same bundle with a manifest of another time, and the old signature."""
    manifest = parse_manifest(files[MANIFEST])
    rest = {path: content for path, content in files.items() if path not in (MANIFEST, MANIFEST_JWS)}
    made = encode_manifest(
        rest,
        made_at="2020-01-01T00:00:00.000Z",
        origin=manifest.origin,
        subject=manifest.subject,
        keys=manifest.keys,
    )
    return write_archive({**rest, MANIFEST: made, MANIFEST_JWS: files[MANIFEST_JWS]})


def _witnesses(files: Files) -> list[Card]:
    """Those who cosigned, by their cards."""
    cards = (read_card(content) for path, content in sorted(files.items()) if path.startswith("cards/"))
    return [card for card in cards if card.role is Role.WITNESS]


def _card_path(card: Card) -> str:
    return card_path(card.keys.mldsa44.key_id)


def _swap_cards(files: Files, witnesses: Sequence[Card]) -> dict[str, bytes]:
    first, second = _card_path(witnesses[0]), _card_path(witnesses[1])
    return {**files, first: files[second], second: files[first]}


def _forge_cosignature(files: Files, witness: Card) -> dict[str, bytes]:
    """The lines of one witness, made with keys that the node has made up, under the names of the witness's own."""
    note = parse_note(files[CHECKPOINT])
    made_up = Cosigner.generate(witness.name)
    time_seconds = int.from_bytes(note.signatures[1].signature[:8], "big")
    lines = made_up.cosign(parse_checkpoint(note.text), time_seconds=time_seconds)
    ids = [witness.keys.ed25519.key_id, witness.keys.mldsa44.key_id]
    forged = {key_id: replace(line, key_id=key_id) for key_id, line in zip(ids, lines, strict=True)}
    signatures = tuple(forged.get(line.key_id, line) for line in note.signatures)
    return {**files, CHECKPOINT: format_note(replace(note, signatures=signatures))}


def _position_of(entries: Mapping[int, Entry], kind: str) -> int:
    return next(position for position, entry in sorted(entries.items()) if entry.type == kind)
