"""How bytes from anywhere become a request that the writer may take: the signed request, verified.

`Authenticator.authenticate` runs in worker threads, before the writer; `check_signer` runs in the
writer, just before the request is decided, and checks again what may have changed while it waited.
`read_genesis` is the one request whose signer is not yet registered: the root's, for the first entry.
What was asked twice is refused by the ledger's journal. Bytes: `docs/spec/request.md`.

INVARIANT: a request that is decided was signed by both halves of the pair that is its actor's at the
position of its first entry, and its own time is within `WINDOW_MS` of its entries'.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import apsw
import msgspec
from msgspec import Meta

from telesphor.capabilities.identity import service, store
from telesphor.capabilities.identity.capability import NODE_CREATE
from telesphor.capabilities.identity.entries import NodeCreated
from telesphor.capabilities.identity.model import (
    ActorIdField,
    ActorInfo,
    ActorKind,
    ActorPaused,
    ActorRetired,
    ActorSuspended,
    EndsKeys,
    InstantField,
    NotPermitted,
    SuiteRefused,
    ThumbprintField,
    read_jwks,
)
from telesphor.kernel import base64url
from telesphor.kernel.clock import Clock, SystemClock, parse_instant
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.signing import HybridSuite, VerifyKey, read_jws, verify_jws
from telesphor.runtime.attempts import attempt
from telesphor.runtime.capability import Actor, Body, CommandType, Registry, State
from telesphor.runtime.database import open_reader
from telesphor.runtime.requests import REQUEST_COMMANDS_MAX, Evidence, Request

REQUEST_BYTES_MAX = 1024 * 1024
"""A thousand small commands fit; a body is read up to this and no further."""

WINDOW_MS = 300_000
"""How far a request's own time may be from the node's: clocks of phones and devices drift."""

KEYS_CACHED_MAX = 1_024
"""Parsed pairs kept; one is about 60 KB, most of it the expanded ML-DSA key."""

FORMAT = "telesphor-request/1"
VERSION = 1


class RequestMalformed(TelesphorError):
    """The signed payload is not a request."""

    code = "request-malformed"
    kind = Kind.INVALID


class UnknownVersion(TelesphorError):
    """The payload is of a format or version that this node does not know."""

    code = "unknown-version"
    kind = Kind.INVALID


class WrongNode(TelesphorError):
    """The request was signed for another node."""

    code = "wrong-node"
    kind = Kind.UNAUTHENTICATED


class RequestExpired(TelesphorError):
    """The request's own time is too long ago."""

    code = "request-expired"
    kind = Kind.UNAUTHENTICATED


class RequestFromFuture(TelesphorError):
    """The request's own time lies too far ahead."""

    code = "request-from-future"
    kind = Kind.UNAUTHENTICATED


class UnknownActor(TelesphorError):
    """Nobody is registered under the id that the request gives as its actor."""

    code = "unknown-actor"
    kind = Kind.UNAUTHENTICATED


class KeyNotRegistered(TelesphorError):
    """The pair that signed is not the actor's current one."""

    code = "key-not-registered"
    kind = Kind.UNAUTHENTICATED


class CommandRefused(TelesphorError):
    """A command's body does not have the shape of its type."""

    code = "command-refused"
    kind = Kind.INVALID


class KeyChangeNotLast(TelesphorError):
    """A request goes on after a command that ends the keys it is signed with."""

    code = "key-change-not-last"
    kind = Kind.INVALID


class GenesisRefused(TelesphorError):
    """The root signs the first entry's request and nothing else, and the request is not that."""

    code = "genesis-refused"
    kind = Kind.FORBIDDEN


# 16 bytes in 22 characters leave the last one only its upper two bits: verifiers decode it strictly.
NonceField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{21}[AQgw]$", max_length=22)]


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Annotated[str, Meta(max_length=80)]
    body: dict[str, Any]


