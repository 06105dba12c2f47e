"""A node with access, and commands that do nothing but ask it: for tests of what it allows and records."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from telesphor.capabilities.access.capability import CAPABILITY as ACCESS
from telesphor.capabilities.access.capability import POLICY_SET
from telesphor.capabilities.access.model import Action, Allowed, Ask, Resource, ResourceKind
from telesphor.capabilities.access.service import SetPolicy, authorise, permit_standing
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.identity.entries import ACTOR_REGISTERED, ActorRegistered
from telesphor.capabilities.identity.model import Jwks
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.ids import IdSource, stream_of
from telesphor.ledger.entries import EntryJournal, EntryReader, RecordedEntry
from telesphor.runtime.capability import (
    Actor,
    Body,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    Receipt,
    Registry,
    State,
)
from telesphor.runtime.database import open_database
from telesphor.runtime.machine import Machine, Request
from tests.support.staff import ALL_CLINICIANS

START_MS = 1_795_348_275_123
TIMEOUT_SECONDS = 60.0


class Asking(Body, frozen=True, kw_only=True):
    """A command that does nothing but ask."""

    ask: Ask
    standing: bool = False


class Done(Body, frozen=True, kw_only=True):
    """What was asked for was done."""

    action: str


class Ward:
    """One writer, real tables, and whatever the test says of tokens, factors and groups."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START_MS)
        self.ids = IdSource(self.clock)
        self.path = folder / "ledger.sqlite"
        self.sources = ALL_CLINICIANS
        self.db = open_database(self.path)
        done = Capability("ward", entries=(EntryType("ward.done/1", Done),))
        self.registry = Registry([IDENTITY, ACCESS, done])
        self.journal = EntryJournal(db=self.db, ids=self.ids)
        for store in self.registry.stores():
            self.db.execute(store.schema)
        self.machine = Machine(
            db=self.db, registry=self.registry, journal=self.journal, clock=self.clock, ids=self.ids
        )
        self.machine.start()
        self.asking = CommandType("ward.ask/1", Asking, self._decide)
        self.registering = CommandType("ward.register/1", ActorRegistered, self._register)

    def enrol(self, kind: str) -> Actor:
        """A registered actor."""
        wallet = Wallet.create(kind="person" if kind == "node" else kind, ids=self.ids)
        key = wallet.signing_key.public
        body = ActorRegistered(
            kind="person" if kind == "node" else kind,  # type: ignore[arg-type]
            keys=msgspec.convert(key.jwks(), Jwks),
            kem=wallet.kem_text,
        )
        actor = Actor(wallet.actor, kind, key.key_id)
        self.run(actor, self.registering, body)
        return actor

    def ask(self, actor: Actor, action: str, resource: Resource, **further: object) -> Receipt:
        """Ask, as a command does."""
        standing = bool(further.pop("standing", False))
        ask = Ask(action=Action(action), resource=resource, **further)  # type: ignore[arg-type]
        return self.run(actor, self.asking, Asking(ask=ask, standing=standing))

    def set_policy(self, actor: Actor, text: str | None, *, slot: str = "rules") -> Receipt:
        """Set policies, as a command does."""
        return self.run(actor, POLICY_SET, SetPolicy(slot=slot, policies=text))  # type: ignore[arg-type]

    def run(self, actor: Actor, command: CommandType, body: Body) -> Receipt:
        return self.machine.call_blocking(Request(actor, ((command, body),)), timeout_seconds=TIMEOUT_SECONDS)

    def object_of(self, owner: Actor, **further: object) -> Resource:
        """An object that is nobody else's."""
        return Resource(kind=ResourceKind.OBJECT, id=self.ids.next(), owner=owner.id, **further)  # type: ignore[arg-type]

    def entries(self) -> list[RecordedEntry]:
        """All entries so far."""
        reader = EntryReader(self.path, self.registry)
        found = list(reader.entries(first=0, end=reader.size()))
        reader.db.close()
        return found

    def documents(self) -> dict[str, bytes]:
        """All documents so far."""
        return {digest: bytes(data) for digest, data in self.db.execute("SELECT digest, data FROM documents")}

    def within(self, look: Callable[[State], object]) -> None:
        """Run `look` inside the writer, as a decision would."""
        seen = threading.Event()

        def decide(_actor: Actor, _body: Body, state: State) -> Decision:
            look(state)
            seen.set()
            return Decision((_done(state, "look"),))

        actor = Actor(self.ids.next(), "node", "")  # type: ignore[arg-type]
        self.run(actor, CommandType("ward.look/1", Done, decide), Done(action="look"))
        assert seen.is_set()

    def close(self) -> None:
        self.machine.stop()
        self.db.close()

    def _decide(self, actor: Actor, body: Asking, state: State) -> Decision:
        permit = permit_standing if body.standing else authorise
        allowed: Allowed = permit(actor, body.ask, state, sources=self.sources)
        done = _done(state, body.ask.action)
        return Decision((*allowed.drafts, done), result=allowed, documents=allowed.documents)

    def _register(self, actor: Actor, body: ActorRegistered, _state: State) -> Decision:
        return Decision((Draft(ACTOR_REGISTERED.name, stream_of("actor", actor.id), body),))


def _done(state: State, action: str) -> Draft:
    return Draft("ward.done/1", stream_of("ward", state.new_id()), Done(action=action))
