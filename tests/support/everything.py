"""A whole node at which everything is asked for once that an actor can ask for: entries of every type, each with the
request that its actor signed.

Start at `ask_everything`; each `_ask_…` is the story of one part.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import msgspec
import pytest

from telesphor.app import Node, node_wallet
from telesphor.capabilities.contracts.manifest import read_manifest
from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.credentials.model import (
    CredentialClaims,
    Factor,
    IssuedCredential,
    StatusReference,
    Vouching,
)
from telesphor.capabilities.identity.enrolment.credential import make_credential
from telesphor.capabilities.identity.presentations.model import FactorWanted, RequestGrant
from telesphor.client.credentials import CredentialBook, approve
from telesphor.client.requests import Command, register_command, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.entries import RecordedEntry
from telesphor.ledger.store import requests_from
from telesphor.runtime.capability import Receipt
from tests.support.authenticator import Authenticator
from tests.support.invited import ask_invitations
from tests.support.letters import ask_messages
from tests.support.lives import ask_lives, ask_visits
from tests.support.staff import appointment
from tests.support.watches import ask_watches

ORIGIN = "node.example/telesphor"
DAY_MS = 86_400_000
MODEL = "Pulse Oximeter 3"
FIRMWARE = "1" * 64
RULES = '@id("no-erasing-by-systems") forbid (principal, action == Telesphor::Action::"erase", resource);'
SOURCE = "def handle(state, trigger):\n    return state, [], {}\n"
MANIFEST = """
name = "quiet"
version = %d
summary = "Does nothing"

