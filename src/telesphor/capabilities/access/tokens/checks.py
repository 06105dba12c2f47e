"""What every command about a token is checked for, each with its own refusal; nothing here writes."""

from __future__ import annotations

from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.compile import check_rule
from telesphor.capabilities.access.tokens.covering import Covered
from telesphor.capabilities.access.tokens.model import Terms, TokenRow, check_terms
from telesphor.capabilities.access.tokens.refusals import (
    DelegationCycle,
    DeviceHeld,
    NotTheHolder,
    RecipientRefused,
    TermsRefused,
    TokenEnded,
    TokenExists,
    TokenMissing,
)
from telesphor.capabilities.access.tokens.standing import Standing, chain_of, is_gone, standing_of
from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.identity.service import active_kind
from telesphor.runtime.capability import Actor, State


def find_token(token: str, state: State) -> TokenRow:
    """Return a token, whatever has become of it; raises `TokenMissing`."""
    row = store.find_token(state.db, token)
    if row is None:
        raise TokenMissing(f"there is no token `{token}`")
    return row


def held_by(actor: Actor, token: str, state: State) -> TokenRow:
    """Return a living token that the actor itself holds; raises `TokenMissing`, `NotTheHolder`, `TokenEnded`."""
    row = find_token(token, state)
    if row.to_group or row.holder != actor.id:
        raise NotTheHolder("somebody else holds the token")
    standing = standing_of(state, row)
    if standing is not Standing.LIVES:
        raise TokenEnded(f"the token does not live now (`{standing}`)")
    return row


def keeper_of(row: TokenRow, state: State) -> str | None:
    """Return who acts for the token: its holder, or before that its recipient; of a group its keeper."""
    owner = row.holder or row.recipient
    if not row.to_group:
        return owner
    group = store.find_group(state.db, owner)
    return None if group is None else group.keeper


def check_not_ended(row: TokenRow, state: State) -> None:
    """Raise `TokenEnded` for a token that has."""
    standing = standing_of(state, row)
    if standing.has_ended:
        raise TokenEnded(f"the token has ended (`{standing}`)")


def check_new(token: str, terms: Terms, state: State) -> None:
    """Check the id and the terms of a new token; raises `TokenExists`, `TermsRefused`, `RuleRefused`."""
    if store.find_token(state.db, token) is not None:
        raise TokenExists(f"the id `{token}` was used for a token before", hint="make a new id")
    check_terms(terms, now_ms=state.now_ms)
    if terms.rule:
        check_rule(terms.rule, actions=terms.actions)


def check_recipient(actor: Actor, terms: Terms, state: State) -> None:
    """Check that the recipient can be given a token.

    Raises:
        RecipientRefused: it is the actor itself, the node, or a group that is no more.
        ActorMissing, ActorRetired: nobody acts under this id.
    """
    recipient = terms.recipient
    if recipient.kind == "group":
        if is_gone(state, store.find_group(state.db, recipient.id)):
            raise RecipientRefused(f"there is no group `{recipient.id}`, or nobody keeps it any more")
        return
    if recipient.id == actor.id:
        raise RecipientRefused("nobody grants to itself")
    check_can_hold(recipient.id, state)


def check_can_hold(actor_id: str, state: State) -> None:
    """Check that an actor acts, and is of a kind that holds tokens; raises as `check_recipient`."""
    if active_kind(state, actor_id) in (ActorKind.NODE, ActorKind.ROOT):
        raise RecipientRefused("the node and its root hold no tokens")


def check_cycle(recipient: str, parent: TokenRow, state: State) -> None:
    """Refuse to give a token, or a part of it, back to who granted it or one above it: `DelegationCycle`."""
    if recipient in {link.grantor for link in chain_of(state, parent)}:
        raise DelegationCycle("the token would come back to who granted it")


def check_device(covered: Covered, terms: Terms, state: State) -> None:
    """Check the terms of a token for a device, where it is one; raises `TermsRefused`, `DeviceHeld`."""
    if covered.dataset is None or not _holds_device(covered.refs):
        return
    if terms.recipient.kind == "group" or terms.delegation_depth:
        raise TermsRefused("a device has one holder", hint="grant it to one actor, without delegation")
    _check_free(covered.dataset.dataset, terms.not_before, terms.not_after, state)


def check_device_of(row: TokenRow, state: State) -> None:
    """Check that nobody else holds the device of a token that is accepted; raises `DeviceHeld`."""
    if row.dataset is None or row.state == "held":  # Passed on, it is held by one as before.
        return
    if _holds_device(store.members_of(state.db, row.dataset, version=row.version)):
        _check_free(row.dataset, row.not_before, row.not_after, state)


def _holds_device(refs: frozenset[str]) -> bool:
    return any(ref.startswith("device/") for ref in refs)


def _check_free(dataset: str, not_before: str, not_after: str, state: State) -> None:
    others = store.tokens_held_of(state.db, dataset=dataset, not_before=not_before, not_after=not_after)
    if any(not standing_of(state, other).has_ended for other in others):
        raise DeviceHeld("the device has a holder in that time", hint="wait, or have that token ended first")
