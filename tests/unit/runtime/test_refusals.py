"""Documents beside entries, and refusals that are facts themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.digest import digest_of
from telesphor.kernel.document import DOCUMENT_BYTES_MAX
from telesphor.kernel.errors import LimitExceeded
from telesphor.ledger.entries import EntryReader, EntryUnreadable, RequestReplayed
from telesphor.runtime.capability import Actor, CommandType, Decision, Draft, RecordedRefusal, State
from telesphor.runtime.machine import Request
from tests.support import notes
from tests.support.ledger import ANSWER_SECONDS, Ledger

DENIED = b'{"denied":"because"}'


class NoteDenied(RecordedRefusal):
    """The notebook denies, and says so in itself."""

    code = "note-denied"


def _keep(_actor: Actor, command: notes.AddNote, state: State) -> Decision:
    data = command.text.encode()
    assert state.document(digest_of(data)) in (None, data)
    draft = Draft("note.added/1", command.stream, notes.NoteAdded(text=digest_of(data)))
    return Decision((draft,), documents=(data,))


def _read(_actor: Actor, command: notes.AddNote, state: State) -> Decision:
    found = state.document(command.text)
    draft = Draft("note.added/1", command.stream, notes.NoteAdded(text="read"))
    return Decision((draft,), None if found is None else found.decode())


def _deny(_actor: Actor, command: notes.AddNote, _state: State) -> Decision:
    draft = Draft("note.added/1", command.stream, notes.NoteAdded(text=digest_of(DENIED)))
    raise NoteDenied("not this time", drafts=(draft,), documents=(DENIED,), hint="ask the owner")


def _deny_badly(_actor: Actor, command: notes.AddNote, _state: State) -> Decision:
    raise NoteDenied(
        "not this time", drafts=(Draft("note.broken/1", command.stream, notes.NoteBroken(text="")),)
    )


KEEP = CommandType("note.keep/1", notes.AddNote, _keep)


def _forget(_actor: Actor, command: notes.AddNote, state: State) -> Decision:
    draft = Draft("note.added/1", command.stream, notes.NoteAdded(text="forgotten"))
    return Decision((draft,), forgets=(command.text,))


FORGET = CommandType("note.forget/1", notes.AddNote, _forget)
READ = CommandType("note.read/1", notes.AddNote, _read)
DENY = CommandType("note.deny/1", notes.AddNote, _deny)
DENY_BADLY = CommandType("note.deny-badly/1", notes.AddNote, _deny_badly)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path).start()
    yield ledger
    ledger.close()


def ask(ledger: Ledger, *commands: tuple[CommandType, str, str], signed: bool = False) -> Request:
    bodies = [(kind, notes.AddNote(stream=stream, text=text)) for kind, stream, text in commands]
    return ledger.request(*bodies, signed=signed)


def call(ledger: Ledger, request: Request) -> object:
    return ledger.machine.call_blocking(request, timeout_seconds=ANSWER_SECONDS).results[-1]


def reader(ledger: Ledger) -> EntryReader:
    return EntryReader(ledger.path, ledger.registry)


def test_document_is_kept_with_the_entry_that_names_it(ledger: Ledger) -> None:
    stream = ledger.stream()
    call(ledger, ask(ledger, (KEEP, stream, "text")))
    assert ledger.entries()[-1].body.text == digest_of(b"text")
    assert reader(ledger).document(digest_of(b"text")) == b"text"
    assert call(ledger, ask(ledger, (READ, stream, digest_of(b"text")))) == "text"


def test_document_of_the_same_batch_is_seen(ledger: Ledger) -> None:
    stream = ledger.stream()
    kept, read = (KEEP, stream, "text"), (READ, stream, digest_of(b"text"))
    assert call(ledger, ask(ledger, kept, read)) == "text"


def test_document_is_kept_once(ledger: Ledger) -> None:
    stream = ledger.stream()
    for _ in range(2):
        call(ledger, ask(ledger, (KEEP, stream, "text"), (KEEP, stream, "text")))
    assert reader(ledger).document(digest_of(b"text")) == b"text"


def test_document_of_a_refused_request_is_not_kept(ledger: Ledger) -> None:
    stream = ledger.stream()
    with pytest.raises(notes.NoteRefused):
        call(ledger, ask(ledger, (KEEP, stream, "text"), (notes.REFUSE, stream, "")))
    assert call(ledger, ask(ledger, (READ, stream, digest_of(b"text")))) is None
    assert reader(ledger).document(digest_of(b"text")) is None


def test_document_too_large_is_refused(ledger: Ledger) -> None:
    stream = ledger.stream()
    with pytest.raises(LimitExceeded, match="document"):
        call(ledger, ask(ledger, (KEEP, stream, "x" * (DOCUMENT_BYTES_MAX + 1))))
    assert ledger.entries() == []


def test_altered_document_is_not_read(ledger: Ledger) -> None:
    call(ledger, ask(ledger, (KEEP, ledger.stream(), "text")))
    ledger.db.execute("UPDATE documents SET data = ?", (b"other",))
    with pytest.raises(EntryUnreadable, match="not what was kept"):
        reader(ledger).document(digest_of(b"text"))


def test_recorded_refusal_writes_its_entry_and_refuses(ledger: Ledger) -> None:
    stream = ledger.stream()
    with pytest.raises(NoteDenied) as caught:
        call(ledger, ask(ledger, (DENY, stream, ""), signed=True))
    assert caught.value.hint == "ask the owner"
    (entry,) = ledger.entries()
    assert entry.body.text == digest_of(DENIED)
    assert entry.evidence is not None
    assert reader(ledger).document(digest_of(DENIED)) == DENIED


def test_recorded_refusal_undoes_the_rest_of_its_request(ledger: Ledger) -> None:
    stream, other = ledger.stream(), ledger.stream()
    with pytest.raises(NoteDenied):
        call(ledger, ask(ledger, (KEEP, other, "text"), (DENY, stream, ""), (KEEP, other, "more")))
    assert [(entry.stream, entry.n) for entry in ledger.entries()] == [(stream, 0)]
    assert reader(ledger).document(digest_of(b"text")) is None


def test_refused_request_is_not_taken_a_second_time(ledger: Ledger) -> None:
    request = ask(ledger, (DENY, ledger.stream(), ""), signed=True)
    with pytest.raises(NoteDenied):
        call(ledger, request)
    with pytest.raises(RequestReplayed):
        call(ledger, request)
    assert len(ledger.entries()) == 1


def test_recorded_refusal_that_cannot_be_written_leaves_nothing(ledger: Ledger) -> None:
    stream = ledger.stream()
    with pytest.raises(Exception, match="could not decide"):
        call(ledger, ask(ledger, (DENY_BADLY, stream, "")))
    assert ledger.entries() == []
    call(ledger, ask(ledger, (KEEP, stream, "text")))


def test_refused_and_kept_entries_replay_to_the_same_state(ledger: Ledger) -> None:
    stream = ledger.stream()
    call(ledger, ask(ledger, (KEEP, stream, "text")))
    with pytest.raises(NoteDenied):
        call(ledger, ask(ledger, (DENY, stream, "")))
    ledger.check_state()


def test_forgotten_document_is_gone_and_its_entry_stays(ledger: Ledger) -> None:
    stream, digest = ledger.stream(), digest_of(b"text")
    call(ledger, ask(ledger, (KEEP, stream, "text")))
    assert call(ledger, ask(ledger, (FORGET, stream, digest), (READ, stream, digest))) is None
    assert reader(ledger).document(digest) is None
    assert [entry.body.text for entry in ledger.entries()] == [digest, "forgotten", "read"]
    ledger.check()


def test_bytes_of_a_forgotten_document_are_overwritten(ledger: Ledger) -> None:
    stream, secret = ledger.stream(), "a document that must be forgotten" * 10
    call(ledger, ask(ledger, (KEEP, stream, secret)))
    call(ledger, ask(ledger, (FORGET, stream, digest_of(secret.encode()))))
    ledger.close()
    assert secret.encode()[:100] not in ledger.path.read_bytes()


def test_forgetting_in_a_refused_request_forgets_nothing(ledger: Ledger) -> None:
    stream, digest = ledger.stream(), digest_of(b"text")
    call(ledger, ask(ledger, (KEEP, stream, "text")))
    with pytest.raises(notes.NoteRefused):
        call(ledger, ask(ledger, (FORGET, stream, digest), (notes.REFUSE, stream, "")))
    assert call(ledger, ask(ledger, (READ, stream, digest))) == "text"