[[triggers]]
on = "call"
name = "tell"
callers = ["person"]
"""


def ask_everything(node: Node) -> list[tuple[RecordedEntry, bytes]]:
    """Live through all of it; returns each entry that was asked for, with the bytes of its request."""
    story = Story(node)
    for part in (
        _ask_factors,
        _ask_passkeys,
        ask_invitations,
        _ask_enrolment,
        _ask_objects,
        _ask_tokens,
        _ask_groups,
        _ask_policies,
        _ask_emergencies,
        _ask_contracts,
        ask_visits,
        _ask_lives,
        ask_messages,
        _ask_ledgers,
        ask_watches,
    ):
        part(story)
    return story.told()


class Story:
    """The usual cast, with a monitor that was never enrolled, and short names for what they ask."""

    def __init__(self, node: Node) -> None:
        self.node, self.ids, self.clock = node, node.ids, node.clock
        self.hospital = self.wallet("organisation")
        self.ask(node_wallet(node.keys), register_command(self.hospital, node=ORIGIN))
        kinds = ("person", "person", "person", "system", "device", "device")
        others = [self.wallet(kind) for kind in kinds]
        self.clinician, self.colleague, self.patient, self.system, self.device, self.monitor = others
        self.ask(self.hospital, *(register_command(wallet, node=ORIGIN) for wallet in others))
        self.ask(self.hospital, *appointment(self.ids, self.clinician.actor))

    def wallet(self, kind: str) -> Wallet:
        return Wallet.create(kind=kind, ids=self.ids)

    def ask(self, wallet: Wallet, *commands: Command) -> Receipt:
        """Sign, authenticate, decide."""
        data = sign_request(wallet, node=ORIGIN, commands=commands, clock=self.clock, ids=self.ids)
        return self.node.machine.call_blocking(self.node.authenticate(data), timeout_seconds=60)

    def refuse(self, wallet: Wallet, command: Command) -> None:
        """Ask for what is refused, and leaves an entry."""
        before = self.node.machine.committed_size
        with pytest.raises(TelesphorError):
            self.ask(wallet, command)
        assert self.node.machine.committed_size > before

    def put(
        self,
        wallet: Wallet,
        *,
        visit: str | None = None,
        subject: str | None = None,
        readers: Sequence[str] = (),
    ) -> str:
        """A sealed object."""
        object_id = self.ids.next()
        body = {"object": object_id, "media_type": "text/plain", "readers": readers, "visit": visit}
        body["subject"] = subject
        ticket = self.ask(wallet, ("object.write/1", body)).results[0].ticket
        self.seal(wallet, object_id, ticket)
        return object_id

    def seal(self, wallet: Wallet, object_id: str, ticket: str) -> None:
        stored = self.node.vault.receive(ticket, io.BytesIO(b"a note"))
        body = {"object": object_id, "size": stored.size, "digest": stored.digest}
        self.ask(wallet, ("object.seal/1", body))

    def instant(self, ms: int) -> str:
        """So many milliseconds from now."""
        return format_instant(self.clock.now_ms() + ms)

    def told(self) -> list[tuple[RecordedEntry, bytes]]:
        reader = self.node.reader()
        try:
            requests = {digest: data for _, _, digest, data in requests_from(reader.db, 0)}
            entries = [entry for entry in reader.entries(first=1, end=reader.size()) if entry.evidence]
            return [(entry, requests[entry.evidence]) for entry in entries if entry.evidence]
        finally:
            reader.db.close()


def _ask_factors(story: Story) -> None:
    office = Office(story)
    kept, ended = office.issue(index=0), office.issue(index=1)
    for word in ("suspend", "reinstate", "revoke"):
        office.ask((f"credential.{word}/1", {"credential": ended[0], "reason": "other"}))
    office.ask(("credential.reverify/1", {"credential": kept[0], "verified": story.instant(0)}))
    office.ask(("credential.offer/1", {"credential": kept[0]}))
    office.request_and_present(kept[1])
    office.ask(("issuer.distrust/1", {"issuer": office.issuer, "reason": "other"}))


class Office:
    """The hospital as an issuer and a verifier of one factor: the clinician's licence, where nothing else is said."""

    def __init__(
        self,
        story: Story,
        *,
        holder: Wallet | None = None,
        factor: str = "licence.licensed_in",
        value: str = "WA",
    ) -> None:
        self.story, self.hospital, self.holder = story, story.hospital, holder or story.clinician
        self.group, self.name = factor.split(".")
        self.factor, self.value = factor, value
        self.issuer, self.list, self.did = story.ids.next(), story.ids.next(), "did:web:hospital.example"
        trusted = {
            "issuer": self.issuer,
            "did": self.did,
            "actor": self.hospital.actor,
            "groups": [self.group],
            "keys": [self.hospital.signing_key.public.jwks()],
            "status_keys": None,
            "status_uri": None,
        }
        self.ask(("issuer.trust/1", trusted))
        self.ask(("status-list.open/1", {"status-list": self.list, "issuer": self.issuer}))

    def ask(self, command: Command) -> Receipt:
        return self.story.ask(self.hospital, command)

    def issue(self, *, index: int) -> tuple[str, IssuedCredential]:
        """A noted credential: its id, and what its holder has."""
        now_ms, credential = self.story.clock.now_ms(), self.story.ids.next()
        ends_ms = (now_ms + DAY_MS) // 1000 * 1000
        issued = sd_jwt.issue_credential(
            CredentialClaims(
                group=self.group,  # type: ignore[arg-type]
                issuer=self.did,
                issued_ms=now_ms,
                not_before_ms=now_ms,
                expires_ms=ends_ms,
                status=StatusReference(idx=index, uri=f"https://node.example/v1/status-lists/{self.list}"),
            ),
            [
                Factor(
                    name=self.name,
                    value=self.value,
                    vouching=Vouching(
                        vouched="issuer", vouched_by=self.did, verified_at=format_instant(now_ms)
                    ),
                )
            ],
            issuer=self.hospital.signing_key,
            holder=self.holder.signing_key.public,
            random=self.story.ids.random_bytes,
        )
        body = {
            "credential": credential,
            "digest": issued.digest,
            "group": self.group,
            "issuer": self.issuer,
            "subject": self.holder.actor,
            "list": self.list,
            "index": index,
            "expires": format_instant(ends_ms),
            "verified": format_instant(now_ms),
        }
        self.ask(("credential.issue/1", body))
        return credential, issued

    def request_and_present(self, issued: IssuedCredential) -> None:
        self.present(issued, good=False)
        shown = self.present(issued)
        self.ask(("presentation.read/1", {"presentation": shown}))
        self.story.ask(self.holder, ("presentation.withdraw/1", {"presentation": shown}))

    def present(self, issued: IssuedCredential, *, good: bool = True) -> str:
        """Ask for the factor, and have the holder show it; returns the presentation's id."""
        story, desk = self.story, self.story.node.desks.factors.presentations
        now_ms = story.clock.now_ms()
        book = CredentialBook(self.holder.actor).add(
            issued.serialized,
            issuer=self.hospital.signing_key.public,
            holder=self.holder.signing_key.public,
            now_ms=now_ms,
        )
        link = self.ask(self._request()).results[0]
        opening = ("presentation.open/1", {"presentation": link.presentation})
        opened = story.ask(self.holder, opening).results[0]
        answer = approve(opened.request, book, [self.factor], wallet=self.holder, node=ORIGIN, now_ms=now_ms)
        desk.receive(desk.tickets.redeem(link.ticket, RequestGrant), answer.data)
        name, body = answer.command
        if good:
            story.ask(self.holder, answer.command)
        else:
            said = {**msgspec.to_builtins(body), "approved": [f"{self.group}.privileges"]}
            story.refuse(self.holder, (name, said))
        return str(link.presentation)

    def _request(self) -> Command:
        wanted = FactorWanted(group=self.group, name=self.name)  # type: ignore[arg-type]
        return "presentation.request/1", {
            "presentation": self.story.ids.next(),
            "wanted": [msgspec.to_builtins(wanted)],
            "purpose": "treatment",
            "nonce": self.story.ids.nonce(),
            "holder": self.holder.actor,
            "expires_at": self.story.instant(600_000),
            "relied_seconds": 3_600,
        }


