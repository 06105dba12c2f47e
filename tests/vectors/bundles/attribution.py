"""Faults of signed requests, of the keys that sign them and of key changes."""

from __future__ import annotations

from typing import Any

from telesphor.kernel import base64url, canonical
from telesphor.kernel.bundle import evidence_path
from telesphor.kernel.digest import Digest, format_digest
from telesphor.kernel.ids import stream_of
from telesphor.kernel.merkle import leaf_hash, root_of
from telesphor.kernel.signing import HybridSuite
from tests.unit.verify.builder import KEM, Actor, Draft, Story, signing_key
from tests.vectors.bundles.case import edited, fault, good_story, without

# Requests and keys.


@fault("requests", "evidence-missing")
def signed_request_left_out() -> bytes:
    return edited(without(_last_evidence()))


def _last_evidence() -> str:
    story = good_story()
    digest = story.world.entry(story.on(story.visit)[-1]).evidence
    return evidence_path(digest or Digest(""))


@fault("requests", "evidence-missing")
def entry_of_a_patient_without_a_request() -> bytes:
    story = Story.told(until="close")
    story.world.append(story.patient, story.link(story.object, 1, "note"), None)
    story.close()
    return story.bundle()


@fault("requests", "evidence-missing")
def registration_without_a_request() -> bytes:
    story = Story.told(until="open")
    story.patient = story.world.actor("ghost", "person")
    body = {"kind": "person", "keys": story.patient.key.public.jwks(), "kem": KEM}
    stream = stream_of("actor", story.patient.id)
    story.world.append(story.world.node, Draft("actor.registered/1", stream, body), None)
    story.open()
    story.close()
    return story.bundle()


@fault("requests", "evidence-mismatch")
def signed_request_filed_under_a_wrong_digest() -> bytes:
    story = good_story()
    other = next(
        jws for digest, jws in story.world.evidence.items() if evidence_path(digest) != _last_evidence()
    )
    return edited(lambda files: files.update({_last_evidence(): other}))


@fault("requests", "evidence-unreferenced")
def signed_request_that_no_entry_names() -> bytes:
    story = Story.told()
    extra = story.world.request(story.patient, [("visit.open/1", {})])
    return story.bundle(evidence=[*story.parts().evidence, story.world.evidence[extra]])


def _closed_by(**options: Any) -> bytes:
    story = Story.told(until="close")
    story.close(**options)
    return story.bundle()


@fault("requests", "request-for-other-node")
def request_signed_for_a_different_node() -> bytes:
    return _closed_by(fields={"node": "ledger.other.example"})


@fault("requests", "request-outside-window")
def request_too_old_for_its_entry() -> bytes:
    return _closed_by(offset_ms=-300_001)


@fault("requests", "request-outside-window")
def request_too_new_for_its_entry() -> bytes:
    return _closed_by(offset_ms=300_001)


@fault("requests", "request-refused")
def request_of_unknown_version() -> bytes:
    return _closed_by(fields={"v": 2})


@fault("requests", "request-refused")
def request_without_commands() -> bytes:
    return _closed_by(fields={"commands": []})


@fault("requests", "request-refused")
def something_else_signed_for_a_request() -> bytes:
    return _closed_by(fields={"format": "telesphor-letter/1"})


@fault("requests", "key-not-in-force")
def rotated_away_key_used_later() -> bytes:
    return _closed_by(key=signing_key("clinician"))


@fault("requests", "key-not-in-force")
def new_key_used_before_its_rotation() -> bytes:
    story = Story.told(until="open")
    story.open(key=signing_key("clinician's second"))
    story.close()
    return story.bundle()


@fault("requests", "key-not-in-force")
def request_signed_by_somebody_else() -> bytes:
    return _closed_by(key=signing_key("patient"))


@fault("requests", "request-of-other-actor")
def entry_of_another_actor_than_its_request() -> bytes:
    return _closed_by(fields={"actor": good_story().patient.id})


@fault("requests", "half-signature")
def request_with_one_half_stripped() -> bytes:
    path = _last_evidence()

    def strip(files: dict[str, bytes]) -> None:
        jws: Any = canonical.decode(files[path], limit=1 << 24)
        files[path] = canonical.encode({**jws, "signatures": jws["signatures"][:1]})

    return edited(strip)


