"""Steps 6 to 8: nothing is left out of the visit, nothing is there twice, nothing is there for no reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from telesphor.kernel.digest import format_digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, Stream, parse_stream
from telesphor.kernel.merkle import root_of
from telesphor.verify.body import exactly, integer_of, text_of
from telesphor.verify.ledger import Genesis, Ledger, Placed, actor_of
from telesphor.verify.report import Proved, counted

VISIT_OPENED: Final = "visit.opened/1"
VISIT_CLOSED: Final = "visit.closed/1"
OBJECT_LINKED: Final = "visit.object-linked/1"
ACTOR_REGISTERED: Final = "actor.registered/1"
# The types whose meaning the verdict rests on, each in the only version known.
STRUCTURAL: Final = {"visit.opened": 1, "visit.closed": 1, "visit.object-linked": 1, "node.created": 1} | {
    "actor.registered": 1,
    "actor.key-rotated": 1,
    "actor.retired": 1,
}
# What a link of each role leads to.
LINK_ROLES: Final = {
    "read": "object.read/1",
    "reading": "reading.recorded/1",
    "note": "object.sealed/1",
    "recording": "object.sealed/1",
    "record": "object.sealed/1",
}


class EntryReused(TelesphorError):
    """The same entry id stands at two positions."""

    code = "entry-reused"
    kind = Kind.INVALID


class StreamNumberReused(TelesphorError):
    """Two entries have the same number in one stream."""

    code = "stream-number-reused"
    kind = Kind.INVALID


class StreamOutOfOrder(TelesphorError):
    """A later number of a stream stands before an earlier one."""

    code = "stream-out-of-order"
    kind = Kind.INVALID


class StreamGap(TelesphorError):
    """A stream that must be whole lacks an entry."""

    code = "stream-gap"
    kind = Kind.INVALID


class StreamStartRefused(TelesphorError):
    """A stream does not begin with the entry that begins such streams."""

    code = "stream-start-refused"
    kind = Kind.INVALID


class TypeUnknown(TelesphorError):
    """A type, or a version of one, that this verifier would have to understand and does not."""

    code = "type-unknown"
    kind = Kind.INVALID


class VisitNotClosed(TelesphorError):
    """The visit has no closing entry, so nothing shows that its list is complete."""

    code = "visit-not-closed"
    kind = Kind.INVALID


class EntryAfterClosing(TelesphorError):
    """The visit goes on after it was closed."""

    code = "entry-after-closing"
    kind = Kind.INVALID


class ClosingMismatch(TelesphorError):
    """The closing entry commits to another list than the one in the bundle."""

    code = "closing-mismatch"
    kind = Kind.INVALID


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


def check_streams(ledger: Ledger, subject: Stream) -> Proved[list[Placed]]:
    """Step 6. Hands on the visit's own entries.

    1. No entry id and no number of a stream is there twice, and numbers rise with positions.
    2. The visit's stream and the stream of each actor are whole from number 0 on.
    3. Each begins as it must, and holds no type that changes meaning in a version not known here.
    """
    _check_known(ledger)
    (commonest, count), *_ = Counter(placed.entry.id for placed in ledger.entries).most_common(1)
    if count > 1:
        raise EntryReused(f"the entry `{commonest}` stands at {count} positions")
    for stream, entries in ledger.streams.items():
        _check_order(stream, entries)
        if stream == subject or actor_of(stream):
            _check_whole(stream, entries)
    visit = ledger.streams.get(subject, [])
    _check_starts(ledger, subject)
    actors = sum(1 for stream in ledger.streams if actor_of(stream))
    return Proved(
        visit,
        f"the visit's {counted(len(visit), 'entry', 'entries')} and the key histories of "
        f"{counted(actors, 'actor')} are numbered without a gap",
    )


def _check_known(ledger: Ledger) -> None:
    for placed in ledger.entries:
        name, _, version = placed.entry.type.partition("/")
        known = STRUCTURAL.get(name)
        if (known is not None and version != str(known)) or (
            known is None and name.split(".")[0] in ("node", "actor")
        ):
            raise TypeUnknown(f"position {placed.position} has the unknown type `{placed.entry.type}`")


def _check_order(stream: Stream, entries: list[Placed]) -> None:
    for first, second in pairwise(entries):
        if first.entry.n == second.entry.n:
            raise StreamNumberReused(f"`{stream}` has number {second.entry.n} twice")
        if first.entry.n > second.entry.n:
            raise StreamOutOfOrder(f"`{stream}` has number {first.entry.n} before {second.entry.n}")


def _check_whole(stream: Stream, entries: list[Placed]) -> None:
    for number, placed in enumerate(entries):
        if placed.entry.n != number:
            raise StreamGap(f"`{stream}` lacks its entry number {number}")


def _check_starts(ledger: Ledger, subject: Stream) -> None:
    visit = ledger.streams.get(subject, [])
    if not visit or visit[0].entry.type != VISIT_OPENED:
        raise StreamStartRefused(f"`{subject}` does not begin with `{VISIT_OPENED}`")
    starts = {VISIT_OPENED: "visit", ACTOR_REGISTERED: "actor"}
    for stream, entries in ledger.streams.items():
        kind = parse_stream(stream)[0]
        for placed in entries:
            needed = starts.get(placed.entry.type)
            if needed is not None and (kind, placed.entry.n) != (needed, 0):
                raise StreamStartRefused(f"position {placed.position} begins a stream in its middle")
        if kind == "actor" and entries[0].entry.type != ACTOR_REGISTERED:
            raise StreamStartRefused(f"`{stream}` does not begin with `{ACTOR_REGISTERED}`")


def check_closing(visit: list[Placed]) -> Proved[None]:
    """Step 7. The visit is closed, nothing follows, and the closing commits to all that came before."""
    for placed in visit[:-1]:
        if placed.entry.type == VISIT_CLOSED:
            raise EntryAfterClosing(f"the visit goes on after it was closed at position {placed.position}")
    closing = visit[-1]
    if closing.entry.type != VISIT_CLOSED:
        raise VisitNotClosed("the visit is not closed, so nothing shows that its list of entries is complete")
    body = exactly(closing.entry.body, "the closing of the visit", "count", "root")
    if integer_of(body, "count") != len(visit) - 1:
        raise ClosingMismatch(f"the closing counts {body['count']} entries, the bundle has {len(visit) - 1}")
    if text_of(body, "root") != format_digest(root_of([placed.leaf for placed in visit[:-1]])):
        raise ClosingMismatch("the closing commits to another list of entries than the bundle's")
    before = counted(len(visit) - 1, "entry", "entries")
    return Proved(None, f"the visit was closed over exactly the {before} before it; none was left out")


def check_links(ledger: Ledger, genesis: Genesis, visit: list[Placed]) -> Proved[None]:
    """Step 8. Each link of the visit leads to an entry of the bundle, and each entry has its reason.

    1. The entry that a link names is here, is of the type its role says, and is not after the closing.
    2. An entry is here because it is genesis, is on the visit's stream, is linked from it, or is on the
       stream of an actor that one of these, or the registration of such an actor, names.
    """
    numbered = {(placed.entry.stream, placed.entry.n): placed for placed in ledger.entries}
    links = [placed for placed in visit if placed.entry.type == OBJECT_LINKED]
    linked = [_follow(link, numbered, closing=visit[-1]) for link in links]
    _check_reasons(ledger, genesis, [ledger.entries[0], *visit, *linked])
    return Proved(
        None, f"{counted(len(linked), 'link')} of the visit followed, and no entry is here without a reason"
    )


def _follow(link: Placed, numbered: dict[tuple[Stream, int], Placed], *, closing: Placed) -> Placed:
    body = exactly(link.entry.body, "a link of the visit", "stream", "n", "role")
    role, stream = text_of(body, "role"), Stream(text_of(body, "stream"))
    parse_stream(stream)
    target = numbered.get((stream, integer_of(body, "n")))
    # What is written after the closing could still be chosen, so it cannot be part of the visit.
    if target is None or target.position > closing.position:
        raise LinkedEntryMissing(f"the link at position {link.position} leads to no entry here")
    if target.entry.type != LINK_ROLES.get(role):
        raise LinkRefused(
            f"the link at position {link.position} leads to an entry that does not fit its role"
        )
    return target


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
            raise EntryUnreferenced(f"nothing in the visit leads to the entry at position {placed.position}")


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
