"""The use cases of enrolment on the organisation's side, and what others may ask about a device.

Makers, firmware and devices are each organisation's own: it enrols only under makers that it trusts itself. The
node may take away (distrust, withdraw, revoke), never give. How a device connects is in `connecting`.
"""

from __future__ import annotations

import apsw
import msgspec

from telesphor.capabilities.identity.administering import Administration, Leave
from telesphor.capabilities.identity.enrolment import entries as facts
from telesphor.capabilities.identity.enrolment import errors, store
from telesphor.capabilities.identity.enrolment.credential import (
    VerifiedCredential,
    encode_credential,
    verify_credential,
)
from telesphor.capabilities.identity.enrolment.model import (
    CONNECTION_HOURS_MAX,
    DEVICE_STREAM,
    FIRMWARE_STREAM,
    MAKER_STREAM,
    Connection,
    DigestField,
    Enrolment,
    FileHashField,
    FirmwareIdField,
    MakerIdField,
    MakerNameField,
    MakerRow,
    ModelField,
    ModelsField,
    RevocationReason,
    SignedCredential,
)
from telesphor.capabilities.identity.model import (
    ActorIdField,
    ActorKind,
    Jwks,
    NotPermitted,
    read_jwks,
    require_kind,
)
from telesphor.capabilities.identity.service import active_actor, find_actor
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

HOUR_MS = 3_600_000


class TrustMaker(Body, frozen=True, kw_only=True):
    """Believe credentials under these keys, for these models; `maker` is a fresh id, or the same maker's."""

    maker: MakerIdField
    name: MakerNameField
    keys: Jwks
    models: ModelsField


class DistrustMaker(Body, frozen=True, kw_only=True):
    """Believe nothing under the maker's keys any more."""

    maker: MakerIdField


class AllowFirmware(Body, frozen=True, kw_only=True):
    """Let devices of a model connect that run what has this hash; `firmware` is a fresh id."""

    firmware: FirmwareIdField
    maker: MakerIdField
    model: ModelField
    hash: FileHashField


class WithdrawFirmware(Body, frozen=True, kw_only=True):
    """Let no device connect with it any more."""

    firmware: FirmwareIdField


class EnrolDevice(Body, frozen=True, kw_only=True):
    """Countersign a maker's credential for a registered device, and bind the device to its owner.

    `document` is the digest of the credential, so that the organisation's signature names it in a word.
    """

    device: ActorIdField
    maker: MakerIdField
    owner: ActorIdField
    document: DigestField
    credential: SignedCredential


class RevokeDevice(Body, frozen=True, kw_only=True):
    """End an enrolment; asked by the organisation, the owner, the device, the node, or who administers."""

    device: ActorIdField
    reason: RevocationReason


class TransferOwner(Body, frozen=True, kw_only=True):
    """Bind an enrolled device to another owner."""

    device: ActorIdField
    owner: ActorIdField


class ShowDevice(Body, frozen=True, kw_only=True):
    """Ask how a device stands; for the organisation, the owner, the device itself and the node."""

    device: ActorIdField


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """A device as those who answer for it see it; `connected_until` is empty where nothing stands."""

    device: str
    state: str
    organisation: str
    owner: str
    maker: str
    model: str
    document: str
    credential_ends: str
    counter: int
    seen_at: str
    firmware: str | None
    connected_until: str


def connection_of(state: State, device_id: str) -> Connection | None:
    """Return a device's standing connection: the last one accepted, if all that it rested on still holds.

    None when it is older than `CONNECTION_HOURS_MAX`; when the device is revoked, in quarantine or enrolled anew, acts
    no more or signs with other keys; when its owner changed or acts no more; when its maker, its model or its
    firmware is not trusted any more, or the maker's credential has ended.
    """
    db, now_ms = state.db, state.now_ms
    found = store.find_enrolment(db, device_id)
    if found is None or found.firmware is None or found.state != "enrolled":
        return None
    if now_ms > found.ends_ms or now_ms - found.seen_ms > CONNECTION_HOURS_MAX * HOUR_MS:
        return None
    maker = store.find_maker(db, found.maker)
    if maker is None or not maker.trusted or found.model not in maker.models:
        return None
    if store.allowed_firmware(db, maker=found.maker, model=found.model, file=found.firmware) is None:
        return None
    device, owner = find_actor(db, device_id), find_actor(db, found.owner)
    if device is None or device.state != "active" or device.key_id != found.key_id:
        return None
    if owner is None or owner.state == "retired":
        return None
    return Connection(
        owner=found.owner,
        model=found.model,
        firmware=found.firmware,
        at_ms=found.seen_ms,
        channel=found.channel,
    )


