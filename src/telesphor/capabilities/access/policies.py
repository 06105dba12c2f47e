"""Which policy texts this node takes: the organisation's when they are set, a token's when it is minted.

A text is taken whole or not at all. Whoever sets policies is told what is wrong and where; what is taken is
a document, and the ledger names it by digest.

INVARIANT: a token's policy is one permit for named principals, actions and resources, whatever its rule says.

Start at `check_policies` and `check_rule`.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from telesphor.capabilities.access.documents import Document, document_of
from telesphor.capabilities.access.engine import Policy, check_types, read_policies, write_policy
from telesphor.capabilities.access.model import DecisionRefused, PolicyRefused, TokenPolicy
from telesphor.capabilities.access.remembered import Remembered
from telesphor.capabilities.access.vocabulary import BASE_TEXT, SCHEMA_TEXT, TOKEN_PREFIX

POLICIES_MAX: Final = 200
"""Policies of one text: twice what the decision's target speed is measured with."""

RULE_CHARS_MAX: Final = 4_096
"""A token's own condition: more than a person reads before granting."""

TOKEN_TEXT_CHARS_MAX: Final = 16_384
"""A token's whole policy: its rule, its actions and its factors."""

Slot = Literal["base", "rules"]
"""`base` replaces the shipped base; `rules` stand beside it."""

SCHEMA: Final = document_of(SCHEMA_TEXT.encode("ascii"))
BASE: Final = document_of(BASE_TEXT.encode("ascii"))

GRANTS_REMEMBERED_CHARS: Final = 16 * 1024 * 1024
"""Policies of tokens that were looked at lately, of a kilobyte each: every decision takes those of its actor."""

_grants: Remembered[tuple[str, str], Document] = Remembered(
    GRANTS_REMEMBERED_CHARS, lambda document: len(document.data)
)

_RULE_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_BASE_ID = re.compile(r"base:[a-z0-9][a-z0-9._-]{0,58}")
_NAMED = ("==", "in")
_PROBE = '@id("token:rule") permit (principal, action, resource)\nwhen {{\n{}\n}};\n'


def check_policies(text: str, *, slot: Slot) -> Document:
    """Take the text of a slot, as a document.

    1. It is ASCII and bounded, and Cedar reads it.
    2. Each policy has an `@id` of the slot's form, no two the same; none is a template.
    3. All of it fits the schema, in Cedar's strict mode.

    Raises:
        PolicyRefused: naming the first policy that is wrong.
    """
    document = _ascii(text)
    policies = read_policies(document)
    if not policies:
        raise PolicyRefused("the text has no policy", hint="to clear a slot, send no text at all")
    if len(policies) > POLICIES_MAX:
        raise PolicyRefused(f"the text has more than `{POLICIES_MAX}` policies")
    wanted = _BASE_ID if slot == "base" else _RULE_ID
    for policy in policies:
        if wanted.fullmatch(policy.id) is None:
            raise PolicyRefused(
                "a policy's `@id` does not have the form of its slot",
                hint=f"lower-case words, {'after `base:`' if slot == 'base' else 'without a colon'}",
            )
    check_types(document, SCHEMA)
    return document


def check_rule(rule: str) -> None:
    """Take a token's rule: one Cedar condition, ASCII, that fits the schema; an empty one asks for nothing.

    INVARIANT: a rule that is taken, set between the braces of a `when`, is exactly that condition: it ends no
    policy and begins none.

    Raises:
        PolicyRefused: it is something else.
    """
    if not rule:
        return
    if len(rule) > RULE_CHARS_MAX:
        raise PolicyRefused(f"the rule has more than `{RULE_CHARS_MAX}` characters")
    probe = _ascii(_PROBE.format(rule))
    policies = read_policies(probe)
    if len(policies) != 1 or not _is_bare(policies[0]):
        raise PolicyRefused(
            "the rule is not one condition", hint="write what stands between the braces of `when`"
        )
    check_types(probe, SCHEMA)


def check_token_policy(policy: TokenPolicy) -> Document:
    """Take the policy that a token brings.

    Raises:
        PolicyRefused: it is not one permit under the token's id, for named principals, actions and resources.
    """
    return _grants.get((policy.id, policy.text), lambda: _read_grant(policy))


def _read_grant(policy: TokenPolicy) -> Document:
    if len(policy.text) > TOKEN_TEXT_CHARS_MAX:
        raise PolicyRefused("the policy of a token is too long")
    document = _ascii(policy.text)
    parsed = read_policies(document)
    if len(parsed) != 1 or not _is_grant(parsed[0], TOKEN_PREFIX + policy.id):
        raise PolicyRefused("the policy of a token is not one grant under the token's id")
    return document


def ids_of(document: Document) -> tuple[str, ...]:
    """The ids of a text's policies, in order."""
    return tuple(policy.id for policy in read_policies(document))


def texts_by_id(document: Document) -> dict[str, str]:
    """Each policy of a text by id, for showing people what decided.

    Written anew from what was parsed: a text can be laid out so that it looks like another.
    """
    return {policy.id: write_policy(policy) for policy in read_policies(document)}


def _ascii(text: str) -> Document:
    try:
        return document_of(text.encode("utf-8"))
    except (DecisionRefused, UnicodeEncodeError) as error:
        raise PolicyRefused("the policies are not ASCII text of a bounded size") from error


def _is_bare(policy: Policy) -> bool:
    """Exactly the probe: one `when`, nothing else added."""
    form = policy.form
    conditions = form["conditions"]
    return (
        form["effect"] == "permit"
        and policy.id == "token:rule"
        and len(form["annotations"]) == 1
        and all(form[part]["op"] == "All" for part in ("principal", "action", "resource"))
        and len(conditions) == 1
        and conditions[0]["kind"] == "when"
    )


def _is_grant(policy: Policy, id: str) -> bool:
    form = policy.form
    return (
        form["effect"] == "permit"
        and policy.id == id
        and len(form["annotations"]) == 1
        and all(form[part]["op"] in _NAMED for part in ("principal", "action", "resource"))
        and all(condition["kind"] == "when" for condition in form["conditions"])
    )
