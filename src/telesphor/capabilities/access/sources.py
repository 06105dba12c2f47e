"""What a decision is told about the world: tokens, groups, factors, sessions, devices.

Each is a function that a capability below or beside gives, and that looks at the state tables alone. A node
hands them in once; whatever is not handed in is empty, which permits nothing.

Start at `Sources`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from telesphor.capabilities.access.model import (
    Action,
    Assurance,
    BrokenGlass,
    DeviceLink,
    PresentedFactor,
    Resource,
    TokenPolicy,
)
from telesphor.runtime.capability import Actor, State, Store


def _no_tokens(_state: State, _actor: Actor, _resource: Resource, _action: Action) -> tuple[TokenPolicy, ...]:
    return ()


def _no_names(_state: State, _actor: str) -> tuple[str, ...]:
    return ()


def _unsteady(_state: State, _actor: str) -> None:
    return None


def _own_datasets(_state: State, resource: Resource) -> tuple[str, ...]:
    return resource.datasets


def _no_factors(_state: State, _actor: str) -> tuple[PresentedFactor, ...]:
    return ()


def _key_alone(_state: State, _actor: str) -> Assurance:
    return "key"


def _no_glass(_state: State, _actor: str, _resource: Resource) -> BrokenGlass | None:
    return None


def _own_subject(_state: State, resource: Resource) -> str | None:
    return resource.subject


def _no_link(_state: State, _device: str) -> DeviceLink | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the inputs of a decision come from.

    Attributes:
        policies_for: the policies of living tokens that may bear on this ask; only permits, one per token.
        groups_of: the groups that an actor belongs to.
        roles_of: the roles that an actor has now.
        steady_roles_of: the roles that an actor has until `watched` changes; None where time may give or end one.
        datasets_of: the datasets that hold a resource.
        factors_of: the factors that an actor has presented and that still stand.
        assurance_of: how well an actor's session is known.
        connection_of: the last good connection of a device.
        broken_glass: the emergency access by which an actor may read a resource now.
        subject_of: whom a resource is about, for the log; of what belongs to a visit, the visit's patient.
        watched: the state tables behind `groups_of` and `steady_roles_of`: when they change, what stands decided is
            looked at again.
    """

    policies_for: Callable[[State, Actor, Resource, Action], tuple[TokenPolicy, ...]] = _no_tokens
    groups_of: Callable[[State, str], tuple[str, ...]] = _no_names
    roles_of: Callable[[State, str], tuple[str, ...]] = _no_names
    steady_roles_of: Callable[[State, str], tuple[str, ...] | None] = _unsteady
    datasets_of: Callable[[State, Resource], tuple[str, ...]] = _own_datasets
    factors_of: Callable[[State, str], tuple[PresentedFactor, ...]] = _no_factors
    assurance_of: Callable[[State, str], Assurance] = _key_alone
    connection_of: Callable[[State, str], DeviceLink | None] = _no_link
    broken_glass: Callable[[State, str, Resource], BrokenGlass | None] = _no_glass
    subject_of: Callable[[State, Resource], str | None] = _own_subject
    watched: tuple[Store, ...] = ()


NOTHING = Sources(steady_roles_of=_no_names)
"""For a node without tokens, credentials and devices: the policies alone decide."""
