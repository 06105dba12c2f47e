"""Bodies are bounded in size and in time before anything else happens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from telesphor.runtime import http
from telesphor.runtime.http import BodyBroken, BodyLate, BodyTooLarge, read_body


def _scope(*headers: tuple[bytes, bytes]) -> Any:
    return {"type": "http", "headers": list(headers)}


def _feed(*messages: dict[str, Any]) -> Any:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


def _part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_parts_is_joined() -> None:
    receive = _feed(_part(b"ab", more=True), _part(b"c", more=False))
    assert await read_body(_scope(), receive, limit_bytes=3) == b"abc"


async def test_a_declared_length_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(_scope((b"content-length", b"4")), _feed(), limit_bytes=3)


async def test_a_longer_body_than_declared_is_refused_at_the_limit() -> None:
    receive = _feed(_part(b"ab", more=True), _part(b"cd", more=True))
    with pytest.raises(BodyTooLarge):
        await read_body(_scope(), receive, limit_bytes=3)


async def test_a_client_that_leaves_is_refused() -> None:
    with pytest.raises(BodyBroken):
        await read_body(_scope(), _feed(_part(b"a", more=True), {"type": "http.disconnect"}), limit_bytes=3)


async def test_a_body_that_does_not_come_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.01)
    with pytest.raises(BodyLate):
        await read_body(_scope(), _feed(_part(b"a", more=True)), limit_bytes=3)
