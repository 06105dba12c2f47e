"""Faults of what others said of the checkpoint: cards, cosignatures, anchors, and the node's own policy.

They are told of the good story with three witnesses and a notary, which by itself passes at L4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from telesphor.kernel import base64url, canonical
from telesphor.kernel.bundle import CHECKPOINT, BundleParts, write_bundle
from telesphor.kernel.bundle_files import card_path
from telesphor.kernel.card import Role
from telesphor.kernel.chains.anchor import anchor_digest
from telesphor.kernel.chains.ethereum import EthereumProof, read_header, read_proof
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.timestamp import (
    APPEND,
    PREPEND,
    SHA256,
    Operation,
    TimestampPath,
    bitcoin_attestation,
    format_timestamp_file,
)
from telesphor.kernel.checkpoint import Checkpoint, parse_checkpoint
from telesphor.kernel.cosignature import Cosigner, append_signatures
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import stream_of
from telesphor.kernel.levels import DEFAULT_LEVELS
from telesphor.kernel.note import Note, format_note, parse_note, parse_vkey
from tests.support.ethereum import make_proof, make_transaction, other_transactions
from tests.support.headers import make_row
from tests.unit.verify.builder import Draft, Edit, Story, log_signer, repack
from tests.unit.verify.peers import WITNESSES, Peer, cosigner
from tests.vectors.bundles.case import fault, good_story

LOW_BAR = DEFAULT_LEVELS.replace("validators = 3", "validators = 1")


@cache
def witnessed_parts() -> BundleParts:
    return good_story().witnessed()


@cache
def witnessed_bundle() -> bytes:
    """The honest bundle with three witnesses and a notary."""
    return bundle_of(witnessed_parts())


def bundle_of(parts: BundleParts) -> bytes:
    return write_bundle(parts, sign=good_story().world.node.key)


def anchored(data: bytes | None = None, *, name: str = "ethereum-1.json", **options: Any) -> bytes:
    """The witnessed bundle with an anchor of the checkpoint, or of other data."""
    proof = ethereum_anchor(data, **options)
    return bundle_of(replace(witnessed_parts(), anchors={name: proof.encode()}))


def ethereum_anchor(data: bytes | None = None, **options: Any) -> EthereumProof:
    digest = anchor_digest(parse_note(witnessed_parts().checkpoint).text)
    return make_proof(transaction=make_transaction(digest if data is None else data), **options)


def levels_knowing(anchor: bytes) -> str:
    """The shipped policy with a pin, by a reader who knows the block of this anchor in Ethereum."""
    header = read_proof(anchor).header
    height, block_hash = read_header(header).height, keccak256(header).hex()
    return f'{DEFAULT_LEVELS}[[pin]]\nnetwork = "ethereum-1"\nheight = {height}\nhash = "{block_hash}"\n'


def both_anchors(note: bytes) -> dict[str, bytes]:
    """Anchors of a checkpoint of the size that they have in use: in Bitcoin (regtest) and in Ethereum."""
    digest = anchor_digest(parse_note(note).text)
    merkle = [Operation(code, bytes(32)) for code in (APPEND, PREPEND)] * 6
    steps = [Operation(PREPEND, b"t" * 100), Operation(APPEND, b"x" * 100), Operation(SHA256)]
    for step in merkle:
        steps += [Operation(SHA256), step, Operation(SHA256)]
    path = TimestampPath(tuple(steps), bitcoin_attestation(500))
    return {
        "bitcoin-regtest.ots": format_timestamp_file([path], digest=digest),
        "bitcoin-regtest.headers": make_row(6, roots={0: path.message(digest)}),
        "ethereum-1.json": make_proof(
            transaction=make_transaction(digest), others=other_transactions(150), index=70
        ).encode(),
    }


def witnessed_edit(edit: Edit) -> bytes:
    return repack(witnessed_bundle(), edit)


def noted(change: Callable[[Note], Note]) -> bytes:
    """The witnessed bundle with its note changed."""
    changed = format_note(change(parse_note(witnessed_parts().checkpoint)))
    return witnessed_edit(lambda files: files.update({CHECKPOINT: changed}))


def cosigned_otherwise(change: Callable[[Checkpoint], Checkpoint]) -> bytes:
    """A witness's lines are of another checkpoint."""
    parts = good_story().witnessed([])
    checkpoint = change(parse_checkpoint(parse_note(parts.checkpoint).text))
    peer = WITNESSES[0]
    lines = cosigner(peer.name).cosign(checkpoint, time_seconds=1_795_000_100)
    note = append_signatures(parts.checkpoint, lines)
    return bundle_of(replace(parts, checkpoint=note, cards={peer.key_id: peer.card()}))


