"""What the engine of access asks of tokens: which living ones bear on an ask, as Cedar text; groups; datasets.

Everything here looks at the tables of now and writes nothing. Start at `policies_for`.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from telesphor.capabilities.access.model import TOKENS_MAX, Action, Resource, ResourceKind, TokenPolicy
from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.compile import Compilable, compile_policy
from telesphor.capabilities.access.tokens.model import (
    ROLES_PER_ACTOR_MAX,
    GroupRef,
    GroupRow,
    TermsDocument,
    TokenRow,
)
from telesphor.capabilities.access.tokens.standing import Standing, is_gone, standing_of
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.runtime.capability import Actor, State

TERMS_REMEMBERED_MAX = 16_384
"""Terms as they were read, of a kilobyte or two."""


def policies_for(state: State, actor: Actor, resource: Resource, action: Action) -> tuple[TokenPolicy, ...]:
    """The policies of the living tokens by which the actor may do this to that, newest first.

    Beyond `TOKENS_MAX` the older ones are left out: an actor has accepted each of them, or its group has.

    Not all of these conditions stand in the text: that a token lives, and that its dataset held the resource (or
    its visit) already when it was minted, is decided here. All others are left to the policy.
    """
    policies = []
    for row in living_tokens_of(state, actor.id, resource, action)[:TOKENS_MAX]:
        terms = terms_of(state, row)
        if terms is None or row.holder is None or row.dataset is None:
            continue  # Forgotten terms allow nothing.
        text = compile_policy(_compilable(row, terms))
        policies.append(TokenPolicy(row.token, text, parse_instant(row.not_after)))
    return tuple(policies)


def living_tokens_of(
    state: State, actor_id: str, resource: Resource, action: Action | None = None
) -> tuple[TokenRow, ...]:
    """The living tokens of an actor, or of its groups, that are for this action on this resource, newest first.

    Without an action: for any.
    """
    visit = _visit_of(resource)
    refs = [resource.name, *([] if visit is None else [f"{ResourceKind.VISIT}/{visit}"])]
    holders = [actor_id, *group_ids_of(state, actor_id)]
    found = store.tokens_covering(state.db, refs=refs, holders=holders, now=format_instant(state.now_ms))
    wanted = (row for row in found if action is None or action in row.actions)
    return tuple(row for row in wanted if standing_of(state, row) is Standing.LIVES)


def groups_of(state: State, actor_id: str) -> tuple[GroupRef, ...]:
    """The groups that an actor belongs to, and the roles it holds by living tokens."""
    groups = [GroupRef(row.group, row.kind.value, row.role) for row in _living_groups(state, actor_id)]
    held = store.role_tokens_of(state.db, holder=actor_id, now=format_instant(state.now_ms))
    living = (row for row in held if standing_of(state, row) is Standing.LIVES)
    roles = [GroupRef(row.token, "role-token", row.role) for row in living]
    assert len(roles) <= ROLES_PER_ACTOR_MAX, "accepting a role beyond them is refused"
    return (*groups, *roles)


def group_ids_of(state: State, actor_id: str) -> tuple[str, ...]:
    """Ids of the groups that an actor belongs to."""
    return tuple(row.group for row in _living_groups(state, actor_id))


def roles_of(state: State, actor_id: str) -> tuple[str, ...]:
    """Names of the roles that an actor has, by groups or by tokens, each once."""
    return tuple(sorted({ref.role for ref in groups_of(state, actor_id) if ref.role is not None}))


def steady_roles_of(state: State, actor_id: str) -> tuple[str, ...] | None:
    """Names of the roles that an actor has by groups; None where a token gives, or will give, it one for a time."""
    if store.count_roles(state.db, actor_id, now=format_instant(state.now_ms)):
        return None
    return tuple(sorted({row.role for row in _living_groups(state, actor_id) if row.role is not None}))


def holders_of_role(state: State, role: str, *, count_max: int) -> tuple[str, ...]:
    """Actors that have a role now, by groups or by tokens, at most so many."""
    found = store.role_candidates(state.db, role=role, now=format_instant(state.now_ms), count_max=count_max)
    return tuple(actor for actor in found if role in roles_of(state, actor))


def holders_of_device(state: State, device: str) -> frozenset[str]:
    """Who holds a living token for a device: one actor at the most."""
    ref = f"{ResourceKind.DEVICE}/{device}"
    found = store.tokens_for(state.db, ref=ref, now=format_instant(state.now_ms))
    return frozenset(
        row.holder for row in found if row.holder is not None and standing_of(state, row) is Standing.LIVES
    )


def datasets_of(state: State, resource_kind: ResourceKind, resource_id: str) -> tuple[str, ...]:
    """All datasets that hold a thing itself."""
    return tuple(store.datasets_of(state.db, f"{resource_kind}/{resource_id}"))


def datasets_holding(state: State, resource: Resource) -> tuple[str, ...]:
    """All datasets that hold a thing itself, or an object with its visit."""
    own = datasets_of(state, resource.kind, resource.id)
    visit = _visit_of(resource)
    if visit is None:
        return own
    return tuple(dict.fromkeys((*own, *datasets_of(state, ResourceKind.VISIT, visit))))


def terms_of(state: State, row: TokenRow) -> TermsDocument | None:
    """A token's conditions; None where their document was forgotten."""
    data = state.document(row.terms)
    return None if data is None else _read_terms(data)


def _visit_of(resource: Resource) -> str | None:
    """The visit that stands for an object; never for a device, which is granted alone, to one holder."""
    return resource.visit if resource.kind is ResourceKind.OBJECT else None


def _living_groups(state: State, actor_id: str) -> list[GroupRow]:
    return [row for row in _groups_of(state, actor_id) if not is_gone(state, row)]


def _groups_of(state: State, actor_id: str) -> list[GroupRow]:
    """Read once as long as the tables stay: one decision asks some five times."""
    memory = state.memory_of(store.STORE)
    known: list[GroupRow] | None = memory.get(f"groups/{actor_id}")
    if known is None:
        known = memory[f"groups/{actor_id}"] = store.groups_of(state.db, actor_id)
    return known


def _compilable(row: TokenRow, terms: TermsDocument) -> Compilable:
    assert row.holder is not None
    assert row.dataset is not None
    return Compilable(
        token=row.token,
        holder=row.holder,
        to_group=row.to_group,
        dataset=row.dataset,
        actions=tuple(sorted(row.actions)),
        purposes=tuple(sorted(row.purposes)),
        not_before=row.not_before,
        not_after=row.not_after,
        factors=terms.required_factors,
        rules=terms.rules,
    )


_decode = msgspec.json.Decoder(TermsDocument).decode


@lru_cache(maxsize=TERMS_REMEMBERED_MAX)
def _read_terms(data: bytes) -> TermsDocument:
    return _decode(data)
