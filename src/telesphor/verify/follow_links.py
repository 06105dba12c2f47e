"""Step 11: what the visit links to is in the bundle, whole where it must be, and nothing is there for no reason.

A link of some roles leads to something that can be taken back, such as a token. Its whole stream must then be
here, so that its end cannot be cut out of its middle, and so must the streams of the tokens it was delegated from,
which end it with their own end. In a selection a link need lead nowhere.

Start at `check_links`; `LINK_ROLES` and `WHOLE_ROLES` are also what a node gathers bundles by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, Stream, parse_stream, stream_of
from telesphor.kernel.manifest import Selection, Subject
from telesphor.verify.body import exactly, integer_of, text_of
from telesphor.verify.ledger import Genesis, Ledger, Placed, actor_of
from telesphor.verify.order_streams import OBJECT_LINKED, VISIT_CLOSED, check_whole
from telesphor.verify.report import Proved, counted

PROOF_ACCEPTED: Final = "interchain.proof-accepted/1"
GRANT: Final = "token"
"""Kind of the streams of tokens, and the role of a link to one."""

# What a link of each role may lead to.
LINK_ROLES: Final[Mapping[str, frozenset[str]]] = {
    "read": frozenset({"object.read/1"}),
    "reading": frozenset({"reading.recorded/1"}),
    "note": frozenset({"object.sealed/1"}),
    "recording": frozenset({"object.sealed/1"}),
    "record": frozenset({"object.sealed/1"}),
    "summary": frozenset({"object.sealed/1"}),
    "proof": frozenset({PROOF_ACCEPTED}),
    "access": frozenset({"access.decided/1", "access.standing/1"}),
    "presentation": frozenset({"presentation.presented/1"}),
    "device": frozenset({"device.connected/1"}),
    "enrolment": frozenset({"device.enrolled/1"}),
    GRANT: frozenset(
        f"token.{word}/1" for word in ("minted", "delegated", "accepted", "offered", "transferred")
    ),
    "group": frozenset({"group.formed/1", "group.added/1"}),
    "break-glass": frozenset({"break-glass.opened/1"}),
    "contract": frozenset({"contract.executed/1"}),
    # What was not let through; whoever takes a connection for a good one never finds these.
    "refusal": frozenset(
        {"device.connect-refused/1", "device.quarantined/1", "presentation.refused/1", "token.refused/1"}
    ),
}
# Roles whose links lead to something that can end, and the kind of its stream.
WHOLE_ROLES: Final[Mapping[str, str]] = {
    GRANT: GRANT,
    "group": "group",
    "presentation": "presentation",
    "break-glass": "break-glass",
}


class LinkedEntryMissing(TelesphorError):
    """The visit links to an entry that the bundle does not hold."""

    code = "linked-entry-missing"
    kind = Kind.INVALID


class LinkRefused(TelesphorError):
    """A link of the visit is not one."""

    code = "link-refused"
    kind = Kind.INVALID


class EntryUnreferenced(TelesphorError):
    """The bundle holds an entry that nothing in the visit leads to."""

    code = "entry-unreferenced"
    kind = Kind.INVALID


def check_links(ledger: Ledger, genesis: Genesis, about: list[Placed], subject: Subject) -> Proved[None]:
    """Step 11. Each link of the visit leads to an entry of the bundle, and each entry has its reason.

    1. The entry that a link names is here, is of a type its role says, and is not after the closing.
    2. Where the role says so, the whole stream of that entry is here, and that of each token above a token.
    3. An entry is here because it is genesis, is on the visit's stream, is linked from it, is on a stream of
       point 2, or is on the stream of an actor that one of these, or the registration of such an actor, names.

    In a selection the reason is that somebody chose it. A link may lead to an entry that was not chosen; one
    that was must fit.
    """
    numbered = {(placed.entry.stream, placed.entry.n): placed for placed in ledger.entries}
    links = [placed for placed in about if placed.entry.type == OBJECT_LINKED]
    if isinstance(subject, Selection):
        links = [link for link in links if _target_of(link) in numbered]
    linked = [_follow(link, numbered, closing=about[-1]) for link in links]
    followed = f"{counted(len(linked), 'link')} followed"
    if isinstance(subject, Selection):
        return Proved(None, f"{followed}; where one leads to an entry that was not chosen, it is not here")
    whole = _whole_streams(links, ledger)
    beside = [placed for stream in whole for placed in ledger.streams[stream]]
    _check_reasons(ledger, genesis, [ledger.entries[0], *about, *linked, *beside])
    return Proved(None, _sentence(followed, whole=len(whole)))


def streams_behind(
    links: Iterable[tuple[str, Stream]], first_body: Callable[[Stream], Mapping[str, object]]
) -> Iterator[Stream]:
    """The streams that must be whole because of these links, each once.

    Args:
        links: role and stream of each.
        first_body: the body of number 0 of a stream, which for a token says what it was delegated from.
    """
    waiting = [stream for role, stream in links if role in WHOLE_ROLES]
    seen: set[Stream] = set()
    while waiting:  # each stream is taken once: linear, whatever the bodies say
        stream = waiting.pop()
        if stream in seen:
            continue
        seen.add(stream)
        yield stream
        parent = first_body(stream).get("parent") if parse_stream(stream)[0] == GRANT else None
        if isinstance(parent, str):
            waiting.append(stream_of(GRANT, parent))


def _follow(link: Placed, numbered: dict[tuple[Stream, int], Placed], *, closing: Placed) -> Placed:
    target = numbered.get(_target_of(link))
    # What is written after the closing could still be chosen, so it cannot be part of the visit.
    if target is None or target.position > closing.position:
        raise LinkedEntryMissing(f"the link at position {link.position} leads to no entry here")
    role = text_of(link.entry.body, "role")
    kind = parse_stream(target.entry.stream)[0]
    if target.entry.type not in LINK_ROLES.get(role, ()) or kind != WHOLE_ROLES.get(role, kind):
        raise LinkRefused(
            f"the link at position {link.position} leads to an entry that does not fit its role"
        )
    if target.entry.type == PROOF_ACCEPTED:
        _check_foundation(link, target)
    return target


def _check_foundation(link: Placed, proof: Placed) -> None:
    """What a visit is built on was accepted before, and gives the closing of another visit."""
    facts = proof.entry.body.get("facts")
    types = [fact.get("type") for fact in facts if isinstance(fact, dict)] if isinstance(facts, list) else []
    if proof.position > link.position or VISIT_CLOSED not in types:
        raise LinkRefused(f"the proof that the link at position {link.position} leads to is no foundation")


def _target_of(link: Placed) -> tuple[Stream, int]:
    body = exactly(link.entry.body, "a link of the visit", "stream", "n", "role")
    stream = Stream(text_of(body, "stream"))
    parse_stream(stream)
    return stream, integer_of(body, "n")


def _whole_streams(links: Iterable[Placed], ledger: Ledger) -> list[Stream]:
    """The streams that these links need whole, checked to be so."""

    def first_body(stream: Stream) -> Mapping[str, object]:
        entries = ledger.streams.get(stream)
        if not entries:
            raise LinkedEntryMissing(f"`{stream}`, which a linked token was delegated from, is not here")
        return entries[0].entry.body

    named = [(text_of(link.entry.body, "role"), _target_of(link)[0]) for link in links]
    whole = list(streams_behind(named, first_body))
    for stream in whole:
        check_whole(stream, ledger.streams[stream])
    return whole


def _check_reasons(ledger: Ledger, genesis: Genesis, core: list[Placed]) -> None:
    positions = {placed.position for placed in core}
    named = {genesis.root.id, genesis.node.id}
    waiting = list(core)
    while waiting:  # each entry waits once at most: linear
        placed = waiting.pop()
        for actor in {placed.entry.actor, *_texts(placed.entry.body)} - named:
            named.add(ActorId(actor))
            waiting += ledger.streams.get(Stream(f"actor/{actor}"), [])
    for placed in ledger.entries:
        if placed.position not in positions and actor_of(placed.entry.stream) not in named:
            raise EntryUnreferenced(f"nothing here leads to the entry at position {placed.position}")


def _texts(value: object) -> Iterator[str]:
    """All texts in a body, among them the ids of actors it names; bodies are at most 64 deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _sentence(followed: str, *, whole: int) -> str:
    sentence = f"{followed} from the visit, and no entry is here without a reason"
    if not whole:
        return sentence
    return f"{sentence}; {counted(whole, 'stream')} of what can be taken back, numbered without a gap"
