"""What is not shown in a shared bundle cannot be guessed, however few values it could have.

The attacker has everything public (the hash of every entry, the checkpoint) and the bundle, and tries every
value that a hidden commitment could stand for, under every key that can be found anywhere in these. That
the same attacker finds the value that was opened shows that it looks in the right places.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.kernel import canonical
from telesphor.kernel.archive import read_archive
from telesphor.kernel.bundle import OpenedCommitment, write_bundle
from telesphor.kernel.clock import format_instant
from telesphor.kernel.commitment import commit
from telesphor.kernel.entry import encode_entry
from telesphor.kernel.merkle import leaf_hash
from telesphor.verify.check_bundle import verify_bundle
from tests.unit.verify.builder import Draft, Story

RATES = tuple(canonical.encode(rate) for rate in range(40, 201))
ANSWERS = (canonical.encode("yes"), canonical.encode("no"), b"true", b"false")
GUESSES = RATES + ANSWERS
HIDDEN_MAX = 4

Values = Sequence[tuple[bytes, bytes]]
"""Values with their keys."""


def tell(values: Values) -> tuple[Story, list[int]]:
    """A story in which the device commits to these values; returns the positions of its readings."""
    story = Story.told(until="measure")
    positions = []
    for value, key in values:
        body = {
            "object": story.object.split("/")[1],
            "visit": story.name,
            "kind": "heart-rate",
            "count": 1,
            "from": format_instant(story.world.clock.now_ms()),
            "to": format_instant(story.world.clock.now_ms()),
            "commitment": commit(value, key32=key),
        }
        positions.append(len(story.world.entries))
        recorded = Draft("reading.recorded/1", story.readings, body)
        story.world.act(story.device, [("reading.record/1", body)], recorded)
    return story, positions


def share(story: Story, chosen: Iterable[int], opened: Sequence[OpenedCommitment]) -> bytes:
    parts = story.selected(chosen, opened=tuple(opened))
    return write_bundle(parts, sign=story.world.node.key)


def seen_by_attacker(story: Story, bundle: bytes) -> set[bytes]:
    """Every piece of 32 bytes or more that stands in public or in the bundle, in any writing."""
    texts = [*read_archive(bundle).values(), story.world.checkpoint()]
    pieces = {leaf_hash(data) for data in story.world.entries}
    for text in texts:
        for word in re.findall(rb"[0-9a-f]{64}", text):
            pieces.add(bytes.fromhex(word.decode()))
        for word in re.findall(rb"[A-Za-z0-9+/_-]{43,}=?", text):
            pieces.update(_decoded(word))
    return pieces


def _decoded(word: bytes) -> Iterator[bytes]:
    standard = word.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        data = base64.b64decode(standard + b"=" * (-len(standard) % 4))
    except binascii.Error:
        return
    yield data
    yield from (data[start : start + 32] for start in (0, len(data) - 32) if start >= 0)


def guess(pieces: set[bytes]) -> set[bytes]:
    """The values for which something that was seen is a hash, or a keyed hash under anything else seen."""
    keys = {b"", bytes(32), *(piece for piece in pieces if len(piece) == 32)}
    found = set()
    for value in GUESSES:
        tried = {sha256(value).digest(), sha256(b"\x00" + value).digest(), leaf_hash(value)}
        tried |= {hmac.digest(key, value, "sha256") for key in keys}
        if tried & pieces:
            found.add(value)
    return found


@settings(max_examples=6, deadline=None)
@given(
    opened=st.sampled_from(GUESSES),
    hidden=st.lists(st.sampled_from(GUESSES), min_size=1, max_size=HIDDEN_MAX),
    shown=st.booleans(),
)
def test_hidden_values_are_not_found_and_the_opened_one_is(
    opened: bytes, hidden: list[bytes], shown: bool
) -> None:
    values = [(value, secrets.token_bytes(32)) for value in (opened, *hidden)]
    story, positions = tell(values)
    [first, *others] = positions
    one = OpenedCommitment(position=first, member="commitment", key=values[0][1], value=opened)
    # The hidden commitments themselves may be shown, unopened, or not at all.
    bundle = share(story, positions if shown else [first], [one])
    assert verify_bundle(bundle).passed
    assert guess(seen_by_attacker(story, bundle)) == {opened}
    for position in others:
        commitment = story.world.entry(position).body["commitment"]
        assert (str(commitment).encode() in bundle) is shown


@settings(max_examples=3, deadline=None)
@given(value=st.sampled_from(GUESSES))
def test_hidden_entry_is_not_found_by_its_leaf_though_all_but_value_and_salt_are_known(value: bytes) -> None:
    """The worst case: the attacker knows the hidden entry but for its commitment's key and its salt."""
    story, [shown, hidden] = tell([(b"61", secrets.token_bytes(32)), (value, secrets.token_bytes(32))])
    pieces = seen_by_attacker(story, share(story, [shown], ()))
    entry = story.world.entry(hidden)
    for guessed in GUESSES:
        body = {**entry.body, "commitment": commit(guessed, key32=bytes(32))}
        for salt in {story.world.entry(position).salt for position in range(hidden)}:
            assert leaf_hash(encode_entry(replace(entry, body=body, salt=salt))) not in pieces
    assert leaf_hash(encode_entry(entry)) in pieces  # with both of them it would be found


@settings(max_examples=5, deadline=None)
@given(one=st.sampled_from(GUESSES), other=st.sampled_from(GUESSES))
def test_bundle_depends_on_hidden_values_through_hashes_only(one: bytes, other: bytes) -> None:
    """One ledger with either value hidden in it: the bundles differ in hashes and signatures alone."""
    story, [shown, hidden] = tell([(b"61", secrets.token_bytes(32)), (one, secrets.token_bytes(32))])
    first = story.selected([shown])
    entry = story.world.entry(hidden)
    body = {**entry.body, "commitment": commit(other, key32=secrets.token_bytes(32))}
    story.world.entries[hidden] = encode_entry(replace(entry, body=body))
    second = replace(story.selected([shown]), subject=first.subject)
    files = [read_archive(write_bundle(parts, sign=story.world.node.key)) for parts in (first, second)]
    lengths = [{path: len(content) for path, content in one_of.items()} for one_of in files]
    assert lengths[0] == lengths[1]
    differing = {path.split("/")[0] for path in files[0] if files[0][path] != files[1][path]}
    assert differing == {"manifest.json", "manifest.jws", "checkpoint", "proofs"}
