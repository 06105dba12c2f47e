"""Faults of streams, of the closing of a visit and of its links."""

from __future__ import annotations

from telesphor.kernel.digest import format_digest
from telesphor.kernel.ids import stream_of
from telesphor.kernel.merkle import leaf_hash, root_of
from tests.unit.verify.builder import Draft, Story, signing_key
from tests.vectors.bundles.case import fault, good_story

# Streams, closing, links.


@fault("streams", "entry-reused")
def entry_reused_at_two_positions() -> bytes:
    story = Story.told(until="close")
    position = story.world.append_bytes(story.world.entries[story.on(story.readings)[0]])
    story.close()
    return story.bundle(add={position})


@fault("streams", "stream-number-reused")
def visit_number_used_twice() -> bytes:
    story = Story.told(until="read")
    story.note(fields={"n": 1})
    story.close()
    return story.bundle()


@fault("streams", "stream-out-of-order")
def visit_numbers_out_of_order() -> bytes:
    story = Story.told(until="measure")
    for number in (2, 1):
        story.note(fields={"n": number})
    story.close()
    return story.bundle()


@fault("streams", "stream-gap")
def middle_entry_of_the_visit_left_out() -> bytes:
    return good_story().bundle(drop={good_story().on(good_story().visit)[1]})


@fault("streams", "stream-gap")
def rotation_left_out_before_another() -> bytes:
    story = Story.told(until="close")
    rotation = story.world.find("actor.key-rotated/1")[0]
    story.world.rotate(story.clinician, signing_key("clinician's third"))
    story.close()
    return story.bundle(drop={rotation})


@fault("streams", "stream-start-refused")
def visit_without_its_opening() -> bytes:
    story = Story.told(until="open")
    story.measure()
    story.close()
    return story.bundle()


@fault("streams", "stream-start-refused")
def visit_opened_twice() -> bytes:
    story = Story.told(until="close")
    story.open()
    story.close()
    return story.bundle()


@fault("streams", "stream-start-refused")
def visit_of_another_bundle() -> bytes:
    stream = stream_of("visit", good_story().object.split("/")[1])
    return good_story().bundle(subject=stream)


@fault("streams", "stream-start-refused")
def actor_stream_that_begins_with_a_rotation() -> bytes:
    story = Story()
    story.found()
    story.world.rotate(story.world.node, signing_key("node's second"))
    for step in (story.enrol, story.record, story.open, story.close):
        step()
    return story.bundle(sign=signing_key("node's second"))


@fault("streams", "type-unknown")
def structural_type_of_unknown_version() -> bytes:
    story = Story.told(until="close")
    story.world.act(story.clinician, [("visit.close/2", {})], Draft("visit.closed/2", story.visit, {}))
    return story.bundle()


@fault("streams", "type-unknown")
def actor_type_that_is_unknown() -> bytes:
    story = Story.told(until="close")
    actor = stream_of("actor", story.patient.id)
    story.world.act(story.patient, [("actor.lend/1", {})], Draft("actor.keys-lent/1", actor, {}))
    story.close()
    return story.bundle()


@fault("closing", "visit-not-closed")
def closing_left_out() -> bytes:
    story = good_story()
    closing = story.on(story.visit)[-1]
    return story.bundle(drop={closing})


@fault("closing", "entry-after-closing")
def visit_that_goes_on_after_its_closing() -> bytes:
    story = Story.told()
    story.note()
    return story.bundle()


@fault("closing", "entry-after-closing")
def visit_closed_twice() -> bytes:
    story = Story.told()
    story.close()
    return story.bundle()


@fault("closing", "closing-mismatch")
def closing_over_a_wrong_list() -> bytes:
    story = Story.told(until="close")
    leaves = [leaf_hash(story.world.entries[position]) for position in story.on(story.visit)]
    story.close(body={"count": len(leaves), "root": format_digest(root_of(list(reversed(leaves))))})
    return story.bundle()


@fault("closing", "closing-mismatch")
def closing_with_a_wrong_count() -> bytes:
    story = Story.told(until="close")
    leaves = [leaf_hash(story.world.entries[position]) for position in story.on(story.visit)]
    story.close(body={"count": len(leaves) + 1, "root": format_digest(root_of(leaves))})
    return story.bundle()


@fault("links", "linked-entry-missing")
def link_to_an_absent_entry() -> bytes:
    story = Story.told(until="close")
    story.note(77)
    story.close()
    return story.bundle()


@fault("links", "linked-entry-missing")
def linked_entry_left_out() -> bytes:
    return good_story().bundle(drop={good_story().on(good_story().object)[2]})


@fault("links", "linked-entry-missing")
def link_to_an_entry_written_after_the_closing() -> bytes:
    story = Story.told(until="close")
    story.note(3)
    story.close()
    story.world.act(
        story.patient,
        [("object.erase/1", {"object": story.object.split("/")[1]})],
        Draft("object.erased/1", story.object, {"reason": "x"}),
    )
    return story.bundle()


@fault("links", "link-refused")
def note_that_leads_to_an_entry_that_is_no_sealed_object() -> bytes:
    story = Story.told(until="close")
    story.note(0)
    story.close()
    return story.bundle()


@fault("links", "link-refused")
def link_of_an_unknown_role() -> bytes:
    story = Story.told(until="close")
    story.note(role="rumour")
    story.close()
    return story.bundle()


@fault("links", "entry-unreferenced")
def entry_of_somebody_elses_visit() -> bytes:
    story = good_story()
    return story.bundle(add=set(story.on(story.other_visit)))


@fault("links", "entry-unreferenced")
def actor_that_nothing_names() -> bytes:
    story = Story.told(until="close")
    stranger = story.world.actor("stranger", "person")
    story.world.register(story.clinic, stranger)
    story.close()
    return story.bundle(add=set(story.on(stream_of("actor", stranger.id))))
