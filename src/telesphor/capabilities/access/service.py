"""The use cases of access: authorise an ask, permit what stands decided, set policies.

`authorise` is what other decisions ask, inside the writer, before they return their entries. It either returns
what has to be recorded beside these, or raises `AccessDenied`, which records the denial instead of them.

`permit_standing` is for commands that release nothing and are asked for thousands of times: where the rules
look at nothing that changes from one moment to the next, the answer is recorded once and holds until
what it was decided on changes.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telesphor.capabilities.access import store
from telesphor.capabilities.access.decide import DecisionInput, Verdict, decide
from telesphor.capabilities.access.documents import Document, encode_document
from telesphor.capabilities.access.engine import TEXT_BYTES_MAX, looks_at_the_moment
from telesphor.capabilities.access.entries import (
    ACCESS_DECIDED,
    ACCESS_STANDING,
    POLICY_CHANGED,
    AccessDecided,
    AccessStanding,
    PolicyChanged,
)
from telesphor.capabilities.access.model import (
    ACCESS_STREAM,
    POLICY_STREAM,
    REASONS_RECORDED_MAX,
    RULE_TEXTS_MAX,
    TOKENS_MAX,
    AccessDenied,
    AccessEnded,
    Action,
    Allowed,
    Ask,
    BrokenGlass,
    DecisionRefused,
    PolicyRefused,
    Resource,
    ResourceKind,
    TokenPolicy,
    house_of,
)
from telesphor.capabilities.access.policies import (
    BASE,
    SCHEMA,
    Slot,
    check_policies,
    check_token_policy,
    ids_of,
)
from telesphor.capabilities.access.receipts import make_receipt
from telesphor.capabilities.access.remembered import Remembered
from telesphor.capabilities.access.situation import describe_entities, describe_request
from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.access.vocabulary import BROKEN_GLASS
from telesphor.capabilities.identity.model import ActorKind, require_kind
from telesphor.capabilities.identity.service import own_id
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

_IN_FORCE: Final = "in-force"
_STANDING: Final = "access-standing"
_IN_HOUSE: Final = "access-in-house"

TEXTS_REMEMBERED_MAX: Final = 64
"""Texts in force, at most 64 KiB each: of some organisations, as they were lately."""

_texts: Remembered[Digest, Document] = Remembered(TEXTS_REMEMBERED_MAX)

_Key = tuple[str, Action, Resource]


class SetPolicy(Body, frozen=True, kw_only=True):
    """Set, or clear, the policies of a slot; asked by an organisation or the node."""

    slot: Slot
    policies: Annotated[str, Meta(max_length=TEXT_BYTES_MAX)] | None


def authorise(actor: Actor, ask: Ask, state: State, *, sources: Sources = NOTHING) -> Allowed:
    """Decide an ask by all that is in force, and say what must be recorded.

    Raises:
        AccessDenied: the rules do not allow it; raised on, it leaves the denial on the ledger.
        AskRefused: the ask is not well formed.
        DecisionRefused: a policy in force is not at hand, so that nothing is allowed.
    """
    ask = _in_emergency(actor, ask, state, sources)
    tokens = _tokens(actor, ask, state, sources)
    texts = tuple(document for document, _ in tokens)
    given, verdict = _decide(actor, ask, state, sources, policies=(*_in_force(state), *texts))
    expires_ms = _expiry(verdict, [token for _, token in tokens], ask.glass)
    return _record(actor, ask, state, given, verdict, sources=sources, expires_ms=expires_ms)


def check_again(actor: Actor, ask: Ask, state: State, *, sources: Sources = NOTHING) -> None:
    """Look again at an ask that was allowed, recorded, and is being relied on: outside the writer, leaving no entry.

    Raises:
        AccessEnded: it would not be allowed now; something that permitted it has ended.
        AskRefused, DecisionRefused: as `authorise`.
    """
    ask = _in_emergency(actor, ask, state, sources)
    texts = tuple(document for document, _ in _tokens(actor, ask, state, sources))
    _, verdict = _decide(actor, ask, state, sources, policies=(*_in_force(state), *texts))
    if verdict.outcome == "deny":
        raise AccessEnded(
            f"you may no longer `{ask.action}` `{ask.resource.name}`",
            hint="what permitted it has ended; ask anew",
        )


def permit_standing(actor: Actor, ask: Ask, state: State, *, sources: Sources = NOTHING) -> Allowed:
    """Decide as `authorise`, but once for as long as nothing changes; then the answer is a look-up.

    The resource must be named by its id alone (the organisation whose visits are opened, not the visit).
    Where a policy for this action looks at the moment (context), or a role of the actor's may end by itself, every
    ask is decided anew.

    Raises:
        AccessDenied, AskRefused, DecisionRefused: as `authorise`.
    """
    if ask.glass is not None:
        return authorise(actor, ask, state, sources=sources)
    if (actor.id, ask.action, ask.resource) in _standing(state, sources):
        return STANDING
    return _permit_anew(actor, ask, state, sources)


def permit_in_house(actor: Actor, action: Action, state: State, *, sources: Sources = NOTHING) -> Allowed:
    """The same for what is asked about the node itself, where no thing of its own is; raises as `permit_standing`."""
    known = state.memory_of(store.STORE, *sources.watched).setdefault(_IN_HOUSE, set())
    if (actor.id, action) in known:
        return STANDING
    ask = Ask(action=action, resource=house_of(own_id(state)))
    allowed = permit_standing(actor, ask, state, sources=sources)
    if allowed is STANDING:
        known.add((actor.id, action))
    return allowed


STANDING: Final = Allowed((), (), ())
"""What stands decided has nothing more to record."""


def set_policy(actor: Actor, command: SetPolicy, state: State) -> Decision:
    """Put policies in force, or end them.

    Whether the actor may is decided by the shipped base alone, so that nobody locks the organisation out of its own
    policies, by mistake or otherwise.

    Raises:
        NotPermitted: the actor is neither an organisation nor the node.
        PolicyRefused: the text is not taken; or one of its ids is another text's.
    """
    require_kind(actor, ActorKind.ORGANISATION, ActorKind.NODE)
    document = prepare_policy(command)
    ids = () if document is None else ids_of(document)
    _refuse_taken(ids, slot=command.slot, actor=actor.id, state=state)
    ask = Ask(action=Action.ADMINISTER, resource=Resource(kind=ResourceKind.ORGANISATION, id=actor.id))
    given, verdict = _decide(actor, ask, state, NOTHING, policies=(BASE,))
    allowed = _record(actor, ask, state, given, verdict)
    body = PolicyChanged(
        slot=command.slot,
        policies=None if document is None else document.digest,
        policy_schema=SCHEMA.digest,
        ids=ids,
    )
    draft = Draft(POLICY_CHANGED.name, stream_of(POLICY_STREAM, actor.id), body)
    documents = allowed.documents if document is None else (*allowed.documents, document.data)
    return Decision((draft, *allowed.drafts), documents=documents)


def prepare_policy(command: SetPolicy) -> Document | None:
    """Check the text before the writer asks for it; what was parsed is remembered by digest.

    Raises:
        PolicyRefused: as `check_policies`.
    """
    return None if command.policies is None else check_policies(command.policies, slot=command.slot)


def _refuse_taken(ids: tuple[str, ...], *, slot: Slot, actor: str, state: State) -> None:
    """Ids name what decided, so they are unique among all that is in force; and so many texts may be."""
    if slot == "base":
        return
    others = [row for row in store.policies_in_force(state.db) if row.slot == slot and row.actor != actor]
    if ids and len(others) >= RULE_TEXTS_MAX:
        raise PolicyRefused(f"`{RULE_TEXTS_MAX}` others have rules at this node already")
    for row in others:
        twins = sorted(set(ids) & set(row.ids))
        if twins:
            raise PolicyRefused(f"another organisation has a policy `{twins[0]}`", hint="choose other ids")


def _in_emergency(actor: Actor, ask: Ask, state: State, sources: Sources) -> Ask:
    """The ask with the emergency access that is open for it.

    INVARIANT: of what is open in an emergency only reads know, so that nothing else can be permitted by it.
    """
    if ask.action is Action.BREAK_GLASS:
        return ask
    is_read = ask.action is Action.READ
    glass = sources.broken_glass(state, actor.id, ask.resource) if is_read else None
    return ask if glass is ask.glass else msgspec.structs.replace(ask, glass=glass)


def _tokens(actor: Actor, ask: Ask, state: State, sources: Sources) -> list[tuple[Document, TokenPolicy]]:
    """The policies of tokens. One that is not as it must be is left out: it only could have permitted."""
    found = []
    for token in sources.policies_for(state, actor, ask.resource, ask.action)[:TOKENS_MAX]:
        try:
            found.append((check_token_policy(token), token))
        except PolicyRefused:
            continue
    return found


def _in_force(state: State) -> tuple[Document, ...]:
    """The base and the organisations' rules, remembered until one of them changes."""
    memory = state.memory_of(store.STORE)
    known: tuple[Document, ...] | None = memory.get(_IN_FORCE)
    if known is None:
        rows = store.policies_in_force(state.db)
        set_texts = [(row.slot, _kept(row.policies, state)) for row in rows]
        bases = [document for slot, document in set_texts if slot == "base"] or [BASE]
        rules = [document for slot, document in set_texts if slot != "base"]
        known = memory[_IN_FORCE] = (*bases, *rules)
    return known


