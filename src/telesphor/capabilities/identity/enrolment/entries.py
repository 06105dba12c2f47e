"""The facts of enrolment: trusted makers, allowed firmware, enrolled devices, and each connection.

On `maker/<id>`, `firmware/<id>` and `device/<actor>`. The actor of an entry is who asked: the organisation, or the
device itself.
"""

from __future__ import annotations

from telesphor.capabilities.identity.enrolment.model import (
    ConnectCause,
    CounterField,
    DigestField,
    FileHashField,
    MakerIdField,
    MakerNameField,
    ModelField,
    ModelsField,
    NonceField,
    RevocationReason,
)
from telesphor.capabilities.identity.model import (
    ActorIdField,
    CommitmentField,
    InstantField,
    Jwks,
    ThumbprintField,
)
from telesphor.runtime.capability import Body, EntryType


class MakerTrusted(Body, frozen=True, kw_only=True):
    """The organisation believes credentials under these keys, for these models; said again, it replaces them."""

    name: MakerNameField
    keys: Jwks
    models: ModelsField


class MakerDistrusted(Body, frozen=True, kw_only=True):
    """From the next entry on nothing under the maker's keys is believed."""


class FirmwareAllowed(Body, frozen=True, kw_only=True):
    """Devices of this model may connect when they run what has this hash."""

    maker: MakerIdField
    model: ModelField
    hash: FileHashField


class FirmwareWithdrawn(Body, frozen=True, kw_only=True):
    """From the next entry on no device may connect with it, and connections made with it are no longer good."""


class DeviceEnrolled(Body, frozen=True, kw_only=True):
    """The organisation countersigns the maker's credential and binds the device to its owner.

    `document` is the credential's digest; `keys` are the thumbprints of the pair that it certifies.
    """

    maker: MakerIdField
    model: ModelField
    document: DigestField
    keys: tuple[ThumbprintField, ThumbprintField]
    serial: CommitmentField
    owner: ActorIdField
    not_after: InstantField


class DeviceChallenged(Body, frozen=True, kw_only=True):
    """The device asked for a challenge and got this nonce, good until then, once."""

    nonce: NonceField
    not_after: InstantField


class DeviceConnected(Body, frozen=True, kw_only=True):
    """The device proved itself. `bound` says that `channel` is a certificate of this node."""

    owner: ActorIdField
    firmware: FileHashField
    counter: CounterField
    nonce: NonceField
    channel: FileHashField | None
    bound: bool


class DeviceConnectRefused(Body, frozen=True, kw_only=True):
    """The device asked for a connection and was refused; `cause` is the code of what failed."""

    owner: ActorIdField
    firmware: FileHashField
    counter: CounterField
    nonce: NonceField
    channel: FileHashField | None
    cause: ConnectCause


class DeviceQuarantined(Body, frozen=True, kw_only=True):
    """Two hold this device's pair: it asked with this counter, which whoever had gone before cannot have left."""

    counter: CounterField
    nonce: NonceField


class DeviceRevoked(Body, frozen=True, kw_only=True):
    """From the next entry on the device is no longer one of the organisation's."""

    reason: RevocationReason


class DeviceOwnerChanged(Body, frozen=True, kw_only=True):
    """From the next entry on the device is bound to this owner, and must connect again."""

    owner: ActorIdField


class DeviceShown(Body, frozen=True, kw_only=True):
    """The actor was shown how the device stands."""


MAKER_TRUSTED = EntryType("maker.trusted/1", MakerTrusted)
MAKER_DISTRUSTED = EntryType("maker.distrusted/1", MakerDistrusted)
FIRMWARE_ALLOWED = EntryType("firmware.allowed/1", FirmwareAllowed)
FIRMWARE_WITHDRAWN = EntryType("firmware.withdrawn/1", FirmwareWithdrawn)
DEVICE_ENROLLED = EntryType("device.enrolled/1", DeviceEnrolled)
DEVICE_CHALLENGED = EntryType("device.challenged/1", DeviceChallenged)
DEVICE_CONNECTED = EntryType("device.connected/1", DeviceConnected)
DEVICE_CONNECT_REFUSED = EntryType("device.connect-refused/1", DeviceConnectRefused)
DEVICE_QUARANTINED = EntryType("device.quarantined/1", DeviceQuarantined)
DEVICE_REVOKED = EntryType("device.revoked/1", DeviceRevoked)
DEVICE_OWNER_CHANGED = EntryType("device.owner-changed/1", DeviceOwnerChanged)
DEVICE_SHOWN = EntryType("device.shown/1", DeviceShown)

ENTRIES = (
    MAKER_TRUSTED,
    MAKER_DISTRUSTED,
    FIRMWARE_ALLOWED,
    FIRMWARE_WITHDRAWN,
    DEVICE_ENROLLED,
    DEVICE_CHALLENGED,
    DEVICE_CONNECTED,
    DEVICE_CONNECT_REFUSED,
    DEVICE_QUARANTINED,
    DEVICE_REVOKED,
    DEVICE_OWNER_CHANGED,
    DEVICE_SHOWN,
)
