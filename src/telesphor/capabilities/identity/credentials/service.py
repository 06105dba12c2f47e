"""The use cases of credentials on the ledger: trust issuers, note what they issue, and what becomes of it.

An issuer of this node is an organisation registered here: it signs credentials itself, with its own keys, and the
node notes their digests and keeps their status. The node sees no factor when that happens. Other issuers keep
their own status lists; the organisation says under which keys it believes them, and for which groups.

Decisions come first; what other parts may ask is in `issuers.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from telesphor.capabilities.identity.credentials import store
from telesphor.capabilities.identity.credentials.entries import (
    CREDENTIAL_ISSUED,
    CREDENTIAL_REINSTATED,
    CREDENTIAL_REVERIFIED,
    CREDENTIAL_REVOKED,
    CREDENTIAL_SUSPENDED,
    ISSUER_DISTRUSTED,
    ISSUER_TRUSTED,
    STATUS_LIST_OPENED,
    CredentialChanged,
    CredentialIssued,
    CredentialReverified,
    IssuerDistrustedBody,
    IssuerTrusted,
    StatusListOpened,
)
from telesphor.capabilities.identity.credentials.halves import require_suite
from telesphor.capabilities.identity.credentials.model import CLOCK_SKEW_MS
from telesphor.capabilities.identity.credentials.standing import (
    CREDENTIAL_STREAM,
    ISSUER_STREAM,
    LIFETIME_MS_MAX,
    STATUS_LIST_STREAM,
    CredentialExists,
    CredentialIdField,
    CredentialMissing,
    CredentialRow,
    CredentialState,
    CredentialStateRefused,
    IssuerDistrusted,
    IssuerExists,
    IssuerGroupRefused,
    IssuerIdField,
    IssuerMissing,
    IssuerRefused,
    IssuerRow,
    LifetimeRefused,
    Reason,
    StatusIndexTaken,
    StatusListExists,
    StatusListIdField,
    StatusListMissing,
)
from telesphor.capabilities.identity.model import (
    ActorKind,
    InstantField,
    NotPermitted,
    read_jwks,
    require_kind,
)
from telesphor.capabilities.identity.service import active_actor
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, EntryType, State


class TrustIssuer(IssuerTrusted, frozen=True, kw_only=True):
    """Trust an issuer for some groups; asked by an organisation. Said again, it replaces what was said.

    With `actor`, which must be the asking organisation, the issuer is one of this node: its credentials and their
    statuses stand on this ledger, and it has no status lists elsewhere.
    """

    issuer: IssuerIdField


class DistrustIssuer(IssuerDistrustedBody, frozen=True, kw_only=True):
    """Trust an issuer no more, from the next entry; asked by an organisation."""

    issuer: IssuerIdField


class OpenStatusList(StatusListOpened, frozen=True, kw_only=True):
    """Open a status list, under a fresh id; asked by the organisation that is the issuer."""

    status_list: StatusListIdField = msgspec.field(name="status-list")


class IssueCredential(CredentialIssued, frozen=True, kw_only=True):
    """Note a credential that the asking organisation signed, under a fresh id and a free place of its list."""

    credential: CredentialIdField


class ReverifyCredential(Body, frozen=True, kw_only=True):
    """Say that the factors of a credential were verified again."""

    credential: CredentialIdField
    verified: InstantField


class ChangeCredential(Body, frozen=True, kw_only=True):
    """Suspend, reinstate or revoke a credential."""

    credential: CredentialIdField
    reason: Reason


def trust_issuer(actor: Actor, command: TrustIssuer, state: State) -> Decision:
    """Note that an issuer is trusted.

    Raises:
        NotPermitted: asked by anyone but an organisation, or about another organisation's issuer.
        IssuerExists: the identifier is that of another issuer that is trusted.
        IssuerRefused: keys that are none, a group or a pair named twice, or status lists elsewhere of an issuer here.
    """
    require_kind(actor, ActorKind.ORGANISATION)
    known = store.find_issuer(state.db, command.issuer)
    _check_owner(actor, command.actor, known)
    other = store.issuer_of_did(state.db, command.did)
    if other is not None and other.issuer != command.issuer and other.state == "trusted":
        raise IssuerExists("another issuer is trusted under this identifier", hint="name that issuer's id")
    _check_keys(command)
    values = {name: getattr(command, name) for name in IssuerTrusted.__struct_fields__}
    stream = stream_of(ISSUER_STREAM, command.issuer)
    return Decision((Draft(ISSUER_TRUSTED.name, stream, IssuerTrusted(**values)),))


def distrust_issuer(actor: Actor, command: DistrustIssuer, state: State) -> Decision:
    """Note that an issuer is trusted no more.

    Raises:
        NotPermitted: asked by anyone but an organisation.
        IssuerMissing, IssuerDistrusted: there is none such, or it is so already.
    """
    require_kind(actor, ActorKind.ORGANISATION)
    _trusted(state, command.issuer)
    body = IssuerDistrustedBody(reason=command.reason)
    return Decision((Draft(ISSUER_DISTRUSTED.name, stream_of(ISSUER_STREAM, command.issuer), body),))


def open_status_list(actor: Actor, command: OpenStatusList, state: State) -> Decision:
    """Note that an issuer of this node has a status list.

    Raises:
        NotPermitted: the issuer is not the asking organisation.
        IssuerMissing, IssuerDistrusted, StatusListExists
    """
    _own_issuer(actor, command.issuer, state)
    if store.find_list(state.db, command.status_list) is not None:
        raise StatusListExists(f"the id `{command.status_list}` belongs to a status list already")
    stream = stream_of(STATUS_LIST_STREAM, command.status_list)
    return Decision((Draft(STATUS_LIST_OPENED.name, stream, StatusListOpened(issuer=command.issuer)),))


def issue_credential(actor: Actor, command: IssueCredential, state: State) -> Decision:
    """Note that an issuer of this node gave a credential to an actor.

    Raises:
        NotPermitted: the issuer is not the asking organisation, or the subject is the node or its root.
        IssuerMissing, IssuerDistrusted, IssuerGroupRefused: it may not vouch for this group.
        ActorMissing, ActorSuspended, ActorRetired: the subject does not act.
        LifetimeRefused: the times are out of bounds.
        StatusListMissing, StatusIndexTaken, CredentialExists
    """
    issuer = _own_issuer(actor, command.issuer, state)
    if command.group not in issuer.groups:
        raise IssuerGroupRefused(f"the issuer may not vouch for the group `{command.group}`")
    if active_actor(state.db, command.subject).kind in (ActorKind.NODE, ActorKind.ROOT):
        raise NotPermitted("the node and its root hold no credentials")
    _check_times(command, now_ms=state.now_ms)
    _check_place(command, state)
    values = {name: getattr(command, name) for name in CredentialIssued.__struct_fields__}
    stream = stream_of(CREDENTIAL_STREAM, command.credential)
    return Decision((Draft(CREDENTIAL_ISSUED.name, stream, CredentialIssued(**values)),))


def reverify_credential(actor: Actor, command: ReverifyCredential, state: State) -> Decision:
    """Note that the issuer verified the factors again.

    Raises:
        NotPermitted, CredentialMissing, IssuerDistrusted: it is not the asking organisation's.
        CredentialStateRefused: it is not active.
        LifetimeRefused: before the last time, or in the future.
    """
    row = own_credential(actor, command.credential, state)
    _require_state(row, "active", now_ms=state.now_ms)
    if not row.verified_ms < parse_instant(command.verified) <= state.now_ms + CLOCK_SKEW_MS:
        raise LifetimeRefused("the factors were verified later than that before, or that lies in the future")
    body = CredentialReverified(verified=command.verified)
    stream = stream_of(CREDENTIAL_STREAM, command.credential)
    return Decision((Draft(CREDENTIAL_REVERIFIED.name, stream, body),))


def changer(
    entry: EntryType, *states: CredentialState
) -> Callable[[Actor, ChangeCredential, State], Decision]:
    """The decision that notes this change of a credential which is in one of these states.

    It raises `NotPermitted`, `CredentialMissing` when it is not the asking organisation's, and
    `CredentialStateRefused` when it is in no such state.
    """

    def change(actor: Actor, command: ChangeCredential, state: State) -> Decision:
        row = own_credential(actor, command.credential, state, trusted=False)
        _require_state(row, *states, now_ms=state.now_ms)
        stream = stream_of(CREDENTIAL_STREAM, command.credential)
        return Decision((Draft(entry.name, stream, CredentialChanged(reason=command.reason)),))

    return change


suspend_credential = changer(CREDENTIAL_SUSPENDED, "active")
reinstate_credential = changer(CREDENTIAL_REINSTATED, "suspended")
revoke_credential = changer(CREDENTIAL_REVOKED, "active", "suspended")


def own_credential(actor: Actor, credential: str, state: State, *, trusted: bool = True) -> CredentialRow:
    """A credential of the asking organisation.

    Args:
        trusted: whether its issuer must still be trusted. To take a credential back, it need not be.

    Raises:
        CredentialMissing: there is none such.
        NotPermitted, IssuerDistrusted: it is another organisation's, or its issuer is trusted no more.
    """
    row = store.find_credential(state.db, credential)
    if row is None:
        raise CredentialMissing(f"no credential `{credential}` was issued here")
    _own_issuer(actor, row.issuer, state, trusted=trusted)
    return row


def _own_issuer(actor: Actor, issuer: str, state: State, *, trusted: bool = True) -> IssuerRow:
    require_kind(actor, ActorKind.ORGANISATION)
    row = store.find_issuer(state.db, issuer)
    if row is None:
        raise IssuerMissing(f"no issuer `{issuer}` is known")
    if row.actor != actor.id:
        raise NotPermitted("the issuer is not the asking organisation")
    return _trusted(state, issuer) if trusted else row


def _trusted(state: State, issuer: str) -> IssuerRow:
    row = store.find_issuer(state.db, issuer)
    if row is None:
        raise IssuerMissing(f"no issuer `{issuer}` is known")
    if row.state != "trusted":
        raise IssuerDistrusted(f"the issuer `{issuer}` is trusted no more")
    return row


def _check_owner(actor: Actor, named: str | None, known: IssuerRow | None) -> None:
    """INVARIANT: an issuer of this node speaks with its own organisation's command, and stays what it is."""
    if named not in (None, actor.id):
        raise NotPermitted("an organisation makes no other one an issuer of this node")
    if known is not None and known.actor != named:
        raise IssuerExists("the id belongs to an issuer of another sort", hint="make a new id")


