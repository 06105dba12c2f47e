"""The use cases of watches: open one, note what was shown under it, end it, and hand entries out as a bundle.

Opening asks access: `read-log` on a person's log, or on the node for the whole of it; `administer` on the node for
the pages of administration. What is shown under a watch is noted by the node's own word, because a page is asked
for by a session, which signs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.capabilities.access.model import Action, Allowed, Ask, Resource, ResourceKind, house_of
from telesphor.capabilities.compliance import store
from telesphor.capabilities.compliance.entries import (
    LOOKED,
    WATCH_ENDED,
    WATCH_OPENED,
    Filter,
    Looked,
    WatchEndedBody,
    WatchOpened,
)
from telesphor.capabilities.compliance.model import (
    LOOKS_MAX,
    WATCH_STREAM,
    WATCHES_MAX,
    MinutesField,
    Scope,
    SubjectField,
    WatchEnded,
    WatchesFull,
    WatchExists,
    WatchIdField,
    WatchMissing,
    WatchRefused,
    WatchRow,
    WatchSpent,
    WatchTooNarrow,
    What,
)
from telesphor.capabilities.identity.model import ActorKind, require_kind
from telesphor.capabilities.identity.service import own_id
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import stream_of
from telesphor.ledger.share import FileField, MakeShare, RangesField, SelectionField, sharing
from telesphor.runtime.capability import Actor, Body, CommandType, Decision, Draft, Receipt, State

Authorise = Callable[[Actor, Ask, State], Allowed]
TakeExport = Callable[[str, "ExportEntries"], Callable[[Receipt], None]]
"""Given who asks and for what: what makes the file ready once that is durable; raises `ExportMissing`."""

_NONE = Filter()


class OpenWatch(Body, frozen=True, kw_only=True):
    """Open a watch for so many minutes; `subject` is whose log, None for the whole node's."""

    watch: WatchIdField
    scope: Scope
    subject: SubjectField | None = None
    minutes: MinutesField
    live: bool


class EndWatch(Body, frozen=True, kw_only=True):
    """Look no more under a watch of one's own."""

    watch: WatchIdField


class ExportEntries(Body, frozen=True, kw_only=True):
    """Have the file that the node made of chosen entries under this watch; the rest is as in `share.make/1`."""

    watch: WatchIdField
    share: SelectionField
    entries: RangesField
    opened: Annotated[tuple[str, ...], Meta(max_length=0)] = ()
    file: FileField


class Look(Body, frozen=True, kw_only=True):
    """The node's word that a page is about to be shown."""

    watch: WatchIdField
    what: What
    filter: Filter = _NONE
    position: int | None = None
    subject: SubjectField | None = None
    count: int = 0


