"""What can be refused about tokens, groups and datasets: one class per refusal."""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Draft, RecordedRefusal


class TokenExists(TelesphorError):
    """The id was used for a token before."""

    code = "token-exists"
    kind = Kind.CONFLICT


class TokenMissing(TelesphorError):
    """There is no such token, or none that the asker has to do with."""

    code = "token-missing"
    kind = Kind.NOT_FOUND


class TokenEnded(TelesphorError):
    """The token lives no more, or not yet."""

    code = "token-ended"
    kind = Kind.CONFLICT


class TermsRefused(TelesphorError):
    """The terms mean nothing, or more than a token may."""

    code = "token-terms-refused"
    kind = Kind.INVALID


class TermsMissing(TelesphorError):
    """The document with a token's conditions was forgotten, so nothing can be built on it."""

    code = "token-terms-missing"
    kind = Kind.GONE


class RuleRefused(TelesphorError):
    """The rule is not exactly one Cedar condition, or the schema does not know what it speaks of."""

    code = "token-rule-refused"
    kind = Kind.INVALID


class RecipientRefused(TelesphorError):
    """Whoever is named cannot be given this token."""

    code = "recipient-refused"
    kind = Kind.INVALID


class NotTheRecipient(TelesphorError):
    """The token was offered to somebody else."""

    code = "not-the-recipient"
    kind = Kind.FORBIDDEN


class NotTheHolder(TelesphorError):
    """Somebody else holds the token."""

    code = "not-the-holder"
    kind = Kind.FORBIDDEN


class NotTheGrantor(TelesphorError):
    """The actor granted neither the token nor one above it."""

    code = "not-the-grantor"
    kind = Kind.FORBIDDEN


class NothingOffered(TelesphorError):
    """The token is held already, and not offered further."""

    code = "nothing-offered"
    kind = Kind.CONFLICT


class NotTransferable(TelesphorError):
    """The token stays with its holder."""

    code = "not-transferable"
    kind = Kind.FORBIDDEN


class NotRevocable(TelesphorError):
    """The token was granted for good, until it ends."""

    code = "not-revocable"
    kind = Kind.FORBIDDEN


class NotDelegable(TelesphorError):
    """The token may not be handed on any further."""

    code = "not-delegable"
    kind = Kind.FORBIDDEN


class WiderThanParent(TelesphorError):
    """The delegation would allow more than the token it comes from."""

    code = "wider-than-parent"
    kind = Kind.FORBIDDEN


class DelegationCycle(TelesphorError):
    """The token would come back to somebody who granted it."""

    code = "delegation-cycle"
    kind = Kind.CONFLICT


class DeviceHeld(TelesphorError):
    """Somebody else holds the device in that time."""

    code = "device-held"
    kind = Kind.CONFLICT


class GroupExists(TelesphorError):
    """The id was used for a group before."""

    code = "group-exists"
    kind = Kind.CONFLICT


class GroupMissing(TelesphorError):
    """There is no such group."""

    code = "group-missing"
    kind = Kind.NOT_FOUND


class GroupDisbanded(TelesphorError):
    """The group is no more."""

    code = "group-disbanded"
    kind = Kind.GONE


class GroupRefused(TelesphorError):
    """The group, or a member of it, cannot be so."""

    code = "group-refused"
    kind = Kind.INVALID


class NotTheKeeper(TelesphorError):
    """Somebody else keeps the group."""

    code = "not-the-keeper"
    kind = Kind.FORBIDDEN


class DatasetExists(TelesphorError):
    """The id was used for a dataset before."""

    code = "dataset-exists"
    kind = Kind.CONFLICT


class DatasetMissing(TelesphorError):
    """There is no such dataset."""

    code = "dataset-missing"
    kind = Kind.NOT_FOUND


class DatasetInUse(TelesphorError):
    """A token that has not ended is about the dataset."""

    code = "dataset-in-use"
    kind = Kind.CONFLICT


class NotTheDefiner(TelesphorError):
    """Somebody else defined the dataset."""

    code = "not-the-definer"
    kind = Kind.FORBIDDEN


class MembersRefused(TelesphorError):
    """The members cannot stand in one dataset, or there are too many."""

    code = "members-refused"
    kind = Kind.INVALID


class NoPartInMember(TelesphorError):
    """The actor has nothing to do with what it wants to name."""

    code = "no-part-in-member"
    kind = Kind.FORBIDDEN


class CommandRefusedOnRecord(RecordedRefusal):
    """A refused command about a token; its entry names the cause, whose code and kind this carries."""

    def __init__(self, cause: TelesphorError, *, draft: Draft) -> None:
        super().__init__(cause.message, drafts=(draft,), hint=cause.hint, detail=cause.detail)
        # One code per refusal: what a client matches on is the cause, recorded or not.
        vars(self).update(code=cause.code, kind=cause.kind)
