"""What identity asks of the rules of access about persons who administer the node, and whose roles are not theirs.

An organisation signs with one key, which is not at hand each time somebody new comes or a device is lost. So a person
may do some of it: where the rules of access permit them `administer` on the node. Each such act carries the decision
that allowed it. Start at `Administration`.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from telesphor.capabilities.identity.model import NotPermitted
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Actor, Decision, Draft, State

OVERSEERS: Final = frozenset({"administrator", "auditor", "privacy-officer"})
"""Roles that no administrator gives, takes or suspends: who looks at what administrators do is not theirs to choose."""


class OverseerRefused(TelesphorError):
    """An administrator reaches for those who oversee administrators, or for other administrators."""

    code = "overseer-refused"
    kind = Kind.FORBIDDEN


class OwnRightsRefused(TelesphorError):
    """An administrator gives something to itself."""

    code = "own-rights-refused"
    kind = Kind.FORBIDDEN


class Leave(NamedTuple):
    """What must be recorded beside an act that was allowed."""

    drafts: tuple[Draft, ...] = ()
    documents: tuple[bytes, ...] = ()

    def beside(self, decision: Decision) -> Decision:
        """The decision, with what allowed it."""
        return decision._replace(
            drafts=(*decision.drafts, *self.drafts), documents=(*decision.documents, *self.documents)
        )


class Administration(Protocol):
    """The rules about administrators, handed in."""

    def ask(self, actor: Actor, state: State) -> Leave:
        """Return what allows a person to administer; raises `AccessDenied`, which is recorded."""

    def check(self, actor: Actor, state: State) -> None:
        """Raise a `TelesphorError` unless the person may administer now; nothing is recorded."""

    def oversees(self, actor_id: str, state: State) -> bool:
        """Say whether an actor has a role of `OVERSEERS`."""


class NoAdministration:
    """Of a node without rules of access: no person administers it."""

    def ask(self, actor: Actor, state: State) -> Leave:
        raise NotPermitted("the organisation does this")

    def check(self, actor: Actor, state: State) -> None:
        raise NotPermitted("the organisation does this")

    def oversees(self, actor_id: str, state: State) -> bool:
        return True
