"""Node folders to be tortured: made once, copied for each campaign, and checked after each blow.

`make_folder` makes a node with three actors whose ids are the same everywhere. `Acknowledged` keeps what
was acknowledged and compares it with what is on the disk. `check_ledger` is `fsck`, as the command
runs it, but for the birth of its second process.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from hashlib import shake_128
from pathlib import Path
from typing import Any

import pytest

import telesphor.ledger.fsck as fsck_module
from telesphor.app import build_checking_registry, create_node, ledger_files, node_wallet, open_node
from telesphor.capabilities.access.entries import ACCESS_STANDING
from telesphor.client.requests import register_command, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url
from telesphor.kernel.ids import ActorId
from telesphor.kernel.keyfile import Argon2idParams, open_keyfile, seal_keyfile
from telesphor.kernel.sealing import RecipientKey
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.fsck import FsckReport, fsck
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.settings import load_settings
from tests.torture.processes import ready_made

ORIGIN = "torture.example/log"
PASSPHRASE = b"not a secret"
SYSTEM = "019a0000-0000-7000-8000-000000000001"
CLINICIAN = "019a0000-0000-7000-8000-000000000002"
PATIENT = "019a0000-0000-7000-8000-000000000003"
_CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)
_ACTORS = ((SYSTEM, "system"), (CLINICIAN, "person"), (PATIENT, "person"))


def make_folder(path: Path, **settings: Any) -> dict[str, Wallet]:
    """A node in `path` with its actors registered; returns their wallets by id.

    Its key file is sealed under a cheap derivation: a hundred restarts are not to measure Argon2id.
    """
    folder = create_node(
        path, origin=ORIGIN, passphrase=PASSPHRASE, settings={"checkpoint_interval_ms": 50, **settings}
    )
    wallets = {actor: _wallet(actor, kind) for actor, kind in _ACTORS}
    with open_node(path, passphrase=PASSPHRASE) as node:
        signer = node_wallet(node.keys)
        commands = [register_command(wallet, node=ORIGIN) for wallet in wallets.values()]
        data = sign_request(signer, node=ORIGIN, commands=commands, clock=node.clock, ids=node.ids)
        node.machine.call_blocking(node.authenticate(data), timeout_seconds=30)
    secret = open_keyfile(folder.node_key.read_bytes(), passphrase=PASSPHRASE)
    folder.node_key.write_bytes(seal_keyfile(secret, passphrase=PASSPHRASE, params=_CHEAP))
    return wallets


def _wallet(actor: str, kind: str) -> Wallet:
    return Wallet(ActorId(actor), kind, SigningKey.generate(HybridSuite.ACTOR), RecipientKey.generate())


def content_of(object_id: str, size: int) -> bytes:
    """What is in an object: it follows from its id, so that nobody has to remember it."""
    return shake_128(object_id.encode()).digest(size)


def check_ledger(path: Path) -> FsckReport:
    """`fsck` of the node in `path`; raises the first thing that is wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fsck_module, "get_context", lambda _method: ready_made())
        return fsck(ledger_files(NodeFolder(path), load_settings(path)), build_checking_registry)


SAMPLE = 2_000
"""Old entries that are compared again after each crash; at the end all of them are."""


class Acknowledged:
    """Everything that a node in one folder ever acknowledged, held against what is stored."""

    def __init__(self, path: Path) -> None:
        self._path = NodeFolder(path)
        self._registry = build_checking_registry()
        self._stored: list[bytes] = []
        self._lines: list[dict[str, Any]] = []

    def check(self, said: Iterable[dict[str, Any]]) -> int:
        """Compare new acknowledgements, and a sample of all older entries; returns how many are new."""
        lines = [line for line in said if "entries" in line]
        self._lines += lines
        reader = EntryReader(self._path.ledger, self._registry)
        try:
            self._check_old(reader, random.Random(len(self._stored)))
            self._take_new(reader)
        finally:
            reader.db.close()
        for line in lines:
            self._check_line(line)
        return sum(len(line["entries"]) for line in lines)

    def check_all(self) -> None:
        """Compare every entry that ever was there, byte by byte, and every acknowledgement."""
        reader = EntryReader(self._path.ledger, self._registry)
        stored = [entry.data for entry in reader.entries(first=0, end=reader.size())]
        reader.db.close()
        assert stored[: len(self._stored)] == self._stored, "an entry changed or is gone"
        self._stored = stored
        for line in self._lines:
            self._check_line(line)
        self._check_wholes(0)

    def _check_old(self, reader: EntryReader, rng: random.Random) -> None:
        assert reader.size() >= len(self._stored), "entries that were there are gone"
        for position in rng.sample(range(len(self._stored)), min(SAMPLE, len(self._stored))):
            assert reader.entry(position).data == self._stored[position], f"entry {position} changed"

    def _take_new(self, reader: EntryReader) -> None:
        first = len(self._stored)
        self._stored += [entry.data for entry in reader.entries(first=first, end=reader.size())]
        self._check_wholes(first)

    def _check_line(self, line: dict[str, Any]) -> None:
        positions = [entry[0] for entry in line["entries"]]
        assert positions == list(range(positions[0], positions[0] + len(positions))), (
            "a request is torn apart"
        )
        tags = iter(line["tags"])
        for position, entry_id, kind, stream, n in line["entries"]:
            assert position < len(self._stored), f"acknowledged entry {position} is lost"
            entry = _read(self._stored[position])
            found = (entry["id"], entry["type"], entry["stream"], entry["n"])
            assert found == (entry_id, kind, stream, n), (
                f"entry {position} is another one than was acknowledged"
            )
            if kind == ACCESS_STANDING.name:  # a decision that the node recorded beside what it allowed
                continue
            said, tag = _tag_of(entry), next(tags)
            assert said == tag, f"entry {position} says `{said}` and not `{tag}`"
        assert next(tags, None) is None, "an acknowledged command left no entry"

    def _check_wholes(self, first: int) -> None:
        """Commands that were sent together are there together, one behind the other, or not at all."""
        due: tuple[str, int, int] | None = None
        for data in self._stored[first:]:
            entry = _read(data)
            parts = _tag_of(entry).split("/") if entry["type"] == "leaf.added/1" else []
            name, index, count = (parts[0], int(parts[1]), int(parts[2])) if len(parts) == 3 else ("", 0, 1)
            assert (name, index, count) == due or (due is None and index == 0), (
                "a request was written in part"
            )
            due = (name, index + 1, count) if index + 1 < count else None
        assert due is None, "a request was written in part"


def _read(data: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(data)
    return entry


def _tag_of(entry: dict[str, Any]) -> str:
    if entry["type"] == "leaf.added/1":
        return base64url.decode(entry["body"]["data"]).decode()
    return str(entry["stream"]).partition("/")[2]
