"""Patient and officers are told of an emergency at once, and on every page until they have seen or judged it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from telesphor.capabilities.access.breakglass.notices import (
    FOLLOWED,
    NOTICES_MAX,
    TOPIC,
    GlassNews,
    GlassNotices,
)
from telesphor.client.wallet import Wallet
from telesphor.ledger.snapshot import Snapshot
from telesphor.runtime.capability import Actor, State
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.access.infirmary import MINUTE_MS, Infirmary


class Hub:
    """Keeps what is told, and to whom."""

    def __init__(self) -> None:
        self.told: list[tuple[set[str], Mapping[str, Any]]] = []

    def publish(self, actors: Iterable[str], message: Mapping[str, Any]) -> None:
        self.told.append((set(actors), message))


@contextmanager
def reading(infirmary: Infirmary) -> Iterator[State]:
    with closing(open_reader(infirmary.path)) as db:
        yield Snapshot(db, clock=infirmary.clock, ids=infirmary.ids)


def notices_of(infirmary: Infirmary, person: Wallet) -> Any:
    desk = GlassNotices(
        reading=lambda: reading(infirmary), names_of=lambda actors: dict.fromkeys(actors, "Dr. A")
    )
    return desk.page(Actor(person.actor, person.kind, ""))


def told_of(infirmary: Infirmary) -> list[tuple[set[str], Mapping[str, Any]]]:
    hub = Hub()
    news = GlassNews(reading=lambda: reading(infirmary), publish=hub.publish)
    for entry in infirmary.entries():
        if entry.type in FOLLOWED:
            news.handle(entry)
    return hub.told


def acknowledge(glass: str) -> tuple[str, dict[str, Any]]:
    return "break-glass.acknowledge/1", {"break_glass": glass}


def test_patient_officers_and_who_opened_it_are_told_and_nobody_else(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    ((actors, message),) = told_of(infirmary)
    assert actors == {infirmary.patient.actor, infirmary.officer.actor, infirmary.doctor.actor}
    assert message == {"topic": TOPIC, "event": "opened", "break_glass": glass}


def test_end_and_judgement_are_told_too(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    infirmary.close_glass(infirmary.doctor, glass)
    infirmary.ask(infirmary.patient, acknowledge(glass))
    infirmary.review(infirmary.officer, glass)
    told = told_of(infirmary)
    assert [message["event"] for _, message in told] == ["opened", "closed", "acknowledged", "reviewed"]
    assert all(actors == told[0][0] for actors, _ in told)


def test_patient_keeps_the_notice_until_it_says_that_it_has_seen_it(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    infirmary.read(infirmary.doctor, infirmary.note)
    infirmary.review(infirmary.officer, glass, "not-justified")
    page = notices_of(infirmary, infirmary.patient)
    (notice,) = page.notices
    assert (notice.break_glass, notice.about, notice.who) == (glass, "you", infirmary.doctor.actor)
    assert (notice.name, notice.state, notice.verdict, notice.reads) == (
        "Dr. A",
        "reviewed",
        "not-justified",
        1,
    )
    infirmary.ask(infirmary.patient, acknowledge(glass))
    assert infirmary.last("break-glass.acknowledged/1").stream == f"break-glass/{glass}"
    assert notices_of(infirmary, infirmary.patient).count == 0


def test_officer_keeps_the_notice_until_it_is_judged_and_is_not_told_of_whom(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    infirmary.clock.advance_ms(100 * MINUTE_MS)
    infirmary.ask(infirmary.officer, acknowledge(glass))
    (notice,) = notices_of(infirmary, infirmary.officer).notices
    assert (notice.about, notice.target, notice.state) == ("patient", "record", "ended")
    assert infirmary.patient.actor not in repr(notice)
    infirmary.review(infirmary.officer, glass)
    assert notices_of(infirmary, infirmary.officer).count == 0


def test_neither_who_opened_it_nor_a_stranger_has_a_notice(infirmary: Infirmary) -> None:
    infirmary.appoint(infirmary.nurse)
    infirmary.open(infirmary.nurse, "object", infirmary.note)
    for person in (infirmary.nurse, infirmary.doctor, infirmary.writer):
        assert notices_of(infirmary, person).notices == ()


def test_page_has_the_newest_and_says_how_many_there_are(infirmary: Infirmary) -> None:
    for _ in range(NOTICES_MAX + 1):
        infirmary.clock.advance_ms(24 * 60 * MINUTE_MS)
        glass = infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=1)
    page = notices_of(infirmary, infirmary.patient)
    assert (len(page.notices), page.count) == (NOTICES_MAX, NOTICES_MAX + 1)
    assert page.notices[0].break_glass == glass


def test_notice_of_somebody_else_is_not_acknowledged(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    for person in (infirmary.doctor, infirmary.nurse):
        assert infirmary.refusal(person, acknowledge(glass)) == "break-glass-missing"
    assert infirmary.refusal(infirmary.patient, acknowledge(infirmary.ids.next())) == "break-glass-missing"


def test_notice_that_was_acknowledged_is_not_acknowledged_again(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    infirmary.ask(infirmary.patient, acknowledge(glass))
    assert infirmary.refusal(infirmary.patient, acknowledge(glass)) == "break-glass-acknowledged"
