"""A device connects by challenge, and each way in which it is refused, recorded, or found to be two."""

from __future__ import annotations

import pytest

from telesphor.capabilities.identity.enrolment import store
from telesphor.capabilities.identity.enrolment.channels import OwnChannels
from telesphor.capabilities.identity.enrolment.model import (
    CHALLENGE_KEPT_SECONDS,
    CHALLENGE_SECONDS,
    CHALLENGES_OPEN_MAX,
    CONNECTION_HOURS_MAX,
    COUNTER_MAX,
    OFFLINE_DAYS_MAX,
)
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.identity.enrolment.ward import (
    CERTIFICATE,
    DAY_MS,
    FIRMWARE,
    MODEL,
    OLD_FIRMWARE,
    Ward,
    asking,
    revoking,
)
from tests.unit.capabilities.identity.small_node import START_MS


def test_device_connects_by_answering_a_challenge(ward: Ward) -> None:
    device = ward.device()
    nonce = ward.challenge(device)
    receipt = ward.connect(device, 1, nonce)
    challenged, connected = ward.world.entries()[-2:]
    assert (challenged.type, challenged.body.nonce) == ("device.challenged/1", nonce)
    assert challenged.body.not_after == format_instant(START_MS + CHALLENGE_SECONDS * 1000)
    assert (connected.type, connected.stream) == ("device.connected/1", f"device/{device.actor}")
    assert (connected.body.owner, connected.body.firmware) == (ward.patient.actor, FIRMWARE)
    assert (connected.body.counter, connected.body.nonce) == (1, nonce)
    assert receipt.results[0].not_after == format_instant(START_MS + CONNECTION_HOURS_MAX * 3_600_000)
    found = ward.connection(device)
    assert found is not None
    assert (found.owner, found.model, found.firmware) == (ward.patient.actor, MODEL, FIRMWARE)
    assert (found.at_ms, found.channel) == (START_MS, None)


def test_nonces_are_of_each_challenge_its_own(ward: Ward) -> None:
    device = ward.device()
    assert len({ward.challenge(device) for _ in range(3)}) == 3


def test_device_connects_again_and_may_leave_counters_out(ward: Ward) -> None:
    device = ward.device()
    for counter in (1, 2, 9, COUNTER_MAX):
        ward.connect(device, counter)
    assert ward.connection(device) is not None


def test_challenge_for_another_device_is_refused(ward: Ward) -> None:
    device, other = ward.device(), ward.device()
    assert ward.code_of(device, asking(other)) == "not-permitted"


@pytest.mark.parametrize("kind", ["person", "system", "organisation"])
def test_connection_of_who_is_no_device_is_refused(ward: Ward, kind: str) -> None:
    wallet = ward.world.enrol(kind)
    assert ward.code_of(wallet, asking(wallet)) == "not-permitted"
    assert ward.code_of(wallet, ward.answering(wallet, "A" * 22, 1)) == "not-permitted"


def test_connection_for_another_device_is_refused_and_not_blamed_on_it(ward: Ward) -> None:
    device, thief = ward.device(), ward.device()
    nonce = ward.challenge(device)
    assert ward.code_of(thief, ward.answering(device, nonce, 1)) == "not-permitted"
    ward.connect(device, 1, nonce)


def test_too_many_open_challenges_are_refused_until_they_end(ward: Ward) -> None:
    device = ward.device()
    for _ in range(CHALLENGES_OPEN_MAX):
        ward.challenge(device)
    assert ward.code_of(device, asking(device)) == "challenges-full"
    ward.world.clock.advance_ms(CHALLENGE_SECONDS * 1000 + 1)
    ward.connect(device, 1)


# Nonces.


def test_nonce_used_twice_is_refused(ward: Ward) -> None:
    device = ward.device()
    nonce = ward.challenge(device)
    ward.connect(device, 1, nonce)
    assert ward.cause_of(device, 2, nonce) == "nonce-used"
    assert ward.connection(device) is not None


def test_nonce_is_used_up_by_a_refused_answer(ward: Ward) -> None:
    device = ward.device()
    nonce = ward.challenge(device)
    assert ward.cause_of(device, 1, nonce, firmware=OLD_FIRMWARE) == "firmware-refused"
    assert ward.cause_of(device, 2, nonce) == "nonce-used"