def _ask_passkeys(story: Story) -> None:
    key, person = Authenticator(), story.patient

    def challenge(purpose: str) -> str:
        asked = story.ask(person, ("passkey.challenge/1", {"purpose": purpose}))
        return str(asked.results[0].challenge)

    story.ask(person, ("passkey.register/1", key.register(challenge("register"))))
    story.ask(person, ("passkey.sign-in/1", key.sign_in(challenge("sign-in"))))
    story.refuse(person, ("passkey.register/1", key.register(challenge("register"), fmt="unknown")))
    key.count = 0
    story.refuse(person, ("passkey.sign-in/1", key.sign_in(challenge("sign-in"))))
    credential = key.sign_in(challenge("sign-in"))["credential"]
    story.ask(story.hospital, ("passkey.remove/1", {"id": person.actor, "credential": credential}))


def _ask_enrolment(story: Story) -> None:
    hospital, device, patient = story.hospital, story.device, story.patient
    key, maker, firmware = SigningKey.generate(HybridSuite.ROOT), story.ids.next(), story.ids.next()
    trusted = {"maker": maker, "name": "maker.example", "keys": key.public.jwks(), "models": [MODEL]}
    story.ask(hospital, ("maker.trust/1", trusted))
    allowed = {"firmware": firmware, "maker": maker, "model": MODEL, "hash": FIRMWARE}
    story.ask(hospital, ("firmware.allow/1", allowed))
    data = make_credential(
        maker="maker.example",
        key=key,
        model=MODEL,
        serial=commit(b"serial", key32=bytes(32)),
        device=device.signing_key.public,
        begins_ms=story.clock.now_ms() - DAY_MS,
        ends_ms=story.clock.now_ms() + DAY_MS,
    )
    enrolled = {"device": device.actor, "maker": maker, "owner": patient.actor, "document": digest_of(data)}
    story.ask(hospital, ("device.enrol/1", {**enrolled, "credential": msgspec.json.decode(data)}))

    def answer(**changes: object) -> Command:
        asked = story.ask(device, ("device.challenge/1", {"device": device.actor}))
        body = {
            "device": device.actor,
            "owner": patient.actor,
            "firmware": FIRMWARE,
            "counter": 1,
            "nonce": asked.results[0].nonce,
            "channel": None,
        }
        return "device.connect/1", body | changes

    story.refuse(device, answer(firmware="0" * 64))
    story.ask(device, answer(counter=2))
    story.ask(hospital, ("device.show/1", {"device": device.actor}))
    story.ask(hospital, ("device.transfer-owner/1", {"device": device.actor, "owner": hospital.actor}))
    story.refuse(
        device, answer(counter=2)
    )  # The counter of an answer that was given: somebody has a copy of the keys.
    story.ask(hospital, ("device.revoke/1", {"device": device.actor, "reason": "decommissioned"}))
    story.ask(hospital, ("firmware.withdraw/1", {"firmware": firmware}))
    story.ask(hospital, ("maker.distrust/1", {"maker": maker}))


