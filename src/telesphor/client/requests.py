"""Commands become signed bytes: requests, cards, and the request that begins a ledger.

Pure: the time, the nonce and the keys come in as arguments, and nothing is sent. What the bytes are
says `docs/spec/request.md`. Start at `sign_request`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.signing import SigningKey, sign_jws

REQUEST_FORMAT: Final = "telesphor-request/1"
CARD_FORMAT: Final = "telesphor-card/1"

Command = tuple[str, Mapping[str, object] | msgspec.Struct]
"""A command's type, such as `visit.open/1`, and its body."""


def sign_request(
    wallet: Wallet, *, node: str, commands: Sequence[Command], clock: Clock, ids: IdSource
) -> bytes:
    """Sign commands (1 to 1,000, all or nothing) for one node; returns a JWS as canonical JSON.

    Args:
        node: the node's origin.
        clock: gives the request its time; nodes take it for 300 seconds.
        ids: gives it its nonce.
    """
    return sign_commands(
        actor=wallet.actor, key=wallet.signing_key, node=node, commands=commands, clock=clock, ids=ids
    )


def sign_commands(
    *, actor: ActorId, key: SigningKey, node: str, commands: Sequence[Command], clock: Clock, ids: IdSource
) -> bytes:
    """The same for a bare key, such as the root's, which has no wallet."""
    payload = {
        "v": 1,
        "format": REQUEST_FORMAT,
        "node": node,
        "actor": actor,
        "keys": list(key.public.thumbprints()),
        "at": format_instant(clock.now_ms()),
        "nonce": ids.nonce(),
        "commands": [{"type": name, "body": msgspec.to_builtins(body)} for name, body in commands],
    }
    return sign_jws(payload, key)


def make_card(wallet: Wallet, *, node: str) -> dict[str, Any]:
    """The wallet's card for one node: its own signature over its id, kind and public keys."""
    key = wallet.signing_key
    claims = {
        "format": CARD_FORMAT,
        "id": wallet.actor,
        "kind": wallet.kind,
        "keys": list(key.public.thumbprints()),
        "jwks": key.public.jwks(),
        "kem": wallet.kem_text,
        "node": node,
    }
    card: dict[str, Any] = msgspec.json.decode(sign_jws(claims, key))
    return card


def register_command(wallet: Wallet, *, node: str) -> Command:
    """The command that registers the wallet's actor; an organisation or the node sends it."""
    return "actor.register/1", {"id": wallet.actor, "kind": wallet.kind, **_keys_and_card(wallet, node)}


def rotate_command(renewed: Wallet, *, node: str) -> Command:
    """The command that replaces an actor's keys by those of `renewed`; the old wallet sends it."""
    return "actor.rotate-key/1", _keys_and_card(renewed, node)


def sign_genesis(
    *,
    root: ActorId,
    root_key: SigningKey,
    node: Wallet,
    origin: str,
    log_vkeys: tuple[str, str],
    clock: Clock,
    ids: IdSource,
) -> bytes:
    """The request of a ledger's first entry, signed by the root.

    Args:
        log_vkeys: the Ed25519 and ML-DSA-44 keys of the log's checkpoints, as vkey text.
    """
    body = {
        "origin": origin,
        "root": {"id": root, "keys": root_key.public.jwks()},
        "node": {"id": node.actor, "keys": node.signing_key.public.jwks(), "kem": node.kem_text},
        "log": list(log_vkeys),
    }
    command = ("node.create/1", body)
    return sign_commands(actor=root, key=root_key, node=origin, commands=[command], clock=clock, ids=ids)


def _keys_and_card(wallet: Wallet, node: str) -> dict[str, Any]:
    card = make_card(wallet, node=node)
    return {"keys": wallet.signing_key.public.jwks(), "kem": wallet.kem_text, "card": card}