# Cards.


@fault("witnesses", "card-misplaced")
def card_swapped_for_that_of_another_witness() -> bytes:
    first, second, _ = WITNESSES
    return witnessed_edit(lambda files: files.update({card_path(first.key_id): second.card()}))


@fault("witnesses", "witness-card-refused")
def card_with_another_organisation_written_in() -> bytes:
    path = card_path(WITNESSES[0].key_id)

    def write(files: dict[str, bytes]) -> None:
        card: Any = canonical.decode(files[path], limit=1 << 20)
        payload = base64url.decode(card["payload"]).replace(b"north.example", b"south.example")
        files[path] = canonical.encode({**card, "payload": base64url.encode(payload)})

    return witnessed_edit(write)


@fault("witnesses", "half-signature")
def card_with_one_half_of_its_signature() -> bytes:
    path = card_path(WITNESSES[0].key_id)

    def strip(files: dict[str, bytes]) -> None:
        card: Any = canonical.decode(files[path], limit=1 << 20)
        files[path] = canonical.encode({**card, "signatures": card["signatures"][:1]})

    return witnessed_edit(strip)


@fault("witnesses", "card-unreferenced")
def card_of_a_witness_that_did_not_sign() -> bytes:
    idle = Peer("w9.idle.example", "idle.example")
    cards = {**witnessed_parts().cards, idle.key_id: idle.card()}
    return bundle_of(replace(witnessed_parts(), cards=cards))


@fault("witnesses", "card-unreferenced")
def card_of_another_log() -> bytes:
    other = log_signer("other")
    card = Peer("log", "clinic.example", role=Role.LOG).card(key=other)
    cards = {**witnessed_parts().cards, parse_vkey(other.vkeys()[1]).key_id: card}
    return bundle_of(replace(witnessed_parts(), cards=cards))


@fault("witnesses", "card-key-reused")
def second_card_for_one_ed25519_key() -> bytes:
    """Somebody with one key plays two witnesses: the second pair shares its Ed25519 half with the first."""
    first = cosigner(WITNESSES[0].name)
    twin = Cosigner("twin.example", first.ed25519_seed, hashlib.sha256(b"twin").digest())
    checkpoint = parse_checkpoint(parse_note(witnessed_parts().checkpoint).text)
    lines = twin.cosign(checkpoint, time_seconds=1_795_000_100)
    cards = dict(witnessed_parts().cards)
    cards[parse_vkey(twin.vkeys()[1]).key_id] = Peer("twin.example", "twin.example").card(key=twin)
    note = append_signatures(witnessed_parts().checkpoint, lines)
    return bundle_of(replace(witnessed_parts(), checkpoint=note, cards=cards))


@fault("witnesses", "card-key-reused")
def log_that_witnesses_itself() -> bytes:
    """The log's own keys under another name, with a card of another organisation."""
    log = good_story().world.log
    alias = Cosigner("friend.example", log.ed25519_seed, log.mldsa44_seed)
    parts = good_story().witnessed([])
    checkpoint = parse_checkpoint(parse_note(parts.checkpoint).text)
    note = append_signatures(parts.checkpoint, alias.cosign(checkpoint, time_seconds=1_795_000_100))
    card = Peer("friend.example", "friend.example").card(key=alias)
    cards = {parse_vkey(alias.vkeys()[1]).key_id: card}
    return bundle_of(replace(parts, checkpoint=note, cards=cards))


@fault("manifest", "limit-exceeded")
def ten_thousand_cards() -> bytes:
    many = {f"cards/{number:08x}.json": b"{}" for number in range(10_000)}
    return witnessed_edit(lambda files: files.update(many))


@fault("manifest", "limit-exceeded")
def card_of_a_megabyte() -> bytes:
    return witnessed_edit(lambda files: files.update({card_path(WITNESSES[0].key_id): b"x" * 1_000_000}))


# Cosignatures.


@fault("witnesses", "cosignature-refused")
def cosignature_of_another_size() -> bytes:
    return cosigned_otherwise(lambda checkpoint: replace(checkpoint, size=checkpoint.size + 1))


@fault("witnesses", "cosignature-refused")
def cosignature_of_another_root() -> bytes:
    return cosigned_otherwise(lambda checkpoint: replace(checkpoint, root=bytes(32)))


