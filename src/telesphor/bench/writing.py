"""People who write to each other at a node, all connected: who sends, who receives, and when each hears of it.

Messages come at even intervals, whoever is still busy with another one. Each is an envelope, a signed header, the
receiver's signed word that it was delivered, and the fetch of the envelope; all of it was sealed and signed before.
Start at `write_all`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from telesphor.bench.tabs import Frame, Tab, browsing

HEARD_SECONDS: Final = 30.0
CONNECTING_AT_ONCE: Final = 16


class Person(NamedTuple):
    """Somebody who is connected: signed requests to begin a session and to enter the one thread."""

    actor: str
    thread: str
    opening: bytes
    entering: bytes


class Note(NamedTuple):
    """One message: by number of the people who sends and who receives it, and all of its bytes."""

    sender: int
    receiver: int
    thread: str
    message: str
    path: str
    envelope: bytes
    sending: bytes
    receiving: bytes


class Times(NamedTuple):
    """Seconds from sending until: the ledger's receipt, the receiver's screen, the delivery's receipt."""

    receipt: float
    shown: float
    delivered: float


def write_all(
    people: Sequence[Person], notes: Sequence[Note], pause_seconds: float, port: int
) -> list[Times]:
    """Connect everybody, then send a note after each pause; for a process of its own.

    Args:
        pause_seconds: 0 sends each when the one before has been delivered, so that it is alone.
    """
    return asyncio.run(_write_all(people, notes, pause_seconds, port))


async def _write_all(
    people: Sequence[Person], notes: Sequence[Note], pause_seconds: float, port: int
) -> list[Times]:
    async with browsing() as http:
        posts = [_Post(person, Tab(http, port, person.opening)) for person in people]
        gate = asyncio.Semaphore(CONNECTING_AT_ONCE)
        await asyncio.gather(*(post.connect(gate) for post in posts))
        listening = [asyncio.create_task(post.listen()) for post in posts]
        try:
            if not pause_seconds:
                return [await _deliver(note, posts) for note in notes]
            return await _send_evenly(notes, posts, pause_seconds)
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            for post in posts:
                await post.tab.close()


async def _send_evenly(notes: Sequence[Note], posts: Sequence[_Post], pause_seconds: float) -> list[Times]:
    started, sent = time.perf_counter(), []
    for number, note in enumerate(notes):
        await asyncio.sleep(max(0.0, started + number * pause_seconds - time.perf_counter()))
        sent.append(asyncio.create_task(_deliver(note, posts)))
    return await asyncio.gather(*sent)


async def _deliver(note: Note, posts: Sequence[_Post]) -> Times:
    """One message from its sending until its sender knows that it was delivered."""
    sender, receiver = posts[note.sender], posts[note.receiver]
    shown = asyncio.create_task(_show(note, sender, receiver))
    known = sender.expect("delivered", _topic(note), receiver.actor)
    started = time.perf_counter()
    await sender.tab.put(note.path, note.envelope, ticket=sender.ticket)
    await sender.tab.sign(note.sending)
    receipt = time.perf_counter()
    async with asyncio.timeout(HEARD_SECONDS):
        at = await shown
        delivered = await known
    return Times(receipt - started, at - started, delivered - started)


async def _show(note: Note, sender: _Post, receiver: _Post) -> float:
    """The receiver hears of it, says so, and fetches the envelope; when it was there."""
    await receiver.expect("message", _topic(note), sender.actor)
    await receiver.tab.sign(note.receiving)
    path = f"/v1/threads/{note.thread}/messages/{note.message}/1"
    await receiver.tab.fetch(path, ticket=receiver.ticket)
    return time.perf_counter()


def _topic(note: Note) -> str:
    return f"thread/{note.thread}"


class _Post:
    """One person's tab, its ticket for the thread, and what it waits to hear of."""

    def __init__(self, person: Person, tab: Tab) -> None:
        self._person = person
        self.actor = person.actor
        self.tab = tab
        self.ticket = ""
        self._expected: dict[tuple[str, ...], asyncio.Future[float]] = {}

    async def connect(self, gate: asyncio.Semaphore) -> None:
        """Begin the session and enter the thread; few at once, as people come."""
        async with gate:
            await self.tab.begin()
            (entered,) = await self.tab.sign(self._person.entering)
            self.ticket = entered["ticket"]

    def expect(self, event: str, topic: str, actor: str) -> asyncio.Future[float]:
        """When that is heard to have been done by the actor. Nobody does it twice before it is heard of."""
        found: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._expected[event, topic, actor] = found
        return found

    async def listen(self) -> None:
        """Note when what is expected is heard, until cancelled."""
        while True:
            self._note(await self.tab.next())

    def _note(self, frame: Frame) -> None:
        said = tuple(str(frame.get(name)) for name in ("event", "topic", "actor"))
        found = self._expected.pop(said, None)
        if found is not None and not found.done():
            found.set_result(time.perf_counter())
