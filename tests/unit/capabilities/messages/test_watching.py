"""The monitor: declared, named, looking only on record, and what its verdicts do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import apsw
import pytest

from telesphor.capabilities.messages.flagged import list_flagged
from telesphor.capabilities.messages.model import MonitorGrant
from telesphor.capabilities.messages.store import STORE
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.messages.office import Office, about


@pytest.fixture
def screening(office: Office) -> Iterator[Office]:
    """The office while the monitor sees messages before they go out."""
    office.declare("screen")
    yield office
    office.declare("watch")


def states(office: Office, thread: str) -> list[str]:
    """What the clinician sees."""
    return [one.state for one in office.shown(office.clinician, thread).messages]


def test_nothing_is_sent_where_no_monitor_is_declared(office: Office) -> None:
    thread = office.open()
    letter = office.write(office.patient, thread)
    office.put(office.patient, letter)
    dismissing = ("monitor.dismiss/1", {"monitor": office.monitor.actor})
    assert office.code_of(office.patient, dismissing) == "access-denied"
    office.ask(office.hospital, dismissing)
    try:
        assert office.code_of(office.patient, letter.command) == "monitor-missing"
        assert office.code_of(office.clinician, office.opening(office.ids.next())) == "monitor-missing"
    finally:
        office.declare("watch")


def test_monitor_is_declared_by_an_organisation_and_one_at_a_time(office: Office) -> None:
    other = office.world.enrol("system", by=office.hospital)
    declaring = ("monitor.declare/1", {"monitor": other.actor, "mode": "watch"})
    assert office.code_of(office.clinician, declaring) == "access-denied"
    assert office.code_of(office.hospital, declaring) == "monitor-exists"


def test_flagged_message_stays_out_and_is_listed(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    office.look(thread, message)
    office.judge(thread, message, "flag")
    assert states(office, thread) == ["sent"]
    with closing(open_reader(office.world.path)) as db:
        found = list_flagged(db, before=2**53 - 1, count_max=10)[0]
        older = list_flagged(db, before=found.position, count_max=10)
    assert (found.message, found.verdict, found.codes) == (message, "flag", ("credential",))
    assert found not in older


def test_held_message_is_fetched_by_nobody_more(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    office.look(thread, message)
    office.judge(thread, message, "hold")
    receive = ("message.receive/1", about(thread, messages=[message]))
    assert office.code_of(office.clinician, receive) == "message-held"
    assert states(office, thread) == [], "the others do not see that there is one"
    assert office.shown(office.patient, thread).messages[0].state == "held"


def test_held_message_goes_out_when_the_organisation_releases_it(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    office.look(thread, message)
    office.judge(thread, message, "hold")
    releasing = ("message.release/1", about(thread, message=message))
    assert office.code_of(office.patient, releasing) == "access-denied"
    office.ask(office.hospital, releasing)
    assert states(office, thread) == ["sent"]
    assert office.code_of(office.hospital, releasing) == "message-not-held"


def test_screened_message_waits_for_the_monitor(screening: Office) -> None:
    thread = screening.open()
    message = screening.send(screening.patient, thread)
    receive = ("message.receive/1", about(thread, messages=[message]))
    assert screening.code_of(screening.clinician, receive) == "message-held"
    assert screening.shown(screening.patient, thread).messages[0].state == "screening"
    screening.look(thread, message)
    screening.judge(thread, message, "pass")
    screening.receive(screening.clinician, thread, message)
    screening.hub.told.clear()
    for entry in screening.told(thread):
        screening.messages.follow(entry)
    told = [(actors, said["event"]) for actors, said in screening.hub.told if said["event"] == "message"]
    both = tuple(sorted((screening.clinician.actor, screening.patient.actor)))
    assert told == [((screening.patient.actor,), "message"), (both, "message")]


def test_edit_that_waits_leaves_the_version_before_it_out(screening: Office) -> None:
    thread = screening.open()
    message = screening.send(screening.patient, thread)
    screening.look(thread, message)
    screening.judge(thread, message, "pass")
    screening.send(screening.patient, thread, message=message, version=2)
    assert screening.shown(screening.clinician, thread).messages[0].version == 1
    screening.look(thread, message, 2)
    screening.judge(thread, message, "hold", version=2)
    assert screening.shown(screening.clinician, thread).messages[0].version == 1
    assert screening.shown(screening.patient, thread).messages[0].state == "held"


def test_release_outlasts_a_later_verdict(screening: Office) -> None:
    thread = screening.open()
    message = screening.send(screening.patient, thread)
    screening.ask(screening.hospital, ("message.release/1", about(thread, message=message)))
    screening.look(thread, message)
    screening.judge(thread, message, "hold")
    assert states(screening, thread) == ["sent"]


def test_monitor_fetches_only_what_it_said_it_looks_at(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    grant = MonitorGrant(actor=office.monitor.actor)
    with pytest.raises(TelesphorError, match="look is not on the ledger"):
        office.messages.desk.fetch_for_monitor(grant, thread, message, 1)
    office.look(thread, message)
    assert office.told(thread)[-1].type == "monitor.looked/1"
    assert office.messages.desk.fetch_for_monitor(grant, thread, message, 1)


def test_nobody_else_looks_judges_or_opens(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    named = about(thread, messages=[{"message": message, "version": 1}])
    assert office.code_of(office.clinician, ("monitor.look/1", named)) == "not-the-monitor"
    assert office.code_of(office.stranger, ("monitor.look/1", named)) == "access-denied"
    body = {"message": message, "version": 1, "verdict": "pass", "codes": [], "rules": "sha256:" + "0" * 64}
    assert office.code_of(office.clinician, ("monitor.judge/1", about(thread, **body))) == "not-the-monitor"
    opening = ("monitor.open/1", {"monitor": office.clinician.actor})
    assert office.code_of(office.clinician, opening) == "not-the-monitor"
    with pytest.raises(TelesphorError, match="monitor in force"):
        office.messages.desk.waiting(MonitorGrant(actor=office.clinician.actor))


def test_judgement_comes_after_the_look_and_once(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    body = {"message": message, "version": 1, "verdict": "pass", "codes": [], "rules": "sha256:" + "0" * 64}
    judging = ("monitor.judge/1", about(thread, **body))
    assert office.code_of(office.monitor, judging) == "not-looked-at"
    office.look(thread, message)
    office.ask(office.monitor, judging)
    assert office.code_of(office.monitor, judging) == "judged-already"


def test_what_was_sealed_to_a_monitor_of_before_is_not_the_new_ones(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    other = office.world.enrol("system", by=office.hospital)
    office.ask(office.hospital, ("monitor.dismiss/1", {"monitor": office.monitor.actor}))
    office.declare("watch", other)
    try:
        letter = office.write(office.patient, thread)
        office.put(office.patient, letter)
        assert office.code_of(office.patient, letter.command) == "monitor-not-named"
        named = about(thread, messages=[{"message": message, "version": 1}])
        assert office.code_of(other, ("monitor.look/1", named)) == "not-addressed"
        waiting = office.messages.desk.waiting(MonitorGrant(actor=other.actor)).messages
        assert waiting == ()
    finally:
        office.ask(office.hospital, ("monitor.dismiss/1", {"monitor": other.actor}))
        office.declare("watch")


def test_receipts_and_edits_are_kept(office: Office) -> None:
    thread = office.open()
    message = office.send(office.patient, thread)
    office.receive(office.clinician, thread, message)
    office.read(office.clinician, thread, message)
    office.send(office.patient, thread, message=message, version=2)
    (shown,) = office.shown(office.patient, thread).messages
    assert (shown.version, shown.receipts[0].version) == (2, 1)


def test_waiting_counts_what_its_sender_sent_lately(office: Office) -> None:
    thread = office.open(office.nurse)
    for _ in range(3):
        office.send(office.nurse, thread, to=office.addressees(office.nurse))
    waiting = office.messages.desk.waiting(MonitorGrant(actor=office.monitor.actor)).messages
    assert [one.sent_lately for one in waiting if one.thread == thread] == [3, 3, 3]


def test_tables_are_what_the_entries_make_of_them(office: Office) -> None:
    """After all of the above: replayed into an empty database they are the same."""
    office.ask(office.nurse, ("thread.leave/1", about(office.open(office.nurse))))
    live, replayed = open_reader(office.world.path), apsw.Connection(":memory:")
    replayed.execute(STORE.schema)
    for entry in office.world.entries():
        STORE.apply(replayed, entry)
    for table in STORE.tables:
        rows = [sorted(map(repr, db.execute(f"SELECT * FROM {table}"))) for db in (live, replayed)]
        assert rows[0] == rows[1], table
        assert rows[0] or table in ("thread_holds", "message_attached")
    live.close()
    replayed.close()