def _kept(digest: Digest, state: State) -> Document:
    """A text in force. It is found again by digest, so that whatever is remembered is these very bytes."""

    def read() -> Document:
        data = state.document(digest)
        if data is None:
            raise DecisionRefused(
                "a policy in force is not at hand, so nothing is allowed", hint="restore the node"
            )
        return Document(digest, data)

    return _texts.get(digest, read)


def _decide(
    actor: Actor, ask: Ask, state: State, sources: Sources, *, policies: tuple[Document, ...]
) -> tuple[DecisionInput, Verdict]:
    given = DecisionInput(
        policies=policies,
        policy_schema=SCHEMA,
        entities=describe_entities(actor, ask.resource, state, sources),
        request=describe_request(actor, ask, state, sources, policies=policies),
    )
    return given, decide(given)


def _record(
    actor: Actor,
    ask: Ask,
    state: State,
    given: DecisionInput,
    verdict: Verdict,
    *,
    sources: Sources = NOTHING,
    expires_ms: int | None = None,
) -> Allowed:
    decision, at = ActorId(state.new_id()), format_instant(state.now_ms)
    receipt = make_receipt(given, verdict, decision=decision, at=at, salt=state.new_nonce())
    body = AccessDecided(
        decision=decision,
        outcome=verdict.outcome,
        action=ask.action,
        resource=ask.resource.name,
        subject=sources.subject_of(state, ask.resource),
        visit=ask.resource.visit,
        purpose=ask.purpose,
        break_glass=None if ask.glass is None else ask.glass.id,
        reasons=verdict.reasons[:REASONS_RECORDED_MAX],
        receipt=receipt.digest,
    )
    draft = Draft(ACCESS_DECIDED.name, stream_of(ACCESS_STREAM, actor.id), body)
    documents = (receipt.data, given.request.data, given.entities.data, *_unkept(given, state))
    if verdict.outcome == "deny":
        raise _denial(ask, verdict, draft, documents)
    return Allowed((draft,), documents, verdict.reasons, expires_ms)


