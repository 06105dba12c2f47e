"""A ward's node behind its one route for commands, over a real line."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec
from aiohttp import web

from telesphor.kernel.errors import Kind, TelesphorError
from tests.unit.capabilities.identity.enrolment.ward import Ward

START_SECONDS = 60.0


@asynccontextmanager
async def serving(ward: Ward, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The node's one route, over a real line."""

    async def commands(request: web.Request) -> web.Response:
        data = await request.read()
        try:
            receipt = await asyncio.to_thread(ward.world.take, data)
        except TelesphorError as error:
            status = 403 if error.kind is Kind.FORBIDDEN else 400
            problem = {"code": error.code, "detail": error.message, "hint": error.hint}
            return web.json_response(problem, status=status)
        return web.Response(body=msgspec.json.encode(receipt), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/commands", commands)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'http' if context is None else 'https'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@contextmanager
def serving_aside(ward: Ward) -> Iterator[str]:
    """The same in a thread of its own, for callers that wait."""
    started, ended, urls = threading.Event(), asyncio.Event(), list[str]()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with serving(ward) as url:
            urls.append(url)
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(START_SECONDS)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
