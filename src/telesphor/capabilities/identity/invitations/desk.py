"""What the holder of a link may do: look what it is, redeem it with new keys, claim it with keys one has.

The code comes in a body, never in an address, and is compared by its digest in constant time. Passcodes are tried
one after the other, so that their bound holds however many try at once. Start at `LinkDesk.look`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from hmac import compare_digest
from typing import Any, NamedTuple

import msgspec

from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.invitations import store
from telesphor.capabilities.identity.invitations.model import (
    CLAIM_SECONDS,
    CLAIMS_MAX,
    TRIES_MAX,
    InvitationId,
    InvitationKnown,
    InvitationLocked,
    InvitationRefused,
    InvitationRow,
    InvitationTerms,
    PasscodeNeeded,
    PasscodeRefused,
)
from telesphor.capabilities.identity.invitations.service import (
    RedeemInvitation,
    WithdrawInvitation,
    check_open,
    note_wrong,
)
from telesphor.capabilities.identity.service import RegisterActor
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import Clock
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import parse_id
from telesphor.runtime.capability import Actor, Body, CommandType, Receipt, State

Say = Callable[[Sequence[tuple[str, Body]]], Receipt]
"""Has the node ask for commands in a request that it signs, all or nothing."""


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """What a link is.

    Attributes:
        host: the site that invites.
        name: what it is called, where its settings say so.
        actor: whom it is for.
        known: whether that actor has keys: then it signs in, and claims.
        tries_left: passcodes that may still be wrong.
    """

    invitation: str
    expires_at: str
    visit: str | None
    host: str
    name: str | None
    actor: str
    known: bool
    needs_passcode: bool
    tries_left: int


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """The new actor, the receipt of its registration, and the groups it joined."""

    actor: str
    receipt: Receipt
    groups: tuple[str, ...]


class _Claim(NamedTuple):
    actor: str
    key_id: str
    expires_ms: int


class LinkDesk:
    """The links of one node. Safe between threads; everything blocks.

    Args:
        host: the node's site.
        name: what the clinic is called; empty where nobody said.
        say: has the node ask for what it signs.
        record: records the node's own word.
        reading: the committed state of now.
    """

    def __init__(
        self,
        *,
        host: str,
        name: str,
        say: Say,
        record: Callable[[CommandType, Body], Receipt],
        reading: Callable[[], AbstractContextManager[State]],
        clock: Clock,
    ) -> None:
        self._host, self._name = host, name
        self._say = say
        self._record = record
        self._reading = reading
        self._clock = clock
        self._trying = threading.Lock()
        self._claims: dict[str, _Claim] = {}
        self._lock = threading.Lock()

    def look(self, invitation: str, code: str) -> LinkView:
        """Say what a link is.

        Raises:
            InvitationRefused: no such invitation, or not its code.
            InvitationUsed, InvitationWithdrawn, InvitationLocked, InvitationExpired: it can be used no more.
        """
        with self._reading() as state:
            row = _open_row(state, invitation, code)
            known = identity.find_actor(state.db, row.actor) is not None
        return LinkView(
            invitation=row.invitation,
            expires_at=row.expires_at,
            visit=row.visit,
            host=self._host,
            name=self._name or None,
            actor=row.actor,
            known=known,
            needs_passcode=row.passcode is not None,
            tries_left=TRIES_MAX - row.wrong,
        )

    def redeem(
        self, invitation: str, code: str, passcode: str | None, registration: RegisterActor
    ) -> Redeemed:
        """Register the keys that were made for a link, and mark it used.

        Raises:
            InvitationKnown: the invited has keys.
            InvitationTerms: the registration is not of the invited, or of no person.
            PasscodeNeeded, PasscodeRefused: as they say; the second counts.
            CardRefused, KeyUsed, …: as `actor.register/1`; the link can be used again.
            InvitationRefused, …: as `look`.
        """
        row = self._pass(invitation, code, passcode)
        with self._reading() as state:
            if identity.find_actor(state.db, row.actor) is not None:
                raise InvitationKnown("the invited has keys already", hint="sign in, and open the link again")
        if registration.id != row.actor or registration.kind != "person":
            raise InvitationTerms("the registration is not of whom the link invites")
        identity.verify_card_of(registration)
        redeem = RedeemInvitation(invitation=InvitationId(row.invitation), member=registration.id)
        receipt = self._say((("actor.register/1", registration), ("invitation.redeem/1", redeem)))
        joined = tuple(
            line.stream.partition("/")[2] for line in receipt.entries if line.type == "group.added/1"
        )
        return Redeemed(actor=row.actor, receipt=receipt, groups=joined)

    def claim(self, actor: Actor, invitation: str, code: str, passcode: str | None) -> None:
        """Note that somebody who has keys has shown a link's code; `invitation.accept/1` follows.

        Raises:
            PasscodeNeeded, PasscodeRefused, InvitationRefused, …: as `redeem`.
        """
        row = self._pass(invitation, code, passcode)
        now_ms = self._clock.now_ms()
        with self._lock:
            if len(self._claims) >= CLAIMS_MAX:
                self._claims = {key: one for key, one in self._claims.items() if one.expires_ms > now_ms}
            if len(self._claims) >= CLAIMS_MAX:
                self._claims.pop(next(iter(self._claims)))
            self._claims[row.invitation] = _Claim(actor.id, actor.key_id, now_ms + CLAIM_SECONDS * 1000)

    def take_claim(self, invitation: str, actor: Actor) -> bool:
        """Whether an actor has claimed this just now, with the keys it has; for the writer."""
        with self._lock:
            claim = self._claims.get(invitation)
            if claim is None or (claim.actor, claim.key_id) != (actor.id, actor.key_id):
                return False
            return self._clock.now_ms() < claim.expires_ms

    def _pass(self, invitation: str, code: str, passcode: str | None) -> InvitationRow:
        """Let only the holder of code and passcode pass."""
        with self._reading() as state:
            row = _open_row(state, invitation, code)
        if row.passcode is None:
            return row
        if passcode is None:
            raise PasscodeNeeded("a passcode goes with this link", hint="it was sent by another way")
        # INVARIANT: one try at a time, each seeing all before it, so that the bound holds.
        with self._trying:
            with self._reading() as state:
                row = _open_row(state, invitation, code)
            given = commit(canonical.encode(passcode), key32=base64url.decode(code))
            if not compare_digest(given, row.passcode or ""):
                self._refuse(row)
        return row

    def _refuse(self, row: InvitationRow) -> None:
        self._record(_NOTE_WRONG, WithdrawInvitation(invitation=InvitationId(row.invitation)))
        left = TRIES_MAX - row.wrong - 1
        if left <= 0:
            raise InvitationLocked("too many wrong passcodes were tried", hint="ask for a new link")
        raise PasscodeRefused("the passcode is wrong", hint=f"{left} more wrong ones end the invitation")


def read_registration(data: dict[str, Any]) -> RegisterActor:
    """The body of `actor.register/1` as a browser sends it; raises `InvitationTerms`."""
    try:
        return msgspec.convert(data, RegisterActor)
    except msgspec.ValidationError:
        raise InvitationTerms("the registration is not the body of `actor.register/1`") from None


def _open_row(state: State, invitation: str, code: str) -> InvitationRow:
    """The invitation of this code, if it can be used now."""
    row = store.find_invitation(state.db, _checked(invitation))
    expected = "" if row is None else row.code
    if not compare_digest(_digest(code), expected) or row is None:
        raise InvitationRefused("there is no such invitation", hint="open the link exactly as it was sent")
    return check_open(state, row.invitation)


def _checked(invitation: str) -> str:
    try:
        return parse_id(invitation)
    except TelesphorError:
        return ""


def _digest(code: str) -> str:
    try:
        return digest_of(base64url.decode(code))
    except TelesphorError:
        return "sha256:"


_NOTE_WRONG = CommandType("invitation.note-wrong/1", WithdrawInvitation, note_wrong)
"""The node's own word: it is in no capability's list, so nobody can ask for it."""