def _denial(ask: Ask, verdict: Verdict, draft: Draft, documents: tuple[bytes, ...]) -> AccessDenied:
    if verdict.reasons:
        hint = f"forbidden by {', '.join(f'`{reason}`' for reason in verdict.reasons[:3])}"
    elif verdict.failed:
        hint = "a rule could not be evaluated, which denies; tell whoever administers the node"
    else:
        hint = "no rule permits it; ask for a grant"
    return AccessDenied(
        f"you may not `{ask.action}` `{ask.resource.name}`", drafts=(draft,), documents=documents, hint=hint
    )


def _unkept(given: DecisionInput, state: State) -> list[bytes]:
    """Policies and schema that the ledger does not keep yet; that one is kept is remembered, never that it is not."""
    memory = state.memory_of(store.DOCUMENTS)
    unkept = []
    for document in (given.policy_schema, *given.policies):
        if document.digest in memory:
            continue
        if state.document(document.digest) is None:
            unkept.append(document.data)
        else:
            memory[document.digest] = True
    return unkept


def _expiry(verdict: Verdict, tokens: list[TokenPolicy], glass: BrokenGlass | None) -> int | None:
    """When the last of what alone permits it ends, tokens or an emergency; None where something else permits it."""
    ends = {f"token:{token.id}": token.expires_ms for token in tokens}
    if glass is not None:
        ends[BROKEN_GLASS] = glass.until_ms
    found = [ends.get(reason) for reason in verdict.reasons]
    known = [end for end in found if end is not None]
    return max(known) if known and len(known) == len(found) else None


