"""The export of a thread: the proof of its entries, and the envelopes that the actor may have, as one plain ZIP file.

`proof.zip` is a selection that anybody can verify (`telesphor verify`): all entries of the thread, but those whose
signed request also says something about another thing, which is nobody's business here. `envelopes/` holds ciphertext:
it opens with the actor's own key alone. Each is named by its message and version, and the proof has its digest.

Start at `ExportDesk.decide`, and at `export_thread` for the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import apsw

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.messages import entries as types
from telesphor.capabilities.messages.envelopes.shelf import Shelf
from telesphor.capabilities.messages.finding import (
    Authorise,
    ask_about,
    beside,
    find_circle,
    require_member,
    say,
)
from telesphor.capabilities.messages.model import (
    EXPORT_TICKET_SECONDS,
    THREAD_MESSAGES_MAX,
    ExportGrant,
    ExportTicket,
    VersionRow,
    thread_stream,
)
from telesphor.capabilities.messages.queries import store
from telesphor.capabilities.messages.receiving import is_addressed
from telesphor.capabilities.messages.refusals import EnvelopeGone, ThreadMissing
from telesphor.capabilities.messages.threads import AboutThread
from telesphor.kernel.archive import write_archive
from telesphor.kernel.bundle import EVIDENCE_BYTES_MAX
from telesphor.kernel.manifest import Selection
from telesphor.kernel.signing import read_jws
from telesphor.ledger.bundles import (
    UNCONFIRMED,
    BundleSource,
    Checkpointed,
    Confirmations,
    assemble_bundle,
    complete_entries,
)
from telesphor.ledger.entries import EntryReader, RecordedEntry
from telesphor.runtime.capability import Actor, Decision, State
from telesphor.runtime.tickets import Tickets

ENTRIES_MAX: Final = 5_000
"""Entries of one export, the newest: with keys, requests and proofs they stay under the bound of bundles."""

ENVELOPES_BYTES_MAX: Final = 128 * 1024 * 1024
"""Of one export, the newest: about 13,000 messages to five people. It is made in memory."""

PURPOSE: Final = "the entries of a thread of messages"


class ExportDesk:
    """Decides who may export a thread.

    Args:
        authorise: the rules of access.
        tickets: the node's tickets.
    """

    def __init__(self, *, authorise: Authorise, tickets: Tickets) -> None:
        self._authorise = authorise
        self._tickets = tickets

    def decide(self, actor: Actor, command: AboutThread, state: State) -> Decision:
        """Note that a member or an organisation is given the thread, then issue the ticket for it.

        Raises:
            ThreadMissing, AccessDenied, NotInThread.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.EXPORT), state)
        whole = actor.kind == ActorKind.ORGANISATION and not circle.has(actor.id)
        if not whole:
            require_member(actor, circle)
        count = state.next_n(thread_stream(command.thread))
        draft = say(command.thread, types.THREAD_EXPORTED, types.ThreadExported(entries=count))
        grant = ExportGrant(thread=command.thread, actor=actor.id, whole=whole)

        def issue(_receipt: object) -> ExportTicket:
            ticket = self._tickets.issue(grant, lifetime_seconds=EXPORT_TICKET_SECONDS)
            return ExportTicket(command.thread, ticket, export_path(command.thread))

        return beside(allowed, draft)._replace(after=issue)


def export_path(thread: str) -> str:
    """Where the export of a thread is fetched."""
    return f"/v1/threads/{thread}/bundle"


def last_position(thread: str, reader: EntryReader) -> int:
    """Position of the thread's newest entry; raises `ThreadMissing`."""
    return _stream(thread, reader)[-1].position