@fault("witnesses", "cosignature-refused")
def cosignature_of_another_log() -> bytes:
    return cosigned_otherwise(lambda checkpoint: replace(checkpoint, origin="ledger.other.example"))


@fault("witnesses", "half-signature")
def cosignature_without_its_ed25519_line() -> bytes:
    return noted(lambda note: replace(note, signatures=(*note.signatures[:2], *note.signatures[3:])))


@fault("witnesses", "half-signature")
def cosignature_without_its_mldsa_line() -> bytes:
    return noted(lambda note: replace(note, signatures=(*note.signatures[:3], *note.signatures[4:])))


@fault("witnesses", "cosignature-refused")
def cosignature_given_twice() -> bytes:
    return noted(lambda note: replace(note, signatures=(*note.signatures, note.signatures[2])))


@fault("witnesses", "cosignature-refused")
def cosignature_of_two_times() -> bytes:
    parts = good_story().witnessed([])
    checkpoint = parse_checkpoint(parse_note(parts.checkpoint).text)
    signer = cosigner(WITNESSES[0].name)
    early, late = (signer.cosign(checkpoint, time_seconds=1_795_000_100 + later) for later in (0, 1))
    note = append_signatures(parts.checkpoint, [early[0], late[1]])
    cards = {WITNESSES[0].key_id: WITNESSES[0].card()}
    return bundle_of(replace(parts, checkpoint=note, cards=cards))


@fault("checkpoint", "limit-exceeded")
def note_of_a_hundred_and_one_lines() -> bytes:
    def repeat(files: dict[str, bytes]) -> None:
        body, _, _ = files[CHECKPOINT].partition(b"\n\n")
        line = files[CHECKPOINT].splitlines(keepends=True)[4]
        files[CHECKPOINT] = body + b"\n\n" + line * 101

    return witnessed_edit(repeat)


# Anchors.


@fault("anchors", "anchor-of-another-digest")
def anchor_of_another_checkpoint() -> bytes:
    return anchored(bytes(32))


@fault("anchors", "anchor-of-another-network")
def anchor_of_another_network() -> bytes:
    return anchored(name="ethereum-10.json")


@fault("manifest", "anchor-of-another-network")
def anchor_in_a_network_that_nobody_knows() -> bytes:
    return witnessed_edit(lambda files: files.update({"anchors/dogecoin-mainnet.ots": b"x"}))


@fault("manifest", "bundle-refused")
def anchor_of_bitcoin_without_its_headers() -> bytes:
    return witnessed_edit(lambda files: files.update({"anchors/bitcoin-mainnet.ots": b"x"}))


@fault("manifest", "bundle-refused")
def anchor_of_bitcoin_in_json() -> bytes:
    return witnessed_edit(lambda files: files.update({"anchors/bitcoin-mainnet.json": b"{}"}))


@fault("anchors", "anchor-malformed")
def anchor_that_is_nothing() -> bytes:
    return witnessed_edit(lambda files: files.update({"anchors/ethereum-1.json": b"{}"}))


@fault("anchors", "anchor-malformed")
def timestamp_that_is_nothing() -> bytes:
    files_of = {"anchors/bitcoin-mainnet.ots": b"x", "anchors/bitcoin-mainnet.headers": bytes(80)}
    return witnessed_edit(lambda files: files.update(files_of))


@fault("manifest", "limit-exceeded")
def anchor_beyond_its_bound() -> bytes:
    return witnessed_edit(lambda files: files.update({"anchors/ethereum-1.json": b"x" * 2_000_000}))


@fault("manifest", "limit-exceeded")
def anchors_in_twenty_networks() -> bytes:
    many = {f"anchors/ethereum-{number}.json": b"{}" for number in range(1, 21)}
    return witnessed_edit(lambda files: files.update(many))


@fault("anchors", "anchor-of-another-digest")
def anchor_in_bitcoin_of_another_checkpoint() -> bytes:
    files = both_anchors(Story.told(until="close").world.checkpoint())
    del files["ethereum-1.json"]
    return bundle_of(replace(witnessed_parts(), anchors=files))


@fault("anchors", "anchor-of-another-network")
def anchor_in_regtest_that_calls_itself_mainnet() -> bytes:
    files = both_anchors(witnessed_parts().checkpoint)
    renamed = {f"bitcoin-mainnet.{kind}": files[f"bitcoin-regtest.{kind}"] for kind in ("ots", "headers")}
    return bundle_of(replace(witnessed_parts(), anchors=renamed))


# The node's own policy.


@fault("levels", "levels-refused")
def levels_that_are_no_policy() -> bytes:
    return witnessed_edit(lambda files: files.update({"levels.toml": b"everything = true\n"}))