def find_enrolment(db: apsw.Connection, device_id: str) -> Enrolment | None:
    """Return a device as it was enrolled last, whatever became of it."""
    return store.find_enrolment(db, device_id)


def trust_maker(actor: Actor, command: TrustMaker, state: State) -> Decision:
    """Trust a maker, or say anew for which models.

    Raises:
        NotPermitted: the actor is no organisation.
        KeyRefused: the keys are no pair.
        MakerExists: the id is another maker's, or the organisation trusts these keys under another id.
    """
    require_kind(actor, ActorKind.ORGANISATION)
    key_id = read_jwks(command.keys).key_id
    before = store.find_maker(state.db, command.maker)
    if before is not None and before[:3] != (actor.id, command.name, key_id):
        raise errors.MakerExists(f"the id `{command.maker}` belongs to a maker already", hint="make a new id")
    known = store.maker_of_key(state.db, organisation=actor.id, key_id=key_id)
    if known not in (None, command.maker):
        raise errors.MakerExists("these keys are trusted already", hint=f"as maker `{known}`")
    body = facts.MakerTrusted(name=command.name, keys=command.keys, models=command.models)
    return _decide(facts.MAKER_TRUSTED.name, MAKER_STREAM, command.maker, body)


def distrust_maker(actor: Actor, command: DistrustMaker, state: State) -> Decision:
    """Trust a maker no more; raises `MakerMissing`, `MakerNotTrusted`, `NotPermitted`."""
    maker = _find_maker(command.maker, state)
    _require_one_of(actor, maker.organisation)
    if not maker.trusted:
        raise errors.MakerNotTrusted(f"the maker `{command.maker}` is not trusted")
    return _decide(facts.MAKER_DISTRUSTED.name, MAKER_STREAM, command.maker, facts.MakerDistrusted())


def allow_firmware(actor: Actor, command: AllowFirmware, state: State) -> Decision:
    """Allow a firmware for a model.

    Raises:
        NotPermitted: the actor is no organisation.
        MakerMissing, MakerNotTrusted, ModelNotTrusted: the model is none that it trusts.
        FirmwareExists: the id was used before, or the firmware is allowed already.
    """
    _require_trust(actor, command.maker, command.model, state)
    if store.find_firmware(state.db, command.firmware) is not None:
        raise errors.FirmwareExists(f"the id `{command.firmware}` was used before", hint="make a new id")
    known = store.allowed_firmware(state.db, maker=command.maker, model=command.model, file=command.hash)
    if known is not None:
        raise errors.FirmwareExists(f"this firmware is allowed already, as `{known}`")
    body = facts.FirmwareAllowed(maker=command.maker, model=command.model, hash=command.hash)
    return _decide(facts.FIRMWARE_ALLOWED.name, FIRMWARE_STREAM, command.firmware, body)


def withdraw_firmware(actor: Actor, command: WithdrawFirmware, state: State) -> Decision:
    """Withdraw a firmware; raises `FirmwareMissing`, `NotPermitted`."""
    firmware = store.find_firmware(state.db, command.firmware)
    if firmware is None or not firmware.allowed:
        raise errors.FirmwareMissing(f"no firmware `{command.firmware}` is allowed")
    _require_one_of(actor, _find_maker(firmware.maker, state).organisation)
    return _decide(
        facts.FIRMWARE_WITHDRAWN.name, FIRMWARE_STREAM, command.firmware, facts.FirmwareWithdrawn()
    )


