"""The node's folder: its files, its lock, its keys.

One process at a time: the lock is an `flock` that the kernel frees when the process dies, however
it dies. The key file holds the node's own secrets (log, cosigning and signing keys, KEM key) sealed under
the passphrase; the root key is made beside it and is meant to be carried away.
"""

from __future__ import annotations

import fcntl
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from telesphor.kernel import base64url
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.kernel.keyfile import KeyfileRefused, open_keyfile, seal_keyfile
from telesphor.kernel.sealing import RecipientKey
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.runtime.settings import SETTINGS_FILE, Settings

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
KEYFILE_BYTES_MAX = 256 * 1024


class FolderInUse(TelesphorError):
    """Another process has this node open."""

    code = "folder-in-use"
    kind = Kind.CONFLICT


class FolderRefused(TelesphorError):
    """The folder cannot be used for a node."""

    code = "folder-refused"
    kind = Kind.INVALID


class PassphraseMissing(TelesphorError):
    """No passphrase was given."""

    code = "passphrase-missing"
    kind = Kind.INVALID


@dataclass(frozen=True)
class NodeFolder:
    """Where each file of a node is."""

    path: Path

    @property
    def settings(self) -> Path:
        return self.path / SETTINGS_FILE

    @property
    def lock(self) -> Path:
        return self.path / "node.lock"

    @property
    def address(self) -> Path:
        """Where a serving node says how to reach it."""
        return self.path / "node.address"

    @property
    def node_key(self) -> Path:
        return self.path / "keys" / "node.key"

    @property
    def root_key(self) -> Path:
        return self.path / "keys" / "root.key"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.sqlite"

    @property
    def vault_db(self) -> Path:
        return self.path / "vault.sqlite"

    @property
    def people_db(self) -> Path:
        """The directory: names of people, each sealed to the node's key; made where it is missing."""
        return self.path / "people.sqlite"

    @property
    def published(self) -> Path:
        return self.path / "published.sqlite"

    @property
    def log_card(self) -> Path:
        """The ledger's signed card, to hand to whoever judges levels."""
        return self.path / "log.card.json"

    @property
    def witness_card(self) -> Path:
        """The node's signed card as a witness of others."""
        return self.path / "witness.card.json"

    @property
    def witness_memory(self) -> Path:
        """What the node has cosigned; without it, it must never cosign again under the same keys."""
        return self.path / "witness.sqlite"

    @property
    def mirror_memory(self) -> Path:
        """How far the entries of cosigned ledgers are validated; made again from them when it is lost."""
        return self.path / "mirror.sqlite"

    @property
    def log_vkeys(self) -> Path:
        """The log's public keys as text, to hand to verifiers."""
        return self.path / "log.vkeys"

    def public_url(self, settings: Settings) -> str:
        return settings.public_url or str(self.path / "public")

    def vault_url(self, settings: Settings) -> str:
        return settings.vault_url or str(self.path / "vault")

    def create(self) -> None:
        """Make the folders of a new node; refuses a folder that holds anything."""
        try:
            if self.path.exists() and any(self.path.iterdir()):
                raise FolderRefused(
                    f"`{self.path}` is not empty", hint="name a folder that does not exist yet"
                )
            for folder in (self.path, self.path / "keys", self.path / "public", self.path / "vault"):
                folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise FolderRefused(f"`{self.path}` cannot be written", hint="check its permissions") from error


class FolderLock:
    """Holds a node's folder for this process until `release`."""

    def __init__(self, folder: NodeFolder) -> None:
        try:
            self._file = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError as error:
            raise FolderRefused(f"`{folder.path}` cannot be written", hint="check its permissions") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise FolderInUse(
                f"another process has the node in `{folder.path}` open",
                hint="stop it, or talk to it over HTTP with `--url`",
            ) from error

    def release(self) -> None:
        """Let others open the folder."""
        os.close(self._file)


@dataclass(frozen=True)
class NodeKeys:
    """The node's own secrets."""

    node_id: ActorId
    log: LogSigner
    cosigner: Cosigner
    """The keys by which it witnesses the ledgers of others; never its own log's."""
    signing: SigningKey = field(repr=False)
    recipient: RecipientKey = field(repr=False)


