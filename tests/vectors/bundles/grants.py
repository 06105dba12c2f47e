"""Faults of links to what can be taken back, and of documents.

The visit was built on a token that was delegated from another, and taken back after the visit. What decided it is
in documents: a receipt, which names a rule.
"""

from __future__ import annotations

import json
from functools import cache

from telesphor.kernel import base64url, canonical
from telesphor.kernel.bundle import document_path
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.document import DOCUMENT_BYTES_MAX
from telesphor.kernel.ids import Stream, stream_of
from tests.unit.verify.builder import Edit, Story, repack
from tests.vectors.bundles.case import fault

RULE = b"permit(principal, action, resource);"
RECEIPT = canonical.encode(
    {"decision": "allow", "rules": [digest_of(RULE)], "salt": "AAAAAAAAAAAAAAAAAAAAAA"}
)
DOCUMENTS = (RULE, RECEIPT)


@cache
def granted_story() -> Story:
    """Nobody may go on telling it."""
    story = Story.told(until="close")
    parent = story.grant()
    token = story.grant(parent=parent)
    decision = stream_of("access", story.clinician.id)
    story.say("access.decided/1", decision, receipt=digest_of(RECEIPT))
    story.build_on(token)
    story.build_on(decision, role="access")
    story.close()
    for stream in (token, parent):
        story.say("token.revoked/1", stream)
    return story


def granted_bundle() -> bytes:
    """A good bundle with links of these roles and with documents."""
    return granted_story().bundle(documents=DOCUMENTS)


def _token(which: int) -> Stream:
    """The token that the other was delegated from, and that one."""
    story = granted_story()
    return story.world.entry(story.world.find("token.minted/1")[which]).stream


def _edited(edit: Edit) -> bytes:
    return repack(granted_bundle(), edit)


def _linked(role: str, type: str, stream: Stream) -> bytes:
    """A visit with a link of this role to an entry of this type."""
    story = Story.told(until="close")
    story.say(type, stream)
    story.build_on(stream, role=role)
    story.close()
    return story.bundle()


def _some(kind: str) -> Stream:
    return stream_of(kind, Story().world.ids.next())


@fault("links", "stream-gap")
def linked_token_with_a_gap_before_its_end() -> bytes:
    story = granted_story()
    return story.bundle(drop={story.on(_token(1))[1]})


@fault("links", "stream-gap")
def token_above_the_linked_one_with_a_gap_before_its_end() -> bytes:
    story = granted_story()
    return story.bundle(drop={story.on(_token(0))[1]})


@fault("links", "stream-gap")
def linked_token_without_its_beginning() -> bytes:
    story = Story.told(until="close")
    token = story.grant()
    story.build_on(token, 1)
    story.close()
    return story.bundle(drop={story.on(token)[0]})


@fault("links", "stream-gap")
def linked_emergency_access_with_a_gap() -> bytes:
    story = Story.told(until="close")
    stream = stream_of("break-glass", story.world.ids.next())
    for type in ("opened", "used", "reviewed"):
        story.say(f"break-glass.{type}/1", stream)
    story.build_on(stream, role="break-glass")
    story.close()
    return story.bundle(drop={story.on(stream)[1]})


@fault("links", "linked-entry-missing")
def token_above_the_linked_one_left_out() -> bytes:
    story = granted_story()
    return story.bundle(drop=set(story.on(_token(0))))


@fault("links", "linked-entry-missing")
def linked_token_left_out() -> bytes:
    story = granted_story()
    return story.bundle(drop=set(story.on(_token(1))))


@fault("links", "invalid-id")
def token_above_the_linked_one_that_has_no_id() -> bytes:
    story = Story.told(until="close")
    token = stream_of("token", story.world.ids.next())
    story.say("token.minted/1", token, parent="../../genesis")
    story.build_on(token)
    story.close()
    return story.bundle()


@fault("links", "link-refused")
def link_to_a_token_that_was_taken_back() -> bytes:
    story = Story.told(until="close")
    token = story.grant()
    story.say("token.revoked/1", token)
    story.build_on(token, 2)
    story.close()
    return story.bundle()


@fault("links", "link-refused")
def link_to_a_token_on_a_stream_of_another_kind() -> bytes:
    return _linked("token", "token.minted/1", _some("note"))


