"""Steps 9 to 11: nothing is left out of the visit, nothing is there twice, nothing is there for no reason.

A selection claims less: its entries are those that somebody chose, so that other numbers of their streams may
be missing and no link need lead anywhere. What it shows must still be in order, and key histories whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from telesphor.kernel.digest import format_digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, Stream, parse_stream
from telesphor.kernel.manifest import Selection, Subject
from telesphor.kernel.merkle import root_of
from telesphor.verify.body import exactly, integer_of, text_of
from telesphor.verify.ledger import Genesis, Ledger, Placed, actor_of
from telesphor.verify.report import Proved, counted

VISIT_OPENED: Final = "visit.opened/1"
VISIT_CLOSED: Final = "visit.closed/1"
OBJECT_LINKED: Final = "visit.object-linked/1"
ACTOR_REGISTERED: Final = "actor.registered/1"
PROOF_ACCEPTED: Final = "interchain.proof-accepted/1"
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
    "proof": PROOF_ACCEPTED,
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


class SelectionEmpty(TelesphorError):
    """A selection shows no entry that anybody could have chosen."""

    code = "selection-empty"
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


def check_streams(ledger: Ledger, subject: Subject) -> Proved[list[Placed]]:
    """Step 9. Hands on the entries that the bundle is about: the visit's own, or those that were chosen.

    1. No entry id and no number of a stream is there twice, and numbers rise with positions.
    2. The visit's stream and the stream of each actor are whole from number 0 on.
    3. Each begins as it must, and holds no type that changes meaning in a version not known here.
    4. A selection has at least one entry besides the first of the ledger.
    """
    _check_known(ledger)
    (commonest, count), *_ = Counter(placed.entry.id for placed in ledger.entries).most_common(1)
    if count > 1:
        raise EntryReused(f"the entry `{commonest}` stands at {count} positions")
    for stream, entries in ledger.streams.items():
        _check_order(stream, entries)
        if stream == subject or actor_of(stream):
            _check_whole(stream, entries)
    _check_starts(ledger)
    histories = f"the key histories of {counted(sum(map(_is_history, ledger.streams)), 'actor')}"
    if isinstance(subject, Selection):
        chosen = _chosen_of(ledger)
        return Proved(
            chosen,
            f"{histories} are numbered without a gap; {counted(len(chosen), 'entry', 'entries')} chosen to be "
            "shown, in the order of their streams, which may have others",
        )
    visit = ledger.streams.get(subject, [])
    if not visit or visit[0].entry.type != VISIT_OPENED:
        raise StreamStartRefused(f"`{subject}` does not begin with `{VISIT_OPENED}`")
    return Proved(
        visit,
        f"the visit's {counted(len(visit), 'entry', 'entries')} and {histories} are numbered without a gap",
    )


def _is_history(stream: Stream) -> bool:
    return bool(actor_of(stream))


def _chosen_of(ledger: Ledger) -> list[Placed]:
    """Entries that are here because they were chosen; of key histories alone only when nothing else is."""
    others = ledger.entries[1:]
    chosen = [placed for placed in others if not _is_history(placed.entry.stream)] or list(others)
    if not chosen:
        raise SelectionEmpty("the selection shows no entry but the first of the ledger")
    return chosen


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


def _check_starts(ledger: Ledger) -> None:
    starts = {VISIT_OPENED: "visit", ACTOR_REGISTERED: "actor"}
    for stream, entries in ledger.streams.items():
        kind = parse_stream(stream)[0]
        for placed in entries:
            needed = starts.get(placed.entry.type)
            if needed is not None and (kind, placed.entry.n) != (needed, 0):
                raise StreamStartRefused(f"position {placed.position} begins a stream in its middle")
        if kind == "actor" and entries[0].entry.type != ACTOR_REGISTERED:
            raise StreamStartRefused(f"`{stream}` does not begin with `{ACTOR_REGISTERED}`")


def check_closing(about: list[Placed], subject: Subject) -> Proved[None]:
    """Step 10. The visit is closed, nothing follows, and the closing commits to all that came before.

    A selection claims nothing of the kind, and the sentence says so.
    """
    if isinstance(subject, Selection):
        return Proved(None, "somebody chose these entries; nothing is claimed about what else there is")
    return _check_closed(about)


def _check_closed(visit: list[Placed]) -> Proved[None]:
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


def check_links(ledger: Ledger, genesis: Genesis, about: list[Placed], subject: Subject) -> Proved[None]:
    """Step 11. Each link of the visit leads to an entry of the bundle, and each entry has its reason.

    1. The entry that a link names is here, is of the type its role says, and is not after the closing.
    2. An entry is here because it is genesis, is on the visit's stream, is linked from it, or is on the
       stream of an actor that one of these, or the registration of such an actor, names.

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
    _check_reasons(ledger, genesis, [ledger.entries[0], *about, *linked])
    return Proved(None, f"{followed} from the visit, and no entry is here without a reason")


def _follow(link: Placed, numbered: dict[tuple[Stream, int], Placed], *, closing: Placed) -> Placed:
    target = numbered.get(_target_of(link))
    # What is written after the closing could still be chosen, so it cannot be part of the visit.
    if target is None or target.position > closing.position:
        raise LinkedEntryMissing(f"the link at position {link.position} leads to no entry here")
    if target.entry.type != LINK_ROLES.get(text_of(link.entry.body, "role")):
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
