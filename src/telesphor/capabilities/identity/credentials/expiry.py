"""The end of credentials as an event: the node notes each that has ended, in its own word.

A credential ends by its date whether or not this has run: whoever asks looks at the time. The entry is for those who
follow the ledger. Start at `CredentialExpiry.record_due`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import apsw

from telesphor.capabilities.identity.credentials import store
from telesphor.capabilities.identity.credentials.entries import CREDENTIAL_EXPIRED, CredentialEvent
from telesphor.capabilities.identity.credentials.standing import (
    CREDENTIAL_STREAM,
    CredentialIdField,
    CredentialStateRefused,
)
from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import node_of
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, CommandType, Decision, Draft, Receipt, State

SWEEP_SECONDS = 60.0
"""How often ended credentials are looked for; their end itself is exact."""

DUE_MAX = 256
"""Credentials noted in one sweep; the rest follow in the next."""

RecordOwnWord = Callable[[CommandType, Body], Receipt]


class ExpireCredential(Body, frozen=True, kw_only=True):
    """The node's word that a credential has ended."""

    credential: CredentialIdField


class CredentialExpiry:
    """Notes ended credentials of one node.

    INVARIANT: its command stands in no registry, so nothing that comes in from outside can name it.

    Args:
        open_db: opens a read-only connection to the state tables.
        record: records the node's own word.
    """

    def __init__(
        self, *, open_db: Callable[[], apsw.Connection], record: RecordOwnWord, clock: Clock
    ) -> None:
        self._open_db = open_db
        self._record = record
        self._clock = clock
        self._expire = CommandType("credential.expire/1", ExpireCredential, expire_credential)

    def record_due(self) -> int:
        """Note what has ended; returns how many."""
        with closing(self._open_db()) as db:
            due = store.due_credentials(db, now_ms=self._clock.now_ms(), limit=DUE_MAX)
        noted = 0
        for credential in due:
            try:
                self._record(self._expire, ExpireCredential(credential=credential))  # type: ignore[arg-type]
                noted += 1
            except CredentialStateRefused:
                continue  # It was revoked since we looked.
        return noted


def expire_credential(actor: Actor, command: ExpireCredential, state: State) -> Decision:
    """Note that a credential has ended.

    Raises:
        NotPermitted: these are not the node's own words.
        CredentialStateRefused: it is not one that has ended just now.
    """
    require_kind(actor, ActorKind.NODE)
    if actor.id != node_of(state.db)[0]:
        raise NotPermitted("this is not the node's own word")
    row = store.find_credential(state.db, command.credential)
    if row is None or row.state not in ("active", "suspended") or row.expires_ms > state.now_ms:
        raise CredentialStateRefused(f"the credential `{command.credential}` has not ended just now")
    stream = stream_of(CREDENTIAL_STREAM, command.credential)
    return Decision((Draft(CREDENTIAL_EXPIRED.name, stream, CredentialEvent()),))