@fault("requests", "signature-refused")
def request_with_a_signature_of_another() -> bytes:
    path = _last_evidence()

    def swap(files: dict[str, bytes]) -> None:
        jws: Any = canonical.decode(files[path], limit=1 << 24)
        mldsa = bytearray(base64url.decode(jws["signatures"][1]["signature"]))
        mldsa[100] ^= 1
        jws["signatures"][1]["signature"] = base64url.encode(bytes(mldsa))
        files[path] = canonical.encode(jws)

    return edited(swap)


@fault("requests", "request-reused")
def request_replayed_for_a_later_entry() -> bytes:
    story = Story.told(until="close")
    used = story.world.entry(story.on(story.visit)[-1]).evidence
    story.note(by=story.patient)
    story.world.append(story.clinician, story.link(story.object, 1, "note"), used)
    story.close()
    return story.bundle()


@fault("requests", "request-reused")
def genesis_request_used_again() -> bytes:
    story = Story.told(until="enrol")
    used = story.world.entry(0).evidence
    story.enrol()
    story.record()
    story.open()
    story.world.append(story.world.root, story.link(story.object, 1, "note"), used)
    story.close()
    return story.bundle()


@fault("requests", "not-asked")
def visit_opened_with_another_patient_than_asked() -> bytes:
    story = Story.told(until="open")
    story.open(
        asked={"patient": story.device.id, "clinician": story.clinician.id, "devices": [story.device.id]}
    )
    story.close()
    return story.bundle()


@fault("requests", "not-asked")
def request_for_something_else_behind_the_opening() -> bytes:
    story = Story.told(until="open")
    world = story.world
    body = {"patient": story.patient.id, "clinician": story.clinician.id, "devices": []}
    asked = {"visit": story.name, **body}
    world.act(story.clinician, [("object.read/1", asked)], Draft("visit.opened/1", story.visit, body))
    story.close()
    return story.bundle()


@fault("requests", "actor-unknown")
def actor_that_was_never_registered() -> bytes:
    story = Story.told(until="close")
    story.clinician = story.world.actor("nobody", "person")
    story.close()
    return story.bundle()


@fault("requests", "actor-unknown")
def actor_registered_after_it_acted() -> bytes:
    story = Story.told(until="close")
    late = story.world.actor("late", "person")
    story.note(by=late)
    story.world.register(story.clinic, late)
    story.close()
    return story.bundle()


@fault("requests", "actor-retired")
def actor_that_acts_after_it_retired() -> bytes:
    story = Story.told(until="close")
    story.world.retire(story.clinic, story.clinician)
    story.close()
    return story.bundle()


@fault("requests", "key-change-refused")
def person_that_registers_somebody() -> bytes:
    story = Story.told(until="open")
    return _register_with(story, story.world.actor("newcomer", "person"), by=story.clinician)


@fault("requests", "jws-header-refused")
def card_not_signed_by_the_new_keys() -> bytes:
    story = Story.told(until="open")
    actor = story.world.actor("newcomer", "person")
    return _register_with(story, actor, card=story.world.card(actor, key=signing_key("thief")))


@fault("requests", "card-refused")
def card_for_another_node() -> bytes:
    story = Story.told(until="open")
    actor = story.world.actor("newcomer", "person")
    return _register_with(story, actor, card=story.world.card(actor, node="ledger.other.example"))


@fault("requests", "card-refused")
def card_of_another_actor() -> bytes:
    story = Story.told(until="open")
    actor = story.world.actor("newcomer", "person")
    return _register_with(story, actor, card=story.world.card(actor, id=story.device.id))


@fault("requests", "card-refused")
def card_of_another_kind() -> bytes:
    story = Story.told(until="open")
    actor = story.world.actor("newcomer", "person")
    return _register_with(story, actor, card=story.world.card(actor, kind="organisation"))


def _register_with(story: Story, actor: Actor, *, card: Any = None, by: Actor | None = None) -> bytes:
    story.world.register(by or story.clinic, actor, card=card)
    story.patient = actor
    story.open()
    story.close()
    return story.bundle()


@fault("requests", "key-change-refused")
def keys_of_another_actor_registered_again() -> bytes:
    story = Story.told(until="open")
    twin = story.world.actor("clinician", "person")
    return _register_with(story, twin)


@fault("requests", "key-change-refused")
def actor_with_keys_of_the_roots_suite() -> bytes:
    story = Story.told(until="open")
    actor = story.world.actor("newcomer", "person")
    actor.key = signing_key("newcomer", HybridSuite.ROOT)
    return _register_with(story, actor)


