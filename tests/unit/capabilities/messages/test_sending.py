"""Messages are taken only if they are sealed to exactly the members and the monitor, and changes leave a trace."""

from __future__ import annotations

from typing import Any

import pytest

from telesphor.capabilities.messages.content import AttachedFile
from telesphor.capabilities.messages.envelopes.shelf import NAMED_WITHIN_MS, WAITING_OF_ONE_MAX
from telesphor.client.letters import Addressee, Letter
from telesphor.client.requests import rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.messages.office import Office, about
from tests.unit.capabilities.world import ORIGIN


def refused(office: Office, sender: Wallet, letter: Letter) -> str:
    """The code with which a letter is refused whose envelope is here."""
    office.put(sender, letter)
    return office.code_of(sender, letter.command)


def put_code(office: Office, sender: Wallet, letter: Letter) -> str:
    with pytest.raises(TelesphorError) as caught:
        office.put(sender, letter)
    return caught.value.code


def changed(letter: Letter, **members: Any) -> Letter:
    return letter._replace(body={**letter.body, **members})


def test_message_to_members_and_monitor_is_taken(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    office.put(office.patient, letter)
    receipt = office.ask(office.patient, letter.command)
    assert (receipt.results[0].version, receipt.results[0].state) == (1, "sent")
    entry = office.told(thread)[-1]
    assert entry.type == "message.sent/1"
    assert [one.actor for one in entry.body.recipients][-1] == office.monitor.actor
    assert entry.body.recipients[-1].role == "monitor"
    assert b"How are you" not in b"".join(entry.data for entry in office.world.entries())


def test_message_without_the_monitor_is_refused(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread, to=office.addressees()[:-1])
    assert refused(office, office.patient, letter) == "monitor-not-named"


def test_monitor_named_as_a_member_is_refused(office: Office) -> None:
    thread = office.open()
    to = [*office.addressees()[:-1], office.addressees()[-1]._replace(role="member")]
    assert refused(office, office.patient, office.write(office.patient, thread, to=to)) == "monitor-not-named"


def test_message_to_too_few_is_refused(office: Office) -> None:
    thread = office.open(office.nurse)
    assert refused(office, office.patient, office.write(office.patient, thread)) == "recipient-missing"


def test_message_not_sealed_to_its_sender_is_refused(office: Office) -> None:
    thread = office.open()
    to = [one for one in office.addressees() if one.actor != office.patient.actor]
    assert refused(office, office.patient, office.write(office.patient, thread, to=to)) == "recipient-missing"


def test_message_to_a_stranger_is_refused(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread, to=office.addressees(office.stranger))
    assert refused(office, office.patient, letter) == "recipient-stranger"


def test_message_to_a_removed_member_is_refused(office: Office) -> None:
    thread = office.open(office.nurse)
    office.ask(office.patient, ("thread.remove/1", about(thread, actor=office.nurse.actor)))
    letter = office.write(office.patient, thread, to=office.addressees(office.nurse))
    assert refused(office, office.patient, letter) == "recipient-stranger"


def test_message_to_a_key_that_is_not_the_recipients_is_refused(office: Office) -> None:
    thread = office.open()
    to = office.addressees()
    to[0] = Addressee(to[0].actor, office.stranger.kem_key.public, "member")
    assert (
        refused(office, office.patient, office.write(office.patient, thread, to=to)) == "recipient-key-stale"
    )


def test_header_that_names_others_than_the_envelope_is_refused(office: Office) -> None:
    """The envelope is sealed to a stranger in the clinician's place; the header says what it should."""
    thread = office.open()
    to = office.addressees()
    to[0] = Addressee(to[0].actor, office.stranger.kem_key.public, "member")
    letter = office.write(office.patient, thread, to=to)
    honest = office.write(office.patient, thread).body["recipients"]
    assert refused(office, office.patient, changed(letter, recipients=honest)) == "envelope-mismatch"


def test_recipient_named_twice_is_refused(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    twice = [*letter.body["recipients"], letter.body["recipients"][0]]
    assert refused(office, office.patient, changed(letter, recipients=twice)) == "recipient-repeated"


def test_envelope_of_another_message_is_refused(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    assert refused(office, office.patient, changed(letter, message=office.ids.next())) == "envelope-mismatch"


def test_envelope_of_another_size_is_refused(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    assert refused(office, office.patient, changed(letter, size=7)) == "envelope-mismatch"


def test_envelope_that_never_came_is_refused(office: Office) -> None:
    thread = office.open()
    assert office.code_of(office.patient, office.write(office.patient, thread).command) == "envelope-missing"


def test_envelope_that_somebody_else_sent_is_refused(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    office.put(office.clinician, letter)
    assert office.code_of(office.patient, letter.command) == "envelope-missing"


def test_envelope_that_came_too_long_ago_is_refused_and_swept(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    office.put(office.patient, letter)
    office.clock.advance_ms(NAMED_WITHIN_MS)
    assert office.code_of(office.patient, letter.command) == "envelope-missing"
    office.clock.advance_ms(NAMED_WITHIN_MS)
    assert office.messages.shelf.sweep() >= 1
    office.put(office.patient, letter)
    office.ask(office.patient, letter.command)


def test_bytes_that_are_no_envelope_are_not_kept(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    digest = "0" * 64
    assert put_code(office, office.patient, letter._replace(path=f"/{digest}")) == "envelope-mismatch"
    rubbish = b'{"format":"telesphor-envelope/1"}'
    named = digest_of(rubbish).removeprefix("sha256:")
    assert (
        put_code(office, office.patient, Letter(rubbish, f"/{named}", letter.kind, letter.body))
        == "envelope-refused"
    )


def test_envelopes_that_no_command_names_are_bounded(office: Office) -> None:
    thread = office.open(office.nurse)
    letters = [
        office.write(office.nurse, thread, to=office.addressees(office.nurse))
        for _ in range(WAITING_OF_ONE_MAX + 1)
    ]
    for letter in letters[:-1]:
        office.put(office.nurse, letter)
    office.put(office.nurse, letters[0])  # Again: it waits already.
    assert put_code(office, office.nurse, letters[-1]) == "envelopes-full"
    office.ask(office.nurse, letters[0].command)
    office.put(office.nurse, letters[-1])


def test_what_a_crash_kept_from_being_noted_takes_nobodys_place(office: Office) -> None:
    """An entry names them; the shelf forgot that it does, and finds it out at the start."""
    thread = office.open()
    kept = office.messages.shelf._kept
    for _ in range(3):
        office.send(office.patient, thread)
    assert kept.count_waiting(office.patient.actor) == 0
    kept._named.clear()
    lost = kept.count_waiting(office.patient.actor)
    assert lost > 0
    office.messages.shelf.settle()
    assert kept.count_waiting(office.patient.actor) == 0


def test_outsider_neither_sends_nor_puts_envelopes(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.stranger, thread)
    assert put_code(office, office.stranger, letter) == "not-in-thread"
    assert office.code_of(office.stranger, letter.command) == "access-denied"


def test_nothing_is_sent_to_an_archived_thread(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    office.put(office.patient, letter)
    office.ask(office.patient, ("thread.archive/1", about(thread)))
    assert office.code_of(office.patient, letter.command) == "thread-archived"
    assert put_code(office, office.patient, letter) == "thread-archived"
    office.ask(office.clinician, ("thread.restore/1", about(thread)))
    office.ask(office.patient, letter.command)


def test_message_id_is_used_once(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    letter = office.write(office.patient, office.open(), message=message)
    assert refused(office, office.patient, letter) == "message-exists"


def test_edit_leaves_the_first_version_and_shows_the_next(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    office.send(office.patient, thread, message=message, version=2, text="How are you both?")
    assert [entry.type for entry in office.told(thread)][-2:] == ["message.sent/1", "message.edited/1"]
    (shown,) = office.shown(office.clinician, thread).messages
    assert (shown.version, shown.versions) == (2, 2)
    assert shown.edited_at is not None


def test_edit_of_anothers_message_is_refused(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    letter = office.write(office.clinician, thread, message=message, version=2)
    assert refused(office, office.clinician, letter) == "not-the-sender"


def test_edit_with_another_than_the_next_number_is_refused(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    letter = office.write(office.patient, thread, message=message, version=3)
    assert refused(office, office.patient, letter) == "version-refused"


def test_recalled_message_is_fetched_and_edited_by_nobody(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    command = ("message.recall/1", about(thread, message=message))
    assert office.code_of(office.clinician, command) == "not-the-sender"
    office.ask(office.patient, command)
    assert office.code_of(office.patient, command) == "message-recalled"
    receive = ("message.receive/1", about(thread, messages=[message]))
    assert office.code_of(office.clinician, receive) == "message-recalled"
    letter = office.write(office.patient, thread, message=message, version=2)
    assert refused(office, office.patient, letter) == "message-recalled"
    (shown,) = office.shown(office.clinician, thread).messages
    assert shown.state == "recalled"


def attached(office: Office, object_id: str) -> tuple[AttachedFile, ...]:
    return (AttachedFile(object=object_id, name="a.png", media_type="image/png", size=7),)  # type: ignore[arg-type]


def test_attachment_that_all_recipients_may_read_is_taken(office: Office) -> None:
    thread = office.open()
    object_id = office.attach(office.patient, office.clinician, office.monitor)
    office.send(office.patient, thread, attachments=attached(office, object_id))
    (shown,) = office.shown(office.clinician, thread).messages
    assert [one.object for one in shown.attachments] == [object_id]


def test_attachment_that_the_monitor_may_not_read_is_refused(office: Office) -> None:
    thread = office.open()
    files = attached(office, office.attach(office.patient, office.clinician))
    letter = office.write(office.patient, thread, attachments=files)
    assert refused(office, office.patient, letter) == "attachment-refused"


def test_attachment_of_somebody_else_is_refused(office: Office) -> None:
    thread = office.open()
    files = attached(office, office.attach(office.clinician, office.patient, office.monitor))
    letter = office.write(office.patient, thread, attachments=files)
    assert refused(office, office.patient, letter) == "attachment-refused"


def test_wallet_that_rotated_its_keys_is_sealed_to_by_the_new_one(office: Office) -> None:
    thread = office.open(office.nurse)
    old = office.addressees(office.nurse)
    renewed = office.nurse.renew()
    office.ask(office.nurse, rotate_command(renewed, node=ORIGIN))
    office.nurse = renewed
    assert (
        refused(office, office.patient, office.write(office.patient, thread, to=old)) == "recipient-key-stale"
    )
    office.send(office.patient, thread, to=office.addressees(renewed))
