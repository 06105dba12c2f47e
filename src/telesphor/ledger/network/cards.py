"""The node's own cards: one for its log, one for the keys with which it cosigns others.

A card is kept as a file, so that others who were handed it find the same one again. It is signed anew when the
settings say something else, and a month before it expires. Start at `own_card`.
"""

from __future__ import annotations

import os
from pathlib import Path

from telesphor.kernel.card import CARD_BYTES_MAX, Card, Role, read_card, sign_card
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import Clock, format_instant, parse_instant
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.checkpoints import PublishedCheckpoint
from telesphor.runtime.folder import FolderRefused, NodeFolder
from telesphor.runtime.network import NetworkSettings

DAY_MS = 24 * 3600 * 1000

CARD_DAYS = 365
"""A year: what changes less often than this is not looked after at all."""

RENEW_DAYS = 30
"""So long before it expires a card is replaced: those who hold the old one have a month to fetch the new."""


def own_card(
    file: Path,
    *,
    role: Role,
    key: Cosigner | LogSigner,
    settings: NetworkSettings,
    clock: Clock,
    since_ms: int | None = None,
) -> bytes:
    """The signed card in `file`, made or renewed where that is due.

    Args:
        since_ms: when a card that is made now begins to be in force; now, if nothing is said.

    Raises:
        FolderRefused: it cannot be written.
    """
    now_ms = clock.now_ms()
    wanted = Card(
        role=role,
        name=key.name if isinstance(key, Cosigner) else key.origin,
        organisation=settings.organisation,
        region=settings.region,
        cloud=settings.cloud,
        operator=settings.operator,
        vkeys=key.vkeys(),
        issued_at=format_instant(now_ms if since_ms is None else min(since_ms, now_ms)),
        expires_at=format_instant(now_ms + CARD_DAYS * DAY_MS),
    )
    kept = _read(file)
    if kept is not None and _still_good(kept[1], wanted, now_ms=now_ms):
        return kept[0]
    data = sign_card(wanted, key)
    _replace(file, data)
    return data


def own_log_card(
    folder: NodeFolder,
    *,
    key: LogSigner,
    settings: NetworkSettings,
    newest: PublishedCheckpoint | None,
    clock: Clock,
) -> bytes:
    """The signed card of the node's ledger; raises `FolderRefused`.

    The first one is in force from the newest checkpoint on, so that a ledger that rests can be cosigned too.
    """
    since_ms = newest.at_ms if newest is not None and not folder.log_card.exists() else None
    return own_card(
        folder.log_card, role=Role.LOG, key=key, settings=settings, clock=clock, since_ms=since_ms
    )


def _still_good(card: Card, wanted: Card, *, now_ms: int) -> bool:
    same = all(getattr(card, name) == getattr(wanted, name) for name in _SAID)
    # One of the future was made under a wrong clock, and speaks for nothing until then.
    begun = parse_instant(card.issued_at) <= now_ms
    return same and begun and parse_instant(card.expires_at) - now_ms > RENEW_DAYS * DAY_MS


_SAID = ("role", "name", "organisation", "region", "cloud", "operator", "vkeys")


def _read(file: Path) -> tuple[bytes, Card] | None:
    try:
        with file.open("rb") as source:
            data = source.read(CARD_BYTES_MAX + 1)
        return data, read_card(data)
    except (OSError, TelesphorError):
        return None  # A card that cannot be read is made again: the keys say the same.


def _replace(file: Path, data: bytes) -> None:
    """In one step, so that whoever reads it meanwhile has the old card or the new one."""
    made = file.with_suffix(".new")
    try:
        with made.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        made.replace(file)
    except OSError as error:
        raise FolderRefused(f"`{file}` cannot be written", hint="check its permissions") from error
