"""A real TURN server (coturn) on loopback for a test, or a skip that says why there is none; in CI there must be one.

Start at `running_coturn`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.bcoin import free_port

SECRET = b"a-secret-between-node-and-relay"
HOST = "127.0.0.1"
START_SECONDS = 60.0

SETTINGS = """\
listening-ip={host}
relay-ip={host}
listening-port={port}
use-auth-secret
static-auth-secret={secret}
realm=turn.test
allow-loopback-peers
no-cli
no-tls
no-dtls
no-rfc5780
fingerprint
log-file={folder}/turn.log
simple-log
new-log-timestamp
verbose
pidfile={folder}/turn.pid
userdb={folder}/turn.sqlite
"""


@dataclass(frozen=True)
class Coturn:
    """Where it listens, and where it writes what it does."""

    url: str
    log_file: Path

    def log(self) -> str:
        """Everything that it wrote so far."""
        return self.log_file.read_text(errors="replace")


@contextmanager
def running_coturn(folder: Path) -> Iterator[Coturn]:
    """A relay of its own that knows `SECRET`, ended with the block."""
    program = shutil.which("turnserver")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("coturn is not installed")
        pytest.skip("needs coturn (Debian: apt-get install coturn)")
    port = free_port()
    settings = folder / "turnserver.conf"
    # In a file, as an operator keeps it: the words of a command are seen by everybody on the machine.
    settings.write_text(SETTINGS.format(host=HOST, port=port, secret=SECRET.decode(), folder=folder))
    process = subprocess.Popen(
        [program, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    coturn = Coturn(f"turn:{HOST}:{port}", folder / "turn.log")
    try:
        _wait_until_it_listens(coturn, process)
        yield coturn
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_listens(coturn: Coturn, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        if coturn.log_file.exists() and "UDP listener opened" in coturn.log():
            return
        time.sleep(0.05)
    raise TimeoutError("coturn does not start")
