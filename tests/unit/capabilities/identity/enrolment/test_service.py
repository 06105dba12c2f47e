"""What an organisation says of makers, firmware and devices, and the ways to get it wrong or abuse it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from telesphor.capabilities.identity.enrolment import store
from telesphor.capabilities.identity.enrolment.credential import CredentialClaims, verify_credential
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.entries import EntryReader
from tests.unit.capabilities.identity.enrolment.ward import (
    DAY_MS,
    ENDS_MS,
    FIRMWARE,
    MODEL,
    OLD_FIRMWARE,
    Ward,
    revoking,
)
from tests.unit.capabilities.identity.small_node import START_MS


@pytest.fixture
def fresh(ward: Ward) -> Wallet:
    """A registered device that nobody has enrolled."""
    return ward.world.enrol("device")


@pytest.fixture
def rival(ward: Ward) -> Wallet:
    """Another organisation at the same node."""
    return ward.world.enrol("organisation")


# Makers.


def test_maker_is_trusted_on_its_own_stream(ward: Ward) -> None:
    trusted = next(entry for entry in ward.world.entries() if entry.type == "maker.trusted/1")
    assert (trusted.stream, trusted.actor) == (f"maker/{ward.maker}", ward.hospital.actor)
    assert (trusted.body.name, trusted.body.models) == ("maker.example", (MODEL,))


@pytest.mark.parametrize("kind", ["person", "system", "device"])
def test_maker_trusted_by_who_is_no_organisation_is_refused(ward: Ward, kind: str) -> None:
    wallet = ward.world.enrol(kind)
    assert ward.code_of(wallet, ward.trusting(maker=ward.world.ids.next())) == "not-permitted"
    assert ward.code_of(ward.world.node, ward.trusting(maker=ward.world.ids.next())) == "not-permitted"


def test_maker_trusted_again_has_the_new_models(ward: Ward, fresh: Wallet) -> None:
    ward.world.ask(ward.hospital, ward.trusting(models=["Another"]))
    assert ward.code_of(ward.hospital, ward.enrolling(fresh)) == "model-not-trusted"


def test_maker_under_an_id_that_is_anothers_is_refused(ward: Ward, rival: Wallet) -> None:
    other = SigningKey.generate(HybridSuite.ACTOR).public.jwks()
    assert ward.code_of(ward.hospital, ward.trusting(keys=other)) == "maker-exists"
    assert ward.code_of(ward.hospital, ward.trusting(name="other.example")) == "maker-exists"
    assert ward.code_of(rival, ward.trusting()) == "maker-exists"


def test_same_keys_under_two_ids_are_refused(ward: Ward) -> None:
    """Or whoever distrusts the one goes on trusting the other."""
    assert ward.code_of(ward.hospital, ward.trusting(maker=ward.world.ids.next())) == "maker-exists"


def test_two_organisations_trust_the_same_maker_each_for_itself(
    ward: Ward, rival: Wallet, fresh: Wallet
) -> None:
    ward.world.ask(rival, ward.trusting(maker=ward.world.ids.next()))
    assert ward.code_of(rival, ("maker.distrust/1", {"maker": ward.maker})) == "not-permitted"
    ward.world.ask(ward.hospital, ward.enrolling(fresh))


def test_distrusted_maker_enrols_nothing(ward: Ward, fresh: Wallet) -> None:
    ward.world.ask(ward.hospital, ("maker.distrust/1", {"maker": ward.maker}))
    assert ward.code_of(ward.hospital, ward.enrolling(fresh)) == "maker-not-trusted"
    assert ward.code_of(ward.hospital, ward.allowing(ward.world.ids.next())) == "maker-not-trusted"
    assert ward.code_of(ward.hospital, ("maker.distrust/1", {"maker": ward.maker})) == "maker-not-trusted"


def test_node_may_distrust_withdraw_and_revoke(ward: Ward) -> None:
    device = ward.device()
    ward.world.ask(
        ward.world.node,
        ("firmware.withdraw/1", {"firmware": ward.firmware}),
        ("maker.distrust/1", {"maker": ward.maker}),
        revoking(device, "compromised"),
    )


def test_maker_that_nobody_knows_is_refused(ward: Ward, fresh: Wallet) -> None:
    nobody = ward.world.ids.next()
    assert ward.code_of(ward.hospital, ("maker.distrust/1", {"maker": nobody})) == "maker-missing"
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, maker=nobody)) == "maker-missing"


@pytest.mark.parametrize(
    "name", ["Maker.example", "a", "-a.example", "maker example", "a" * 65, "maker.example\n"]
)
def test_maker_of_another_name_than_a_domain_is_refused(ward: Ward, name: str) -> None:
    assert ward.code_of(ward.hospital, ward.trusting(name=name)) == "command-refused"


def test_maker_without_models_or_with_too_many_is_refused(ward: Ward) -> None:
    assert ward.code_of(ward.hospital, ward.trusting(models=[])) == "command-refused"
    assert ward.code_of(ward.hospital, ward.trusting(models=["m"] * 65)) == "command-refused"


# Firmware.


def test_firmware_is_allowed_once(ward: Ward) -> None:
    again = ward.allowing(ward.world.ids.next())
    assert ward.code_of(ward.hospital, again) == "firmware-exists"
    assert ward.code_of(ward.hospital, ward.allowing(ward.firmware, hash=OLD_FIRMWARE)) == "firmware-exists"


def test_withdrawn_firmware_may_be_allowed_again_under_a_new_id(ward: Ward) -> None:
    withdraw = ("firmware.withdraw/1", {"firmware": ward.firmware})
    ward.world.ask(ward.hospital, withdraw)
    assert ward.code_of(ward.hospital, withdraw) == "firmware-missing"
    assert ward.code_of(ward.hospital, ward.allowing(ward.firmware)) == "firmware-exists"
    ward.world.ask(ward.hospital, ward.allowing(ward.world.ids.next()))
    ward.connect(ward.device(), 1)


def test_firmware_of_a_model_that_is_not_trusted_is_refused(ward: Ward) -> None:
    asked = ward.allowing(ward.world.ids.next(), model="Another", hash=OLD_FIRMWARE)
    assert ward.code_of(ward.hospital, asked) == "model-not-trusted"


def test_firmware_is_the_affair_of_who_trusts_the_maker(ward: Ward, rival: Wallet) -> None:
    asked = ward.allowing(ward.world.ids.next(), hash=OLD_FIRMWARE)
    assert ward.code_of(rival, asked) == "maker-not-trusted"
    assert ward.code_of(ward.patient, asked) == "not-permitted"
    assert ward.code_of(rival, ("firmware.withdraw/1", {"firmware": ward.firmware})) == "not-permitted"


# Enrolment.


def test_enrolment_names_the_credential_and_keeps_it(ward: Ward, fresh: Wallet) -> None:
    data = ward.certify(fresh)
    ward.world.ask(ward.hospital, ward.enrolling(fresh, data))
    entry = ward.world.entries()[-1]
    assert (entry.type, entry.stream) == ("device.enrolled/1", f"device/{fresh.actor}")
    assert (entry.body.document, entry.body.owner) == (digest_of(data), ward.patient.actor)
    assert entry.body.keys == fresh.signing_key.public.thumbprints()
    assert entry.body.not_after == format_instant(ENDS_MS)
    reader = EntryReader(ward.world.path, ward.world.registry)
    kept = reader.document(entry.body.document)
    reader.db.close()
    assert kept == data
    assert verify_credential(data).claims.model == entry.body.model


@pytest.mark.parametrize("kind", ["person", "system"])
def test_enrolment_by_who_is_no_organisation_is_refused(ward: Ward, fresh: Wallet, kind: str) -> None:
    assert ward.code_of(ward.world.enrol(kind), ward.enrolling(fresh)) == "not-permitted"


def test_enrolment_by_the_node_or_the_device_itself_is_refused(ward: Ward, fresh: Wallet) -> None:
    assert ward.code_of(ward.world.node, ward.enrolling(fresh)) == "not-permitted"
    assert ward.code_of(fresh, ward.enrolling(fresh)) == "not-permitted"


def test_enrolment_under_a_maker_of_another_organisation_is_refused(
    ward: Ward, fresh: Wallet, rival: Wallet
) -> None:
    assert ward.code_of(rival, ward.enrolling(fresh)) == "maker-not-trusted"


def test_credential_of_another_maker_is_refused(ward: Ward, fresh: Wallet) -> None:
    by_another = ward.certify(fresh, key=SigningKey.generate(HybridSuite.ACTOR))
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, by_another)) == "credential-of-another-maker"
    another_name = ward.certify(fresh, maker="other.example")
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, another_name)) == "credential-of-another-maker"


def test_credential_that_the_device_signed_itself_is_refused(ward: Ward, fresh: Wallet) -> None:
    other = Wallet.create(kind="device", ids=ward.world.ids)
    by_itself = ward.certify(other, key=fresh.signing_key)
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, by_itself)) == "credential-of-another-maker"


def test_credential_of_another_device_is_refused(ward: Ward, fresh: Wallet) -> None:
    other = ward.certify(ward.world.enrol("device"))
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, other)) == "credential-of-another-device"


def test_credential_for_an_actor_that_is_no_device_is_refused(ward: Ward) -> None:
    person = ward.world.enrol("person")
    assert ward.code_of(ward.hospital, ward.enrolling(person)) == "credential-of-another-device"


def test_device_that_is_not_registered_or_retired_is_refused(ward: Ward, fresh: Wallet) -> None:
    unknown = Wallet.create(kind="device", ids=ward.world.ids)
    assert ward.code_of(ward.hospital, ward.enrolling(unknown)) == "actor-missing"
    ward.world.ask(ward.hospital, ("actor.retire/1", {"id": fresh.actor}))
    assert ward.code_of(ward.hospital, ward.enrolling(fresh)) == "actor-retired"


def test_credential_of_another_model_is_refused(ward: Ward, fresh: Wallet) -> None:
    data = ward.certify(fresh, model="Another")
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, data)) == "model-not-trusted"


def test_credential_is_in_force_from_its_beginning_to_its_end(ward: Ward, fresh: Wallet) -> None:
    later = ward.certify(fresh, begins_ms=START_MS + 1)
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, later)) == "credential-not-yet-valid"
    over = ward.certify(fresh, ends_ms=START_MS - 1)
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, over)) == "credential-ended"
    just = ward.certify(fresh, begins_ms=START_MS, ends_ms=START_MS)
    ward.world.ask(ward.hospital, ward.enrolling(fresh, just))


def test_digest_of_another_credential_is_refused(ward: Ward, fresh: Wallet) -> None:
    asked = ward.enrolling(fresh, document=digest_of(b"another"))
    assert ward.code_of(ward.hospital, asked) == "credential-mismatch"


def test_credential_whose_signature_is_gone_or_swapped_is_refused(ward: Ward, fresh: Wallet) -> None:
    whole: dict[str, Any] = msgspec.json.decode(ward.certify(fresh))
    first, second = whole["signatures"]
    other = msgspec.json.decode(ward.certify(ward.world.enrol("device")))["signatures"]
    for signatures in ([first], [second], [second, first], [first, other[1]], [other[0], second], []):
        broken = whole | {"signatures": signatures}
        asked = ward.enrolling(fresh, canonical.encode(broken))
        assert ward.code_of(ward.hospital, asked) == "maker-credential-refused"


def test_owner_is_a_person_or_an_organisation(ward: Ward, fresh: Wallet) -> None:
    for kind in ("system", "device"):
        owner = ward.world.enrol(kind)
        assert ward.code_of(ward.hospital, ward.enrolling(fresh, owner=owner.actor)) == "not-permitted"
    nobody = ward.world.ids.next()
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, owner=nobody)) == "actor-missing"
    ward.world.ask(ward.hospital, ward.enrolling(fresh, owner=ward.hospital.actor))


def test_device_of_another_organisation_is_refused_until_that_one_revokes_it(
    ward: Ward, rival: Wallet
) -> None:
    device, maker = ward.device(), ward.world.ids.next()
    ward.world.ask(rival, ward.trusting(maker=maker))
    assert ward.code_of(rival, ward.enrolling(device, maker=maker)) == "device-enrolled-elsewhere"
    ward.world.ask(ward.hospital, revoking(device, "decommissioned"))
    ward.world.ask(rival, ward.enrolling(device, maker=maker))


def test_second_device_of_the_same_serial_number_is_refused(ward: Ward, fresh: Wallet) -> None:
    device = ward.device()
    serial = verify_credential(ward.certify(device)).claims.serial
    twin = ward.certify(fresh, serial=serial)
    assert ward.code_of(ward.hospital, ward.enrolling(fresh, twin)) == "serial-enrolled"
    ward.world.ask(ward.hospital, revoking(device))
    ward.world.ask(ward.hospital, ward.enrolling(fresh, twin))


@pytest.mark.parametrize("how", ["quarantined", "quarantined and revoked", "lost", "stolen", "compromised"])
def test_keys_that_were_shut_out_are_never_enrolled_again(ward: Ward, how: str) -> None:
    device = ward.device()
    ward.connect(device, 1)
    if how.startswith("quarantined"):
        assert ward.cause_of(device, 1) == "device-cloned"
        if how != "quarantined":
            ward.world.ask(ward.hospital, revoking(device, "error"))
    else:
        ward.world.ask(ward.hospital, revoking(device, how))
    assert ward.code_of(ward.hospital, ward.enrolling(device)) == "keys-compromised"
    renewed = ward.renew(device)
    ward.world.ask(ward.hospital, ward.enrolling(renewed))
    ward.connect(renewed, 1)
    assert ward.connection(renewed) is not None


@pytest.mark.parametrize("reason", ["decommissioned", "error"])
def test_device_that_was_put_aside_may_come_back_and_goes_on_counting(ward: Ward, reason: str) -> None:
    device = ward.device()
    ward.connect(device, 5)
    ward.world.ask(ward.hospital, revoking(device, reason))
    assert ward.cause_of(device, 6) == "device-revoked"
    ward.world.ask(ward.hospital, ward.enrolling(device))
    ward.connect(device, 7)
    assert ward.cause_of(device, 7) == "device-cloned"


def test_copy_of_the_old_keys_signs_nothing_after_a_new_enrolment(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    assert ward.cause_of(device, 1) == "device-cloned"
    renewed = ward.renew(device)
    ward.world.ask(ward.hospital, ward.enrolling(renewed))
    nonce = ward.challenge(renewed)
    assert ward.code_of(device, ward.answering(device, nonce, 2)) == "key-not-registered"


# Revocation, change of owner, and looking at a device.


def test_device_is_revoked_by_those_who_answer_for_it(ward: Ward, rival: Wallet) -> None:
    for who in ("hospital", "owner", "device"):
        device = ward.device()
        by = {"hospital": ward.hospital, "owner": ward.patient, "device": device}[who]
        assert ward.code_of(rival, revoking(device)) == "not-permitted"
        assert ward.code_of(ward.world.enrol("person"), revoking(device)) == "not-permitted"
        ward.world.ask(by, revoking(device))
        assert ward.world.entries()[-1].body.reason == "lost"
        assert ward.code_of(by, revoking(device)) == "enrolment-missing"


def test_device_that_was_never_enrolled_is_not_revoked_shown_or_moved(ward: Ward, fresh: Wallet) -> None:
    moved = {"device": fresh.actor, "owner": ward.patient.actor}
    assert ward.code_of(ward.hospital, revoking(fresh)) == "enrolment-missing"
    assert ward.code_of(ward.hospital, ("device.show/1", {"device": fresh.actor})) == "enrolment-missing"
    assert ward.code_of(ward.hospital, ("device.transfer-owner/1", moved)) == "enrolment-missing"


def test_owner_is_changed_by_the_organisation_alone(ward: Ward, rival: Wallet) -> None:
    device = ward.device()
    body = {"device": device.actor, "owner": ward.world.enrol("person").actor}
    for wallet in (ward.patient, device, rival, ward.world.node):
        assert ward.code_of(wallet, ("device.transfer-owner/1", body)) == "not-permitted"
    system = {"device": device.actor, "owner": ward.world.enrol("system").actor}
    assert ward.code_of(ward.hospital, ("device.transfer-owner/1", system)) == "not-permitted"
    ward.world.ask(ward.hospital, ("device.transfer-owner/1", body))


def test_looking_at_a_device_leaves_an_entry_and_says_how_it_stands(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 4)
    view = ward.world.ask(ward.patient, ("device.show/1", {"device": device.actor})).results[0]
    assert (view.state, view.counter, view.firmware) == ("enrolled", 4, FIRMWARE)
    assert (view.owner, view.organisation) == (ward.patient.actor, ward.hospital.actor)
    assert view.connected_until == format_instant(START_MS + DAY_MS // 2)
    assert (ward.world.entries()[-1].type, ward.world.entries()[-1].actor) == (
        "device.shown/1",
        ward.patient.actor,
    )
    ward.world.ask(ward.hospital, revoking(device))
    view = ward.world.ask(ward.hospital, ("device.show/1", {"device": device.actor})).results[0]
    assert (view.state, view.connected_until) == ("revoked", "")
    stranger = ward.world.enrol("person")
    assert ward.code_of(stranger, ("device.show/1", {"device": device.actor})) == "not-permitted"


def test_ledger_holds_no_serial_number_and_no_credential(ward: Ward, fresh: Wallet) -> None:
    data = ward.certify(fresh)
    ward.world.ask(ward.hospital, ward.enrolling(fresh, data))
    ward.connect(fresh, 1)
    text = b"".join(entry.data for entry in ward.world.entries())
    payload: str = msgspec.json.decode(data)["payload"]
    assert payload.encode() not in text
    claims = msgspec.json.decode(base64url.decode(payload), type=CredentialClaims)
    assert claims.serial.encode() in text


def test_replaying_the_entries_gives_the_same_tables(ward: Ward) -> None:
    device, other = ward.device(), ward.device()
    ward.connect(device, 1)
    assert ward.cause_of(device, 5, firmware=OLD_FIRMWARE) == "firmware-refused"
    ward.connect(device, 4)
    ward.connect(other, 9)
    assert ward.cause_of(other, 9) == "device-cloned"
    ward.world.ask(ward.hospital, revoking(other), ward.trusting(models=[MODEL, "Another"]))
    ward.world.ask(ward.hospital, ("firmware.withdraw/1", {"firmware": ward.firmware}))
    before = rows(ward)
    for table in store.TABLES:
        ward.world.db.execute(f"DELETE FROM {table}")
    owned = {kind.name for kind in ward.world.registry.capabilities[-1].entries}
    for entry in ward.world.entries():
        if entry.type in owned:
            store.apply(ward.world.db, entry)
    assert rows(ward) == before
    assert all(before.values())


def rows(ward: Ward) -> dict[str, list[Any]]:
    return {table: ward.world.db.execute(f"SELECT * FROM {table}").fetchall() for table in store.TABLES}
