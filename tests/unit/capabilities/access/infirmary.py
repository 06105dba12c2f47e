"""A node with its vault, tokens, passkeys, emergency access and the log: real keys, the real writer; only time is ours.

Start at `Infirmary`: its cast, `put`, `read`, and `open`, which breaks the glass as a client does.
"""

from __future__ import annotations

import io
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.access.breakglass.capability import breakglass_capability
from telesphor.capabilities.access.breakglass.standing import opened_for
from telesphor.capabilities.access.model import Resource, ResourceKind
from telesphor.capabilities.access.objects import Objects, find_object_resource
from telesphor.capabilities.access.service import authorise
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.access.subjects import subject_of
from telesphor.capabilities.access.tokens import policies
from telesphor.capabilities.access.tokens.capability import tokens_capability
from telesphor.capabilities.access.tokens.store import STORE as TOKENS
from telesphor.capabilities.access.uses.capability import uses_capability
from telesphor.capabilities.identity.passkeys.capability import passkeys_capability
from telesphor.capabilities.identity.passkeys.model import RelyingParty
from telesphor.capabilities.identity.recovery.capability import CAPABILITY as RECOVERY
from telesphor.capabilities.visits.service import find_visit_resource
from telesphor.client.requests import Command, register_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import SystemClock, format_instant
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.capability import Capability, Receipt, State
from telesphor.vault.model import ReadGrant
from telesphor.vault.vault import Vault
from tests.support.authenticator import Authenticator
from tests.support.staff import appointment
from tests.unit.capabilities.world import ORIGIN, START_MS, World

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