@fault("manifest", "limit-exceeded")
def levels_of_a_megabyte() -> bytes:
    return witnessed_edit(lambda files: files.update({"levels.toml": b"#" * 1_000_000}))


# Selections.


def selection(**options: Any) -> bytes:
    story = good_story()
    parts = story.selected(story.on(story.readings), **options)
    return write_bundle(parts, sign=story.world.node.key)


def paused() -> bytes:
    """That somebody was kept from acting, and then not: a selection of these two entries."""
    story = Story.told()
    about = {"actor": story.clinician.id}
    pause = stream_of("pause", story.clinician.id)
    said = {**about, "reason": "away"}
    story.world.act(story.clinic, [("actor.pause/1", said)], Draft("actor.paused/1", pause, said))
    story.world.act(story.clinic, [("actor.resume/1", about)], Draft("actor.resumed/1", pause, about))
    return write_bundle(story.selected(story.on(pause)), sign=story.world.node.key)


def with_subject(subject: object) -> bytes:
    return repack(selection(), lambda _: None, manifest=lambda value: value.update(subject=subject))


@fault("manifest", "manifest-refused")
def manifest_with_both_subjects() -> bytes:
    both = {"stream": good_story().visit, "selection": good_story().name, "purpose": "both"}
    return with_subject(both)


@fault("manifest", "manifest-refused")
def selection_without_a_purpose() -> bytes:
    return with_subject({"selection": good_story().name})


@fault("manifest", "manifest-refused")
def selection_with_an_empty_purpose() -> bytes:
    return with_subject({"selection": good_story().name, "purpose": ""})


@fault("manifest", "manifest-refused")
def selection_with_a_purpose_that_steers_the_terminal() -> bytes:
    return with_subject({"selection": good_story().name, "purpose": "look \x1b[2J"})


@fault("manifest", "manifest-refused")
def selection_with_a_purpose_without_end() -> bytes:
    return with_subject({"selection": good_story().name, "purpose": "x" * 501})


@fault("manifest", "invalid-id")
def selection_without_an_id() -> bytes:
    return with_subject({"selection": "mine", "purpose": "a complaint"})


@fault("streams", "selection-empty")
def selection_of_nothing() -> bytes:
    story = good_story()
    parts = story.selected([0])
    return write_bundle(parts, sign=story.world.node.key)


@fault("streams", "stream-start-refused")
def selection_that_calls_itself_a_visit() -> bytes:
    return with_subject({"stream": good_story().other_visit})


@fault("streams", "stream-gap")
def selection_with_a_gap_in_a_key_history() -> bytes:
    story = good_story()
    first, *_ = story.on(story.visit)
    rotation = story.world.find("actor.key-rotated/1")[0]
    registration, *_ = story.on(story.world.entry(rotation).stream)
    return write_bundle(story.selected([first], drop_also={registration}), sign=story.world.node.key)


@fault("links", "link-refused")
def selection_with_a_link_that_does_not_fit() -> bytes:
    story = Story.told(until="measure")
    story.note(1, role="reading")
    [link] = story.on(story.visit)[1:]
    sealed = story.on(story.object)[1]
    parts = story.selected([link, sealed])
    return write_bundle(parts, sign=story.world.node.key)


@fault("requests", "evidence-missing")
def selection_without_a_request() -> bytes:
    story = good_story()
    parts = story.selected(story.on(story.readings))
    behind = story.world.entry(story.on(story.readings)[0]).evidence
    kept = [jws for digest, jws in story.world.evidence.items() if digest != behind]
    kept = [jws for jws in kept if jws in parts.evidence]
    return write_bundle(replace(parts, evidence=kept), sign=story.world.node.key)


@fault("requests", "not-asked")
def share_of_another_file_than_was_asked_for() -> bytes:
    story = Story.told()
    name = story.world.ids.next()
    said: dict[str, Any] = {"entries": [[1, 1]], "opened": [], "file": digest_of(b"one")}
    asked = {**said, "share": name, "file": digest_of(b"another")}
    made = Draft("share.made/1", stream_of("shares", name), said)
    story.world.act(story.clinic, [("share.make/1", asked)], made)
    parts = story.selected([len(story.world.entries) - 1])
    return write_bundle(parts, sign=story.world.node.key)


@fault("commitments", "commitment-refused")
def selection_that_opens_another_value() -> bytes:
    opened = [replace(one, value=b"[99]") for one in good_story().parts().opened]
    return selection(opened=opened)
