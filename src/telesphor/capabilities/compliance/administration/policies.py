"""The policies in force, and the check of a text while somebody writes it. Start at `PolicyPages`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.capabilities.access.engine import TEXT_BYTES_MAX
from telesphor.capabilities.access.inspecting import PolicyText, TextInForce, read_draft, texts_in_force
from telesphor.capabilities.access.model import PolicyRefused
from telesphor.capabilities.access.uses.explaining import explain_policy
from telesphor.capabilities.compliance.desk import Look, WatchDesk
from telesphor.capabilities.compliance.model import WatchIdField
from telesphor.capabilities.compliance.people import Person, find_people
from telesphor.runtime.capability import Actor, State


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """A policy in words, and as Cedar, written anew from what was parsed."""

    id: str
    effect: str
    words: str
    text: str


class SlotView(msgspec.Struct, frozen=True, kw_only=True):
    """A text in force: the base, which is nobody's own, or the rules of `actor`.

    `text` is as it was set, and None where its document is not at hand.
    """

    slot: str
    actor: Person | None
    digest: str
    shipped: bool
    policies: tuple[PolicyView, ...]
    text: str | None


class PoliciesPage(msgspec.Struct, frozen=True, kw_only=True):
    """All texts in force, the base first."""

    look: Look
    slots: tuple[SlotView, ...]


class PolicyDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text somebody is writing, for a slot."""

    watch: WatchIdField
    slot: Literal["base", "rules"]
    text: Annotated[str, Meta(max_length=TEXT_BYTES_MAX)]


class DraftPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy of a draft."""

    id: str
    effect: str
    words: str


class PolicyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a text could be set; if not, `code`, `message` and `hint` are those of the refusal."""

    ok: bool
    ids: tuple[str, ...] = ()
    policies: tuple[DraftPolicy, ...] = ()
    code: str = ""
    message: str = ""
    hint: str = ""


class PolicyPages:
    """The policies of one node."""

    def __init__(self, desk: WatchDesk) -> None:
        self._desk = desk

    def policies(self, actor: Actor, watch: str) -> PoliciesPage:
        """Return what is in force; raises what `WatchDesk.under` and `note` raise."""
        with self._desk.under(actor, watch, scope="administration") as under:
            texts = texts_in_force(under.state)
            people = find_people(
                [text.actor for text in texts], under.state, names=self._desk.names, named="everybody"
            )
            slots = tuple(_slot(text, people.get(text.actor or ""), under.state) for text in texts)
        return PoliciesPage(look=self._desk.note(under, "policies", count=len(slots)), slots=slots)

    def check(self, actor: Actor, draft: PolicyDraft) -> PolicyCheck:
        """Check a text; it shows nothing of the node, and so leaves no entry. Raises as `WatchDesk.under`."""
        with self._desk.under(actor, draft.watch, scope="administration") as under:
            try:
                found = read_draft(draft.text, slot=draft.slot)
            except PolicyRefused as refused:
                return PolicyCheck(ok=False, code=refused.code, message=refused.message, hint=refused.hint)
            policies = tuple(_draft(policy, under.state) for policy in found)
        return PolicyCheck(ok=True, ids=tuple(policy.id for policy in policies), policies=policies)


def _slot(text: TextInForce, actor: Person | None, state: State) -> SlotView:
    return SlotView(
        slot=text.slot,
        actor=actor,
        digest=text.digest,
        shipped=text.shipped,
        policies=tuple(_views(text.policies, state)),
        text=text.text,
    )


def _views(policies: Iterable[PolicyText], state: State) -> Iterable[PolicyView]:
    for policy in policies:
        words = explain_policy(policy.id, break_glass=None, state=state)
        yield PolicyView(id=policy.id, effect=policy.effect, words=words, text=policy.text)


def _draft(policy: PolicyText, state: State) -> DraftPolicy:
    """Of a base in the making nothing shipped is said: its ids may be those of the shipped base, its rules not."""
    words = (
        f"the base rule `{policy.id.removeprefix('base:')}`"
        if policy.id.startswith("base:")
        else explain_policy(policy.id, break_glass=None, state=state)
    )
    return DraftPolicy(id=policy.id, effect=policy.effect, words=words)
