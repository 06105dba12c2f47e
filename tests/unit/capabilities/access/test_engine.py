"""Cedar behind our own rules: what it reads, what it must never be given, and what its answers come to."""

from __future__ import annotations

from collections.abc import Sequence

import cedarpy
import msgspec
import pytest

from telesphor.capabilities.access.documents import Document, document_of
from telesphor.capabilities.access.engine import (
    DEPTH_MAX,
    INPUT_FAILED,
    Evaluation,
    check_types,
    evaluate,
    looks_at_the_moment,
    read_policies,
    write_policy,
)
from telesphor.capabilities.access.model import DecisionRefused, PolicyRefused
from telesphor.capabilities.access.policies import BASE, SCHEMA

PERMIT = "permit (principal, action, resource)"
BOMBS = {
    "brackets": "(" * 15_000 + "true" + ")" * 15_000,
    "sets": "[" * 15_000 + "]" * 15_000 + " == []",
    "records": "{a:" * 15_000 + "1" + "}" * 15_000 + " == 1",
    "conditionals": "if true then " * 3_000 + "true" + " else false" * 3_000,
    "closed-first": ")" * 20_000 + "(" * 20_000,
    "behind-a-text": '"\\"" == "(" && ' + "(" * 10_000,
    "behind-a-comment": '// "\n' + "(" * 10_000,
    "behind-a-return": "true // \r && " + "(" * 10_000 + "true" + ")" * 10_000,
    "longest-sum": "1" + "+1" * 30_000 + " > 0",
    "longest-path": "context" + ".a" * 30_000 + " == 1",
    "longest-has": "context has a" + ".a" * 30_000,
    "longest-product": "1" + "*1" * 30_000 + " > 0",
    "long-index": "context" + '["a"]' * 12_000 + " == 1",
    "control": "true // \x0b",
    "long-sum": "1" + "+1" * 15_000 + " > 0",
    "long-and": "true" + "&&true" * 9_000,
    "long-path": "context" + ".a" * 15_000 + " == 1",
    "too-long": "true " + "|| true" * 12_000,
}


def test_policies_are_read_in_order_with_their_ids() -> None:
    text = "\n".join(f'@id("p-{number}") {PERMIT};' for number in range(23))
    assert [policy.id for policy in read_policies(doc(text))] == [f"p-{number}" for number in range(23)]


@pytest.mark.parametrize("bomb", BOMBS)
def test_text_that_would_end_the_parser_is_refused(bomb: str) -> None:
    with pytest.raises(PolicyRefused):
        read_policies(doc(f'@id("bomb") {PERMIT} when {{ {BOMBS[bomb]} }};'))


def test_deepest_text_that_is_taken_is_decided() -> None:
    inner = DEPTH_MAX - 1
    text = f'@id("deep") {PERMIT} when {{ {"(" * inner}true{")" * inner} }};'
    assert ask([doc(text)]).reasons == ("deep",)
    with pytest.raises(PolicyRefused):
        read_policies(doc(f'@id("deep") {PERMIT} when {{ {"(" * DEPTH_MAX}true{")" * DEPTH_MAX} }};'))


def test_bomb_does_not_come_to_the_validator() -> None:
    with pytest.raises(PolicyRefused):
        check_types(doc(f'@id("bomb") {PERMIT} when {{ {BOMBS["longest-sum"]} }};'), SCHEMA)


def test_many_policies_of_one_text_do_not_count_together() -> None:
    condition = " && ".join(["true"] * 50)
    text = "".join(f'@id("p{number}") {PERMIT} when {{ {condition} }};' for number in range(20))
    assert len(read_policies(doc(text))) == 20


def test_policy_is_shown_as_it_is_evaluated() -> None:
    """A text whose lines look like a harmless policy, within another's text value."""
    text = (
        '@id("a") permit (principal, action, resource) when { "\n@id(\\"a\\") forbid (principal);\n" != "" };'
    )
    (policy,) = read_policies(doc(text))
    shown = write_policy(policy)
    assert shown.startswith('@id("a")\npermit') and "\nforbid" not in shown


def test_schema_that_nests_too_deep_is_refused() -> None:
    text = "entity A { a: " + "Set<" * 10_000 + "Long" + ">" * 10_000 + " };"
    with pytest.raises(DecisionRefused):
        ask([BASE], schema=doc(text))


@pytest.mark.parametrize(
    "text",
    [
        f"{PERMIT};",
        f"@id {PERMIT};",
        f'@id("") {PERMIT};',
        f'@id("policy7") {PERMIT};',
        f'@id("twin") {PERMIT}; @id("twin") {PERMIT};',
        '@id("slot") permit (principal == ?principal, action, resource);',
        '@id("escape") permit (principal == Telesphor::Actor::"\\u{e9}", action, resource);',
        "permit",
    ],
    ids=["no-id", "bare-id", "empty-id", "numbered", "twins", "template", "escaped-non-ascii", "no-cedar"],
)
def test_text_is_refused(text: str) -> None:
    with pytest.raises(PolicyRefused):
        read_policies(doc(text))


