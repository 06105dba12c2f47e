"""Threads: who may begin, join, end and put away one; holds and retention are the organisation's."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from telesphor.capabilities.messages.exporting import _envelopes
from telesphor.capabilities.messages.model import DAY_MS, ExportGrant
from telesphor.capabilities.messages.refusals import EnvelopeGone
from telesphor.capabilities.messages.retention import ExpireMessages
from telesphor.capabilities.messages.views import parts_with
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.database import open_reader
from telesphor.vault.store import find_object
from tests.unit.capabilities.messages.office import Office, about
from tests.unit.capabilities.messages.test_sending import attached


def envelope_of(office: Office, thread: str, n: int) -> Digest:
    """The envelope of the thread's nth version."""
    kinds = ("message.sent/1", "message.edited/1")
    return Digest([entry for entry in office.told(thread) if entry.type in kinds][n].body.envelope)


def state_of(office: Office, object_id: str) -> str:
    """Where an object is in its life."""
    with closing(open_reader(office.world.path)) as db:
        row = find_object(db, object_id)
    assert row is not None
    return row.state


def refusals(office: Office, object_id: str) -> list[RecordedEntry]:
    """The erasures of an object that a hold has refused."""
    told = [entry for entry in office.world.entries() if entry.stream == f"object/{object_id}"]
    return [entry for entry in told if entry.type == "object.erase-refused/1"]


def erasing(object_id: str) -> Command:
    return "object.erase/1", {"object": object_id, "reason": "patient-request"}


def test_person_opens_only_threads_that_it_is_in(office: Office) -> None:
    assert office.code_of(office.stranger, office.opening(office.ids.next())) == "not-permitted"
    office.ask(office.hospital, office.opening(office.ids.next()))


def test_thread_id_is_used_once(office: Office) -> None:
    thread = office.open()
    assert office.code_of(office.clinician, office.opening(thread)) == "thread-exists"


def test_thread_with_the_monitor_or_somebody_twice_is_refused(office: Office) -> None:
    assert (
        office.code_of(office.clinician, office.opening(office.ids.next(), office.monitor))
        == "member-refused"
    )
    assert (
        office.code_of(office.clinician, office.opening(office.ids.next(), office.patient))
        == "member-refused"
    )


def test_subject_adds_a_caregiver_and_an_outsider_does_not(office: Office) -> None:
    thread = office.open()
    adding = ("thread.add/1", about(thread, actor=office.nurse.actor, role="caregiver"))
    assert office.code_of(office.stranger, adding) == "access-denied"
    office.ask(office.patient, adding)
    assert office.code_of(office.patient, adding) == "member-refused"


def test_person_who_is_not_in_the_thread_brings_nobody_in(office: Office) -> None:
    """Neither whoever opened it and left, nor whom a care team writes about."""
    thread = office.open(office.nurse)
    office.ask(office.patient, ("thread.leave/1", about(thread)))
    office.ask(office.clinician, ("thread.leave/1", about(thread)))
    for wallet in (office.patient, office.clinician):
        joining = ("thread.add/1", about(thread, actor=wallet.actor, role="staff"))
        assert office.code_of(wallet, joining) == "not-in-thread"
        removing = ("thread.remove/1", about(thread, actor=office.nurse.actor))
        assert office.code_of(wallet, removing) == "not-in-thread"
    assert office.code_of(office.clinician, ("thread.archive/1", about(thread))) == "not-in-thread"
    office.ask(office.hospital, ("thread.add/1", about(thread, actor=office.patient.actor, role="patient")))


def test_member_who_is_not_responsible_removes_nobody(office: Office) -> None:
    thread = office.open(office.nurse)
    removing = ("thread.remove/1", about(thread, actor=office.patient.actor))
    assert office.code_of(office.nurse, removing) == "not-permitted"
    office.ask(office.clinician, removing)
    assert office.code_of(office.clinician, removing) == "member-refused"


def changes(office: Office, wallet: Wallet, thread: str, **page: Any) -> list[tuple[str, str, str]]:
    """Who came and went, as somebody sees it, the newest first."""
    asked = {"before": None, "rows": 100} | page
    shown = office.messages.views.thread(office.actor(wallet), thread, **asked)
    return [(one.what, one.actor, one.by) for one in shown.changes]


