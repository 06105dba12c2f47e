"""A room for real browsers: the relay's own desk behind a WebSocket, and a page that is nothing but a room."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, WSMsgType, web
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

from telesphor.capabilities.visits.signalling.desk import SignallingDesk
from telesphor.capabilities.visits.signalling.ice import IceServers
from telesphor.capabilities.visits.signalling.model import Participant
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import VisitId
from tests.support.chromium import PLAIN, find_chromium

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
BUILT = ROOT / "build/room-page"
BUILD_SECONDS = 100
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
WAIT_SECONDS = 60.0
ASK_SECONDS = 60.0
"""A page that seals or plays on a busy machine takes a few."""

UPLOAD_BYTES_MAX = 16 * 1024 * 1024
HOP_HEADERS = frozenset(
    {"host", "connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"}
)


def built_page() -> Path:
    """The folder of the page, bundled unless it was from these sources; `CalledProcessError` says what is wrong."""
    BUILT.mkdir(parents=True, exist_ok=True)
    folder = BUILT / _digest_of_sources()
    with (BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for old in (one for one in BUILT.iterdir() if one.is_dir()):
                shutil.rmtree(old)
            making = BUILT / "making"
            words = ["npx", "vite", "build", "-c", "tests/room/vite.config.ts", "--outDir", str(making)]
            subprocess.run(
                [*words, "--emptyOutDir"], cwd=WEB, check=True, capture_output=True, timeout=BUILD_SECONDS
            )
            making.rename(folder)
    return folder


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for folder in (WEB / "src", WEB / "tests/room"):
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            digest.update(f"{path.relative_to(WEB)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    for name in ("package-lock.json", "vite.config.ts"):
        digest.update((WEB / name).read_bytes())
    return digest.hexdigest()[:16]


@dataclass
class Someone:
    id: str


@dataclass(eq=False)
class Line:
    """One WebSocket, as the desk sees it."""

    id: str
    actor: Someone
    socket: web.WebSocketResponse
    waiting: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def send(self, message: dict[str, Any], /) -> None:
        self.waiting.put_nowait(json.dumps(message))


class Relay:
    """The desk, who is admitted, and everything that went over it."""

    def __init__(self, page: Path, *, ice: IceServers | None = None) -> None:
        self.page = page
        self.admitted: dict[str, dict[str, Participant]] = {}
        self.desk = SignallingDesk(admitted=self._participants, clock=SystemClock(), ice=ice)
        self.heard: list[str] = []
        self.lines = 0
        self.port = 0
        self.node_url = ""

    def _participants(self, visit: VisitId) -> tuple[Participant, ...]:
        return tuple(self.admitted.get(visit, {}).values())

    async def start(self) -> web.AppRunner:
        application = web.Application(middlewares=[_with_policy], client_max_size=UPLOAD_BYTES_MAX)
        application.router.add_get("/live", self._serve)
        application.router.add_get("/", self._index)
        application.router.add_get("/favicon.ico", _nothing)
        application.router.add_route("*", "/v1/{rest:.*}", self._pass_on)
        application.router.add_static("/assets", self.page / "assets")
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(self.page / "index.html")

    async def _pass_on(self, request: web.Request) -> web.Response:
        """Ask the node."""
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_HEADERS}
        body = await request.read()
        async with ClientSession(auto_decompress=False) as session:
            url = f"{self.node_url}{request.path_qs}"
            async with session.request(request.method, url, data=body, headers=headers) as answer:
                kept = {
                    name: value for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS
                }
                return web.Response(status=answer.status, headers=kept, body=await answer.read())

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=65_536)
        await socket.prepare(request)
        self.lines += 1
        line = Line(f"line-{self.lines}", Someone(request.query["actor"]), socket)
        writing = asyncio.create_task(_write(line))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._handle(line, message.data)
        finally:
            writing.cancel()
            self.desk.closed(line)
        return socket

    async def _handle(self, line: Line, text: str) -> None:
        self.heard.append(text)
        message = json.loads(text)
        try:
            await self.desk.handle(line, message)
        except TelesphorError as error:
            line.send({"topic": "hub", "event": "refused", "of": message["topic"], "code": error.code})


async def _nothing(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def _write(line: Line) -> None:
    with suppress(ConnectionError):
        while True:
            await line.socket.send_str(await line.waiting.get())


@web.middleware
async def _with_policy(request: web.Request, handler: Any) -> Any:
    answer = await handler(request)
    if not isinstance(answer, web.WebSocketResponse):
        answer.headers["content-security-policy"] = POLICY
    return answer


class Theatre:
    """Chromium with a camera that shows a pattern, and the relay.

    Args:
        page: the folder that `built_page` gives.
        ice: servers by which its tabs find each other.
        flags: further ones of Chromium's command line.
    """

    def __init__(self, page: Path, *, ice: IceServers | None = None, flags: tuple[str, ...] = ()) -> None:
        self.relay = Relay(page, ice=ice)
        self._flags = flags
        self._runner: web.AppRunner | None = None
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def open(self) -> None:
        self._runner = await self.relay.start()
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=find_chromium(),
            args=[
                *PLAIN, "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required",
                "--disable-features=WebRtcHideLocalIpsWithMdns", *self._flags,
            ],
        )  # fmt: skip

    async def close(self) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def enter(self, visit: str, actor: str) -> Guest:
        """Open a tab, make its keys, admit its actor and go in."""
        guest = await self.open_tab(actor)
        card = await guest.ask("arm")
        participant = Participant(actor, "patient", tuple(card["keys"]), card["kem"])
        self.relay.admitted.setdefault(visit, {})[actor] = participant
        await guest.ask("join", visit, actor)
        return guest

    async def open_tab(self, actor: str) -> Guest:
        """Open a tab that is nowhere yet."""
        assert self._browser is not None
        return await self._open_in(await self._browser.new_context(), actor)

    async def lose_and_reopen(self, guest: Guest) -> Guest:
        """Close a tab as a crash does, without asking it, and open another in the same browser."""
        await guest.page.close(run_before_unload=False)
        return await self._open_in(guest.page.context, guest.actor)

    async def _open_in(self, context: BrowserContext, actor: str) -> Guest:
        page = await context.new_page()
        guest = Guest(page, actor)
        page.on("pageerror", lambda error: guest.errors.append(str(error)))
        page.on("console", lambda said: guest.errors.append(said.text) if said.type == "error" else None)
        await page.goto(f"http://127.0.0.1:{self.relay.port}/")
        return guest


class Guest:
    """One tab in a room."""

    def __init__(self, page: Page, actor: str) -> None:
        self.page = page
        self.actor = actor
        self.errors: list[str] = []

    async def ask(self, name: str, *words: Any) -> Any:
        """Call a function of the page; `TimeoutError` names one that does not answer."""
        asked = self.page.evaluate("([name, words]) => window.harness[name](...words)", [name, list(words)])
        try:
            return await asyncio.wait_for(asked, ASK_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"{self.actor}: `{name}` does not answer; errors {self.errors}") from None

    async def until(
        self, name: str, holds: Any, *, words: tuple[Any, ...] = (), seconds: float = WAIT_SECONDS
    ) -> Any:
        """Wait until what a function of the page answers is as it should be; returns it."""
        ends = asyncio.get_running_loop().time() + seconds
        while True:
            answer = await self.ask(name, *words)
            if holds(answer):
                return answer
            if asyncio.get_running_loop().time() > ends:
                raise TimeoutError(f"{self.actor}: `{name}` stays {answer}; errors {self.errors}")
            await asyncio.sleep(0.05)
