"""The decision itself, pure: policies, schema, entities and request in, verdict out. No node, no clock, no chance.

The node decides with it, and whoever replays a receipt decides with it again.

Start at `decide`.
"""

from __future__ import annotations

import msgspec

from telesphor.capabilities.access.documents import Document, RequestForm, Uid
from telesphor.capabilities.access.engine import evaluate
from telesphor.capabilities.access.model import DecisionRefused, Outcome


class DecisionInput(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision depends on, each part a document."""

    policies: tuple[Document, ...]
    policy_schema: Document
    entities: Document
    request: Document


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided: the policies that determined it and those that could not be evaluated, both sorted."""

    outcome: Outcome
    reasons: tuple[str, ...]
    failed: tuple[str, ...]


_request = msgspec.json.Decoder(RequestForm)


def decide(given: DecisionInput) -> Verdict:
    """Decide by Cedar; whatever is not a clear permit is a denial.

    Raises:
        PolicyRefused, DecisionRefused: a document is not what its place asks for.
    """
    try:
        request = _request.decode(given.request.data)
    except msgspec.DecodeError as error:
        raise DecisionRefused("the request of the decision does not have its form") from error
    found = evaluate(
        policies=given.policies,
        schema=given.policy_schema,
        entities=given.entities,
        principal=_uid(request.principal),
        action=_uid(request.action),
        resource=_uid(request.resource),
        context=request.context,
    )
    return Verdict(outcome="allow" if found.allowed else "deny", reasons=found.reasons, failed=found.failed)


def _uid(uid: Uid) -> dict[str, str]:
    return {"type": uid.type, "id": uid.id}
