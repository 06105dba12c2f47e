"""A lean load generator: prepared bytes over kept-alive connections, one request at a time on each.

It runs in a process of its own on the same machine, so whatever it costs is taken from the node's share;
that is why it is a loop over ready sockets, and neither an HTTP library nor an event loop.
"""

from __future__ import annotations

import select
import socket
import time
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from telesphor.bench.figures import percentile

RECEIVE_BYTES = 256 * 1024
ANSWER_SECONDS = 60.0
"""A node that is silent for so long is broken."""

LENGTH = Struct(">I")
HEAD_END = b"\r\n\r\n"
LENGTH_FIELD = b"content-length: "

Lane = Generator[bytes, bytes, None]
"""What goes over one connection: it yields requests, and is sent the whole answer to each."""


class Driven(NamedTuple):
    """What a load came to: answers by status, how long all took, and the slowest in a hundred."""

    statuses: dict[int, int]
    seconds: float
    p50_ms: float
    p99_ms: float
    own_seconds: float

    @property
    def done(self) -> int:
        """Requests answered with 200."""
        return self.statuses.get(200, 0)

    @property
    def rate(self) -> float:
        """The same per second."""
        return self.done / self.seconds


def post_bytes(path: str, body: bytes, *, media_type: str, ticket: str = "") -> bytes:
    """A whole request as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: bench",
        f"content-type: {media_type}",
        f"content-length: {len(body)}",
        *([f"authorization: Bearer {ticket}"] if ticket else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def get_bytes(path: str, *, ticket: str = "") -> bytes:
    """The same for fetching what is at `path`, with a ticket where it is given."""
    bearer = f"authorization: Bearer {ticket}\r\n" if ticket else ""
    return f"GET {path} HTTP/1.1\r\nhost: bench\r\n{bearer}\r\n".encode("ascii")


def save_requests(path: Path, requests: Sequence[bytes]) -> None:
    """Keep requests for `drive`."""
    with path.open("wb") as file:
        for request in requests:
            file.write(LENGTH.pack(len(request)))
            file.write(request)


def load_requests(paths: Sequence[Path]) -> list[bytes]:
    """Read what `save_requests` wrote."""
    found = []
    for path in paths:
        data = path.read_bytes()
        start = 0
        while start < len(data):
            (size,) = LENGTH.unpack_from(data, start)
            found.append(data[start + LENGTH.size : start + LENGTH.size + size])
            start += LENGTH.size + size
    return found


def drive_saved(paths: Sequence[Path], port: int, connections: int) -> Driven:
    """Send saved requests, each once; for a process of its own."""
    return drive(load_requests(paths), port=port, connections=connections)


def drive_same(request: bytes, count: int, port: int, connections: int) -> Driven:
    """Send one request many times; for a process of its own."""
    return drive([request] * count, port=port, connections=connections)


def drive(requests: Sequence[bytes], *, port: int, connections: int) -> Driven:
    """Send all of `requests` to a port of this machine; a connection sends its next after each answer."""
    left = iter(requests)
    return drive_talks([_sending(left) for _ in range(min(connections, len(requests)))], port=port)


def drive_lanes(lanes: Sequence[Sequence[bytes]], *, port: int) -> Driven:
    """Send the requests of each lane in their order, on a connection of its own; all lanes at once."""
    return drive_talks([_sending(lane) for lane in lanes], port=port)


def drive_talks(lanes: Sequence[Lane], *, port: int) -> Driven:
    """The same where a request depends on the answer to the one before it, as a ticket does."""
    return _Drive(lanes, port).run()


def body_of(answer: bytes, *, status: int = 200) -> bytes:
    """The body of a whole answer; raises `ValueError` where it has another status."""
    head, _, body = answer.partition(HEAD_END)
    if int(head[9:12]) != status:
        raise ValueError(f"the node answered {head[:12]!r} {body[:300]!r}")
    return body


class _Drive:
    """One load: which connection waits since when, and what came back."""

    def __init__(self, lanes: Sequence[Lane], port: int) -> None:
        self._left: dict[int, Lane] = {}
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._asked: dict[int, float] = {}
        self._partial: dict[int, bytes] = {}
        self._waits: list[float] = []
        self._statuses: Counter[int] = Counter()
        for lane in lanes:
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[connection.fileno()] = connection
            self._left[connection.fileno()] = lane
            self._poll.register(connection, select.EPOLLIN)

    def run(self) -> Driven:
        started, worked = time.perf_counter(), time.process_time()
        for number in list(self._sockets):
            self._send_next(number, None)
        while self._asked:
            ready = self._poll.poll(ANSWER_SECONDS)
            if not ready:
                raise TimeoutError(f"{len(self._asked)} requests got no answer")
            for number, _ in ready:
                self._receive(number)
        seconds = time.perf_counter() - started
        for connection in self._sockets.values():
            connection.close()
        self._waits.sort()
        p50, p99 = percentile(self._waits, 50) * 1_000, percentile(self._waits, 99) * 1_000
        return Driven(dict(self._statuses), seconds, p50, p99, time.process_time() - worked)

    def _send_next(self, number: int, answer: bytes | None) -> None:
        lane = self._left[number]
        try:
            request = next(lane) if answer is None else lane.send(answer)
        except StopIteration:
            self._asked.pop(number, None)
            return
        self._asked[number] = time.perf_counter()
        self._sockets[number].sendall(request)

    def _receive(self, number: int) -> None:
        data = self._sockets[number].recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionError("the node closed a connection")
        data = self._partial.pop(number, b"") + data
        if not is_whole(data):
            self._partial[number] = data
            return
        self._waits.append(time.perf_counter() - self._asked[number])
        self._statuses[int(data[9:12])] += 1
        self._send_next(number, data)


def _sending(requests: Iterable[bytes]) -> Lane:
    for request in requests:  # noqa: UP028  what is sent to it, a list could not take
        yield request


def is_whole(answer: bytes) -> bool:
    """Whether all of an answer with a content-length is there."""
    head = answer.find(HEAD_END)
    if head < 0:
        return False
    at = answer.find(LENGTH_FIELD, 0, head)
    size = int(answer[at + len(LENGTH_FIELD) : answer.index(b"\r\n", at)]) if at >= 0 else 0
    return len(answer) >= head + len(HEAD_END) + size