def export_thread(
    grant: ExportGrant,
    *,
    id: str,
    reader: EntryReader,
    checkpoint: Checkpointed,
    source: BundleSource,
    made_at: str,
    shelf: Shelf,
    confirmations: Confirmations = UNCONFIRMED,
) -> bytes:
    """Make the file of an export.

    Args:
        id: a fresh UUIDv7, by which the selection of entries is named.
        checkpoint: covers the thread's newest entry.
        made_at: the instant of making, as text.

    Raises:
        ThreadMissing: there is no such thread.
        LimitExceeded, ProofRefused: it cannot be made; a checkpoint of later may do.
    """
    stream = [entry for entry in _stream(grant.thread, reader) if entry.position < checkpoint.size]
    newest = stream[-ENTRIES_MAX:]
    about = [entry for entry in newest if not _says_more(entry, grant.thread, reader)]
    entries = complete_entries(about, (entry.actor for entry in about), reader, size=checkpoint.size)
    proof = assemble_bundle(
        Selection(id, PURPOSE),
        entries,
        reader=reader,
        checkpoint=checkpoint,
        source=source,
        made_at=made_at,
        confirmations=confirmations,
    )
    envelopes, left_out = _envelopes(grant, reader.db, shelf)
    readme = _readme(
        grant.thread, shown=len(about), entries=len(stream), envelopes=envelopes, left_out=left_out
    )
    return write_archive({"READ ME.txt": readme.encode(), "proof.zip": proof, **envelopes})


def _stream(thread: str, reader: EntryReader) -> list[RecordedEntry]:
    stream = reader.stream(thread_stream(thread))
    if not stream:
        raise ThreadMissing(f"there is no thread `{thread}`")
    return stream


def _says_more(entry: RecordedEntry, thread: str, reader: EntryReader) -> bool:
    """Whether the signed request behind an entry has a command that is not about this thread."""
    data = None if entry.evidence is None else reader.request_of(entry)
    if data is None:
        return False
    commands = read_jws(data, limit=EVIDENCE_BYTES_MAX).payload["commands"]
    assert isinstance(commands, list), "the node took this request"
    return any(_thread_in(command) != thread for command in commands)


def _thread_in(command: object) -> object:
    body = command.get("body") if isinstance(command, Mapping) else None
    return body.get("thread") if isinstance(body, Mapping) else None


def _envelopes(grant: ExportGrant, db: apsw.Connection, shelf: Shelf) -> tuple[dict[str, bytes], int]:
    """The newest envelopes that the actor may have, by file name, and how many found no room."""
    found: dict[str, bytes] = {}
    size = left_out = 0
    for version in reversed(list(_versions(grant, db))):
        if size + version.size > ENVELOPES_BYTES_MAX:
            left_out += 1
            continue
        try:
            data = shelf.read(grant.thread, version.envelope)
        except EnvelopeGone:  # Retention deleted it just now.
            continue
        size += len(data)
        found[f"envelopes/{version.message}-{version.version}.json"] = data
    return found, left_out


def _versions(grant: ExportGrant, db: apsw.Connection) -> Iterable[VersionRow]:
    """Those of a member: what it sent, and what was delivered to it. An organisation has all, and opens none."""
    for message, version in store.versions_of(db, grant.thread, count_max=THREAD_MESSAGES_MAX):
        if message.ended:
            continue
        receipt = store.find_receipt(db, message=message.message, actor=grant.actor)
        delivered = receipt is not None and receipt.version >= version.version and version.state == "sent"
        own = message.sender == grant.actor or (delivered and is_addressed(version, grant.actor))
        if own or grant.whole:
            yield version


def _readme(thread: str, *, shown: int, entries: int, envelopes: Mapping[str, bytes], left_out: int) -> str:
    lines = [
        "A thread of messages, as the node that keeps it handed it out.",
        "",
        f"Thread: {thread}",
        f"proof.zip: {shown} of the thread's {entries} entries, each with its proof. Check it with any copy of the",
        "  verifier: telesphor verify proof.zip",
    ]
    if shown < entries:
        lines.append("  The others were asked for together with something else, or are older than fit.")
    lines.append(
        f"envelopes/: {len(envelopes)} messages, sealed. They open with the key of whoever they are sealed to."
    )
    if left_out:
        lines.append(f"  {left_out} older ones found no room here.")
    return "\n".join([*lines, ""])
