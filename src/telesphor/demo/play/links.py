"""Links for people of the play: made by the clinic, each used once. Start at `invite`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from telesphor.client.requests import Command
from telesphor.demo.play.cast import Link
from telesphor.kernel import base64url
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import IdSource

CODE_BYTES: Final = 32
LINK_MS: Final = 8 * 3_600_000
"""An afternoon; a demonstration that runs longer gives new ones."""


def invite(
    actor: str, *, groups: Sequence[str] = (), visit: str | None = None, clock: Clock, ids: IdSource
) -> tuple[Link, Command]:
    """A link for somebody who has no keys yet, and the command by which the clinic makes it.

    Args:
        actor: the id that the keys will have.
        groups: which they join with them.
    """
    code, invitation = ids.random_bytes(CODE_BYTES), ids.next()
    body = {
        "invitation": invitation,
        "actor": actor,
        "kind": "person",
        "code": digest_of(code),
        "expires_at": format_instant(clock.now_ms() + LINK_MS),
        "visit": visit,
        "groups": list(groups) or None,
    }
    link = Link(invitation, f"/join/{invitation}/{base64url.encode(code)}")
    return link, ("invitation.make/1", body)
