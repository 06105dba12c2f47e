"""`fsck --requests`: the stored requests are verified as a bundle's verifier would."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from telesphor.app import Node, create_node, ledger_files, node_wallet, open_node
from telesphor.client.requests import register_command, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.attribution import check_attribution
from telesphor.ledger.fsck import LedgerDamaged, LedgerFiles
from telesphor.runtime.database import open_database

ORIGIN = "clinic.example/ledger"
PASSPHRASE = b"correct horse"


def _enrol(node: Node) -> None:
    wallet = Wallet.create(kind="person", ids=node.ids)
    command = register_command(wallet, node=ORIGIN)
    signed = sign_request(
        node_wallet(node.keys), node=ORIGIN, commands=[command], clock=node.clock, ids=node.ids
    )
    node.machine.call_blocking(node.authenticate(signed), timeout_seconds=60)


@pytest.fixture
def files(tmp_path: Path) -> LedgerFiles:
    folder = create_node(tmp_path / "node", origin=ORIGIN, passphrase=PASSPHRASE)
    with open_node(folder.path, passphrase=PASSPHRASE) as node:
        for _ in range(3):
            _enrol(node)
        settings = node.settings
    return ledger_files(folder, settings)


THIRD = "SELECT first, data FROM requests ORDER BY first LIMIT 1 OFFSET 2"
"""Behind the first entry and the first registration."""


def test_every_request_of_a_sound_ledger_is_verified(files: LedgerFiles) -> None:
    assert check_attribution(files) == 4


def test_a_flipped_signature_is_named_by_its_position(files: LedgerFiles) -> None:
    db = open_database(files.ledger)
    first, data = db.execute(THIRD).get
    request = msgspec.json.decode(data)
    signature = request["signatures"][1]["signature"]
    request["signatures"][1]["signature"] = ("A" if signature[0] != "A" else "B") + signature[1:]
    changed = msgspec.json.encode(request, order="sorted")
    db.execute("UPDATE requests SET data = ? WHERE first = ?", (changed, first))
    db.close()
    with pytest.raises(TelesphorError, match="does not verify"):
        check_attribution(files)


def test_a_missing_request_is_named(files: LedgerFiles) -> None:
    db = open_database(files.ledger)
    first, _ = db.execute(THIRD).get
    db.execute("DELETE FROM requests WHERE first = ?", (first,))
    db.close()
    with pytest.raises(LedgerDamaged, match=f"entry `{first}`"):
        check_attribution(files)