def prepare_credential(command: EnrolDevice) -> VerifiedCredential:
    """Verify the credential in an enrolment, before the writer sees it; raises `CredentialRefused`."""
    return verify_credential(encode_credential(command.credential))


def enrol_device(actor: Actor, command: EnrolDevice, state: State) -> Decision:
    """Enrol a device, or enrol it again.

    1. The organisation trusts the maker that signed the credential, for its model, and the credential is in force.
    2. The device is registered with the pair that the credential certifies.
    3. The owner is a person or an organisation that acts.
    4. No other organisation has the device, and no other device the serial number.
    5. Nobody else holds the pair, by all that is known: it was not in quarantine, lost or stolen.

    Raises:
        NotPermitted, CredentialRefused, CredentialMismatch, MakerMissing, MakerNotTrusted, CredentialOfAnotherMaker,
        ModelNotTrusted, CredentialNotYetValid, CredentialEnded, ActorMissing, ActorRetired,
        CredentialOfAnotherDevice, DeviceEnrolledElsewhere, KeysCompromised, SerialEnrolled.
    """
    require_kind(actor, ActorKind.ORGANISATION)
    credential = prepare_credential(command)
    if credential.digest != command.document:
        raise errors.CredentialMismatch("the digest in the command is not that of the credential")
    _check_credential(actor, command, credential, state)
    device = active_actor(state.db, command.device)
    if device.kind != ActorKind.DEVICE or device.key_id != credential.device.key_id:
        raise errors.CredentialOfAnotherDevice(
            f"the credential does not certify the keys of device `{command.device}`",
            hint="register the device with the keys that its maker put into it",
        )
    _check_owner(command.owner, state)
    _check_former(actor, command, credential, state)
    claims = credential.claims
    body = facts.DeviceEnrolled(
        maker=command.maker,
        model=claims.model,
        document=credential.digest,
        keys=claims.device_keys,
        serial=claims.serial,
        owner=command.owner,
        not_after=claims.not_after,
    )
    decision = _decide(facts.DEVICE_ENROLLED.name, DEVICE_STREAM, command.device, body)
    return decision._replace(documents=(credential.data,))


def revoke_device(
    actor: Actor, command: RevokeDevice, state: State, *, administration: Administration
) -> Decision:
    """End an enrolment.

    Raises:
        EnrolmentMissing: the device does not stand enrolled.
        NotPermitted: the actor does not answer for it, and is no person.
        AccessDenied: it is a person whom the rules do not let administer; on the ledger.
    """
    found = _find_standing(command.device, state)
    answering = (found.organisation, found.owner, found.device)
    leave = Leave()
    if actor.kind == ActorKind.PERSON and actor.id not in answering:
        leave = administration.ask(actor, state)
    else:
        _require_one_of(actor, *answering)
    body = facts.DeviceRevoked(reason=command.reason)
    return leave.beside(_decide(facts.DEVICE_REVOKED.name, DEVICE_STREAM, command.device, body))


def transfer_owner(actor: Actor, command: TransferOwner, state: State) -> Decision:
    """Bind a device to another owner.

    Raises:
        EnrolmentMissing: the device does not stand enrolled.
        NotPermitted: the actor is not the organisation that enrolled it, or the owner is none who can own.
        ActorMissing, ActorRetired: the owner does not act.
    """
    found = _find_standing(command.device, state)
    if actor.id != found.organisation:
        raise NotPermitted("the organisation that enrolled a device says whose it is")
    _check_owner(command.owner, state)
    body = facts.DeviceOwnerChanged(owner=command.owner)
    return _decide(facts.DEVICE_OWNER_CHANGED.name, DEVICE_STREAM, command.device, body)


