"""The facts of a recovery on its way. They stand on `actor/<id>`, among the keys that they are about.

That the keys are replaced (`actor.recovered/1`), or lost (`actor.suspended/1`), are facts of identity itself.
"""

from __future__ import annotations

from telesphor.capabilities.identity.model import Jwks, KemField
from telesphor.capabilities.identity.recovery.model import (
    GuardiansField,
    PairField,
    ThresholdField,
    WaitField,
)
from telesphor.runtime.capability import Body, EntryType


class RecoverySet(Body, frozen=True, kw_only=True):
    """From the next entry on the actor is recovered in this way, and whatever was under way is over.

    `threshold` of `guardians`, or a statement of the pair `recovery`, after `wait_seconds`. None of both: never.
    """

    guardians: GuardiansField
    threshold: ThresholdField
    recovery: Jwks | None
    wait_seconds: WaitField


class RecoveryBegun(Body, frozen=True, kw_only=True):
    """Somebody wants the actor to have these keys: a guardian, or who brings a statement of the recovery pair."""

    keys: Jwks
    kem: KemField
    stated: bool


class RecoveryApproved(Body, frozen=True, kw_only=True):
    """One more guardian wants the actor to have the pair with these thumbprints."""

    keys: PairField


class RecoveryCancelled(Body, frozen=True, kw_only=True):
    """The actor wants none of the recoveries that are under way."""


RECOVERY_SET = EntryType("actor.recovery-set/1", RecoverySet)
RECOVERY_BEGUN = EntryType("actor.recovery-begun/1", RecoveryBegun)
RECOVERY_APPROVED = EntryType("actor.recovery-approved/1", RecoveryApproved)
RECOVERY_CANCELLED = EntryType("actor.recovery-cancelled/1", RecoveryCancelled)

ENTRIES = (RECOVERY_SET, RECOVERY_BEGUN, RECOVERY_APPROVED, RECOVERY_CANCELLED)
