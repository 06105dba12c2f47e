"""A small node around one vault: the real writer, journal, SQLite and store; only time and the actors are ours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple, TypeVar

import apsw

from telesphor.kernel.clock import ManualClock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, IdSource, ObjectId
from telesphor.kernel.sealing import RecipientKey, RecipientPublic
from telesphor.ledger.entries import EntryJournal, EntryReader, RecordedEntry
from telesphor.runtime.blobs import Blobs, open_blobs
from telesphor.runtime.capability import (
    Actor,
    Body,
    Capability,
    Draft,
    EntryType,
    Receipt,
    RecordedRefusal,
    Registry,
    State,
)
from telesphor.runtime.database import open_database
from telesphor.runtime.machine import Machine, Request
from telesphor.vault.capability import RECORDED, capability
from telesphor.vault.model import (
    EraseObject,
    ErasureReason,
    ObjectRow,
    Purpose,
    ReadGrant,
    ReadObject,
    ReadTicket,
    ResumeObject,
    RewrapObject,
    SealObject,
    Stored,
    WriteObject,
    WriteTicket,
)
from telesphor.vault.objects import ObjectReader
from telesphor.vault.vault import Vault

START_MS = 1_795_348_275_123
MEDIA_TYPE = "application/fhir+json"
_T = TypeVar("_T")


class NoSuchActor(TelesphorError):
    """The static identity knows nobody of that id."""

    code = "no-such-actor"
    kind = Kind.NOT_FOUND


class Denied(RecordedRefusal):
    """The rule of these tests does not allow it."""

    code = "denied"


class AccessNoted(Body, frozen=True, kw_only=True):
    """What the rule of these tests answered."""

    action: str
    allowed: bool


class Given(NamedTuple):
    """An allowance (`vault.access.Allowance`)."""

    drafts: tuple[Draft, ...]
    documents: tuple[bytes, ...] = ()
    expires_ms: int | None = None


class ListedAccess:
    """A rule that fits on a page: listed readers read, the owner and organisations do the rest; all of it is noted."""

    def __init__(self) -> None:
        self.granted: set[tuple[str, str]] = set()
        self.expires_ms: int | None = None

    def allow(
        self,
        actor: Actor,
        action: str,
        row: ObjectRow,
        readers: frozenset[str],
        state: State,
        *,
        purpose: Purpose | None = None,
        visit: str | None = None,
        location: str | None = None,
    ) -> Given:
        allowed = self._allows(actor, action, row, readers)
        draft = Draft("access.noted/1", f"access/{actor.id}", AccessNoted(action=action, allowed=allowed))
        if not allowed:
            raise Denied("the rule does not allow it", drafts=(draft,))
        return Given((draft,), (), self.expires_ms)

    def check_reading(
        self,
        actor: Actor,
        row: ObjectRow,
        readers: frozenset[str],
        db: apsw.Connection,
        *,
        purpose: Purpose,
        visit: str | None,
        location: str | None,
    ) -> None:
        if not self._allows(actor, "read", row, readers):
            raise Ended("the rule allows it no longer")

    def _allows(self, actor: Actor, action: str, row: ObjectRow, readers: frozenset[str]) -> bool:
        if action == "read":
            return actor.id in readers or (actor.id, row.object) in self.granted
        return actor.id == row.owner or actor.kind in ("organisation", "node")


class ListedHolds:
    """Holds that a test lays by hand."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[str, ...]] = {}

    def holds_on(self, _db: apsw.Connection, object_id: str) -> tuple[str, ...]:
        return self.held.get(object_id, ())


class Ended(TelesphorError):
    """A read that was allowed is allowed no longer."""

    code = "ended"
    kind = Kind.FORBIDDEN


NOTED = Capability("noted", entries=(EntryType("access.noted/1", AccessNoted),))


class Actors:
    """An identity that is a table: who there is, with their sealing keys."""

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids
        self.keys: dict[str, RecipientKey] = {}

    def enrol(self, kind: str = "person") -> Actor:
        """A new actor with a fresh key."""
        actor = Actor(ActorId(self._ids.next()), kind, "sha256:" + "0" * 64)
        self.keys[actor.id] = RecipientKey.generate()
        return actor

    def kem_of(self, _db: apsw.Connection, actor_id: str) -> RecipientPublic:
        if actor_id not in self.keys:
            raise NoSuchActor(f"there is no actor `{actor_id}`")
        return self.keys[actor_id].public


