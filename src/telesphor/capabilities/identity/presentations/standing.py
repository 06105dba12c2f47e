"""Whether what was shown still holds: asked inside the writer when it is accepted, and whenever it is used."""

from __future__ import annotations

from telesphor.capabilities.identity.credentials.issuers import require_registered, resolve_issuer
from telesphor.capabilities.identity.credentials.model import CredentialHead
from telesphor.capabilities.identity.credentials.refusals import CredentialExpired
from telesphor.capabilities.identity.presentations.model import ShownCredential
from telesphor.runtime.capability import State


def require_in_force(state: State, credential: ShownCredential, *, holder: str) -> int:
    """Let only a credential pass that holds now; returns when its factors were last verified, 0 where it says itself.

    What the holder says of itself holds as long as its keys do, which the caller has checked.

    Raises:
        CredentialExpired: it has ended, or the status list by which it held has.
        IssuerUnknown, IssuerDistrusted, IssuerKeysUnknown, IssuerGroupRefused: its issuer's word counts no more.
        CredentialMissing, HolderMismatch, CredentialRevoked, CredentialSuspended: as the ledger says of it.
    """
    if credential.expires_ms <= state.now_ms:
        raise CredentialExpired("the credential, or its status, is past its end", hint="present it again")
    if credential.own_word:
        return 0
    head = CredentialHead(credential.issuer, credential.keys, credential.group, credential.digest, None)
    if not resolve_issuer(state.db, head, holder=holder).own:
        return 0
    return require_registered(state.db, credential.digest, holder=holder, now_ms=state.now_ms).verified_ms
