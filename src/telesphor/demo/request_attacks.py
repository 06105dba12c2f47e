"""Requests that the running node must refuse: replayed, half signed, signed by another, not allowed.

Start at `attack_requests`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from telesphor.client.errors import ClientRefused
from telesphor.client.http import Http
from telesphor.client.node import COMMANDS_PATH
from telesphor.demo.attacks import Attack, tell
from telesphor.demo.narration import Narrator
from telesphor.demo.story import Clients, Visit
from telesphor.kernel import canonical
from telesphor.runtime.gate import REQUEST_BYTES_MAX


async def attack_requests(base_url: str, clients: Clients, visit: Visit, narrator: Narrator) -> list[Attack]:
    """Send what must be refused, and see that it is, by its own name."""
    async with Http(base_url) as http:

        async def post(data: bytes) -> None:
            await http.fetch("POST", COMMANDS_PATH, body=data)

        async def replay() -> None:
            data = clients.clinician.sign([_read(visit)])
            await post(data)
            await post(data)

        other = {"object": visit.of_other_patient.object, "purpose": "treatment", "visit": None}
        late = {"visit": visit.visit, "object": visit.note.object, "role": "record"}
        attempts: list[tuple[str, str, Callable[[], Awaitable[Any]]]] = [
            ("a signed request is sent a second time", "request-replayed", replay),
            (
                "the post-quantum half of a signature is stripped",
                "half-signature",
                lambda: post(_half(clients.clinician.sign([_read(visit)]), keep=0)),
            ),
            (
                "the classical half of a signature is stripped",
                "half-signature",
                lambda: post(_half(clients.clinician.sign([_read(visit)]), keep=1)),
            ),
            (
                "the signatures of another request are put under a request",
                "signature-refused",
                lambda: post(
                    _swap(clients.clinician.sign([_read(visit)]), clients.clinician.sign([_read(visit)]))
                ),
            ),
            (
                "the clinician asks for another patient's record",
                "access-denied",
                lambda: clients.clinician.send(("object.read/1", other)),
            ),
            (
                "something is added to the visit after it was closed",
                "visit-closed",
                lambda: clients.clinician.send(("visit.add-object/1", late)),
            ),
        ]
        return [tell(await attempt(*tried), narrator) for tried in attempts]


async def attempt(what: str, code: str, act: Callable[[], Awaitable[Any]]) -> Attack:
    """Do it; it is detected when the node refuses it with exactly this code."""
    try:
        await act()
    except ClientRefused as refusal:
        said = f"HTTP {refusal.status} {refusal.code}: {refusal.message}"
        return Attack(what, refusal.code == code, refusal.code, said)
    return Attack(what, False, "", "")


def _read(visit: Visit) -> tuple[str, dict[str, Any]]:
    return "object.read/1", {"object": visit.read[0].object, "purpose": "treatment", "visit": None}


def _half(jws: bytes, *, keep: int) -> bytes:
    """The same request with one of its two signatures only."""
    members: Any = canonical.decode(jws, limit=REQUEST_BYTES_MAX)
    return canonical.encode({**members, "signatures": [members["signatures"][keep]]})


def _swap(jws: bytes, other: bytes) -> bytes:
    """The first request with the second one's signatures, which are by the same actor."""
    members: Any = canonical.decode(jws, limit=REQUEST_BYTES_MAX)
    stolen: Any = canonical.decode(other, limit=REQUEST_BYTES_MAX)
    return canonical.encode({**members, "signatures": stolen["signatures"]})