@fault("requests", "key-change-refused")
def registration_that_the_request_did_not_ask_for() -> bytes:
    story = Story.told(until="open")
    asked, made = story.world.actor("asked", "person"), story.world.actor("made", "person")
    said = {"kind": "person", "keys": asked.key.public.jwks(), "kem": KEM}
    command = {"id": asked.id, **said, "card": story.world.card(asked)}
    entry = Draft("actor.registered/1", stream_of("actor", made.id), {**said, "keys": made.key.public.jwks()})
    story.world.act(story.clinic, [("actor.register/1", command)], entry)
    story.patient = made
    story.open()
    story.close()
    return story.bundle()


@fault("requests", "key-change-refused")
def rotation_of_another_actors_keys() -> bytes:
    story = Story.told(until="close")
    new = signing_key("patient's second")
    said = {"keys": new.public.jwks(), "kem": KEM}
    command = {**said, "card": story.world.card(story.patient, key=new)}
    entry = Draft("actor.key-rotated/1", stream_of("actor", story.patient.id), said)
    story.world.act(story.clinic, [("actor.rotate-key/1", command)], entry)
    story.close()
    return story.bundle()


@fault("requests", "key-not-in-force")
def rotation_signed_by_the_new_keys() -> bytes:
    story = Story.told(until="close")
    new = signing_key("clinician's third")
    story.world.rotate(story.clinician, new, key=new)
    story.close()
    return story.bundle()


@fault("requests", "key-not-in-force")
def request_that_goes_on_after_its_rotation() -> bytes:
    story = Story.told(until="close")
    evidence = story.world.rotate(story.clinician, signing_key("clinician's third"))
    story.world.append(story.clinician, story.link(story.object, 1, "note"), evidence)
    story.close()
    return story.bundle()


@fault("requests", "key-change-refused")
def key_entry_on_a_visits_stream() -> bytes:
    story = Story.told(until="close")
    story.world.act(
        story.clinic, [("actor.retire/1", {"id": "x"})], Draft("actor.retired/1", story.visit, {})
    )
    story.close()
    return story.bundle()


@fault("requests", "not-asked")
def link_in_another_role_than_asked() -> bytes:
    story = Story.told(until="close")
    story.world.act(story.clinician, [story.add("recording")], story.link(story.object, 1, "note"))
    story.close()
    return story.bundle()


@fault("requests", "not-asked")
def reading_outside_any_visit_made_part_of_this_one() -> bytes:
    story = Story.told(until="measure")
    body = {"object": story.object.split("/")[1], "kind": "heart-rate", "count": 1}
    entry = Draft("reading.recorded/1", story.readings, {**body, "visit": story.name})
    story.world.act(
        story.device, [("reading.record/1", body)], entry, story.link(story.readings, 0, "reading")
    )
    story.close()
    return story.bundle()


@fault("requests", "not-asked")
def reading_with_another_count_than_asked() -> bytes:
    story = Story.told(until="measure")
    body = {"object": story.object.split("/")[1], "visit": story.name, "kind": "heart-rate", "count": 1}
    entry = Draft("reading.recorded/1", story.readings, {**body, "count": 2})
    link = story.link(story.readings, 0, "reading")
    story.world.act(story.device, [("visit.record-reading/1", body)], entry, link)
    story.close()
    return story.bundle()


@fault("requests", "not-asked")
def link_to_a_read_of_another_object() -> bytes:
    story = Story.told(until="read")
    other = stream_of("object", story.world.ids.next())
    asked = {"visit": story.name, "object": story.object.split("/")[1], "purpose": "treatment"}
    read = Draft("object.read/1", other, {"purpose": "treatment", "visit": story.name})
    story.world.act(story.clinician, [("visit.read-object/1", asked)], read, story.link(other, 0, "read"))
    story.close()
    return story.bundle()


@fault("requests", "not-asked")
def closing_asked_for_another_visit() -> bytes:
    story = Story.told(until="close")
    leaves = [leaf_hash(story.world.entries[position]) for position in story.on(story.visit)]
    body = {"count": len(leaves), "root": format_digest(root_of(leaves))}
    asked = {"visit": story.other_visit.split("/")[1]}
    closed = Draft("visit.closed/1", story.visit, body)
    story.world.act(story.clinician, [("visit.close/1", asked)], closed)
    return story.bundle()
