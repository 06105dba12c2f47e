"""A validator in a process of its own reads every entry of a node over HTTP, and cosigns only what is right.

Then the node turns dishonest within consistent hashes: its writer's rules are broken in the database, while the
tree, the proofs and the signatures over it are as they should be. The validator names the position.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import pytest

from telesphor.app import Node
from telesphor.client.wallet import load_wallet, save_wallet
from telesphor.kernel.card import read_card
from telesphor.kernel.checkpoint import parse_checkpoint
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.cosignature import verify_cosignature
from telesphor.kernel.ids import IdSource
from telesphor.kernel.keyfile import Argon2idParams
from telesphor.kernel.note import parse_note
from telesphor.ledger import routes as ledger_routes
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.leaves import LEAF_BYTES_MAX
from telesphor.ledger.witness.mirroring import MirrorSettings, keep_mirror, load_mirrors
from telesphor.ledger.witness.model import format_request
from telesphor.ledger.witness.standalone import WitnessFolder, WitnessSettings, create_witness
from tests.e2e.running import MovableClock, Running, code_of, running
from tests.e2e.test_interchain import check_everything
from tests.support.commands import START_SECONDS, TERMINAL, run_to_end, running_command
from tests.support.mirrored import (
    add_leaves,
    append_behind,
    encode_like,
    last_leaf,
    make_mirrored,
    serve_mirrored,
)
from tests.torture.folders import CLINICIAN, ORIGIN, SYSTEM

RUN = "from telesphor.cli import main; main()"
ANSWER_SECONDS = 30.0
SECRET = b"of the witness"
SECRETS = {"TELESPHOR_WITNESS_PASSPHRASE": SECRET.decode()}
WALLET_SECRET = b"of the actor"
CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)
IDS = IdSource(SystemClock())
LEAVES = 300
SETTINGS = WitnessSettings(
    name="north.example/witness",
    organisation="north.example",
    region="eu-north",
    cloud="north-cloud",
    operator="north.example",
)


class Places:
    """The folders of a node and of a validator, neither of which runs."""

    def __init__(self, root: Path) -> None:
        self.node, self.validator = root / "node", root / "validator"

    def copy(self, root: Path) -> Places:
        copies = Places(root)
        shutil.copytree(self.node, copies.node)
        shutil.copytree(self.validator, copies.validator)
        return copies

    def agree(self, url: str) -> None:
        """Have the validator look for the node where it is now."""
        folder = WitnessFolder(self.validator)
        (agreed,) = load_mirrors(folder)
        keep_mirror(folder, MirrorSettings(origin=agreed.origin, url=url, key=agreed.key))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Made once by the command line, and copied for each test."""
    places = Places(tmp_path_factory.mktemp("mirroring"))
    wallets = make_mirrored(places.node)
    create_witness(places.validator, settings=SETTINGS, passphrase=SECRET, clock=SystemClock())
    key, secret = places.node.with_name("actor.key"), places.node.with_name("actor.passphrase")
    save_wallet(wallets[SYSTEM], key, passphrase=WALLET_SECRET, params=CHEAP)
    secret.write_bytes(WALLET_SECRET + b"\n")
    vkeys = str(places.node / "log.vkeys")
    words: tuple[str | Path, ...] = ("witness", "mirror", places.validator, vkeys, "--as", key)
    url = ("--url", "http://127.0.0.1:1")
    done = run_to_end(*words, *url, "--passphrase-file", secret, secrets=SECRETS)
    assert done.returncode == 0, done.stderr
    assert ORIGIN in done.stdout
    assert SYSTEM in done.stderr
    return places


@pytest.fixture
def places(made: Places, tmp_path: Path) -> Places:
    return made.copy(tmp_path)


@contextmanager
def validating(folder: Path) -> Iterator[str]:
    """`telesphor witness run` while the block runs; yields its URL. It ends without a word of complaint."""
    words = ("witness", "run", folder, "--port", "0")
    with running_command(folder.parent / "validator.said", *words, secrets=SECRETS) as process:
        yield process.wait_for_file(WitnessFolder(folder).address)
        assert process.end().returncode in (0, -signal.SIGTERM)
    assert "Unclosed" not in process.said


