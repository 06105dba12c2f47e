"""A real witness process, killed with SIGKILL while a log and its fork submit at once, never contradicts itself.

The child says each signature over a pipe after it is made and before it is answered, and lingers around it, so
that the kills fall between persisting and replying. `TELESPHOR_TORTURE` makes the campaign longer.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import aiohttp

from telesphor.ledger.witness.model import format_request, parse_size
from tests.support.witnesses import ORIGIN, Tree, cosigned_at, cosigner, log_signer
from tests.torture.processes import Child
from tests.torture.scale import SEED, TORTURE
from tests.torture.witnesses import serve_witness

KILLS = 8
CALLERS = 8
LEAVES = 4_000
FORK_AT = 100


class Histories:
    """The log and its fork, each note signed once and kept: signing is what takes the time here."""

    def __init__(self) -> None:
        tree = Tree(LEAVES)
        self.trees = (tree, tree.fork(FORK_AT))
        self.now_seconds = int(time.time()) - 60
        self._notes: dict[tuple[int, int], bytes] = {}

    def note(self, history: int, size: int) -> bytes:
        found = self._notes.get((history, size))
        if found is None:
            # One time for all: requests of different sizes arrive in any order.
            found = self.trees[history].note(size, time_seconds=self.now_seconds)
            self._notes[history, size] = found
        return found

    def check(self, signed: list[tuple[int, str]]) -> None:
        roots = set(signed)
        assert len({size for size, _ in roots}) == len(roots), "two trees of one size were signed"
        for tree in self.trees:
            if all(tree.checkpoint(size).root.hex() == root for size, root in roots):
                return
        raise AssertionError("trees of two histories were signed")


def test_a_witness_killed_between_persisting_and_replying_never_contradicts_itself(tmp_path: Path) -> None:
    histories = Histories()
    keys = cosigner()
    signed: list[tuple[int, str]] = []
    answered = unheard = largest = 0
    for number in range(KILLS * TORTURE):
        rng = random.Random(f"{SEED}/witness-kill/{number}")
        child = Child(
            serve_witness, tmp_path, (keys.ed25519_seed, keys.mldsa44_seed), ORIGIN, log_signer().vkeys(), number
        )  # fmt: skip
        url = child.wait_for("ready")["ready"]
        remembered = asyncio.run(_remembered(url, histories))
        assert remembered >= largest, "it forgot what it had answered"
        unheard += remembered > largest
        largest, count = asyncio.run(_load_and_kill(url, child, rng, histories, remembered))
        answered += count
        signed += [(line["signed"][0], line["signed"][1]) for line in child.end() if "signed" in line]
        histories.check(signed)
    print(
        f"{KILLS * TORTURE} kills, {len(signed)} signatures, {answered} answered, "
        f"{unheard} kills between persisting and replying, none contradicts another"
    )
    assert answered > KILLS * TORTURE, "hardly anything was signed: this proves nothing"
    assert unheard > 0, "no kill fell between persisting and replying: this proves nothing"


async def _remembered(url: str, histories: Histories) -> int:
    """The size that the witness names when it is asked with one that it cannot be at."""
    body = format_request(old_size=LEAVES, proof=(), note=histories.note(0, LEAVES))
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/add-checkpoint", data=body) as response,
    ):
        return parse_size(await response.read())


async def _load_and_kill(
    url: str, child: Child, rng: random.Random, histories: Histories, known: int
) -> tuple[int, int]:
    """Callers submit until the process is dead; returns the largest size that it answered, and how often."""
    state = {"size": known, "answered": known, "answers": 0}

    async def caller(session: aiohttp.ClientSession, number: int) -> None:
        history = number % len(histories.trees)
        while True:
            old = state["size"]
            size = min(LEAVES, old + rng.choice([0, 1, 1, 2, 5]))
            note = histories.note(history, size)
            body = format_request(old_size=old, proof=histories.trees[history].proof(old, size), note=note)
            try:
                async with session.post(f"{url}/add-checkpoint", data=body) as response:
                    answer = await response.read()
            except (aiohttp.ClientError, TimeoutError):
                return
            if response.status == 200:
                cosigned_at(note, answer)
                state["size"] = max(state["size"], size)
                state["answered"] = max(state["answered"], size)
                state["answers"] += 1
            elif response.content_type == "text/x.tlog.size":
                named = parse_size(answer)
                assert named >= known, "it named a smaller size than before the kill"
                state["size"] = max(state["size"], named)
            else:
                assert response.status in (409, 422)

    async with aiohttp.ClientSession() as session:
        callers = [asyncio.create_task(caller(session, number)) for number in range(CALLERS)]
        await asyncio.sleep(0.1 + rng.random() * 0.3)
        await asyncio.to_thread(child.kill)
        await asyncio.gather(*callers)
    return state["answered"], state["answers"]
