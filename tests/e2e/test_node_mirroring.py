"""A node that witnesses another node's ledger reads every entry of it first, where their agreement lets it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telesphor.app import create_node, open_node
from telesphor.client.wallet import Wallet, save_wallet
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.kernel.keyfile import Argon2idParams
from telesphor.kernel.note import parse_note
from telesphor.runtime.network import parse_network_settings
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import SettingsRefused
from tests.e2e.test_mirroring import mirrored, submit
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


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[tuple[Path, Hospital]]:
    wallets = make_mirrored(tmp_path / "clinic")
    yield tmp_path / "clinic", Hospital(tmp_path / "hospital", tmp_path / "clinic", wallets[SYSTEM])


def test_node_cosigns_what_it_has_read(clinic: tuple[Path, Hospital]) -> None:
    folder, hospital = clinic
    with serve_mirrored(folder, leaves=LEAVES) as (node, url), hospital.serve(clinic_url=url) as witness:
        status, lines, size = submit(node, witness, old_size=0)
        assert status == 200, lines
        assert len(parse_note(node.book.covering(size - 1).note + lines).signatures) == 4
        add_leaves(node, 7)
        assert submit(node, witness, old_size=size)[0] == 200
        (asked,) = mirrored(node)
        assert asked.actor == SYSTEM


def test_node_refuses_a_ledger_that_skips_a_number_and_names_the_position(
    clinic: tuple[Path, Hospital],
) -> None:
    folder, hospital = clinic
    with serve_mirrored(folder, leaves=LEAVES) as (node, url), hospital.serve(clinic_url=url) as witness:
        status, _, size = submit(node, witness, old_size=0)
        assert status == 200
    leaf = last_leaf(folder)
    at = append_behind(folder, [encode_like(leaf, id=IDS.next(), salt=IDS.nonce(), n=leaf["n"] + 2)])
    with serve_mirrored(folder) as (node, url), hospital.serve(clinic_url=url) as witness:
        assert node.integrator.wait_for(at, timeout_seconds=30)
        status, answer, _ = submit(node, witness, old_size=size)
    assert status == 422
    assert f"entry `{at}`" in answer.decode()


@pytest.mark.parametrize("half", ['url = "http://127.0.0.1:1"', 'key = "keys/mirror.key"'])
def test_agreement_with_half_of_what_it_needs_is_refused(half: str) -> None:
    log = f'[[log]]\norigin = "{ORIGIN}"\nvkeys = ["{ORIGIN}+00000000+AAAA"]\n{half}\n'
    with pytest.raises(SettingsRefused, match="`url` and `key`"):
        parse_network_settings((HEAD + log).encode())
