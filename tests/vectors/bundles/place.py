"""Faults of the checkpoint, of the proofs and of genesis."""

from __future__ import annotations

from collections.abc import Callable

from telesphor.kernel.bundle import entry_path, proof_path
from telesphor.kernel.ids import stream_of
from telesphor.kernel.signing import HybridSuite
from tests.unit.verify.builder import KEM, Draft, Story, log_signer, signing_key
from tests.vectors.bundles.case import edited, fault, good_story

# The checkpoint and the tree.


def with_checkpoint(checkpoint: bytes) -> bytes:
    return edited(lambda files: files.update(checkpoint=checkpoint))


@fault("checkpoint", "half-signature")
def checkpoint_without_its_mldsa_line() -> bytes:
    lines = good_story().world.checkpoint().splitlines(keepends=True)
    return with_checkpoint(b"".join(lines[:-1]))


@fault("checkpoint", "half-signature")
def checkpoint_without_its_ed25519_line() -> bytes:
    lines = good_story().world.checkpoint().splitlines(keepends=True)
    return with_checkpoint(b"".join([*lines[:-2], lines[-1]]))


@fault("checkpoint", "checkpoint-refused")
def checkpoint_of_other_keys() -> bytes:
    return with_checkpoint(good_story().world.checkpoint(signer=log_signer("thief")))


@fault("checkpoint", "checkpoint-refused")
def checkpoint_of_another_size() -> bytes:
    checkpoint = good_story().world.checkpoint()
    return with_checkpoint(checkpoint.replace(b"\n15\n", b"\n16\n", 1))


@fault("checkpoint", "vkey-refused")
def checkpoint_of_another_origin() -> bytes:
    other = log_signer(origin="ledger.other.example")
    vkeys = "".join(f"{vkey}\n" for vkey in other.vkeys()).encode()
    checkpoint = good_story().world.checkpoint(signer=other)
    return edited(lambda files: files.update({"checkpoint": checkpoint, "log.vkeys": vkeys}))


@fault("checkpoint", "vkey-refused")
def log_with_one_key_twice() -> bytes:
    vkey = good_story().world.log.vkeys()[0]
    return edited(lambda files: files.update({"log.vkeys": f"{vkey}\n{vkey}\n".encode()}))


@fault("inclusion", "inclusion-refused")
def proofs_of_another_tree() -> bytes:
    story = Story.told()
    older = story.parts().entries
    story.world.register(story.clinic, story.world.actor("later", "person"))
    return story.bundle(entries=older)


@fault("inclusion", "inclusion-refused")
def entry_moved_to_another_position() -> bytes:
    def move(files: dict[str, bytes]) -> None:
        for path_of in (entry_path, proof_path):
            files[path_of(3)], files[path_of(4)] = files[path_of(4)], files[path_of(3)]

    return edited(move)


@fault("inclusion", "inclusion-refused")
def entry_changed_and_listed_anew() -> bytes:
    path = entry_path(good_story().on(good_story().readings)[0])
    return edited(lambda files: files.update({path: files[path].replace(b'"count":3', b'"count":4')}))


@fault("inclusion", "inclusion-refused")
def entry_beyond_the_checkpoint() -> bytes:
    story = Story.told()
    checkpoint = story.world.checkpoint()
    position = len(story.world.entries)
    story.world.register(story.clinic, story.world.actor("later", "person"))
    return story.bundle(add={position}, checkpoint=checkpoint)


@fault("inclusion", "entry-from-future")
def entry_later_than_its_checkpoint() -> bytes:
    story = Story.told(until="close")
    story.world.clock.advance_ms(400_000)
    story.close()
    story.world.clock.advance_ms(-400_000)
    return story.bundle()


@fault("inclusion", "entry-refused")
def entry_that_is_not_canonical() -> bytes:
    path = entry_path(good_story().on(good_story().readings)[0])
    return edited(lambda files: files.update({path: files[path].replace(b'"v":1', b'"v": 1')}))


# Genesis.


@fault("genesis", "genesis-missing")
def genesis_left_out() -> bytes:
    return good_story().bundle(drop={0})


@fault("genesis", "genesis-refused")
def genesis_not_at_position_zero() -> bytes:
    story = Story()
    stream = stream_of("system", story.world.ids.next())
    story.world.append(story.world.node, Draft("system.started/1", stream, {}), None)
    for step in (story.found, story.enrol, story.record, story.open, story.close):
        step()
    return story.bundle()


@fault("genesis", "second-genesis")
def two_geneses() -> bytes:
    story = Story.told()
    story.found()
    return story.bundle(add={len(story.world.entries) - 1})


@fault("genesis", "log-keys-mismatch")
def log_keys_that_genesis_does_not_name() -> bytes:
    story = Story()
    body = story.genesis_body() | {"log": list(log_signer("other").vkeys())}
    return _told_after(story, lambda: story.found(body=body))


@fault("genesis", "genesis-refused")
def genesis_of_another_origin() -> bytes:
    story = Story()
    return _told_after(
        story, lambda: story.found(body=story.genesis_body() | {"origin": "ledger.other.example"})
    )


@fault("genesis", "genesis-refused")
def genesis_that_the_root_did_not_ask_for() -> bytes:
    story = Story()
    node = {"id": story.world.ids.next(), "keys": signing_key("thief").public.jwks(), "kem": KEM}
    return _told_after(story, lambda: story.found(asked=story.genesis_body() | {"node": node}))


@fault("genesis", "genesis-refused")
def genesis_with_a_node_key_for_root() -> bytes:
    story = Story()
    story.world.root.key = signing_key("root, but of the wrong suite")
    return _told_after(story, story.found)


@fault("genesis", "key-not-in-force")
def genesis_signed_by_another_root() -> bytes:
    story = Story()
    return _told_after(story, lambda: story.found(key=signing_key("thief", HybridSuite.ROOT)))


@fault("genesis", "body-refused")
def genesis_with_an_unknown_field() -> bytes:
    story = Story()
    return _told_after(story, lambda: story.found(body=story.genesis_body() | {"also": "this"}))


@fault("genesis", "request-for-other-node")
def genesis_request_for_another_node() -> bytes:
    story = Story()
    return _told_after(story, lambda: story.found(fields={"node": "ledger.other.example"}))


def _told_after(story: Story, found: Callable[[], None]) -> bytes:
    found()
    for step in (story.enrol, story.record, story.open, story.close):
        step()
    return story.bundle()