class WatchView(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `audit.watch/1`."""

    watch: str
    scope: Scope
    subject: str | None
    expires_at: str


class Watches:
    """The use cases, which all ask access.

    Args:
        authorise: the rules of access.
        take_export: finds the file that was made for this export.
    """

    def __init__(self, *, authorise: Authorise, take_export: TakeExport) -> None:
        self._authorise = authorise
        self._take_export = take_export
        (self._share,) = sharing(may_share=_no_further_rule).commands

    def open_watch(self, actor: Actor, command: OpenWatch, state: State) -> Decision:
        """Open a watch.

        Raises:
            WatchRefused, WatchExists, WatchesFull: it cannot be.
            AccessDenied: the rules do not allow it; on the ledger.
        """
        _check_form(command)
        stream = stream_of(WATCH_STREAM, command.watch)
        if state.next_n(stream) != 0:
            raise WatchExists(f"the id `{command.watch}` was used for a watch before", hint="make a new id")
        if store.count_open(state.db, actor.id, now=format_instant(state.now_ms)) >= WATCHES_MAX:
            raise WatchesFull(f"`{WATCHES_MAX}` watches are open", hint="end one with `audit.end/1`")
        ask = ask_of(command.scope, command.subject, node=own_id(state))
        allowed = self._authorise(actor, ask, state)
        until = format_instant(state.now_ms + command.minutes * 60_000)
        body = WatchOpened(
            scope=command.scope,
            subject=command.subject,
            minutes=command.minutes,
            live=command.live,
            until=until,
        )
        view = WatchView(watch=command.watch, scope=command.scope, subject=command.subject, expires_at=until)
        drafts = (*allowed.drafts, Draft(WATCH_OPENED.name, stream, body))
        return Decision(drafts, view, documents=allowed.documents)

    def end_watch(self, actor: Actor, command: EndWatch, state: State) -> Decision:
        """End a watch before its time; raises `WatchMissing`, `WatchEnded`."""
        require_watch(actor.id, command.watch, state)
        draft = Draft(WATCH_ENDED.name, stream_of(WATCH_STREAM, command.watch), WatchEndedBody())
        return Decision((draft,))

    def export_entries(self, actor: Actor, command: ExportEntries, state: State) -> Decision:
        """Note that chosen entries are handed out; the file is ready once that is durable.

        Raises:
            WatchMissing, WatchEnded, WatchTooNarrow: it is not under a watch on the log.
            ExportMissing: the node made no such file for this actor under this watch.
            AccessDenied: the rules do not allow it any more.
            ShareExists, ShareRefused: as `share.make/1`.
        """
        row = require_watch(actor.id, command.watch, state)
        if row.scope != "log":
            raise WatchTooNarrow("entries are exported under a watch on the log")
        release = self._take_export(actor.id, command)
        allowed = self._authorise(actor, ask_of(row.scope, row.subject, node=own_id(state)), state)
        made = MakeShare(share=command.share, entries=command.entries, opened=(), file=command.file)
        decision: Decision = self._share.decide(actor, made, state)
        drafts = (*allowed.drafts, *decision.drafts)
        return Decision(drafts, after=release, documents=allowed.documents)


def note_look(actor: Actor, word: Look, state: State) -> Decision:
    """Note a page that is about to be shown, as the node's own word.

    Raises:
        NotPermitted: somebody else says it.
        WatchMissing, WatchEnded, WatchSpent: nothing may be shown under it.
    """
    require_kind(actor, ActorKind.NODE)
    row = store.find_watch(state.db, word.watch)
    if row is None:
        raise WatchMissing("there is no such watch")
    _check_living(row, state)
    if row.looks >= LOOKS_MAX:
        raise WatchSpent(f"`{LOOKS_MAX}` pages were shown under this watch", hint="open another")
    body = Looked(
        actor=row.actor,  # type: ignore[arg-type]
        what=word.what,
        filter=word.filter,
        position=word.position,
        subject=word.subject,
        count=word.count,
    )
    return Decision((Draft(LOOKED.name, stream_of(WATCH_STREAM, word.watch), body),))


LOOK = CommandType("audit.look/1", Look, note_look)
"""In no registry: no signed request can say it."""


def require_watch(actor: str, watch: str, state: State) -> WatchRow:
    """Return a living watch of this actor; raises `WatchMissing`, also for another's, and `WatchEnded`."""
    row = store.find_watch(state.db, watch)
    if row is None or row.actor != actor:
        raise WatchMissing("there is no such watch", hint="open one with `audit.watch/1`")
    _check_living(row, state)
    return row


def ask_of(scope: Literal["log", "administration"], subject: str | None, *, node: str) -> Ask:
    """What access is asked for a watch."""
    if scope == "administration":
        return Ask(action=Action.ADMINISTER, resource=house_of(node))
    if subject is None:
        return Ask(action=Action.READ_LOG, resource=house_of(node))
    log = Resource(kind=ResourceKind.LOG, id=subject, subject=subject)
    return Ask(action=Action.READ_LOG, resource=log)


def _check_form(command: OpenWatch) -> None:
    if command.scope == "administration" and (command.subject is not None or command.live):
        raise WatchRefused(
            "administration is of the node, and not live", hint="leave out `subject` and `live`"
        )


def _check_living(row: WatchRow, state: State) -> None:
    if row.ended or format_instant(state.now_ms) >= row.until:
        raise WatchEnded("the watch is over", hint="open another with `audit.watch/1`")


def _no_further_rule(_actor: Actor, _command: MakeShare, _state: State) -> None:
    """Who may export was asked before."""
