"""What a capability hands to the node: its entry types, commands, state tables and routes.

A capability is a value, not a plug-in that registers itself: `app/node.py` lists them, and `Registry`
refuses two owners of one entry type, command, table or name at start. The types that travel
between the writer and the capabilities (`Actor`, `Draft`, `Decision`, `Recorded`, `State`) are here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import msgspec

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId

if TYPE_CHECKING:
    import apsw

LEDGER_TABLES = ("entries", "streams", "requests", "documents", "folds")
"""They stand in the same database as the capabilities' tables and are the ledger's alone."""

_TYPE = re.compile(r"(?=.{3,64}$)[a-z][a-z0-9.-]*/[1-9][0-9]*")  # as `kernel.entry` reads it
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHAPES = {"capability": _WORD, "entry type": _TYPE, "command": _TYPE, "table": _WORD}


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every command and entry body: frozen, closed to unknown fields, named fields only."""


class Actor(msgspec.Struct, frozen=True):
    """Who asks: an authenticated actor, its kind, and the digest that names the key pair it used."""

    id: ActorId
    kind: str
    key_id: str


class Draft(NamedTuple):
    """An entry as a capability proposes it; the journal adds number, id, time and salt."""

    type: str
    stream: str
    body: Body


class ReceiptLine(msgspec.Struct, frozen=True):
    """Where one entry of a request stands."""

    position: int
    id: str
    type: str
    stream: str
    n: int


class Receipt(msgspec.Struct, frozen=True):
    """What a caller gets once its entries are durable: their places, in order, and each command's result."""

    at: str
    entries: tuple[ReceiptLine, ...]
    results: tuple[Any, ...] = ()

    @property
    def first(self) -> int:
        """Position of the request's first entry."""
        return self.entries[0].position


class Decision(NamedTuple):
    """The outcome of one command: the entries it makes, and what its caller is told.

    `after` runs once the entries are durable, never before; its value replaces `result`. `documents` are kept
    with the entries, which name them by digest: what must be shown later, and is too large or too personal
    for the ledger. `forgets` are digests of kept documents that are destroyed with them.
    """

    drafts: tuple[Draft, ...]
    result: Any = None
    after: Callable[[Receipt], Any] | None = None
    documents: tuple[bytes, ...] = ()
    forgets: tuple[str, ...] = ()


