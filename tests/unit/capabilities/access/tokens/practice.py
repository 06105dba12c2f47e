"""A practice with tokens for tests: the real writer, real access, real tables; what an object is, the test says.

Start at `Practice`: its cast, `mint`, and `use`, a command that does nothing but ask access and say so.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec

from telesphor.capabilities.access.capability import CAPABILITY as ACCESS
from telesphor.capabilities.access.capability import POLICY_SET
from telesphor.capabilities.access.model import Action, AskRefused, PresentedFactor, Resource, ResourceKind
from telesphor.capabilities.access.model import Ask as AccessAsk
from telesphor.capabilities.access.service import SetPolicy, authorise
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.access.tokens import policies
from telesphor.capabilities.access.tokens.capability import tokens_capability
from telesphor.capabilities.access.tokens.store import STORE
from telesphor.capabilities.identity.authenticate import read_genesis
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.identity.entries import (
    ACTOR_REGISTERED,
    ACTOR_RETIRED,
    ActorRegistered,
    ActorRetiredBody,
)
from telesphor.capabilities.identity.model import Jwks
from telesphor.capabilities.interchain.capability import RECORDED as INTERCHAIN
from telesphor.client.requests import sign_genesis
from telesphor.client.wallet import Wallet
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import ManualClock, SystemClock, format_instant
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import ActorId, IdSource, stream_of
from telesphor.kernel.signing import HybridSuite, SigningKey
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
from telesphor.vault.model import Purpose

ORIGIN = "node.example/telesphor"
START_MS = 1_795_348_275_123
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TIMEOUT_SECONDS = 60.0


class Use(Body, frozen=True, kw_only=True):
    """Ask for an action on a thing, and say that it was done."""

    action: str
    kind: str
    id: str
    purpose: str = "treatment"


class Used(Body, frozen=True, kw_only=True):
    """Something was done, by these reasons."""

    action: str
    thing: str
    reasons: tuple[str, ...]


class Words(Body, frozen=True, kw_only=True):
    """Drafts that a test wants recorded as they are."""

    number: int


class Practice:
    """A patient, a clinician, a specialist, a stranger and a hospital, each with an object of its own."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START_MS)
        self.ids = IdSource(self.clock)
        self.path = folder / "ledger.sqlite"
        self.resources: dict[str, Resource] = {}
        self.factors: dict[str, Any] = {}
        self.sources = Sources(
            policies_for=policies.policies_for,
            groups_of=policies.group_ids_of,
            roles_of=policies.roles_of,
            datasets_of=policies.datasets_holding,
            factors_of=lambda _state, actor: self.factors.get(actor, ()),
            watched=(STORE,),
        )
        self.tokens = tokens_capability(
            authorise=partial(authorise, sources=self.sources), find_resource=self._find_resource
        )
        used = Capability("practice", entries=(EntryType("practice.used/1", Used),))
        self.registry = Registry([IDENTITY, INTERCHAIN, ACCESS, self.tokens, used])
        self.using = CommandType("practice.use/1", Use, self._use)
        self.db = open_database(self.path)
        self.journal = EntryJournal(db=self.db, ids=self.ids)
        for store in self.registry.stores():
            self.db.execute(store.schema)
        self.machine = Machine(
            db=self.db, registry=self.registry, journal=self.journal, clock=self.clock, ids=self.ids
        )
        self.machine.start()
        self.node = self._begin()
        self.hospital = self.enrol("organisation")
        self.patient, self.clinician, self.specialist, self.stranger = (
            self.enrol("person") for _ in range(4)
        )
        self.monitor = self.enrol("device")

    # What is there.

    def object_of(self, owner: Actor, **further: Any) -> str:
        """A new object; returns its id."""
        return self._put(ResourceKind.OBJECT, owner=owner.id, **further)

    def factor(self, actor: Actor, text: str) -> None:
        """Let an actor have presented a factor, such as `licence.licensed_in=WA`."""
        name, _, value = text.partition("=")
        group, _, word = name.partition(".")
        factor = PresentedFactor(
            group=group,
            name=word,
            value=value,
            issuer="did:web:board.example",
            verified_at=format_instant(START_MS),
            vouched="issuer",
        )
        self.factors[actor.id] = (*self.factors.get(actor.id, ()), factor)

    def visit_of(self, owner: Actor, **further: Any) -> str:
        return self._put(ResourceKind.VISIT, owner=owner.id, **further)

    def device_of(self, owner: Actor) -> str:
        """A device of its owner's, to be connected to."""
        return self._put(ResourceKind.DEVICE, owner=owner.id)

    def dataset_of(self, definer: Actor, *ids: str) -> str:
        """A dataset of these things, whatever they are."""
        dataset = self.ids.next()
        self.ask(definer, "dataset.define/1", dataset=dataset, members=self.members(*ids))
        return dataset

    def members(self, *ids: str) -> list[dict[str, str]]:
        named = sorted((self.resources[id].kind.value, id) for id in ids)
        return [{"kind": kind, "id": id} for kind, id in named]

    def group_of(self, keeper: Actor, *members: Actor, role: str | None = None) -> str:
        group = self.ids.next()
        kind = "care-team" if role is None else "role"
        self.ask(keeper, "group.form/1", group=group, kind=kind, role=role)
        for member in members:
            self.ask(keeper, "group.add/1", group=group, member=member.id)
        return group

    # What is asked.

    def terms(self, recipient: Actor | str, dataset: str | None, **changes: Any) -> dict[str, Any]:
        """Terms as a command has them: reading for treatment, for a day from now; a text is a group."""
        whom = (
            {"kind": "group", "id": recipient}
            if isinstance(recipient, str)
            else {"kind": "actor", "id": recipient.id}
        )
        usual: dict[str, Any] = {
            "recipient": whom,
            "dataset": dataset,
            "role": None,
            "revocable": True,
            "transferable": False,
            "delegation_depth": 0,
            "required_factors": [],
            "rule": "",
            "actions": ["read"],
            "purposes": ["treatment"],
            "not_before": self.instant(0),
            "not_after": self.instant(DAY_MS),
        }
        terms = {**usual, **changes}
        lists = ("actions", "purposes", "required_factors")
        return {key: sorted(value) if key in lists else value for key, value in terms.items()}

    def instant(self, ms: int) -> str:
        """So many milliseconds from now."""
        return format_instant(self.clock.now_ms() + ms)

    def mint(self, grantor: Actor, recipient: Actor | str, dataset: str | None, **changes: Any) -> str:
        token = self.ids.next()
        self.ask(grantor, "token.mint/1", token=token, **self.terms(recipient, dataset, **changes))
        return token

    def give(self, grantor: Actor, recipient: Actor, dataset: str | None, **changes: Any) -> str:
        """Minted and accepted."""
        token = self.mint(grantor, recipient, dataset, **changes)
        self.ask(recipient, "token.accept/1", token=token)
        return token

    def delegate(
        self, holder: Actor, parent: str, recipient: Actor | str, dataset: str, **changes: Any
    ) -> str:
        token = self.ids.next()
        terms = self.terms(recipient, dataset, **changes)
        self.ask(holder, "token.delegate/1", token=token, parent=parent, **terms)
        return token

    def pass_on(self, holder: Actor, parent: str, recipient: Actor, dataset: str, **changes: Any) -> str:
        """Delegated and accepted."""
        token = self.delegate(holder, parent, recipient, dataset, **changes)
        self.ask(recipient, "token.accept/1", token=token)
        return token

    def ask(self, actor: Actor, command: str, **body: Any) -> Receipt:
        """Decode a command as the edge does, and have it decided."""
        kind = self.registry.command(command)
        decoded = kind.decode(msgspec.json.encode(body))
        if kind.prepare is not None:
            kind.prepare(decoded)
        return self.run(actor, (kind, decoded))

    def code_of(self, actor: Actor, command: str, **body: Any) -> str:
        """The code with which a command is refused; one about a token stands on the ledger, and nothing else."""
        before = len(self.entries())
        try:
            self.ask(actor, command, **body)
        except TelesphorError as error:
            said = self.entries()[before:]
            if error.code != "access-denied":
                refusals = [entry for entry in said if entry.type == "token.refused/1"]
                assert len(said) == len(refusals) == int(command.startswith("token.") and "token" in body)
                assert all(entry.body.cause == error.code for entry in refusals)
            return error.code
        raise AssertionError("it was allowed")

    def use(
        self, actor: Actor, id: str, *, action: str = "read", purpose: str = "treatment"
    ) -> tuple[str, ...]:
        """Do something, and say by which reasons; raises `AccessDenied`."""
        body = Use(action=action, kind=self.resources[id].kind.value, id=id, purpose=purpose)
        reasons: tuple[str, ...] = self.run(actor, (self.using, body)).results[0]
        return reasons

    def may(self, actor: Actor, id: str, **further: str) -> bool:
        """Whether it is allowed now."""
        try:
            self.use(actor, id, **further)
        except TelesphorError as error:
            assert error.code == "access-denied"
            return False
        return True

    def set_policy(self, text: str) -> None:
        self.run(self.hospital, (POLICY_SET, SetPolicy(slot="rules", policies=text)))

    def retire(self, actor: Actor) -> None:
        stream = stream_of("actor", actor.id)
        self.record(actor, Draft(ACTOR_RETIRED.name, stream, ActorRetiredBody()))

    def enrol(self, kind: str) -> Actor:
        """A registered actor."""
        key = _keys(kind).signing_key.public
        body = ActorRegistered(
            kind=kind,  # type: ignore[arg-type]
            keys=msgspec.convert(key.jwks(), Jwks),
            kem=_keys(kind).kem_text,
        )
        actor = Actor(ActorId(self.ids.next()), kind, key.key_id)
        self.record(actor, Draft(ACTOR_REGISTERED.name, stream_of("actor", actor.id), body))
        return actor

    def record(self, actor: Actor, *drafts: Draft, documents: tuple[bytes, ...] = ()) -> Receipt:
        """Have entries recorded as they are, as if their owners had decided so."""

        def decide(_actor: Actor, _body: Body, _state: State) -> Decision:
            return Decision(drafts, documents=documents)

        return self.run(actor, (CommandType("practice.record/1", Words, decide), Words(number=0)))

    def look(self, see: Any) -> Any:
        """What `see` returns of the state, inside the writer."""
        seen: list[Any] = []

        def decide(_actor: Actor, _body: Body, state: State) -> Decision:
            seen.append(see(state))
            return Decision((_used_draft(self.node, "look", "nothing", ()),))

        self.run(self.node, (CommandType("practice.look/1", Words, decide), Words(number=0)))
        return seen[0]

    def run(self, actor: Actor, *commands: tuple[CommandType, Body]) -> Receipt:
        return self.machine.call_blocking(Request(actor, commands), timeout_seconds=TIMEOUT_SECONDS)

    def entries(self) -> list[RecordedEntry]:
        """All entries so far."""
        reader = EntryReader(self.path, self.registry)
        found = list(reader.entries(first=0, end=reader.size()))
        reader.db.close()
        return found

    def close(self) -> None:
        self.machine.stop()
        self.db.close()

    def _begin(self) -> Actor:
        node = _keys("node")
        data = sign_genesis(
            root=ActorId(self.ids.next()),
            root_key=_root_key(),
            node=node,
            origin=ORIGIN,
            log_vkeys=_log().vkeys(),
            clock=self.clock,
            ids=self.ids,
        )
        request = read_genesis(data, registry=self.registry, origin=ORIGIN, clock=self.clock)
        self.machine.call_blocking(request, timeout_seconds=TIMEOUT_SECONDS)
        return Actor(node.actor, "node", node.signing_key.public.key_id)

    def _put(self, kind: ResourceKind, **further: Any) -> str:
        id = self.ids.next()
        self.resources[id] = Resource(kind=kind, id=id, **further)
        return id

    def _find_resource(self, state: State, kind: ResourceKind, id: str) -> Resource:
        found = self.resources.get(id)
        if found is None or found.kind is not kind:
            raise AskRefused(f"there is no `{kind}` `{id}`")
        return found

    def _use(self, actor: Actor, body: Use, state: State) -> Decision:
        resource = self._find_resource(state, ResourceKind(body.kind), body.id)
        ask = AccessAsk(action=Action(body.action), resource=resource, purpose=Purpose(body.purpose))
        allowed = authorise(actor, ask, state, sources=self.sources)
        draft = _used_draft(actor, body.action, resource.name, allowed.reasons)
        return Decision((*allowed.drafts, draft), allowed.reasons, documents=allowed.documents)


# Nobody signs here but the root, once: what keys there are does not matter, and to make them takes a while.


@cache
def _keys(kind: str) -> Wallet:
    return Wallet.create(kind=kind, ids=IdSource(SystemClock()))


@cache
def _root_key() -> SigningKey:
    return SigningKey.generate(HybridSuite.ROOT)


@cache
def _log() -> LogSigner:
    return LogSigner.generate(ORIGIN)


def _used_draft(actor: Actor, action: str, thing: str, reasons: tuple[str, ...]) -> Draft:
    body = Used(action=action, thing=thing, reasons=reasons)
    return Draft("practice.used/1", stream_of("used", actor.id), body)
