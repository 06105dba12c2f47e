"""Cedar, held at arm's length: policies, schema and entities parsed once, by digest, and one way to ask.

The engine is `cedarpy` (Cedar's own implementation, in Rust). What it says is narrowed here to what we rely on:
no decision means deny, and a policy of the base or the organisation that cannot be evaluated means deny. A
token's policy that cannot be evaluated permits nothing and takes nothing from others: tokens only permit, and
otherwise whoever grants a token could lock its holder out.

Start at `evaluate`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import cedarpy

from telesphor.capabilities.access.documents import Document
from telesphor.capabilities.access.model import DecisionRefused, PolicyRefused
from telesphor.capabilities.access.remembered import Remembered
from telesphor.capabilities.access.vocabulary import ACTION_GROUPS, TOKEN_PREFIX

COMPILED_POLICIES_MAX: Final = 50_000
"""Policies in the sets that are kept ready, with the tokens of one ask each: about 100 MB."""

STANDING_SETS_REMEMBERED_MAX: Final = 16
"""The organisation's own policies, as they were lately."""

ENTITIES_REMEMBERED_MAX: Final = 4_096
"""Entity sets: the usual one has a handful, a few kilobytes."""

SCHEMAS_REMEMBERED_MAX: Final = 8
PARSED_CHARS_MAX: Final = 64 * 1024 * 1024
"""Parsed texts. By size, not by number: anybody who is registered may send the largest text, and have it refused."""

ANSWERS_REMEMBERED_MAX: Final = 4_096
"""What was found out about one text: a word each."""

INPUT_FAILED: Final = "engine:input"
"""Stands among the failed policies where the request or the entities are not those of the schema."""

TEXT_BYTES_MAX: Final = 64 * 1024
"""Policies of one text; a hundred take about half of it, and so does the schema."""

SET_BYTES_MAX: Final = 4 * 1024 * 1024
"""Policies of one decision: the base, sixteen organisations' rules and 64 tokens come to half of it."""

DEPTH_MAX: Final = 24
"""Brackets within each other. INVARIANT: no deeper text reaches the engine, whose parser recurses without a bound
of its own: some ten thousand brackets end the process."""

CHAIN_MAX: Final = 256
"""Operators, member accesses and `if` of one policy, which nest without brackets: `1+1+1` and so on, thirty thousand
times, ends the process too."""

_IF_COUNTS: Final = 4
"""An `if` takes the parser several steps."""

_CONTROL = re.compile(r"[^\t\n\r -~]")
_ASIDE = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|//[^\r\n]*+')  # as Cedar reads texts and comments
_MARK = re.compile(r"[\[\](){};]|&&|\|\||[-+*.!]|\bif\b")
_SCHEMA_MARK = re.compile(r"[\[\](){}<>]")
_NUMBERED = re.compile(r"policy[0-9]+")
_FAILED = re.compile(r"error while evaluating policy `([^`]{1,100})`")


class Evaluation(NamedTuple):
    """What the engine says: allowed or not, the policies that determined it and those that failed, sorted."""

    allowed: bool
    reasons: tuple[str, ...]
    failed: tuple[str, ...]


class Policy(NamedTuple):
    """One parsed policy: its `@id`, and Cedar's JSON form of it as text, a tenth of the size of what it stands for."""

    id: str
    json: str

    @property
    def form(self) -> Any:
        """The JSON form, read anew."""
        return json.loads(self.json)


class CompiledSet(NamedTuple):
    """Policies ready to be asked, and what Cedar's own names of some of them stand for."""

    handle: cedarpy.PolicySet
    names: Mapping[str, str]


def _chars_of(policies: Sequence[Policy]) -> int:
    return sum(len(policy.json) for policy in policies)


_texts: Remembered[str, tuple[Policy, ...]] = Remembered(PARSED_CHARS_MAX, _chars_of)
_sets: Remembered[tuple[str, ...], cedarpy.PolicySet] = Remembered(STANDING_SETS_REMEMBERED_MAX)
_compiled: Remembered[tuple[str, ...], CompiledSet] = Remembered(
    COMPILED_POLICIES_MAX, lambda made: 1 + len(made.handle)
)
_schemas: Remembered[str, cedarpy.Schema] = Remembered(SCHEMAS_REMEMBERED_MAX)
_literals: Remembered[str, frozenset[str]] = Remembered(
    PARSED_CHARS_MAX, lambda made: 1 + sum(map(len, made))
)
_checked: Remembered[tuple[str, str], None] = Remembered(ANSWERS_REMEMBERED_MAX)
_moments: Remembered[tuple[str, str], bool] = Remembered(ANSWERS_REMEMBERED_MAX)
_entities: Remembered[tuple[str, str], cedarpy.Entities] = Remembered(ENTITIES_REMEMBERED_MAX)


