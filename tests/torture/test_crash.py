"""A node killed with SIGKILL, over and over, loses nothing that it acknowledged and shows nothing half-written."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import aiohttp

from telesphor.app import build_checking_registry, open_node
from telesphor.client.requests import sign_request
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.folder import NodeFolder
from tests.torture.children import make_node, serve_node, write_ledger
from tests.torture.folders import (
    CLINICIAN,
    ORIGIN,
    PASSPHRASE,
    PATIENT,
    SYSTEM,
    Acknowledged,
    check_ledger,
    make_folder,
)
from tests.torture.processes import Child
from tests.torture.scale import SEED, TORTURE

KILLS = 8 if TORTURE == 1 else 50 * TORTURE
CALLERS = 80
ROUNDS_PER_FOLDER = 100
"""So that a long campaign does not spend its time on an ever longer `fsck`."""

OPENING_SHARE = 0.2
"""How many kills come while the node is still opening and repairing what the last one left."""

HTTP_KILLS = 3 if TORTURE == 1 else 6 * TORTURE


def test_a_killed_node_keeps_all_it_acknowledged(tmp_path: Path) -> None:
    acknowledged = entries = 0
    for start in range(0, KILLS, ROUNDS_PER_FOLDER):
        folder = tmp_path / f"node-{start}"
        make_folder(folder)
        book = Acknowledged(folder)
        for number in range(start, min(start + ROUNDS_PER_FOLDER, KILLS)):
            acknowledged += _kill_once(folder, book, number)
        book.check_all()
        entries += _restart_in_order(folder)
    print(f"{KILLS} kills, {acknowledged} entries acknowledged, {entries} stored, none lost")
    assert acknowledged > KILLS, "the callers hardly wrote anything: this proves nothing"


def _kill_once(folder: Path, book: Acknowledged, number: int) -> int:
    rng = random.Random(f"{SEED}/{number}")
    child = Child(write_ledger, folder, SEED + number, CALLERS)
    if rng.random() < OPENING_SHARE:
        time.sleep(rng.random() * 0.3)
    else:
        child.wait_for("ready")
        time.sleep(rng.random() * 0.3)
    said = child.kill()
    try:
        check_ledger(folder)
        return book.check(said)
    except Exception as error:
        raise AssertionError(f"after kill {number} of seed {SEED}: {error}") from error


def _restart_in_order(folder: Path) -> int:
    child = Child(serve_node, folder)
    url = child.wait_for("ready")["ready"]
    health = asyncio.run(_get_json(f"{url}/healthz"))
    child.kill()
    assert health["status"] == "ok"
    return int(health["entries"])


async def _get_json(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.json(content_type=None)


MAKING_KILLS = 5
MAKING_SECONDS = 0.9
"""Its keys are sealed at the shipped cost, which takes most of that; the last kills come when it is made."""


def test_a_node_killed_while_it_is_made_opens_or_says_what_is_missing(tmp_path: Path) -> None:
    """What is there afterwards is a node, or is refused in one line; making it anew elsewhere always works."""
    for number in range(MAKING_KILLS * TORTURE):
        folder = tmp_path / f"node-{number}"
        child = Child(make_node, folder)
        child.wait_for("begins")
        time.sleep(random.Random(f"{SEED}/made/{number}").random() * MAKING_SECONDS)
        made = any("made" in line for line in child.kill())
        try:
            with open_node(folder, passphrase=PASSPHRASE) as node:
                assert node.machine.committed_size == 1
        except TelesphorError as error:
            assert not made, f"a finished node does not open: {error}"
            assert error.hint, f"`{error.code}` does not say what to do"


Sent = dict[str, bytes]
"""Visits that were asked for, with the signed request that asked."""


def test_a_killed_node_keeps_what_it_acknowledged_over_http_and_records_each_request_once(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "node"
    wallet = make_folder(folder)[SYSTEM]
    ids = IdSource(SystemClock())
    acknowledged: dict[str, int] = {}
    unanswered: Sent = {}
    for number in range(HTTP_KILLS):
        rng = random.Random(f"{SEED}/http/{number}")
        child = Child(serve_node, folder)
        url = child.wait_for("ready")["ready"]
        asyncio.run(_resend(url, unanswered, acknowledged))
        sign = lambda visit: sign_request(  # noqa: E731
            wallet, node=ORIGIN, commands=[_open(visit)], clock=SystemClock(), ids=ids
        )
        unanswered = asyncio.run(_load_and_kill(url, child, rng, sign, ids, acknowledged))
        check_ledger(folder)
    positions = _visits_by_position(folder)
    lost = {visit: at for visit, at in acknowledged.items() if positions.get(visit) != [at]}
    assert not lost, f"{len(lost)} acknowledged visits are not where the receipt said, once"
    twice = [visit for visit, places in positions.items() if len(places) > 1]
    assert not twice, "a request was recorded twice"
    assert len(acknowledged) > HTTP_KILLS
    print(f"{HTTP_KILLS} kills over HTTP, {len(acknowledged)} visits acknowledged, none lost, none twice")


def _open(visit: str) -> tuple[str, dict[str, object]]:
    return "visit.open/1", {"visit": visit, "patient": PATIENT, "clinician": CLINICIAN, "devices": []}


async def _load_and_kill(
    url: str, child: Child, rng: random.Random, sign: Any, ids: IdSource, acknowledged: dict[str, int]
) -> Sent:
    """64 connections post until the node is dead; returns what got no answer."""
    sent: Sent = {}

    async def caller(session: aiohttp.ClientSession) -> None:
        while True:
            visit = ids.next()
            sent[visit] = sign(visit)
            try:
                async with session.post(f"{url}/v1/commands", data=sent[visit]) as response:
                    assert response.status == 200, await response.text()
                    acknowledged[visit] = (await response.json())["entries"][0]["position"]
                    del sent[visit]
            except (aiohttp.ClientError, TimeoutError):
                return

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        callers = [asyncio.create_task(caller(session)) for _ in range(64)]
        await asyncio.sleep(0.2 + rng.random() * 0.4)
        child.kill()
        await asyncio.gather(*callers)
    return sent


async def _resend(url: str, unanswered: Sent, acknowledged: dict[str, int]) -> None:
    """Whoever got no answer sends the same bytes again: recorded now, or recorded before, never twice."""
    async with aiohttp.ClientSession() as session:
        for visit, data in unanswered.items():
            async with session.post(f"{url}/v1/commands", data=data) as response:
                answer = await response.json(content_type=None)
                if response.status == 200:
                    acknowledged[visit] = answer["entries"][0]["position"]
                else:
                    assert answer["code"] == "request-replayed", answer
                    acknowledged[visit] = int(answer["detail"].split("`")[1])


def _visits_by_position(folder: Path) -> dict[str, list[int]]:
    reader = EntryReader(NodeFolder(folder).ledger, build_checking_registry())
    found: dict[str, list[int]] = {}
    for entry in reader.entries(first=0, end=reader.size()):
        if entry.type == "visit.opened/1":
            found.setdefault(entry.stream.partition("/")[2], []).append(entry.position)
    reader.db.close()
    return found
