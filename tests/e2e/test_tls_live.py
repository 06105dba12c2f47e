"""A live listener: large and slow transfers, goodbyes, stalls, rotation without a restart, nothing left open."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from telesphor.runtime.tls import context as contexts
from telesphor.runtime.tls import listening
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import TlsContext, client_context, server_context
from telesphor.runtime.tls.policy import BROWSERS, NODES, QUANTUM_ONLY
from telesphor.runtime.tls.probe import ProbeFailed, probe
from tests.support.certificates import Organisation
from tests.support.secure_app import secure_app

LARGE = 100_000_000
WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.2
ENDED_SECONDS = 4.5
"""Moments on a quiet machine; what waits for the listener's own limits takes longer."""
"""How often a context looks for another certificate here; a second is shipped, as `test_reloading` sees."""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation.make(tmp_path_factory.mktemp("clinic"))
    made.issue()
    return made


def nodes(clinic: Organisation) -> tuple[TlsContext, TlsContext]:
    identity = clinic.issue()
    return server_context(identity, NODES, clinic.trust), client_context(identity, NODES, clinic.trust)


LOOPS = ("uvloop", "asyncio")


class Live(NamedTuple):
    """A listener that runs, with both sides' contexts."""

    port: int
    server: TlsContext
    client: TlsContext


@pytest.fixture(scope="module", params=LOOPS)
def live(clinic: Organisation, request: pytest.FixtureRequest) -> Iterator[Live]:
    """For all who leave it as it was."""
    server, client = nodes(clinic)
    with secure_app(server, loop=request.param) as (port,):
        yield Live(port, server, client)


@pytest.fixture(scope="module")
def live_uvloop(clinic: Organisation) -> Iterator[Live]:
    """The loop of a node, for what says nothing about the other."""
    server, client = nodes(clinic)
    with secure_app(server) as (port,):
        yield Live(port, server, client)


@pytest.fixture(scope="module", params=LOOPS)
def impatient(clinic: Organisation, request: pytest.FixtureRequest) -> Iterator[Live]:
    """One that waits for nobody."""
    server, client = nodes(clinic)
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # A listener takes them as it starts.
            patch.setattr(listening, "HANDSHAKE_SECONDS", 0.4)
            patch.setattr(listening, "GOODBYE_SECONDS", 0.3)
            (port,) = stack.enter_context(secure_app(server, loop=request.param))
        yield Live(port, server, client)


async def fetch(port: int, path: str, context: ssl.SSLContext, data: bytes | None = None) -> bytes:
    timeout = aiohttp.ClientTimeout(total=WAIT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        method = "GET" if data is None else "POST"
        async with session.request(
            method, f"https://localhost:{port}{path}", ssl=context, data=data and _pieces(data)
        ) as answer:
            assert answer.status == 200
            return await answer.read()


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1 << 20):
        yield data[start : start + (1 << 20)]


def test_hundred_megabytes_come_down_and_go_up(live: Live) -> None:
    async def size() -> int:
        """Python 3.11 writes out what `asyncio.run` returns, twice, to compare signal handlers."""
        return len(await fetch(live.port, f"/bytes/{LARGE}", live.client))

    assert asyncio.run(size()) == LARGE
    assert asyncio.run(fetch(live.port, "/count", live.client, bytes(LARGE))) == b'{"count": %d}' % LARGE


def test_one_write_of_hundred_megabytes_arrives(live: Live) -> None:
    async def send() -> bytes:
        reader, writer = await asyncio.open_connection("localhost", live.port, ssl=live.client)
        head = b"POST /count HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % LARGE
        writer.write(head + bytes(LARGE))
        answer = await reader.read()
        writer.close()
        return answer

    assert asyncio.run(send()).endswith(b'{"count": %d}' % LARGE)


def test_slow_reader_holds_up_no_one_and_little_memory(live_uvloop: Live) -> None:
    before = _resident_bytes()
    with _connected(live_uvloop) as line:
        line.send(b"GET /bytes/%d HTTP/1.1\r\nhost: x\r\n\r\n" % LARGE)
        time.sleep(0.5)  # it reads nothing
        assert _resident_bytes() - before < 30_000_000
        assert asyncio.run(fetch(live_uvloop.port, "/channel", live_uvloop.client))
        assert line.receive_until(10_000_000) >= 10_000_000