def evaluate(
    *,
    policies: Sequence[Document],
    schema: Document,
    entities: Document,
    principal: Mapping[str, str],
    action: Mapping[str, str],
    resource: Mapping[str, str],
    context: str,
) -> Evaluation:
    """Ask Cedar once.

    Raises:
        PolicyRefused: a text does not parse, or lacks an `@id`, or two policies have the same.
        DecisionRefused: the schema does not parse.
    """
    schema_handle = _schema(schema)
    policy_set, names = _policy_set(policies)
    request = {"principal": principal, "action": action, "resource": resource, "context": context}
    try:
        handle = _entities.get(
            (entities.digest, schema.digest), lambda: _read_entities(entities.data, schema_handle)
        )
    except ValueError:
        return Evaluation(False, (), (INPUT_FAILED,))
    answer = cedarpy.is_authorized(request, policy_set, handle, schema_handle)
    return _narrow(answer, names)


def read_policies(text: Document) -> tuple[Policy, ...]:
    """Parse Cedar text, once; raises `PolicyRefused`."""
    return _texts.get(text.digest, lambda: _parse(text.data))


def check_types(text: Document, schema: Document) -> None:
    """Validate policies strictly against the schema, once.

    Raises:
        PolicyRefused: naming the first policy that fails.
    """
    _checked.get((text.digest, schema.digest), lambda: _check_types(text, schema))


def write_policy(policy: Policy) -> str:
    """A policy as text again, from its parsed form: what is evaluated, whatever its text looked like."""
    return str(cedarpy.policies_from_json_str(_join_forms([policy])))


def _check_types(text: Document, schema: Document) -> None:
    read_policies(text)  # No text that could end the process comes to the validator.
    found = cedarpy.validate_policies(text.data.decode("ascii"), _schema(schema))
    if not found.validation_passed:
        named = found.id_annotations_by_policy_id
        first = found.errors[0].policy_id if found.errors else ""
        raise PolicyRefused(
            f"policy `{named.get(first, first)}` does not fit the schema",
            hint=_plain(found.errors[0].error) if found.errors else "",
        )


def looks_at_the_moment(text: Document, action: str) -> bool:
    """Whether a policy for this action depends on the context, which changes without an entry of ours."""
    return _moments.get((text.digest, action), lambda: _any_moment(read_policies(text), action))


def texts_in(text: Document) -> frozenset[str]:
    """All text values that the policies name, such as factors; more than these no rule can tell apart."""
    return _literals.get(
        text.digest, lambda: frozenset(_texts_in([policy.form for policy in read_policies(text)]))
    )


def _texts_in(form: Any) -> Iterator[str]:
    if isinstance(form, str):
        yield form
    elif isinstance(form, Mapping | list):
        for member in form.values() if isinstance(form, Mapping) else form:
            yield from _texts_in(member)


def _any_moment(policies: Sequence[Policy], action: str) -> bool:
    return any(
        _may_bear_on(policy.form["action"], action) and _is_momentary(policy.form) for policy in policies
    )


def _may_bear_on(scope: Mapping[str, Any], action: str) -> bool:
    """Whether an action scope may cover `action`; groups of actions are taken for all of them."""
    named = [scope["entity"]] if "entity" in scope else scope.get("entities", [])
    if scope["op"] == "All" or not named:
        return True
    return any(entity["id"] in (action, *ACTION_GROUPS) for entity in named)


def _is_momentary(form: Mapping[str, Any]) -> bool:
    """Whether `context` stands anywhere in the conditions; a literal of that name counts as well."""
    return '"context"' in json.dumps(form["conditions"])


def _narrow(answer: cedarpy.AuthzResult, names: Mapping[str, str]) -> Evaluation:
    errors = answer.diagnostics.errors
    if answer.decision is cedarpy.Decision.NoDecision:
        return Evaluation(False, (), (INPUT_FAILED,))
    failed = tuple(sorted({_failed_policy(error, names) for error in errors}))
    if any(not name.startswith(TOKEN_PREFIX) for name in failed):
        return Evaluation(False, (), failed)
    reasons = tuple(sorted(names.get(reason, reason) for reason in answer.diagnostics.reasons))
    return Evaluation(answer.allowed, reasons, failed)


def _failed_policy(error: str, names: Mapping[str, str]) -> str:
    """Which policy an error is about; the input, which denies, where that cannot be told."""
    found = _FAILED.match(error)
    return names.get(found[1], found[1]) if found else INPUT_FAILED


def _policy_set(policies: Sequence[Document]) -> CompiledSet:
    return _compiled.get(tuple(text.digest for text in policies), lambda: _compile(policies))


