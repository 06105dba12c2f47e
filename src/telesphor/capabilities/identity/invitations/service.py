"""The use cases of invitations: make, redeem, accept, withdraw, and note a wrong passcode.

All are decisions for the writer. What the holder of a link may do before is `desk.py`; `find_invitation`,
`has_invited` and `lineage_of` are what other parts ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

import apsw
import msgspec
from msgspec import Meta

from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.administering import Leave
from telesphor.capabilities.identity.invitations import store
from telesphor.capabilities.identity.invitations.entries import (
    INVITATION_ACCEPTED,
    INVITATION_MADE,
    INVITATION_REDEEMED,
    INVITATION_REFUSED,
    INVITATION_WITHDRAWN,
    InvitationAccepted,
    InvitationMade,
    InvitationRedeemed,
    InvitationWithdrawnBody,
    PasscodeWrong,
)
from telesphor.capabilities.identity.invitations.model import (
    DAYS_MAX,
    GROUPS_MAX,
    INVITATION_STREAM,
    LINEAGE_MAX,
    ClaimMissing,
    CodeDigestField,
    InvitationExists,
    InvitationExpired,
    InvitationForAnother,
    InvitationIdField,
    InvitationLocked,
    InvitationRefused,
    InvitationReserved,
    InvitationRow,
    InvitationTerms,
    InvitationUsed,
    InvitationWithdrawn,
    LineageTooLong,
)
from telesphor.capabilities.identity.model import (
    ActorIdField,
    ActorKind,
    CommitmentField,
    InstantField,
    NotPermitted,
    VisitIdField,
    require_kind,
)
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

_DAY_MS = 86_400_000


class MakeInvitation(Body, frozen=True, kw_only=True):
    """Invite a person, under a fresh id.

    Attributes:
        actor: whom it is for: the id that its keys will have, or of somebody who has some.
        code: digest of the link's code, 32 random bytes.
        passcode: commitment to the passcode's canonical JSON, under the code; it travels by another way than the link.
        groups: which the invited joins with its new keys; whoever invites keeps them, or administers roles.
    """

    invitation: InvitationIdField
    actor: ActorIdField
    kind: Literal["person"]
    code: CodeDigestField
    expires_at: InstantField
    passcode: CommitmentField | None = None
    visit: VisitIdField | None = None
    groups: Annotated[tuple[ActorIdField, ...], Meta(max_length=GROUPS_MAX)] | None = None


class RedeemInvitation(Body, frozen=True, kw_only=True):
    """Say by which invitation new keys were registered; the node's own, behind the registration."""

    invitation: InvitationIdField
    member: ActorIdField


class AcceptInvitation(Body, frozen=True, kw_only=True):
    """Use an invitation with the keys one has; the link's code was shown just before."""

    invitation: InvitationIdField


class WithdrawInvitation(Body, frozen=True, kw_only=True):
    """Take an invitation back; asked by whoever made it, or an organisation."""

    invitation: InvitationIdField