@contextmanager
def validating_from_nothing(folder: Path) -> Iterator[str]:
    """The same, by an interpreter that has loaded nothing and is taken down by itself."""
    words = [sys.executable, "-c", RUN, "witness", "run", str(folder), "--port", "0"]
    path = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, **TERMINAL, **SECRETS, "PYTHONPATH": path}
    with (folder.parent / "validator.log").open("w") as out:
        process = subprocess.Popen(words, env=environment, stderr=out)
    try:
        yield _wait_for_address(folder, process)
        process.terminate()
        assert process.wait(START_SECONDS) in (0, -15)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "Unclosed" not in (folder.parent / "validator.log").read_text()


def _wait_for_address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    address = WitnessFolder(folder).address
    while time.monotonic() < deadline and process.poll() is None:
        if address.is_file() and (url := address.read_text(encoding="ascii").strip()):
            return url
        time.sleep(0.02)
    raise AssertionError("the validator does not serve")


def submit(node: Node, validator: str, *, old_size: int) -> tuple[int, bytes, int]:
    """What a log does: the newest checkpoint, again while the validator is busy; status, answer and size."""
    note = node.book.newest().note
    size = parse_checkpoint(parse_note(note).text).size
    proof = node.prover.consistency(old_size=old_size, new_size=size) if old_size else []
    body = format_request(old_size=old_size, proof=proof, note=note)

    async def ask() -> tuple[int, bytes]:
        deadline = time.monotonic() + ANSWER_SECONDS
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.post(f"{validator}/add-checkpoint", data=body) as answer:
                    status, data = answer.status, await answer.read()
                if status != 503 or time.monotonic() > deadline:
                    return status, data
                await asyncio.sleep(0.05)

    return *asyncio.run(ask()), size


def mirrored(node: Node) -> list[Any]:
    """The entries which say that the ledger was given away."""
    reader = EntryReader(node.folder.ledger, node.registry)
    try:
        return [
            entry for entry in reader.entries(first=0, end=reader.size()) if entry.type == "ledger.mirrored/1"
        ]
    finally:
        reader.close()


def test_validator_cosigns_what_it_has_read_and_the_ledger_says_who_reads(places: Places) -> None:
    with serve_mirrored(places.node, leaves=LEAVES) as (node, url):
        places.agree(url)
        with validating_from_nothing(places.validator) as validator:
            status, lines, size = submit(node, validator, old_size=0)
            assert status == 200, lines
            note = parse_note(node.book.covering(size - 1).note + lines)
            card = WitnessFolder(places.validator).card.read_bytes()
            verify_cosignature(note, read_card(card).keys)
            add_leaves(node, 7)
            status, lines, _ = submit(node, validator, old_size=size)
            assert status == 200, lines
            (asked,) = mirrored(node)
            assert (asked.actor, asked.stream, asked.body.first) == (SYSTEM, f"mirrors/{SYSTEM}", 0)
    check_everything(places.node)


def repeated(leaf: dict[str, Any]) -> bytes:
    """The number that the stream's last entry has."""
    return encode_like(leaf, id=IDS.next(), salt=IDS.nonce())


def gap(leaf: dict[str, Any]) -> bytes:
    """A number that leaves one out."""
    return encode_like(leaf, id=IDS.next(), salt=IDS.nonce(), n=leaf["n"] + 2)


def gap_of_another(leaf: dict[str, Any]) -> bytes:
    """The first entry of another actor's stream, which is not its number 0."""
    stream = f"leaves/{CLINICIAN}"
    return encode_like(leaf, id=IDS.next(), salt=IDS.nonce(), actor=CLINICIAN, stream=stream, n=1)


def not_canonical(leaf: dict[str, Any]) -> bytes:
    """The right number, in JSON that is not canonical."""
    return encode_like(leaf, id=IDS.next(), salt=IDS.nonce(), n=leaf["n"] + 1).replace(b",", b", ", 1)


