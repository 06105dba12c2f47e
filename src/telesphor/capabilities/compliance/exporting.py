"""Entries handed out from the browser as a bundle: made first, then signed for, and only then given.

    make(actor, wish)            the bundle, and the command that says so on the ledger
    audit.export/1, signed       access is asked again, `share.made/1` is durable
    take(actor, share)           the file

The file waits in memory for some minutes, for whoever had it made alone. Start at `ExportDesk.make`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from telesphor.capabilities.compliance.desk import Under, WatchDesk
from telesphor.capabilities.compliance.model import (
    EXPORTED_ENTRIES_MAX,
    ExportMissing,
    ExportsFull,
    WatchIdField,
    WatchTooNarrow,
)
from telesphor.capabilities.compliance.service import ExportEntries
from telesphor.capabilities.identity.model import ActorKind
from telesphor.kernel.bundle import Selection
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.ids import IdSource
from telesphor.ledger.bundles import BundleSource
from telesphor.ledger.network.standing import Standing
from telesphor.ledger.share import Share, share_bundle
from telesphor.runtime.capability import Actor, Receipt

WAITING_MS: Final = 5 * 60 * 1000
"""From the making to the taking: the browser does all three steps at once."""

WAITING_MAX: Final = 32
WAITING_BYTES_MAX: Final = 256 * 1024 * 1024
WAITING_OF_ONE_MAX: Final = 4
"""Files that wait for one actor; of more, the oldest is dropped."""

MADE_AT_ONCE: Final = 2

PURPOSE: Final = "audit"
PURPOSE_CHARS_MAX: Final = 200


class ExportWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be handed out; `purpose` stands in the file, not on the ledger.

    `with_documents` brings what the entries name by digest, which is for organisations; `whole_requests` lets signed
    requests be shown that asked for more than was chosen.
    """

    watch: WatchIdField
    positions: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=2**53 - 1)], ...],
        Meta(min_length=1, max_length=EXPORTED_ENTRIES_MAX),
    ]
    purpose: Annotated[str, Meta(min_length=1, max_length=PURPOSE_CHARS_MAX)] = PURPOSE
    with_documents: bool = False
    whole_requests: bool = False


class ExportCommand(msgspec.Struct, frozen=True, kw_only=True):
    """The command to sign, as it stands."""

    type: str
    body: dict[str, Any]


class ExportMade(msgspec.Struct, frozen=True, kw_only=True):
    """A file that waits: its id, digest and size in bytes, how many entries were chosen, and what to sign."""

    share: str
    file: str
    bytes: int
    entries: int
    command: ExportCommand


@dataclass(slots=True)
class _Waiting:
    actor: str
    body: dict[str, Any]
    bundle: bytes
    until_ms: int
    signed: bool = False