class RecordedRefusal(TelesphorError):
    """Base of the refusals that are facts themselves, such as a denied access.

    Raised by a decision, it undoes the whole request and has `drafts` and `documents` written in its place. The
    caller learns of it once they are durable.
    """

    code: ClassVar[str] = "refused"
    kind = Kind.FORBIDDEN

    def __init__(
        self,
        message: str,
        *,
        drafts: tuple[Draft, ...],
        documents: tuple[bytes, ...] = (),
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        assert drafts, "a refusal without an entry is an ordinary one"
        self.drafts = drafts
        self.documents = documents


class State(Protocol):
    """What a decision may look at: the state tables inside the open transaction, and the clock."""

    @property
    def db(self) -> apsw.Connection:
        """The state tables, as of all entries decided so far."""

    @property
    def now_ms(self) -> int:
        """The batch's time, in milliseconds since 1970 UTC."""

    def new_id(self) -> str:
        """Return a fresh UUIDv7."""

    def new_nonce(self) -> str:
        """Return 16 fresh random bytes as 22 characters of base64url."""

    def document(self, digest: str) -> bytes | None:
        """Return a kept document by its digest; None when there is none such, or it was forgotten."""

    def next_n(self, stream: str) -> int:
        """Return the number that the stream's next entry will have; 0 when it does not exist."""

    def memory_of(self, *stores: Store) -> dict[str, Any]:
        """Return what decisions remember of these stores' tables; emptied whenever any of them may have changed.

        Only what was read from those tables through `db` may be put there, under keys of the first store's own.
        """


class Recorded(Protocol):
    """An entry with its place, as `Store.apply` and followers see it."""

    @property
    def position(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def at(self) -> str: ...
    @property
    def actor(self) -> str: ...
    @property
    def stream(self) -> str: ...
    @property
    def n(self) -> int: ...
    @property
    def body(self) -> Any: ...
    @property
    def evidence(self) -> str | None: ...
    @property
    def data(self) -> bytes: ...
    @property
    def leaf(self) -> bytes: ...


class Committed(NamedTuple):
    """A batch that is durable: its entries from position `first` on, their types, and how large they are together."""

    first: int
    entries: Sequence[Recorded]
    types: frozenset[str]
    bytes: int

    @property
    def end(self) -> int:
        """Position behind its last entry."""
        return self.first + len(self.entries)


OnCommit = Callable[[Callable[[Committed], None]], None]
"""Has a function called with each batch that was committed."""


@dataclass(frozen=True, slots=True)
class EntryType:
    """One kind of fact: its name with version, and the closed shape of its body."""

    name: str
    body: type[Body]


@dataclass(frozen=True, slots=True)
class CommandType:
    """One kind of request: its name with version, its body's shape, and the function that decides it.

    `prepare` is run on a body before the writer sees it, in parallel: what costs more than some microseconds and
    depends on nothing but the body, such as verifying a signature within, is done and remembered there. `stream` says
    of a command that comes by the thousand which stream its entry will be on: a batch's are looked up together.
    """

    name: str
    body: type[Body]
    decide: Callable[[Actor, Any, State], Decision]
    prepare: Callable[[Any], object] | None = None
    stream: Callable[[Any], str] | None = None
    _decoder: msgspec.json.Decoder[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(self.body))

    def decode(self, data: bytes | msgspec.Raw) -> Body:
        """Make JSON a body of this command; raises `msgspec.ValidationError`."""
        body: Body = self._decoder.decode(data)
        return body


Apply = Callable[["apsw.Connection", Recorded], None]
"""Folds one entry into the state tables."""

ApplyTogether = Callable[["apsw.Connection", Sequence[Recorded]], None]
"""Folds entries of one type that follow one another, as `Apply` would one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """A capability's state tables. Nothing writes them but `apply`, and for entry types that come by the thousand
    `together`, which is faster and leaves the same rows."""

    schema: str
    tables: tuple[str, ...]
    apply: Apply
    together: Mapping[str, ApplyTogether] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capability:
    """Everything one capability adds to a node."""

    name: str
    entries: tuple[EntryType, ...] = ()
    commands: tuple[CommandType, ...] = ()
    store: Store | None = None


class RegistrationRefused(TelesphorError):
    """Two capabilities claim the same thing, or one claims something malformed."""

    code: ClassVar[str] = "registration-refused"
    kind = Kind.INTERNAL


class UnknownCommand(TelesphorError):
    """No capability of this node owns the command type."""

    code: ClassVar[str] = "unknown-command"
    kind = Kind.INVALID


class Registry:
    """The capabilities of one node, indexed; refuses two owners of anything."""

    def __init__(self, capabilities: Iterable[Capability]) -> None:
        self.capabilities = tuple(capabilities)
        self.entry_types: dict[str, EntryType] = {}
        self.bodies: dict[str, msgspec.json.Decoder[Any]] = {}
        self.commands: dict[str, CommandType] = {}
        self.appliers: dict[str, Apply | None] = {}
        self.together: dict[str, ApplyTogether] = {}
        owners = {("table", table): "the ledger" for table in LEDGER_TABLES}
        for capability in self.capabilities:
            for claim in _claims(capability):
                sort, name = claim
                if _SHAPES[sort].fullmatch(name) is None:
                    raise RegistrationRefused(f"`{capability.name}` claims a {sort} by the name of `{name}`")
                if claim in owners:
                    raise RegistrationRefused(
                        f"{sort} `{name}` is claimed by both `{owners[claim]}` and `{capability.name}`"
                    )
                owners[claim] = capability.name
            self._index(capability)

    def _index(self, capability: Capability) -> None:
        apply = capability.store.apply if capability.store else None
        for entry_type in capability.entries:
            self.entry_types[entry_type.name] = entry_type
            self.bodies[entry_type.name] = msgspec.json.Decoder(entry_type.body)
            self.appliers[entry_type.name] = apply
        self.together.update(capability.store.together if capability.store else {})
        for command in capability.commands:
            self.commands[command.name] = command

    def command(self, name: str) -> CommandType:
        """Return the command type called `name`; raises `UnknownCommand`."""
        try:
            return self.commands[name]
        except KeyError:
            raise UnknownCommand(
                f"no command is called `{name[:80]}`", hint="the API description lists the commands"
            ) from None

    def stores(self) -> tuple[Store, ...]:
        """All state tables, in the order of the capabilities."""
        return tuple(capability.store for capability in self.capabilities if capability.store)


def _claims(capability: Capability) -> Iterable[tuple[str, str]]:
    yield "capability", capability.name
    for entry_type in capability.entries:
        yield "entry type", entry_type.name
    for command in capability.commands:
        yield "command", command.name
    for table in capability.store.tables if capability.store else ():
        yield "table", table