class RequestPayload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed: which node, who, with which pair, when, once, and what for."""

    v: Literal[1]
    format: Literal["telesphor-request/1"]
    node: str
    actor: ActorIdField
    keys: tuple[ThumbprintField, ThumbprintField]
    at: InstantField
    nonce: NonceField
    commands: Annotated[tuple[_Command, ...], Meta(min_length=1, max_length=REQUEST_COMMANDS_MAX)]


class Signed(msgspec.Struct, frozen=True):
    """What verifying a request showed: who signed it, the digest of its payload, and its own time."""

    actor: Actor
    digest: Digest
    at_ms: int


class _Envelope(msgspec.Struct):
    payload: str


class _RawCommand(msgspec.Struct):
    type: str
    body: msgspec.Raw


class _RawCommands(msgspec.Struct):
    commands: tuple[_RawCommand, ...]


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_commands = msgspec.json.Decoder(_RawCommands).decode


class Authenticator:
    """Turns signed bytes into requests. Safe between threads: each opens a reader of its own.

    Args:
        open_db: opens a read-only connection to the state tables.
        registry: which commands there are, and the shape of their bodies.
        origin: the node's name, which every request must bear.
        clock: the node's time.
    """

    def __init__(
        self, *, open_db: Callable[[], apsw.Connection], registry: Registry, origin: str, clock: Clock
    ) -> None:
        self._open_db = open_db
        self._registry = registry
        self._origin = origin
        self._clock = clock
        self._local = threading.local()
        self._keys = _KeyCache()

    def authenticate(self, data: bytes) -> Request:
        """Verify a signed request (JWS General JSON).

        1. At most `REQUEST_BYTES_MAX` bytes, in the one canonical form, with two signatures.
        2. The payload is a request of a known version.
        3. It is for this node, and of now.
        4. Its actor is registered, neither suspended nor retired, and names its current pair.
        5. Both signatures verify under that pair.
        6. Each command is one of this node's, with a body of its shape.

        Raises:
            LimitExceeded, SignatureRefused (and its subclasses), RequestMalformed, UnknownVersion,
            WrongNode, RequestExpired, RequestFromFuture, UnknownActor, ActorSuspended, ActorRetired,
            GenesisRefused, KeyNotRegistered, UnknownCommand, CommandRefused, KeyChangeNotLast; and what a
            command's own `prepare` raises, such as `service.verify_card`.
        """
        return self.read(data, self.verify(data))

    def verify(self, data: bytes) -> Signed:
        """Steps 1 to 5. Needs no registry, so that a process of its own can do it."""
        jws = read_jws(data, limit=REQUEST_BYTES_MAX)
        payload = _read_payload(jws.payload)
        at_ms = _check_place_and_time(payload, origin=self._origin, now_ms=self._clock.now_ms())
        actor, key = self._find_signer(payload)
        verify_jws(jws, key)
        return Signed(actor, digest_of(jws.payload_bytes), at_ms)

    def read(self, data: bytes, signed: Signed) -> Request:
        """Step 6, for bytes that `verify` has passed."""
        payload = base64url.decode(_decode_envelope(data).payload)
        commands = _read_commands(_decode_commands(payload).commands, self._registry)
        _check_key_changes(commands, signed.actor)
        return Request(signed.actor, commands, Evidence(signed.digest, signed.at_ms, data))

    def _find_signer(self, payload: RequestPayload) -> tuple[Actor, VerifyKey]:
        db = self._reader()
        info = _known_signer(db, payload.actor)
        if info.kind == ActorKind.ROOT:
            raise GenesisRefused("the root signs the first entry and nothing else")
        key = self._keys.get(info.key_id)
        if key is None:
            key = service.verify_key_of(db, actor_id=info.id, key_id=info.key_id)
            self._keys.put(info.key_id, key)
        if payload.keys != key.thumbprints():
            raise KeyNotRegistered(
                "the pair that signed is not the actor's current one",
                hint="sign with the keys that were registered last",
            )
        return Actor(info.id, info.kind, info.key_id), key

    def _reader(self) -> apsw.Connection:
        db: apsw.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = self._open_db()
        return db


def open_verifier(ledger: Path, origin: str) -> Callable[[Sequence[bytes]], Sequence[Signed | Exception]]:
    """What a verifying child process runs: `Authenticator.verify` over what is committed at each batch."""
    db = open_reader(ledger)
    opened = Authenticator(open_db=lambda: db, registry=Registry(()), origin=origin, clock=SystemClock())

    def verify(batch: Sequence[bytes]) -> Sequence[Signed | Exception]:
        db.execute(
            "BEGIN"
        )  # One look at the disk for all of them; the writer looks again at whoever it takes.
        try:
            return [attempt(opened.verify, data) for data in batch]
        finally:
            db.execute("COMMIT")

    return verify


def read_genesis(data: bytes, *, registry: Registry, origin: str, clock: Clock) -> Request:
    """Verify the root's request for the first entry, whose key is the one it brings along.

    Raises:
        GenesisRefused: it is not exactly one `node.create/1` signed by the root it names; and what
            `Authenticator.authenticate` raises.
    """
    jws = read_jws(data, limit=REQUEST_BYTES_MAX)
    payload = _read_payload(jws.payload)
    at_ms = _check_place_and_time(payload, origin=origin, now_ms=clock.now_ms())
    commands = _read_commands(_decode_commands(jws.payload_bytes).commands, registry)
    body = commands[0][1]
    if len(commands) != 1 or not isinstance(body, NodeCreated):
        raise GenesisRefused("the first request is one `node.create/1` and nothing else")
    if body.root.id != payload.actor or body.origin != origin:
        raise GenesisRefused("the first request names another root or origin than its own")
    key = read_jwks(body.root.keys)
    if key.suite is not HybridSuite.ROOT:
        raise SuiteRefused("the root's pair is not of the root's suite")
    verify_jws(jws, key)
    actor = Actor(payload.actor, ActorKind.ROOT, key.key_id)
    return Request(actor, commands, Evidence(digest_of(jws.payload_bytes), at_ms, data))


def check_signer(request: Request, state: State) -> None:
    """Guard of the writer: the signer's pair is still current, and the time still near.

    Requests without evidence come from the node's own code, and have no signer to check.

    Raises:
        RequestExpired, RequestFromFuture, UnknownActor, ActorSuspended, ActorRetired, KeyNotRegistered,
        NotPermitted.
    """
    if request.evidence is None:
        return
    check_window(request.evidence.at_ms, now_ms=state.now_ms)
    if request.commands[0][0].name == NODE_CREATE.name:
        return  # `service.create_node` decides; there is no signer to look up.
    info = _standing_signer(state, request.actor.id)
    if info.key_id != request.actor.key_id:
        raise KeyNotRegistered("the actor's keys were replaced meanwhile", hint="sign with the new keys")
    if info.kind != request.actor.kind:
        raise NotPermitted("the actor is of another kind")


def check_window(at_ms: int, *, now_ms: int) -> None:
    """Refuse a request whose own time is not near the node's.

    Raises:
        RequestExpired, RequestFromFuture: more than `WINDOW_MS` behind or ahead.
    """
    if at_ms < now_ms - WINDOW_MS:
        raise RequestExpired(
            f"the request is `{(now_ms - at_ms) // 1000}` seconds old, more than `{WINDOW_MS // 1000}`",
            hint="sign it again; if it is new, set your clock",
        )
    if at_ms > now_ms + WINDOW_MS:
        raise RequestFromFuture(
            f"the request is from `{(at_ms - now_ms) // 1000}` seconds ahead, more than `{WINDOW_MS // 1000}`",
            hint="set your clock",
        )


def _read_payload(payload: dict[str, Any]) -> RequestPayload:
    if payload.get("format") != FORMAT or payload.get("v") != VERSION or payload.get("v") is True:
        raise UnknownVersion(f"the payload is not of the format `{FORMAT}`, version `{VERSION}`")
    try:
        return msgspec.convert(payload, RequestPayload, strict=True)
    except msgspec.ValidationError as error:
        raise RequestMalformed(f"the payload is not a request: {_explain(error)}") from None


def _check_place_and_time(payload: RequestPayload, *, origin: str, now_ms: int) -> int:
    if payload.node != origin:
        raise WrongNode("the request was signed for another node", hint=f"this one is `{origin}`")
    at_ms = parse_instant(payload.at)
    check_window(at_ms, now_ms=now_ms)
    return at_ms


def _known_signer(db: apsw.Connection, actor_id: str) -> ActorInfo:
    info = service.find_actor(db, actor_id)
    if info is None:
        raise UnknownActor(
            "nobody is registered under the request's actor id", hint="register the actor first"
        )
    if info.state == "retired":
        raise ActorRetired("the request's actor is retired")
    if info.state == "paused":
        raise ActorPaused(
            "the request's actor is suspended by whoever runs the node", hint="ask them why, and until when"
        )
    if info.state == "suspended":
        raise ActorSuspended(
            "the keys of the request's actor were reported lost", hint="have its guardians recover it"
        )
    return info


def _standing_signer(state: State, actor_id: str) -> ActorInfo:
    """The same for the writer, which is asked for the same few again and again."""
    known = state.memory_of(store.STORE)
    info: ActorInfo | None = known.get(f"signer {actor_id}")
    if info is None:
        info = known[f"signer {actor_id}"] = _known_signer(state.db, actor_id)
    return info


def _read_commands(
    commands: Iterable[_RawCommand], registry: Registry
) -> tuple[tuple[CommandType, Body], ...]:
    return tuple(_read_command(index, command, registry) for index, command in enumerate(commands))


def _read_command(index: int, command: _RawCommand, registry: Registry) -> tuple[CommandType, Body]:
    kind = registry.command(command.type)
    try:
        body: Body = kind.decode(command.body)
    except msgspec.ValidationError as error:
        raise CommandRefused(
            f"command `{index}` is no `{kind.name}`: {_explain(error)}",
            hint="the API description shows the shape of each command",
        ) from None
    if kind.prepare is not None:
        kind.prepare(body)  # here, so that the writer finds it done
    return kind, body


def _check_key_changes(commands: tuple[tuple[CommandType, Body], ...], actor: Actor) -> None:
    """INVARIANT: every entry of a request stands where the pair that signed it is current."""
    for kind, body in commands[:-1]:
        if isinstance(body, EndsKeys) and body.ends_keys_of(actor.id):
            raise KeyChangeNotLast(
                f"`{kind.name}` ends the keys that signed this request, and more commands follow it",
                hint="put it last, or into a request of its own",
            )


_AT = re.compile(r" - at `(\$[^`]*)`$")


def _explain(error: msgspec.ValidationError) -> str:
    """What is wrong and where, without repeating any of it: a value may be somebody's data."""
    text = str(error)
    found = _AT.search(text)
    where = found[1] if found else "$"
    reason = text[: found.start()] if found else text
    if reason.startswith("Object contains unknown field"):
        return f"`{where}` has a field that does not belong there"
    if " matching regex " in reason:
        return f"`{where}` does not have the form of this field"
    if not reason.startswith(("Expected ", "Object missing required field ")):
        return f"`{where}` has a value that is not allowed"
    return f"`{where}`: {reason[0].lower()}{reason[1:]}"


class _KeyCache:
    """The pairs used last, by key id: a pair never changes under its id, so nothing here goes stale."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, VerifyKey] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key_id: str) -> VerifyKey | None:
        with self._lock:
            key = self._keys.get(key_id)
            if key is not None:
                self._keys.move_to_end(key_id)
            return key

    def put(self, key_id: str, key: VerifyKey) -> None:
        with self._lock:
            self._keys[key_id] = key
            if len(self._keys) > KEYS_CACHED_MAX:
                self._keys.popitem(last=False)