class Infirmary(World):
    """A hospital, a patient, two doctors, a nurse and a privacy officer; the patient's record is a doctor's note."""

    def __init__(self, folder: Path, *extra: Capability, start_ms: int = START_MS) -> None:
        self.sources = Sources(
            policies_for=policies.policies_for,
            groups_of=policies.group_ids_of,
            roles_of=policies.roles_of,
            datasets_of=policies.datasets_holding,
            broken_glass=partial(opened_for, find_resource=find_resource, clock=self),
            subject_of=partial(subject_of, find_resource=find_resource),
            watched=(TOKENS,),
        )
        asked = partial(authorise, sources=self.sources)
        super().__init__(
            folder,
            RECOVERY,
            passkeys_capability(RelyingParty.of("node.example")),
            tokens_capability(authorise=asked, find_resource=find_resource),
            breakglass_capability(authorise=asked, find_resource=find_resource, clock=self),
            uses_capability(authorise=asked, find_resource=find_resource),
            *extra,
        )
        self.clock.advance_ms(start_ms - START_MS)
        self.begin()
        self.hospital = self.enrol_known("organisation")
        self.patient, self.doctor, self.nurse, self.officer, self.writer = (
            self.enrol_known("person", number) for number in range(5)
        )
        self.appoint(self.officer)
        self.appoint(self.doctor, self.nurse, role="clinician")
        self.note = self.put_about(self.patient.actor)

    def now_ms(self) -> int:
        """The machine's clock, which the desk holds against the ledger's time."""
        return self.clock.now_ms()

    def enrol_known(self, kind: str, number: int = 0) -> Wallet:
        """A registered actor; keys take long to make, and are the same for all tests."""
        wallet = _keys(kind, number)
        self.ask(self.node, register_command(wallet, node=ORIGIN))
        return wallet

    def appoint(self, *people: Wallet, role: str = "privacy-officer") -> None:
        """Give people a role, by a group of their own."""
        self.ask(self.hospital, *appointment(self.ids, *(one.actor for one in people), role=role))

    def put_about(
        self,
        subject: str | None,
        *,
        owner: Wallet | None = None,
        visit: str | None = None,
        data: bytes = b"{}",
    ) -> str:
        """A sealed object about somebody; returns its id."""
        owner = owner or self.writer
        object_id = self.ids.next()
        body = {"object": object_id, "media_type": "application/json", "readers": (), "visit": visit}
        ticket = self.ask(owner, ("object.write/1", {**body, "subject": subject})).results[0].ticket
        stored = self.vault.receive(ticket, io.BytesIO(data))
        seal = {"object": object_id, "size": stored.size, "digest": stored.digest}
        self.ask(owner, ("object.seal/1", seal))
        return object_id

    def visit_of(self, patient: Wallet, clinician: Wallet) -> str:
        visit = self.ids.next()
        body = {"visit": visit, "patient": patient.actor, "clinician": clinician.actor, "devices": []}
        self.ask(clinician, ("visit.open/1", body))
        return visit

    def read(self, person: Wallet, object_id: str, *, purpose: str = "emergency") -> Any:
        """Ask to read; returns the ticket."""
        body = {"object": object_id, "purpose": purpose, "visit": None}
        return self.ask(person, ("object.read/1", body)).results[0]

    def may_read(self, person: Wallet, object_id: str, *, purpose: str = "emergency") -> bool:
        try:
            self.read(person, object_id, purpose=purpose)
        except TelesphorError as error:
            assert error.code == "access-denied"
            return False
        return True

    def nonce(self, person: Wallet) -> str:
        """What the keys of a person without passkey are to sign."""
        nonce: str = self.ask(person, ("break-glass.challenge/1", {})).results[0].nonce
        return nonce

    def opening(self, kind: str, id: str, **changes: object) -> Command:
        target = {"kind": kind, "id": id}
        usual = {"target": target, "reason": "unconscious-patient", "minutes": 30, "nonce": None}
        return "break-glass.open/1", {"break_glass": self.ids.next(), **usual, **changes}

    def open(self, person: Wallet, kind: str, id: str, **changes: object) -> str:
        """Break the glass, by keys alone; returns its id."""
        command = self.opening(kind, id, nonce=self.nonce(person), **changes)
        self.ask(person, command)
        body: Any = command[1]
        return str(body["break_glass"])

    def granting(self, person: Wallet, object_id: str) -> tuple[str, tuple[Command, Command]]:
        """What is asked to grant an object: the token's id, and the commands."""
        dataset, token = self.ids.next(), self.ids.next()
        terms = {
            "recipient": {"kind": "actor", "id": person.actor},
            "dataset": dataset,
            "role": None,
            "actions": ["read"],
            "purposes": ["treatment"],
            "not_before": self.instant(),
            "not_after": self.instant(DAY_MS),
            "revocable": True,
            "transferable": False,
            "delegation_depth": 0,
            "required_factors": [],
            "rule": "",
        }
        members = [{"kind": "object", "id": object_id}]
        define = ("dataset.define/1", {"dataset": dataset, "members": members})
        return token, (define, ("token.mint/1", {"token": token, **terms}))

    def close_glass(self, person: Wallet, glass: str) -> Receipt:
        return self.ask(person, ("break-glass.close/1", {"break_glass": glass}))

    def review(self, person: Wallet, glass: str, verdict: str = "justified") -> Receipt:
        return self.ask(person, ("break-glass.review/1", {"break_glass": glass, "verdict": verdict}))

    def listed(self, person: Wallet, which: str = "alarms") -> Any:
        """The emergencies that somebody is shown."""
        return self.ask(person, ("break-glass.list/1", {"which": which})).results[0].glasses

    def log_of(self, person: Wallet, **wanted: object) -> Any:
        """The rows of the log that somebody is shown."""
        return self.ask(person, ("access-log.read/1", wanted)).results[0].rows

    def refusal(self, person: Wallet, *commands: Command) -> str:
        """The code of a refusal, which stands on the ledger and nothing beside it."""
        before = len(self.entries())
        with pytest.raises(TelesphorError) as caught:
            self.ask(person, *commands)
        (entry,) = self.entries()[before:]
        if caught.value.code == "access-denied":
            assert (entry.type, entry.body.outcome) == ("access.decided/1", "deny")
        else:
            assert (entry.type, entry.body.cause) == ("break-glass.refused/1", caught.value.code)
        return caught.value.code

    def plain_refusal(self, person: Wallet, *commands: Command) -> str:
        """The code of a refusal that leaves nothing."""
        before = len(self.entries())
        with pytest.raises(TelesphorError) as caught:
            self.ask(person, *commands)
        assert self.entries()[before:] == []
        return caught.value.code

    def forbid_rule(self, text: str | None) -> None:
        self.ask(self.hospital, ("policy.set/1", {"slot": "rules", "policies": text}))

    def register_passkey(self, person: Wallet) -> Authenticator:
        key = Authenticator(person.actor)
        challenge = self.ask(person, ("passkey.challenge/1", {"purpose": "register"})).results[0].challenge
        self.ask(person, ("passkey.register/1", key.register(challenge)))
        return key

    def sign_in(self, person: Wallet, key: Authenticator) -> None:
        challenge = self.ask(person, ("passkey.challenge/1", {"purpose": "sign-in"})).results[0].challenge
        self.ask(person, ("passkey.sign-in/1", key.sign_in(challenge)))

    def grant_of(self, ticket: str) -> ReadGrant:
        return self.vault.tickets.redeem(ticket, ReadGrant)

    def last(self, type: str) -> RecordedEntry:
        return [entry for entry in self.entries() if entry.type == type][-1]

    def instant(self, ms: int = 0) -> str:
        """So many milliseconds from now."""
        return format_instant(self.clock.now_ms() + ms)

    def _make_vault(self, folder: Path) -> Vault:
        vault = super()._make_vault(folder)
        vault.access = Objects(sources=self.sources, clock=self.clock, ids=self.ids)
        return vault


def find_resource(state: State, kind: ResourceKind, id: str) -> Resource:
    """An object or a visit."""
    if kind is ResourceKind.OBJECT:
        return find_object_resource(state, id)
    assert kind is ResourceKind.VISIT
    return find_visit_resource(state, id)


@cache
def _keys(kind: str, number: int) -> Wallet:
    return Wallet.create(kind=kind, ids=IdSource(SystemClock()))
