"""What is said over one connection where a request depends on the answer before it: reads, presentations, devices.

Kept apart from whatever prepares it, so that a process that only sends holds no node. Start at `drive_reads`,
`drive_presentations` and `drive_connections`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from telesphor.bench.load import Driven, Lane, body_of, drive_talks, get_bytes, post_bytes
from telesphor.client.requests import sign_commands
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey

ORIGIN: Final = "bench.example/practice"
COMMANDS_PATH: Final = "/v1/commands"
SIGNED_MEDIA_TYPE: Final = "application/jose+json"

FIRMWARE: Final = "1" * 64
"""What every device runs."""

Talk = tuple[bytes, str]
"""A read as it is sent: the signed command, and the path that the ticket in its answer is for."""


class Presentation(NamedTuple):
    """The three requests of one presentation; the second lacks the ticket that the first is answered with."""

    asking: bytes
    response_path: str
    response: bytes
    presenting: bytes


class Device(NamedTuple):
    """An enrolled device that can sign in another process."""

    actor: ActorId
    owner: ActorId
    ed25519_seed: bytes
    mldsa_seed: bytes


class _Result(msgspec.Struct):
    ticket: str = ""
    nonce: str = ""


class _Answer(msgspec.Struct):
    results: list[_Result]


def drive_reads(talks: list[Talk], port: int, connections: int) -> Driven:
    """Read, each once; for a process of its own."""
    left = iter(talks)
    return drive_talks([_reading(left) for _ in range(min(connections, len(talks)))], port=port)


def _reading(talks: Iterator[Talk]) -> Lane:
    for command, path in talks:
        ticket = _result_in((yield command)).ticket
        body_of((yield get_bytes(path, ticket=ticket)))


def find_ticket(talk: Talk, port: int) -> str:
    """Ask for one read and return its ticket; for a process of its own."""
    found = []

    def asking() -> Lane:
        found.append(_result_in((yield talk[0])).ticket)

    drive_talks([asking()], port=port)
    return found[0]


def drive_presentations(presentations: Sequence[Presentation], port: int, connections: int) -> Driven:
    """Send them, each once; for a process of its own."""
    left = iter(presentations)
    lanes = [_presenting(left) for _ in range(min(connections, len(presentations)))]
    return drive_talks(lanes, port=port)


def _presenting(presentations: Iterator[Presentation]) -> Lane:
    for one in presentations:
        ticket = _result_in((yield one.asking)).ticket
        answer = yield post_bytes(
            one.response_path, one.response, media_type="application/json", ticket=ticket
        )
        body_of(answer, status=202)
        body_of((yield one.presenting))


def drive_connections(devices: Sequence[Device], port: int, times: int, first: int) -> Driven:
    """Let each device connect so many times, all devices at once; for a process of its own.

    Args:
        first: the counter of the first connection.
    """
    return drive_talks([_connecting(device, times, first) for device in devices], port=port)


def _connecting(device: Device, times: int, first: int) -> Lane:
    clock = SystemClock()
    ids, key = IdSource(clock), SigningKey(HybridSuite.ACTOR, device.ed25519_seed, device.mldsa_seed)

    def sign(command: str, body: dict[str, object]) -> bytes:
        data = sign_commands(
            actor=device.actor, key=key, node=ORIGIN, commands=[(command, body)], clock=clock, ids=ids
        )
        return post_bytes(COMMANDS_PATH, data, media_type=SIGNED_MEDIA_TYPE)

    for counter in range(first, first + times):
        nonce = _result_in((yield sign("device.challenge/1", {"device": device.actor}))).nonce
        connecting = {
            "device": device.actor,
            "owner": device.owner,
            "firmware": FIRMWARE,
            "counter": counter,
            "nonce": nonce,
            "channel": None,
        }
        body_of((yield sign("device.connect/1", connecting)))


def _result_in(answer: bytes) -> _Result:
    return msgspec.json.decode(body_of(answer), type=_Answer).results[0]
