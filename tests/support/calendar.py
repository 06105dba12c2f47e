"""An OpenTimestamps calendar on loopback, made of PyPI `opentimestamps` and a real chain; and dishonest ones.

`Calendar` answers `/digest` and `/timestamp/<commitment>` as the public calendars do; `anchor` puts what came in
under one root, pays for it on the regtest chain and keeps each way to the block. `manner` makes it misbehave.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

from bitcoin.core import CBlock
from opentimestamps.bitcoin import make_timestamp_from_block
from opentimestamps.core.notary import PendingAttestation
from opentimestamps.core.op import OpAppend, OpSHA256
from opentimestamps.core.serialize import BytesSerializationContext
from opentimestamps.core.timestamp import Timestamp, make_merkle_tree

from telesphor.demo.bcoin import api_request
from tests.support.bcoin import MiningBcoin

Manner = Literal[
    "honest", "rubbish", "slow", "another-digest", "elsewhere", "huge", "broken", "moved", "crowded"
]

DIGEST_BYTES_MAX = 64
NONCE_BYTES = 8
SLOW_SECONDS = 3.0
CLOSE_SECONDS = 0.01
"""How long it takes at most to notice that it is closed; Python's own server takes half a second."""


class Calendar:
    """A calendar that runs while it is entered."""

    def __init__(self, chain: MiningBcoin | None = None, *, manner: Manner = "honest") -> None:
        self.manner = manner
        self.asked: list[str] = []
        self._chain = chain
        self._waiting: dict[bytes, Timestamp] = {}
        self._done: dict[bytes, Timestamp] = {}
        calendar = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers["content-length"]), DIGEST_BYTES_MAX))
                calendar._answer(self, calendar._take(body))

            def do_GET(self) -> None:
                calendar._answer(self, calendar._give(bytes.fromhex(self.path.rsplit("/", 1)[1])))

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(CLOSE_SECONDS,), daemon=True)

    def __enter__(self) -> Calendar:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def anchor(self) -> int:
        """Pay for one transaction that dates everything waiting, in a block of its own; returns its height."""
        assert self._chain is not None
        root = (
            make_merkle_tree(list(self._waiting.values()))
            if len(self._waiting) > 1
            else next(iter(self._waiting.values()))
        )
        script = b"\x6a\x20" + root.msg
        body = json.dumps({"outputs": [{"script": script.hex(), "value": 0}], "rate": 10_000}).encode()
        with urllib.request.urlopen(
            api_request(f"{self._chain.wallet_url}wallet/primary/send", body)
        ) as reply:
            sent = json.load(reply)
        block_hash = self._chain.mine_with(bytes.fromhex(sent["tx"]))
        height = int(self._chain.node("getblock", block_hash)["height"])
        block = CBlock.deserialize(bytes.fromhex(self._chain.node("getblock", block_hash, False)))
        found = make_timestamp_from_block(root.msg, block, height)
        assert found is not None
        root.merge(found)
        self._done |= self._waiting
        self._waiting.clear()
        return height

    def _take(self, digest: bytes) -> bytes | None:
        self.asked.append(f"digest {digest.hex()}")
        if self.manner == "another-digest":
            digest = os.urandom(32)  # It works honestly on what no one gave it.
        timestamp = Timestamp(digest)
        end = timestamp.ops.add(OpAppend(os.urandom(NONCE_BYTES))).ops.add(OpSHA256())
        self._waiting[end.msg] = Timestamp(end.msg)
        uri = "http://127.0.0.1:1" if self.manner == "elsewhere" else self.url
        end.attestations.add(PendingAttestation(uri))
        if self.manner == "crowded":
            for number in range(40):
                timestamp.ops.add(OpAppend(bytes([number + 1]) * 16)).attestations.add(
                    PendingAttestation(uri)
                )
        return _written(timestamp)

    def _give(self, commitment: bytes) -> bytes | None:
        self.asked.append(f"timestamp {commitment.hex()}")
        if self.manner == "another-digest" and self._done:
            return _written(next(iter(self._done.values())))
        found = self._done.get(commitment)
        return None if found is None else _written(found)

    def _answer(self, handler: BaseHTTPRequestHandler, body: bytes | None) -> None:
        if self.manner == "slow":
            time.sleep(SLOW_SECONDS)
        status = {"broken": 500, "moved": 302}.get(self.manner, 200 if body is not None else 404)
        spoiled = {"rubbish": os.urandom(300), "huge": bytes(1_000_000)}.get(self.manner)
        body = spoiled or body or b"Pending confirmation in Bitcoin blockchain"
        try:
            handler.send_response(status)
            if status == 302:
                handler.send_header("location", "http://127.0.0.1:1/")
            handler.send_header("content-length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass  # Whoever asked has hung up, as it may.


def _written(timestamp: Timestamp) -> bytes:
    out = BytesSerializationContext()
    timestamp.serialize(out)
    return bytes(out.getbytes())
