"""Everything that decides in one node: the vault and the desks of its capabilities, and the one list of these.

Nothing is found by scanning: `Desks.registry` is the list. Whoever adds a capability adds it there, and to
`registry.py`. Start at `Desks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Any, NamedTuple

from telesphor.app.browsers import KEYS_CHANGED, Browsers
from telesphor.app.factors import Factors
from telesphor.app.relations import NodeAdministration, NodeHolds
from telesphor.app.rules import find_resource, open_sources, permit_contract, under_rules
from telesphor.app.visiting import FOLLOWER as VISIT_NEWS
from telesphor.app.visiting import Visiting
from telesphor.capabilities.access.breakglass.capability import breakglass_capability
from telesphor.capabilities.access.breakglass.notices import FOLLOWED as GLASS_TYPES
from telesphor.capabilities.access.breakglass.notices import FOLLOWER as GLASS_NEWS
from telesphor.capabilities.access.breakglass.notices import GlassNews, GlassNotices
from telesphor.capabilities.access.breakglass.routes import routes as glass_routes
from telesphor.capabilities.access.breakglass.standing import count_alarms
from telesphor.capabilities.access.capability import CAPABILITY as ACCESS
from telesphor.capabilities.access.objects import Objects
from telesphor.capabilities.access.service import authorise
from telesphor.capabilities.access.tokens.capability import tokens_capability
from telesphor.capabilities.access.uses.capability import uses_capability
from telesphor.capabilities.compliance.opening import Compliance
from telesphor.capabilities.contracts import capability as contracts
from telesphor.capabilities.contracts.alerts.capability import alerts_capability
from telesphor.capabilities.contracts.effects.capability import effect_commands, effects_capability
from telesphor.capabilities.contracts.effects.desk import EffectDesk
from telesphor.capabilities.contracts.effects.settings import load_connectors
from telesphor.capabilities.contracts.runner.runtime import REACTIONS_FILE, ContractRuntime
from telesphor.capabilities.devices.capability import devices_capability
from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.identity.passkeys.routes import routes as passkey_routes
from telesphor.capabilities.interchain import capability as interchain
from telesphor.capabilities.interchain.routes import routes as interchain_routes
from telesphor.capabilities.messages.live import FOLLOWED as MESSAGE_TYPES
from telesphor.capabilities.messages.live import FOLLOWER as MESSAGE_NEWS
from telesphor.capabilities.messages.opening import Messages
from telesphor.capabilities.visits.life.identity import check_shown_to
from telesphor.capabilities.visits.life.live import LIVE_TYPES
from telesphor.client.requests import sign_commands
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import IdSource
from telesphor.ledger import leaves
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.forgetting import forgetting
from telesphor.ledger.mirrors import mirroring, open_mirrors
from telesphor.ledger.share import sharing
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.capability import Actor, Body, CommandType, OnCommit, Receipt, Recorded, Registry
from telesphor.runtime.database import open_reader
from telesphor.runtime.folder import NodeFolder, NodeKeys
from telesphor.runtime.requests import Request
from telesphor.runtime.settings import Settings
from telesphor.vault.capability import capability as vault_capability
from telesphor.vault.routes import routes as vault_routes
from telesphor.vault.vault import Vault


class Following(NamedTuple):
    """A follower: its name, under which its cursor is kept, the entries it is given, and what it does with each."""

    name: str
    types: frozenset[str]
    handle: Callable[[Recorded], None]


class Desks:
    """The vault and the desks of one node. The ledger's tables are there already.

    Args:
        call: has the writer decide a request and waits for it.
        authenticate: makes signed bytes a request.
        open_entries: a reader of committed entries, for one thread.
        aside: whether other organisations' bundles are judged in child processes, and contracts' workers are started
            at once: for a node that serves for long.
        stack: closes them.
    """

    def __init__(
        self,
        folder: NodeFolder,
        settings: Settings,
        keys: NodeKeys,
        *,
        call: Callable[[Request], Receipt],
        authenticate: Callable[[bytes], Request],
        open_entries: Callable[[], EntryReader],
        aside: bool,
        clock: Clock,
        ids: IdSource,
        stack: ExitStack,
    ) -> None:
        self._keys, self._call, self._open_entries, self._clock = keys, call, open_entries, clock
        self._authenticate, self._ids = authenticate, ids
        self.sources = open_sources(clock)
        administration = NodeAdministration(self.sources)
        self.vault = self._open_vault(folder, settings, clock, ids)
        stack.callback(self.vault.close)
        tickets = self.vault.tickets
        self.factors = Factors(
            folder,
            settings,
            keys,
            tickets=tickets,
            record=self.record,
            open_entries=open_entries,
            administration=administration,
            shown_to=check_shown_to,
            clock=clock,
            ids=ids,
        )
        self.mirrors = open_mirrors(folder, tickets, check_actor=identity.active_actor)
        self.browsers = Browsers(
            folder,
            settings,
            keys,
            ledger=self.vault.ledger,
            tickets=tickets,
            record=self.record,
            say=self.say,
            administration=administration,
            is_stranger=lambda actor: actor in self.mirrors.actors,
            clock=clock,
            ids=ids,
            stack=stack,
        )
        self._ask = partial(authorise, sources=self.sources)
        reading = self.browsers.snapshot
        self._glass_notices = GlassNotices(reading=reading, names_of=self.browsers.people.names_of)
        self._glass_news = GlassNews(reading=reading, publish=self.browsers.hub.publish)
        self._open_care(folder, settings, stack)
        self._tokens = tokens_capability(
            authorise=self._ask, find_resource=find_resource, administration=administration
        )
        self._open_contracts(folder, ids, stack, ready=aside)
        self.proofs = interchain.open_desk(folder, tickets, record=self.record, aside=aside, stack=stack)

    def registry(self) -> Registry:
        """The one list of capabilities."""
        ask = self._ask
        return Registry(
            (
                under_rules(IDENTITY, sources=self.sources),
                *(under_rules(one, sources=self.sources) for one in self.factors.capabilities()),
                *(under_rules(one, sources=self.sources) for one in self.browsers.capabilities()),
                under_rules(interchain.interchain_capability(self.proofs), sources=self.sources),
                ACCESS,
                under_rules(self._tokens, sources=self.sources),
                breakglass_capability(authorise=ask, find_resource=find_resource, clock=self._clock),
                uses_capability(authorise=ask, find_resource=find_resource),
                vault_capability(self.vault),
                contracts.contracts_capability(self.contracts),
                effects_capability(self._effects),
                alerts_capability(ask),
                devices_capability(self.sources),
                under_rules(self._visiting.capability(), sources=self.sources),
                self.messages.capability(),
                self.compliance.capability(),
                under_rules(sharing(), sources=self.sources),
                under_rules(forgetting(), sources=self.sources),
                under_rules(mirroring(self.mirrors), sources=self.sources),
                leaves.CAPABILITY,
            )
        )

    def routes(self) -> list[Any]:
        """Their handlers, but of what is proved: that needs the network."""
        return [
            *vault_routes(self.vault),
            *interchain_routes(self.proofs),
            *self.factors.routes(),
            *self.browsers.routes(),
            *self._visiting.routes(),
            *glass_routes(self._glass_notices, self.browsers.sessions),
            *passkey_routes(self.browsers.snapshot, self.browsers.sessions),
        ]

    def start(self, on_commit: OnCommit, stack: ExitStack) -> None:
        """Start what works beside the writer, until `stack` closes.

        Args:
            on_commit: has something called after each of the writer's batches.
        """
        self.factors.start(stack)
        self.browsers.start(stack)
        self.reactions.start(on_commit, stack)
        self.messages.start(stack)

    def followers(self) -> tuple[Following, ...]:
        """What follows the committed log."""
        return (
            Following("session-end", KEYS_CHANGED, self.browsers.end_sessions),
            Following(GLASS_NEWS, GLASS_TYPES, self._glass_news.handle),
            Following(VISIT_NEWS, LIVE_TYPES, self._visiting.follow),
            Following(MESSAGE_NEWS, MESSAGE_TYPES, self.messages.follow),
        )

    def count_alarms(self) -> int:
        """How many emergency accesses nobody has reviewed yet."""
        with self.vault.ledger.reading() as db:
            return count_alarms(db)

    def record(self, command: CommandType, word: Body) -> Receipt:
        """Record the node's own word, which no signed request asked for."""
        node = Actor(self._keys.node_id, ActorKind.NODE, self._keys.signing.public.key_id)
        return self._call(Request(node, ((command, word),)))

    def say(self, commands: Sequence[tuple[str, Body]]) -> Receipt:
        """Have the node ask for commands in a request that it signs, so that what follows can be checked by anyone."""
        origin, key = self._keys.log.origin, self._keys.signing
        data = sign_commands(
            actor=self._keys.node_id,
            key=key,
            node=origin,
            commands=commands,
            clock=self._clock,
            ids=self._ids,
        )
        return self._call(self._authenticate(data))

    def read_document(self, digest: str) -> bytes | None:
        """A committed document; None when there is none such, or it was forgotten."""
        with closing(self._open_entries()) as entries:
            return entries.document(digest)

    def _open_care(self, folder: NodeFolder, settings: Settings, stack: ExitStack) -> None:
        """Visits, messages, and who looks after them."""
        self._visiting = Visiting(
            settings,
            folder=folder.path,
            vault=self.vault,
            browsers=self.browsers,
            sources=self.sources,
            read_document=self.read_document,
            clock=self._clock,
        )
        self.messages = Messages(
            folder.path,
            authorise=self._ask,
            record=self.record,
            open_db=partial(open_reader, folder.ledger),
            vault=self.vault,
            names=self.browsers.people,
            hub=self.browsers.hub,
            clock=self._clock,
            stack=stack,
        )
        self.compliance = Compliance(
            folder.path,
            open_entries=self._open_entries,
            record=self.record,
            sources=self.sources,
            names=self.browsers.names,
            offers=self.factors.offers,
            clock=self._clock,
            ids=self._ids,
        )

    def _open_contracts(self, folder: NodeFolder, ids: IdSource, stack: ExitStack, *, ready: bool) -> None:
        """Contracts, what they may effect, and the runtime that has them react."""
        permit = partial(permit_contract, sources=self.sources)
        open_db = partial(open_reader, folder.ledger)
        self.contracts = contracts.open_desk(
            record=self.record,
            open_db=open_db,
            read_document=self.read_document,
            stack=stack,
            authorise=permit,
            ready=ready,
        )
        self._effects = EffectDesk(
            effect_commands(self._tokens.commands), open_db=open_db, record=self.record, authorise=permit
        )
        self.connectors = load_connectors(folder.path)
        self.reactions = ContractRuntime(
            self.contracts,
            self._effects,
            path=folder.path / REACTIONS_FILE,
            connectors=self.connectors,
            open_entries=self._open_entries,
            open_db=open_db,
            read_document=self.read_document,
            clock=self._clock,
            ids=ids,
        )

    def _open_vault(self, folder: NodeFolder, settings: Settings, clock: Clock, ids: IdSource) -> Vault:
        return Vault(
            blobs=open_blobs(folder.vault_url(settings)),
            records_path=folder.vault_db,
            ledger_path=folder.ledger,
            node_id=self._keys.node_id,
            node_key=self._keys.recipient,
            recipients=identity,
            clock=clock,
            ids=ids,
            access=Objects(sources=self.sources, clock=clock, ids=ids),
            holds=NodeHolds(),
        )