def _ask_objects(story: Story) -> None:
    owner, readers = story.patient, sorted((story.clinician.actor, story.colleague.actor), reverse=True)
    object_id = story.ids.next()
    body = {
        "object": object_id,
        "media_type": "text/plain",
        "readers": readers,
        "visit": None,
        "subject": owner.actor,
    }
    story.ask(owner, ("object.write/1", body))
    ticket = story.ask(owner, ("object.resume/1", {"object": object_id})).results[0].ticket
    story.seal(owner, object_id, ticket)
    story.ask(
        story.clinician, ("object.read/1", {"object": object_id, "purpose": "treatment", "visit": None})
    )
    story.ask(owner, ("object.rewrap/1", {"object": object_id, "readers": readers}))
    story.ask(owner, ("object.erase/1", {"object": object_id, "reason": "patient-request"}))


def _ask_tokens(story: Story) -> None:
    patient, clinician, colleague = story.patient, story.clinician, story.colleague
    first, second = story.put(patient), story.put(patient)
    dataset, spare = story.ids.next(), story.ids.next()
    members = [{"kind": "object", "id": first}]
    story.ask(patient, ("dataset.define/1", {"dataset": dataset, "members": members}))
    story.ask(patient, ("dataset.define/1", {"dataset": spare, "members": members}))
    story.ask(
        patient,
        ("dataset.extend/1", {"dataset": dataset, "members": [{"kind": "object", "id": second}]}),
    )
    story.ask(patient, ("dataset.dissolve/1", {"dataset": spare}))

    def terms(recipient: Wallet, **changes: object) -> dict[str, object]:
        return {
            "token": story.ids.next(),
            "recipient": {"kind": "actor", "id": recipient.actor},
            "dataset": dataset,
            "role": None,
            "revocable": True,
            "transferable": False,
            "delegation_depth": 0,
            "required_factors": [],
            "rule": "",
            "actions": ["read"],
            "purposes": ["treatment"],
            "not_before": begins,
            "not_after": ends,
            **changes,
        }

    begins, ends = story.instant(-60_000), story.instant(DAY_MS)
    grant = terms(clinician, transferable=True, delegation_depth=1)
    token = {"token": grant["token"]}
    story.ask(patient, ("token.mint/1", grant))
    story.refuse(patient, ("token.mint/1", grant))
    for command in ("accept", "revoke", "renounce"):
        story.refuse(colleague, (f"token.{command}/1", token))
    story.refuse(colleague, ("token.transfer/1", {**token, "to": clinician.actor}))
    story.ask(clinician, ("token.accept/1", token))
    child = terms(colleague, parent=grant["token"])
    story.refuse(colleague, ("token.delegate/1", child))
    story.ask(clinician, ("token.delegate/1", child))
    story.ask(colleague, ("token.renounce/1", {"token": child["token"]}))
    for keeper, command, said in (
        (patient, "token.mint/1", {}),
        (clinician, "token.delegate/1", {"parent": grant["token"]}),
    ):
        team = {"group": story.ids.next(), "kind": "care-team", "role": None}
        story.ask(keeper, ("group.form/1", team))
        to_own = {**terms(keeper, **said), "recipient": {"kind": "group", "id": team["group"]}}
        story.ask(keeper, (command, to_own))
    story.ask(clinician, ("token.transfer/1", {**token, "to": colleague.actor}))
    story.ask(colleague, ("token.accept/1", token))
    story.ask(patient, ("token.list/1", {"which": "granted", "after": ""}))
    story.ask(patient, ("token.show/1", token))
    story.ask(patient, ("token.history/1", {**token, "after": -1}))
    story.ask(patient, ("token.revoke/1", token))


def _ask_groups(story: Story) -> None:
    group = {"group": story.ids.next()}
    story.ask(story.hospital, ("group.form/1", {**group, "kind": "care-team", "role": None}))
    story.ask(story.hospital, ("group.add/1", {**group, "member": story.clinician.actor}))
    story.ask(story.hospital, ("group.show/1", group))
    story.ask(story.hospital, ("group.remove/1", {**group, "member": story.clinician.actor}))
    story.ask(story.hospital, ("group.disband/1", group))


