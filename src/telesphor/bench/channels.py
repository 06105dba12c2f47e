"""Links: handshakes and throughput of the same server, quantum-safe and classical, and of Python's own TLS.

The peer of every figure is the same server with X25519 and ECDSA: the ratio says what quantum safety costs.
One client, in this process, connects to a server in another, one connection after the other, so that
each handshake is waited for as a caller waits for it.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from litestar.types import Receive, Scope, Send

from telesphor.bench.child import Companion, Told
from telesphor.bench.clocks import ThreadTimes
from telesphor.bench.figures import Figure, Peer, middle
from telesphor.bench.run import Run
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.runtime.http import RawRoute, build_edge, send_bytes
from telesphor.runtime.serving import listen, make_server
from telesphor.runtime.telemetry import Metrics
from telesphor.runtime.tls.authority import create_authority, save_authority
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import TlsContext, client_context, server_context
from telesphor.runtime.tls.files import replace_private
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.listening import SecureListener
from telesphor.runtime.tls.policy import NODES, X25519, X25519MLKEM768, ChannelPolicy
from telesphor.runtime.tls.trust import TrustStore

GROUP = "links"
ROUNDS = 3
HANDSHAKES = 300
MIB, MEGA = 1 << 20, 1e6
LARGE_BYTES = 512 * MIB
PIECE_BYTES = 256 * 1024
READ_BYTES = 256 * 1024
WAIT_SECONDS = 60.0
DAYS = 1
PLACE = "localhost"
OUR_OWN, PYTHONS_OWN = 1, 0

REQUEST = b"GET /%s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


class Case(NamedTuple):
    """One way to speak: what the server shows, what both sides want, and by whose TLS it is served."""

    name: str
    algorithm: Algorithm
    policy: ChannelPolicy
    own: int = OUR_OWN


CLASSICAL = Case("X25519 and ECDSA", Algorithm.ECDSA_P256, ChannelPolicy(groups=(X25519,)))
CASES = (
    Case("X25519MLKEM768 and ML-DSA-65, both sides", Algorithm.ML_DSA_65, NODES),
    Case("X25519MLKEM768 and ML-DSA-65", Algorithm.ML_DSA_65, ChannelPolicy(mldsa=True)),
    Case("X25519MLKEM768 and ECDSA", Algorithm.ECDSA_P256, ChannelPolicy(groups=(X25519MLKEM768,))),
    Case("X25519 and ECDSA by Python's own ssl", Algorithm.ECDSA_P256, CLASSICAL.policy, PYTHONS_OWN),
)


class Server:
    """One case's server, and how fast it was in each round."""

    def __init__(self, folder: Path, case: Case) -> None:
        self.case = case
        self.companion = Companion(serve_links, folder, case.name)
        identity = TlsIdentity(folder / f"{case.algorithm.value}.pem") if case.policy.mutual else None
        self._context = client_context(identity, case.policy, _trust(folder, case))
        self._spent: list[tuple[int, float]] = []
        self.handshakes: list[float] = []
        self.megabytes: list[float] = []

    def shake_hands(self, count: int) -> None:
        """A round of whole handshakes, each with a small answer behind it."""
        seconds = sum(_ask(self.companion.ready, self._context, b"empty", 1) for _ in range(count))
        self.handshakes.append(count / seconds)
        self._spent.append((count, seconds))

    def send(self, size: int) -> None:
        """A round of one large answer."""
        self.megabytes.append(size / _ask(self.companion.ready, self._context, b"large", size) / MEGA)

    def spent(self) -> str:
        """The server's own time for the handshakes so far."""
        counts, seconds = zip(*self._spent, strict=True)
        return str(self.companion.ask(sum(counts), sum(seconds)))


def measure(run: Run) -> Iterator[Figure]:
    """Each case beside the classical one, taking turns, so that a disturbance meets all."""
    folder = run.place("links")
    for algorithm in (Algorithm.ML_DSA_65, Algorithm.ECDSA_P256):
        _make_identity(folder, algorithm)
    run.tell("shaking hands and sending through TLS")
    with ExitStack() as stack:
        servers = [Server(folder, case) for case in (CLASSICAL, *CASES)]
        for server in servers:
            stack.enter_context(server.companion)
        for _ in range(ROUNDS):
            for server in servers:
                server.shake_hands(run.count(HANDSHAKES))
        spent = [server.spent() for server in servers]
        for _ in range(ROUNDS):
            for server in servers:
                server.send(run.count(LARGE_BYTES))
    yield from _figures(servers, spent)


