"""Requests that the running node must refuse: replayed, half signed, signed by another, not allowed.

Start at `attack_requests`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec

from telesphor.client.http import Http
from telesphor.client.node import COMMANDS_PATH
from telesphor.demo.attacks import Attack, attempt, tell
from telesphor.demo.clients import Clients
from telesphor.demo.narration import Narrator
from telesphor.demo.story import Visit
from telesphor.kernel import canonical
from telesphor.runtime.gate import REQUEST_BYTES_MAX

_Attempt = tuple[str, str, Callable[[], Awaitable[Any]]]
"""What is done, the code that it deserves, and the deed."""


async def attack_requests(base_url: str, clients: Clients, visit: Visit, narrator: Narrator) -> list[Attack]:
    """Send what must be refused, and see that it is, by its own name."""
    async with Http(base_url) as http:

        async def post(data: bytes) -> None:
            await http.fetch("POST", COMMANDS_PATH, body=data)

        attempts = [*_on_signatures(clients, visit, post), *_on_what_is_asked(clients, visit)]
        return [tell(await attempt(*tried), narrator) for tried in attempts]


def _on_signatures(
    clients: Clients, visit: Visit, post: Callable[[bytes], Awaitable[None]]
) -> Iterator[_Attempt]:
    def signed() -> bytes:
        return clients.clinician.sign([_read(visit)])

    async def replay() -> None:
        data = signed()
        await post(data)
        await post(data)

    yield "a signed request is sent a second time", "request-replayed", replay
    yield (
        "the post-quantum half of a signature is stripped",
        "half-signature",
        lambda: post(_half(signed(), keep=0)),
    )
    yield (
        "the classical half of a signature is stripped",
        "half-signature",
        lambda: post(_half(signed(), keep=1)),
    )
    yield (
        "the signatures of another request are put under a request",
        "signature-refused",
        lambda: post(_swap(signed(), signed())),
    )


def _on_what_is_asked(clients: Clients, visit: Visit) -> Iterator[_Attempt]:
    asked = visit.shown.asked
    again = {
        "presentation": clients.ids.next(),
        "wanted": [msgspec.to_builtins(factor) for factor in asked.wanted],
        "purpose": asked.purpose,
        "nonce": asked.nonce,
        "holder": asked.holder,
        "expires_at": asked.expires_at,
        "relied_seconds": asked.relied_seconds,
    }
    other = {"object": visit.of_other_patient.object, "purpose": "treatment", "visit": None}
    late = {"visit": visit.visit, "object": visit.note.object, "role": "record"}
    yield (
        "a request for factors is made with a nonce that was used before",
        "nonce-used",
        lambda: clients.organisation.send(("presentation.request/1", again)),
    )
    yield (
        "an answer that showed factors is sent once more",
        "presentation-answered",
        lambda: clients.clinician.send(visit.shown.answer.command),
    )
    yield (
        "the clinician asks for another patient's record",
        "access-denied",
        lambda: clients.clinician.send(("object.read/1", other)),
    )
    yield (
        "something is added to the visit after it was closed",
        "visit-closed",
        lambda: clients.clinician.send(("visit.add-object/1", late)),
    )


def _read(visit: Visit) -> tuple[str, dict[str, Any]]:
    return "object.read/1", {"object": visit.note.object, "purpose": "treatment", "visit": None}


def _half(jws: bytes, *, keep: int) -> bytes:
    """The same request with one of its two signatures only."""
    members: Any = canonical.decode(jws, limit=REQUEST_BYTES_MAX)
    return canonical.encode({**members, "signatures": [members["signatures"][keep]]})


def _swap(jws: bytes, other: bytes) -> bytes:
    """The first request with the second one's signatures, which are by the same actor."""
    members: Any = canonical.decode(jws, limit=REQUEST_BYTES_MAX)
    stolen: Any = canonical.decode(other, limit=REQUEST_BYTES_MAX)
    return canonical.encode({**members, "signatures": stolen["signatures"]})