@dataclass(frozen=True)
class RootKeys:
    """The root that certifies the node; needed at `init` and when the node's keys change."""

    root_id: ActorId
    signing: SigningKey = field(repr=False)


def save_node_keys(path: Path, keys: NodeKeys, *, passphrase: bytes) -> None:
    """Seal the node's secrets into `path`."""
    secret = {
        "node_id": keys.node_id,
        "origin": keys.log.origin,
        "log": [base64url.encode(keys.log.ed25519_seed), base64url.encode(keys.log.mldsa44_seed)],
        "cosigner": [
            base64url.encode(keys.cosigner.ed25519_seed),
            base64url.encode(keys.cosigner.mldsa44_seed),
        ],
        "signing": _seeds(keys.signing),
        "recipient": base64url.encode(keys.recipient.seed),
    }
    write_private(path, seal_keyfile(secret, passphrase=passphrase))


_SECRETS: Final = frozenset({"node_id", "origin", "log", "cosigner", "signing", "recipient"})


def load_node_keys(path: Path, *, passphrase: bytes) -> NodeKeys:
    """Open the node's secrets; raises `WrongPassphrase`, `KeyfileRefused`, `FolderRefused`."""
    secret = open_keyfile(_read(path), passphrase=passphrase)
    if missing := sorted(_SECRETS - secret.keys()):
        raise KeyfileRefused(
            f"the node's keys lack `{missing[0]}`",
            hint="they were made before the first release; such a folder is read by its own version alone",
        )
    origin = secret["origin"]
    return NodeKeys(
        node_id=ActorId(secret["node_id"]),
        log=LogSigner(origin, *(base64url.decode(seed) for seed in secret["log"])),
        cosigner=Cosigner(witness_name(origin), *(base64url.decode(seed) for seed in secret["cosigner"])),
        signing=SigningKey(HybridSuite.ACTOR, *(base64url.decode(seed) for seed in secret["signing"])),
        recipient=RecipientKey(base64url.decode(secret["recipient"])),
    )


def witness_name(origin: str) -> str:
    """The name under which the node of `origin` cosigns the ledgers of others."""
    return f"{origin}/witness"


def save_root_keys(path: Path, keys: RootKeys, *, passphrase: bytes) -> None:
    """Seal the root's secrets into `path`."""
    secret = {"root_id": keys.root_id, "signing": _seeds(keys.signing)}
    write_private(path, seal_keyfile(secret, passphrase=passphrase))


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read; never overwrites."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    except FileExistsError as error:
        raise FolderRefused(f"`{path}` exists already", hint="name another file") from error
    except OSError as error:
        raise FolderRefused(f"`{path}` cannot be written") from error
    with os.fdopen(file, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def read_passphrase(settings: Settings, *, ask: bool = False) -> bytes:
    """The passphrase from the settings or their file, or asked for on a terminal.

    Raises:
        PassphraseMissing: it is in neither, and there is no one to ask.
    """
    if settings.passphrase is not None:
        return settings.passphrase.get_secret_value().encode()
    if settings.passphrase_file is not None:
        return read_passphrase_file(settings.passphrase_file)
    if ask and sys.stdin.isatty():
        from getpass import getpass

        return getpass("passphrase of the node's keys: ").encode()
    raise PassphraseMissing(
        "the passphrase of the node's keys is not known",
        hint="set TELESPHOR_PASSPHRASE_FILE to a file that holds it",
    )


def read_passphrase_file(path: Path) -> bytes:
    """What a file holds, without white space around it; raises `FolderRefused`."""
    return _read(path).strip()


def _seeds(key: SigningKey) -> list[str]:
    return [base64url.encode(key.ed25519_seed), base64url.encode(key.mldsa_seed)]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(KEYFILE_BYTES_MAX + 1)
    except OSError as error:
        raise FolderRefused(f"`{path}` cannot be read", hint="check the path and its permissions") from error
