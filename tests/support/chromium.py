"""A headless Chromium, asked over DevTools how it reached a page."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp

START_SECONDS = 60.0
PAGE_SECONDS = 60.0
NAMES = ("chromium", "chromium-browser", "google-chrome")
PLAIN = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-software-rasterizer"]
"""What a browser of the tests is started with: it may be root's, with as little shared memory as a container gives,
and nothing imitates a graphics card, which takes a fifth of all the work."""


def find_chromium() -> str | None:
    """Its path, if this machine has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


async def security_of(url: str, *, folder: Path) -> dict[str, Any]:
    """Open `url` and return the response's `securityDetails`; certificates are not judged."""
    words = [
        str(find_chromium()), "--headless=new", *PLAIN, "--no-first-run",
        "--disable-background-networking", "--disable-component-update",
        "--ignore-certificate-errors", "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port = await asyncio.to_thread(_wait_for_port, folder / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            return await asyncio.wait_for(_visit(session, port, url), PAGE_SECONDS)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for_port(file: Path, process: subprocess.Popen[bytes]) -> int:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) == 2:
            return int(lines[0])
        time.sleep(0.05)
    raise TimeoutError("chromium does not start")


async def _visit(session: aiohttp.ClientSession, port: int, url: str) -> dict[str, Any]:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        page = next(target for target in await answer.json() if target["type"] == "page")
    async with session.ws_connect(page["webSocketDebuggerUrl"]) as devtools:
        await devtools.send_json({"id": 1, "method": "Network.enable"})
        await devtools.send_json({"id": 2, "method": "Page.navigate", "params": {"url": url}})
        async for message in devtools:
            event = message.json()
            if (
                event.get("method") == "Network.responseReceived"
                and event["params"]["response"]["url"] == url
            ):
                return dict(event["params"]["response"]["securityDetails"])
            if event.get("method") == "Network.loadingFailed":
                raise ConnectionError(event["params"]["errorText"])
    raise ConnectionError("chromium hung up")
