"""A small node for tests of capabilities: real keys, real SQLite, the real writer and vault; only time is ours."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

from telesphor.capabilities.access.capability import CAPABILITY as ACCESS
from telesphor.capabilities.access.objects import Objects
from telesphor.capabilities.access.sources import NOTHING
from telesphor.capabilities.devices.capability import devices_capability
from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.administering import Leave
from telesphor.capabilities.identity.authenticate import Authenticator, check_signer, read_genesis
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.identity.enrolment.capability import enrolment_capability
from telesphor.capabilities.identity.invitations.capability import invitations_capability
from telesphor.capabilities.identity.invitations.service import NoHosts
from telesphor.capabilities.interchain.capability import interchain_capability
from telesphor.capabilities.interchain.partners import Partner, prove_facts
from telesphor.capabilities.interchain.service import ProofDesk
from telesphor.capabilities.visits.capability import visits_capability
from telesphor.client.requests import Command, register_command, sign_genesis, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import ManualClock, format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.entries import EntryJournal, EntryReader, RecordedEntry
from telesphor.ledger.share import sharing
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.capability import Actor, Body, Capability, CommandType, Receipt, Registry, State
from telesphor.runtime.database import open_database, open_reader
from telesphor.runtime.machine import Machine, Request
from telesphor.runtime.tickets import Tickets
from telesphor.vault import capability as vault_capability
from telesphor.vault.holds import Holds, Unheld
from telesphor.vault.service import decide_read
from telesphor.vault.store import STORE as VAULT_STORE
from telesphor.vault.vault import Vault
from tests.support.staff import ALL_CLINICIANS

ORIGIN = "node.example/telesphor"
START_MS = 1_795_348_275_123


class AllHosts(NoHosts):
    """Everybody may invite."""

    def check_may_invite(self, state: State, actor: Actor, *, visit: str | None, invited: str) -> Leave:
        return Leave()


class NoClaims:
    """Nobody has shown the code of a link."""

    def take_claim(self, invitation: str, actor: Actor) -> bool:
        return False


class World:
    """A node with its root, its log, its vault and its writer; `begin` writes the first entry.

    Args:
        extra: capabilities of a test; they stand in for those that own the same entries.
        holds: knows what must be kept; nothing, where no test says otherwise.
    """

    def __init__(self, folder: Path, *extra: Capability, holds: Holds | None = None) -> None:
        self.holds = holds or Unheld()
        self.clock = ManualClock(START_MS)
        self.ids = IdSource(self.clock)
        self.path = folder / "ledger.sqlite"
        self.root = ActorId(self.ids.next())
        self.root_key = SigningKey.generate(HybridSuite.ROOT)
        self.log = LogSigner.generate(ORIGIN)
        self.node = Wallet.create(kind="node", ids=self.ids)
        self.db = open_database(self.path)
        self.journal = EntryJournal(db=self.db, ids=self.ids)
        self.db.execute(VAULT_STORE.schema)
        self.tickets = Tickets(clock=self.clock, random=self.ids.random_bytes)
        self.vault = self._make_vault(folder)
        self.partners: dict[str, Partner] = {}
        self.desk = ProofDesk(
            prove=partial(prove_facts, partners=self.partners),
            tickets=self.tickets,
            open_db=partial(open_reader, self.path),
            record=self.record_own_word,
        )
        visits = visits_capability(
            decide_read=partial(decide_read, vault=self.vault), tickets=self.tickets, sources=ALL_CLINICIANS
        )
        interchain = interchain_capability(self.desk)
        vault = vault_capability.capability(self.vault)
        usual = [
            IDENTITY,
            invitations_capability(hosts=AllHosts(), claims=NoClaims()),
            enrolment_capability(),
            interchain,
            ACCESS,
            vault,
            devices_capability(),
            visits,
            sharing(),
        ]
        taken = {kind.name for capability in extra for kind in capability.entries}
        kept = [one for one in usual if not taken & {kind.name for kind in one.entries}]
        self.registry = Registry([*kept, *extra])
        # Also the tables of those whose entries stand-ins write: what asks them finds nothing.
        for store in Registry(usual).stores() + self.registry.stores():
            self.db.execute(store.schema)
        self.machine = Machine(
            db=self.db,
            registry=self.registry,
            journal=self.journal,
            clock=self.clock,
            ids=self.ids,
            guards=[check_signer],
        )
        self.machine.start()
        self.authenticator = Authenticator(
            open_db=lambda: open_reader(self.path), registry=self.registry, origin=ORIGIN, clock=self.clock
        )

    def _make_vault(self, folder: Path) -> Vault:
        return Vault(
            blobs=open_blobs(folder / "vault"),
            records_path=folder / "vault.sqlite",
            ledger_path=self.path,
            node_id=self.node.actor,
            node_key=self.node.kem_key,
            recipients=identity,
            clock=self.clock,
            ids=self.ids,
            access=Objects(sources=NOTHING, clock=self.clock, ids=self.ids),
            holds=self.holds,
            tickets=self.tickets,
        )

    def begin(self) -> Receipt:
        """Write the first entry."""
        data = sign_genesis(
            root=self.root,
            root_key=self.root_key,
            node=self.node,
            origin=ORIGIN,
            log_vkeys=self.log.vkeys(),
            clock=self.clock,
            ids=self.ids,
        )
        return self.begin_with(data)

    def begin_with(self, data: bytes) -> Receipt:
        """Take a request for the first entry as the node does when it is made."""
        request = read_genesis(data, registry=self.registry, origin=ORIGIN, clock=self.clock)
        return self.machine.call_blocking(request, timeout_seconds=60)

    def sign(self, wallet: Wallet, *commands: Command, node: str = ORIGIN) -> bytes:
        """Sign commands as `wallet`, now."""
        return sign_request(wallet, node=node, commands=commands, clock=self.clock, ids=self.ids)

    def take(self, data: bytes) -> Receipt:
        """What the edge does with the bytes of a request."""
        return self.machine.call_blocking(self.authenticator.authenticate(data), timeout_seconds=60)

    def ask(self, wallet: Wallet, *commands: Command) -> Receipt:
        """Sign and take."""
        return self.take(self.sign(wallet, *commands))

    def record_own_word(self, command: CommandType, body: Body) -> Receipt:
        """What the node says by itself."""
        actor = Actor(self.node.actor, "node", self.node.signing_key.public.key_id)
        return self.machine.call_blocking(Request(actor, ((command, body),)), timeout_seconds=60)

    def enrol(self, kind: str, *, by: Wallet | None = None) -> Wallet:
        """A new, registered actor."""
        wallet = Wallet.create(kind=kind, ids=self.ids)
        self.ask(by or self.node, register_command(wallet, node=ORIGIN))
        return wallet

    def invite(self, by: Wallet) -> Wallet:
        """A new person, whose keys were made behind a link of `by`."""
        wallet, invitation = Wallet.create(kind="person", ids=self.ids), self.ids.next()
        body = {"invitation": invitation, "actor": wallet.actor, "kind": "person", "code": digest_of(b"code")}
        body["expires_at"] = format_instant(self.clock.now_ms() + 1)
        self.ask(by, ("invitation.make/1", body))
        redeemed = {"invitation": invitation, "member": wallet.actor}
        self.ask(self.node, register_command(wallet, node=ORIGIN), ("invitation.redeem/1", redeemed))
        return wallet

    def put(
        self,
        wallet: Wallet,
        content: bytes = b"{}",
        *,
        readers: tuple[str, ...] = (),
        visit: str | None = None,
    ) -> str:
        """A sealed object of `wallet`; returns its id."""
        object_id = self.begin_object(wallet, readers=readers, visit=visit)
        stored = self.vault.receive(self.ticket, io.BytesIO(content))
        body = {"object": object_id, "size": stored.size, "digest": stored.digest}
        self.ask(wallet, ("object.seal/1", body))
        return object_id

    def begin_object(self, wallet: Wallet, *, readers: tuple[str, ...] = (), visit: str | None = None) -> str:
        """An object that is begun and not sealed; `ticket` is then its upload ticket."""
        object_id = self.ids.next()
        body = {
            "object": object_id,
            "media_type": "application/fhir+json",
            "readers": readers,
            "visit": visit,
        }
        self.ticket: str = self.ask(wallet, ("object.write/1", body)).results[0].ticket
        return object_id

    def story(self) -> list[RecordedEntry]:
        """What happened, without the decisions that allowed it."""
        return [entry for entry in self.entries() if not entry.type.startswith("access.")]

    def entries(self) -> list[RecordedEntry]:
        """All entries so far."""
        reader = EntryReader(self.path, self.registry)
        found = list(reader.entries(first=0, end=reader.size()))
        reader.db.close()
        return found

    def close(self) -> None:
        """Stop the writer."""
        self.machine.stop()
        self.vault.close()
        self.db.close()
