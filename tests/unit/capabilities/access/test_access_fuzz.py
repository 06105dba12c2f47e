"""Texts and documents of a stranger's making: read, or refused by name; never anything else, and never for long."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.capabilities.access.documents import document_of
from telesphor.capabilities.access.engine import read_policies, write_policy
from telesphor.capabilities.access.model import PolicyRefused
from telesphor.capabilities.access.policies import check_policies, check_rule
from telesphor.capabilities.access.replay import replay_decision
from telesphor.capabilities.access.vocabulary import BASE_TEXT
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.access.decided import Decided
from tests.unit.capabilities.access.test_replay import PARTS, named, retell

BITS = (
    *"(){};\"![],+.\\é\r\n", "//", "when", "unless", "permit", "forbid", "@id", "principal", "context.now", "true",
    "&&", "||", "if", "then", "else", "==", "in", "has", "?principal", 'Telesphor::Actor::"a"', "9223372036854775807",
)  # fmt: skip
DECIDED = Decided()
DECIDED.decide(DECIDED.story.clinician)

texts = st.lists(st.sampled_from(BITS), max_size=60).map(" ".join)
places = st.integers(0, len(BASE_TEXT))


@settings(max_examples=150, deadline=None)
@given(texts, places, places)
def test_spliced_policies_are_read_or_refused(bit: str, start: int, end: int) -> None:
    try:
        check_policies(BASE_TEXT[:start] + bit + BASE_TEXT[end:], slot="base")
    except PolicyRefused:
        pass


@settings(max_examples=150, deadline=None)
@given(texts)
def test_any_rule_is_one_condition_or_refused(rule: str) -> None:
    try:
        check_rule(rule)
    except PolicyRefused:
        return
    if rule:
        text = f'@id("token:a") permit (principal, action, resource)\nwhen {{ false }}\nwhen {{\n{rule}\n}};'
        (policy,) = read_policies(document_of(text.encode()))
        assert len(policy.form["conditions"]) == 2


@settings(max_examples=60, deadline=None)
@given(places, places)
def test_what_is_read_is_the_same_when_written_and_read_again(start: int, end: int) -> None:
    try:
        policies = read_policies(document_of((BASE_TEXT[:start] + BASE_TEXT[end:]).encode()))
    except PolicyRefused:
        return
    for policy in policies:
        assert read_policies(document_of(write_policy(policy).encode())) == (policy,)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PARTS), st.data())
def test_any_document_replays_or_is_refused(part: str, data: st.DataObject) -> None:
    good = DECIDED.documents[named(DECIDED, DECIDED.positions[0], part)]
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 40)))
    forged = good[:start] + data.draw(st.binary(max_size=12)) + good[end:]
    digest = digest_of(forged)
    entry, documents = retell(DECIDED, {part: [digest] if part == "policies" else digest}, {digest: forged})
    try:
        replay_decision(entry, position=0, documents=documents)
    except TelesphorError:
        pass
