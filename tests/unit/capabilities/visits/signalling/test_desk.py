"""The room's relay: who hears whom, and who is cut off."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from telesphor.capabilities.visits.signalling.desk import SignallingDesk
from telesphor.capabilities.visits.signalling.ice import IceServers
from telesphor.capabilities.visits.signalling.model import (
    PLACES_MAX,
    SDP_CHARS_MAX,
    EpochPassed,
    NotAdmitted,
    Participant,
    PeerAbsent,
    PlaceTaken,
    RoomsFull,
    SignalRefused,
)
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import VisitId

VISIT = "0198c000-0000-7000-8000-000000000001"
OTHER_VISIT = "0198c000-0000-7000-8000-000000000002"
START_MS = 1_790_000_000_000


def actor_of(number: int) -> str:
    return f"0198c000-0000-7000-8000-0000000001{number:02d}"


def tab_of(number: int) -> str:
    return f"{number:022d}"


@dataclass
class Person:
    id: str


@dataclass
class Tab:
    """One live connection, and what came over it."""

    id: str
    actor: Person
    heard: list[dict[str, Any]] = field(default_factory=list)

    def send(self, message: dict[str, Any], /) -> None:
        self.heard.append(message)

    def kinds(self) -> list[str]:
        return [message["kind"] for message in self.heard]

    def last(self, kind: str) -> dict[str, Any]:
        return [message for message in self.heard if message["kind"] == kind][-1]


class Ward:
    """A desk, and who is admitted to its visits."""

    def __init__(self, ice: IceServers | None = None) -> None:
        self.watch = ManualClock(START_MS)
        self.admitted: dict[str, set[int]] = {VISIT: {1, 2, 3}, OTHER_VISIT: {4}}
        self.asked = 0
        self.desk = SignallingDesk(admitted=self.participants, clock=self.watch, ice=ice)

    def participants(self, visit: VisitId) -> tuple[Participant, ...]:
        self.asked += 1
        return tuple(Participant(actor_of(n), "patient", (), "kem") for n in sorted(self.admitted[visit]))

    async def say(self, speaker: Tab, kind: str, /, *, visit: str = VISIT, **members: Any) -> None:
        await self.desk.handle(speaker, {"topic": f"room/{visit}", "kind": kind, **members})

    async def enter(self, number: int, *, tab: int | None = None, visit: str = VISIT) -> Tab:
        connection = Tab(f"connection-{number}-{tab}", Person(actor_of(number)))
        await self.say(connection, "join", visit=visit, tab=tab_of(number if tab is None else tab))
        return connection


def run(story: Callable[[Ward], Awaitable[None]], ward: Ward | None = None) -> None:
    async def tell() -> None:
        await story(ward or Ward())

    asyncio.run(tell())


def signal_to(number: int, **changes: Any) -> dict[str, Any]:
    body = {"description": {"type": "offer", "sdp": "v=0"}}
    return {"to": actor_of(number), "to_tab": tab_of(number), "body": body, **changes}


async def code_of(asked: Awaitable[None]) -> type[TelesphorError]:
    with pytest.raises(TelesphorError) as caught:
        await asked
    return type(caught.value)


def test_signal_reaches_whom_it_is_for_and_nobody_else() -> None:
    async def story(ward: Ward) -> None:
        one, two, three = [await ward.enter(number) for number in (1, 2, 3)]
        await ward.say(one, "signal", **signal_to(2))
        told = two.last("signal")
        assert (told["from"], told["tab"]) == (actor_of(1), tab_of(1))
        assert told["body"] == {"description": {"type": "offer", "sdp": "v=0"}}
        assert "signal" not in three.kinds() + one.kinds()

    run(story)


def test_everybody_learns_who_is_there_and_each_change_is_a_new_epoch() -> None:
    async def story(ward: Ward) -> None:
        one = await ward.enter(1)
        first = one.last("present")["epoch"]
        two = await ward.enter(2)
        told = one.last("present")
        assert [place["actor"] for place in told["roster"]] == [actor_of(1), actor_of(2)]
        assert told["epoch"] == two.last("present")["epoch"] > first == START_MS // 1_000
        await ward.say(two, "leave")
        assert one.last("present")["epoch"] > told["epoch"]
        assert len(one.last("present")["roster"]) == 1

    run(story)


def test_keys_and_sealed_words_go_to_all_others_in_the_present_epoch_only() -> None:
    async def story(ward: Ward) -> None:
        one, two, three = [await ward.enter(number) for number in (1, 2, 3)]
        epoch = one.last("present")["epoch"]
        for kind in ("key", "sealed"):
            await ward.say(one, kind, epoch=epoch, body="c2VhbGVk")
            assert two.last(kind)["body"] == three.last(kind)["body"] == "c2VhbGVk"
            assert kind not in one.kinds()
            assert await code_of(ward.say(one, kind, epoch=epoch - 1, body="c2VhbGVk")) is EpochPassed

    run(story)


def test_state_is_shown_to_who_comes_later() -> None:
    async def story(ward: Ward) -> None:
        one = await ward.enter(1)
        await ward.say(one, "state", body={"microphone": True, "quality": "poor"})
        two = await ward.enter(2)
        shown = two.last("present")["roster"][0]["state"]
        assert shown == {"microphone": True, "camera": False, "screen": False, "quality": "poor"}

    run(story)


def test_somebody_who_is_not_admitted_is_refused_and_leaves_no_room_behind() -> None:
    async def story(ward: Ward) -> None:
        assert await code_of(ward.enter(4)) is NotAdmitted  # type: ignore[arg-type]
        assert ward.desk._rooms == {}

    run(story)


def test_a_removed_one_is_cut_at_once_and_cannot_speak_nor_come_back() -> None:
    async def story(ward: Ward) -> None:
        one, two = [await ward.enter(number) for number in (1, 2)]
        ward.admitted[VISIT] = {1}
        ward.desk.changed(VISIT)
        await asyncio.sleep(0.05)
        assert two.kinds()[-1] == "out"
        assert [place["actor"] for place in one.last("present")["roster"]] == [actor_of(1)]
        heard = len(two.heard)
        await ward.say(one, "sealed", epoch=one.last("present")["epoch"], body="c2VjcmV0")
        assert len(two.heard) == heard
        assert await code_of(ward.say(two, "signal", **signal_to(1))) is NotAdmitted
        assert await code_of(ward.say(two, "join", tab=tab_of(2))) is NotAdmitted

    run(story)


def test_without_any_word_of_a_change_an_old_answer_is_believed_a_second() -> None:
    async def story(ward: Ward) -> None:
        one, two = [await ward.enter(number) for number in (1, 2)]
        ward.admitted[VISIT] = {1}
        await ward.say(two, "state", body={})
        ward.watch.advance_ms(1_001)
        assert await code_of(ward.say(two, "state", body={})) is NotAdmitted
        assert len(one.last("present")["roster"]) == 1

    run(story)


def test_a_question_that_fails_after_a_change_empties_the_room() -> None:
    async def story(ward: Ward) -> None:
        one = await ward.enter(1)

        def fail(visit: VisitId) -> tuple[Participant, ...]:
            raise NotAdmitted(f"visit `{visit}` is gone")

        ward.desk._admitted = fail
        ward.desk.changed(VISIT)
        await asyncio.sleep(0.05)
        assert one.kinds()[-1] == "out"

    run(story)


def test_a_second_tab_takes_the_place_and_the_first_is_told() -> None:
    async def story(ward: Ward) -> None:
        first = await ward.enter(1)
        epoch = first.last("present")["epoch"]
        second = await ward.enter(1, tab=7)
        assert first.kinds()[-1] == "replaced"
        assert second.last("present")["epoch"] > epoch
        assert await code_of(ward.say(first, "state", body={})) is PlaceTaken
        assert await code_of(ward.say(first, "leave")) is PlaceTaken
        assert len(second.last("present")["roster"]) == 1

    run(story)


def test_a_tab_that_comes_back_in_time_keeps_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telesphor.capabilities.visits.signalling.desk.GRACE_SECONDS", 0.05)

    async def story(ward: Ward) -> None:
        one, two = await ward.enter(1), await ward.enter(2)
        epoch = one.last("present")["epoch"]
        ward.desk.closed(two)
        again = Tab("connection-again", Person(actor_of(2)))
        await ward.say(again, "join", tab=tab_of(2))
        await asyncio.sleep(0.1)
        assert again.last("present")["epoch"] == one.last("present")["epoch"] == epoch
        ward.desk.closed(again)
        assert len(one.last("present")["roster"]) == 2
        await asyncio.sleep(0.1)
        assert len(one.last("present")["roster"]) == 1

    run(story)


def test_a_signal_for_a_tab_that_was_replaced_or_is_away_is_refused() -> None:
    async def story(ward: Ward) -> None:
        one, two = await ward.enter(1), await ward.enter(2)
        assert await code_of(ward.say(one, "signal", **signal_to(2, to_tab=tab_of(9)))) is PeerAbsent
        assert await code_of(ward.say(one, "signal", **signal_to(3))) is PeerAbsent
        ward.desk.closed(two)
        assert await code_of(ward.say(one, "signal", **signal_to(2))) is PeerAbsent

    run(story)


def test_nobody_reaches_into_another_room() -> None:
    async def story(ward: Ward) -> None:
        one, four = await ward.enter(1), await ward.enter(4, visit=OTHER_VISIT)
        assert await code_of(ward.say(one, "signal", **signal_to(4))) is PeerAbsent
        assert await code_of(ward.say(four, "signal", **signal_to(1))) is NotAdmitted
        assert await code_of(ward.say(one, "signal", visit=OTHER_VISIT, **signal_to(4))) is NotAdmitted

    run(story)


def test_who_did_not_join_has_no_place_to_speak_from() -> None:
    async def story(ward: Ward) -> None:
        one = await ward.enter(1)
        stranger = Tab("no-place", Person(actor_of(2)))
        assert await code_of(ward.say(stranger, "signal", **signal_to(1))) is PlaceTaken
        assert one.kinds() == ["present"]

    run(story)


def test_a_room_has_six_places() -> None:
    async def story(ward: Ward) -> None:
        ward.admitted[VISIT] = set(range(1, PLACES_MAX + 2))
        for number in range(1, PLACES_MAX + 1):
            await ward.enter(number)
        assert await code_of(ward.enter(PLACES_MAX + 1)) is RoomsFull  # type: ignore[arg-type]

    run(story)


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "shout"},
        {"kind": "join", "tab": "short"},
        {"kind": "join", "tab": tab_of(1), "role": "clinician"},
        {"kind": "leave", "actor": actor_of(2)},
        {"kind": "key", "epoch": 0, "body": ""},
        {"kind": "key", "epoch": 2**32, "body": ""},
        {"kind": "key", "epoch": True, "body": ""},
        {"kind": "sealed", "epoch": 1, "body": "<b>"},
        {"kind": "sealed", "epoch": 1, "body": "A" * 44_001},
        {"kind": "state", "body": {"quality": "<script>"}},
        {"kind": "signal", **signal_to(2, body={"description": {"type": "rollback", "sdp": ""}})},
        {
            "kind": "signal",
            **signal_to(2, body={"description": {"type": "offer", "sdp": "v" * (SDP_CHARS_MAX + 1)}}),
        },
        {"kind": "signal", **signal_to(2, body={"candidate": {"candidate": "c" * 2_001}})},
        {"kind": "signal", **signal_to(2, **{"from": actor_of(3)})},
    ],
)
def test_a_message_of_another_form_is_refused(message: dict[str, Any]) -> None:
    async def story(ward: Ward) -> None:
        one, two = await ward.enter(1), await ward.enter(2)
        heard = len(two.heard)
        asked = ward.desk.handle(one, {"topic": f"room/{VISIT}", **message})
        assert await code_of(asked) is SignalRefused
        assert len(two.heard) == heard

    run(story)


@pytest.mark.parametrize("topic", ["room/", "room/x", f"room/{VISIT}/more", f"room/{VISIT.upper()}"])
def test_a_topic_that_names_no_visit_is_refused(topic: str) -> None:
    async def story(ward: Ward) -> None:
        one = Tab("connection", Person(actor_of(1)))
        with pytest.raises(TelesphorError):
            await ward.desk.handle(one, {"topic": topic, "kind": "join", "tab": tab_of(1)})
        assert ward.desk._rooms == {}

    run(story)


def test_an_answer_that_comes_late_does_not_bring_a_removed_one_back() -> None:
    async def story(ward: Ward) -> None:
        one, two = await ward.enter(1), await ward.enter(2)
        hold = threading.Event()
        ask_now = ward.desk._admitted

        def ask_slowly(visit: VisitId) -> tuple[Participant, ...]:
            answer = ask_now(visit)
            hold.wait(5)
            return answer

        ward.desk._admitted = ask_slowly
        late = asyncio.ensure_future(ward.say(two, "join", tab=tab_of(2)))
        await asyncio.sleep(0.05)
        ward.desk._admitted = ask_now
        ward.admitted[VISIT] = {1}
        ward.desk.changed(VISIT)
        await asyncio.sleep(0.05)
        hold.set()
        assert await code_of(late) is NotAdmitted
        assert two.kinds()[-1] == "out" and len(one.last("present")["roster"]) == 1

    run(story)


def test_servers_are_told_to_who_is_in_the_room_and_nobody_else() -> None:
    servers = ("stun:stun.example", "turn:turn.example")
    ward = Ward(IceServers(servers, b"shared", relay_only=True))

    async def story(ward: Ward) -> None:
        one = await ward.enter(1)
        told = one.last("present")
        stun, turn = told["ice"]
        assert stun == {"urls": ["stun:stun.example"]} and turn["urls"] == ["turn:turn.example"]
        assert told["relay_only"] is True
        stranger = Tab("stranger", Person(actor_of(4)))
        assert await code_of(ward.say(stranger, "join", tab=tab_of(4))) is NotAdmitted
        assert stranger.heard == []

    run(story, ward)
