"""An actor's own keys: the signing pair and the KEM key, and the file that keeps them.

The file is a key file of the kernel (Argon2id and AES-256-GCM under a passphrase), readable by its
owner only, and replaced as a whole or not at all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from telesphor.kernel import base64url
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, IdSource, parse_id
from telesphor.kernel.keyfile import ARGON2ID, KEYFILE_BYTES_MAX, Argon2idParams, open_keyfile, seal_keyfile
from telesphor.kernel.sealing import RecipientKey
from telesphor.kernel.signing import HybridSuite, SigningKey

FORMAT: Final = "telesphor-wallet/1"
_MEMBERS: Final = {"format", "actor", "kind", "ed25519", "mldsa", "kem"}


class WalletRefused(TelesphorError):
    """The file is a key file, but not a wallet, or it cannot be read or written."""

    code = "wallet-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Wallet:
    """One actor: its id, its kind, and both of its private keys.

    Attributes:
        actor: UUIDv7 under which the actor is registered.
        kind: `person`, `system`, `device`, `organisation` or `node`.
        signing_key: Ed25519 with ML-DSA-65.
        kem_key: X-Wing; what is sealed to the actor opens with it.
    """

    actor: ActorId
    kind: str
    signing_key: SigningKey = field(repr=False)
    kem_key: RecipientKey = field(repr=False)

    @staticmethod
    def create(*, kind: str, ids: IdSource) -> Wallet:
        """A new actor with fresh keys, not registered anywhere yet."""
        return Wallet(
            ActorId(ids.next()), kind, SigningKey.generate(HybridSuite.ACTOR), RecipientKey.generate()
        )

    def renew(self) -> Wallet:
        """The same actor with fresh keys, for a rotation; the old wallet signs it."""
        return Wallet(self.actor, self.kind, SigningKey.generate(HybridSuite.ACTOR), RecipientKey.generate())

    @property
    def kem_text(self) -> str:
        """The KEM public key as commands carry it: base64url."""
        return base64url.encode(self.kem_key.public.public_bytes)


def save_wallet(wallet: Wallet, path: Path, *, passphrase: bytes, params: Argon2idParams = ARGON2ID) -> None:
    """Write the wallet's key file: durable, whole, and for its owner's eyes only.

    Raises:
        WalletRefused: the folder or the file cannot be written.
    """
    secret = {
        "format": FORMAT,
        "actor": wallet.actor,
        "kind": wallet.kind,
        "ed25519": base64url.encode(wallet.signing_key.ed25519_seed),
        "mldsa": base64url.encode(wallet.signing_key.mldsa_seed),
        "kem": base64url.encode(wallet.kem_key.seed),
    }
    write_whole(path, seal_keyfile(secret, passphrase=passphrase, params=params))


def load_wallet(path: Path, *, passphrase: bytes) -> Wallet:
    """Read a wallet's key file.

    Raises:
        WalletRefused: there is none, or it holds something else.
        KeyfileRefused, WrongPassphrase: as `kernel.keyfile` says.
    """
    return _read_secret(open_keyfile(read_keyfile(path), passphrase=passphrase))


def read_keyfile(path: Path) -> bytes:
    """The bytes of a key file, no more than one can have; raises `WalletRefused`."""
    try:
        with path.open("rb") as file:
            return file.read(KEYFILE_BYTES_MAX + 1)
    except OSError as error:
        raise WalletRefused(f"`{path.name}` cannot be read", detail=type(error).__name__) from error


def _read_secret(secret: dict[str, Any]) -> Wallet:
    if set(secret) != _MEMBERS or secret["format"] != FORMAT:
        raise WalletRefused(f"the key file is not of the format `{FORMAT}`")
    if not all(isinstance(value, str) for value in secret.values()):
        raise WalletRefused("the wallet has a member that is not text")
    key = SigningKey(
        HybridSuite.ACTOR, base64url.decode(secret["ed25519"]), base64url.decode(secret["mldsa"])
    )
    actor = ActorId(parse_id(secret["actor"]))
    return Wallet(actor, secret["kind"], key, RecipientKey(base64url.decode(secret["kem"])))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file durably, whole and for its owner's eyes only, or not at all; raises `WalletRefused`."""
    part = path.with_name(path.name + ".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise WalletRefused(f"`{path.name}` cannot be written", detail=type(error).__name__) from error