@fault("links", "link-refused")
def link_to_an_access_under_the_role_of_a_token() -> bytes:
    return _linked("token", "access.decided/1", _some("access"))


@fault("links", "link-refused")
def link_to_a_failed_contract() -> bytes:
    return _linked("contract", "contract.failed/1", _some("contract"))


@fault("links", "link-refused")
def link_to_a_refused_connection() -> bytes:
    return _linked("device", "device.connect-refused/1", _some("device"))


@fault("links", "entry-unreferenced")
def token_that_nothing_links() -> bytes:
    story = Story.told(until="close")
    token = story.grant()
    story.close()
    return story.bundle(add=set(story.on(token)))


@fault("links", "entry-unreferenced")
def decision_beside_the_one_that_is_linked() -> bytes:
    story = Story.told(until="close")
    stream = stream_of("access", story.clinician.id)
    for _ in range(2):
        story.say("access.decided/1", stream)
    story.build_on(stream, role="access")
    story.close()
    return story.bundle(add=set(story.on(stream)))


def _ground(visit: str) -> bytes:
    """The clinician asks for something about a visit, and the node links a token to this one with it."""
    story = Story.told(until="close")
    token = story.grant()
    command = ("visit.read-object/1", {"visit": visit})
    story.world.act(story.clinician, [command], story.link(token, 0, "token"))
    story.close()
    return story.bundle()


def ground_bundle() -> bytes:
    """A good bundle: what a step rests on is linked with the step."""
    return _ground(Story().name)


@fault("requests", "not-asked")
def token_linked_with_a_step_of_another_visit() -> bytes:
    return _ground(Story().other_visit.split("/")[1])


def _named(n: int) -> bytes:
    """The clinician links number 0 of a token by name, and the node writes the link of number `n`."""
    story = Story.told(until="close")
    token = story.grant()
    asked = {"visit": story.name, "stream": token, "n": 0, "role": "token"}
    story.world.act(story.clinician, [("visit.link/1", asked)], story.link(token, n, "token"))
    story.close()
    return story.bundle()


def named_bundle() -> bytes:
    """A good bundle: what the visit rests on was linked by name."""
    return _named(0)


@fault("requests", "not-asked")
def link_of_another_entry_than_was_named() -> bytes:
    return _named(1)


# Documents.


@fault("documents", "document-mismatch")
def altered_document() -> bytes:
    path = document_path(digest_of(RECEIPT))
    return _edited(lambda files: files.update({path: RECEIPT.replace(b"allow", b"other")}))


@fault("documents", "document-mismatch")
def documents_swapped() -> bytes:
    rule, receipt = (document_path(digest_of(data)) for data in DOCUMENTS)
    return _edited(lambda files: files.update({rule: RECEIPT, receipt: RULE}))


@fault("documents", "document-unreferenced")
def document_that_nothing_names() -> bytes:
    return granted_story().bundle(documents=(*DOCUMENTS, b"forbid(principal, action, resource);"))


@fault("documents", "document-unreferenced")
def document_that_only_names_itself_in_words() -> bytes:
    words = canonical.encode([f"see {digest_of(RULE)}", {digest_of(RULE): 1}])
    story = Story.told(until="close")
    story.say("access.decided/1", stream_of("access", story.clinician.id), receipt=digest_of(words))
    story.build_on(stream_of("access", story.clinician.id), role="access")
    story.close()
    return story.bundle(documents=(words, RULE))


@fault("documents", "document-unreferenced")
def document_whose_only_reason_was_taken_out() -> bytes:
    return granted_story().bundle(documents=(RULE,))


@fault("documents", "document-unreferenced")
def signed_request_as_a_document() -> bytes:
    # An entry names its request beside its body, and a request is evidence, not a document.
    story = granted_story()
    request = story.world.evidence[Digest(str(story.world.entry(story.on(story.visit)[0]).evidence))]
    return story.bundle(documents=(*DOCUMENTS, base64url.decode(json.loads(request)["payload"])))


@fault("manifest", "limit-exceeded")
def document_beyond_its_bound() -> bytes:
    data = bytes(DOCUMENT_BYTES_MAX + 1)
    return _edited(lambda files: files.update({document_path(digest_of(data)): data}))


@fault("manifest", "bundle-refused")
def document_under_another_name() -> bytes:
    path = document_path(digest_of(RULE)) + ".cedar"
    return _edited(lambda files: files.update({path: RULE}))
