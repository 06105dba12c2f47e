"""How the page gets the links: two routes, which only the node of the demonstration has, on loopback.

    GET  /v1/demo           the rounds, each with its people, their links and what is ready
    POST /v1/demo/rounds    asks for a round with new people, and is told its number: no two who ask share one

The links are keys to everything here, so whoever asks shows the key that the address of the page carries behind `#`:
other people of the machine do not have it, and no page from elsewhere can send the header. Start at `Board`.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from typing import Final

import msgspec
from litestar.types import Receive, Scope, Send

from telesphor.demo.play.cast import NAMES, Round
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.http import RawRoute, send_bytes

PATH: Final = "/v1/demo"
ROUNDS_PATH: Final = "/v1/demo/rounds"
KEY_HEADER: Final = b"telesphor-demo"
ROUNDS_MAX: Final = 12
"""More people than anybody plays; each round keeps a device and a few connections."""

_ANSWER_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class DemoKeyRefused(TelesphorError):
    """Whoever asks does not have the address that the demonstration printed."""

    code = "demo-key-refused"
    kind = Kind.FORBIDDEN


class RoundsFull(TelesphorError):
    """There are as many rounds as one demonstration has."""

    code = "demo-rounds-full"
    kind = Kind.CONFLICT


class Player(msgspec.Struct, frozen=True):
    """One person as the page shows it; `link` is what stands behind `#`."""

    part: str
    name: str
    actor: str
    link: str
    taken: bool


class ShownRound(msgspec.Struct, frozen=True):
    """One round as the page shows it."""

    number: int
    people: tuple[Player, ...]
    visit: str | None
    ready: tuple[str, ...]
    fault: str


class Shown(msgspec.Struct, frozen=True):
    """What the page gets: newest round first; `preparing` while another one is made."""

    clinic: str
    rounds: tuple[ShownRound, ...]
    preparing: bool


class Board:
    """What is played, as the page may see it. Safe between threads.

    Args:
        clinic: its name.
        key: what whoever asks shows.
    """

    def __init__(self, clinic: str, key: str) -> None:
        self._clinic, self.key = clinic, key
        self._rounds: dict[int, Round] = {}
        self._promised = 1  # The first round is made unasked.
        self._preparing = 0
        self._lock = threading.Lock()
        self._wake: Callable[[], object] = _nobody

    def show(self, played: Round) -> None:
        """Put up a round, or what became of it."""
        with self._lock:
            if played.number not in self._rounds:
                self._preparing = max(0, self._preparing - 1)
            self._rounds[played.number] = played

    def on_ask(self, wake: Callable[[], object]) -> None:
        """Have something called, from whatever thread, once for each further round that is asked for."""
        self._wake = wake

    def ask(self) -> int:
        """Ask for another round; returns its number. Raises `RoundsFull`."""
        with self._lock:
            if self._promised >= ROUNDS_MAX:
                raise RoundsFull(f"this demonstration has played `{ROUNDS_MAX}` rounds", hint="start it anew")
            self._promised += 1
            self._preparing += 1
            number = self._promised
        self._wake()
        return number

    def give_up(self) -> None:
        """The round that is next does not come."""
        with self._lock:
            self._preparing = max(0, self._preparing - 1)

    def read(self) -> Shown:
        """All of it."""
        with self._lock:
            rounds = tuple(_shown(one) for _, one in sorted(self._rounds.items(), reverse=True))
            return Shown(self._clinic, rounds, self._preparing > 0)

    def routes(self) -> tuple[RawRoute, ...]:
        """The handlers, for a node's edge."""
        return RawRoute("GET", PATH, self._answer), RawRoute("POST", ROUNDS_PATH, self._begin)

    async def _answer(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self._check_key(scope)
        await send_bytes(send, msgspec.json.encode(self.read()), headers=dict(_ANSWER_HEADERS))

    async def _begin(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self._check_key(scope)
        answer = msgspec.json.encode({"number": self.ask()})
        await send_bytes(send, answer, status=202, headers=dict(_ANSWER_HEADERS))

    def _check_key(self, scope: Scope) -> None:
        shown = dict(scope["headers"]).get(KEY_HEADER, b"")
        if not hmac.compare_digest(shown, self.key.encode()):
            raise DemoKeyRefused(
                "the key of this demonstration is missing", hint="open the address that it printed"
            )


def _nobody() -> None:
    """Whom to wake where nobody waits."""


def _shown(played: Round) -> ShownRound:
    people = tuple(
        Player(one.part.value, NAMES[one.part], one.actor, one.link.place, one.taken) for one in played.guests
    )
    return ShownRound(played.number, people, played.visit, played.ready, played.fault)
