"""The payload of a signed request: what an actor asked a node to do.

Start at `parse_request`. Its form is specified in `docs/spec/verification.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from telesphor.kernel import base64url
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, parse_id
from telesphor.verify.body import exactly, pair_of, text_of

FORMAT: Final = "telesphor-request/1"
COMMANDS_MAX: Final = 1000
NONCE_BYTES: Final = 16


class RequestRefused(TelesphorError):
    """The payload that was signed is not a request of a known version."""

    code = "request-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Command:
    """One thing that was asked: its type with its version, and its body."""

    type: str
    body: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request whose form holds; `at_ms` is the time its signer's clock showed."""

    node: str
    actor: ActorId
    keys: tuple[str, str]
    at_ms: int
    commands: tuple[Command, ...]


def parse_request(payload: Mapping[str, object]) -> Request:
    """Return the request in a JWS payload.

    Raises:
        RequestRefused: another format or version, or no commands, or too many.
        BodyRefused, InvalidId, InvalidInstant, NotBase64: a field is not what it must be.
    """
    if type(payload.get("v")) is not int or payload["v"] != 1 or payload.get("format") != FORMAT:
        raise RequestRefused(f"what was signed is not of the format `{FORMAT}`")
    exactly(payload, "the request", "v", "format", "node", "actor", "keys", "at", "nonce", "commands")
    commands = payload["commands"]
    if not isinstance(commands, list) or not 1 <= len(commands) <= COMMANDS_MAX:
        raise RequestRefused(f"the request does not have 1 to {COMMANDS_MAX} commands")
    if len(base64url.decode(text_of(payload, "nonce"))) != NONCE_BYTES:
        raise RequestRefused(f"the request's nonce is not {NONCE_BYTES} bytes")
    return Request(
        node=text_of(payload, "node"),
        actor=ActorId(parse_id(text_of(payload, "actor"))),
        keys=pair_of(payload, "keys"),
        at_ms=parse_instant(text_of(payload, "at")),
        commands=tuple(map(_parse_command, commands)),
    )


def _parse_command(value: object) -> Command:
    command = exactly(value, "a command of the request", "type", "body")
    body = command["body"]
    if not isinstance(body, Mapping):
        raise RequestRefused("the body of a command is not an object")
    return Command(text_of(command, "type"), body)
