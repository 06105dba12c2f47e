"""Which policies are in force, and their text: shown to whoever may set them, and noted."""

from __future__ import annotations

import msgspec

from telesphor.capabilities.access import store
from telesphor.capabilities.access.entries import POLICY_SHOWN, PolicyShown
from telesphor.capabilities.access.model import ACCESS_STREAM, PolicyRefused
from telesphor.capabilities.access.policies import BASE, Slot
from telesphor.capabilities.identity.model import ActorIdField, ActorKind, require_kind
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State


class ShowPolicy(Body, frozen=True, kw_only=True):
    """Ask for the text of a slot; of `rules`, those that `of` set, or the actor itself."""

    slot: Slot
    of: ActorIdField | None = None


class PolicyLine(msgspec.Struct, frozen=True, kw_only=True):
    """A text that is in force; `actor` is empty for a base, which is the whole node's."""

    slot: str
    actor: str
    policies: str
    ids: tuple[str, ...]


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `policy.show/1`; `text` is None where the slot is empty, or its text is not at hand."""

    in_force: tuple[PolicyLine, ...]
    text: str | None


def show_policy(actor: Actor, command: ShowPolicy, state: State) -> Decision:
    """Show what is set, and one text of it; where no base is set, the one that ships.

    Raises:
        NotPermitted: the actor is neither an organisation nor the node.
        PolicyRefused: somebody's base is asked for; there is one for all.
    """
    require_kind(actor, ActorKind.ORGANISATION, ActorKind.NODE)
    if command.slot == "base" and command.of is not None:
        raise PolicyRefused("the base is nobody's own", hint="leave out `of`")
    rows = store.policies_in_force(state.db)
    holder = "" if command.slot == "base" else command.of or actor.id
    digest = next((row.policies for row in rows if (row.slot, row.actor) == (command.slot, holder)), None)
    data = None if digest is None else state.document(digest)
    if command.slot == "base" and digest is None:
        data = BASE.data
    lines = (PolicyLine(slot=row.slot, actor=row.actor, policies=row.policies, ids=row.ids) for row in rows)
    view = PolicyView(in_force=tuple(lines), text=None if data is None else data.decode("ascii"))
    body = PolicyShown(slot=command.slot, of=command.of)
    return Decision((Draft(POLICY_SHOWN.name, stream_of(ACCESS_STREAM, actor.id), body),), view)