def _check_keys(command: TrustIssuer) -> None:
    if command.actor is not None and (command.status_keys is not None or command.status_uri is not None):
        raise IssuerRefused("an issuer of this node has its status lists here, signed by the node")
    if len(set(command.groups)) != len(command.groups):
        raise IssuerRefused("a group is named twice")
    pairs = [*command.keys] if command.status_keys is None else [*command.keys, command.status_keys]
    try:
        read = [read_jwks(pair) for pair in pairs]
        for key in read:
            require_suite(key)
    except TelesphorError as error:
        raise IssuerRefused(f"a pair of the issuer cannot be used: {error.message}") from error
    if len({key.key_id for key in read[: len(command.keys)]}) != len(command.keys):
        raise IssuerRefused("a pair is named twice")


def _check_times(command: IssueCredential, *, now_ms: int) -> None:
    if not now_ms < parse_instant(command.expires) <= now_ms + LIFETIME_MS_MAX:
        raise LifetimeRefused("the credential has ended already, or would last longer than ten years")
    if parse_instant(command.verified) > now_ms + CLOCK_SKEW_MS:
        raise LifetimeRefused("the factors would have been verified in the future")


def _check_place(command: IssueCredential, state: State) -> None:
    found = store.find_list(state.db, command.list)
    if found is None or found.issuer != command.issuer:
        raise StatusListMissing(f"the issuer has no status list `{command.list}`")
    if store.has_place(state.db, command.list, command.index):
        raise StatusIndexTaken(
            "the place in the status list is taken", hint="draw another one, and sign again"
        )
    if store.find_credential(state.db, command.credential) is not None:
        raise CredentialExists(f"the id `{command.credential}` belongs to a credential already")
    if store.credential_of_digest(state.db, command.digest) is not None:
        raise CredentialExists("this very credential was noted before")


def _require_state(row: CredentialRow, *states: CredentialState, now_ms: int) -> None:
    if row.state not in states or row.expires_ms <= now_ms:
        now = row.state if row.state not in states else "expired"
        raise CredentialStateRefused(f"the credential `{row.credential}` is {now}")
