"""Many visits at once, as their browsers live them at the node: from the link to the moment when media can flow.

The patient opens its link, registers its new keys, signs in, connects, consents, tests its devices and waits; the
clinician, who is there already, hears of it and admits; both join the room and exchange keys, descriptions and
candidates over the relay. All requests were signed before. Start at `meet_all`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from telesphor.bench.tabs import Frame, Tab, browsing

CANDIDATES: Final = 6
"""Addresses that each side offers: two networks, UDP and TCP, and what STUN adds."""

SDP: Final = "v=0\r\n" + "a=x\r\n" * 800
"""As long as Chromium's with two pictures and a sound."""

KEY: Final = "k" * 16_000
"""As long as a signed key message for one other."""


class Visit(NamedTuple):
    """One visit: ids, and the signed requests of its two people in the order in which they are sent."""

    visit: str
    patient: str
    clinician: str
    invitation: str
    code: str
    registration: dict[str, Any]
    patient_opening: bytes
    consenting: bytes
    waiting: bytes
    clinician_opening: bytes
    admitting: bytes


class Meeting(NamedTuple):
    """Seconds from opening the link until admitted, and until both sides have all that a picture needs."""

    admitted: float
    connected: float


def meet_all(visits: Sequence[Visit], port: int) -> list[Meeting]:
    """Let all of them meet at once; for a process of its own."""
    return asyncio.run(_meet_all(visits, port))


def meet_in_turn(visits: Sequence[Visit], port: int) -> list[Meeting]:
    """The same, each alone."""
    return [meeting for visit in visits for meeting in meet_all([visit], port)]


async def _meet_all(visits: Sequence[Visit], port: int) -> list[Meeting]:
    async with browsing() as http:
        clinicians = [Tab(http, port, visit.clinician_opening) for visit in visits]
        for tab in clinicians:
            await tab.begin()
        patients = [Tab(http, port, visit.patient_opening) for visit in visits]
        pairs = zip(visits, patients, clinicians, strict=True)
        met = await asyncio.gather(*(_meet(*pair) for pair in pairs))
        for tab in (*patients, *clinicians):
            await tab.close()
        return met


async def _meet(visit: Visit, patient: Tab, clinician: Tab) -> Meeting:
    started = time.perf_counter()
    admitted, _ = await asyncio.gather(_arrive(visit, patient), _receive(visit, clinician))
    await asyncio.gather(_connect(visit, patient, visit.patient), _connect(visit, clinician, visit.clinician))
    return Meeting(admitted - started, time.perf_counter() - started)


async def _arrive(visit: Visit, tab: Tab) -> float:
    """The patient's way to being admitted; when that was."""
    path = f"/v1/invitations/{visit.invitation}"
    await tab.send(f"{path}/look", {"code": visit.code}, status=200)
    await tab.send(f"{path}/redeem", {"code": visit.code, "registration": visit.registration}, status=201)
    await tab.begin()
    await tab.look(f"/v1/app/visits/{visit.visit}")
    await tab.look("/v1/app/consent-texts?language=en")
    await tab.sign(visit.consenting)
    await tab.sign(visit.waiting)
    await tab.hear(lambda frame: _tells(frame, f"visit/{visit.visit}", "visit.admitted/1"))
    admitted = time.perf_counter()
    await tab.look(f"/v1/app/visits/{visit.visit}")
    return admitted


async def _receive(visit: Visit, tab: Tab) -> None:
    """The clinician hears that somebody waits, looks, and admits."""
    await tab.hear(lambda frame: _tells(frame, "queue", "visit.waiting/1", visit=visit.visit))
    await tab.look("/v1/app/queue")
    await tab.sign(visit.admitting)


async def _connect(visit: Visit, tab: Tab, me: str) -> None:
    """Join the room, and go on until the other's key of the newest epoch and all of its negotiation are here."""
    topic, told, keyed, described, candidates = f"room/{visit.visit}", 0, 0, False, 0
    await tab.say({"topic": topic, "kind": "join", "tab": me[-12:] + "a" * 10})
    while keyed < told or not told or not described or candidates < CANDIDATES:
        frame = await tab.hear(lambda frame: frame["topic"] == topic)
        match frame["kind"]:
            case "present" if len(frame["roster"]) == 2:
                first, told = not told, frame["epoch"]
                await tab.say({"topic": topic, "kind": "key", "epoch": told, "body": KEY})
                if first:
                    await _offer(tab, topic, frame, me)
            case "key":
                keyed = frame["epoch"]
            case "signal" if "description" in frame["body"]:
                described = True
            case "signal":
                candidates += 1


async def _offer(tab: Tab, topic: str, present: Frame, me: str) -> None:
    (other,) = (place for place in present["roster"] if place["actor"] != me)
    head = {"topic": topic, "kind": "signal", "to": other["actor"], "to_tab": other["tab"]}
    kind = "offer" if me < other["actor"] else "answer"
    await tab.say({**head, "body": {"description": {"type": kind, "sdp": SDP}}})
    for number in range(CANDIDATES):
        line = f"candidate:{number} 1 udp 2122260223 192.0.2.{number} 50000 typ host generation 0 ufrag abcd"
        await tab.say({**head, "body": {"candidate": {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}}})


def _tells(frame: Frame, topic: str, change: str, *, visit: str = "") -> bool:
    """Whether a frame of `topic` tells of such a change, and of that visit."""
    if frame["topic"] != topic or (visit and frame["visit"] != visit):
        return False
    changes = frame.get("changes", ())
    return change in {one if isinstance(one, str) else one["type"] for one in changes}