def test_same_signed_answer_is_not_taken_twice(ward: Ward) -> None:
    device = ward.device()
    data = ward.world.sign(device, ward.answering(device, ward.challenge(device), 1))
    ward.world.take(data)
    before = len(ward.world.entries())
    with pytest.raises(TelesphorError) as caught:
        ward.world.take(data)
    assert caught.value.code == "request-replayed"
    assert len(ward.world.entries()) == before
    assert ward.connection(device) is not None


def test_made_up_nonce_is_refused(ward: Ward) -> None:
    assert ward.cause_of(ward.device(), 1, "A" * 22) == "nonce-unknown"


def test_nonce_of_another_device_is_refused_and_stays_good_for_that_one(ward: Ward) -> None:
    device, other = ward.device(), ward.device()
    nonce = ward.challenge(other)
    assert ward.cause_of(device, 1, nonce) == "nonce-unknown"
    ward.connect(other, 1, nonce)


def test_nonce_is_good_until_its_end_and_no_longer(ward: Ward) -> None:
    device = ward.device()
    first, second = ward.challenge(device), ward.challenge(device)
    ward.world.clock.advance_ms(CHALLENGE_SECONDS * 1000)
    ward.connect(device, 1, first)
    ward.world.clock.advance_ms(1)
    assert ward.cause_of(device, 2, second) == "nonce-expired"


def test_nonce_is_forgotten_in_the_end(ward: Ward) -> None:
    device = ward.device()
    nonce = ward.challenge(device)
    ward.world.clock.advance_ms((CHALLENGE_SECONDS + CHALLENGE_KEPT_SECONDS) * 1000 + 1)
    ward.connect(device, 1)
    assert ward.cause_of(device, 2, nonce) == "nonce-unknown"
    assert ward.world.db.execute("SELECT count(*) FROM device_challenges").fetchall() == [(1,)]


# Counters.


def test_answer_that_was_overtaken_is_refused_without_harm(ward: Ward) -> None:
    device = ward.device()
    early, late = ward.challenge(device), ward.challenge(device)
    ward.connect(device, 2, late)
    assert ward.cause_of(device, 1, early) == "counter-not-higher"
    ward.connect(device, 3)


