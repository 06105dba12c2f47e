"""A real Ethereum node on this machine, of a network of its own: `anvil`, from the npm package of its makers.

It dates nothing: whoever runs it writes its blocks. It does show that what is made for mainnet works, for the
demonstration and the tests. It listens on loopback only, on a port of the system's choosing.

Start at `start_anvil`; `find_anvil` says whether there is one.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "@foundry-rs/anvil-linux-amd64"
ANVIL_CHAIN_ID: Final = 31337
ANVIL_NETWORK: Final = f"ethereum-{ANVIL_CHAIN_ID}"
START_SECONDS_MAX: Final = 20.0
"""It listens within half a second; a machine under load may take longer."""
STOP_SECONDS_MAX: Final = 5.0
CALL_SECONDS_MAX: Final = 10.0

_LISTENING: Final = re.compile(r"Listening on 127\.0\.0\.1:([0-9]+)")


class AnvilUnavailable(Exception):
    """There is no anvil here, or it did not start; the text says which."""


class Anvil:
    """A running node. `url` is where it answers; `call` asks it anything."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def call(self, method: str, *params: object) -> Any:
        """The result of one JSON-RPC question. Raises `RuntimeError` with the node's words."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=CALL_SECONDS_MAX) as reply:  # noqa: S310
            told = json.load(reply)
        if "error" in told:
            raise RuntimeError(f"anvil refuses {method}: {told['error'].get('message')}")
        return told["result"]

    def mine(self, blocks: int = 1) -> None:
        """Make blocks at once."""
        self.call("anvil_mine", hex(blocks))

    def give(self, address: str, *, wei: int) -> None:
        """Let an account hold so much: money of this network grows on trees."""
        self.call("anvil_setBalance", address, hex(wei))

    def stop(self) -> None:
        """End the node, kindly at first."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_anvil(*options: str, port: int = 0, folder: Path | None = None) -> Anvil:
    """Start a node; it mines a block for each transaction unless `options` say otherwise (`--no-mining`).

    Args:
        options: of the command `anvil`, such as `--chain-id 5`.
        port: 0 for one that is free.
        folder: where to look for `node_modules`; the current one and those above it otherwise.

    Raises:
        AnvilUnavailable: there is none, or it does not listen in time.
    """
    words = [str(find_anvil(folder)), "--host", "127.0.0.1", "--port", str(port), *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return Anvil(process, _wait_for_port(process, words))


def find_anvil(folder: Path | None = None) -> Path:
    """The program: from npm's package, nearest first, or on the path. Raises `AnvilUnavailable`."""
    for start in ((folder or Path.cwd()).resolve(), Path(__file__).resolve().parent):
        for parent in (start, *start.parents):
            found = parent / "node_modules" / PACKAGE / "bin" / "anvil"
            if found.is_file() and platform.machine() in ("x86_64", "AMD64"):
                return found
    on_path = shutil.which("anvil")
    if on_path is None:
        raise AnvilUnavailable(f"no anvil here: npm installs it as `{PACKAGE}` on Linux x86-64")
    return Path(on_path)


def _wait_for_port(process: subprocess.Popen[str], words: Sequence[str]) -> int:
    """Read what it says until it listens; afterwards keep reading, or its pipe fills and it stands still."""
    ports: list[int] = []
    said = threading.Event()
    threading.Thread(target=_read_port, args=(process, ports, said), daemon=True).start()
    said.wait(START_SECONDS_MAX)
    if not ports:
        process.kill()
        process.wait()
        raise AnvilUnavailable(f"`{Path(words[0]).name}` did not start to listen")
    return ports[0]


def _read_port(process: subprocess.Popen[str], ports: list[int], said: threading.Event) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            found = _LISTENING.search(line)
            if found and not ports:
                ports.append(int(found[1]))
                said.set()
    said.set()