def show_device(actor: Actor, command: ShowDevice, state: State) -> Decision:
    """Say how a device stands, and that it was said; raises `EnrolmentMissing`, `NotPermitted`."""
    found = store.find_enrolment(state.db, command.device)
    if found is None:
        raise errors.EnrolmentMissing(f"device `{command.device}` was never enrolled")
    _require_one_of(actor, found.organisation, found.owner, found.device)
    decision = _decide(facts.DEVICE_SHOWN.name, DEVICE_STREAM, command.device, facts.DeviceShown())
    return decision._replace(result=_view(found, connection_of(state, command.device)))


def _check_credential(
    actor: Actor, command: EnrolDevice, credential: VerifiedCredential, state: State
) -> None:
    maker = _require_trust(actor, command.maker, credential.claims.model, state)
    if (credential.maker.key_id, credential.claims.maker) != (maker.key_id, maker.name):
        raise errors.CredentialOfAnotherMaker("the credential is not of the maker that the command names")
    if state.now_ms < credential.begins_ms:
        raise errors.CredentialNotYetValid(
            "the maker's credential begins later", hint="wait, or set the clock"
        )
    if state.now_ms > credential.ends_ms:
        raise errors.CredentialEnded("the maker's credential has ended", hint="ask the maker for a new one")


def _require_trust(actor: Actor, maker_id: str, model: str, state: State) -> MakerRow:
    require_kind(actor, ActorKind.ORGANISATION)
    maker = _find_maker(maker_id, state)
    if maker.organisation != actor.id or not maker.trusted:
        raise errors.MakerNotTrusted(f"your organisation does not trust the maker `{maker_id}`")
    if model not in maker.models:
        raise errors.ModelNotTrusted(
            "your organisation does not trust the maker for this model",
            hint="trust it again with all models that count",
        )
    return maker


def _find_maker(maker_id: str, state: State) -> MakerRow:
    maker = store.find_maker(state.db, maker_id)
    if maker is None:
        raise errors.MakerMissing(f"no maker `{maker_id}` is known")
    return maker


def _check_owner(owner: str, state: State) -> None:
    if active_actor(state.db, owner).kind not in (ActorKind.PERSON, ActorKind.ORGANISATION):
        raise NotPermitted("a device is owned by a person or an organisation")


def _check_former(actor: Actor, command: EnrolDevice, credential: VerifiedCredential, state: State) -> None:
    """Whoever else held a pair may hold it still: it does not come back."""
    former = store.find_enrolment(state.db, command.device)
    if former is not None:
        if former.state != "revoked" and former.organisation != actor.id:
            raise errors.DeviceEnrolledElsewhere("another organisation has this device enrolled")
        if former.tainted and former.key_id == credential.device.key_id:
            raise errors.KeysCompromised(
                "the device's keys are in other hands, or may be",
                hint="give it new keys, and have its maker certify them",
            )
    serial = credential.claims.serial
    if store.serial_holder(state.db, maker=command.maker, serial=serial, but=command.device) is not None:
        raise errors.SerialEnrolled(
            "another device is enrolled under this serial number", hint="revoke it first"
        )


def _find_standing(device: str, state: State) -> Enrolment:
    found = store.find_enrolment(state.db, device)
    if found is None or found.state == "revoked":
        raise errors.EnrolmentMissing(f"device `{device}` is not enrolled")
    return found


def _require_one_of(actor: Actor, *allowed: str) -> None:
    if actor.id not in allowed and actor.kind != ActorKind.NODE:
        raise NotPermitted("this is for those who answer for it")


def _decide(name: str, kind: str, subject: str, body: Body) -> Decision:
    return Decision((Draft(name, stream_of(kind, subject), body),))


def _view(found: Enrolment, connection: Connection | None) -> DeviceView:
    until_ms = found.seen_ms + CONNECTION_HOURS_MAX * HOUR_MS
    return DeviceView(
        device=found.device,
        state=found.state,
        organisation=found.organisation,
        owner=found.owner,
        maker=found.maker,
        model=found.model,
        document=found.document,
        credential_ends=format_instant(found.ends_ms),
        counter=found.counter,
        seen_at=format_instant(found.seen_ms),
        firmware=found.firmware,
        connected_until="" if connection is None else format_instant(until_ms),
    )
