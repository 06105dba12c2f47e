"""A node killed while it uploads and erases: no half object is read, erased stays erased, uploads go on."""

from __future__ import annotations

import io
import random
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telesphor.app import Node, open_node
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Actor
from telesphor.runtime.machine import Request
from telesphor.vault.erasure import check_objects, sweep
from telesphor.vault.errors import ObjectErased, ObjectNotSealed
from telesphor.vault.model import ObjectRow, ObjectState
from telesphor.vault.store import all_objects
from tests.torture.children import use_vault
from tests.torture.folders import CLINICIAN, PASSPHRASE, check_ledger, content_of, make_folder
from tests.torture.processes import Child
from tests.torture.scale import SEED, TORTURE

KILLS = 5
WORKERS = 4
EIGHT_DAYS_MS = 8 * 24 * 3600 * 1000
OWNER = Actor(ActorId(CLINICIAN), "person", "")


class Later:
    """The system's clock, moved ahead: abandoned uploads are a week old at once."""

    def __init__(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self._ahead_ms


class Told:
    """What the killed processes said of their objects, over all kills."""

    def __init__(self) -> None:
        self.size: dict[str, int] = {}
        self.sealed: set[str] = set()
        self.erased: set[str] = set()
        self.perhaps_erased: set[str] = set()

    def take(self, said: list[dict[str, Any]]) -> None:
        for line in said:
            assert "failed" not in line, line["failed"]
            if "begins" in line:
                self.size[line["begins"]] = line["size"]
            if "sealed" in line:
                self.sealed.add(line["sealed"])
            if "erases" in line:
                self.perhaps_erased.add(line["erases"])
            if "erased" in line:
                self.erased.add(line["erased"])


def test_a_node_killed_in_the_vault_neither_loses_nor_revives_nor_shows_half(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    make_folder(folder)
    told = Told()
    resumed = 0
    for number in range(KILLS * TORTURE):
        rng = random.Random(f"{SEED}/vault/{number}")
        child = Child(use_vault, folder, SEED + number, WORKERS)
        child.wait_for("ready")
        time.sleep(0.05 + rng.random() * 0.8)
        told.take(child.kill())
        check_ledger(folder)
        with open_node(folder, passphrase=PASSPHRASE) as node:
            sweep(node.vault)
            resumed += _check_objects(node, told, rng)
    check_ledger(folder)
    _check_nothing_left_of_abandoned(folder, told)
    print(
        f"{KILLS * TORTURE} kills in the vault: {len(told.size)} objects begun, {len(told.sealed)} sealed, "
        f"{len(told.erased)} erased, {resumed} uploads resumed"
    )
    assert told.sealed and told.erased and resumed, "the callers hardly did anything: this proves nothing"


def _check_objects(node: Node, told: Told, rng: random.Random) -> int:
    damaged = [error.message for error in check_objects(node.vault)]
    assert not damaged, damaged
    rows = {row.object: row for row in _rows(node)}
    missing = (told.sealed | told.erased) - set(rows)
    assert not missing, "acknowledged objects are gone"
    resumed = 0
    for row in rows.values():
        _check_state(node, told, row)
        if row.state is ObjectState.BEGUN and rng.random() < 0.5:
            _resume(node, row.object, told.size[row.object])
            told.sealed.add(row.object)
            resumed += 1
    return resumed


def _check_state(node: Node, told: Told, row: ObjectRow) -> None:
    if row.object in told.erased:
        assert row.state is ObjectState.ERASED, f"erased object {row.object} is back"
    if row.object in told.sealed and row.object not in told.perhaps_erased:
        assert row.state is ObjectState.SEALED, f"sealed object {row.object} is not sealed any more"
    if row.state is ObjectState.SEALED:
        assert _read(node, row.object) == content_of(row.object, told.size[row.object])
    elif row.state is ObjectState.ERASED:
        with pytest.raises(ObjectErased):
            _read(node, row.object)
        assert not node.vault.records.wraps(row.object), "a key outlived its object"
        assert not _files(node.folder.path, row.object), "bytes outlived their object"
    else:
        with pytest.raises(ObjectNotSealed):
            _read(node, row.object)


def _check_nothing_left_of_abandoned(folder: Path, told: Told) -> None:
    with open_node(folder, passphrase=PASSPHRASE, clock=Later(EIGHT_DAYS_MS)) as node:
        sweep(node.vault)
        for row in _rows(node):
            if row.state is not ObjectState.SEALED:
                assert not _files(folder, row.object), f"parts of {row.object} were left behind"
                assert not node.vault.records.wraps(row.object)
        known = {row.object for row in _rows(node)}
    kept = {path.name for path in (folder / "vault" / "objects").iterdir() if any(path.iterdir())}
    assert kept <= known, "the store holds bytes that belong to no object"


def _files(folder: Path, object_id: str) -> list[str]:
    """All files of an object on the disk, by whatever name."""
    return [path.name for path in (folder / "vault" / "objects" / object_id).glob("*")]


def _rows(node: Node) -> list[ObjectRow]:
    with node.vault.ledger.reading() as db:
        return all_objects(db, after="", count_max=100_000)


def _ask(node: Node, name: str, body: dict[str, Any]) -> Any:
    command = node.registry.command(name)
    request = Request(OWNER, ((command, msgspec.convert(body, command.body)),))
    return node.machine.call_blocking(request, timeout_seconds=60).results[0]


def _read(node: Node, object_id: str) -> bytes:
    ticket = _ask(node, "object.read/1", {"object": object_id, "purpose": "treatment", "visit": None})
    target = io.BytesIO()
    node.vault.send(ticket.ticket, target)
    return target.getvalue()


def _resume(node: Node, object_id: str, size: int) -> None:
    ticket = _ask(node, "object.resume/1", {"object": object_id}).ticket
    content = content_of(object_id, size)
    try:
        node.vault.receive(ticket, io.BytesIO(content))
    except TelesphorError as error:
        assert error.code == "upload-complete", error
    stored = node.vault.records.upload(object_id)
    assert stored is not None
    assert stored.stored is not None
    assert stored.stored.size == size
    _ask(node, "object.seal/1", {"object": object_id, "size": size, "digest": stored.stored.digest})
    assert _read(node, object_id) == content
