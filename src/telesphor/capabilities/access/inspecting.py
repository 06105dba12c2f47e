"""Which policies are in force, each with its effect and text; and what a text would be, for whoever is writing one.

Reads and parses; sets nothing, and leaves the noting of the look to whoever shows it. Start at `texts_in_force`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from telesphor.capabilities.access import store
from telesphor.capabilities.access.documents import Document
from telesphor.capabilities.access.engine import read_policies, write_policy
from telesphor.capabilities.access.policies import BASE, Slot, check_policies
from telesphor.kernel.digest import Digest
from telesphor.runtime.capability import State

Effect = Literal["permit", "forbid"]


class PolicyText(NamedTuple):
    """One policy, written anew from what was parsed."""

    id: str
    effect: Effect
    text: str


class TextInForce(NamedTuple):
    """A text in force; `actor` is None of the base, `text` where it is not at hand."""

    slot: Slot
    actor: str | None
    digest: Digest
    shipped: bool
    text: str | None
    policies: tuple[PolicyText, ...]


def texts_in_force(state: State) -> tuple[TextInForce, ...]:
    """Return the base, the one that ships where none is set, and then each organisation's rules."""
    return tuple(_texts(state))


def read_draft(text: str, *, slot: Slot) -> tuple[PolicyText, ...]:
    """Return the policies of a text that could be set; raises `PolicyRefused` where it could not."""
    return list_policies(check_policies(text, slot=slot))


def list_policies(document: Document) -> tuple[PolicyText, ...]:
    """Return the policies of a text, in order; raises `PolicyRefused`."""
    return tuple(
        PolicyText(policy.id, policy.form["effect"], write_policy(policy))
        for policy in read_policies(document)
    )


def _texts(state: State) -> Iterator[TextInForce]:
    rows = store.policies_in_force(state.db)
    if all(row.slot != "base" for row in rows):
        yield TextInForce("base", None, BASE.digest, True, BASE.data.decode("ascii"), list_policies(BASE))
    for row in rows:
        data = state.document(row.policies)
        slot: Slot = "base" if row.slot == "base" else "rules"
        text = None if data is None else data.decode("ascii")
        policies = () if data is None else list_policies(Document(row.policies, data))
        yield TextInForce(slot, row.actor or None, row.policies, False, text, policies)
