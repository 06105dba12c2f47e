"""Why a credential or a presentation is refused: one error for each fault.

INVARIANT: no message holds a factor's name or value, a nonce or a key; what was presented is a person's.
"""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError


class CredentialRefused(TelesphorError):
    """Root of all refusals of a credential or of a presentation of one."""

    code = "credential-refused"
    kind = Kind.INVALID


class CredentialTooLarge(CredentialRefused):
    """It is larger, or has more parts, than is read."""

    code = "credential-too-large"
    kind = Kind.TOO_LARGE


class CredentialMalformed(CredentialRefused):
    """The bytes are not the one form of a credential, or its payload does not have exactly the claims of one."""

    code = "credential-malformed"


class CredentialHalfMissing(CredentialRefused):
    """One of the issuer's two signatures is not there."""

    code = "credential-half-missing"
    kind = Kind.UNAUTHENTICATED


class CredentialAlgorithmRefused(CredentialRefused):
    """A header names an algorithm other than the one that this half is signed with."""

    code = "credential-algorithm-refused"
    kind = Kind.UNAUTHENTICATED


class CredentialHeaderRefused(CredentialRefused):
    """A protected header is not exactly `alg`, `kid` and `typ` with their values."""

    code = "credential-header-refused"


class CredentialKeysMismatch(CredentialRefused):
    """The keys it names are not those of the issuer."""

    code = "credential-keys-mismatch"
    kind = Kind.UNAUTHENTICATED


class CredentialSignatureRefused(CredentialRefused):
    """One of the issuer's signatures does not verify."""

    code = "credential-signature-refused"
    kind = Kind.UNAUTHENTICATED


class CredentialTypeUnknown(CredentialRefused):
    """Its type, or the version in it, is not one that is known here, or not that of its group."""

    code = "credential-type-unknown"


class CredentialHashRefused(CredentialRefused):
    """Its disclosures are hashed by something other than SHA-256."""

    code = "credential-hash-refused"


class CredentialExpired(CredentialRefused):
    """It is past its end."""

    code = "credential-expired"
    kind = Kind.FORBIDDEN


class CredentialNotYetValid(CredentialRefused):
    """It has not begun, or is from the future."""

    code = "credential-not-yet-valid"
    kind = Kind.FORBIDDEN


class DisclosureMalformed(CredentialRefused):
    """A disclosure is not a salt, a name and a value in their one form."""

    code = "disclosure-malformed"


class DisclosureUnmatched(CredentialRefused):
    """A disclosure's digest is not among those that the issuer signed."""

    code = "disclosure-unmatched"


class DisclosureRepeated(CredentialRefused):
    """A disclosure stands there twice, or two of them disclose the same name."""

    code = "disclosure-repeated"


class DigestRepeated(CredentialRefused):
    """The issuer signed the same digest twice."""

    code = "digest-repeated"


class FactorNameRefused(CredentialRefused):
    """A disclosure has a name that no factor may have, such as that of a claim of the credential itself."""

    code = "factor-name-refused"


class FactorsRefused(CredentialRefused):
    """What should be issued is not a set of factors: none, too many, one twice, or a value out of bounds."""

    code = "factors-refused"


class FactorMissing(CredentialRefused):
    """A factor that should be presented is not in the credential, or is asked for twice."""

    code = "factor-missing"
    kind = Kind.NOT_FOUND


class HolderMismatch(CredentialRefused):
    """The keys are not those that the credential was issued to."""

    code = "holder-mismatch"
    kind = Kind.FORBIDDEN


class KeyBindingMissing(CredentialRefused):
    """A presentation lacks the holder's signature, or one half of it."""

    code = "key-binding-missing"
    kind = Kind.UNAUTHENTICATED


class KeyBindingUnexpected(CredentialRefused):
    """What should be a credential is a presentation of one."""

    code = "key-binding-unexpected"


class KeyBindingMalformed(CredentialRefused):
    """The holder's signature is not a key binding JWT in its one form."""

    code = "key-binding-malformed"


class KeyBindingRefused(CredentialRefused):
    """The key binding is by other keys than the credential names, or does not verify."""

    code = "key-binding-refused"
    kind = Kind.UNAUTHENTICATED


class SdHashMismatch(CredentialRefused):
    """The holder signed for another credential, or for other disclosures than these."""

    code = "sd-hash-mismatch"
    kind = Kind.UNAUTHENTICATED


class NonceMismatch(CredentialRefused):
    """The presentation answers another request."""

    code = "nonce-mismatch"
    kind = Kind.UNAUTHENTICATED


class AudienceMismatch(CredentialRefused):
    """The presentation is meant for another verifier."""

    code = "audience-mismatch"
    kind = Kind.UNAUTHENTICATED


class KeyBindingStale(CredentialRefused):
    """The presentation was signed too long ago, or in the future."""

    code = "key-binding-stale"
    kind = Kind.FORBIDDEN


class StatusRefused(CredentialRefused):
    """Root of all refusals for the status of a credential; whatever is not known to be good is refused."""

    code = "status-refused"
    kind = Kind.FORBIDDEN


class CredentialRevoked(StatusRefused):
    """Its issuer took it back."""

    code = "credential-revoked"


class CredentialSuspended(StatusRefused):
    """Its issuer suspended it."""

    code = "credential-suspended"


class StatusUnknown(StatusRefused):
    """The list gives a status that means nothing here."""

    code = "status-unknown"


class StatusMissing(StatusRefused):
    """The credential names a status list, and no list was there to look at."""

    code = "status-missing"


class StatusListMalformed(StatusRefused):
    """The bytes are not a status list in its one form."""

    code = "status-list-malformed"


class StatusListSignatureRefused(StatusRefused):
    """The list is by other keys than it must be, or one of its signatures does not verify."""

    code = "status-list-signature-refused"


class StatusListMismatch(StatusRefused):
    """It is another list than the one the credential names."""

    code = "status-list-mismatch"


class StatusListStale(StatusRefused):
    """The list is too old, or from the future."""

    code = "status-list-stale"


class StatusListSize(StatusRefused):
    """The list is smaller or larger than a list may be."""

    code = "status-list-size"


class StatusIndexOutOfRange(StatusRefused):
    """The list does not reach as far as the credential's place."""

    code = "status-index-out-of-range"
