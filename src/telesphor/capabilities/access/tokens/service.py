"""The use cases that make tokens: mint and delegate. What becomes of them then is in `holding`.

Minting asks the rules of access whether the actor may grant each member for each purpose, and keeps those decisions
with the token. Delegating asks nobody: it hands on, in part, what was granted. Whatever a command about a token is
refused for stands on the ledger, as `token.refused/1`. Start at `TokenDesk`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from telesphor.capabilities.access.model import ACCESS_STREAM, Action, Ask, Resource, ResourceKind
from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.checks import (
    check_cycle,
    check_device,
    check_new,
    check_recipient,
    held_by,
)
from telesphor.capabilities.access.tokens.compile import Compilable, check_text, prepare_rule
from telesphor.capabilities.access.tokens.covering import Covered, covered_now, covered_within
from telesphor.capabilities.access.tokens.entries import (
    TOKEN_ACCEPTED,
    TOKEN_DELEGATED,
    TOKEN_MINTED,
    TOKEN_REFUSED,
    TokenAccepted,
    TokenCommandRefused,
    TokenMinted,
)
from telesphor.capabilities.access.tokens.model import (
    GRANT_ASKS_MAX,
    TOKENS_STREAM,
    Authorise,
    FactAsked,
    FindResource,
    Terms,
    TermsDocument,
    TokenIdField,
    TokenRow,
    check_narrower,
)
from telesphor.capabilities.access.tokens.policies import terms_of
from telesphor.capabilities.access.tokens.refusals import (
    CommandRefusedOnRecord,
    NotDelegable,
    TermsMissing,
    TermsRefused,
)
from telesphor.capabilities.identity.model import ActorKind, require_kind
from telesphor.capabilities.identity.service import node_of
from telesphor.capabilities.interchain.service import require_fact
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, stream_of
from telesphor.runtime.capability import Actor, Decision, Draft, RecordedRefusal, State

Decide = Callable[[Actor, Any, State], Decision]

_RECORDED_KINDS = (Kind.INVALID, Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.CONFLICT, Kind.GONE)
"""Refusals of what was asked; a full disk is none."""


class MintToken(Terms, frozen=True, kw_only=True):
    """Grant something under a fresh id; `fact` is what it rests on in another organisation's ledger."""

    token: TokenIdField
    fact: FactAsked | None = None


class DelegateToken(Terms, frozen=True, kw_only=True):
    """Hand on, in part, what a token that one holds allows; `token` is the fresh id of the new one."""

    token: TokenIdField
    parent: TokenIdField


def on_record(name: str, decide: Decide) -> Decide:
    """Have what `decide` refuses written down, under the same code; for commands that name a `token`."""

    def decide_on_record(actor: Actor, command: Any, state: State) -> Decision:
        try:
            return decide(actor, command, state)
        except RecordedRefusal:
            raise
        except TelesphorError as error:
            if error.kind not in _RECORDED_KINDS:
                raise
            body = TokenCommandRefused(token=command.token, command=name, cause=error.code)
            draft = Draft(TOKEN_REFUSED.name, stream_of(ACCESS_STREAM, actor.id), body)
            raise CommandRefusedOnRecord(error, draft=draft) from error

    return decide_on_record


def prepare_terms(command: Terms) -> None:
    """Check a rule before the writer has to; what comes of it is remembered."""
    prepare_rule(command.rule, actions=command.actions)


