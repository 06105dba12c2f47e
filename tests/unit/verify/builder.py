"""A small real ledger with one visit, made by kernel functions only, honest or hostile as a test asks.

`Story` tells the visit: genesis, an organisation, a patient, a clinician, a device, an object, a reading,
links and the closing. A test tells it in pieces and does harm in between, with the node's own keys if it
likes: the node is the strongest attacker there is. `repack` does harm to a finished bundle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from telesphor.kernel import base64url, canonical
from telesphor.kernel.archive import read_archive, write_archive
from telesphor.kernel.bundle import (
    MANIFEST,
    MANIFEST_JWS,
    BundleEntry,
    BundleParts,
    OpenedCommitment,
    Selection,
    encode_manifest,
    parse_manifest,
    write_bundle,
)
from telesphor.kernel.card import Role
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.clock import ManualClock, format_instant
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import Digest, digest_of, format_digest
from telesphor.kernel.entry import Entry, encode_entry
from telesphor.kernel.ids import ActorId, EntryId, IdSource, Stream, stream_of
from telesphor.kernel.merkle import MemoryReader, inclusion_path, leaf_hash, root_at, root_of
from telesphor.kernel.note import parse_vkey
from telesphor.kernel.signing import HybridSuite, SigningKey, sign_detached
from tests.unit.verify.once import digest_once, parse_once, sign_once
from tests.unit.verify.peers import NOTARY, START_MS, WITNESSES, Peer, cosign

ORIGIN = "ledger.clinic.example/2026"
KEM = base64url.encode(bytes(1216))
COMMITMENT_KEY = hashlib.sha256(b"commitment").digest()
READING = canonical.encode({"bpm": ["61", "63", "62"]})

Body = Mapping[str, Any]


@cache
def signing_key(name: str, suite: HybridSuite = HybridSuite.ACTOR) -> SigningKey:
    """Return the same pair for the same name in every run."""
    return SigningKey(
        suite, hashlib.sha256(f"1 {name}".encode()).digest(), hashlib.sha256(f"2 {name}".encode()).digest()
    )


@cache
def log_signer(name: str = "log", origin: str = ORIGIN) -> LogSigner:
    return LogSigner(
        origin, hashlib.sha256(f"3 {name}".encode()).digest(), hashlib.sha256(f"4 {name}".encode()).digest()
    )


@dataclass
class Actor:
    """Somebody who signs; `key` is the pair used next."""

    id: ActorId
    kind: str
    key: SigningKey


@dataclass(frozen=True)
class Draft:
    type: str
    stream: Stream
    body: Body
    fields: Body | None = None
    """Fields of the entry to be other than they should."""


class World:
    """A ledger in memory that writes whatever it is told to."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.clock = ManualClock(START_MS)
        counter = iter(range(1_000_000))
        self.ids = IdSource(self.clock, lambda n: hashlib.shake_128(str(next(counter)).encode()).digest(n))
        self.root = Actor(ActorId(self.ids.next()), "root", signing_key("root", HybridSuite.ROOT))
        self.node = Actor(ActorId(self.ids.next()), "node", signing_key("node"))
        self.log = log_signer(origin=origin)
        self.entries: list[bytes] = []
        self.evidence: dict[Digest, bytes] = {}
        self.numbers: dict[str, int] = {}

    def actor(self, name: str, kind: str) -> Actor:
        return Actor(ActorId(self.ids.next()), kind, signing_key(name))

    def request(
        self,
        actor: Actor,
        commands: Iterable[tuple[str, Body]],
        *,
        key: SigningKey | None = None,
        offset_ms: int = 0,
        fields: Body | None = None,
    ) -> Digest:
        """Sign a request and keep it; `fields` of its payload may be other than they should."""
        key = key or actor.key
        payload = {
            "v": 1,
            "format": "telesphor-request/1",
            "node": self.origin,
            "actor": actor.id,
            "keys": list(key.public.thumbprints()),
            "at": format_instant(self.clock.now_ms() + offset_ms),
            "nonce": self.ids.nonce(),
            "commands": [{"type": type, "body": dict(body)} for type, body in commands],
        }
        jws = sign_once(payload | dict(fields or {}), key)
        digest = digest_once(jws)
        self.evidence[digest] = jws
        return digest

    def append(self, actor: Actor, draft: Draft, evidence: Digest | None) -> int:
        """Append an entry and return its position; streams are numbered by themselves."""
        n = self.numbers.get(draft.stream, 0)
        entry: dict[str, Any] = {
            "type": draft.type,
            "id": EntryId(self.ids.next()),
            "at": format_instant(self.clock.now_ms()),
            "actor": actor.id,
            "stream": draft.stream,
            "n": n,
            "body": dict(draft.body),
            "salt": self.ids.nonce(),
            "evidence": evidence,
        }
        entry |= draft.fields or {}
        self.numbers[draft.stream] = max(n, entry["n"] + 1)
        return self.append_bytes(encode_entry(Entry(**entry)))

    def append_bytes(self, data: bytes) -> int:
        self.entries.append(data)
        return len(self.entries) - 1

    def act(
        self, actor: Actor, commands: Iterable[tuple[str, Body]], *drafts: Draft, **options: Any
    ) -> Digest:
        """One request and the entries it causes, as an honest node writes them."""
        self.clock.advance_ms(1_000)
        evidence = self.request(actor, commands, **options)
        for draft in drafts:
            self.append(actor, draft, evidence)
        return evidence

    def entry(self, position: int) -> Entry:
        return parse_once(self.entries[position])

    def find(self, type: str) -> list[int]:
        return [position for position in range(len(self.entries)) if self.entry(position).type == type]

    def checkpoint(self, *, signer: LogSigner | None = None) -> bytes:
        reader = MemoryReader([leaf_hash(data) for data in self.entries])
        size = len(self.entries)
        signer = signer or self.log
        checkpoint = Checkpoint(signer.origin, size, root_at(size, reader))
        return signer.sign(checkpoint, time_seconds=self.clock.now_ms() // 1000)

    def card(self, actor: Actor, *, key: SigningKey | None = None, **fields: Any) -> Any:
        """The proof that an actor holds its new keys, as the JSON object that travels in a command."""
        key = key or actor.key
        payload = {
            "format": "telesphor-card/1",
            "id": actor.id,
            "kind": actor.kind,
            "keys": list(key.public.thumbprints()),
            "jwks": key.public.jwks(),
            "kem": KEM,
            "node": self.origin,
        }
        return canonical.decode(sign_once(payload | fields, key), limit=100_000)

    def register(self, by: Actor, actor: Actor, *, card: Any = None, **options: Any) -> Digest:
        said = {"kind": actor.kind, "keys": actor.key.public.jwks(), "kem": KEM}
        command = {"id": actor.id, **said, "card": card or self.card(actor)}
        draft = Draft("actor.registered/1", stream_of("actor", actor.id), said)
        return self.act(by, [("actor.register/1", command)], draft, **options)

    def rotate(self, actor: Actor, new: SigningKey, *, card: Any = None, **options: Any) -> Digest:
        said = {"keys": new.public.jwks(), "kem": KEM}
        command = {**said, "card": card or self.card(actor, key=new)}
        draft = Draft("actor.key-rotated/1", stream_of("actor", actor.id), said)
        evidence = self.act(actor, [("actor.rotate-key/1", command)], draft, **options)
        actor.key = new
        return evidence

    def retire(self, by: Actor, actor: Actor) -> Digest:
        draft = Draft("actor.retired/1", stream_of("actor", actor.id), {})
        return self.act(by, [("actor.retire/1", {"id": actor.id})], draft)


class Story:
    """The visit, told step by step; each method is one thing that happens."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.world = World(origin)
        world = self.world
        self.clinic = world.actor("clinic", "organisation")
        self.patient = world.actor("patient", "person")
        self.clinician = world.actor("clinician", "person")
        self.device = world.actor("device", "device")
        self.object = stream_of("object", world.ids.next())
        self.readings = stream_of("readings", self.device.id)
        self.visit = stream_of("visit", world.ids.next())
        self.other_visit = stream_of("visit", world.ids.next())

    @classmethod
    def told(cls, *, until: str = "", origin: str = ORIGIN) -> Story:
        """Tell the story honestly up to, and not including, the step named `until`."""
        story = cls(origin)
        for name in ("found", "enrol", "record", "open", "measure", "read", "close"):
            if name == until:
                break
            getattr(story, name)()
        return story

    def genesis_body(self) -> dict[str, Any]:
        root, node, log = self.world.root, self.world.node, self.world.log
        return {
            "origin": self.world.origin,
            "root": {"id": root.id, "keys": root.key.public.jwks()},
            "node": {"id": node.id, "keys": node.key.public.jwks(), "kem": KEM},
            "log": list(log.vkeys()),
        }

    def found(self, *, body: Body | None = None, asked: Body | None = None, **options: Any) -> None:
        body = body or self.genesis_body()
        draft = Draft("node.created/1", stream_of("node", self.world.node.id), body)
        self.world.act(self.world.root, [("node.create/1", asked or body)], draft, **options)

    def enrol(self) -> None:
        world = self.world
        world.register(world.node, self.clinic)
        for actor in (self.patient, self.clinician, self.device):
            world.register(self.clinic, actor)

    def record(self) -> None:
        """A stored record, and an entry about somebody else that no bundle of this visit may hold."""
        readers = [self.patient.id, self.clinician.id]
        sealed = {"digest": digest_of(b"ciphertext"), "size": 10, "parts": 1}
        begun = {"media_type": "application/fhir+json", "readers": readers, "visit": None}
        name = {"object": self.object.split("/")[1]}
        self.world.act(
            self.patient,
            [
                ("object.write/1", {**name, **begun}),
                ("object.seal/1", {**name, "digest": sealed["digest"], "size": 10}),
            ],
            Draft("object.begun/1", self.object, begun),
            Draft("object.sealed/1", self.object, sealed),
        )
        self.world.act(
            self.patient,
            [("visit.open/1", {})],
            Draft("visit.opened/1", self.other_visit, {"patient": self.patient.id}),
        )

    def open(self, *, asked: Body | None = None, **options: Any) -> None:
        body = {"patient": self.patient.id, "clinician": self.clinician.id, "devices": [self.device.id]}
        asked = {"visit": self.name, **(asked or body)}
        self.world.act(
            self.clinician,
            [("visit.open/1", asked)],
            Draft("visit.opened/1", self.visit, body),
            **options,
        )
        self.world.rotate(self.clinician, signing_key("clinician's second"))

    def measure(self) -> None:
        body = {
            "object": self.object.split("/")[1],
            "visit": self.name,
            "kind": "heart-rate",
            "count": 3,
            "from": format_instant(self.world.clock.now_ms()),
            "to": format_instant(self.world.clock.now_ms() + 3_000),
            "commitment": commit(READING, key32=COMMITMENT_KEY),
        }
        recorded = Draft("reading.recorded/1", self.readings, body)
        self.world.act(
            self.device, [("visit.record-reading/1", body)], recorded, self.link(self.readings, 0, "reading")
        )

    def read(self) -> None:
        purpose = {"purpose": "treatment", "visit": self.name}
        self.world.act(
            self.clinician,
            [("visit.read-object/1", {"object": self.object.split("/")[1], **purpose})],
            Draft("object.read/1", self.object, purpose),
            self.link(self.object, 2, "read"),
        )

    def link(self, stream: Stream, n: int, role: str) -> Draft:
        return Draft("visit.object-linked/1", self.visit, {"stream": stream, "n": n, "role": role})

    @property
    def name(self) -> str:
        """The visit's id."""
        return self.visit.split("/")[1]

    def note(
        self, n: int = 1, *, role: str = "note", by: Actor | None = None, fields: Body | None = None
    ) -> None:
        """Somebody adds number `n` of the record; `fields` of the entry may be what they should not."""
        draft = replace(self.link(self.object, n, role), fields=fields)
        self.world.act(by or self.clinician, [self.add(role)], draft)

    def add(self, role: str = "note") -> tuple[str, Body]:
        """The command that adds the record to the visit."""
        return "visit.add-object/1", {"visit": self.name, "object": self.object.split("/")[1], "role": role}

    def say(self, type: str, stream: Stream, **body: Any) -> None:
        """The node says something by itself."""
        self.world.clock.advance_ms(1_000)
        self.world.append(self.world.node, Draft(type, stream, body), None)

    def grant(self, *, parent: Stream | None = None, **body: Any) -> Stream:
        """A token is minted, perhaps out of another, and accepted; returns its stream."""
        token = stream_of("token", self.world.ids.next())
        self.say("token.minted/1", token, parent=parent and parent.split("/")[1], **body)
        self.say("token.accepted/1", token)
        return token

    def build_on(self, stream: Stream, n: int = 0, *, role: str = "token") -> None:
        """The visit links an entry of another stream, by the node's own word."""
        self.world.append(self.world.node, self.link(stream, n, role), None)

    def close(self, *, body: Body | None = None, **options: Any) -> None:
        leaves = [leaf_hash(self.world.entries[position]) for position in self.on(self.visit)]
        body = body or {"count": len(leaves), "root": format_digest(root_of(leaves))}
        self.world.act(
            self.clinician,
            [("visit.close/1", {"visit": self.name})],
            Draft("visit.closed/1", self.visit, body),
            **options,
        )

    def on(self, stream: Stream) -> list[int]:
        entries = self.world.entries
        return [position for position in range(len(entries)) if self.world.entry(position).stream == stream]

    def chosen(self) -> set[int]:
        """Positions that the bundle of this visit holds, by the rule of the specification."""
        world = self.world
        links = [world.entry(position).body for position in self.on(self.visit)]
        targets = {(body.get("stream"), body.get("n")) for body in links if "role" in body}
        chosen = {0, *self.on(self.visit), *(p for stream in self.behind() for p in self.on(stream))}
        for position in range(len(world.entries)):
            entry = world.entry(position)
            if (entry.stream, entry.n) in targets:
                chosen.add(position)
        actors = {self.patient.id, self.clinician.id, *(world.entry(position).actor for position in chosen)}
        while True:  # who registered whom, up to the node
            chosen |= {position for actor in actors for position in self.on(stream_of("actor", actor))}
            more = {world.entry(position).actor for position in chosen} - actors
            if not more:
                return chosen
            actors |= more

    def behind(self) -> set[Stream]:
        """Streams that the bundle of this visit holds whole: of what is linked and can be taken back."""
        links = [self.world.entry(position).body for position in self.on(self.visit)]
        kinds = ("token", "group", "presentation", "break-glass")
        waiting = [Stream(str(body["stream"])) for body in links if body.get("role") in kinds]
        found: set[Stream] = set()
        while waiting:
            stream = waiting.pop()
            if stream in found or not self.on(stream):
                continue
            found.add(stream)
            parent = self.world.entry(self.on(stream)[0]).body.get("parent")
            waiting += [Stream(f"token/{parent}")] if parent else []
        return found

    def parts(self, *, drop: Iterable[int] = (), add: Iterable[int] = (), **options: Any) -> BundleParts:
        world = self.world
        positions = sorted((self.chosen() | set(add)) - set(drop))
        reader = MemoryReader([leaf_hash(data) for data in world.entries])
        size = len(world.entries)
        entries = [
            BundleEntry(position=p, data=world.entries[p], path=tuple(inclusion_path(p, size, reader)))
            for p in positions
        ]
        behind = {world.entry(position).evidence for position in positions}
        shown = [position for position in positions if "commitment" in world.entry(position).body]
        fields: dict[str, Any] = {
            "made_at": format_instant(world.clock.now_ms()),
            "origin": world.origin,
            "subject": self.visit,
            "checkpoint": world.checkpoint(),
            "log_vkeys": world.log.vkeys(),
            "entries": entries,
            "evidence": [jws for digest, jws in world.evidence.items() if digest in behind],
            "opened": [
                OpenedCommitment(position=p, member="commitment", key=COMMITMENT_KEY, value=READING)
                for p in shown
            ],
        }
        return BundleParts(**(fields | options))

    def witnessed(
        self, peers: Iterable[Peer] = (*WITNESSES, NOTARY), *, log: bool = True, **options: Any
    ) -> BundleParts:
        """The parts with the cosignatures and cards of these."""
        peers = tuple(peers)
        parts = self.parts(**options)
        cards = {peer.key_id: peer.card() for peer in peers}
        if log:
            key = self.world.log
            card = Peer("log", "clinic.example", role=Role.LOG).card(key=key)
            cards[parse_vkey(key.vkeys()[1]).key_id] = card
        delay = (self.world.clock.now_ms() - START_MS) // 1000 + 1
        note = cosign(parts.checkpoint, peers, delay_seconds=delay)
        return replace(parts, checkpoint=note, cards=cards)

    def selected(
        self,
        positions: Iterable[int],
        *,
        purpose: str = "a complaint",
        drop_also: Iterable[int] = (),
        **options: Any,
    ) -> BundleParts:
        """The parts of a selection of these entries, with what comes along."""
        chosen = {0, *positions}
        actors = {self.world.entry(position).actor for position in chosen}
        while True:
            found = {p for actor in actors for p in self.on(stream_of("actor", actor))}
            more = {self.world.entry(position).actor for position in found} - actors
            if not more:
                break
            actors |= more
        drop = (self.chosen() - chosen - found) | set(drop_also)
        selection = Selection(self.world.ids.next(), purpose)
        shown = {"opened": (), **options}
        return self.parts(add=chosen | found, drop=drop, subject=selection, **shown)

    def bundle(self, *, sign: SigningKey | None = None, **options: Any) -> bytes:
        return write_bundle(self.parts(**options), sign=sign or self.world.node.key)


Edit = Callable[[dict[str, bytes]], None]


def repack(
    data: bytes,
    edit: Edit,
    *,
    manifest: Callable[[dict[str, Any]], None] | None = None,
    sign: SigningKey | None = None,
) -> bytes:
    """Change the files of a bundle and list and sign them anew, as only the node itself could.

    Args:
        edit: changes the files (all but the manifest and its signature).
        manifest: changes the new manifest before it is signed.
    """
    files = dict(read_archive(data))
    old = parse_manifest(files.pop(MANIFEST))
    del files[MANIFEST_JWS]
    edit(files)
    key = sign or signing_key("node")
    listed = encode_manifest(
        files,
        made_at=old.made_at,
        origin=old.origin,
        subject=old.subject,
        keys=key.public.thumbprints(),
    )
    if manifest is not None:
        value: Any = canonical.decode(listed, limit=1 << 24)
        manifest(value)
        listed = canonical.encode(value)
    return write_archive({**files, MANIFEST: listed, MANIFEST_JWS: sign_detached(listed, key)})
