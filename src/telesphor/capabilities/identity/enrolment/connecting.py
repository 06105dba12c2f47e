"""How a device proves itself: it asks for a challenge, and answers it with its owner, its firmware and a counter.

The counter is what tells a device from its copy. It goes up with each answer that is signed, accepted or not, and
is kept where it survives a loss of power, so that no counter is ever signed beside two nonces. Two copies of one
pair each keep their own: then either a counter comes twice, or one asks for a challenge after the other has
connected, and answers with a counter that was left behind. Both are proof, and shut both out. An answer that was
merely overtaken on its way had its challenge before, and is refused without harm.

Start at `connect_device`.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from telesphor.capabilities.identity.enrolment import errors, store
from telesphor.capabilities.identity.enrolment.channels import OwnChannels, ReadOwnChannels
from telesphor.capabilities.identity.enrolment.entries import (
    DEVICE_CHALLENGED,
    DEVICE_CONNECT_REFUSED,
    DEVICE_CONNECTED,
    DEVICE_QUARANTINED,
    DeviceChallenged,
    DeviceConnected,
    DeviceConnectRefused,
    DeviceQuarantined,
)
from telesphor.capabilities.identity.enrolment.model import (
    CHALLENGE_SECONDS,
    CHALLENGES_OPEN_MAX,
    CONNECTION_HOURS_MAX,
    DEVICE_STREAM,
    OFFLINE_DAYS_MAX,
    ChallengeRow,
    CounterField,
    Enrolment,
    FileHashField,
    NonceField,
)
from telesphor.capabilities.identity.model import ActorIdField, ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import find_actor
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class AskChallenge(Body, frozen=True, kw_only=True):
    """Ask for a challenge; `device` is the asking device itself."""

    device: ActorIdField


class ConnectDevice(Body, frozen=True, kw_only=True):
    """Answer a challenge.

    Attributes:
        device: the asking device itself.
        owner: whom the device believes to be bound to.
        firmware: hash of what it runs.
        counter: higher than in any answer that it signed before.
        channel: hash of the certificate at the other end of its TLS link; null where there is none.
    """

    device: ActorIdField
    owner: ActorIdField
    firmware: FileHashField
    counter: CounterField
    nonce: NonceField
    channel: FileHashField | None


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """The nonce to answer, and until when."""

    nonce: str
    not_after: str


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """The connection is good until then, unless something changes before."""

    not_after: str


def ask_challenge(actor: Actor, command: AskChallenge, state: State) -> Decision:
    """Give a device a nonce. Whether it may connect is said when it answers, and recorded then.

    Raises:
        NotPermitted: the actor is no device, or names another.
        ChallengesFull: it has as many open challenges as it may have.
    """
    _require_itself(actor, command.device)
    if store.count_open_challenges(state.db, actor.id, now_ms=state.now_ms) >= CHALLENGES_OPEN_MAX:
        raise errors.ChallengesFull(
            f"the device has `{CHALLENGES_OPEN_MAX}` open challenges",
            hint=f"answer one, or ask again in {CHALLENGE_SECONDS} seconds",
        )
    not_after = format_instant(state.now_ms + CHALLENGE_SECONDS * 1000)
    body = DeviceChallenged(nonce=state.new_nonce(), not_after=not_after)
    draft = Draft(DEVICE_CHALLENGED.name, stream_of(DEVICE_STREAM, actor.id), body)
    return Decision((draft,), Challenge(nonce=body.nonce, not_after=not_after))


def connect_device(
    actor: Actor, command: ConnectDevice, state: State, *, own_channels: ReadOwnChannels
) -> Decision:
    """Take a device's answer to a challenge.

    1. The device stands enrolled, under the pair that it signs with.
    2. Nobody else has shown to hold that pair.
    3. Its maker is trusted for its model, and the maker's credential has not ended.
    4. It was not away for too long.
    5. The nonce is one of its own, fresh, not used, and the counter higher than the last.
    6. Its firmware is allowed, its owner is the one it is bound to, and its channel ends at this node.

    Raises:
        NotPermitted: the actor is no device, or names another. Nothing is recorded.
        ConnectRefused: its subclasses name what failed, and the ledger does too.
    """
    _require_itself(actor, command.device)
    found = _check_standing(actor, command, store.find_enrolment(state.db, actor.id))
    challenge = store.find_challenge(state.db, device=actor.id, nonce=command.nonce)
    _check_alone(command, found, challenge, state)
    _check_maker(command, found, state)
    if state.now_ms - found.seen_ms > OFFLINE_DAYS_MAX * DAY_MS:
        _refuse(
            errors.DeviceOfflineTooLong,
            command,
            f"the device was away for more than `{OFFLINE_DAYS_MAX}` days",
            hint="have the organisation look at it and enrol it again",
        )
    _check_answer(command, found, challenge, now_ms=state.now_ms)
    _check_firmware_and_owner(command, found, state)
    bound = _check_channel(command, own_channels())
    body = DeviceConnected(
        owner=command.owner,
        firmware=command.firmware,
        counter=command.counter,
        nonce=command.nonce,
        channel=command.channel,
        bound=bound,
    )
    draft = Draft(DEVICE_CONNECTED.name, stream_of(DEVICE_STREAM, actor.id), body)
    return Decision(
        (draft,), Connected(not_after=format_instant(state.now_ms + CONNECTION_HOURS_MAX * HOUR_MS))
    )


def _require_itself(actor: Actor, device: str) -> None:
    require_kind(actor, ActorKind.DEVICE)
    if device != actor.id:
        raise NotPermitted("a device proves itself, no other")


def _check_standing(actor: Actor, command: ConnectDevice, found: Enrolment | None) -> Enrolment:
    if found is None:
        _refuse(errors.DeviceNotEnrolled, command, "the device is not enrolled", hint=_ENROL)
    if found.state == "revoked":
        _refuse(errors.DeviceIsRevoked, command, "the device was revoked")
    if found.state == "quarantined":
        _refuse(
            errors.DeviceInQuarantine,
            command,
            "the device is in quarantine, because two held its keys",
            hint="give it new keys with its maker's word for them, and enrol it again",
        )
    if found.key_id != actor.key_id:
        _refuse(
            errors.DeviceKeysChanged,
            command,
            "the device signs with other keys than its maker certified",
            hint="enrol it again with its maker's word for the new ones",
        )
    return found


def _check_alone(
    command: ConnectDevice, found: Enrolment, challenge: ChallengeRow | None, state: State
) -> None:
    """Refuse what only a second holder of the pair can have signed, and shut both out."""
    twice = store.came_with_another_nonce(
        state.db, device=command.device, counter=command.counter, nonce=command.nonce
    )
    fresh = challenge is not None and not challenge.used and challenge.ends_ms >= state.now_ms
    behind = challenge is not None and challenge.n > found.seen_n and command.counter <= found.counter
    if not twice and not (fresh and behind):
        return
    stream = stream_of(DEVICE_STREAM, command.device)
    body = DeviceQuarantined(counter=command.counter, nonce=command.nonce)
    raise errors.DeviceCloned(
        "two hold this device's keys; it is in quarantine from now on",
        hint="find the copy; a device whose counter was set back looks the same",
        drafts=(
            _refusal(errors.DeviceCloned, command),
            Draft(DEVICE_QUARANTINED.name, stream, body),
        ),
    )


def _check_maker(command: ConnectDevice, found: Enrolment, state: State) -> None:
    maker = store.find_maker(state.db, found.maker)
    if maker is None or not maker.trusted or found.model not in maker.models:
        _refuse(errors.MakerIsDistrusted, command, "the device's maker is not trusted for it any more")
    if state.now_ms > found.ends_ms:
        _refuse(errors.CredentialExpired, command, "the maker's word for the device has ended", hint=_ENROL)


def _check_answer(
    command: ConnectDevice, found: Enrolment, challenge: ChallengeRow | None, *, now_ms: int
) -> None:
    if challenge is None:
        _refuse(
            errors.NonceUnknown, command, "the nonce is none that this device was given lately", hint=_ASK
        )
    if challenge.used:
        _refuse(errors.NonceUsed, command, "the nonce was used before", hint=_ASK)
    if challenge.ends_ms < now_ms:
        _refuse(
            errors.NonceExpired, command, f"the nonce is older than `{CHALLENGE_SECONDS}` seconds", hint=_ASK
        )
    if command.counter <= found.counter:
        _refuse(
            errors.CounterNotHigher,
            command,
            "a connection with a higher counter came before this one",
            hint=_ASK,
        )


def _check_firmware_and_owner(command: ConnectDevice, found: Enrolment, state: State) -> None:
    allowed = store.allowed_firmware(state.db, maker=found.maker, model=found.model, file=command.firmware)
    if allowed is None:
        _refuse(
            errors.FirmwareRefused,
            command,
            "the device's firmware is not allowed for its model",
            hint="update it, or have the organisation allow it",
        )
    if command.owner != found.owner:
        _refuse(errors.WrongOwner, command, "the device is bound to another owner")
    owner = find_actor(state.db, found.owner)
    if owner is None or owner.state == "retired":
        _refuse(errors.OwnerInactive, command, "the device's owner acts no more")


def _check_channel(command: ConnectDevice, own: OwnChannels) -> bool:
    """Whether the link is known to end at this node; without a certificate of its own it cannot tell."""
    if command.channel is None:
        if own.required:
            _refuse(errors.ChannelMissing, command, "the device names no channel", hint="connect by TLS")
        return False
    if own.certificates and command.channel not in own.certificates:
        _refuse(
            errors.ChannelMismatch,
            command,
            "the device's link does not end at this node",
            hint="something between the two opens TLS; have the device dial this node itself",
        )
    return command.channel in own.certificates


def _refuse(
    kind: type[errors.ConnectRefused], command: ConnectDevice, message: str, *, hint: str = ""
) -> NoReturn:
    raise kind(message, hint=hint, drafts=(_refusal(kind, command),))


def _refusal(kind: type[errors.ConnectRefused], command: ConnectDevice) -> Draft:
    said = {name: getattr(command, name) for name in ("owner", "firmware", "counter", "nonce", "channel")}
    body = msgspec.convert({**said, "cause": kind.code}, DeviceConnectRefused)
    return Draft(DEVICE_CONNECT_REFUSED.name, stream_of(DEVICE_STREAM, command.device), body)


_ASK = "ask for a challenge again"
_ENROL = "have the organisation enrol it again"
