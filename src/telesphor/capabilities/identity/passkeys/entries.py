"""The facts of passkeys, all on `passkey/<actor>`: one list, without a gap, of all that a person's passkeys did."""

from __future__ import annotations

from telesphor.capabilities.identity.passkeys.model import (
    CauseField,
    CountField,
    DigestField,
    NonceField,
    Purpose,
)
from telesphor.runtime.capability import Body, EntryType

PASSKEY_STREAM = "passkey"


class PasskeyChallenged(Body, frozen=True, kw_only=True):
    """The person asked for a challenge, which is made from this nonce; an older one of the purpose is void."""

    purpose: Purpose
    nonce: NonceField


class PasskeyRegistered(Body, frozen=True, kw_only=True):
    """A passkey is the person's: digests of its id, its public key, and the document that holds both."""

    credential: DigestField
    key: DigestField
    document: DigestField
    count: CountField


class PasskeySignedIn(Body, frozen=True, kw_only=True):
    """The person was there, with this passkey, whose signature counter is now `count`."""

    credential: DigestField
    count: CountField


class PasskeyRefusedBody(Body, frozen=True, kw_only=True):
    """An answer was refused for this cause, and its challenge is void."""

    purpose: Purpose
    cause: CauseField


class PasskeyRemoved(Body, frozen=True, kw_only=True):
    """The passkey counts no more."""

    credential: DigestField


PASSKEY_CHALLENGED = EntryType("passkey.challenged/1", PasskeyChallenged)
PASSKEY_REGISTERED = EntryType("passkey.registered/1", PasskeyRegistered)
PASSKEY_SIGNED_IN = EntryType("passkey.signed-in/1", PasskeySignedIn)
PASSKEY_REFUSED = EntryType("passkey.refused/1", PasskeyRefusedBody)
PASSKEY_REMOVED = EntryType("passkey.removed/1", PasskeyRemoved)

ENTRIES = (PASSKEY_CHALLENGED, PASSKEY_REGISTERED, PASSKEY_SIGNED_IN, PASSKEY_REFUSED, PASSKEY_REMOVED)
