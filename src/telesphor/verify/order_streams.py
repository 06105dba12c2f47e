"""Steps 9 and 10: nothing is left out of the visit, and nothing is there twice.

A selection claims less: its entries are those that somebody chose, so that other numbers of their streams may
be missing. What it shows must still be in order, and key histories whole.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Final

from telesphor.kernel.digest import format_digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import Stream, parse_stream
from telesphor.kernel.manifest import Selection, Subject
from telesphor.kernel.merkle import root_of
from telesphor.verify.body import exactly, integer_of, text_of
from telesphor.verify.ledger import Ledger, Placed, actor_of
from telesphor.verify.report import Proved, counted

VISIT_OPENED: Final = "visit.opened/1"
VISIT_CLOSED: Final = "visit.closed/1"
OBJECT_LINKED: Final = "visit.object-linked/1"
ACTOR_REGISTERED: Final = "actor.registered/1"
# The types whose meaning the verdict rests on, each in the only version known.
STRUCTURAL: Final = {"visit.opened": 1, "visit.closed": 1, "visit.object-linked": 1, "node.created": 1} | {
    "actor.registered": 1,
    "actor.key-rotated": 1,
    "actor.suspended": 1,
    "actor.recovered": 1,
    "actor.recovery-set": 1,
    "actor.recovery-begun": 1,
    "actor.recovery-approved": 1,
    "actor.recovery-cancelled": 1,
    "actor.retired": 1,
    # On streams of their own, and about no keys: `keyring` passes them over.
    "actor.paused": 1,
    "actor.resumed": 1,
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
            check_whole(stream, entries)
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


def check_whole(stream: Stream, entries: list[Placed]) -> None:
    """Refuse unless these are numbered from 0 without a gap; raises `StreamGap`."""
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