def _standing(state: State, sources: Sources) -> set[_Key]:
    """What is known to stand: gone as soon as any table changes that the rules look at."""
    known: set[_Key] = state.memory_of(store.STORE, *sources.watched).setdefault(_STANDING, set())
    return known


def _permit_anew(actor: Actor, ask: Ask, state: State, sources: Sources) -> Allowed:
    resource = ask.resource
    if resource != Resource(kind=resource.kind, id=resource.id):
        return authorise(actor, ask, state, sources=sources)
    in_force, roles = _in_force(state), sources.steady_roles_of(state, actor.id)
    if roles is None or any(looks_at_the_moment(text, ask.action) for text in in_force):
        return authorise(actor, ask, state, sources=sources)
    inputs = _standing_inputs(actor, ask, in_force, groups=sources.groups_of(state, actor.id), roles=roles)
    known = store.standing_inputs(state.db, actor=actor.id, action=ask.action.value, resource=resource.name)
    if known == inputs:
        _standing(state, sources).add((actor.id, ask.action, resource))
        return STANDING
    return _begin_standing(actor, ask, state, sources, inputs, roles)


def _standing_inputs(
    actor: Actor, ask: Ask, in_force: tuple[Document, ...], *, groups: tuple[str, ...], roles: tuple[str, ...]
) -> str:
    texts = [document.digest for document in in_force]
    who = [actor.id, actor.kind, sorted(groups), sorted(roles)]
    return encode_document([SCHEMA.digest, texts, *who, ask.action, ask.resource.name]).digest


def _begin_standing(
    actor: Actor, ask: Ask, state: State, sources: Sources, inputs: str, roles: tuple[str, ...]
) -> Allowed:
    """Decide as if no token or factor were there: what is allowed so is allowed whatever these are."""
    plain = Sources(groups_of=sources.groups_of, roles_of=lambda _state, _actor: roles)
    given, verdict = _decide(actor, ask, state, plain, policies=_in_force(state))
    if verdict.outcome == "deny":
        return authorise(actor, ask, state, sources=sources)
    allowed = _record(actor, ask, state, given, verdict, sources=sources)
    decided: AccessDecided = allowed.drafts[0].body  # type: ignore[assignment]
    body = AccessStanding(
        decision=decided.decision,
        action=decided.action,
        resource=decided.resource,
        inputs=inputs,  # type: ignore[arg-type]
        reasons=decided.reasons,
        receipt=decided.receipt,
    )
    return allowed._replace(drafts=(Draft(ACCESS_STANDING.name, allowed.drafts[0].stream, body),))
