"""What a visit's links bring with them: the whole of what can be taken back, and nothing for no reason."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from telesphor.capabilities.visits.model import LinkRole
from telesphor.kernel.bundle import write_bundle
from telesphor.kernel.ids import Stream, stream_of
from telesphor.verify import verify_bundle
from telesphor.verify.check_bundle import STEPS
from telesphor.verify.follow_links import LINK_ROLES, WHOLE_ROLES, streams_behind
from tests.unit.verify.builder import Story
from tests.vectors.bundles.grants import granted_bundle, granted_story, ground_bundle, named_bundle

LINKS = STEPS.index("links")


def test_roles_are_those_of_visits() -> None:
    assert set(LINK_ROLES) == {str(role) for role in LinkRole}
    assert set(WHOLE_ROLES) < set(LINK_ROLES)


def test_token_comes_whole_with_the_one_above_it_and_what_came_after_the_visit() -> None:
    story = granted_story()
    revoked = story.world.find("token.revoked/1")
    assert min(revoked) > story.on(story.visit)[-1]
    report = verify_bundle(granted_bundle())
    assert report.passed, report.to_text()
    assert "2 streams of what can be taken back" in report.steps[LINKS].proved


def test_end_of_a_token_that_the_bundle_does_not_show_is_the_nodes_word() -> None:
    """A stream that ends early is whole: the specification says on whose word its end rests."""
    story = granted_story()
    assert verify_bundle(story.bundle(drop=set(story.world.find("token.revoked/1")))).passed


@pytest.mark.parametrize(
    ("role", "type"),
    [
        ("access", "access.decided/1"),
        ("presentation", "presentation.presented/1"),
        ("device", "device.connected/1"),
        ("token", "token.minted/1"),
        ("group", "group.formed/1"),
        ("break-glass", "break-glass.opened/1"),
        ("contract", "contract.executed/1"),
    ],
)
def test_link_of_each_role_is_followed_to_its_entry_and_its_actors_keys(role: str, type: str) -> None:
    story = Story.told(until="close")
    stranger = story.world.actor("stranger", "person")
    story.world.register(story.clinic, stranger)
    stream = stream_of(role, story.world.ids.next())
    story.say(type, stream, of=stranger.id)
    story.build_on(stream, role=role)
    story.close()
    history = set(story.on(stream_of("actor", stranger.id)))
    report = verify_bundle(story.bundle(add=history))
    assert report.passed, report.to_text()
    assert "3 links followed" in report.steps[LINKS].proved
    assert verify_bundle(story.bundle(drop=set(story.on(stream)))).steps[-1].code == "linked-entry-missing"


def test_selection_need_not_show_what_its_links_lead_to_whole() -> None:
    story = granted_story()
    [link, *_] = [p for p in story.on(story.visit) if story.world.entry(p).body.get("role") == "token"]
    token = story.world.entry(link).body["stream"]
    parts = story.selected({link, story.on(Stream(str(token)))[0]})
    assert verify_bundle(write_bundle(parts, sign=story.world.node.key)).passed


def test_what_a_step_rests_on_may_be_linked_with_the_step() -> None:
    assert verify_bundle(ground_bundle()).passed


def test_what_was_linked_by_name_verifies() -> None:
    assert verify_bundle(named_bundle()).passed


def name(number: int) -> str:
    return f"0190f0f0-0000-7000-8000-{number:012d}"


def token(number: int) -> Stream:
    return stream_of("token", name(number))


def behind(parents: Mapping[int, object], *links: tuple[str, Stream]) -> list[Stream]:
    bodies = {token(number): {"parent": parent} for number, parent in parents.items()}
    return list(streams_behind(links, lambda stream: bodies.get(stream, {})))


def test_tokens_are_followed_up_to_the_first() -> None:
    parents = {1: None, 2: name(1), 3: name(2), 9: name(1)}
    assert behind(parents, ("token", token(3))) == [token(3), token(2), token(1)]


def test_tokens_that_are_each_others_parents_end() -> None:
    assert behind({1: name(2), 2: name(1)}, ("token", token(1))) == [token(1), token(2)]


def test_other_roles_bring_one_stream_or_none() -> None:
    group, decision = stream_of("group", name(1)), stream_of("access", name(1))
    assert behind({}, ("group", group), ("access", decision), ("group", group)) == [group]