def test_same_id_in_two_texts_is_refused() -> None:
    with pytest.raises(PolicyRefused):
        ask([doc(f'@id("twin") {PERMIT};'), doc(f'@id("twin") {PERMIT} when {{ true }};')])


def test_reasons_are_sorted_and_by_id_whatever_the_order_of_texts() -> None:
    texts = [doc(f'@id("{name}") {PERMIT};') for name in ("b", "token:z", "a", "token:y")]
    assert ask(texts).reasons == ("a", "b", "token:y", "token:z")
    assert ask(texts[::-1]) == ask(texts)


def test_no_policy_at_all_denies() -> None:
    assert ask([]) == Evaluation(False, (), ())


def test_forbid_wins_over_tokens() -> None:
    texts = [doc('@id("no") forbid (principal, action, resource);'), doc(f'@id("token:t") {PERMIT};')]
    assert ask(texts) == Evaluation(False, ("no",), ())


def test_policy_that_fails_denies_though_another_permits() -> None:
    broken = doc(f'@id("broken") {PERMIT} when {{ context.now + 9223372036854775807 > 0 }};')
    assert ask([doc(f'@id("fine") {PERMIT};'), broken]) == Evaluation(False, (), ("broken",))


def test_token_that_fails_permits_nothing_and_hinders_nobody() -> None:
    broken = doc(f'@id("token:broken") {PERMIT} when {{ context.now + 9223372036854775807 > 0 }};')
    fine = doc(f'@id("token:fine") {PERMIT};')
    assert ask([broken, fine]) == Evaluation(True, ("token:fine",), ("token:broken",))
    assert ask([broken]) == Evaluation(False, (), ("token:broken",))


@pytest.mark.parametrize("action", ["Telesphor::Action::fly", "Other::Action::read"])
def test_action_that_the_schema_lacks_denies(action: str) -> None:
    type, _, id = action.rpartition("::")
    found = ask([doc(f'@id("all") {PERMIT};')], action={"type": type, "id": id})
    assert found == Evaluation(False, (), (INPUT_FAILED,))


@pytest.mark.parametrize(
    "context", ["{}", "{", '{"now":"1"}', "[]", '{"now":1,"extra":true}'], ids=lambda text: text or "empty"
)
def test_context_that_does_not_fit_denies(context: str) -> None:
    assert ask([doc(f'@id("all") {PERMIT};')], context=context) == Evaluation(False, (), (INPUT_FAILED,))


@pytest.mark.parametrize(
    "entities",
    [
        "[{}]",
        "{",
        '[{"uid":{"type":"Telesphor::Actor","id":"a"},"attrs":{"kind":7,"roles":[]},"parents":[]}]',
        '[{"uid":{"type":"Telesphor::King","id":"a"},"attrs":{},"parents":[]}]',
    ],
    ids=["empty", "no-json", "wrong-type", "unknown-type"],
)
def test_entities_that_do_not_fit_deny(entities: str) -> None:
    found = ask([doc(f'@id("all") {PERMIT};')], entities=entities)
    assert found == Evaluation(False, (), (INPUT_FAILED,))


def test_base_looks_at_the_moment_for_broken_glass_only() -> None:
    assert looks_at_the_moment(BASE, "break-glass")
    assert not looks_at_the_moment(BASE, "open-visit")


@pytest.mark.parametrize(
    "scope", ["action", 'action in Telesphor::Action::"release"', 'action in [Telesphor::Action::"release"]']
)
def test_rule_for_many_actions_about_the_moment_counts_for_each(scope: str) -> None:
    text = doc(f'@id("many") forbid (principal, {scope}, resource) unless {{ context.now > 0 }};')
    assert looks_at_the_moment(text, "read")


def test_engine_alone_would_have_let_a_failing_forbid_pass() -> None:
    """Why a failure denies here: Cedar leaves a policy that fails out of account, a `forbid` as well."""
    text = (
        f'@id("fine") {PERMIT};'
        '@id("no") forbid (principal, action, resource) when { context.now + 9223372036854775807 > 0 };'
    )
    request = {"principal": 'A::"a"', "action": 'Action::"b"', "resource": 'A::"c"', "context": {"now": 1}}
    assert cedarpy.is_authorized(request, text, []).allowed
    assert ask([doc(text)]) == Evaluation(False, (), ("no",))


def doc(text: str) -> Document:
    return document_of(text.encode())


def ask(
    policies: Sequence[Document],
    *,
    schema: Document = SCHEMA,
    entities: str = '[{"attrs":{"kind":"person","roles":[]},"parents":[],"uid":{"id":"a","type":"Telesphor::Actor"}}]',
    action: dict[str, str] | None = None,
    context: str = "",
) -> Evaluation:
    at = {"__extn": {"fn": "datetime", "arg": "2026-11-22T11:51:15.123Z"}}
    usual = {"now": 1, "at": at, "factors": [], "self_declared": [], "assurance": "key"}
    return evaluate(
        policies=policies,
        schema=schema,
        entities=document_of(entities.encode()),
        principal={"type": "Telesphor::Actor", "id": "a"},
        action=action or {"type": "Telesphor::Action", "id": "read"},
        resource={"type": "Telesphor::Object", "id": "o"},
        context=context or msgspec.json.encode(usual).decode(),
    )
