"""A browser's part at a node, without the browser: a session, signed requests made before, and the live connection.

Kept apart from whatever prepares it, so that a process that only plays people holds no node. What a real browser does
besides (keys, encoders, drawing) happens on somebody else's machine and is no part of these figures. Start at `Tab`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from telesphor.bench.child import MeasurementFailed
from telesphor.bench.talks import COMMANDS_PATH, SIGNED_MEDIA_TYPE

ANSWER_SECONDS: Final = 60.0
"""A node that is silent for so long is broken."""

JSON_TYPE: Final = "application/json"

Frame = Mapping[str, Any]


@asynccontextmanager
async def browsing() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections for many tabs; cookies are each tab's own."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as http:
        yield http


class Tab:
    """One person's tab.

    Args:
        opening: the person's signed `session.open/1`.
    """

    def __init__(self, http: aiohttp.ClientSession, port: int, opening: bytes) -> None:
        self._http = http
        self._site = f"http://127.0.0.1:{port}"
        self._opening = opening
        self._headers: dict[str, str] = {}
        self._live: aiohttp.ClientWebSocketResponse | None = None

    async def begin(self) -> None:
        """Open a session and the live connection."""
        (opened,) = await self.sign(self._opening)
        bearer = {"authorization": f"Bearer {opened['ticket']}"}
        async with self._http.post(f"{self._site}/v1/session", headers=bearer) as answer:
            view = _read(await answer.read(), answer.status, 201)
            cookie = answer.headers["set-cookie"].partition(";")[0]
        self._headers = {"telesphor-session": view["session"], "cookie": cookie}
        self._live = await self._http.ws_connect(
            f"{self._site}/v1/live?session={view['session']}",
            headers={"cookie": cookie, "origin": self._site},
            max_msg_size=0,
        )
        await self.hear(lambda frame: frame.get("event") == "open")

    async def sign(self, request: bytes) -> list[Any]:
        """Send a signed request; the results of its commands."""
        headers = {"content-type": SIGNED_MEDIA_TYPE}
        url = f"{self._site}{COMMANDS_PATH}"
        async with self._http.post(url, data=request, headers=headers) as answer:
            results: list[Any] = _read(await answer.read(), answer.status, 200)["results"]
            return results

    async def send(self, path: str, body: Mapping[str, object], *, status: int) -> Any:
        """Send JSON to a route that takes it without a session."""
        headers = {"content-type": JSON_TYPE}
        data = json.dumps(body).encode()
        async with self._http.post(f"{self._site}{path}", data=data, headers=headers) as answer:
            return _read(await answer.read(), answer.status, status)

    async def look(self, path: str) -> Any:
        """A view."""
        async with self._http.get(f"{self._site}{path}", headers=self._headers) as answer:
            return _read(await answer.read(), answer.status, 200)

    async def put(self, path: str, data: bytes, *, ticket: str) -> None:
        """Send bytes to where a ticket lets them be sent."""
        headers = {"authorization": f"Bearer {ticket}"}
        async with self._http.put(f"{self._site}{path}", data=data, headers=headers) as answer:
            if answer.status != 204:
                raise _failed(answer.status, await answer.read())

    async def fetch(self, path: str, *, ticket: str) -> bytes:
        """What a ticket is good for."""
        async with self._http.get(
            f"{self._site}{path}", headers={"authorization": f"Bearer {ticket}"}
        ) as answer:
            data = await answer.read()
            if answer.status != 200:
                raise _failed(answer.status, data)
            return data

    async def say(self, frame: Frame) -> None:
        """Say something over the live connection."""
        await self._line().send_str(json.dumps(frame))

    async def hear(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The next frame that is wanted; others are let go."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                frame = await self.next()
                if wanted(frame):
                    return frame

    async def next(self) -> Frame:
        """The next frame."""
        message = await self._line().receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise MeasurementFailed("the node closed a live connection", detail=str(message))
        frame: Frame = json.loads(message.data)
        return frame

    async def close(self) -> None:
        """Close the live connection."""
        if self._live is not None:
            await self._live.close()

    def _line(self) -> aiohttp.ClientWebSocketResponse:
        if self._live is None:
            raise MeasurementFailed("a tab speaks before its session has begun")
        return self._live


def _read(data: bytes, status: int, wanted: int) -> Any:
    if status != wanted:
        raise _failed(status, data)
    return json.loads(data)


def _failed(status: int, data: bytes) -> MeasurementFailed:
    return MeasurementFailed("the node refused what it should give", detail=f"{status} {data[:300]!r}")
