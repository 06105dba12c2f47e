"""What the killed processes do: each function opens a real node, loads it, and says what was acknowledged.

A line is written only after the receipt came, so that whatever a parent reads must be there after any
crash. `write_ledger` and `serve_node` are killed by `test_crash`, `use_vault` by `test_vault_crash`,
`append_one` meets the failing disk of `test_syscall_faults`.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import io
import itertools
import json
import os
import random
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from telesphor.app import Node, create_node, open_node
from telesphor.capabilities.interchain.model import ProofGrant
from telesphor.capabilities.visits.opening import OpenVisit
from telesphor.cli import build_tree, main
from telesphor.kernel import base64url
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import ActorId, VisitId
from telesphor.ledger.leaves import ADD_LEAF, AddLeaf
from telesphor.runtime.capability import Actor, Body, CommandType, Receipt
from telesphor.runtime.machine import Request
from telesphor.runtime.serving import serving
from tests.torture.folders import CLINICIAN, ORIGIN, PASSPHRASE, PATIENT, SYSTEM, content_of

PAUSE_SECONDS_MAX = 0.05
"""How long a caller rests at most: 64 callers then make some thousand entries a second."""

PACKED_MAX = 10
"""Commands of one request; its line must fit one atomic write to a pipe (4,096 bytes)."""

PR_SET_PTRACER = 0x59616D61
"""Linux, prctl(2): lets a process that is not our parent attach to us."""

build_tree()  # Imports every command, so that `run_command` has nothing left to import.


def say(pipe: Connection, **words: object) -> None:
    """Write one line in one piece."""
    line = json.dumps(words, separators=(",", ":")).encode() + b"\n"
    assert len(line) <= 4096, "a longer line would not be written in one piece"
    os.write(pipe.fileno(), line)


def make_node(pipe: Connection, folder: Path) -> None:
    """Make a node in a new folder, and wait to be killed."""
    say(pipe, begins=True)
    create_node(folder, origin=ORIGIN, passphrase=PASSPHRASE)
    say(pipe, made=True)
    signal.pause()


def write_ledger(pipe: Connection, folder: Path, seed: int, callers: int) -> None:
    """Serve a node and write to it from `callers` callers until killed."""
    with open_node(folder, passphrase=PASSPHRASE) as node, serving(node.edge()) as url:
        say(pipe, ready=url)
        asyncio.run(_write_all(node, pipe, seed, callers))


async def _write_all(node: Node, pipe: Connection, seed: int, callers: int) -> None:
    await asyncio.gather(
        *(_write(node, pipe, random.Random(f"{seed}/{name}"), f"{seed}-{name}") for name in range(callers))
    )


async def _write(node: Node, pipe: Connection, rng: random.Random, name: str) -> None:
    for number in itertools.count():
        request, tags = _any_request(node, rng, f"{name}-{number}")
        receipt = await node.machine.call(request)
        say(pipe, tags=tags, entries=[list(line) for line in _lines(receipt)])
        await asyncio.sleep(rng.random() * PAUSE_SECONDS_MAX)


def _lines(receipt: Receipt) -> list[tuple[int, str, str, str, int]]:
    return [(line.position, line.id, line.type, line.stream, line.n) for line in receipt.entries]


def _any_request(node: Node, rng: random.Random, name: str) -> tuple[Request, list[str]]:
    """A leaf, several leaves that belong together, or a visit; and by which words to find them again."""
    chance = rng.random()
    if chance < 0.25:
        visit = VisitId(node.ids.next())
        body = OpenVisit(visit=visit, patient=ActorId(PATIENT), clinician=ActorId(CLINICIAN), devices=())
        return Request(Actor(ActorId(SYSTEM), "system", ""), ((_command(node, "visit.open/1"), body),)), [
            visit
        ]
    count = rng.randint(2, PACKED_MAX) if chance < 0.5 else 1
    tags = [f"{name}/{index}/{count}" for index in range(count)]
    commands = tuple((ADD_LEAF, AddLeaf(data=base64url.encode(tag.encode()))) for tag in tags)
    return Request(Actor(node.keys.node_id, "node", ""), commands), tags


def _command(node: Node, name: str) -> CommandType:
    return node.registry.command(name)


def serve_node(pipe: Connection, folder: Path) -> None:
    """Serve a node until killed."""
    with open_node(folder, passphrase=PASSPHRASE) as node, serving(node.edge()) as url:
        say(pipe, ready=url)
        threading.Event().wait()


def judge_and_die(pipe: Connection, folder: Path, grant: ProofGrant, data: bytes) -> None:
    """Judge another ledger's bundle and be killed between its verification and the entry about it."""
    with open_node(folder, passphrase=PASSPHRASE) as node:
        node.desks.proofs._record = lambda _command, _word: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, return-value]
        node.desks.proofs.judge(grant, data)


