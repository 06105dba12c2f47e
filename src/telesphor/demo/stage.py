"""The stage of the demonstration: a folder, a node in it, and the keys of those who act.

    DIR/node.passphrase        opens the key files below; for its owner's eyes only
    DIR/node/                  the node's folder, as `telesphor init` makes it
    DIR/actors/*.key           organisation, patient, clinician, colleague, officer, device
    DIR/actors/device.*        the device's firmware and counter, and a thief's copy of the counter
    DIR/network/               the witnesses and the notary of other organisations, a folder for each
    DIR/visit.bundle.zip       the proof of the visit
    DIR/levels.toml            the policy of levels by which the verifier judges it
    DIR/telesphor-verify.pyz   the verifier, one file
    DIR/attacks/               the copies that were attacked

Start at `set_stage`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from telesphor.app import create_node
from telesphor.client.wallet import Wallet, save_wallet
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.kernel.keyfile import Argon2idParams
from telesphor.runtime.folder import FolderRefused, NodeFolder, write_private
from telesphor.verify.pack import FILE_NAME

ORIGIN: Final = "clinic.example/demo"
CLINIC: Final = "Riverside Clinic"
DEFAULT_PARENT: Final = Path("demo")
RUNS_MAX: Final = 10_000
PASSPHRASE_BYTES: Final = 16

STRETCHED: Final = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)
"""As little as there is: nobody guesses a passphrase of 128 random bits, and nobody likes to wait."""


class DemoFolderRefused(TelesphorError):
    """The folder that was named holds something already."""

    code = "demo-folder-refused"
    kind = Kind.CONFLICT


@dataclass(frozen=True)
class Cast:
    """Those who act, each with keys of its own.

    Attributes:
        colleague: a second clinician, who has no part in the patient's care.
        officer: the clinic's privacy officer.
    """

    organisation: Wallet
    patient: Wallet
    clinician: Wallet
    colleague: Wallet
    officer: Wallet
    device: Wallet


@dataclass(frozen=True)
class Stage:
    """Where everything of one run is."""

    folder: Path
    passphrase: bytes
    cast: Cast

    @property
    def node(self) -> NodeFolder:
        return NodeFolder(self.folder / "node")

    @property
    def passphrase_file(self) -> Path:
        return self.folder / "node.passphrase"

    @property
    def actors(self) -> Path:
        return self.folder / "actors"

    @property
    def bundle(self) -> Path:
        return self.folder / "visit.bundle.zip"

    @property
    def neighbours(self) -> Path:
        return self.folder / "network"

    @property
    def levels(self) -> Path:
        return self.folder / "levels.toml"

    @property
    def verifier(self) -> Path:
        return self.folder / FILE_NAME

    @property
    def attacks(self) -> Path:
        return self.folder / "attacks"


def choose_folder(out: Path | None) -> Path:
    """The folder of this run: the one that was named, or the next free `demo/run-N`.

    Raises:
        DemoFolderRefused: the one that was named is not empty.
    """
    if out is None:
        return next(folder for folder in _numbered() if not folder.exists())
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DemoFolderRefused(
            f"`{out}` is not empty", hint="name a folder that does not exist yet, or leave `--out` away"
        )
    return out


def set_stage(folder: Path, *, clock: Clock, ids: IdSource) -> Stage:
    """Make the node and everybody's keys.

    Raises:
        FolderRefused: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "actors").mkdir(mode=0o700)
    except OSError as error:
        raise FolderRefused(f"`{folder}` cannot be written", hint="check its permissions") from error
    cast = Cast(
        organisation=Wallet.create(kind="organisation", ids=ids),
        patient=Wallet.create(kind="person", ids=ids),
        clinician=Wallet.create(kind="person", ids=ids),
        colleague=Wallet.create(kind="person", ids=ids),
        officer=Wallet.create(kind="person", ids=ids),
        device=Wallet.create(kind="device", ids=ids),
    )
    stage = Stage(folder, ids.random_bytes(PASSPHRASE_BYTES).hex().encode(), cast)
    write_private(stage.passphrase_file, stage.passphrase + b"\n")
    settings = {"passphrase_file": str(stage.passphrase_file.absolute()), "display_name": CLINIC}
    create_node(stage.node.path, origin=ORIGIN, passphrase=stage.passphrase, settings=settings, clock=clock)
    for name, wallet in vars(cast).items():
        save_wallet(wallet, folder / "actors" / f"{name}.key", passphrase=stage.passphrase, params=STRETCHED)
    return stage


def _numbered() -> Iterator[Path]:
    for number in range(1, RUNS_MAX):
        yield DEFAULT_PARENT / f"run-{number}"
    raise DemoFolderRefused(f"`{DEFAULT_PARENT}` holds too many runs", hint="delete some of them")
