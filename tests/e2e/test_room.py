"""The room in a real browser: tabs with fake cameras, whose frames are sealed from encoder to decoder."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.visits.signalling.ice import TURN_SECONDS, IceServers
from tests.support.chromium import find_chromium
from tests.support.coturn import SECRET, Coturn, running_coturn
from tests.support.room import WEB, Guest, Theatre, built_page

pytestmark = pytest.mark.skipif(
    find_chromium() is None or shutil.which("npx") is None or not (WEB / "node_modules").is_dir(),
    reason="needs Chromium and the web packages",
)

ACTORS = [f"0198c000-0000-7000-8000-0000000002{number:02d}" for number in range(3)]
VISIT = "0198c000-0000-7000-8000-000000000301"
FRESH_FRAMES = 10
WIRE_FRAMES = 5

Story = Callable[[Theatre, Guest, Guest], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def page() -> Path:
    return built_page()


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with running_coturn(tmp_path_factory.mktemp("coturn")) as running:
        yield running


@pytest.fixture(scope="module")
def play(page: Path) -> Iterator[Callable[[Story], None]]:
    """Tells a story with two who are in the room already, and see each other."""
    theatre = Theatre(page)
    with asyncio.Runner() as runner:
        runner.run(theatre.open())
        try:
            one, two = runner.run(two_in(theatre))
            yield lambda story: runner.run(story(theatre, one, two))
            assert one.errors == two.errors == []
        finally:
            runner.run(theatre.close())


async def two_in(theatre: Theatre) -> tuple[Guest, Guest]:
    one, two = await asyncio.gather(*(theatre.enter(VISIT, actor) for actor in ACTORS[:2]))
    for guest in (one, two):
        await guest.until("state", lambda state: state["sealed"] and len(state["people"]) == 1)
        await guest.until("pictures", is_moving)
    return one, two


def is_moving(pictures: list[dict[str, Any]]) -> bool:
    return bool(pictures) and all(one["width"] > 0 and one["time"] > 0.1 for one in pictures)


def enough(frames: list[str]) -> bool:
    return len(frames) >= WIRE_FRAMES


def test_only_the_right_key_opens_what_is_on_the_wire(play: Callable[[Story], None]) -> None:
    async def story(_: Theatre, one: Guest, two: Guest) -> None:
        mine = [key for key in await one.ask("secrets") if key["of"] == "me"][-1]
        heard = [key for key in await two.ask("secrets") if key["of"] == one.actor][-1]
        assert heard["secret"] == mine["secret"]
        wire = (await one.until("wire", enough, words=("send", "camera", mine["kid"])))[:WIRE_FRAMES]
        right = {**heard, "slot": "camera", "sender": one.actor}
        assert await two.ask("openWire", wire, right) == ["opened"] * WIRE_FRAMES
        for changes in ({"secret": "A" * 43}, {"slot": "screen"}):
            assert await two.ask("openWire", wire, {**right, **changes}) == ["not-authentic"] * WIRE_FRAMES
        counts = await two.ask("counts")
        assert counts["opened"] > 0 and counts["refused"]["not-authentic"] == 0

    play(story)


def test_chat_arrives_and_the_relay_sees_none_of_it(play: Callable[[Story], None]) -> None:
    async def story(theatre: Theatre, one: Guest, two: Guest) -> None:
        await one.ask("say", "<b>take two</b> with water")
        state = await two.until("state", lambda state: state["chat"])
        assert [line["text"] for line in state["chat"]] == ["<b>take two</b> with water"]
        state = await one.until("state", lambda state: state["chat"][0]["heardBy"])
        assert state["chat"][0]["heardBy"] == [two.actor]
        assert theatre.relay.heard and not any("take two" in heard for heard in theatre.relay.heard)

    play(story)


def test_a_dropped_line_is_taken_up_again_within_five_seconds_without_a_new_key(
    play: Callable[[Story], None],
) -> None:
    async def story(_: Theatre, one: Guest, two: Guest) -> None:
        epoch = (await one.ask("state"))["epoch"]
        await two.ask("drop")
        await two.until("state", lambda state: state["phase"] == "away")
        state = await two.until("state", lambda state: state["phase"] == "in" and state["sealed"], seconds=5)
        assert state["epoch"] == epoch
        opened = (await two.ask("counts"))["opened"] + FRESH_FRAMES
        await two.until("counts", lambda counts: counts["opened"] > opened, seconds=5)

    play(story)


def test_a_third_brings_a_new_key_and_a_removed_one_gets_none_that_follows(
    play: Callable[[Story], None],
) -> None:
    async def story(theatre: Theatre, one: Guest, two: Guest) -> None:
        before = (await one.ask("state"))["epoch"]
        three = await theatre.enter(VISIT, ACTORS[2])
        state = await one.until("state", lambda state: state["sealed"] and len(state["people"]) == 2)
        assert state["epoch"] > before
        await three.until("pictures", lambda pictures: len(pictures) == 2 and is_moving(pictures))
        known = {key["secret"] for key in await three.ask("secrets")}
        del theatre.relay.admitted[VISIT][three.actor]
        theatre.relay.desk.changed(VISIT)
        gone = await three.until("state", lambda state: state["phase"] == "out")
        assert gone["people"] == []
        for guest in (one, two):
            await guest.until("state", lambda now: now["sealed"] and now["epoch"] > state["epoch"])
            fresh = [key["secret"] for key in await guest.ask("secrets") if key["of"] == "me"][-1]
            assert fresh not in known
        assert three.errors == []
        await three.page.close()

    play(story)


def test_with_a_wrong_key_not_one_frame_is_shown(play: Callable[[Story], None]) -> None:
    async def story(_: Theatre, one: Guest, two: Guest) -> None:
        await two.ask("spoil", one.actor)
        await asyncio.sleep(0.2)
        before = await two.ask("counts")
        spoiled = before["refused"]["not-authentic"] + FRESH_FRAMES
        after = await two.until("counts", lambda counts: counts["refused"]["not-authentic"] > spoiled)
        assert after["opened"] == before["opened"]

    play(story)


def test_picture_and_sound_come_through_a_relay_that_can_open_none_of_it(coturn: Coturn, page: Path) -> None:
    ice = IceServers((coturn.url,), SECRET, relay_only=True)
    # By itself a browser asks no server at the loopback address.
    theatre = Theatre(page, ice=ice, flags=("--allow-loopback-in-peer-connection",))
    asyncio.run(call_and_look(theatre, coturn))


async def call_and_look(theatre: Theatre, coturn: Coturn) -> None:
    await theatre.open()
    try:
        one, two = await asyncio.gather(*(theatre.enter(VISIT, actor) for actor in ACTORS[:2]))
        for guest in (one, two):
            await guest.until("pictures", is_moving)
            (path,) = await guest.until("paths", comes_through)
            assert (path["local"], path["remote"]) == ("relay", "relay")
        await check_relayed_frames_are_sealed(one, two)
        await check_only_a_living_name_is_relayed(one, coturn)
        assert one.errors == two.errors == []
    finally:
        await theatre.close()
    told = coturn.log()
    assert all(actor not in told for actor in ACTORS[:2])


def comes_through(paths: list[dict[str, float]]) -> bool:
    return len(paths) == 1 and paths[0]["pictures"] > 5 and paths[0]["soundSeconds"] > 0.2


async def check_relayed_frames_are_sealed(one: Guest, two: Guest) -> None:
    """What comes out of DTLS behind the relay opens under the room's key, and under no other."""
    mine = [key for key in await one.ask("secrets") if key["of"] == "me"][-1]
    for slot in ("camera", "microphone"):
        came = await two.until("wire", enough, words=("receive", slot, mine["kid"]))
        sent = await one.ask("wire", "send", slot, mine["kid"])
        assert set(came) & set(sent)
        # A relay over UDP may bring a frame twice; it opens once.
        frames = [frame for frame in dict.fromkeys(came) if frame in sent][:WIRE_FRAMES]
        key = {**mine, "slot": slot, "sender": one.actor}
        assert set(await two.ask("openWire", frames, key)) == {"opened"}
        other = {**key, "secret": "A" * 43}
        assert set(await two.ask("openWire", frames, other)) == {"not-authentic"}


async def check_only_a_living_name_is_relayed(guest: Guest, coturn: Coturn) -> None:
    now_s = int(time.time())
    living = IceServers((coturn.url,), SECRET).told_to(guest.actor, now_s=now_s)
    assert set((await guest.ask("gather", living))["given"]) == {"relay"}
    passed = IceServers((coturn.url,), SECRET).told_to(guest.actor, now_s=now_s - TURN_SECONDS - 60)
    forged = IceServers((coturn.url,), b"a-guess-at-the-secret").told_to(guest.actor, now_s=now_s)
    for servers in (passed, forged):
        answer = await guest.ask("gather", servers)
        assert answer["given"] == [] and 401 in answer["refused"]
