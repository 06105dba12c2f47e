"""A running node to knock at: real keys, real disk, real HTTP on loopback; only its clock can be moved.

`running` serves a node whose every answer and log line is kept, so that a test can look for what must
never be in them. `Http` sends one request as its bytes are and reads the answer. Start at `running`.
"""

from __future__ import annotations

import io
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from telesphor.app import Node, open_node
from telesphor.client.requests import Command, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.runtime.serving import serving
from telesphor.runtime.telemetry import configure_logs
from tests.torture.folders import CLINICIAN, ORIGIN, PASSPHRASE, PATIENT, SYSTEM, make_folder

PROBLEM = "application/problem+json"
ANSWER_SECONDS = 30.0


class MovableClock:
    """The system's clock, ahead by what a test says."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ahead_ms


class Answer(NamedTuple):
    """One answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Running:
    """One node over HTTP, with three actors."""

    def __init__(
        self, node: Node, url: str, wallets: dict[str, Wallet], clock: MovableClock, logs: io.StringIO
    ) -> None:
        self.node = node
        self.url = url
        self.clock = clock
        self.logs = logs
        self.ids = IdSource(clock)
        self.system, self.clinician, self.patient = wallets[SYSTEM], wallets[CLINICIAN], wallets[PATIENT]
        self.answers: list[Answer] = []
        self.tickets: list[str] = []
        self._place = urlsplit(url).netloc

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; the path goes out exactly as it is."""
        connection = HTTPConnection(self._place, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, body, headers or {}, encode_chunked=isinstance(body, Iterator))
            return self._keep(connection.getresponse())
        finally:
            connection.close()

    def raw(self, data: bytes, *, half_close: bool = False) -> Answer | None:
        """Send bytes that may be no request; None when the node just hangs up."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
                response = HTTPResponse(connection)
                response.begin()
            except TimeoutError:
                raise
            except (OSError, HTTPException):  # It hung up, perhaps before it had heard all.
                return None
            return self._keep(response)

    def connect(self) -> socket.socket:
        """A bare connection."""
        host, _, port = self._place.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS)

    def sign(self, wallet: Wallet, *commands: Command) -> bytes:
        """Sign commands by this node's clock."""
        return sign_request(wallet, node=ORIGIN, commands=commands, clock=self.clock, ids=self.ids)

    def post(self, data: bytes) -> Answer:
        """Send a signed request."""
        answer = self.ask("POST", "/v1/commands", body=data)
        if answer.status == 200:
            for result in answer.json()["results"]:
                if result and "ticket" in result:
                    self.tickets.append(result["ticket"])
        return answer

    def command(self, wallet: Wallet, name: str, **body: object) -> Answer:
        """Sign and send one command."""
        return self.post(self.sign(wallet, (name, body)))

    def open_visit(self, visit: str) -> Answer:
        """Open a visit of the two people here."""
        return self.command(
            self.system, "visit.open/1", visit=visit, patient=PATIENT, clinician=CLINICIAN, devices=[]
        )

    def put(self, content: bytes, *, readers: tuple[str, ...] = ()) -> str:
        """An object of the clinician, sealed; returns its id."""
        object_id, ticket = self.begin(readers=readers)
        upload = {"authorization": f"Bearer {ticket}", "upload-offset": "0", "upload-complete": "?1"}
        answer = self.ask("PATCH", f"/v1/objects/{object_id}/content", body=content, headers=upload)
        assert answer.status == 200, answer
        stored = answer.json()
        sealed = self.command(
            self.clinician, "object.seal/1", object=object_id, size=stored["size"], digest=stored["digest"]
        )
        assert sealed.status == 200, sealed
        return object_id

    def begin(self, *, readers: tuple[str, ...] = ()) -> tuple[str, str]:
        """An object of the clinician that waits for its bytes; its id and upload ticket."""
        object_id = self.ids.next()
        answer = self.command(
            self.clinician,
            "object.write/1",
            object=object_id,
            media_type="text/plain",
            readers=readers,
            visit=None,
        )
        assert answer.status == 200, answer
        return object_id, answer.json()["results"][0]["ticket"]

    def read_ticket(self, object_id: str) -> str:
        """A ticket to read an object of the clinician."""
        answer = self.command(
            self.clinician, "object.read/1", object=object_id, purpose="treatment", visit=None
        )
        assert answer.status == 200, answer
        return str(answer.json()["results"][0]["ticket"])

    def _keep(self, response: HTTPResponse) -> Answer:
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, headers, response.read())
        self.answers.append(answer)
        return answer


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Running]:
    """Make a node in `folder` and serve it while the block runs."""
    wallets = make_folder(folder, **settings)
    clock, logs = MovableClock(), io.StringIO()
    with (
        _logs_into(logs),
        open_node(folder, passphrase=PASSPHRASE, clock=clock) as node,
        serving(node.edge()) as url,
    ):
        yield Running(node, url, wallets, clock, logs)


@contextmanager
def _logs_into(logs: io.StringIO) -> Iterator[None]:
    before, sys.stderr = sys.stderr, logs
    try:
        configure_logs("debug")
    finally:
        sys.stderr = before
    try:
        yield
    finally:
        configure_logs("warning")


def code_of(answer: Answer | None, status: int) -> str:
    """The code of a refusal, once everything else of it was checked (RFC 9457)."""
    assert answer is not None, "the node hung up"
    assert answer.status == status, (answer.status, answer.body[:300])
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"urn:telesphor:problem:{problem['code']}"
    assert problem["title"]
    assert set(problem) <= {"type", "title", "status", "code", "detail", "hint"}
    return str(problem["code"])