class World:
    """A running vault with an owner, a reader and a stranger."""

    def __init__(self, folder: Path, blobs: Blobs | None = None) -> None:
        self.folder = folder
        self.clock = ManualClock(START_MS)
        self.ids = IdSource(self.clock)
        self.actors = Actors(self.ids)
        self.node = self.actors.enrol("node")
        self.owner, self.reader, self.stranger = (self.actors.enrol() for _ in range(3))
        self.hospital = self.actors.enrol("organisation")
        self.access = ListedAccess()
        self.holds = ListedHolds()
        self.blobs = blobs or open_blobs(folder / "vault")
        self.start()

    def start(self) -> None:
        """Open everything that is on the disk, as after a crash."""
        self.db = open_database(self.folder / "ledger.sqlite")
        assert RECORDED.store is not None
        self.db.execute(RECORDED.store.schema)
        self.vault = Vault(
            blobs=self.blobs,
            records_path=self.folder / "vault.sqlite",
            ledger_path=self.folder / "ledger.sqlite",
            node_id=self.node.id,
            node_key=self.actors.keys[self.node.id],
            recipients=self.actors,
            clock=self.clock,
            ids=self.ids,
            access=self.access,
            holds=self.holds,
        )
        self.registry = Registry([capability(self.vault), NOTED])
        journal = EntryJournal(db=self.db, ids=self.ids)
        self.machine = Machine(
            db=self.db, registry=self.registry, journal=journal, clock=self.clock, ids=self.ids
        )
        self.machine.start()

    def close(self) -> None:
        self.machine.stop()
        self.vault.close()
        self.db.close()

    def ask(self, actor: Actor, name: str, body: Body) -> Receipt:
        """One command, as the edge would pass it on."""
        request = Request(actor, ((self.registry.command(name), body),))
        return self.machine.call_blocking(request, timeout_seconds=20)

    def begin(
        self,
        *,
        object_id: str | None = None,
        actor: Actor | None = None,
        readers: tuple[Actor, ...] | None = None,
        media_type: str = MEDIA_TYPE,
        visit: str | None = None,
    ) -> WriteTicket:
        named = (self.reader,) if readers is None else readers
        body = WriteObject(
            object=object_id or self.ids.next(),
            media_type=media_type,
            readers=tuple(reader.id for reader in named),
            visit=visit,
        )
        return self._result(self.ask(actor or self.owner, "object.write/1", body), WriteTicket)

    def resume(self, object_id: str, *, actor: Actor | None = None) -> WriteTicket:
        body = ResumeObject(object=object_id)
        return self._result(self.ask(actor or self.owner, "object.resume/1", body), WriteTicket)

    def upload(self, ticket: WriteTicket, content: bytes) -> Stored:
        return self.vault.receive(ticket.ticket, io.BytesIO(content))

    def seal(self, object_id: str, stored: Stored, *, actor: Actor | None = None) -> Receipt:
        body = SealObject(object=object_id, size=stored.size, digest=stored.digest)
        return self.ask(actor or self.owner, "object.seal/1", body)

    def put(self, content: bytes, *, readers: tuple[Actor, ...] | None = None) -> ObjectId:
        """A sealed object of the owner."""
        ticket = self.begin(readers=readers)
        self.seal(ticket.object, self.upload(ticket, content))
        return ObjectId(ticket.object)

    def read(
        self, object_id: str, *, actor: Actor | None = None, purpose: Purpose = Purpose.TREATMENT
    ) -> ReadTicket:
        body = ReadObject(object=object_id, purpose=purpose, visit=None)
        return self._result(self.ask(actor or self.reader, "object.read/1", body), ReadTicket)

    def get(self, object_id: str, *, actor: Actor | None = None) -> bytes:
        """Read an object whole."""
        target = io.BytesIO()
        self.vault.send(self.read(object_id, actor=actor).ticket, target)
        return target.getvalue()

    def rewrap(self, object_id: str, *readers: Actor, actor: Actor | None = None) -> Receipt:
        body = RewrapObject(object=object_id, readers=tuple(reader.id for reader in readers))
        return self.ask(actor or self.owner, "object.rewrap/1", body)

    def erase(self, object_id: str, *, actor: Actor | None = None) -> Receipt:
        body = EraseObject(object=object_id, reason=ErasureReason.PATIENT_REQUEST)
        return self.ask(actor or self.owner, "object.erase/1", body)

    def row(self, object_id: ObjectId) -> ObjectRow:
        row = self.vault.ledger.object(object_id)
        assert row is not None
        return row

    def object_reader(self, object_id: ObjectId) -> ObjectReader:
        return self.vault.open_object(ReadGrant(object_id, self.owner, Purpose.TREATMENT))

    def on_disk(self, secret: bytes) -> bool:
        """Whether any piece of it is in the files of the records; SQLite may lay one value over several pages."""
        files = b"".join(path.read_bytes() for path in sorted(self.folder.glob("vault.sqlite*")))
        return any(secret[start : start + 48] in files for start in range(0, len(secret) - 47, 16))

    def entries(self) -> list[RecordedEntry]:
        reader = EntryReader(self.folder / "ledger.sqlite", self.registry)
        found = list(reader.entries(first=0, end=reader.size()))
        reader.db.close()
        return found

    def _result(self, receipt: Receipt, kind: type[_T]) -> _T:
        result = receipt.results[0]
        assert isinstance(result, kind)
        return result
