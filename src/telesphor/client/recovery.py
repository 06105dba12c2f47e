"""What actors ask about lost keys: guardians, reports, recoveries; and the recovery pair with its sealed file.

Pure but for the file, as `requests` is. The recovery pair belongs on paper or a stick in a safe, not beside the
wallet: whoever has it and time gets the actor's keys replaced. Start at the commands; what they mean is said by
`docs/spec/actors.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from telesphor.client.requests import Command, make_card
from telesphor.client.wallet import Wallet, WalletRefused, read_keyfile, write_whole
from telesphor.kernel import base64url
from telesphor.kernel.ids import ActorId, parse_id
from telesphor.kernel.keyfile import ARGON2ID, Argon2idParams, open_keyfile, seal_keyfile
from telesphor.kernel.signing import HybridSuite, SigningKey, VerifyKey, sign_jws

FORMAT: Final = "telesphor-recovery-key/1"
STATEMENT_FORMAT: Final = "telesphor-recovery/1"
_MEMBERS: Final = {"format", "actor", "ed25519", "mldsa"}


@dataclass(frozen=True)
class RecoveryKey:
    """The pair whose statement recovers one actor."""

    actor: ActorId
    key: SigningKey = field(repr=False)

    @staticmethod
    def create(actor: ActorId) -> RecoveryKey:
        """A fresh pair for this actor; name it by `set_recovery_command`."""
        return RecoveryKey(actor, SigningKey.generate(HybridSuite.ACTOR))


def set_recovery_command(
    *, guardians: Sequence[str], threshold: int, wait_seconds: int, recovery: VerifyKey | None = None
) -> Command:
    """The command by which an actor says how it is to be recovered, in place of what it said before."""
    body = {
        "guardians": list(guardians),
        "threshold": threshold,
        "recovery": None if recovery is None else recovery.jwks(),
        "wait_seconds": wait_seconds,
    }
    return "actor.set-recovery/1", body


def report_lost_command(actor: str, *, reason: str) -> Command:
    """The command that suspends an actor: its keys are `lost`, `stolen` or `disclosed`."""
    return "actor.report-lost/1", {"id": actor, "reason": reason}


def begin_recovery_command(
    actor: str, *, offer: dict[str, Any], statement: dict[str, Any] | None = None
) -> Command:
    """The command that begins a recovery to the keys of an offer, as a guardian or with a statement."""
    return "actor.begin-recovery/1", {"id": actor, **offer, "statement": statement}


def approve_recovery_command(actor: str, *, keys: Sequence[str]) -> Command:
    """The command by which another guardian approves the pair with these two thumbprints."""
    return "actor.approve-recovery/1", {"id": actor, "keys": list(keys)}


def cancel_recovery_command() -> Command:
    """The command by which an actor stops what it did not want."""
    return "actor.cancel-recovery/1", {}


def recover_command(actor: str, *, keys: Sequence[str]) -> Command:
    """The command that finishes a recovery to the pair with these two thumbprints."""
    return "actor.recover/1", {"id": actor, "keys": list(keys)}


def make_offer(renewed: Wallet, *, node: str) -> dict[str, Any]:
    """The public half of an actor's new keys with their card: what the actor hands to its guardians."""
    return {
        "keys": renewed.signing_key.public.jwks(),
        "kem": renewed.kem_text,
        "card": make_card(renewed, node=node),
    }


def make_statement(recovery: RecoveryKey, *, offer: dict[str, Any], node: str) -> dict[str, Any]:
    """The recovery pair's word that its actor shall have the keys of this offer at this node."""
    claims = {
        "format": STATEMENT_FORMAT,
        "id": recovery.actor,
        "keys": list(recovery.key.public.thumbprints()),
        "jwks": recovery.key.public.jwks(),
        "new": list(VerifyKey.from_jwks(offer["keys"]).thumbprints()),
        "kem": offer["kem"],
        "node": node,
    }
    statement: dict[str, Any] = msgspec.json.decode(sign_jws(claims, recovery.key))
    return statement


def save_recovery_key(
    recovery: RecoveryKey, path: Path, *, passphrase: bytes, params: Argon2idParams = ARGON2ID
) -> None:
    """Write the recovery pair's key file, as `save_wallet` writes a wallet's; raises `WalletRefused`."""
    secret = {
        "format": FORMAT,
        "actor": recovery.actor,
        "ed25519": base64url.encode(recovery.key.ed25519_seed),
        "mldsa": base64url.encode(recovery.key.mldsa_seed),
    }
    write_whole(path, seal_keyfile(secret, passphrase=passphrase, params=params))


def load_recovery_key(path: Path, *, passphrase: bytes) -> RecoveryKey:
    """Read a recovery pair's key file.

    Raises:
        WalletRefused: there is none, or it holds something else.
        KeyfileRefused, WrongPassphrase: as `kernel.keyfile` says.
    """
    secret = open_keyfile(read_keyfile(path), passphrase=passphrase)
    if set(secret) != _MEMBERS or secret["format"] != FORMAT:
        raise WalletRefused(f"the key file is not of the format `{FORMAT}`")
    if not all(isinstance(value, str) for value in secret.values()):
        raise WalletRefused("the recovery key has a member that is not text")
    seeds = base64url.decode(secret["ed25519"]), base64url.decode(secret["mldsa"])
    return RecoveryKey(ActorId(parse_id(secret["actor"])), SigningKey(HybridSuite.ACTOR, *seeds))
