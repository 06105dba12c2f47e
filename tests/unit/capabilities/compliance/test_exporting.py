"""Exports: made, signed for, taken; what verifies, who gets it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from telesphor.capabilities.compliance.exporting import WAITING_MS, WAITING_OF_ONE_MAX, ExportMade, ExportWish
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.digest import digest_of
from telesphor.verify.check_bundle import verify_bundle
from tests.unit.capabilities.compliance.office import Office


def make(office: Office, watch: str, *positions: int, **options: Any) -> ExportMade:
    wish = ExportWish(watch=watch, positions=positions, **options)
    return office.exports.make(office.actor(office.officer), wish)


def chosen(office: Office) -> int:
    office.read(office.writer, office.note, purpose="treatment")
    return office.last("object.read/1").position


def test_bundle_is_taken_once_it_is_signed_for_and_verifies(office: Office) -> None:
    position, watch = chosen(office), office.watch(office.officer)
    made = make(office, watch, position, purpose="complaint 7")
    officer = office.actor(office.officer)
    assert office.code_of(office.exports.take, officer, made.share) == "export-missing"
    office.ask(office.officer, (made.command.type, made.command.body))
    decided, shared = office.entries()[-2:]
    assert (decided.body.action, shared.type, shared.body.file) == ("read-log", "share.made/1", made.file)
    bundle = office.exports.take(officer, made.share)
    assert (digest_of(bundle), len(bundle)) == (made.file, made.bytes)
    report = verify_bundle(bundle)
    assert (report.passed, report.purpose) == (True, "complaint 7")
    assert position in {entry.position for entry in read_bundle(bundle).entries}


def test_nobody_else_takes_it(office: Office) -> None:
    made = make(office, office.watch(office.officer), chosen(office))
    office.ask(office.officer, (made.command.type, made.command.body))
    hospital = office.actor(office.hospital)
    assert office.code_of(office.exports.take, hospital, made.share) == "export-missing"


def test_command_that_says_something_else_is_refused(office: Office) -> None:
    position, watch = chosen(office), office.watch(office.officer)
    made = make(office, watch, position)
    for change in ({"file": digest_of(b"another")}, {"entries": [[1, 2]]}, {"share": office.ids.next()}):
        command = (made.command.type, {**made.command.body, **change})
        assert office.plain_refusal(office.officer, command) == "export-missing"
    other = (made.command.type, {**made.command.body, "watch": office.watch(office.officer)})
    assert office.plain_refusal(office.officer, other) == "export-missing"


def test_file_that_waited_too_long_is_gone(office: Office) -> None:
    made = make(office, office.watch(office.officer), chosen(office))
    office.ask(office.officer, (made.command.type, made.command.body))
    office.clock.advance_ms(WAITING_MS)
    officer = office.actor(office.officer)
    assert office.code_of(office.exports.take, officer, made.share) == "export-missing"


def test_of_too_many_files_the_oldest_is_dropped(office: Office) -> None:
    position, watch = chosen(office), office.watch(office.officer)
    first = make(office, watch, position)
    for _ in range(WAITING_OF_ONE_MAX):
        make(office, watch, position)
    command = (first.command.type, first.command.body)
    assert office.plain_refusal(office.officer, command) == "export-missing"


def test_one_file_of_an_actor_is_made_at_a_time(office: Office) -> None:
    position, watch = chosen(office), office.watch(office.officer)
    with office.exports._place(office.actor(office.officer)):
        assert office.code_of(make, office, watch, position) == "exports-full"
    assert make(office, watch, position).entries == 1


def test_documents_are_for_organisations(office: Office) -> None:
    position, watch = chosen(office), office.watch(office.officer)
    assert office.code_of(make, office, watch, position, with_documents=True) == "watch-too-narrow"
    house = office.watch(office.hospital)
    wish = ExportWish(watch=house, positions=(position,), with_documents=True)
    assert office.exports.make(office.actor(office.hospital), wish).bytes


def test_own_watch_exports_what_it_shows_alone(office: Office) -> None:
    hidden = chosen(office)
    own = office.last("access.decided/1").position
    watch = office.watch(office.patient, subject=office.patient.actor)
    patient = office.actor(office.patient)
    wish = ExportWish(watch=watch, positions=(hidden,))
    assert office.code_of(office.exports.make, patient, wish) == "entry-not-shown"
    whole = ExportWish(watch=watch, positions=(own,), whole_requests=True)
    assert office.code_of(office.exports.make, patient, whole) == "watch-too-narrow"
    made = office.exports.make(patient, ExportWish(watch=watch, positions=(own,)))
    office.ask(office.patient, (made.command.type, made.command.body))
    assert verify_bundle(office.exports.take(patient, made.share)).passed


@pytest.mark.parametrize("end", ["ended", "denied"])
def test_watch_must_still_live_when_it_is_signed(office: Office, end: str) -> None:
    watch = office.watch(office.officer)
    made = make(office, watch, chosen(office))
    if end == "ended":
        office.ask(office.officer, ("audit.end/1", {"watch": watch}))
        command = (made.command.type, made.command.body)
        assert office.plain_refusal(office.officer, command) == "watch-ended"
    else:
        office.forbid_rule(
            '@id("no-looking") forbid (principal, action == Telesphor::Action::"read-log", resource);'
        )
        try:
            command = (made.command.type, made.command.body)
            assert office.refusal(office.officer, command) == "access-denied"
        finally:
            office.forbid_rule(None)
    officer = office.actor(office.officer)
    assert office.code_of(office.exports.take, officer, made.share) == "export-missing"
