"""The passkeys that somebody has, for its own eyes: to see which there are, and to remove one that is lost.

Start at `list_passkeys`.
"""

from __future__ import annotations

import msgspec

from telesphor.capabilities.identity.passkeys import service
from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import State


class KnownPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that counts.

    Attributes:
        credential: its id in base64url, by which `passkey.remove/1` names it.
        transports: how a browser reaches it (WebAuthn, AuthenticatorTransport): `internal`, `usb`, `hybrid` and others.
        added_at: RFC 3339.
        used_at: when its person last signed in with it; None when it never did.
    """

    credential: str
    transports: tuple[str, ...]
    added_at: str
    used_at: str | None


class PasskeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All of somebody's passkeys, oldest first."""

    passkeys: tuple[KnownPasskey, ...]


def list_passkeys(state: State, actor_id: str) -> PasskeyList:
    """Return the passkeys of this actor that count, but those whose document was forgotten: they can answer nothing."""
    found = ((row, service.document_of_passkey(row, state)) for row in service.passkeys_of(actor_id, state))
    return PasskeyList(
        passkeys=tuple(
            KnownPasskey(
                credential=document.credential,
                transports=document.transports,
                added_at=format_instant(row.registered_ms),
                used_at=None if row.signed_ms is None else format_instant(row.signed_ms),
            )
            for row, document in found
            if document is not None
        )
    )