def _figures(servers: list[Server], spent: list[str]) -> Iterator[Figure]:
    shakes = Peer(CLASSICAL.name, middle(servers[0].handshakes))
    stream = Peer(CLASSICAL.name, middle(servers[0].megabytes))
    for server, told in zip(servers, spent, strict=True):
        name, peered = server.case.name, server.case is not CLASSICAL
        yield Figure(
            GROUP,
            f"handshakes, {name}",
            middle(server.handshakes),
            "/s",
            peer=shakes if peered else None,
            spent=told,
        )
        yield Figure(
            GROUP, f"throughput, {name}", middle(server.megabytes), "MB/s", peer=stream if peered else None
        )


def serve_links(told: Told, folder: Path, name: str) -> None:
    """Serve a small and a large answer by the case's context; a companion."""
    case = next(case for case in (CLASSICAL, *CASES) if case.name == name)

    async def empty(scope: Scope, receive: Receive, send: Send) -> None:
        await send_bytes(send, b"{}")

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await _send_large(send)

    routes = [RawRoute("GET", "/empty", empty), RawRoute("GET", "/large", large)]
    edge = build_edge(handlers=[], raw=routes, metrics=Metrics(), health=lambda: {"status": "ok"})
    listener = listen("127.0.0.1", 0)
    server = make_server(edge, tls=[SecureListener(listener, _context_of(folder, case))])
    told.send(listener.getsockname()[1])

    def answer() -> None:
        times = ThreadTimes()
        while (asked := told.receive()) is not None:
            told.send(times.spent(int(asked[0]), "handshake", main="server", seconds=asked[1]))
            times = ThreadTimes()
        server.end()

    threading.Thread(target=answer, name="bench", daemon=True).start()
    server.run(sockets=[])


async def _send_large(send: Send) -> None:
    piece = bytes(PIECE_BYTES)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for start in range(0, LARGE_BYTES, PIECE_BYTES):
        more = start + PIECE_BYTES < LARGE_BYTES
        await send({"type": "http.response.body", "body": piece, "more_body": more})


def _context_of(folder: Path, case: Case) -> ssl.SSLContext:
    file = folder / f"{case.algorithm.value}.pem"
    if case.own == OUR_OWN:
        return server_context(TlsIdentity(file), case.policy, _trust(folder, case))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _trust(folder: Path, case: Case) -> TrustStore:
    return TrustStore.of(folder / f"{case.algorithm.value}-root.pem")


def _make_identity(folder: Path, algorithm: Algorithm) -> None:
    clock = SystemClock()
    random_bytes = IdSource(clock).random_bytes
    root = create_authority(
        "bench.example", algorithm=algorithm, now_ms=clock.now_ms(), random_bytes=random_bytes
    )
    made = root.issue(
        [PLACE],
        role=Role.NODE,
        algorithm=algorithm,
        now_ms=clock.now_ms(),
        days=DAYS,
        random_bytes=random_bytes,
    )
    name = algorithm.value
    save_authority(
        root, certificate=folder / f"{name}-root.pem", key=folder / f"{name}-root.key", passphrase=b"bench"
    )
    replace_private(folder / f"{name}.pem", made)


def _ask(port: int, context: TlsContext, name: bytes, size: int) -> float:
    """Seconds from dialling until `size` bytes of the answer are read."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel = context.wrap_bio(incoming, outgoing, server_hostname=PLACE)
        while channel.channel is None:
            try:
                channel.do_handshake()
            except ssl.SSLWantReadError:
                line.sendall(outgoing.read())
                incoming.write(line.recv(READ_BYTES))
        channel.write(REQUEST % name)
        line.sendall(outgoing.read())
        got = 0
        while got < size:
            incoming.write(line.recv(READ_BYTES))
            got += _drain(channel.read)
        return time.perf_counter() - started


def _drain(read: Callable[[int], bytes | int]) -> int:
    got = 0
    try:
        while part := read(READ_BYTES):
            got += len(part) if isinstance(part, bytes) else part
    except ssl.SSLWantReadError:
        pass
    return got
