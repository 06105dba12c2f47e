"""What stands decided: once per actor and thing, until what it was decided on changes."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import pytest

from telesphor.capabilities.access.model import AccessDenied, Action, Ask, Resource, ResourceKind
from telesphor.capabilities.access.service import STANDING, permit_standing
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.access.store import STORE
from telesphor.runtime.capability import Actor, State
from tests.unit.capabilities.access.ward import Ward

MICROSECOND = 1e-6
FOR_ON_CALL = """\
@id("on-call")
forbid (principal, action == Telesphor::Action::"open-visit", resource)
when { !principal.roles.contains("on-call") };
"""


@pytest.fixture
def hospital(ward: Ward) -> Actor:
    return ward.enrol("organisation")


@pytest.fixture
def place(hospital: Actor) -> Resource:
    return Resource(kind=ResourceKind.ORGANISATION, id=hospital.id)


def test_it_is_recorded_once(ward: Ward, place: Resource) -> None:
    clinician = ward.enrol("person")
    for _ in range(3):
        ward.ask(clinician, "open-visit", place, standing=True)
    assert types(ward).count("access.standing/1") == 1
    assert types(ward).count("ward.done/1") == 3
    assert "access.decided/1" not in types(ward)


def test_each_actor_and_each_action_has_its_own(ward: Ward, place: Resource) -> None:
    clinician, system = ward.enrol("person"), ward.enrol("system")
    ward.ask(clinician, "open-visit", place, standing=True)
    ward.ask(system, "open-visit", place, standing=True)
    ward.ask(system, "record", place, standing=True)
    assert types(ward).count("access.standing/1") == 3


def test_denial_never_stands(ward: Ward, place: Resource) -> None:
    device = ward.enrol("device")
    for _ in range(2):
        with pytest.raises(AccessDenied):
            ward.ask(device, "open-visit", place, standing=True)
    assert types(ward).count("access.decided/1") == 2


def test_it_ends_with_the_next_policy(ward: Ward, hospital: Actor, place: Resource) -> None:
    clinician = ward.enrol("person")
    ward.ask(clinician, "open-visit", place, standing=True)
    closed = '@id("closed") forbid (principal, action == Telesphor::Action::"open-visit", resource);'
    ward.set_policy(hospital, closed)
    with pytest.raises(AccessDenied):
        ward.ask(clinician, "open-visit", place, standing=True)
    ward.set_policy(hospital, None)
    ward.ask(clinician, "open-visit", place, standing=True)


def test_it_ends_when_the_actor_joins_a_group(ward: Ward, hospital: Actor, place: Resource) -> None:
    clinician, team = ward.enrol("person"), ward.ids.next()
    barred = f'@id("barred") forbid (principal in Telesphor::Group::"{team}", action, resource);'
    ward.set_policy(hospital, barred)
    ward.ask(clinician, "open-visit", place, standing=True)
    ward.sources = replace(ward.sources, groups_of=lambda _state, _actor: (team,))
    with pytest.raises(AccessDenied):
        ward.ask(clinician, "open-visit", place, standing=True)


@pytest.mark.parametrize(
    "condition", ["context.now > 0", 'context.at > datetime("2020-01-01")', "context has location"]
)
def test_rules_about_the_moment_are_asked_each_time(
    ward: Ward, hospital: Actor, place: Resource, condition: str
) -> None:
    clinician = ward.enrol("person")
    ward.set_policy(
        hospital, f'@id("momentary") forbid (principal, action, resource) when {{ !({condition}) }};'
    )
    further = {"extra": {"location": "ward"}}
    for _ in range(2):
        ward.ask(clinician, "open-visit", place, standing=True, **further)
    assert types(ward).count("access.standing/1") == 0
    assert types(ward).count("access.decided/1") == 3  # one of them for setting the policy


def test_role_that_stays_stands_and_ends_with_the_role(ward: Ward, hospital: Actor, place: Resource) -> None:
    clinician, roles = ward.enrol("person"), ["clinician", "on-call"]
    ward.set_policy(hospital, FOR_ON_CALL)
    ward.sources = _with_roles(roles, steady=True)
    for _ in range(3):
        ward.ask(clinician, "open-visit", place, standing=True)
    assert types(ward).count("access.standing/1") == 1
    roles.remove("on-call")
    with pytest.raises(AccessDenied):
        ward.ask(clinician, "open-visit", place, standing=True)


def test_role_that_time_may_end_is_asked_for_each_time(ward: Ward, hospital: Actor, place: Resource) -> None:
    """A token gives it for some hours: no entry says when these are over."""
    clinician = ward.enrol("person")
    ward.set_policy(hospital, FOR_ON_CALL)
    ward.sources = _with_roles(["clinician", "on-call"], steady=False)
    for _ in range(2):
        ward.ask(clinician, "open-visit", place, standing=True)
    assert types(ward).count("access.standing/1") == 0


def _with_roles(roles: list[str], *, steady: bool) -> Sources:
    def roles_of(_state: State, _actor: str) -> tuple[str, ...]:
        return tuple(roles)

    return Sources(roles_of=roles_of, steady_roles_of=roles_of if steady else lambda _state, _actor: None)


def test_rule_about_the_moment_of_another_action_does_not_matter(
    ward: Ward, hospital: Actor, place: Resource
) -> None:
    clinician = ward.enrol("person")
    ward.set_policy(
        hospital,
        '@id("reads") forbid (principal, action in [Telesphor::Action::"read"], resource) when { context.now < 0 };',
    )
    ward.ask(clinician, "open-visit", place, standing=True)
    assert types(ward).count("access.standing/1") == 1


def test_resource_with_more_than_an_id_is_decided_each_time(ward: Ward) -> None:
    owner = ward.enrol("person")
    thing = ward.object_of(owner)
    for _ in range(2):
        ward.ask(owner, "create", thing, standing=True)
    assert types(ward).count("access.decided/1") == 2


def test_what_stands_for_a_bare_resource_does_not_for_an_owned_one(ward: Ward, hospital: Actor) -> None:
    clinician = ward.enrol("person")
    ward.set_policy(
        hospital,
        '@id("owned") forbid (principal, action == Telesphor::Action::"open-visit", resource)'
        " when { resource has owner };",
    )
    bare = Resource(kind=ResourceKind.VISIT, id=ward.ids.next())
    ward.ask(clinician, "open-visit", bare, standing=True)
    ward.ask(clinician, "open-visit", bare, standing=True)
    owned = Resource(kind=ResourceKind.VISIT, id=bare.id, owner=hospital.id)
    with pytest.raises(AccessDenied):
        ward.ask(clinician, "open-visit", owned, standing=True)


def test_change_in_a_watched_store_is_looked_at_at_once(ward: Ward, place: Resource) -> None:
    clinician, team = ward.enrol("person"), ward.ids.next()
    ask = Ask(action=Action.OPEN_VISIT, resource=place)
    ward.ask(clinician, "open-visit", place, standing=True)
    groups: list[str] = []
    sources = replace(ward.sources, groups_of=lambda _state, _actor: tuple(groups), watched=(STORE,))

    def look(state: State) -> None:
        assert permit_standing(clinician, ask, state, sources=sources) is STANDING
        groups.append(team)
        state.memory_of(STORE, *sources.watched).clear()  # as the writer does for an entry of those tables
        assert permit_standing(clinician, ask, state, sources=sources).drafts

    ward.within(look)


def test_known_answer_takes_no_longer_than_a_few_look_ups(ward: Ward, place: Resource) -> None:
    clinician = ward.enrol("person")
    ask = Ask(action=Action.OPEN_VISIT, resource=place)
    ward.ask(clinician, "open-visit", place, standing=True)
    spent: list[float] = []

    def look(state: State) -> None:
        permit_standing(clinician, ask, state, sources=ward.sources)
        for _ in range(5):
            started = perf_counter()
            for _ in range(1_000):
                permit_standing(clinician, ask, state, sources=ward.sources)
            spent.append((perf_counter() - started) / 1_000)

    ward.within(look)
    assert min(spent) < 10 * MICROSECOND  # under 2 on a quiet machine; here others run beside it


def types(ward: Ward) -> list[str]:
    return [entry.type for entry in ward.entries()]