def _compile(policies: Sequence[Document]) -> CompiledSet:
    """The standing texts as one handle, the tokens' added to a copy of it.

    Policies of standing texts bear their `@id` as Cedar's own id. Those of tokens are added as text, which is
    twenty times quicker, and Cedar numbers them in order: `policy0` and so on, names no other policy may have.
    """
    if sum(len(text.data) for text in policies) > SET_BYTES_MAX:
        raise PolicyRefused(f"the policies of one decision have more than `{SET_BYTES_MAX}` bytes")
    parsed = [(text, read_policies(text)) for text in policies]
    standing = [(text, found) for text, found in parsed if not _is_token(found)]
    tokens = [(text, found) for text, found in parsed if _is_token(found)]
    _refuse_twins(policy.id for _, found in parsed for policy in found)
    key = tuple(text.digest for text, _ in standing)
    base = _sets.get(key, lambda: _join([policy for _, found in standing for policy in found]))
    if not tokens:
        return CompiledSet(base, {})
    added = "\n".join(text.data.decode("ascii") for text, _ in tokens)
    ids = (policy.id for _, found in tokens for policy in found)
    return CompiledSet(base.with_added_str(added), {f"policy{number}": id for number, id in enumerate(ids)})


def _is_token(policies: Sequence[Policy]) -> bool:
    return all(policy.id.startswith(TOKEN_PREFIX) for policy in policies) and bool(policies)


def _refuse_twins(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            raise PolicyRefused(f"two policies have the id `{id}`", hint="give each an `@id` of its own")
        seen.add(id)


def _join(policies: Sequence[Policy]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_json_str(_join_forms(policies))


def _join_forms(policies: Sequence[Policy]) -> str:
    members = ",".join(f"{json.dumps(policy.id)}:{policy.json}" for policy in policies)
    return f'{{"staticPolicies":{{{members}}},"templates":{{}},"templateLinks":[]}}'


def _parse(data: bytes) -> tuple[Policy, ...]:
    _refuse_bombs(data.decode("ascii"), _MARK)
    try:
        text = cedarpy.policies_to_json_str(data.decode("ascii"))
        form = json.loads(text)
        # Cedar numbers policies in the order of the text: `policy10` comes after `policy9`.
        numbered = sorted(
            form["staticPolicies"].items(), key=lambda item: int(item[0].removeprefix("policy"))
        )
        policies = tuple(Policy(_id_of(form), json.dumps(form)) for _, form in numbered)
        _refuse_twins(policy.id for policy in policies)
        _join(policies)  # It has a bound on long chains that the text's parser lacks.
    except (ValueError, RecursionError) as error:
        raise PolicyRefused("the text is not Cedar that this node reads", hint=_plain(str(error))) from error
    if not text.isascii():
        raise PolicyRefused("a policy holds text that is not ASCII", hint="write ids and values in ASCII")
    if form["templates"] or form["templateLinks"]:
        raise PolicyRefused("a policy is a template", hint="name the principal and the resource")
    return policies


def _refuse_bombs(text: str, marks: re.Pattern[str]) -> None:
    """Refuse text that nests so deep, or is so long, that its parser could fail instead of refusing it."""
    if len(text) > TEXT_BYTES_MAX:
        raise PolicyRefused(f"the text has more than `{TEXT_BYTES_MAX}` bytes", hint="set fewer policies")
    if _CONTROL.search(text):
        raise PolicyRefused("the text holds control characters")
    depth = chain = 0
    for mark in marks.findall(_ASIDE.sub("", text)):
        if mark == ";":
            chain = 0  # A policy ends, or the text is not Cedar.
        elif mark in "[({<":
            depth, chain = depth + 1, chain + (mark == "[")
        elif mark in "])}>":
            depth = max(0, depth - 1)
        else:
            chain += _IF_COUNTS if mark == "if" else 1
        if depth > DEPTH_MAX or chain > CHAIN_MAX:
            raise PolicyRefused("a policy nests too deep", hint="split it into several")


def _id_of(policy: Mapping[str, Any]) -> str:
    name = (policy.get("annotations") or {}).get("id")
    if not name or _NUMBERED.fullmatch(name):
        raise PolicyRefused("a policy has no `@id` of its own", hint='begin each with `@id("its-name")`')
    return str(name)


def _schema(schema: Document) -> cedarpy.Schema:
    return _schemas.get(schema.digest, lambda: _read_schema(schema.data))


def _read_schema(data: bytes) -> cedarpy.Schema:
    try:
        _refuse_bombs(data.decode("ascii"), _SCHEMA_MARK)
        return cedarpy.Schema.from_str(data.decode("ascii"))
    except (ValueError, PolicyRefused) as error:
        raise DecisionRefused("the schema of the decision is not a Cedar schema") from error


def _read_entities(data: bytes, schema: cedarpy.Schema) -> cedarpy.Entities:
    return cedarpy.Entities.from_json_str(data.decode("ascii"), schema)


def _plain(text: str) -> str:
    """One short line of what Cedar says of a text that its author has before them."""
    return " ".join(text.split())[:200]