def _ask_policies(story: Story) -> None:
    for policies in (RULES, None):
        story.ask(story.hospital, ("policy.set/1", {"slot": "rules", "policies": policies}))
    story.ask(story.hospital, ("policy.show/1", {"slot": "rules", "of": None}))
    forgotten = {"documents": [digest_of(RULES.encode())], "reason": "retention"}
    story.ask(story.hospital, ("document.forget/1", forgotten))


def _ask_emergencies(story: Story) -> None:
    object_id, doctor, patient = story.put(story.patient), story.clinician, story.patient
    for forbidden in (True, False):
        story.ask(patient, ("break-glass.forbid/1", {"forbidden": forbidden}))
    for glass in (story.ids.next(), story.ids.next()):
        nonce = story.ask(doctor, ("break-glass.challenge/1", {})).results[0].nonce
        target = {"kind": "object", "id": object_id}
        asked = {"break_glass": glass, "target": target, "reason": "disaster", "minutes": 5, "nonce": nonce}
        story.ask(doctor, ("break-glass.open/1", asked))
        story.refuse(doctor, ("break-glass.open/1", {**asked, "break_glass": story.ids.next()}))
        story.ask(doctor, ("break-glass.close/1", {"break_glass": glass}))
        story.refuse(doctor, ("break-glass.close/1", {"break_glass": glass}))
        story.refuse(doctor, ("break-glass.review/1", {"break_glass": glass, "verdict": "justified"}))
        story.ask(story.hospital, ("break-glass.review/1", {"break_glass": glass, "verdict": "justified"}))
        story.refuse(doctor, ("break-glass.acknowledge/1", {"break_glass": glass}))
        story.ask(patient, ("break-glass.acknowledge/1", {"break_glass": glass}))
    story.ask(patient, ("break-glass.list/1", {"which": "all"}))
    note = {"kind": "object", "id": object_id, "done": "shared", "purpose": "payment", "recipient": "insurer"}
    story.ask(patient, ("use.note/1", note))
    now = format_instant(story.clock.now_ms() + 1000)
    wanted = {"object": object_id, "actor": doctor.actor, "since": "2020-01-01T00:00:00.000Z", "until": now}
    story.ask(story.hospital, ("access-log.read/1", wanted))


def _ask_contracts(story: Story) -> None:
    contract = {"contract": story.ids.next()}

    def offer(version: int) -> dict[str, str]:
        return {**contract, "manifest": read_manifest(MANIFEST % version).decode(), "source": SOURCE}

    story.ask(story.hospital, ("contract.deploy/1", offer(1)))
    story.ask(story.hospital, ("contract.upgrade/1", offer(2)))
    called = {**contract, "call": story.ids.next(), "name": "tell", "argument": json.dumps({})}
    story.ask(story.clinician, ("contract.call/1", called))
    story.ask(story.hospital, ("alert.list/1", {**contract, "which": "all", "after": ""}))
    story.ask(story.hospital, ("contract.pause/1", {**contract, "reason": "maintenance"}))
    story.ask(story.hospital, ("contract.resume/1", contract))
    story.ask(story.hospital, ("contract.retire/1", {**contract, "reason": "replaced"}))


def _ask_lives(story: Story) -> None:
    office = Office(story, holder=story.patient, factor="identity.name", value="Ana Reyes")
    ask_lives(story, shown=office.present(office.issue(index=0)[1]))


def _ask_ledgers(story: Story) -> None:
    share = {"share": story.ids.next(), "entries": [[1, 2]], "opened": [], "file": digest_of(b"file")}
    story.ask(story.hospital, ("share.make/1", share))
    story.node.desks.mirrors.actors = frozenset({story.system.actor})
    story.ask(story.system, ("ledger.mirror/1", {"first": 0, "end": None}))
    proof = {"proof": story.ids.next(), "bundle": digest_of(b"bundle"), "size": 1, "facts": [3]}
    story.ask(story.system, ("interchain.submit/1", proof))