def test_thread_shows_who_was_added_and_removed_by_whom_and_who_left(office: Office) -> None:
    thread = office.open(office.nurse)
    nurse, patient = office.nurse.actor, office.patient.actor
    office.ask(office.patient, ("thread.remove/1", about(thread, actor=nurse)))
    office.ask(office.hospital, ("thread.add/1", about(thread, actor=nurse, role="staff")))
    office.ask(office.nurse, ("thread.leave/1", about(thread)))
    assert changes(office, office.clinician, thread) == [
        ("left", nurse, nurse),
        ("added", nurse, office.hospital.actor),
        ("removed", nurse, patient),
    ]


def test_change_is_on_the_page_of_the_messages_around_it(office: Office) -> None:
    thread = office.open(office.nurse)
    to = office.addressees(office.nurse)
    office.send(office.patient, thread, to=to)
    office.ask(office.clinician, ("thread.remove/1", about(thread, actor=office.nurse.actor)))
    office.send(office.patient, thread)
    office.send(office.patient, thread)
    shown = office.messages.views.thread(office.actor(office.clinician), thread, before=None, rows=2)
    assert [one.what for one in shown.changes] == [], "it stands before the messages of this page"
    before = shown.before
    found = changes(office, office.clinician, thread, before=before, rows=2)
    assert found == [("removed", office.nurse.actor, office.clinician.actor)]


def test_removed_member_sees_nothing_that_follows_and_its_name_stays_on_what_it_wrote(office: Office) -> None:
    guest = office.world.enrol("person", by=office.hospital)
    thread = office.open(guest)
    office.names.known[guest.actor] = "Guest"
    office.ask(guest, ("thread.enter/1", about(thread)))
    message = office.send(guest, thread, to=office.addressees(guest))
    office.ask(office.clinician, ("thread.remove/1", about(thread, actor=guest.actor)))
    later = office.send(office.patient, thread)
    with pytest.raises(TelesphorError, match="only members"):
        office.shown(guest, thread)
    assert office.code_of(guest, ("message.receive/1", about(thread, messages=[later]))) == "access-denied"
    with closing(open_reader(office.world.path)) as db:
        clinician = office.clinician.actor
        assert parts_with(db, clinician, [guest.actor]) == {guest.actor}, "whose messages bear its name"
        assert parts_with(db, guest.actor, [clinician]) == set()
    (_, first) = office.shown(office.clinician, thread).messages
    assert (first.message, first.sender_name) == (message, "Guest")


def test_only_whoever_may_remove_is_shown_that_it_may(office: Office) -> None:
    thread = office.open(office.nurse)
    found = [
        office.shown(one, thread).thread.removes for one in (office.clinician, office.patient, office.nurse)
    ]
    assert found == [True, True, False]