def test_client_that_says_goodbye_is_answered_with_one(live_uvloop: Live) -> None:
    with _connected(live_uvloop) as line:
        line.send(b"GET /channel HTTP/1.1\r\nhost: x\r\n\r\n")
        assert line.receive_until(1) > 0
        started = time.monotonic()
        line.say_goodbye()
        assert line.receive_goodbye()
        assert time.monotonic() - started < ENDED_SECONDS


def test_client_that_closes_its_half_of_the_line_does_not_hang_the_server(live: Live) -> None:
    """asyncio takes the end of the line for the end of the channel; what matters is that it ends at once."""
    with _connected(live) as line:
        line.send(b"GET /channel HTTP/1.1\r\nhost: x\r\n\r\n")
        started = time.monotonic()
        line.close_half()
        line.drain_without_answering()
        assert time.monotonic() - started < ENDED_SECONDS


def test_server_that_closes_says_goodbye(live_uvloop: Live) -> None:
    with _connected(live_uvloop) as line:
        line.send(b"GET /channel HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        line.receive_until(1)
        assert line.receive_goodbye()


def test_client_that_never_answers_a_goodbye_is_dropped(impatient: Live) -> None:
    with _connected(impatient) as line:
        line.send(b"GET /channel HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        started = time.monotonic()
        assert line.drain_without_answering() > 0
        assert time.monotonic() - started < ENDED_SECONDS


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_client_that_stops_in_the_handshake_is_dropped(impatient: Live, sent: bytes) -> None:
    with socket.create_connection(("localhost", impatient.port)) as line:
        line.settimeout(WAIT_SECONDS)
        line.sendall(sent)
        started = time.monotonic()
        assert _hung_up(line)
        assert time.monotonic() - started < ENDED_SECONDS
        assert asyncio.run(fetch(impatient.port, "/channel", impatient.client))


def test_garbage_is_answered_with_an_alert_and_dropped(impatient: Live) -> None:
    before = sum(impatient.server.book.refusals().values())
    for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(5_000), b"\x16\x03\x03\x00\x04abcd"):
        with socket.create_connection(("localhost", impatient.port), timeout=WAIT_SECONDS) as line:
            line.sendall(data)
            assert _hung_up(line)
    assert asyncio.run(fetch(impatient.port, "/channel", impatient.client))
    assert sum(impatient.server.book.refusals().values()) == before + 3


def test_refused_client_learns_why(clinic: Organisation, live: Live) -> None:
    nobody = client_context(None, QUANTUM_ONLY, clinic.trust)
    with pytest.raises((aiohttp.ClientError, OSError), match="certificate required"):
        asyncio.run(fetch(live.port, "/channel", nobody))


def test_aiohttp_says_that_the_servers_certificate_is_refused(live_uvloop: Live, tmp_path: Path) -> None:
    stranger = Organisation.make(tmp_path, "other.example")
    context = client_context(stranger.issue(), NODES, stranger.trust)
    with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
        asyncio.run(fetch(live_uvloop.port, "/channel", context))
    assert getattr(caught.value.certificate_error, "code", "") == "peer-untrusted"


def test_certificates_rotate_on_a_live_server(clinic: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "LOOK_SECONDS", LOOK_SECONDS)
    identity = clinic.issue("rotating.pem")
    server, client = (make(identity, NODES, clinic.trust) for make in (server_context, client_context))
    with secure_app(server) as (port,), _connected(Live(port, server, client)) as old:
        before = old.peer()
        clinic.issue("rotating.pem")
        time.sleep(LOOK_SECONDS)
        with _connected(Live(port, server, client)) as new:
            assert new.peer() != before
        old.send(b"GET /channel HTTP/1.1\r\nhost: x\r\n\r\n")
        assert old.receive_until(1) > 0, "the old connection goes on"
        identity.certificate.write_bytes(b"broken")
        time.sleep(LOOK_SECONDS)
        other = client_context(clinic.issue("x.pem"), NODES, clinic.trust)
        with _connected(Live(port, server, other)):
            pass  # the last good one is still shown


def test_hundreds_of_broken_connections_leave_none_open(live_uvloop: Live) -> None:
    port, _, client = live_uvloop
    asyncio.run(fetch(port, "/channel", client))
    before = len(os.listdir("/proc/self/fd"))
    for number in range(300):
        with socket.create_connection(("localhost", port), timeout=WAIT_SECONDS) as line:
            line.sendall(b"\x16\x03\x01\x02\x00" + bytes(number))
    ends = time.monotonic() + 60
    while len(os.listdir("/proc/self/fd")) > before + 5 and time.monotonic() < ends:
        time.sleep(0.02)
    assert len(os.listdir("/proc/self/fd")) <= before + 5
    assert asyncio.run(fetch(port, "/channel", client))


def test_many_at_once_are_each_served(live_uvloop: Live) -> None:
    port, server, client = live_uvloop
    before = server.book.counts().get("X25519MLKEM768", 0)

    async def crowd() -> list[bytes]:
        return await asyncio.gather(*(fetch(port, "/bytes/1000", client) for _ in range(60)))

    assert {len(answer) for answer in asyncio.run(crowd())} == {1_000}
    assert server.book.counts() == {"X25519MLKEM768": before + 60}


def test_probe_says_what_each_listener_speaks(clinic: Organisation, tmp_path: Path) -> None:
    portal = Organisation.make(tmp_path, algorithm=Algorithm.ECDSA_P256)
    browser = portal.issue("browser.pem", role=Role.SERVER, algorithm=Algorithm.ECDSA_P256)
    server, _ = nodes(clinic)
    with secure_app(server, server_context(browser, BROWSERS)) as (nodes_port, browsers_port):
        found = probe("localhost", nodes_port, roots=clinic.trust.load())
        assert found.trusted
        assert (found.group, found.quantum_safe, found.quantum_safe_certificate) == (
            "X25519MLKEM768",
            True,
            True,
        )
        assert found.chain[0].names == ("localhost", "127.0.0.1")
        found = probe("127.0.0.1", browsers_port, roots=clinic.trust.load())
        assert (found.quantum_safe, found.quantum_safe_certificate, found.trusted) == (True, False, False)


def test_probe_says_that_a_classical_server_is_classical(tmp_path: Path) -> None:
    """Python's own ssl as the server: an independent, old one."""
    portal = Organisation.make(tmp_path, algorithm=Algorithm.ECDSA_P256)
    file = portal.issue("browser.pem", role=Role.SERVER, algorithm=Algorithm.ECDSA_P256).certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.set_ecdh_curve("prime256v1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve_once, args=(listener, context), daemon=True)
        thread.start()
        found = probe("localhost", listener.getsockname()[1], roots=portal.trust.load())
        thread.join(5)
    assert (found.version, found.quantum_safe, found.trusted) == ("TLSv1.3", False, True)
    assert found.group in ("secp256r1", "prime256v1", "P-256")


def test_probe_of_what_is_no_tls_fails_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        with pytest.raises(ProbeFailed):
            probe("127.0.0.1", listener.getsockname()[1], timeout_seconds=0.3)
        assert time.monotonic() - started < ENDED_SECONDS


def _serve_once(listener: socket.socket, context: ssl.SSLContext) -> None:
    line, _ = listener.accept()
    try:
        with context.wrap_socket(line, server_side=True) as channel:
            channel.recv(1)
    except OSError:
        pass


def _hung_up(line: socket.socket) -> bool:
    try:
        while line.recv(65_536):
            pass
    except ConnectionError:
        pass
    return True


def _resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class _Line:
    """A blocking client by our own context, which can stop reading at any point."""

    def __init__(self, port: int, context: TlsContext) -> None:
        self._socket = socket.create_connection(("localhost", port), timeout=WAIT_SECONDS)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")
        self._until_done(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._socket.sendall(self._out.read())

    def receive_until(self, size: int) -> int:
        got = 0
        while got < size:
            data = self._until_done(lambda: self._tls.read(262_144))
            assert isinstance(data, bytes)
            assert data
            got += len(data)
        return got

    def say_goodbye(self) -> None:
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self._socket.sendall(self._out.read())

    def receive_goodbye(self) -> bool:
        while True:
            if not self._until_done(lambda: self._tls.read(262_144)):
                return True

    def drain_without_answering(self) -> int:
        got = 0
        try:
            while data := self._socket.recv(65_536):
                got += len(data)
        except ConnectionError:
            pass
        return got

    def close_half(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def peer(self) -> object:
        return self._tls.getpeercert(True)

    def close(self) -> None:
        self._socket.close()

    def _until_done(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                found = step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._socket.recv(65_536)
                if not data:
                    raise ConnectionResetError("hung up without a goodbye") from None
                self._in.write(data)
                continue
            self._flush()
            return found

    def _flush(self) -> None:
        if self._out.pending:
            self._socket.sendall(self._out.read())


class _connected:
    def __init__(self, live: Live) -> None:
        self._line = _Line(live.port, live.client)

    def __enter__(self) -> _Line:
        return self._line

    def __exit__(self, *_: object) -> None:
        self._line.close()
