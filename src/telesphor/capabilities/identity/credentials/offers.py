"""Handing a credential to its holder through the node, in the manner of OpenID4VCI, without keeping it.

1. `offer_credential`: the issuer's signed command leaves its entry and gives a ticket.
2. `CredentialDesk.leave`: under the ticket the issuer leaves the credential's bytes, in memory alone, and gets a
   pre-authorised code to tell the holder.
3. `exchange`: the holder's wallet changes the code, once, for an access token; `new_nonce` gives it a nonce.
4. `collect`: both keys of the holder prove themselves; the node notes that, and only then hands out the bytes, once.

INVARIANT: the bytes are never written anywhere, are handed out once at the most, and to nobody but the two keys that
the credential was issued to. A restart forgets them; the issuer leaves them again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import apsw
import msgspec

from telesphor.capabilities.identity.credentials import sd_jwt, store
from telesphor.capabilities.identity.credentials.compact import compact_of
from telesphor.capabilities.identity.credentials.entries import (
    CREDENTIAL_COLLECTED,
    CREDENTIAL_OFFERED,
    CredentialCollected,
    CredentialEvent,
)
from telesphor.capabilities.identity.credentials.issuers import resolve_issuer
from telesphor.capabilities.identity.credentials.model import LIMITS, Credential
from telesphor.capabilities.identity.credentials.nonces import Nonces
from telesphor.capabilities.identity.credentials.serialization import read_document
from telesphor.capabilities.identity.credentials.service import own_credential
from telesphor.capabilities.identity.credentials.standing import (
    CREDENTIAL_STREAM,
    CredentialIdField,
    CredentialMissing,
    CredentialRow,
    CredentialStateRefused,
    DepositGrant,
    DepositMissing,
    DepositRefused,
    DepositsFull,
    OfferTicket,
)
from telesphor.capabilities.identity.credentials.wallet_proof import nonce_of, verify_proof
from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import active_actor, node_of, verify_key_of
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import stream_of
from telesphor.kernel.signing import VerifyKey
from telesphor.runtime.capability import Actor, Body, CommandType, Decision, Draft, Receipt, State
from telesphor.runtime.tickets import Tickets

TICKET_SECONDS = 900
"""From the offer to leaving the bytes."""

CODE_SECONDS = 24 * 3600
"""From leaving the bytes to their collection: until tomorrow, for a person who reads a message."""

TOKEN_SECONDS = 300
"""From the code to the credential: a wallet does both at once."""

DEPOSITS_MAX = 256
"""Credentials that wait: 32 MB at the most."""

PRE_AUTHORISED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"

Form = Literal["hybrid", "compact"]


class OfferCredential(Body, frozen=True, kw_only=True):
    """Offer a noted credential to its holder through the node; asked by its issuer."""

    credential: CredentialIdField


class CollectCredential(CredentialCollected, frozen=True, kw_only=True):
    """The node's word that the holder has proved its keys and collects its credential."""

    credential: CredentialIdField


class CodeGrant(msgspec.Struct, frozen=True):
    """What a pre-authorised code stands for."""

    credential: str


class TokenGrant(msgspec.Struct, frozen=True):
    """What an access token stands for."""

    credential: str


class Left(NamedTuple):
    """What the issuer gets for the bytes it left: the code for the holder, and the group of the credential."""

    code: str
    group: str


@dataclass(slots=True)
class _Deposit:
    data: bytes
    holder: VerifyKey
    group: str
    until_ms: int
    exchanged: bool = False


