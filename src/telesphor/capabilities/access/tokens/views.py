"""What an actor is shown of tokens: those it has to do with, one's terms, one's history; each leaves an entry.

A token is shown to its holder and its recipient, to whom it is offered, and to everybody who granted it or one above
it, so that a patient sees where a grant went. To all others it does not exist.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.capabilities.access.model import ACCESS_STREAM
from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.entries import (
    TOKEN_SHOWN,
    TOKENS_LISTED,
    TokenShown,
    TokensListed,
)
from telesphor.capabilities.access.tokens.model import (
    PAGE_ROWS_MAX,
    AnyIdField,
    Recipient,
    TokenIdField,
    TokenRow,
)
from telesphor.capabilities.access.tokens.policies import terms_of
from telesphor.capabilities.access.tokens.refusals import TokenMissing
from telesphor.capabilities.access.tokens.standing import chain_of, standing_of
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State


class ListTokens(Body, frozen=True, kw_only=True):
    """Ask for a page of tokens, by id from behind `after`: held (by groups too), granted by the actor, or offered."""

    which: Literal["held", "granted", "offered"]
    after: Annotated[str, Meta(pattern=r"^(|[0-9a-f-]{36})\Z", max_length=36)] = ""


class ShowToken(Body, frozen=True, kw_only=True):
    """Ask for a token's terms."""

    token: TokenIdField


class TokenHistory(Body, frozen=True, kw_only=True):
    """Ask for what happened to a token, from behind the number `after`."""

    token: TokenIdField
    after: Annotated[int, Meta(ge=-1, le=2**53 - 1)] = -1


class TokenLine(msgspec.Struct, frozen=True, kw_only=True):
    """A token in a list; `standing` is where it is in its life, now."""

    token: str
    standing: str
    grantor: str
    recipient: Recipient
    holder: str | None
    offered_to: str | None
    dataset: str | None
    role: str | None
    actions: tuple[str, ...]
    purposes: tuple[str, ...]
    not_before: str
    not_after: str


class TokenPage(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `token.list/1`; `after` asks for the next page, and is empty on the last."""

    tokens: tuple[TokenLine, ...]
    after: str


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `token.show/1`.

    Attributes:
        members: what it covers.
        required_factors, rules: its conditions; None where their document was forgotten.
        chain: the tokens above it, the nearest first.
        children: tokens that were delegated from it, newest first, at most a page.
    """

    line: TokenLine
    members: tuple[str, ...]
    revocable: bool
    transferable: bool
    delegation_depth: int
    policy_hash: str
    required_factors: tuple[str, ...] | None
    rules: tuple[str, ...] | None
    chain: tuple[str, ...]
    children: tuple[str, ...]


class TokenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a token's stream: its number and instant, its type, who made it, and whom it names."""

    n: int
    at: str
    type: str
    actor: AnyIdField
    other: str | None


class TokenEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `token.history/1`; `after` asks for the next page, and is None on the last."""

    token: str
    events: tuple[TokenEvent, ...]
    after: int | None


def list_tokens(actor: Actor, command: ListTokens, state: State) -> Decision:
    """Show a page of tokens that the actor has to do with, and note it."""
    actors: list[str] = [actor.id]
    if command.which == "held":
        actors += [group.group for group in store.groups_of(state.db, actor.id)]
    rows = store.tokens_of(
        state.db, which=command.which, actors=actors, after=command.after, count_max=PAGE_ROWS_MAX
    )
    page = TokenPage(
        tokens=tuple(_line(row, state) for row in rows),
        after=rows[-1].token if len(rows) == PAGE_ROWS_MAX else "",
    )
    body = TokensListed(which=command.which, count=len(rows))
    return Decision((Draft(TOKENS_LISTED.name, stream_of(ACCESS_STREAM, actor.id), body),), page)


def show_token(actor: Actor, command: ShowToken, state: State) -> Decision:
    """Show a token's terms, and note it; raises `TokenMissing` for whoever has nothing to do with it."""
    row = _own_token(actor, command.token, state)
    terms = terms_of(state, row)
    refs = (
        frozenset() if row.dataset is None else store.members_of(state.db, row.dataset, version=row.version)
    )
    view = TokenView(
        line=_line(row, state),
        members=tuple(sorted(refs)),
        revocable=row.revocable,
        transferable=row.transferable,
        delegation_depth=row.delegation_depth,
        policy_hash=row.terms,
        required_factors=None if terms is None else terms.required_factors,
        rules=None if terms is None else terms.rules,
        chain=tuple(link.token for link in chain_of(state, row)[1:]),
        children=tuple(store.children_of(state.db, row.token, count_max=PAGE_ROWS_MAX)),
    )
    return Decision((_shown(actor, row, "terms"),), view)


def token_history(actor: Actor, command: TokenHistory, state: State) -> Decision:
    """Show a page of a token's history, and note it; raises as `show_token`."""
    row = _own_token(actor, command.token, state)
    rows = store.history_of(state.db, row.token, after=command.after, count_max=PAGE_ROWS_MAX)
    events = tuple(
        TokenEvent(n=n, at=at, type=type, actor=by, other=other) for n, at, type, by, other in rows
    )
    after = events[-1].n if len(events) == PAGE_ROWS_MAX else None
    view = TokenEvents(token=row.token, events=events, after=after)
    return Decision((_shown(actor, row, "history"),), view)


def _own_token(actor: Actor, token: str, state: State) -> TokenRow:
    row = store.find_token(state.db, token)
    if row is None or not _has_to_do_with(actor, row, state):
        raise TokenMissing(f"there is no token `{token}` that the actor has to do with")
    return row


def _has_to_do_with(actor: Actor, row: TokenRow, state: State) -> bool:
    if actor.id in (row.holder, row.recipient, row.offered_to):
        return True
    if any(link.grantor == actor.id for link in chain_of(state, row)):
        return True
    if not row.to_group:
        return False
    group = store.find_group(state.db, row.recipient)
    keeps = group is not None and group.keeper == actor.id
    return keeps or store.is_member(state.db, group=row.recipient, actor=actor.id)


def _shown(actor: Actor, row: TokenRow, what: Literal["terms", "history"]) -> Draft:
    body = TokenShown(token=row.token, what=what)
    return Draft(TOKEN_SHOWN.name, stream_of(ACCESS_STREAM, actor.id), body)


def _line(row: TokenRow, state: State) -> TokenLine:
    return TokenLine(
        token=row.token,
        standing=standing_of(state, row).value,
        grantor=row.grantor,
        recipient=Recipient(kind="group" if row.to_group else "actor", id=row.recipient),
        holder=row.holder,
        offered_to=row.offered_to,
        dataset=row.dataset,
        role=row.role,
        actions=tuple(sorted(row.actions)),
        purposes=tuple(sorted(row.purposes)),
        not_before=row.not_before,
        not_after=row.not_after,
    )
