"""A token as Cedar text: one `permit`, in one fixed form, that says all but whether the token lives.

    @id("token:<id>")
    permit (
      principal == Telesphor::Actor::"<holder>",
      action in [Telesphor::Action::"read"],
      resource in Telesphor::Dataset::"<dataset>"
    )
    when { context.now >= 1795348275123 && context.now < 1797940275123 }
    when { context has purpose && ["treatment"].contains(context.purpose) }
    when { context.factors.containsAll(["licence.licensed_in=WA"]) }
    when {
    <rule>
    };

A rule is one Cedar condition, written by whoever grants. INVARIANT: with any rule that is accepted, the text has
the very scope and conditions above, and the rule is its last condition: nothing in it gets out of its braces.

Start at `compile_policy`; `check_rule` is what a rule must pass first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from telesphor.capabilities.access import policies
from telesphor.capabilities.access.documents import Document, document_of
from telesphor.capabilities.access.engine import check_types, read_policies
from telesphor.capabilities.access.model import PolicyRefused, TokenPolicy
from telesphor.capabilities.access.policies import check_token_policy
from telesphor.capabilities.access.tokens.refusals import RuleRefused
from telesphor.kernel.clock import parse_instant

RULES_REMEMBERED_MAX = 4_096
"""Outcomes of checks: organisations grant under a few rules, again and again."""

POLICIES_REMEMBERED_MAX = 16_384
"""Compiled texts, of a kilobyte each."""

_NOBODY = "00000000-0000-7000-8000-000000000000"


class Compilable(NamedTuple):
    """Everything of a token that its policy says; hashable, so that the text is made once."""

    token: str
    holder: str
    to_group: bool
    dataset: str
    actions: tuple[str, ...]
    purposes: tuple[str, ...]
    not_before: str
    not_after: str
    factors: tuple[str, ...]
    rules: tuple[str, ...]


@lru_cache(maxsize=POLICIES_REMEMBERED_MAX)
def compile_policy(token: Compilable) -> str:
    """The Cedar text of a token, its rules in the order in which they came to be."""
    principal = (
        f'principal in Telesphor::Group::"{token.holder}"'
        if token.to_group
        else f'principal == Telesphor::Actor::"{token.holder}"'
    )
    actions = ", ".join(f'Telesphor::Action::"{action}"' for action in token.actions)
    begin_ms, end_ms = parse_instant(token.not_before), parse_instant(token.not_after)
    conditions = [
        f"context.now >= {begin_ms} && context.now < {end_ms}",
        f"context has purpose && {_texts(token.purposes)}.contains(context.purpose)",
    ]
    if token.factors:
        conditions.append(f"context.factors.containsAll({_texts(token.factors)})")
    lines = [
        f'@id("token:{token.token}")',
        "permit (",
        f"  {principal},",
        f"  action in [{actions}],",
        f'  resource in Telesphor::Dataset::"{token.dataset}"',
        ")",
        *(f"when {{ {condition} }}" for condition in conditions),
        # On lines of its own, so that a comment at a rule's end does not swallow the brace.
        *(f"when {{\n{rule}\n}}" for rule in token.rules),
    ]
    return "\n".join(lines) + ";\n"


def check_rule(rule: str, *, actions: tuple[str, ...]) -> None:
    """Refuse a rule that is not exactly one condition, or that the schema does not know.

    1. It is short, printable ASCII, not deep, and alone in a policy one condition that fits the schema.
    2. In the text of a token for these actions everything but the last condition is as it is without it.
    3. The whole is valid under the schema, strictly.

    Raises:
        RuleRefused.
    """
    fault = _fault_of(rule, actions)
    if fault is not None:
        raise RuleRefused(fault[0], hint=fault[1])


def prepare_rule(rule: str, *, actions: tuple[str, ...]) -> None:
    """Check a rule ahead of its decision, which then finds the outcome remembered; raises nothing."""
    if rule:
        _fault_of(rule, actions)


def check_text(token: Compilable) -> None:
    """Refuse a token whose rules together are more than a decision takes; raises `RuleRefused`."""
    try:
        check_token_policy(TokenPolicy(token.token, compile_policy(token)))
    except PolicyRefused as error:
        raise RuleRefused(f"the rules together are refused: {error.message}", hint=error.hint) from error


@lru_cache(maxsize=RULES_REMEMBERED_MAX)
def _fault_of(rule: str, actions: tuple[str, ...]) -> tuple[str, str] | None:
    """What is wrong with a rule, and a hint; None where nothing is."""
    try:
        policies.check_rule(rule)
        [whole] = read_policies(_probe(actions, (rule,)))
        [without] = read_policies(_probe(actions, ()))
        if whole.form != {**without.form, "conditions": [*without.form["conditions"], _condition(rule)]}:
            return "the rule is not one Cedar condition", "write what stands between the braces of `when`"
        check_types(_probe(actions, (rule,)), policies.SCHEMA)
    except PolicyRefused as error:
        return f"the rule is refused: {error.message}", error.hint
    return None


def _condition(rule: str) -> object:
    """The rule as Cedar reads it where it stands alone."""
    [alone] = read_policies(
        _document(f'@id("token:rule")\npermit (principal, action, resource)\nwhen {{\n{rule}\n}};')
    )
    [condition] = alone.form["conditions"]
    return condition


def _probe(actions: tuple[str, ...], rules: tuple[str, ...]) -> Document:
    """The text of a token of nobody's, to check a rule in."""
    return _document(
        compile_policy(
            Compilable(
                token=_NOBODY,
                holder=_NOBODY,
                to_group=False,
                dataset=_NOBODY,
                actions=actions,
                purposes=("treatment",),
                not_before="1970-01-01T00:00:00.000Z",
                not_after="9999-12-31T23:59:59.999Z",
                factors=(),
                rules=rules,
            )
        )
    )


def _document(text: str) -> Document:
    return document_of(text.encode("ascii"))


def _texts(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    """A Cedar string; the values are printable ASCII, so that only two characters need an escape."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
