"""What enrolment hands to the node: its entries, its commands and its tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from functools import partial

from telesphor.capabilities.identity.administering import Administration, NoAdministration
from telesphor.capabilities.identity.enrolment import connecting, service
from telesphor.capabilities.identity.enrolment.channels import ReadOwnChannels, without_tls
from telesphor.capabilities.identity.enrolment.entries import ENTRIES
from telesphor.capabilities.identity.enrolment.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "enrolment"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)

MAKER_TRUST = CommandType("maker.trust/1", service.TrustMaker, service.trust_maker)
MAKER_DISTRUST = CommandType("maker.distrust/1", service.DistrustMaker, service.distrust_maker)
FIRMWARE_ALLOW = CommandType("firmware.allow/1", service.AllowFirmware, service.allow_firmware)
FIRMWARE_WITHDRAW = CommandType("firmware.withdraw/1", service.WithdrawFirmware, service.withdraw_firmware)
DEVICE_ENROL = CommandType(
    "device.enrol/1", service.EnrolDevice, service.enrol_device, service.prepare_credential
)
DEVICE_TRANSFER_OWNER = CommandType("device.transfer-owner/1", service.TransferOwner, service.transfer_owner)
DEVICE_SHOW = CommandType("device.show/1", service.ShowDevice, service.show_device)
DEVICE_CHALLENGE = CommandType("device.challenge/1", connecting.AskChallenge, connecting.ask_challenge)


def enrolment_capability(
    own_channels: ReadOwnChannels = without_tls, *, administration: Administration | None = None
) -> Capability:
    """Make the capability for a node.

    Args:
        own_channels: by which certificates the node is reached.
        administration: the rules about persons who administer; None lets none do so.
    """
    revoke = partial(service.revoke_device, administration=administration or NoAdministration())
    connect = partial(connecting.connect_device, own_channels=own_channels)
    commands = (
        MAKER_TRUST,
        MAKER_DISTRUST,
        FIRMWARE_ALLOW,
        FIRMWARE_WITHDRAW,
        DEVICE_ENROL,
        CommandType("device.revoke/1", service.RevokeDevice, revoke),
        DEVICE_TRANSFER_OWNER,
        DEVICE_SHOW,
        DEVICE_CHALLENGE,
        CommandType("device.connect/1", connecting.ConnectDevice, connect),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
