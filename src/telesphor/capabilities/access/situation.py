"""From an ask to the documents that it is decided on: entities and request, as Cedar wants them.

Entities are whoever asks, whoever owns the resource or is its subject (with their groups, so that a `forbid`
about a group holds for them too), and the resource. The request is who, what, on what, and the context.

Start at `describe_entities` and `describe_request`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from telesphor.capabilities.access.documents import Document, RequestForm, Uid, encode_document
from telesphor.capabilities.access.engine import texts_in
from telesphor.capabilities.access.model import (
    FACTORS_MAX,
    PARENTS_MAX,
    Ask,
    AskRefused,
    PresentedFactor,
    Resource,
    check_ids,
)
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.access.vocabulary import NAMESPACE
from telesphor.capabilities.identity.service import find_actor
from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import Actor, State

FACTOR_CHARS_MAX = 300
"""A factor's text longer than this is no word for a rule; it is left out, and so permits nothing."""

LOCATION_CHARS_MAX = 64
"""A claimed place as a rule can name it, such as `US-WA`; no address, and no coordinates."""

_SESSION = ("location", "visit")
"""What an ask itself may add to its context; everything else the node says."""


def describe_entities(actor: Actor, resource: Resource, state: State, sources: Sources) -> Document:
    """Who and what the policies are asked about. The same people and things give the same document.

    Raises:
        AskRefused: an id is not ASCII, or something has more groups or datasets than may be weighed.
    """
    people: dict[str, str] = {actor.id: actor.kind}
    for other in (resource.owner, resource.subject):
        if other is not None and other not in people:
            found = find_actor(state.db, other)
            people[other] = "unknown" if found is None else found.kind
    made = [_actor_entity(id, kind, state, sources) for id, kind in people.items()]
    made.append(_resource_entity(resource, sources.datasets_of(state, resource)))
    return encode_document(made)


def describe_request(
    actor: Actor, ask: Ask, state: State, sources: Sources, *, policies: Sequence[Document]
) -> Document:
    """What is asked, with everything that the rules may look at.

    Of the presented factors it holds those that one of the policies names: whoever is shown the decision later
    learns no others.

    Raises:
        AskRefused: the ask adds to its context what only the node may say.
    """
    return encode_document(
        RequestForm(
            format="telesphor-decision-request/1",
            salt=state.new_nonce(),
            principal=Uid(type=f"{NAMESPACE}::Actor", id=actor.id),
            action=Uid(type=f"{NAMESPACE}::Action", id=ask.action.value),
            resource=Uid(type=type_of(ask.resource), id=ask.resource.id),
            context=msgspec.json.encode(
                _context(actor, ask, state, sources, policies), order="sorted"
            ).decode(),
        )
    )


def type_of(resource: Resource) -> str:
    """The Cedar type of a resource: `Telesphor::Object`."""
    return f"{NAMESPACE}::{resource.kind.value.capitalize()}"


def _context(
    actor: Actor, ask: Ask, state: State, sources: Sources, policies: Sequence[Document]
) -> dict[str, object]:
    presented = sources.factors_of(state, actor.id)
    factors = [factor for factor in presented if any(factor.text in texts_in(text) for text in policies)]
    context: dict[str, object] = {
        "now": state.now_ms,
        "at": {"__extn": {"fn": "datetime", "arg": format_instant(state.now_ms)}},
        "factors": _texts(factors, vouched="issuer"),
        "self_declared": _texts(factors, vouched="self"),
        "assurance": sources.assurance_of(state, actor.id),
    }
    if ask.purpose is not None:
        context["purpose"] = ask.purpose.value
    link = sources.connection_of(state, actor.id) if actor.kind == "device" else None
    if link is not None:
        context["device"] = {
            "owner": _reference("Actor", link.owner),
            "model": link.model,
            "firmware": link.firmware,
            "connected_at": link.at_ms,
            "channel": link.channel,
        }
    if ask.glass is not None:
        context["break_glass"] = {
            "id": ask.glass.id,
            "reason": ask.glass.reason,
            "until": ask.glass.until_ms,
            "reauthenticated": True,
            "passkey": ask.glass.passkey,
        }
    for name, value in ask.extra.items():
        if name not in _SESSION:
            raise AskRefused("an ask adds to its context what only the node may say")
        if name == "location" and isinstance(value, str) and len(value) > LOCATION_CHARS_MAX:
            raise AskRefused(f"the location has more than `{LOCATION_CHARS_MAX}` characters")
        context[name] = _reference("Visit", str(value)) if name == "visit" else value
    return context


def _texts(factors: Sequence[PresentedFactor], *, vouched: str) -> list[str]:
    texts = {factor.text for factor in factors if factor.vouched == vouched}
    kept = sorted(text for text in texts if text.isascii() and len(text) <= FACTOR_CHARS_MAX)
    return kept[:FACTORS_MAX]


def _actor_entity(id: str, kind: str, state: State, sources: Sources) -> dict[str, object]:
    groups, roles = sources.groups_of(state, id), sources.roles_of(state, id)
    _bound(groups)
    attributes: dict[str, object] = {"kind": str(kind), "roles": sorted(roles)}
    return _entity("Actor", id, attributes, [_uid("Group", group) for group in sorted(groups)])


def _resource_entity(resource: Resource, datasets: tuple[str, ...]) -> dict[str, object]:
    _bound(datasets)
    attributes: dict[str, object] = {
        "readers": [_reference("Actor", reader) for reader in sorted(resource.readers)]
    }
    for name, value in (("owner", resource.owner), ("subject", resource.subject)):
        if value is not None:
            attributes[name] = _reference("Actor", value)
    parents = [_uid("Dataset", dataset) for dataset in sorted(set(datasets))]
    if resource.visit is not None:
        parents.append(_uid("Visit", resource.visit))
    return _entity(resource.kind.value.capitalize(), resource.id, attributes, parents)


def _bound(ids: tuple[str, ...]) -> None:
    check_ids(ids)
    if len(ids) > PARENTS_MAX:
        raise AskRefused("somebody or something has more groups or datasets than one decision may weigh")


def _entity(type: str, id: str, attributes: dict[str, object], parents: list[object]) -> dict[str, object]:
    return {"uid": _uid(type, id), "attrs": attributes, "parents": parents}


def _uid(type: str, id: str) -> object:
    return {"type": f"{NAMESPACE}::{type}", "id": id}


def _reference(type: str, id: str) -> object:
    return {"__entity": _uid(type, id)}