def test_clone_that_uses_a_counter_again_shuts_both_out(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.connect(device, 2)  # by the copy, with the same keys
    assert ward.cause_of(device, 2) == "device-cloned"
    assert [entry.type for entry in ward.world.entries()[-2:]] == [
        "device.connect-refused/1",
        "device.quarantined/1",
    ]
    assert ward.connection(device) is None
    assert ward.cause_of(device, 3) == "device-quarantined"


def test_clone_that_jumped_ahead_shuts_both_out_when_the_device_asks_again(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.connect(device, COUNTER_MAX)
    assert ward.cause_of(device, 2) == "device-cloned"
    assert ward.connection(device) is None


def test_clone_that_was_left_behind_shuts_both_out(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 5)
    assert ward.cause_of(device, 3) == "device-cloned"


def test_clone_is_found_by_the_counter_of_a_refused_answer_too(ward: Ward) -> None:
    device = ward.device()
    assert ward.cause_of(device, 7, firmware=OLD_FIRMWARE) == "firmware-refused"
    assert ward.cause_of(device, 7) == "device-cloned"


def test_clone_is_found_by_an_answer_to_a_made_up_nonce(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    assert ward.cause_of(device, 1, "B" * 21 + "A") == "device-cloned"


def test_clone_is_found_when_both_had_their_challenges_before(ward: Ward) -> None:
    device = ward.device()
    own, copy = ward.challenge(device), ward.challenge(device)
    ward.connect(device, 1, own)
    assert ward.cause_of(device, 1, copy) == "device-cloned"


def test_device_that_repeats_its_own_answer_is_no_clone(ward: Ward) -> None:
    device = ward.device()
    nonce = ward.challenge(device)
    ward.connect(device, 1, nonce)
    assert ward.cause_of(device, 1, nonce) == "nonce-used"
    ward.connect(device, 2)


def test_counters_that_were_left_behind_are_not_kept(ward: Ward) -> None:
    device = ward.device()
    for counter in range(1, 6):
        ward.connect(device, counter)
    assert ward.world.db.execute("SELECT counter FROM device_attempts").fetchall() == [(5,)]


def test_quarantine_of_one_device_leaves_others_alone(ward: Ward) -> None:
    device, other = ward.device(), ward.device()
    ward.connect(device, 5)
    ward.connect(other, 5)
    assert ward.cause_of(device, 5) == "device-cloned"
    assert ward.connection(other) is not None


def test_device_that_only_asks_and_fails_fills_nothing(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ENTRIES_REMEMBERED", 4)
    device = ward.device()
    first = ward.challenge(device)
    for counter in range(1, 9):
        assert ward.cause_of(device, counter, firmware=OLD_FIRMWARE) == "firmware-refused"
    counts = [
        ward.world.db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        for table in ("device_challenges", "device_attempts")
    ]
    assert counts == [3, 5]
    assert ward.cause_of(device, 9, first) == "nonce-unknown"
    ward.connect(device, 10)


# Standing.


def test_device_that_was_never_enrolled_is_refused_on_its_stream(ward: Ward) -> None:
    device = ward.world.enrol("device")
    assert ward.cause_of(device, 1) == "device-not-enrolled"


def test_revoked_device_is_refused(ward: Ward) -> None:
    device = ward.device()
    nonce = ward.challenge(device)
    ward.world.ask(ward.hospital, revoking(device))
    assert ward.cause_of(device, 1, nonce) == "device-revoked"


def test_revocation_ends_a_connection_at_once(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.ask(ward.hospital, revoking(device))
    assert ward.connection(device) is None


def test_device_with_other_keys_than_its_maker_certified_is_refused(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    renewed = ward.renew(device)
    assert ward.connection(renewed) is None
    assert ward.cause_of(renewed, 2) == "device-keys-changed"
    ward.world.ask(ward.hospital, ward.enrolling(renewed))
    ward.connect(renewed, 1)


def test_device_of_a_maker_that_is_trusted_no_more_is_refused(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.ask(ward.hospital, ("maker.distrust/1", {"maker": ward.maker}))
    assert ward.connection(device) is None
    assert ward.cause_of(device, 2) == "maker-distrusted"
    ward.world.ask(ward.hospital, ward.trusting())
    ward.connect(device, 3)


def test_device_of_a_model_that_is_trusted_no_more_is_refused(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.ask(ward.hospital, ward.trusting(models=["Another"]))
    assert ward.connection(device) is None
    assert ward.cause_of(device, 2) == "maker-distrusted"


def test_device_whose_credential_has_ended_is_refused(ward: Ward) -> None:
    wallet = ward.world.enrol("device")
    data = ward.certify(wallet, ends_ms=START_MS + 3_600_000)
    ward.world.ask(ward.hospital, ward.enrolling(wallet, data))
    ward.world.clock.advance_ms(3_600_000)
    ward.connect(wallet, 1)
    ward.world.clock.advance_ms(1)
    assert ward.connection(wallet) is None
    assert ward.cause_of(wallet, 2) == "credential-expired"


def test_device_that_was_away_for_long_enrols_again(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.clock.advance_ms(OFFLINE_DAYS_MAX * DAY_MS)
    ward.connect(device, 2)
    ward.world.clock.advance_ms(OFFLINE_DAYS_MAX * DAY_MS + 1)
    assert ward.cause_of(device, 3) == "device-offline-too-long"
    ward.world.ask(ward.hospital, ward.enrolling(device))
    ward.connect(device, 4)


def test_device_enrolled_again_under_the_same_keys_goes_on_counting(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 5)
    ward.world.ask(ward.hospital, ward.enrolling(device))
    assert ward.connection(device) is None
    assert ward.cause_of(device, 5) == "device-cloned"


def test_challenge_from_before_an_enrolment_is_worth_nothing_after_it(ward: Ward) -> None:
    device = ward.device()
    nonce = ward.challenge(device)
    ward.world.ask(ward.hospital, ward.enrolling(device))
    assert ward.cause_of(device, 1, nonce) == "nonce-unknown"


def test_connection_lasts_its_hours(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.clock.advance_ms(CONNECTION_HOURS_MAX * 3_600_000)
    assert ward.connection(device) is not None
    ward.world.clock.advance_ms(1)
    assert ward.connection(device) is None


def test_retired_device_has_no_connection(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.ask(ward.hospital, ("actor.retire/1", {"id": device.actor}))
    assert ward.connection(device) is None


# Firmware and owner.


def test_firmware_that_nobody_allowed_is_refused(ward: Ward) -> None:
    assert ward.cause_of(ward.device(), 1, firmware=OLD_FIRMWARE) == "firmware-refused"


def test_firmware_of_another_model_is_refused(ward: Ward) -> None:
    ward.world.ask(ward.hospital, ward.trusting(models=[MODEL, "Another"]))
    other = ward.allowing(ward.world.ids.next(), model="Another", hash=OLD_FIRMWARE)
    ward.world.ask(ward.hospital, other)
    assert ward.cause_of(ward.device(), 1, firmware=OLD_FIRMWARE) == "firmware-refused"


def test_withdrawn_firmware_is_refused_and_ends_connections(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.ask(ward.hospital, ("firmware.withdraw/1", {"firmware": ward.firmware}))
    assert ward.connection(device) is None
    assert ward.cause_of(device, 2) == "firmware-refused"


def test_wrong_owner_is_refused(ward: Ward) -> None:
    stranger = ward.world.enrol("person")
    assert ward.cause_of(ward.device(), 1, owner=stranger.actor) == "wrong-owner"


def test_change_of_owner_ends_the_connection(ward: Ward) -> None:
    device, other = ward.device(), ward.world.enrol("person")
    ward.connect(device, 1)
    body = {"device": device.actor, "owner": other.actor}
    ward.world.ask(ward.hospital, ("device.transfer-owner/1", body))
    assert ward.connection(device) is None
    assert ward.cause_of(device, 2) == "wrong-owner"
    ward.connect(device, 3, owner=other.actor)
    found = ward.connection(device)
    assert found is not None
    assert found.owner == other.actor


def test_device_of_a_retired_owner_is_refused(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.ask(ward.patient, ("actor.retire/1", {"id": ward.patient.actor}))
    assert ward.connection(device) is None
    assert ward.cause_of(device, 2) == "owner-inactive"


# Channels.


def test_channel_that_ends_at_this_node_is_bound(ward: Ward) -> None:
    device = ward.device()
    ward.channels = OwnChannels(frozenset({CERTIFICATE}), required=True)  # type: ignore[arg-type]
    ward.connect(device, 1, channel=CERTIFICATE)
    assert ward.world.entries()[-1].body.bound is True
    found = ward.connection(device)
    assert found is not None
    assert found.channel == CERTIFICATE


def test_channel_that_ends_elsewhere_is_refused(ward: Ward) -> None:
    device = ward.device()
    ward.channels = OwnChannels(frozenset({CERTIFICATE}))  # type: ignore[arg-type]
    assert ward.cause_of(device, 1, channel="d" * 64) == "channel-mismatch"


def test_missing_channel_is_refused_where_all_is_tls(ward: Ward) -> None:
    device = ward.device()
    ward.channels = OwnChannels(frozenset({CERTIFICATE}), required=True)  # type: ignore[arg-type]
    assert ward.cause_of(device, 1) == "channel-missing"


def test_channel_at_a_node_without_certificates_is_recorded_and_not_believed(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1, channel=CERTIFICATE)
    body = ward.world.entries()[-1].body
    assert (body.channel, body.bound) == (CERTIFICATE, False)
    found = ward.connection(device)
    assert found is not None
    assert found.channel is None


# What an attacker tries with the form.


@pytest.mark.parametrize(
    "changes",
    [
        {"counter": 0},
        {"counter": -1},
        {"counter": "1"},
        {"counter": True},
        {"nonce": ""},
        {"nonce": "A" * 22 + "\n"},
        {"firmware": digest_of(b"someone's document")},
        {"firmware": "A" * 64},
        {"channel": digest_of(b"someone's document")},
        {"bound": True},
        {"cause": "device-cloned"},
    ],
)
def test_answer_of_another_shape_is_refused(ward: Ward, changes: dict[str, object]) -> None:
    device = ward.device()
    name, body = ward.answering(device, ward.challenge(device), 1)
    assert isinstance(body, dict)
    assert ward.code_of(device, (name, body | changes)) == "command-refused"


def test_refused_connection_undoes_what_stood_beside_it(ward: Ward) -> None:
    device, before = ward.device(), len(ward.world.entries())
    with pytest.raises(TelesphorError):
        ward.world.ask(device, asking(device), ward.answering(device, "A" * 22, 1))
    assert [entry.type for entry in ward.world.entries()[before:]] == ["device.connect-refused/1"]


def test_two_answers_in_one_request_do_not_pass_as_one(ward: Ward) -> None:
    device = ward.device()
    first, second = ward.challenge(device), ward.challenge(device)
    with pytest.raises(TelesphorError) as caught:
        ward.world.ask(device, ward.answering(device, first, 1), ward.answering(device, second, 1))
    assert caught.value.code == "device-cloned"
    assert ward.connection(device) is None
