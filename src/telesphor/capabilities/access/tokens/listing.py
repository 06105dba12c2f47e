"""An actor's own tokens for its own page: what it granted, holds or is offered, with what each covers.

It is told what it has to do with and nothing else; so no access is asked. Start at `own_tokens`; `roles_held` and
`role_groups` are for whoever administers.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.model import GroupRow, TokenRow
from telesphor.capabilities.access.tokens.standing import Standing, is_gone, standing_of
from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import State

WHICH = Literal["granted", "held", "offered"]


class OwnToken(NamedTuple):
    """A token with where it is in its life, now, what it covers, and who holds it.

    Attributes:
        things: `object/<id>`, `visit/<id>` or `device/<id>`, sorted.
        members: who belongs to the group that holds it, sorted; empty where it is held by one.
        delegated: how many tokens were delegated from it, at most `count_max`.
    """

    row: TokenRow
    standing: Standing
    things: tuple[str, ...]
    members: tuple[str, ...]
    delegated: int


def own_tokens(actor: str, *, which: WHICH, after: str, count_max: int, state: State) -> list[OwnToken]:
    """Return a page of an actor's tokens, by id from behind `after`."""
    actors = [actor]
    if which == "held":
        actors += [group.group for group in store.groups_of(state.db, actor)]
    rows = store.tokens_of(state.db, which=which, actors=actors, after=after, count_max=count_max)
    return [_own(row, count_max, state) for row in rows]


def tokens_on(ref: str, state: State, *, count_max: int) -> list[OwnToken]:
    """Return living tokens on one thing, `object/<id>` or `visit/<id>`, whoever granted and whoever holds them."""
    rows = store.tokens_for(state.db, ref=ref, now=format_instant(state.now_ms))
    found = [row for row in rows if standing_of(state, row) is Standing.LIVES]
    return [_own(row, count_max, state) for row in found[:count_max]]


def roles_held(state: State, *, count_max: int) -> list[str]:
    """Return the names of roles that somebody may have now, in order."""
    return store.roles_named(state.db, count_max=count_max)


def role_groups(state: State, *, count_max: int) -> list[tuple[GroupRow, list[str]]]:
    """Return the groups of roles that somebody keeps, by role, each with its members."""
    rows = store.role_groups(state.db, count_max=count_max)
    return [(row, store.members_of_group(state.db, row.group)) for row in rows if not is_gone(state, row)]


def _own(row: TokenRow, count_max: int, state: State) -> OwnToken:
    things = (
        frozenset() if row.dataset is None else store.members_of(state.db, row.dataset, version=row.version)
    )
    members = store.members_of_group(state.db, row.recipient) if row.to_group else []
    delegated = len(store.children_of(state.db, row.token, count_max=count_max))
    return OwnToken(row, standing_of(state, row), tuple(sorted(things)), tuple(members), delegated)
