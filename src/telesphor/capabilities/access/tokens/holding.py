"""What becomes of a token once it exists: accepted, passed on, revoked, renounced.

Start at `accept_token`; minting and delegating are in `service`.
"""

from __future__ import annotations

from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.checks import (
    check_can_hold,
    check_cycle,
    check_device_of,
    check_not_ended,
    find_token,
    held_by,
    keeper_of,
)
from telesphor.capabilities.access.tokens.entries import (
    TOKEN_ACCEPTED,
    TOKEN_OFFERED,
    TOKEN_RENOUNCED,
    TOKEN_REVOKED,
    TOKEN_TRANSFERRED,
    TokenAccepted,
    TokenOffered,
    TokenRenounced,
    TokenRevoked,
    TokenTransferred,
)
from telesphor.capabilities.access.tokens.model import (
    ROLES_PER_ACTOR_MAX,
    TOKENS_STREAM,
    TokenIdField,
    TokenRow,
)
from telesphor.capabilities.access.tokens.refusals import (
    NothingOffered,
    NotRevocable,
    NotTheGrantor,
    NotTheHolder,
    NotTheRecipient,
    NotTransferable,
    RecipientRefused,
    TokenEnded,
)
from telesphor.capabilities.access.tokens.standing import chain_of
from telesphor.capabilities.identity.model import ActorIdField, ActorKind
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import ActorId, stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, EntryType, State


class AcceptToken(Body, frozen=True, kw_only=True):
    """Accept a token that was granted or offered to the actor, or to a group that it keeps."""

    token: TokenIdField


class TransferToken(Body, frozen=True, kw_only=True):
    """Offer a token that one holds to somebody else, instead of whom it was offered to before."""

    token: TokenIdField
    to: ActorIdField


class RevokeToken(Body, frozen=True, kw_only=True):
    """End a token; asked by whoever granted it, or one above it, or by the node."""

    token: TokenIdField


class RenounceToken(Body, frozen=True, kw_only=True):
    """Give a token up, or do not want it; asked by its holder or recipient."""

    token: TokenIdField


def accept_token(actor: Actor, command: AcceptToken, state: State) -> Decision:
    """Take a token, from its grantor or from its last holder.

    Raises:
        TokenMissing, TokenEnded, NotTheRecipient, NothingOffered.
        DeviceHeld: somebody else holds the device in that time.
        RecipientRefused: the actor holds as many roles as it may.
    """
    row = find_token(command.token, state)
    kind, body = _acceptance(actor, row, state)
    check_not_ended(row, state)
    check_device_of(row, state)
    if row.role is not None:
        _check_roles(actor, state)
    return _said(kind, row, body)


def transfer_token(actor: Actor, command: TransferToken, state: State) -> Decision:
    """Offer a token to somebody else, who has it once it accepts.

    Raises:
        TokenMissing, TokenEnded, NotTheHolder, NotTransferable, RecipientRefused, DelegationCycle,
        ActorMissing, ActorRetired.
    """
    row = held_by(actor, command.token, state)
    if not row.transferable:
        raise NotTransferable("the token stays with its holder")
    if command.to == actor.id:
        raise RecipientRefused("the actor holds the token already")
    check_cycle(command.to, row, state)
    check_can_hold(command.to, state)
    return _said(TOKEN_OFFERED, row, TokenOffered(to=command.to))


def revoke_token(actor: Actor, command: RevokeToken, state: State) -> Decision:
    """End a token, and at once all that were delegated from it.

    Raises:
        TokenMissing, NotTheGrantor, NotRevocable.
        TokenEnded: there is nothing left to end.
    """
    row = find_token(command.token, state)
    grantors = {link.grantor for link in chain_of(state, row)}
    if actor.id not in grantors and actor.kind != ActorKind.NODE:
        raise NotTheGrantor("the actor granted neither the token nor one above it")
    if not row.revocable:
        raise NotRevocable("the token was granted until it ends, for good")
    check_not_ended(row, state)
    return _said(TOKEN_REVOKED, row, TokenRevoked())


def renounce_token(actor: Actor, command: RenounceToken, state: State) -> Decision:
    """Give a token up; raises `TokenMissing`, `NotTheHolder`, `TokenEnded`."""
    row = find_token(command.token, state)
    if actor.id != keeper_of(row, state):
        raise NotTheHolder("somebody else holds the token, or may accept it")
    check_not_ended(row, state)
    return _said(TOKEN_RENOUNCED, row, TokenRenounced())


def _acceptance(actor: Actor, row: TokenRow, state: State) -> tuple[EntryType, Body]:
    if row.state == "offered":
        if actor.id != keeper_of(row, state):
            raise NotTheRecipient("the token was offered to somebody else")
        return TOKEN_ACCEPTED, TokenAccepted(holder=row.recipient)
    if row.state != "held":
        raise TokenEnded(f"the token has ended (`{row.state}`)")
    if row.offered_to != actor.id:
        raise NothingOffered("the token is not offered to the actor")
    assert row.holder is not None, "a held token has a holder"
    return TOKEN_TRANSFERRED, TokenTransferred(before=ActorId(row.holder), holder=actor.id)


def _check_roles(actor: Actor, state: State) -> None:
    held = store.count_roles(state.db, actor.id, now=format_instant(state.now_ms))
    if held >= ROLES_PER_ACTOR_MAX:
        raise RecipientRefused(f"an actor holds at most `{ROLES_PER_ACTOR_MAX}` roles by tokens")


def _said(kind: EntryType, row: TokenRow, body: Body) -> Decision:
    return Decision((Draft(kind.name, stream_of(TOKENS_STREAM, row.token), body),))