class Agreed(NamedTuple):
    """A validator that runs, and the ledger of which it cosigned `size` entries; no node runs in its folder now."""

    validator: str
    node: Path
    port: int
    size: int


@pytest.fixture(scope="module")
def agreed(made: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agreed]:
    """For all faults: what a validator refused is not to change how it takes the next."""
    places = made.copy(tmp_path_factory.mktemp("agreed"))
    with ExitStack() as stack:
        with serve_mirrored(places.node, leaves=LEAVES) as (node, url):
            places.agree(url)
            validator = stack.enter_context(validating(places.validator))
            status, lines, size = submit(node, validator, old_size=0)
            assert status == 200, lines
        yield Agreed(validator, places.node, urlsplit(url).port or 0, size)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (repeated, "entry `{at}` is number `{n}` of its stream, where `{next}` is next"),
        (gap, "entry `{at}` is number `{after}` of its stream, where `{next}` is next"),
        (gap_of_another, "entry `{at}` is number `1` of its stream, where `0` is next"),
        (not_canonical, "entry `{at}` is refused"),
    ],
)
def test_dishonest_ledger_within_consistent_hashes_is_422_and_the_position_is_named(
    agreed: Agreed, tmp_path: Path, fault: Callable[[dict[str, Any]], bytes], says: str
) -> None:
    folder = shutil.copytree(agreed.node, tmp_path / "node")
    leaf = last_leaf(folder)
    honest = encode_like(leaf, id=IDS.next(), stream=f"leaves/{SYSTEM}", actor=SYSTEM, n=0)
    at = append_behind(folder, [fault(leaf), honest])
    with serve_mirrored(folder, port=agreed.port) as (node, _):
        assert node.integrator.wait_for(at + 1, timeout_seconds=30)
        status, answer, new_size = submit(node, agreed.validator, old_size=agreed.size)
    n = leaf["n"]
    assert agreed.size <= at < new_size
    assert status == 422, answer
    assert says.format(at=at, n=n, next=n + 1, after=n + 2) in answer.decode()


def test_node_that_was_restarted_is_read_on_under_a_new_ticket(places: Places) -> None:
    with ExitStack() as stack:
        with serve_mirrored(places.node, leaves=LEAVES) as (node, url):
            places.agree(url)
            validator = stack.enter_context(validating(places.validator))
            status, lines, size = submit(node, validator, old_size=0)
            assert status == 200, lines
            assert len(mirrored(node)) == 1
        with serve_mirrored(places.node, port=urlsplit(url).port or 0, leaves=3) as (node, _):
            status, lines, _ = submit(node, validator, old_size=size)
            assert status == 200, lines
            assert len(mirrored(node)) == 2


def test_validator_that_the_node_does_not_name_cosigns_nothing(places: Places) -> None:
    (places.node / "network.toml").unlink()
    with serve_mirrored(places.node, leaves=3) as (node, url):
        places.agree(url)
        with validating(places.validator) as validator:
            note = node.book.newest().note
            size = parse_checkpoint(parse_note(note).text).size
            body = format_request(old_size=0, proof=[], note=note)

            async def ask() -> tuple[int, str]:
                async with (
                    aiohttp.ClientSession() as session,
                    session.post(f"{validator}/add-checkpoint", data=body) as answer,
                ):
                    return answer.status, await answer.text()

            assert asyncio.run(ask()) == (503, "the entries cannot be read\n")
        assert mirrored(node) == []
        assert size > 0
    assert "mirror-not-permitted" in (places.validator.parent / "validator.said" / "stderr").read_text()


# The node's door.


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("alone") / "node") as node:
        yield node


def test_node_without_settings_is_mirrored_to_nobody(alone: Running) -> None:
    for wallet, code in ((alone.system, "mirror-not-permitted"), (alone.clinician, "access-denied")):
        answer = alone.command(wallet, "ledger.mirror/1", first=0)
        assert code_of(answer, 403) == code


