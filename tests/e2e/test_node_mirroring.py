"""A node that witnesses another node's ledger reads every entry of it first, where their agreement lets it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telesphor.app import Node, create_node, open_node
from telesphor.client.wallet import Wallet, save_wallet
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.kernel.keyfile import Argon2idParams
from telesphor.kernel.note import parse_note
from telesphor.runtime.network import parse_network_settings
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import SettingsRefused
from tests.e2e.test_mirroring import mirrored, submit
from tests.support.bcoin import free_port
from tests.support.mirrored import (
    add_leaves,
    append_behind,
    encode_like,
    last_leaf,
    make_mirrored,
    serve_mirrored,
)
from tests.torture.folders import ORIGIN, PASSPHRASE, SYSTEM

IDS = IdSource(SystemClock())
CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)
LEAVES = 300
HEAD = """
organisation = "hospital.example"
region = "eu-north"
cloud = "own"
operator = "hospital.example"
"""


class Hospital:
    """The folder of a node that witnesses the clinic's ledger."""

    def __init__(self, folder: Path, clinic: Path, wallet: Wallet) -> None:
        self.folder, self._clinic = folder, clinic
        create_node(folder, origin="hospital.example/telesphor", passphrase=PASSPHRASE)
        save_wallet(wallet, folder / "keys" / "mirror.key", passphrase=PASSPHRASE, params=CHEAP)

    @contextmanager
    def serve(self, *, clinic_url: str) -> Iterator[str]:
        keys = ", ".join(f'"{vkey}"' for vkey in (self._clinic / "log.vkeys").read_text().split())
        log = (
            f'[[log]]\norigin = "{ORIGIN}"\nvkeys = [{keys}]\nurl = "{clinic_url}"\nkey = "keys/mirror.key"\n'
        )
        (self.folder / "network.toml").write_text(HEAD + log)
        with open_node(self.folder, passphrase=PASSPHRASE) as node, serving(node.edge()) as url:
            yield f"{url}/witness"


class Pair:
    """The clinic's folder, which is served where `serve_clinic` is entered, and the hospital, which always is."""

    def __init__(self, folder: Path, port: int, witness: str) -> None:
        self.folder, self._port, self._witness = folder, port, witness
        self._cosigned = 0

    @contextmanager
    def serve_clinic(self, *, leaves: int = 0) -> Iterator[Node]:
        with serve_mirrored(self.folder, port=self._port, leaves=leaves) as (node, _):
            yield node

    def submit(self, node: Node) -> tuple[int, bytes, int]:
        """Ask the hospital for its cosignature, after those that it gave before; status, answer and size."""
        status, answer, size = submit(node, self._witness, old_size=self._cosigned)
        if status == 200:
            self._cosigned = size
        return status, answer, size


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder, port = tmp_path_factory.mktemp("pair"), free_port()
    wallets = make_mirrored(folder / "clinic")
    hospital = Hospital(folder / "hospital", folder / "clinic", wallets[SYSTEM])
    with hospital.serve(clinic_url=f"http://127.0.0.1:{port}") as witness:
        yield Pair(folder / "clinic", port, witness)


def test_node_cosigns_what_it_has_read(pair: Pair) -> None:
    with pair.serve_clinic(leaves=LEAVES) as node:
        before = len(mirrored(node))
        status, lines, size = pair.submit(node)
        assert status == 200, lines
        assert len(parse_note(node.book.covering(size - 1).note + lines).signatures) == 4
        add_leaves(node, 7)
        assert pair.submit(node)[0] == 200
        asked = mirrored(node)[before:]
        assert [entry.actor for entry in asked] == [SYSTEM]


def test_node_refuses_a_ledger_that_skips_a_number_and_names_the_position(pair: Pair) -> None:
    with pair.serve_clinic(leaves=LEAVES) as node:
        assert pair.submit(node)[0] == 200
    leaf = last_leaf(pair.folder)
    skipping = encode_like(leaf, id=IDS.next(), salt=IDS.nonce(), n=leaf["n"] + 2)
    at = append_behind(pair.folder, [skipping])
    with pair.serve_clinic() as node:
        assert node.integrator.wait_for(at, timeout_seconds=30)
        status, answer, _ = pair.submit(node)
    assert status == 422
    assert f"entry `{at}`" in answer.decode()


@pytest.mark.parametrize("half", ['url = "http://127.0.0.1:1"', 'key = "keys/mirror.key"'])
def test_agreement_with_half_of_what_it_needs_is_refused(half: str) -> None:
    log = f'[[log]]\norigin = "{ORIGIN}"\nvkeys = ["{ORIGIN}+00000000+AAAA"]\n{half}\n'
    with pytest.raises(SettingsRefused, match="`url` and `key`"):
        parse_network_settings((HEAD + log).encode())
