"""The Cedar text of a token, and rules that try to be more than one condition."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.capabilities.access.documents import document_of
from telesphor.capabilities.access.engine import check_types, read_policies
from telesphor.capabilities.access.model import TokenPolicy
from telesphor.capabilities.access.policies import SCHEMA, check_token_policy
from telesphor.capabilities.access.tokens.compile import (
    Compilable,
    check_rule,
    check_text,
    compile_policy,
    prepare_rule,
)
from telesphor.capabilities.access.tokens.model import RULE_CHARS_MAX, GrantedAction, TermsDocument, TokenId
from telesphor.capabilities.access.tokens.refusals import RuleRefused
from telesphor.kernel import canonical

TOKEN = Compilable(
    token="01900000-0000-7000-8000-000000000001",
    holder="01900000-0000-7000-8000-000000000002",
    to_group=False,
    dataset="01900000-0000-7000-8000-000000000003",
    actions=("export", "read"),
    purposes=("payment", "treatment"),
    not_before="2026-11-22T00:00:00.000Z",
    not_after="2026-11-23T00:00:00.000Z",
    factors=("licence.licensed_in=WA",),
    rules=('context.assurance == "passkey"',),
)
TEXT = """\
@id("token:01900000-0000-7000-8000-000000000001")
permit (
  principal == Telesphor::Actor::"01900000-0000-7000-8000-000000000002",
  action in [Telesphor::Action::"export", Telesphor::Action::"read"],
  resource in Telesphor::Dataset::"01900000-0000-7000-8000-000000000003"
)
when { context.now >= 1795305600000 && context.now < 1795392000000 }
when { context has purpose && ["payment", "treatment"].contains(context.purpose) }
when { context.factors.containsAll(["licence.licensed_in=WA"]) }
when {
context.assurance == "passkey"
};
"""


def test_text_is_the_one_form() -> None:
    assert compile_policy(TOKEN) == TEXT


def test_token_of_a_group_is_for_who_is_in_it() -> None:
    text = compile_policy(TOKEN._replace(to_group=True))
    assert 'principal in Telesphor::Group::"01900000-0000-7000-8000-000000000002"' in text
    check_token_policy(TokenPolicy(TOKEN.token, text))


@pytest.mark.parametrize("action", list(GrantedAction))
def test_every_action_fits_the_schema_alone(action: GrantedAction) -> None:
    check_types(document_of(compile_policy(TOKEN._replace(actions=(action.value,))).encode()), SCHEMA)


def test_all_actions_fit_the_schema_together() -> None:
    every = tuple(sorted(GrantedAction))
    check_types(document_of(compile_policy(TOKEN._replace(actions=every, rules=())).encode()), SCHEMA)


def test_factor_cannot_leave_its_quotes() -> None:
    text = compile_policy(TOKEN._replace(factors=('a.b="]) || true || ([\\"',), rules=()))
    [policy] = read_policies(document_of(text.encode()))
    [condition] = policy.form["conditions"][2:]
    assert "containsAll" in condition["body"]


@pytest.mark.parametrize(
    "rule",
    [
        'context has location && context.location == "ward-7"',
        'principal.roles.contains("nurse") // whoever is one',
        "if true then false else true",
        'principal.kind == "}; permit (principal, action, resource);"',
        "true\n//}\n",
        "(" * 20 + "true" + ")" * 20,
    ],
)
def test_rule_that_is_one_condition_is_taken(rule: str) -> None:
    check_rule(rule, actions=("read",))
    check_text(TOKEN._replace(rules=(rule, rule)))


@pytest.mark.parametrize(
    "rule",
    [
        "true }; permit (principal, action, resource) when { true",
        'true }; @id("token:x") permit (principal, action, resource) when { true',
        "true }; forbid (principal, action, resource) when { true",
        "true } when { true",
        "true } unless { false",
        "true } // ",
        "true };//",
        "} when {",
        "",
        "   ",
        "\n//\n",
        "true;",
        "true, true",
        "?principal == principal",
        "principal == ?principal",
        '"true"',
        "1",
        "context.nothing",
        'context.location == "ward-7"',
        'context.now == "now"',
        'principal.name == "x"',
        'principal in Telesphor::Team::"x"',
        'principal == "é"',
        "true\x00",
        "true\u2028",
        "(" * 25 + "true" + ")" * 25,
        "(" * 2_000 + "true" + ")" * 2_000,
        "[" * 500,
        "true && " * 500 + "true",
        "if true then true else " * 70 + "true",
        "!" * 600 + "true",
        "-" * 600 + "1 == 1",
    ],
)
def test_rule_that_is_something_else_is_refused(rule: str) -> None:
    with pytest.raises(RuleRefused):
        check_rule(rule, actions=("read",))
    prepare_rule(rule, actions=("read",))  # ahead of its decision nothing is raised


def test_longest_chains_of_operators_that_fit_are_read_or_refused_and_harm_nothing() -> None:
    for part, end in (("true&&", "true"), ("1+", "1==1"), ("true||", "true"), ("context", ".a" * 500)):
        rule = part * max(1, (RULE_CHARS_MAX - len(end)) // len(part) - 1) + end
        if part == "context":
            rule = part + end
        try:
            check_rule(rule, actions=("read",))
            check_text(TOKEN._replace(rules=(rule,) * 5))
        except RuleRefused:
            continue


def test_rules_that_together_are_too_much_are_refused() -> None:
    rule = "if true then true else " * 40 + "true"
    check_rule(rule, actions=("read",))
    with pytest.raises(RuleRefused):
        check_text(TOKEN._replace(rules=(rule, rule)))


def test_terms_document_has_the_one_form() -> None:
    document = TermsDocument(
        token=TokenId(TOKEN.token), required_factors=TOKEN.factors, rules=TOKEN.rules, salt="A" * 22
    )
    data = msgspec.json.encode(document, order="sorted")
    assert data == canonical.encode(json.loads(data))
    assert data == (
        b'{"format":"telesphor-token-terms/1","required_factors":["licence.licensed_in=WA"],'
        b'"rules":["context.assurance == \\"passkey\\""],"salt":"AAAAAAAAAAAAAAAAAAAAAA",'
        b'"token":"01900000-0000-7000-8000-000000000001"}'
    )


FRAGMENTS = [
    "true", "false", " ", "\n", "}", "{", "}; ", " when {", " unless {", "permit (principal, action, resource)",
    "forbid (principal, action, resource)", '@id("token:x")', "//", '"', "\\", "(", ")", "[", "]", "&&", "||", "!",
    "==",
    "context.now", "principal", "resource", "?principal", '"}"', "if ", " then ", " else ", ";",
    ",", "1", " in ", " has owner",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))
def test_whatever_rule_is_taken_changes_nothing_but_the_last_condition(rule: str) -> None:
    try:
        check_rule(rule, actions=("read",))
    except RuleRefused:
        return
    [plain] = read_policies(document_of(compile_policy(TOKEN._replace(rules=())).encode()))
    [whole] = read_policies(document_of(compile_policy(TOKEN._replace(rules=(rule,))).encode()))
    assert whole.form["conditions"][:-1] == plain.form["conditions"]
    assert {**whole.form, "conditions": ()} == {**plain.form, "conditions": ()}