class InvitationOut(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `invitation.make/1`."""

    invitation: str
    expires_at: str


class Hosts(Protocol):
    """What invitations ask of the parts that stand above identity."""

    def check_may_invite(self, state: State, actor: Actor, *, visit: str | None, invited: str) -> Leave:
        """Return what lets a person invite this actor, to this visit or as an administrator; else raise."""

    def check_gives(self, state: State, actor: Actor, *, group: str, member: str) -> Leave:
        """Return what lets an actor have others join a group; raise a `TelesphorError` where nothing does."""

    def join(self, state: State, *, inviter: str, group: str, member: str) -> Sequence[Draft]:
        """The entries by which a new member joins a group; none where whoever invited keeps it no more."""


class NoHosts:
    """Of a node without visits and groups: organisations and systems invite, to nothing in particular."""

    def check_may_invite(self, state: State, actor: Actor, *, visit: str | None, invited: str) -> Leave:
        raise NotPermitted("invitations are made by organisations and systems")

    def check_gives(self, state: State, actor: Actor, *, group: str, member: str) -> Leave:
        raise NotPermitted("there are no groups here")

    def join(self, state: State, *, inviter: str, group: str, member: str) -> Sequence[Draft]:
        return ()


class Claims(Protocol):
    """Who has shown the code of which link just now."""

    def take_claim(self, invitation: str, actor: Actor) -> bool:
        """Whether this actor has, and forget it."""


def find_invitation(db: apsw.Connection, invitation: str) -> InvitationRow | None:
    """Return an invitation, whatever became of it."""
    return store.find_invitation(db, invitation)


def open_invitations(state: State, *, after: str, count_max: int) -> list[InvitationRow]:
    """Return invitations to no visit that can still be used, by id from behind `after`."""
    return store.open_invitations(
        state.db, now=format_instant(state.now_ms), after=after, count_max=count_max
    )


def has_invited(state: State, inviter: str, actor: str) -> bool:
    """Say whether an invitation of theirs for this actor is out."""
    return inviter in store.inviters_of(state.db, actor=actor, now=format_instant(state.now_ms))


def was_invited(state: State, actor: str, *, besides: str) -> bool:
    """Say whether anybody but `besides` ever invited this actor, whatever became of the link."""
    return store.was_invited(state.db, actor=actor, besides=besides)


def lineage_of(state: State, actor: str) -> tuple[str, ...]:
    """Return by whose invitation an actor got its keys, by whose that one did, and so on: the nearest first.

    Whoever sends a link can open it as well, so that each of them may be one person with the actor. Where two persons
    are asked for, neither is of the other's lineage.

    Raises:
        LineageTooLong: there are more than `LINEAGE_MAX`, so that somebody would be left out.
    """
    lineage: list[str] = []
    while (inviter := store.inviter_of(state.db, actor=lineage[-1] if lineage else actor)) is not None:
        if len(lineage) == LINEAGE_MAX:
            raise LineageTooLong(f"more than `{LINEAGE_MAX}` people invited one another up to this actor")
        lineage.append(inviter)
    return tuple(lineage)


class InvitationDesk:
    """Decides about invitations."""

    def __init__(self, hosts: Hosts, claims: Claims) -> None:
        self._hosts = hosts
        self._claims = claims

    def make_invitation(self, actor: Actor, command: MakeInvitation, state: State) -> Decision:
        """Invite a person.

        Raises:
            NotPermitted: a person who is no host of that visit, or a group that it neither keeps nor administers.
            AccessDenied: a person invites to no visit, and may not administer; on the ledger.
            InvitationExists, InvitationTerms: an id that was used, a time that cannot be, groups for one who has keys.
            InvitationReserved: another's invitation for an id that has no keys yet is out.
            ActorSuspended, ActorRetired: the invited acts no more.
        """
        require_kind(actor, ActorKind.ORGANISATION, ActorKind.SYSTEM, ActorKind.PERSON)
        leaves = []
        if actor.kind == ActorKind.PERSON:
            leaves.append(
                self._hosts.check_may_invite(state, actor, visit=command.visit, invited=command.actor)
            )
        if store.find_invitation(state.db, command.invitation) is not None:
            raise InvitationExists(f"the id `{command.invitation}` was used before", hint="make a new id")
        _check_term(command.expires_at, state)
        _check_invited(actor, command, state)
        leaves += [
            self._hosts.check_gives(state, actor, group=group, member=command.actor)
            for group in command.groups or ()
        ]
        body = InvitationMade(
            actor=command.actor,
            code=command.code,
            passcode=command.passcode,
            visit=command.visit,
            groups=command.groups,
            expires_at=command.expires_at,
        )
        out = InvitationOut(invitation=command.invitation, expires_at=command.expires_at)
        decided = _said(INVITATION_MADE.name, command.invitation, body, result=out)
        for leave in leaves:
            decided = leave.beside(decided)
        return decided

    def redeem_invitation(self, actor: Actor, command: RedeemInvitation, state: State) -> Decision:
        """Note that the keys that were registered just before came by this invitation, and let them join.

        Raises:
            NotPermitted: somebody else than the node asks.
            InvitationRefused, InvitationUsed, InvitationExpired, …: it cannot be used.
        """
        require_kind(actor, ActorKind.NODE)
        row = check_open(state, command.invitation)
        if row.actor != command.member:
            raise InvitationForAnother("the invitation is for another id")
        identity.active_actor(state.db, command.member)
        decided = _said(
            INVITATION_REDEEMED.name, command.invitation, InvitationRedeemed(member=command.member)
        )
        return self._joined(row, decided, member=command.member, state=state)

    def accept_invitation(self, actor: Actor, command: AcceptInvitation, state: State) -> Decision:
        """Use an invitation as somebody who has keys, and join its groups.

        Raises:
            NotPermitted: the actor is no person.
            ClaimMissing: it has not shown the link's code in the last minutes.
            InvitationForAnother: the invited has keys, and is somebody else.
            InvitationRefused, InvitationUsed, InvitationExpired, …: it cannot be used.
        """
        require_kind(actor, ActorKind.PERSON)
        row = check_open(state, command.invitation)
        if row.actor != actor.id and identity.find_actor(state.db, row.actor) is not None:
            raise InvitationForAnother("the invitation is for somebody else")
        if not self._claims.take_claim(command.invitation, actor):
            raise ClaimMissing("the link's code was not shown just before", hint="open the link again")
        return self._joined(
            row,
            _said(INVITATION_ACCEPTED.name, command.invitation, InvitationAccepted(member=actor.id)),
            member=actor.id,
            state=state,
        )

    def _joined(self, row: InvitationRow, decided: Decision, *, member: str, state: State) -> Decision:
        """The decision, with what adds the member to the invitation's groups, as far as it does not belong to them."""
        drafts = [
            draft
            for group in row.groups
            for draft in self._hosts.join(state, inviter=row.inviter, group=group, member=member)
        ]
        return decided._replace(drafts=(*decided.drafts, *drafts))

    def withdraw_invitation(self, actor: Actor, command: WithdrawInvitation, state: State) -> Decision:
        """Take an invitation back.

        Raises:
            InvitationRefused: there is none such of this actor.
            InvitationUsed, InvitationWithdrawn, InvitationLocked: it ended before.
        """
        row = store.find_invitation(state.db, command.invitation)
        if row is None or (row.inviter != actor.id and actor.kind != ActorKind.ORGANISATION):
            raise _unknown()
        _check_state(row)
        return _said(INVITATION_WITHDRAWN.name, command.invitation, InvitationWithdrawnBody())


def note_wrong(_node: Actor, command: WithdrawInvitation, state: State) -> Decision:
    """Note a wrong passcode; the node's own word. Raises as `check_open`."""
    check_open(state, command.invitation)
    return _said(INVITATION_REFUSED.name, command.invitation, PasscodeWrong())


def check_open(state: State, invitation: str) -> InvitationRow:
    """Return an invitation that can be used now.

    Raises:
        InvitationRefused: there is none such.
        InvitationUsed, InvitationWithdrawn, InvitationLocked, InvitationExpired: it can be used no more.
    """
    row = store.find_invitation(state.db, invitation)
    if row is None:
        raise _unknown()
    _check_state(row)
    if state.now_ms >= parse_instant(row.expires_at):
        raise InvitationExpired("the invitation's time is over", hint="ask for a new link")
    return row


def _check_state(row: InvitationRow) -> None:
    if row.state in ("redeemed", "accepted"):
        raise InvitationUsed(
            "the invitation was used", hint="sign in where it was used, or ask for a new link"
        )
    if row.state == "withdrawn":
        raise InvitationWithdrawn("the invitation was taken back", hint="ask whoever sent it")
    if row.state == "locked":
        raise InvitationLocked("too many wrong passcodes were tried", hint="ask for a new link")


def _check_term(expires_at: str, state: State) -> None:
    if not state.now_ms < parse_instant(expires_at) <= state.now_ms + DAYS_MAX * _DAY_MS:
        raise InvitationTerms(f"an invitation ends in the future, within `{DAYS_MAX}` days")


def _check_invited(actor: Actor, command: MakeInvitation, state: State) -> None:
    if identity.find_actor(state.db, command.actor) is None:
        others = store.inviters_of(state.db, actor=command.actor, now=format_instant(state.now_ms)) - {
            actor.id
        }
        if others:  # Who knows the id of a person to be must not be able to become that person.
            raise InvitationReserved("somebody else has invited a person under this id", hint="make a new id")
        return
    if identity.active_actor(state.db, command.actor).kind != ActorKind.PERSON:
        raise InvitationTerms("people are invited")
    if command.groups:
        raise InvitationTerms("the invited has keys already", hint="add it to groups by `group.add/1`")


def _unknown() -> InvitationRefused:
    return InvitationRefused("there is no such invitation", hint="open the link exactly as it was sent")


def _said(type: str, invitation: str, body: Body, *, result: object = None) -> Decision:
    return Decision((Draft(type, stream_of(INVITATION_STREAM, invitation), body),), result=result)