class TokenDesk:
    """The use cases that make tokens.

    Args:
        authorise: the rules of access.
        find_resource: what a member is, as the capability that owns it knows it.
    """

    def __init__(self, *, authorise: Authorise, find_resource: FindResource) -> None:
        self._authorise = authorise
        self._find_resource = find_resource

    def mint(self, actor: Actor, command: MintToken, state: State) -> Decision:
        """Grant something, where the rules of access allow it.

        1. The terms mean something, and the rule is one.
        2. The recipient can be given it.
        3. What it is about is there, and if it is a device, nobody else holds it then.
        4. What it rests on is accepted.
        5. The actor may grant each member for each purpose; a role is the organisation's own.

        Raises:
            NotPermitted, TokenExists, TermsRefused, RuleRefused, RecipientRefused, ActorMissing, ActorRetired,
            DatasetMissing, DeviceHeld, FactMissing; AccessDenied: the rules do not allow it.
        """
        require_kind(actor, ActorKind.PERSON, ActorKind.ORGANISATION, ActorKind.SYSTEM)
        if command.role is not None:
            require_kind(actor, ActorKind.ORGANISATION)
        check_new(command.token, command, state)
        check_recipient(actor, command, state)
        covered = covered_now(command.dataset, state)
        check_device(covered, command, state)
        if command.fact is not None:
            fact = command.fact
            require_fact(state.db, proof=fact.proof, position=fact.position, type=fact.type)
        drafts, documents = self._authorise_grant(actor, command, covered, state)
        terms = _write_terms(command, above=(), state=state)
        body = _grant(actor, command, covered, terms, state, fact=command.fact)
        own = _with_acceptance(actor, command, Draft(TOKEN_MINTED.name, _stream(command.token), body), state)
        return Decision((*drafts, *own), documents=tuple(dict.fromkeys((*documents, terms))))

    def delegate(self, actor: Actor, command: DelegateToken, state: State) -> Decision:
        """Hand on a part of what the actor holds.

        1. The parent lives, is the actor's own, and may be delegated.
        2. The child is narrower in every field, and its dataset within the parent's.
        3. Its recipient has not granted any token above it.

        Raises:
            TokenMissing, TokenEnded, NotTheHolder, NotDelegable, TokenExists, TermsRefused, TermsMissing,
            RuleRefused, WiderThanParent, DelegationCycle, RecipientRefused, ActorMissing, ActorRetired,
            DatasetMissing.
        """
        parent = held_by(actor, command.parent, state)
        if parent.delegation_depth < 1:
            raise NotDelegable("the token may not be handed on any further")
        above = terms_of(state, parent)
        if above is None:
            raise TermsMissing("the token's conditions were forgotten", hint="ask its grantor for a new one")
        check_new(command.token, command, state)
        check_narrower(command, parent, factors=frozenset(above.required_factors))
        check_cycle(command.recipient.id, parent, state)
        check_recipient(actor, command, state)
        covered = covered_within(command.dataset, parent, state)
        terms = _write_terms(command, above=above.rules, state=state)
        body = _grant(actor, command, covered, terms, state, parent=parent)
        draft = Draft(TOKEN_DELEGATED.name, _stream(command.token), body)
        return Decision(_with_acceptance(actor, command, draft, state), documents=(terms,))

    def _authorise_grant(
        self, actor: Actor, command: MintToken, covered: Covered, state: State
    ) -> tuple[tuple[Draft, ...], tuple[bytes, ...]]:
        if len(covered.refs) * len(command.purposes) > GRANT_ASKS_MAX:
            raise TermsRefused(
                f"members times purposes are more than `{GRANT_ASKS_MAX}`", hint="mint several tokens"
            )
        allowed = [self._authorise(actor, ask, state) for ask in self._asks(actor, command, covered, state)]
        drafts = tuple(draft for one in allowed for draft in one.drafts)
        return drafts, tuple(document for one in allowed for document in one.documents)

    def _asks(self, actor: Actor, command: MintToken, covered: Covered, state: State) -> list[Ask]:
        if command.role is not None:
            own = Resource(kind=ResourceKind.ORGANISATION, id=actor.id, owner=actor.id)
            return [Ask(action=Action.GRANT, resource=own)]
        named = (ref.split("/") for ref in sorted(covered.refs))
        resources = [self._find_resource(state, ResourceKind(kind), id) for kind, id in named]
        return [
            Ask(action=Action.GRANT, resource=resource, purpose=purpose)
            for resource in resources
            for purpose in command.purposes
        ]


def _write_terms(command: MintToken | DelegateToken, *, above: tuple[str, ...], state: State) -> bytes:
    document = TermsDocument(
        token=command.token,
        required_factors=command.required_factors,
        rules=(*above, *((command.rule,) if command.rule else ())),
        salt=state.new_nonce(),
    )
    _check_whole(command, document)
    return msgspec.json.encode(document, order="sorted")


def _check_whole(command: MintToken | DelegateToken, document: TermsDocument) -> None:
    """Rules that each are taken can be too much together; better to be told now than to be given nothing later."""
    if command.dataset is None:
        return
    check_text(
        Compilable(
            token=command.token,
            holder=command.recipient.id,
            to_group=command.recipient.kind == "group",
            dataset=command.dataset,
            actions=command.actions,
            purposes=command.purposes,
            not_before=command.not_before,
            not_after=command.not_after,
            factors=document.required_factors,
            rules=document.rules,
        )
    )


def _grant(
    actor: Actor,
    terms: Terms,
    covered: Covered,
    document: bytes,
    state: State,
    *,
    parent: TokenRow | None = None,
    fact: FactAsked | None = None,
) -> TokenMinted:
    """The body of a mint, and of a delegation, which says the same and names its parent."""
    return TokenMinted(
        issuer=ActorId(node_of(state.db)[0]),
        grantor=actor.id,
        recipient=terms.recipient,
        dataset=terms.dataset,
        dataset_version=covered.version,
        dataset_commitment=covered.root,
        role=terms.role,
        actions=terms.actions,
        purposes=terms.purposes,
        not_before=terms.not_before,
        not_after=terms.not_after,
        revocable=terms.revocable,
        transferable=terms.transferable,
        delegation_depth=terms.delegation_depth,
        parent=None if parent is None else parent.token,
        parent_holding=None if parent is None else parent.holding,
        policy_hash=digest_of(document),
        fact=fact,
    )


def _with_acceptance(
    actor: Actor, command: MintToken | DelegateToken, draft: Draft, state: State
) -> tuple[Draft, ...]:
    """Who grants to a group that it keeps itself has accepted by that."""
    recipient = command.recipient
    group = store.find_group(state.db, recipient.id) if recipient.kind == "group" else None
    if group is None or group.keeper != actor.id:
        return (draft,)
    return (draft, Draft(TOKEN_ACCEPTED.name, draft.stream, TokenAccepted(holder=recipient.id)))


def _stream(token: str) -> str:
    return stream_of(TOKENS_STREAM, token)
