"""Receipts are person by person, come before the bytes, and nobody fetches what is not theirs to see."""

from __future__ import annotations

import pytest

from telesphor.capabilities.messages.model import ThreadGrant
from telesphor.client.letters import open_letter
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.sealing import NotARecipient
from tests.unit.capabilities.messages.office import Office, about


def fetch(office: Office, wallet: Wallet, thread: str, message: str, version: int = 1) -> bytes:
    grant = ThreadGrant(thread=thread, actor=wallet.actor)
    return office.messages.desk.fetch_envelope(grant, message, version)


def fetch_code(office: Office, wallet: Wallet, thread: str, message: str, version: int = 1) -> str:
    with pytest.raises(TelesphorError) as caught:
        fetch(office, wallet, thread, message, version)
    return caught.value.code


def test_recipient_receives_opens_and_reads(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread, text="It hurts less.")
    receipt = office.receive(office.clinician, thread, message)
    assert receipt.results[0].ticket
    envelope = fetch(office, office.clinician, thread, message)
    found = {"thread": thread, "message": message, "version": 1, "sender": office.patient.actor}
    content = open_letter(envelope, key=office.clinician.kem_key, **found)  # type: ignore[arg-type]
    assert content.text == "It hurts less."
    office.read(office.clinician, thread, message)
    (shown,) = office.shown(office.patient, thread).messages
    (line,) = shown.receipts
    assert line.actor == office.clinician.actor
    assert line.delivered_at is not None
    assert line.read_at is not None


def test_each_person_has_receipts_of_its_own(office: Office) -> None:
    thread = office.open(office.nurse)
    message = office.send(office.patient, thread, to=office.addressees(office.nurse))
    office.receive(office.nurse, thread, message)
    (shown,) = office.shown(office.patient, thread).messages
    assert [line.actor for line in shown.receipts] == [office.nurse.actor]
    assert shown.receipts[0].read_at is None
    assert office.shown(office.clinician, thread).thread.undelivered == 1


def test_nothing_is_fetched_before_it_is_delivered(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    assert fetch_code(office, office.clinician, thread, message) == "not-delivered"


def test_message_that_was_not_received_cannot_be_read(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    assert (
        office.code_of(office.clinician, ("message.read/1", about(thread, messages=[message])))
        == "not-delivered"
    )


def test_sender_fetches_its_own_without_a_receipt(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    assert fetch(office, office.patient, thread, message)


def test_second_delivery_says_only_that_the_thread_was_entered(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    office.receive(office.clinician, thread, message)
    office.receive(office.clinician, thread, message)
    assert [entry.type for entry in office.told(thread)][-2:] == ["message.delivered/1", "thread.entered/1"]


def test_edit_is_delivered_anew(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    office.receive(office.clinician, thread, message)
    office.send(office.patient, thread, message=message, version=2)
    assert fetch_code(office, office.clinician, thread, message, 2) == "not-delivered"
    office.receive(office.clinician, thread, message)
    assert fetch(office, office.clinician, thread, message, 2)
    assert fetch(office, office.clinician, thread, message, 1), "earlier versions stay"


def test_newcomer_sees_nothing_of_before(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    adding = ("thread.add/1", about(thread, actor=office.nurse.actor, role="staff"))
    office.ask(office.patient, adding)
    receive = ("message.receive/1", about(thread, messages=[message]))
    assert office.code_of(office.nurse, receive) == "not-addressed"
    assert office.shown(office.nurse, thread).thread.unread == 0


def test_whoever_left_fetches_nothing_with_an_old_ticket(office: Office) -> None:
    thread = office.open(office.nurse)
    message = office.send(office.patient, thread, to=office.addressees(office.nurse))
    office.receive(office.nurse, thread, message)
    office.ask(office.nurse, ("thread.leave/1", about(thread)))
    assert fetch_code(office, office.nurse, thread, message) == "not-in-thread"
    receive = ("message.receive/1", about(thread, messages=[message]))
    assert office.code_of(office.nurse, receive) == "access-denied"


def test_outsider_receives_nothing_and_its_attempt_is_recorded(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    receive = ("message.receive/1", about(thread, messages=[message]))
    assert office.code_of(office.stranger, receive) == "access-denied"
    denial = office.world.entries()[-1]
    assert (denial.type, denial.actor) == ("access.decided/1", office.stranger.actor)


def test_message_is_found_in_its_own_thread_only(office: Office) -> None:
    thread, other = office.open(), office.open()
    message = office.send(office.patient, thread)
    receive = ("message.receive/1", about(other, messages=[message]))
    assert office.code_of(office.clinician, receive) == "message-missing"
    assert fetch_code(office, office.clinician, other, message) == "message-missing"


def test_message_named_twice_is_refused(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    receive = ("message.receive/1", about(thread, messages=[message, message]))
    assert office.code_of(office.clinician, receive) == "message-named-twice"


def test_envelope_opens_for_nobody_else(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    envelope = fetch(office, office.patient, thread, message)
    with pytest.raises(NotARecipient):
        open_letter(
            envelope,
            key=office.stranger.kem_key,
            thread=thread,
            message=message,
            version=1,
            sender=office.patient.actor,
        )


def test_unread_counts_and_urgency_are_of_what_others_sent(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    office.put(office.patient, letter)
    body = {**letter.body, "urgency": "critical"}
    office.ask(office.patient, (letter.kind, body))
    office.send(office.clinician, thread)
    seen = office.shown(office.clinician, thread).thread
    assert (seen.unread, seen.undelivered, seen.urgency) == (1, 1, "critical")
    office.receive(office.clinician, thread, str(body["message"]))
    office.read(office.clinician, thread, str(body["message"]))
    seen = office.shown(office.clinician, thread).thread
    assert (seen.unread, seen.urgency) == (0, "routine")