def run_command(
    pipe: Connection, arguments: list[str], environment: dict[str, str], output: Path, errors: Path
) -> None:
    """Run the command line in this environment; what it prints goes to two files."""
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((1, output), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), stream)
    sys.argv = ["telesphor", *arguments]
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    gc.collect()  # What was left open complains now, as it does where an interpreter ends.
    sys.exit(code)


def append_one(pipe: Connection, folder: Path, go: Path) -> None:
    """Wait for the file `go`, append one visit, wait for its checkpoint, and end in order."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
    with open_node(folder, passphrase=PASSPHRASE) as node:
        request, tags = _any_request(node, random.Random(0), "one")
        say(pipe, ready=True)
        while not go.exists():
            threading.Event().wait(0.005)
        try:
            receipt = node.machine.call_blocking(request, timeout_seconds=20)
        except TelesphorError as error:
            say(pipe, refused=error.code, kind=error.kind)
        else:
            say(pipe, tags=tags, entries=_lines(receipt))
            node.integrator.wait_for(receipt.first, timeout_seconds=5)
    say(pipe, ended=True)


def use_vault(pipe: Connection, folder: Path, seed: int, workers: int) -> None:
    """Write, break off, resume, read and erase objects from several threads until killed."""
    with open_node(folder, passphrase=PASSPHRASE) as node:
        say(pipe, ready=True)
        threads = [
            threading.Thread(
                target=_use_vault, args=(node, pipe, random.Random(f"{seed}/{name}")), daemon=True
            )
            for name in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


OBJECT_BYTES = (0, 1, 16_384, 300_000, 4 * 1024 * 1024, 5_000_000, 9_000_000)
"""Plaintext sizes: empty, within one chunk, at its end, one part exactly, two parts and three."""


def _use_vault(node: Node, pipe: Connection, rng: random.Random) -> None:
    actor = Actor(ActorId(CLINICIAN), "person", "")
    mine: list[str] = []
    try:
        while True:
            chance = rng.random()
            if chance < 0.6 or not mine:
                mine += _put(node, pipe, rng, actor)
            elif chance < 0.8:
                _erase(node, pipe, actor, mine.pop(rng.randrange(len(mine))))
            else:
                _read(node, actor, rng.choice(mine))
    except BaseException as error:
        say(pipe, failed=f"{type(error).__name__}: {error}"[:500])
        raise


def _put(node: Node, pipe: Connection, rng: random.Random, actor: Actor) -> list[str]:
    object_id, size = node.ids.next(), rng.choice(OBJECT_BYTES)
    say(pipe, begins=object_id, size=size)
    readers = (PATIENT,) if rng.random() < 0.5 else ()
    body = {"object": object_id, "media_type": "application/octet-stream", "readers": readers, "visit": None}
    ticket = _ask(node, actor, "object.write/1", body).results[0].ticket
    say(pipe, begun=object_id, size=size)
    if rng.random() < 0.2:
        return []  # abandoned before the first byte
    stored = node.vault.receive(ticket, io.BytesIO(content_of(object_id, size)))
    say(pipe, stored=object_id)
    _ask(node, actor, "object.seal/1", {"object": object_id, "size": stored.size, "digest": stored.digest})
    say(pipe, sealed=object_id, size=size)
    return [object_id]


def _erase(node: Node, pipe: Connection, actor: Actor, object_id: str) -> None:
    say(pipe, erases=object_id)
    _ask(node, actor, "object.erase/1", {"object": object_id, "reason": "patient-request"})
    say(pipe, erased=object_id)


def _read(node: Node, actor: Actor, object_id: str) -> None:
    ticket = _ask(
        node, actor, "object.read/1", {"object": object_id, "purpose": "treatment", "visit": None}
    ).results[0]
    target = io.BytesIO()
    node.vault.send(ticket.ticket, target)
    assert target.getvalue() == content_of(object_id, ticket.size), "the object is not what was written"


def _ask(node: Node, actor: Actor, name: str, body: dict[str, Any]) -> Receipt:
    command = _command(node, name)
    return node.machine.call_blocking(Request(actor, ((command, _body(command, body)),)), timeout_seconds=60)


def _body(command: CommandType, body: dict[str, Any]) -> Body:
    return msgspec.convert(body, command.body)
