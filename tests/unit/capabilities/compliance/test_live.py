"""The log as it happens: who is sent what, how much of it, and when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import msgspec
import pytest

from telesphor.capabilities.compliance import live as module
from telesphor.capabilities.compliance.live import FRAME_BYTES_MAX, FRAME_ROWS_MAX, LiveLog
from telesphor.client.wallet import Wallet
from tests.unit.capabilities.access.infirmary import MINUTE_MS
from tests.unit.capabilities.compliance.office import Office

FORBID = '@id("no-looking") forbid (principal, action == Telesphor::Action::"read-log", resource);'


class Screens:
    """What connected people were told, and the live log that tells them."""

    def __init__(self, office: Office) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.office = office
        self.live = LiveLog(
            office.audit,
            open_entries=office.reader,
            publish=self.publish,
            size=len(office.entries()),
            types=frozenset(office.registry.entry_types),
        )

    def publish(self, actors: Iterable[str], message: Mapping[str, Any]) -> None:
        self.told += [(actor, dict(message)) for actor in actors]

    def look(self) -> None:
        """What the live log does by itself twice a second."""
        with closing(self.office.reader()) as source:
            while self.live.follower.advance(source):
                pass
        self.live.flush()

    def rows_of(self, wallet: Wallet, watch: str) -> list[dict[str, Any]]:
        return [
            row
            for actor, message in self.told
            if (actor, message["watch"]) == (wallet.actor, watch)
            for row in message.get("rows", ())
        ]

    def ends_of(self, watch: str) -> list[str]:
        return [m["ended"] for _, m in self.told if m["watch"] == watch and "ended" in m]


@pytest.fixture
def screens(office: Office) -> Iterator[Screens]:
    yield Screens(office)
    office.clock.advance_ms(60 * MINUTE_MS)  # No watch of one test lives in the next.


def test_officer_sees_what_happens_and_the_patient_what_is_about_it(office: Office, screens: Screens) -> None:
    watch = office.watch(office.officer, live=True)
    own = office.watch(office.patient, subject=office.patient.actor, live=True)
    screens.look()
    screens.told.clear()
    other = office.put_about(office.nurse.actor)
    office.read(office.writer, other)
    office.read(office.writer, office.note)
    screens.look()
    seen = screens.rows_of(office.officer, watch)
    assert [row["position"] for row in seen] == sorted(row["position"] for row in seen)
    assert {row["type"] for row in seen} >= {"object.read/1", "access.decided/1", "object.sealed/1"}
    mine = screens.rows_of(office.patient, own)
    assert [row["resource"] for row in mine] == [f"object/{office.note}"]
    assert mine[0]["subject"]["id"] == office.patient.actor


def test_what_happens_before_the_first_look_is_shown_too(office: Office, screens: Screens) -> None:
    watch = office.watch(office.officer, live=True)
    with closing(office.reader()) as source:
        screens.live.follower.advance(source)
    office.read(office.writer, office.note)
    screens.look()
    assert "object.read/1" in {row["type"] for row in screens.rows_of(office.officer, watch)}


def test_watch_from_before_a_restart_is_shown_what_happens(office: Office, screens: Screens) -> None:
    watch = office.watch(office.officer, live=True)
    later = Screens(office)
    later.look()
    office.read(office.writer, office.note)
    later.look()
    assert later.rows_of(office.officer, watch)


def test_watch_that_is_not_live_is_sent_nothing(office: Office, screens: Screens) -> None:
    watch = office.watch(office.officer)
    office.watch(office.officer, live=True)
    screens.look()
    office.read(office.writer, office.note)
    screens.look()
    assert screens.told
    assert screens.rows_of(office.officer, watch) == []


def test_while_nobody_watches_nothing_is_read(office: Office, screens: Screens) -> None:
    office.read(office.writer, office.note)
    screens.look()
    assert screens.told == []
    assert screens.live._collected == []


@pytest.mark.parametrize("how", ["ended", "expired", "access-ended"])
def test_end_is_told_once(office: Office, screens: Screens, how: str) -> None:
    watch = office.watch(office.officer, minutes=5, live=True)
    screens.look()
    if how == "ended":
        office.ask(office.officer, ("audit.end/1", {"watch": watch}))
    elif how == "expired":
        office.clock.advance_ms(5 * MINUTE_MS)
    else:
        office.forbid_rule(FORBID)
    try:
        screens.look()
        office.put_about(office.nurse.actor)
        screens.look()
    finally:
        office.forbid_rule(None)
    assert screens.ends_of(watch) == [how]


def test_nothing_is_sent_to_somebody_who_acts_no_more(office: Office, screens: Screens) -> None:
    other = office.enrol_known("organisation", 7)
    watch = office.watch(other, live=True)
    screens.look()
    office.ask(other, ("actor.retire/1", {"id": other.actor}))
    screens.told.clear()
    office.put_about(office.nurse.actor)
    screens.look()
    assert screens.rows_of(other, watch) == []
    assert screens.ends_of(watch) == ["access-ended"]


def test_many_watches_of_others_do_not_displace_an_officers(
    office: Office, screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        office.watch(office.patient, subject=office.patient.actor, live=True)
    watch = office.watch(office.officer, live=True)
    own = office.watch(office.nurse, subject=office.nurse.actor, live=True)
    screens.look()
    monkeypatch.setattr(module, "WATCHES_SERVED_MAX", 1)
    office.put_about(office.nurse.actor)
    screens.look()
    assert "object.sealed/1" in {row["type"] for row in screens.rows_of(office.officer, watch)}
    assert screens.ends_of(own) == []


def test_what_is_too_much_for_a_frame_is_counted(
    office: Office, screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = office.watch(office.officer, live=True)
    screens.look()
    screens.told.clear()
    before = len(office.entries())
    monkeypatch.setattr(module, "COLLECTED_MAX", FRAME_ROWS_MAX + 5)
    for _ in range(FRAME_ROWS_MAX // 2):
        office.read(office.writer, office.note)
    screens.look()
    ((_, message),) = screens.told
    happened = len(office.entries()) - before
    assert len(message["rows"]) + message["skipped"] == happened
    assert 0 < len(message["rows"]) <= FRAME_ROWS_MAX
    assert message["rows"][-1]["position"] == len(office.entries()) - 1
    assert len(msgspec.json.encode(message)) <= FRAME_BYTES_MAX + 1_000
    assert screens.rows_of(office.officer, watch)


def test_frames_leave_no_entries(office: Office, screens: Screens) -> None:
    office.watch(office.officer, live=True)
    office.read(office.writer, office.note)
    before = len(office.entries())
    screens.look()
    screens.look()
    assert len(office.entries()) == before