def test_message_says_where_it_stands_on_the_ledger(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    office.send(office.patient, thread, message=message, version=2)
    (shown,) = office.shown(office.clinician, thread).messages
    (sent,) = [entry for entry in office.told(thread) if entry.type == "message.sent/1"]
    assert shown.position == sent.position


def test_hold_and_retention_take_an_organisation(office: Office) -> None:
    thread, hold = office.open(), office.ids.next()
    for command in (
        ("thread.hold/1", about(thread, hold=hold)),
        ("thread.retain/1", about(thread, retention_days=1)),
    ):
        assert office.code_of(office.patient, command) == "access-denied"
        office.ask(office.hospital, command)
    assert office.shown(office.patient, thread).thread.held
    assert office.code_of(office.hospital, ("thread.hold/1", about(thread, hold=hold))) == "hold-exists"
    office.ask(office.hospital, ("thread.lift-hold/1", about(thread, hold=hold)))
    assert office.code_of(office.hospital, ("thread.lift-hold/1", about(thread, hold=hold))) == "hold-missing"


def test_retention_deletes_envelopes_and_attachments_but_no_entry(office: Office) -> None:
    thread = office.open(days=1)
    picture = office.attach(office.patient, office.clinician, office.monitor)
    message = office.send(office.patient, thread, attachments=attached(office, picture))
    office.send(office.patient, thread, message=message, version=2)
    digests = [envelope_of(office, thread, n) for n in (0, 1)]
    assert office.messages.retention.run() == 0
    office.clock.advance_ms(DAY_MS)
    assert office.messages.retention.run() == 1
    for digest in digests:
        with pytest.raises(EnvelopeGone):
            office.messages.shelf.read(thread, digest)
    (shown,) = office.shown(office.clinician, thread).messages
    assert shown.state == "expired"
    assert office.told(thread)[-1].type == "message.expired/1"
    assert state_of(office, picture) == "erased"


def test_legal_hold_keeps_what_is_due(office: Office) -> None:
    thread, hold = office.open(days=1), office.ids.next()
    message = office.send(office.patient, thread)
    office.ask(office.patient, ("message.recall/1", about(thread, message=message)))
    office.ask(office.hospital, ("thread.hold/1", about(thread, hold=hold)))
    office.clock.advance_ms(DAY_MS)
    assert office.messages.retention.run() == 0
    word = ExpireMessages(thread=thread, messages=(message,))  # type: ignore[arg-type]
    with pytest.raises(TelesphorError, match="legal hold"):
        office.world.record_own_word(office.messages.retention._expire, word)
    assert office.messages.shelf.read(thread, envelope_of(office, thread, 0)), "a recall deletes nothing"
    office.ask(office.hospital, ("thread.lift-hold/1", about(thread, hold=hold)))
    assert office.messages.retention.run() == 1


def test_object_attached_in_a_held_thread_is_erased_by_nobody(office: Office) -> None:
    """Its owner and the organisation are refused, and so is the node; once the hold is lifted, its owner erases it."""
    thread, hold = office.open(), office.ids.next()
    picture = office.attach(office.patient, office.clinician, office.monitor)
    office.send(office.patient, thread, attachments=attached(office, picture))
    office.ask(office.hospital, ("thread.hold/1", about(thread, hold=hold)))
    for wallet in (office.patient, office.hospital, office.world.node):
        assert office.code_of(wallet, erasing(picture)) == "object-held"
    assert office.code_of(office.stranger, erasing(picture)) == "access-denied", (
        "who may not, learns of no hold"
    )
    office.ask(office.hospital, ("thread.lift-hold/1", about(thread, hold=hold)))
    office.ask(office.patient, erasing(picture))
    assert state_of(office, picture) == "erased"


def test_attempt_to_erase_what_a_thread_s_hold_keeps_names_each_hold_once_on_the_ledger(
    office: Office,
) -> None:
    """One matter may hold several threads; which threads these are, the entry on the object's stream does not say."""
    one, other = office.open(), office.open()
    matter, second = sorted((office.ids.next(), office.ids.next()))
    picture = office.attach(office.patient, office.clinician, office.monitor)
    for thread in (one, other):
        office.send(office.patient, thread, attachments=attached(office, picture))
        office.ask(office.hospital, ("thread.hold/1", about(thread, hold=matter)))
    office.ask(office.hospital, ("thread.hold/1", about(other, hold=second)))
    assert office.code_of(office.patient, erasing(picture)) == "object-held"
    (refused,) = refusals(office, picture)
    assert (refused.actor, refused.body.holds) == (office.patient.actor, (matter, second))
    assert refused.evidence is not None, "the signed request is kept with it"


def test_object_is_held_while_any_hold_is_on_any_of_its_threads(office: Office) -> None:
    one, other = office.open(), office.open()
    picture = office.attach(office.patient, office.clinician, office.monitor)
    for thread in (one, other):
        office.send(office.patient, thread, attachments=attached(office, picture))
    holds = [(one, office.ids.next()), (one, office.ids.next()), (other, office.ids.next())]
    for thread, hold in holds:
        office.ask(office.hospital, ("thread.hold/1", about(thread, hold=hold)))
    for thread, hold in holds:
        assert office.code_of(office.patient, erasing(picture)) == "object-held"
        office.ask(office.hospital, ("thread.lift-hold/1", about(thread, hold=hold)))
    office.ask(office.patient, erasing(picture))


def test_hold_keeps_what_a_recalled_message_or_an_earlier_version_named(office: Office) -> None:
    thread = office.open()
    first, second = (office.attach(office.patient, office.clinician, office.monitor) for _ in range(2))
    edited = office.send(office.patient, thread, attachments=attached(office, first))
    office.send(office.patient, thread, message=edited, version=2)
    recalled = office.send(office.patient, thread, attachments=attached(office, second))
    office.ask(office.patient, ("message.recall/1", about(thread, message=recalled)))
    office.ask(office.hospital, ("thread.hold/1", about(thread, hold=office.ids.next())))
    for picture in (first, second):
        assert office.code_of(office.patient, erasing(picture)) == "object-held"


def test_object_attached_to_nothing_or_elsewhere_is_not_held(office: Office) -> None:
    held, free = office.open(), office.open()
    office.send(office.patient, held)
    office.ask(office.hospital, ("thread.hold/1", about(held, hold=office.ids.next())))
    lone, elsewhere = (office.attach(office.patient, office.clinician, office.monitor) for _ in range(2))
    office.send(office.patient, free, attachments=attached(office, elsewhere))
    for picture in (lone, elsewhere):
        office.ask(office.patient, erasing(picture))


def test_retention_leaves_what_another_threads_hold_keeps_until_it_is_lifted(office: Office) -> None:
    """The held thread's own message was deleted before the hold; what it named is kept all the same."""
    first, second = office.open(days=1), office.open(days=2)
    picture = office.attach(office.patient, office.clinician, office.monitor)
    for thread in (first, second):
        office.send(office.patient, thread, attachments=attached(office, picture))
    office.clock.advance_ms(DAY_MS)
    assert office.messages.retention.run() == 1, "still attached in the second thread"
    hold = office.ids.next()
    office.ask(office.hospital, ("thread.hold/1", about(first, hold=hold)))
    office.clock.advance_ms(DAY_MS)
    assert office.messages.retention.run() == 1
    assert state_of(office, picture) == "sealed"
    office.messages.retention.run()
    assert state_of(office, picture) == "sealed"
    assert refusals(office, picture) == [], "retention looks first, and does not ask for it once an hour"
    office.ask(office.hospital, ("thread.lift-hold/1", about(first, hold=hold)))
    office.messages.retention.run()
    assert state_of(office, picture) == "erased"


def test_message_that_is_not_due_cannot_be_expired(office: Office) -> None:
    thread = office.open(days=30)
    message = office.send(office.patient, thread)
    word = ExpireMessages(thread=thread, messages=(message,))  # type: ignore[arg-type]
    with pytest.raises(TelesphorError, match="has not ended"):
        office.world.record_own_word(office.messages.retention._expire, word)


def test_nobody_can_ask_for_expiry(office: Office) -> None:
    thread = office.open(days=1)
    assert (
        office.code_of(office.hospital, ("message.expire/1", about(thread, messages=[]))) == "unknown-command"
    )


def test_what_a_crash_left_of_an_expiry_is_deleted_at_the_next_start(office: Office) -> None:
    thread = office.open(days=1)
    message = office.send(office.patient, thread)
    office.clock.advance_ms(DAY_MS)
    word = ExpireMessages(thread=thread, messages=(message,))  # type: ignore[arg-type]
    office.world.record_own_word(office.messages.retention._expire, word)
    assert office.messages.shelf.read(thread, envelope_of(office, thread, 0))
    office.messages.retention._shelf_settled = False
    office.messages.retention.run()
    with pytest.raises(EnvelopeGone):
        office.messages.shelf.read(thread, envelope_of(office, thread, 0))


def test_archived_threads_are_listed_apart(office: Office) -> None:
    thread = office.open()
    actor = office.actor(office.patient)

    def listed(archived: bool) -> list[str]:
        found = office.messages.views.threads(actor, archived=archived, after=None, rows=100)
        return [one.thread for one in found.threads]

    assert thread in listed(False)
    office.ask(office.patient, ("thread.archive/1", about(thread)))
    assert office.code_of(office.patient, ("thread.archive/1", about(thread))) == "thread-archived"
    assert (thread in listed(False), thread in listed(True)) == (False, True)
    office.ask(office.patient, ("thread.restore/1", about(thread)))
    assert office.code_of(office.patient, ("thread.restore/1", about(thread))) == "thread-not-archived"


def test_outsider_sees_no_thread(office: Office) -> None:
    thread = office.open()
    with pytest.raises(TelesphorError, match="only members"):
        office.shown(office.stranger, thread)
    listed = office.messages.views.threads(office.actor(office.stranger), archived=False, after=None, rows=9)
    assert listed.threads == ()


def test_names_are_shown_among_those_who_share_a_thread(office: Office) -> None:
    office.names.known = {office.patient.actor: "Ada", office.stranger.actor: "Eve"}
    thread = office.open()
    named = {one.actor: one.name for one in office.shown(office.clinician, thread).thread.members}
    assert named == {office.patient.actor: "Ada", office.clinician.actor: None}
    office.names.known = {}


def test_whoever_was_only_put_into_a_thread_is_a_stranger_still(office: Office) -> None:
    opener, other, third = (office.world.enrol("person") for _ in range(3))
    thread = office.ids.next()
    members = [{"actor": opener.actor, "role": "staff"}, {"actor": other.actor, "role": "patient"}]
    opening = {"thread": thread, "subject": other.actor, "members": members, "retention_days": None}
    office.ask(opener, ("thread.open/1", opening))
    assert _known(office, opener, other) is False
    assert _known(office, other, opener) is True
    office.ask(other, ("thread.enter/1", {"thread": thread}))
    assert _known(office, opener, other) is True
    office.ask(opener, ("thread.add/1", {"thread": thread, "actor": third.actor, "role": "staff"}))
    assert _known(office, opener, third) is False


def _known(office: Office, reader: Wallet, other: Wallet) -> bool:
    """Whether the reader may learn by its threads what the other is called."""
    db = open_reader(office.world.path)
    try:
        return parts_with(db, reader.actor, [other.actor]) == {other.actor}
    finally:
        db.close()


def test_live_tells_the_members_and_whoever_was_removed(office: Office) -> None:
    thread = office.open(office.nurse)
    message = office.send(office.patient, thread, to=office.addressees(office.nurse))
    office.ask(office.patient, ("thread.remove/1", about(thread, actor=office.nurse.actor)))
    office.hub.told.clear()
    for entry in office.told(thread):
        office.messages.follow(entry)
    events = [said["event"] for _, said in office.hub.told]
    assert events == ["members", "message", "members"]
    assert office.hub.told[1][1]["message"] == message
    assert office.nurse.actor in office.hub.told[2][0]
    assert all("text" not in said for _, said in office.hub.told)


def test_export_is_for_members_and_the_organisation(office: Office) -> None:
    thread = office.open()
    assert office.code_of(office.stranger, ("thread.export/1", about(thread))) == "access-denied"
    assert office.ask(office.hospital, ("thread.export/1", about(thread))).results[0].path.endswith("/bundle")
    office.ask(office.patient, ("thread.export/1", about(thread)))
    assert office.told(thread)[-1].type == "thread.exported/1"


def test_envelopes_of_an_export_are_the_actors_own(office: Office) -> None:
    thread = office.open()
    sent, other = office.send(office.patient, thread), office.send(office.clinician, thread)
    db = open_reader(office.world.path)
    own = ExportGrant(thread=thread, actor=office.patient.actor, whole=False)
    found, left_out = _envelopes(own, db, office.messages.shelf)
    assert (list(found), left_out) == ([f"envelopes/{sent}-1.json"], 0)
    whole = ExportGrant(thread=thread, actor=office.hospital.actor, whole=True)
    found, _ = _envelopes(whole, db, office.messages.shelf)
    assert sorted(found) == sorted(f"envelopes/{one}-1.json" for one in (sent, other))
    db.close()
