"""Whether a token lives, and if not, why: from the tables of now, never from what was once decided.

A token lives from its acceptance and its first moment on, until it ends. It ends with its window; when it is
revoked or renounced; when its grantor or its holder retires; when its group is disbanded, or the group's keeper
retires; when its parent ends, or comes to another holder than the one who delegated. Each of these is final, so
that what has ended never lives again. Start at `standing_of`.
"""

from __future__ import annotations

from enum import StrEnum

from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.model import DEPTH_MAX, GroupRow, TokenRow
from telesphor.capabilities.identity.model import ActorMissing, ActorRetired, ActorSuspended
from telesphor.capabilities.identity.service import active_kind
from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import State


class Standing(StrEnum):
    """Where a token is in its life; the first three have not ended."""

    LIVES = "lives"
    OFFERED = "offered"
    NOT_BEGUN = "not-begun"
    EXPIRED = "expired"
    REVOKED = "revoked"
    RENOUNCED = "renounced"
    GRANTOR_RETIRED = "grantor-retired"
    HOLDER_RETIRED = "holder-retired"
    GROUP_GONE = "group-gone"
    PARENT_ENDED = "parent-ended"
    PARENT_PASSED_ON = "parent-passed-on"

    @property
    def has_ended(self) -> bool:
        return self not in (Standing.LIVES, Standing.OFFERED, Standing.NOT_BEGUN)


def standing_of(state: State, row: TokenRow) -> Standing:
    """Return where a token is in its life, now."""
    now = format_instant(state.now_ms)
    own = _own_standing(state, row, now)
    return own if own.has_ended else _ended_above(state, row, now) or own


def chain_of(state: State, row: TokenRow) -> list[TokenRow]:
    """The token and those above it, up to the one that was minted."""
    chain = [row]
    while chain[-1].parent is not None:
        parent = store.find_token(state.db, chain[-1].parent)
        assert parent is not None, "a delegation's parent was there before it"
        chain.append(parent)
        assert len(chain) <= DEPTH_MAX + 1, "depth falls with every delegation"
    return chain


def is_retired(state: State, actor_id: str) -> bool:
    """Whether an actor acts no more. One whose keys were reported lost may come back, and is not."""
    try:
        active_kind(state, actor_id)
    except ActorSuspended:
        return False
    except (ActorRetired, ActorMissing):
        return True
    return False


def is_gone(state: State, group: GroupRow | None) -> bool:
    """Whether a group is disbanded, or has nobody left who keeps it."""
    return group is None or group.state == "disbanded" or is_retired(state, group.keeper)


def _ended_above(state: State, row: TokenRow, now: str) -> Standing | None:
    for child, parent in zip(chain := chain_of(state, row), chain[1:], strict=False):
        if _own_standing(state, parent, now).has_ended:
            return Standing.PARENT_ENDED
        if child.parent_holding != parent.holding:
            return Standing.PARENT_PASSED_ON if child is row else Standing.PARENT_ENDED
    return None


def _own_standing(state: State, row: TokenRow, now: str) -> Standing:
    """Its own, whatever became of those above it."""
    if row.state == "revoked":
        return Standing.REVOKED
    if row.state == "renounced":
        return Standing.RENOUNCED
    if now >= row.not_after:
        return Standing.EXPIRED
    if is_retired(state, row.grantor):
        return Standing.GRANTOR_RETIRED
    owner = row.holder or row.recipient
    if row.to_group and is_gone(state, store.find_group(state.db, owner)):
        return Standing.GROUP_GONE
    if not row.to_group and is_retired(state, owner):
        return Standing.HOLDER_RETIRED
    if row.state == "offered":
        return Standing.OFFERED
    return Standing.NOT_BEGUN if now < row.not_before else Standing.LIVES