class Exports:
    """The files that wait in one process. Safe between threads."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}
        self._lock = threading.Lock()

    def keep(self, share_id: str, *, actor: str, body: dict[str, Any], bundle: bytes) -> None:
        """Keep a file until it is signed for and taken; raises `ExportsFull`."""
        with self._lock:
            self._drop_old()
            own = [id for id, held in self._waiting.items() if held.actor == actor]
            for id in own[: max(0, len(own) - WAITING_OF_ONE_MAX + 1)]:
                del self._waiting[id]
            total = len(bundle) + sum(len(held.bundle) for held in self._waiting.values())
            if len(self._waiting) >= WAITING_MAX or total > WAITING_BYTES_MAX:
                raise ExportsFull("too many files wait to be taken", hint="ask again in some minutes")
            self._waiting[share_id] = _Waiting(actor, body, bundle, self._clock.now_ms() + WAITING_MS)

    def expect(self, actor: str, command: ExportEntries) -> Callable[[Receipt], None]:
        """Find the file that a signed command is about; the answer makes it ready to be taken.

        Raises:
            ExportMissing: none such waits for this actor, or the command says something else of it.
        """
        with self._lock:
            held = self._held(actor, command.share)
        if held is None or held.body != _as_body(command):
            raise ExportMissing("no such file waits", hint="have it made again, and sign what you are given")

        def release(_receipt: Receipt) -> None:
            held.signed = True

        return release

    def take(self, actor: str, share: str) -> bytes:
        """Return the file; raises `ExportMissing` unless this actor signed for it."""
        with self._lock:
            held = self._held(actor, share)
        if held is None or not held.signed:
            raise ExportMissing("no such file waits", hint="sign `audit.export/1` first, within five minutes")
        return held.bundle

    def _held(self, actor: str, share: str) -> _Waiting | None:
        self._drop_old()
        held = self._waiting.get(share)
        return held if held is not None and held.actor == actor else None

    def _drop_old(self) -> None:
        now_ms = self._clock.now_ms()
        for id in [id for id, held in self._waiting.items() if held.until_ms <= now_ms]:
            del self._waiting[id]


class ExportDesk:
    """Makes the files of one node.

    Args:
        standing: the checkpoint at which a position is proven best; it waits for one.
        source: what bundles of this node are made with.
    """

    def __init__(
        self,
        desk: WatchDesk,
        exports: Exports,
        *,
        standing: Callable[[int], Standing],
        source: Callable[[], BundleSource],
        ids: IdSource,
    ) -> None:
        self._desk = desk
        self._exports = exports
        self._standing = standing
        self._source = source
        self._ids = ids
        self._making: set[str] = set()
        self._lock = threading.Lock()

    def make(self, actor: Actor, wish: ExportWish) -> ExportMade:
        """Make the bundle of entries that the watch shows, and keep it until it is signed for.

        Raises:
            EntryNotShown: the watch does not show one of them.
            WatchTooNarrow: documents or whole requests are asked for by whom they are not for.
            RequestShowsMore, ShareRefused, CheckpointMissing: as `share_bundle`.
            ExportsFull: too much waits, or is being made; and what `WatchDesk.under` raises.
        """
        with self._place(actor), self._desk.under(actor, wish.watch, scope="log") as under:
            _check_wish(actor, wish, under)
            for position in wish.positions:
                under.entry(position)
            share_id = self._ids.next()
            made = self._bundle(under, share_id, wish)
        command, said = made.command
        assert command == "share.make/1", "what is signed is said in these words"
        body: dict[str, Any] = {"watch": wish.watch, **said}
        self._exports.keep(share_id, actor=actor.id, body=body, bundle=made.bundle)
        return ExportMade(
            share=share_id,
            file=body["file"],
            bytes=len(made.bundle),
            entries=len(set(wish.positions)),
            command=ExportCommand(type="audit.export/1", body=body),
        )

    def take(self, actor: Actor, share: str) -> bytes:
        """Return a file that the actor has signed for; raises `ExportMissing`."""
        return self._exports.take(actor.id, share)

    @contextmanager
    def _place(self, actor: Actor) -> Iterator[None]:
        """Making one takes a core for a while: one of each actor at a time, and `MADE_AT_ONCE` in all."""
        with self._lock:
            if actor.id in self._making or len(self._making) >= MADE_AT_ONCE:
                raise ExportsFull("other files are being made", hint="ask again in a moment")
            self._making.add(actor.id)
        try:
            yield
        finally:
            with self._lock:
                self._making.discard(actor.id)

    def _bundle(self, under: Under, share_id: str, wish: ExportWish) -> Share:
        found = self._standing(max(wish.positions))
        return share_bundle(
            Selection(share_id, wish.purpose),
            wish.positions,
            reader=under.reader,
            checkpoint=found,
            source=self._source(),
            made_at=format_instant(self._desk.clock.now_ms()),
            confirmations=found.confirmations,
            whole_requests=wish.whole_requests,
            with_documents=wish.with_documents,
        )


def _check_wish(actor: Actor, wish: ExportWish, under: Under) -> None:
    """INVARIANT: documents can hold what is about people; they are for who answers for these, as in sharing."""
    if wish.with_documents and actor.kind not in (ActorKind.ORGANISATION, ActorKind.NODE):
        raise WatchTooNarrow(
            "documents are handed out by organisations alone", hint="leave out `with_documents`"
        )
    if wish.whole_requests and under.row.subject is not None:
        raise WatchTooNarrow("whole requests can be about others", hint="leave out `whole_requests`")


def _as_body(command: ExportEntries) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(command)
    body["entries"] = [list(run) for run in body["entries"]]
    body["opened"] = list(body["opened"])
    return body