class CredentialDesk:
    """Where credentials wait for their holders. Safe between threads.

    Args:
        url: of this node, without a slash at its end: what proofs are made for.
        open_db: opens a read-only connection to the state tables.
        record: records the node's own word.
        random: `n -> n` random bytes.
    """

    def __init__(
        self,
        *,
        url: str,
        tickets: Tickets,
        open_db: Callable[[], apsw.Connection],
        record: Callable[[CommandType, Body], Receipt],
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:
        self.url = url
        self.tickets = tickets
        self._open_db = open_db
        self._record = record
        self._clock = clock
        self._nonces = Nonces(random)
        self._lock = threading.Lock()
        self._waiting: dict[str, _Deposit] = {}
        # It stands in no registry: nothing that comes in from outside can name it.
        self._collect = CommandType("credential.collect/1", CollectCredential, collect_credential)

    def offer_credential(self, actor: Actor, command: OfferCredential, state: State) -> Decision:
        """Note the offer, then give the ticket to leave the credential with.

        Raises:
            CredentialMissing, NotPermitted, IssuerDistrusted: it is not the asking organisation's.
            CredentialStateRefused: it does not hold.
        """
        row = own_credential(actor, command.credential, state)
        if row.state != "active" or row.expires_ms <= state.now_ms:
            raise CredentialStateRefused(f"the credential `{command.credential}` does not hold")
        grant = DepositGrant(credential=row.credential, actor=actor.id, digest=row.digest)

        def issue(_receipt: Receipt) -> msgspec.Struct:
            ticket = self.tickets.issue(grant, lifetime_seconds=TICKET_SECONDS)
            return OfferTicket(credential=row.credential, ticket=ticket, path=deposit_path(row.credential))

        stream = stream_of(CREDENTIAL_STREAM, command.credential)
        return Decision((Draft(CREDENTIAL_OFFERED.name, stream, CredentialEvent()),), None, issue)

    def leave(self, grant: DepositGrant, data: bytes) -> Left:
        """Take the bytes that were announced, for their holder.

        Raises:
            DepositRefused: another credential than was announced, or for other keys than its subject's.
            DepositsFull: too many wait.
            CredentialRefused: it does not verify.
            CredentialMissing, CredentialStateRefused, ActorMissing, ActorSuspended, ActorRetired
        """
        now_ms = self._clock.now_ms()
        with closing(self._open_db()) as db:
            active_actor(db, grant.actor)
            noted = _holding(db, grant.credential, now_ms=now_ms)
            subject = noted.subject
            holder = _current_key(db, subject)
            issuer = resolve_issuer(db, sd_jwt.read_head(data), holder=subject)
        credential = sd_jwt.verify_credential(data, issuer=issuer.key, now_ms=now_ms)
        if credential.digest != grant.digest or issuer.is_holder:
            raise DepositRefused("this is not the credential that was announced")
        if not _says_what_was_noted(credential, noted):
            raise DepositRefused("the credential says another group, end or place in a list than was noted")
        if credential.holder != holder:
            raise DepositRefused(
                "the credential is for other keys than its subject has now", hint="issue it for these keys"
            )
        self._keep(grant.credential, _Deposit(data, holder, credential.group, now_ms + CODE_SECONDS * 1000))
        code = self.tickets.issue(CodeGrant(grant.credential), lifetime_seconds=CODE_SECONDS)
        return Left(code, credential.group)

    def waits(self, credential: str) -> bool:
        """Whether a credential waits for its holder now."""
        with self._lock:
            deposit = self._waiting.get(credential)
            return deposit is not None and deposit.until_ms > self._clock.now_ms()

    def offer_again(self, actor: str, credential: str) -> Left:
        """A fresh code for the holder itself, who signed in: also where an exchange broke off before the collection.

        Codes from before collect nothing more that this one does not: both end in the proof of the holder's keys.

        Raises:
            DepositMissing: nothing waits for this actor under this id.
        """
        now_ms = self._clock.now_ms()
        with closing(self._open_db()) as db:
            noted = store.find_credential(db, credential)
        with self._lock:
            deposit = self._waiting.get(credential)
            if noted is None or noted.subject != actor or deposit is None or deposit.until_ms <= now_ms:
                raise DepositMissing(
                    "nothing waits for you under this id", hint="ask the issuer to leave it again"
                )
            deposit.exchanged = False
            seconds = max(1, min(CODE_SECONDS, (deposit.until_ms - now_ms) // 1000))
        return Left(self.tickets.issue(CodeGrant(credential), lifetime_seconds=seconds), deposit.group)

    def exchange(self, code: str) -> str:
        """Change a code for an access token, once.

        Raises:
            TicketRefused: no such code.
            DepositMissing: it was used, or what it stands for is gone.
        """
        credential = self.tickets.redeem(code, CodeGrant).credential
        with self._lock:
            deposit = self._waiting.get(credential)
            if deposit is None or deposit.exchanged:
                raise DepositMissing("the code was used, or nothing waits under it any more")
            deposit.exchanged = True
        return self.tickets.issue(TokenGrant(credential), lifetime_seconds=TOKEN_SECONDS)

    def new_nonce(self) -> str:
        """A `c_nonce` for one proof."""
        return self._nonces.new(self._clock.now_ms())

    def collect(self, token: str, proofs: Sequence[str], *, group: str, form: Form) -> bytes | str:
        """Hand the credential to whoever proves both keys that it was issued to, once.

        1. The token and the nonce are this node's, and a credential of this group waits.
        2. Both keys of the holder signed for this nonce and node.
        3. The credential still holds, and the holder's keys are still its own; the node notes the collection.

        Raises:
            TicketRefused, DepositMissing, ProofRefused
            CredentialMissing, CredentialStateRefused, ActorMissing, ActorSuspended, ActorRetired
        """
        credential = self.tickets.redeem(token, TokenGrant).credential
        nonce = nonce_of(proofs)
        now_ms = self._clock.now_ms()
        self._nonces.check(nonce, now_ms)
        deposit = self._waiting_for(credential, group)
        verify_proof(proofs, holder=deposit.holder, nonce=nonce, audience=self.url, now_ms=now_ms)
        with closing(self._open_db()) as db:
            subject = _holding(db, credential, now_ms=now_ms).subject
            if _current_key(db, subject) != deposit.holder:
                raise DepositRefused(
                    "the holder has other keys now", hint="ask its issuer for a new credential"
                )
        self._take(credential, deposit)
        try:
            word = CollectCredential(credential=credential, forms=(form,))  # type: ignore[arg-type]
            self._record(self._collect, word)
        except BaseException:
            self._keep(credential, deposit)  # Nothing was handed out, so it may be asked for again.
            raise
        if form == "hybrid":
            return deposit.data
        return compact_of(read_document(deposit.data, bytes_max=LIMITS.bytes_max))

    def _waiting_for(self, credential: str, group: str) -> _Deposit:
        with self._lock:
            deposit = self._waiting.get(credential)
            if deposit is None or deposit.group != group or deposit.until_ms <= self._clock.now_ms():
                raise DepositMissing("the credential was collected, or waits no more")
            return deposit

    def _take(self, credential: str, deposit: _Deposit) -> None:
        with self._lock:
            if self._waiting.get(credential) is not deposit:
                raise DepositMissing("the credential was collected, or waits no more")
            del self._waiting[credential]

    def _keep(self, credential: str, deposit: _Deposit) -> None:
        now_ms = self._clock.now_ms()
        with self._lock:
            if credential not in self._waiting and len(self._waiting) >= DEPOSITS_MAX:
                self._waiting = {name: one for name, one in self._waiting.items() if one.until_ms > now_ms}
            if credential not in self._waiting and len(self._waiting) >= DEPOSITS_MAX:
                raise DepositsFull(
                    f"`{DEPOSITS_MAX}` credentials wait for their holders", hint="hand it over otherwise"
                )
            self._waiting[credential] = deposit


def deposit_path(credential: str) -> str:
    """Where the bytes of an offered credential are left."""
    return f"/v1/credentials/{credential}/deposit"


def collect_credential(actor: Actor, command: CollectCredential, state: State) -> Decision:
    """Note that a holder collects its credential.

    Raises:
        NotPermitted: these are not the node's own words.
        CredentialMissing, CredentialStateRefused: it does not hold.
    """
    require_kind(actor, ActorKind.NODE)
    if actor.id != node_of(state.db)[0]:
        raise NotPermitted("this is not the node's own word")
    _holding(state.db, command.credential, now_ms=state.now_ms)
    stream = stream_of(CREDENTIAL_STREAM, command.credential)
    return Decision((Draft(CREDENTIAL_COLLECTED.name, stream, CredentialCollected(forms=command.forms)),))


def _holding(db: apsw.Connection, credential: str, *, now_ms: int) -> CredentialRow:
    row = store.find_credential(db, credential)
    if row is None:
        raise CredentialMissing(f"no credential `{credential}` was issued here")
    if row.state != "active" or row.expires_ms <= now_ms:
        raise CredentialStateRefused(f"the credential `{credential}` does not hold")
    return row


def _says_what_was_noted(credential: Credential, noted: CredentialRow) -> bool:
    """Whether verifiers elsewhere, who see only the credential, will find what stands on this ledger."""
    status = credential.status
    named = status is not None and status.uri.endswith(f"/{noted.status_list}") and status.idx == noted.place
    same_end = credential.expires_ms // 1000 == noted.expires_ms // 1000
    return named and same_end and credential.group == noted.group


def _current_key(db: apsw.Connection, actor: str) -> VerifyKey:
    return verify_key_of(db, actor_id=actor, key_id=active_actor(db, actor).key_id)


def offer_of(left: Left, *, url: str) -> dict[str, Any]:
    """The credential offer for the holder's wallet (OpenID4VCI, section 4.1)."""
    return {
        "credential_configuration_ids": [f"{left.group}-hybrid", left.group],
        "credential_issuer": url,
        "grants": {PRE_AUTHORISED: {"pre-authorized_code": left.code}},
    }
