"""Which texts are taken as policies, rules and tokens, and which are refused."""

from __future__ import annotations

import pytest

from telesphor.capabilities.access.engine import read_policies
from telesphor.capabilities.access.model import PolicyRefused, TokenPolicy
from telesphor.capabilities.access.policies import (
    BASE,
    POLICIES_MAX,
    RULE_CHARS_MAX,
    check_policies,
    check_rule,
    check_token_policy,
    ids_of,
    texts_by_id,
)
from telesphor.capabilities.access.vocabulary import BASE_TEXT

FORBID = 'forbid (principal, action == Telesphor::Action::"print", resource)'


def test_shipped_base_is_taken() -> None:
    assert check_policies(BASE_TEXT, slot="base") == BASE


def test_shipped_base_only_permits() -> None:
    assert {policy.form["effect"] for policy in read_policies(BASE)} == {"permit"}


def test_each_policy_is_shown_as_it_is_written() -> None:
    shown = texts_by_id(BASE)
    assert tuple(shown) == ids_of(BASE)
    assert all(text.startswith(f'@id("{id}")\npermit') for id, text in shown.items())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "// nothing",
        f'@id("base:mine") {FORBID};',
        f'@id("token:mine") {FORBID};',
        f'@id("Loud") {FORBID};',
        f'@id("x") {FORBID} when {{ principal.age > 3 }};',
        f'@id("x") {FORBID} when {{ resource.owner == principal }};',
        f'@id("x") {FORBID} when {{ context.now == "noon" }};',
        '@id("x") forbid (principal, action == Telesphor::Action::"fly", resource);',
        '@id("x") forbid (principal == Telesphor::King::"a", action, resource);',
        f'@id("x") {FORBID}; // Zoë',
        f'@id("x") {FORBID} when {{ context.now }};',
        f'@id("{"x" * 65}") {FORBID};',
        "\n".join(f'@id("p{number}") {FORBID};' for number in range(POLICIES_MAX + 1)),
    ],
    ids=[
        "empty", "comment-only", "base-id", "token-id", "upper-case-id", "unknown-attribute", "unguarded-optional",
        "wrong-type", "unknown-action", "unknown-entity-type", "not-ascii", "not-boolean", "long-id", "too-many",
    ],
)  # fmt: skip
def test_policies_are_refused(text: str) -> None:
    with pytest.raises(PolicyRefused):
        check_policies(text, slot="rules")


def test_base_policies_bear_base_ids() -> None:
    with pytest.raises(PolicyRefused):
        check_policies(f'@id("mine") {FORBID};', slot="base")


def test_refusal_names_the_policy_that_does_not_fit() -> None:
    text = f'@id("fine") {FORBID};\n@id("wrong") {FORBID} when {{ resource.owner == principal }};'
    with pytest.raises(PolicyRefused, match="`wrong`"):
        check_policies(text, slot="rules")


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "true",
        "context.now < 5 // until then",
        'context.factors.contains("identity.over_18=true")',
        'resource has owner && resource.owner == principal && "} when {" != "x"',
    ],
)
def test_rule_is_taken(rule: str) -> None:
    check_rule(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "true } unless { false",
        "true } when { true",
        "true }; permit (principal, action, resource) when { true",
        'true }; @id("x") permit (principal, action, resource) when { true',
        "}; permit (principal, action, resource); permit (principal, action, resource) when {true",
        "context.now",
        "resource.owner == principal",
        "1 ==",
        "\N{LATIN SMALL LETTER E WITH ACUTE} == 1",
        "true" + " && true" * RULE_CHARS_MAX,
        "true" + " && true" * 400,
        "(" * 30 + "true" + ")" * 30,
    ],
    ids=[
        "unless-after", "second-when", "second-policy", "second-policy-with-id", "closes-first", "not-boolean",
        "unguarded", "half", "not-ascii", "too-long", "long-chain", "deep",
    ],
)  # fmt: skip
def test_rule_is_refused(rule: str) -> None:
    with pytest.raises(PolicyRefused):
        check_rule(rule)


def test_token_policy_with_another_annotation_is_refused() -> None:
    read = 'Telesphor::Action::"read"'
    scope = f'(principal == Telesphor::Actor::"a", action == {read}, resource == Telesphor::Object::"o")'
    assert check_token_policy(TokenPolicy("t", f'@id("token:t") permit {scope};'))
    for text in (
        f'@id("token:t") @more("x") permit {scope};',
        f'@id("token:t") permit {scope} unless {{ false }};',
    ):
        with pytest.raises(PolicyRefused):
            check_token_policy(TokenPolicy("t", text))
