"""What enrolment refuses. Refusals of a connection are facts: each writes its entry before the device learns of it."""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import RecordedRefusal


class CredentialRefused(TelesphorError):
    """The bytes are no maker's credential, or do not verify under the pair that they name."""

    code = "maker-credential-refused"
    kind = Kind.INVALID


class CredentialNotYetValid(TelesphorError):
    """The maker's credential begins later."""

    code = "credential-not-yet-valid"
    kind = Kind.FORBIDDEN


class CredentialEnded(TelesphorError):
    """The maker's credential ended before the enrolment."""

    code = "credential-ended"
    kind = Kind.FORBIDDEN


class CredentialOfAnotherMaker(TelesphorError):
    """The credential is signed by another pair, or names another maker, than the trusted one."""

    code = "credential-of-another-maker"
    kind = Kind.FORBIDDEN


class CredentialOfAnotherDevice(TelesphorError):
    """The credential certifies another pair than the device signs with."""

    code = "credential-of-another-device"
    kind = Kind.FORBIDDEN


class CredentialMismatch(TelesphorError):
    """The digest in the command is not that of the credential beside it."""

    code = "credential-mismatch"
    kind = Kind.INVALID


class MakerMissing(TelesphorError):
    """No maker is known under this id."""

    code = "maker-missing"
    kind = Kind.NOT_FOUND


class MakerExists(TelesphorError):
    """The id belongs to another maker, or to the same one under other keys."""

    code = "maker-exists"
    kind = Kind.CONFLICT


class MakerNotTrusted(TelesphorError):
    """The organisation trusts this maker no more, or never did."""

    code = "maker-not-trusted"
    kind = Kind.FORBIDDEN


class ModelNotTrusted(TelesphorError):
    """The organisation does not trust the maker for this model."""

    code = "model-not-trusted"
    kind = Kind.FORBIDDEN


class FirmwareMissing(TelesphorError):
    """No firmware is known under this id, or it was withdrawn."""

    code = "firmware-missing"
    kind = Kind.NOT_FOUND


class FirmwareExists(TelesphorError):
    """The id was used before, or the same firmware is allowed under another one."""

    code = "firmware-exists"
    kind = Kind.CONFLICT


class DeviceEnrolledElsewhere(TelesphorError):
    """Another organisation of this node has the device enrolled."""

    code = "device-enrolled-elsewhere"
    kind = Kind.CONFLICT


class SerialEnrolled(TelesphorError):
    """Another device has the same serial number by the word of the same maker."""

    code = "serial-enrolled"
    kind = Kind.CONFLICT


class KeysCompromised(TelesphorError):
    """The pair was in quarantine, lost or stolen: whoever else holds it would be enrolled too."""

    code = "keys-compromised"
    kind = Kind.FORBIDDEN


class EnrolmentMissing(TelesphorError):
    """The device is not enrolled."""

    code = "enrolment-missing"
    kind = Kind.NOT_FOUND


class ChallengesFull(TelesphorError):
    """The device has as many open challenges as it may have."""

    code = "challenges-full"
    kind = Kind.OVERLOADED


class ConnectRefused(RecordedRefusal):
    """A connection is refused, and the ledger says so. Base of all of them; the code is the entry's cause."""

    code = "connect-refused"
    kind = Kind.FORBIDDEN


class DeviceNotEnrolled(ConnectRefused):
    """No organisation has countersigned for the device."""

    code = "device-not-enrolled"


class DeviceIsRevoked(ConnectRefused):
    """The device was revoked."""

    code = "device-revoked"


class DeviceInQuarantine(ConnectRefused):
    """Two held the device's pair, so that nobody is believed under it."""

    code = "device-quarantined"


class DeviceCloned(ConnectRefused):
    """A counter came twice, or one that whoever connected last had left behind: two hold the pair."""

    code = "device-cloned"


class DeviceKeysChanged(ConnectRefused):
    """The device signs with another pair than the one that its maker certified."""

    code = "device-keys-changed"


class MakerIsDistrusted(ConnectRefused):
    """The device's maker is trusted no more, or not for its model."""

    code = "maker-distrusted"


class CredentialExpired(ConnectRefused):
    """The maker's credential has ended."""

    code = "credential-expired"


class DeviceOfflineTooLong(ConnectRefused):
    """The device was away for longer than `OFFLINE_DAYS_MAX` days."""

    code = "device-offline-too-long"


class NonceUnknown(ConnectRefused):
    """The nonce is none that this node gave to this device, or one that is long gone."""

    code = "nonce-unknown"


class NonceUsed(ConnectRefused):
    """The nonce was used before."""

    code = "nonce-used"


class NonceExpired(ConnectRefused):
    """The nonce is older than `CHALLENGE_SECONDS`."""

    code = "nonce-expired"


class CounterNotHigher(ConnectRefused):
    """A connection with a higher counter was accepted since the nonce was given: this answer was overtaken."""

    code = "counter-not-higher"


class FirmwareRefused(ConnectRefused):
    """The device runs what the organisation does not allow for its model."""

    code = "firmware-refused"


class WrongOwner(ConnectRefused):
    """The device names another owner than it is bound to."""

    code = "wrong-owner"


class OwnerInactive(ConnectRefused):
    """The device's owner acts no more."""

    code = "owner-inactive"


class ChannelMismatch(ConnectRefused):
    """The device saw another certificate at the end of its link than this node has: someone stands between."""

    code = "channel-mismatch"


class ChannelMissing(ConnectRefused):
    """The device names no channel, where this node takes nothing but TLS."""

    code = "channel-missing"
