"""A recording on its way into the vault, beside the same bytes sent plainly to a route that keeps them in a file.

A recording is sealed twice: chunk by chunk in the browser that makes it, and once more by the vault. Both are in the
figure, and the signed commands around it; the plain way is a request, a file and one sync. They take turns. Start at
`measure_upload`.
"""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
from litestar.types import Receive, Scope, Send

from telesphor.bench.child import Companion, MeasurementFailed, Told, in_child
from telesphor.bench.figures import Figure, Peer, middle
from telesphor.bench.practice import PASSPHRASE
from telesphor.bench.run import Run
from telesphor.bench.served import serve_edge
from telesphor.bench.talks import ORIGIN
from telesphor.client.node import NodeClient
from telesphor.client.wallet import load_wallet
from telesphor.kernel.chunked import encrypt_stream
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.runtime.http import RawRoute, build_edge, send_bytes
from telesphor.runtime.telemetry import Metrics

MEGA: Final = 1e6
MIB: Final = 1 << 20
RECORDING_BYTES: Final = 256 * MIB
"""Some twenty minutes of a visit."""

ROUNDS = 3
WALLET: Final = "doctor.wallet"
PIECE_BYTES: Final = 256 * 1024
PLAIN_PATH: Final = "/plain"
MEDIA_TYPE: Final = "video/webm"
KEY: Final = bytes(32)


def measure_upload(run: Run, group: str, *, place: Path, port: int) -> Figure:
    """MB/s of the recording, beside MB/s of the plain upload.

    Args:
        place: holds the wallet of somebody registered, and has room for the file.
        port: of the served node.
    """
    size = run.count(RECORDING_BYTES)
    run.tell(f"uploading a recording of {size // MIB} MiB")
    sealed, plain = [], []
    with Companion(keep_plain, place) as other:
        for _ in range(ROUNDS):
            sealed.append(in_child(upload_sealed, place / WALLET, size, port).value)
            plain.append(in_child(upload_plain, size, other.ready).value)
    name = f"recording uploaded, sealed twice, {max(1, size // MIB)} MiB"
    peer = Peer("plain upload of the same bytes, MB/s", size / middle(plain) / MEGA)
    return Figure(group, name, size / middle(sealed) / MEGA, "MB/s", peer=peer)


def upload_sealed(wallet: Path, size: int, port: int) -> float:
    """Seal, begin, upload and seal the object; seconds. For a process of its own."""
    doctor = load_wallet(wallet, passphrase=PASSPHRASE)

    async def upload() -> float:
        data = io.BytesIO(_random_bytes(size))
        async with NodeClient(f"http://127.0.0.1:{port}", doctor, origin=ORIGIN) as client:
            started = time.perf_counter()
            sealed = io.BytesIO()
            encrypt_stream(data, sealed, key=KEY, context=b"bench")
            await client.put_object(sealed, media_type=MEDIA_TYPE)
            return time.perf_counter() - started

    return asyncio.run(upload())


def upload_plain(size: int, port: int) -> float:
    """Send as many bytes to the plain route; seconds. For a process of its own."""

    async def upload() -> float:
        data = _random_bytes(size)
        async with aiohttp.ClientSession() as http:
            started = time.perf_counter()
            async with http.post(f"http://127.0.0.1:{port}{PLAIN_PATH}", data=_pieces(data)) as answer:
                if int(await answer.read()) != size:
                    raise MeasurementFailed("the plain upload did not arrive whole")
            return time.perf_counter() - started

    return asyncio.run(upload())


def _random_bytes(count: int) -> bytes:
    return IdSource(SystemClock()).random_bytes(count)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(data), PIECE_BYTES):
        yield bytes(view[start : start + PIECE_BYTES])


def keep_plain(told: Told, folder: Path) -> None:
    """Serve a route that writes what it is sent into a file, syncs it, and says how much it was."""

    async def keep(scope: Scope, receive: Receive, send: Send) -> None:
        more, size = True, 0
        with (folder / "plain").open("wb", buffering=0) as file:
            while more:
                message = await receive()
                more = bool(message.get("more_body", False))
                body: bytes = message.get("body", b"")  # type: ignore[assignment]
                size += len(body)
                await asyncio.to_thread(file.write, body)
            await asyncio.to_thread(os.fsync, file.fileno())
        await send_bytes(send, str(size).encode())

    edge = build_edge(
        handlers=[],
        raw=[RawRoute("POST", PLAIN_PATH, keep)],
        metrics=Metrics(),
        health=lambda: {"status": "ok"},
    )
    serve_edge(told, edge, thing="upload")