def test_ticket_for_something_else_opens_no_entries(alone: Running) -> None:
    ticket = alone.read_ticket(alone.put(b"content"))
    headers = {"authorization": f"Bearer {ticket}"}
    assert code_of(alone.ask("GET", "/tile/entries/000.p/1", headers=headers), 401) == "ticket-refused"
    assert code_of(alone.ask("GET", "/tile/entries/000.p/1"), 403) == "entries-not-public"


class Door:
    """A node that the system mirrors, asked as its bytes are under a ticket."""

    def __init__(self, node: Running) -> None:
        answer = node.command(node.system, "ledger.mirror/1", first=0)
        assert answer.status == 200, answer
        self.node, self.ticket = node, str(answer.json()["results"][0]["ticket"])

    def get(self, path: str) -> Any:
        return self.node.ask("GET", path, headers={"authorization": f"Bearer {self.ticket}"})


@contextmanager
def mirrored_by_system(folder: Path) -> Iterator[Running]:
    wallets, clock = make_mirrored(folder), MovableClock()
    with serve_mirrored(folder, clock=clock, leaves=LEAVES) as (node, url):
        yield Running(node, url, wallets, clock, io.StringIO())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """For those who change nothing but its clock."""
    with mirrored_by_system(tmp_path_factory.mktemp("shared") / "node") as node:
        yield node


@pytest.fixture
def door(shared: Running) -> Door:
    return Door(shared)


@pytest.fixture
def own_door(tmp_path: Path) -> Iterator[Door]:
    """For one who leaves it otherwise than it was."""
    with mirrored_by_system(tmp_path / "node") as node:
        yield Door(node)


def test_full_bundles_may_be_kept_and_partial_ones_not(door: Door) -> None:
    full, partial = door.get("/tile/entries/000"), door.get("/tile/entries/001.p/7")
    assert (full.status, partial.status) == (200, 200)
    assert full.headers["content-type"] == "application/octet-stream"
    assert full.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (partial.headers["cache-control"], partial.headers["vary"]) == ("no-store", "authorization")


@pytest.mark.parametrize(
    "path",
    [
        "entries/001",
        "entries/001.p/255",
        "entries/000.p/256",
        "entries/0",
        "entries/x000/001",
        "entries/../0/000",
    ],
)
def test_bundle_that_no_checkpoint_covers_or_is_misspelled_is_not_there(door: Door, path: str) -> None:
    assert code_of(door.get(f"/tile/{path}"), 404) in {"no-such-tile", "no-such-resource"}


def test_expired_ticket_opens_no_entries(door: Door) -> None:
    assert door.get("/tile/entries/000").status == 200
    door.node.clock.ahead_ms += 3_600_000
    assert code_of(door.get("/tile/entries/000"), 401) == "ticket-refused"


def test_retired_mirror_reads_nothing_under_its_old_ticket(own_door: Door) -> None:
    assert own_door.node.command(own_door.node.system, "actor.retire/1", id=SYSTEM).status == 200
    assert code_of(own_door.get("/tile/entries/000"), 403) == "actor-retired"


def test_reader_that_does_not_read_holds_its_own_place_only_and_not_for_long(
    own_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_routes, "MIRROR_SECONDS", 0.6)
    add_leaves(own_door.node.node, 512 - LEAVES, size=LEAF_BYTES_MAX)
    with own_door.node.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        head = f"GET /tile/entries/001 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {own_door.ticket}\r\n\r\n"
        connection.sendall(head.encode())
        codes: set[str] = set()
        for _ in range(500):
            answer = own_door.get("/tile/entries/000.p/1")
            if answer.status == 200 and codes:
                break
            codes |= {code_of(answer, 503)} if answer.status != 200 else set()
            time.sleep(0.01)
        assert (answer.status, codes) == (200, {"mirror-busy"})


def test_wallet_is_kept_under_the_passphrase_of_the_witness(made: Places) -> None:
    folder = WitnessFolder(made.validator)
    (agreed,) = load_mirrors(folder)
    assert load_wallet(folder.mirrors / agreed.key, passphrase=SECRET).actor == SYSTEM
    assert (folder.mirrors / agreed.key).stat().st_mode & 0o777 == 0o600
