"""Transfers over HTTP: upload that goes on, download with Range, and what is refused, by a real server."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from litestar import Litestar

from telesphor.kernel import base64url
from telesphor.kernel.ids import ObjectId
from telesphor.runtime.capability import Actor
from telesphor.runtime.problems import handle_exception
from telesphor.runtime.server import PromptServer
from telesphor.vault.erasure import finish_erasures
from telesphor.vault.model import ObjectRow
from telesphor.vault.objects import PART_PLAINTEXT, part_path
from telesphor.vault.routes import routes
from tests.support.ledger import ANSWER_SECONDS
from tests.unit.vault.test_objects import content
from tests.unit.vault.world import World

LONG = 2 * PART_PLAINTEXT + 321


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


class Web:
    """A real server on loopback, and a small client."""

    def __init__(self, world: World) -> None:
        app = Litestar(
            route_handlers=routes(world.vault),
            exception_handlers={Exception: handle_exception},
            logging_config=None,
        )
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
        self._server = PromptServer(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.end()
        self._thread.join()

    def ask(
        self, method: str, path: str, ticket: str | None, body: bytes | None = None, **headers: str
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if ticket is not None:
            named["authorization"] = f"Bearer {ticket}"
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        ) as connection:
            connection.request(method, path, body=body, headers=named)
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )

    def patch(
        self, object_id: str, ticket: str, body: bytes, *, offset: Any = 0, complete: str = "?1"
    ) -> Answer:
        return self.ask(
            "PATCH",
            content_path(object_id),
            ticket,
            body,
            upload_offset=str(offset),
            upload_complete=complete,
        )

    def get(self, object_id: str, ticket: str | None, **headers: str) -> Answer:
        return self.ask("GET", content_path(object_id), ticket, None, **headers)


def content_path(object_id: str) -> str:
    return f"/v1/objects/{object_id}/content"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One node for all: each test has objects of its own."""
    made = World(tmp_path_factory.mktemp("node"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def web(world: World) -> Iterator[Web]:
    made = Web(world)
    yield made
    made.stop()


def put(world: World, web: Web, data: bytes) -> ObjectId:
    ticket = world.begin()
    answer = web.patch(ticket.object, ticket.ticket, data)
    assert (answer.status, answer.headers["upload-complete"]) == (200, "?1")
    from telesphor.vault.model import Stored

    world.seal(ticket.object, Stored(**json.loads(answer.body)))
    return ObjectId(ticket.object)


@pytest.mark.parametrize("size", [0, 1, PART_PLAINTEXT - 1, PART_PLAINTEXT, LONG])
def test_what_is_uploaded_is_downloaded(world: World, web: Web, size: int) -> None:
    object_id = put(world, web, content(size))
    answer = web.get(object_id, world.read(object_id).ticket)
    assert (answer.status, answer.body) == (200, content(size))
    assert answer.headers["content-length"] == str(size)
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["etag"] == f'"{world.row(object_id).digest}"'
    assert answer.headers["accept-ranges"] == "bytes"


def test_no_browser_runs_what_is_downloaded(world: World, web: Web) -> None:
    ticket = world.begin(media_type="text/html")
    world.seal(ticket.object, world.upload(ticket, b"<script>alert(1)</script>"))
    answer = web.get(ticket.object, world.read(ticket.object).ticket)
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["cache-control"] == "no-store"


def test_the_ciphertext_is_served_as_it_is_stored(world: World, web: Web) -> None:
    object_id = put(world, web, content(LONG))
    whole = b"".join(world.blobs.get(part_path(object_id, number)) for number in range(3))
    path, ticket = f"/v1/objects/{object_id}/ciphertext", world.read(object_id).ticket
    answer = web.ask("GET", path, ticket)
    assert (answer.status, answer.body) == (200, whole)
    assert answer.headers["etag"] != web.get(object_id, ticket).headers["etag"]
    part = web.ask("GET", path, ticket, range=f"bytes=50-{PART_PLAINTEXT + 70_000}")
    assert (part.status, part.body) == (206, whole[50 : PART_PLAINTEXT + 70_001])


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, LONG),
        ("bytes=5-9", 5, 10),
        ("bytes=-7", LONG - 7, LONG),
        (f"bytes=-{LONG * 2}", 0, LONG),
        (f"bytes={PART_PLAINTEXT - 1}-{PART_PLAINTEXT}", PART_PLAINTEXT - 1, PART_PLAINTEXT + 1),
        (f"bytes={LONG - 1}-{LONG + 1000}", LONG - 1, LONG),
    ],
)
def test_a_range_is_served(world: World, web: Web, asked: str, start: int, end: int) -> None:
    object_id = world.put(content(LONG))
    answer = web.get(object_id, world.read(object_id).ticket, range=asked)
    assert (answer.status, answer.body) == (206, content(LONG)[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{LONG}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=100-200",
        "bytes=5-4",
        "bytes=-0",
        "bytes=--5",
        "bytes=-",
        "bytes=0-1,2-3",
        "bytes=" + ",".join("0-1" for _ in range(1_000)),
        "bytes=1e3-",
        "bytes=٣-",
        "items=0-1",
        "bytes=0x1-2",
        "bytes=99999999999999999999-",
        "bytes=-1-2",
    ],
)
def test_a_range_that_is_not_one_within_the_object_is_refused(world: World, web: Web, asked: str) -> None:
    object_id = world.put(bytes(100))
    asked = asked.encode().decode("latin-1")
    answer = web.get(object_id, world.read(object_id).ticket, range=asked)
    assert (answer.status, answer.code) == (416, "range-refused")
    assert answer.headers["content-range"] == "bytes */100"


def test_no_range_of_an_empty_object_is_served(world: World, web: Web) -> None:
    object_id = world.put(b"")
    assert web.get(object_id, world.read(object_id).ticket, range="bytes=0-").status == 416


def test_a_range_of_another_version_gets_the_whole(world: World, web: Web) -> None:
    object_id = world.put(b"abcdef")
    ticket = world.read(object_id).ticket
    same = f'"{world.row(object_id).digest}"'
    assert web.get(object_id, ticket, range="bytes=0-1", if_range=same).status == 206
    assert web.get(object_id, ticket, range="bytes=0-1", if_range='"other"').status == 200


def test_a_download_without_a_valid_ticket_is_refused(world: World, web: Web) -> None:
    object_id = world.put(b"text")
    random_ticket = base64url.encode(bytes(32))
    for ticket in (None, "", "x", random_ticket, random_ticket + "\u00e9", "a" * 10_000):
        answer = web.get(object_id, ticket)
        assert (answer.status, answer.code) == (401, "ticket-refused")


def test_a_ticket_of_another_object_is_refused(world: World, web: Web) -> None:
    mine, other = world.put(b"mine"), world.put(b"other")
    ticket = world.read(mine).ticket
    assert web.get(other, ticket).status == 401
    assert web.ask("GET", f"/v1/objects/{other}/ciphertext", ticket).status == 401


def test_an_upload_to_anothers_object_is_refused(world: World, web: Web) -> None:
    mine, other = world.begin(actor=world.stranger), world.begin()
    answer = web.patch(other.object, mine.ticket, b"forged")
    assert (answer.status, answer.code) == (401, "ticket-refused")
    assert world.vault.uploads.progress(ObjectId(other.object)) == (0, False)


def test_a_read_ticket_does_not_upload_and_a_write_ticket_does_not_download(world: World, web: Web) -> None:
    object_id = world.put(b"text")
    assert web.patch(object_id, world.read(object_id).ticket, b"x").status == 401
    write = world.begin()
    assert web.get(write.object, write.ticket).status == 401


def test_an_erased_object_is_gone(world: World, web: Web) -> None:
    object_id = world.put(b"text")
    ticket = world.read(object_id).ticket
    world.erase(object_id)
    answer = web.get(object_id, ticket)
    assert (answer.status, answer.code) == (410, "object-erased")


@pytest.mark.parametrize(("size", "parts"), [(6, 1), (LONG, 3)])
def test_the_rules_are_asked_once_for_each_part_that_leaves(
    world: World, web: Web, monkeypatch: pytest.MonkeyPatch, size: int, parts: int
) -> None:
    object_id = world.put(content(size))
    looks: list[str] = []
    check = world.access.check_reading

    def counted(actor: Actor, row: ObjectRow, *rest: Any, **named: Any) -> None:
        looks.append(row.object)
        check(actor, row, *rest, **named)

    monkeypatch.setattr(world.access, "check_reading", counted)
    ticket = world.read(object_id).ticket
    assert looks == []  # the decision stands just before the ticket
    assert len(web.get(object_id, ticket).body) == size
    assert looks == [object_id] * parts


def test_a_ticket_gives_nothing_once_what_allowed_the_read_has_ended(world: World, web: Web) -> None:
    object_id = world.put(b"text")
    world.access.granted.add((world.stranger.id, object_id))
    ticket = world.read(object_id, actor=world.stranger).ticket
    world.access.granted.clear()
    for path in ("content", "ciphertext"):
        answer = web.ask("GET", f"/v1/objects/{object_id}/{path}", ticket)
        assert (answer.status, answer.code) == (403, "ended")


def test_an_erasure_ends_a_download_that_has_begun(world: World, web: Web) -> None:
    """The rest is not sent, and the client sees that it is short."""
    object_id = world.put(bytes(20 * PART_PLAINTEXT))
    ticket = world.read(object_id).ticket
    with closing(socket.create_connection(("127.0.0.1", web.port))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.sendall(
            f"GET {content_path(object_id)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ticket}\r\n\r\n".encode()
        )
        client.recv(1024)
        world.erase(object_id)
        received = 0
        while piece := client.recv(1 << 20):
            received += len(piece)
    assert received < 19 * PART_PLAINTEXT


def test_a_damaged_object_is_refused_before_the_first_byte(world: World, web: Web) -> None:
    object_id = world.put(content(1000))
    data = bytearray(world.blobs.get(part_path(object_id, 0)))
    data[200] ^= 1
    world.blobs.put(part_path(object_id, 0), data)
    answer = web.get(object_id, world.read(object_id).ticket)
    assert (answer.status, answer.code) == (500, "object-part-forged")


# Uploads.


def test_an_upload_in_several_requests_is_whole(world: World, web: Web) -> None:
    data = content(LONG)
    ticket = world.begin()
    first = web.patch(ticket.object, ticket.ticket, data[: PART_PLAINTEXT + 99], complete="?0")
    assert (first.status, first.headers["upload-offset"]) == (204, str(PART_PLAINTEXT))
    second = web.patch(ticket.object, ticket.ticket, data[PART_PLAINTEXT:], offset=PART_PLAINTEXT)
    assert (second.status, second.headers["upload-offset"]) == (200, str(LONG))
    assert json.loads(second.body)["size"] == LONG
    assert json.loads(second.body)["parts"] == 3


def _progress(web: Web, object_id: str, ticket: str) -> tuple[str, str]:
    answer = web.ask("HEAD", content_path(object_id), ticket)
    assert answer.status == 204
    return answer.headers["upload-offset"], answer.headers["upload-complete"]


def test_head_says_where_to_go_on(world: World, web: Web) -> None:
    data = content(LONG)
    ticket = world.begin()
    assert _progress(web, ticket.object, ticket.ticket) == ("0", "?0")
    web.patch(ticket.object, ticket.ticket, data[:-1], complete="?0")
    assert _progress(web, ticket.object, ticket.ticket) == (str(2 * PART_PLAINTEXT), "?0")
    web.patch(ticket.object, ticket.ticket, data[2 * PART_PLAINTEXT :], offset=2 * PART_PLAINTEXT)
    assert _progress(web, ticket.object, ticket.ticket) == (str(LONG), "?1")


def test_head_repeats_the_digest_of_a_complete_upload(world: World, web: Web) -> None:
    """For whoever lost the answer to the last request and has yet to seal."""
    ticket = world.begin()
    stored = json.loads(web.patch(ticket.object, ticket.ticket, b"text").body)
    answer = web.ask("HEAD", content_path(ticket.object), ticket.ticket)
    assert (answer.headers["object-digest"], answer.headers["object-parts"]) == (stored["digest"], "1")


def test_a_broken_connection_keeps_the_whole_parts_and_completes_nothing(world: World, web: Web) -> None:
    data = content(LONG)
    ticket = world.begin()
    head = (
        f"PATCH {content_path(ticket.object)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ticket.ticket}\r\n"
        f"Upload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: {LONG}\r\n\r\n"
    )
    with closing(socket.create_connection(("127.0.0.1", web.port))) as client:
        client.sendall(head.encode() + data[: PART_PLAINTEXT + 1_000])
    deadline = time.monotonic() + ANSWER_SECONDS
    while _progress(web, ticket.object, ticket.ticket)[0] != str(PART_PLAINTEXT):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert _progress(web, ticket.object, ticket.ticket) == (str(PART_PLAINTEXT), "?0")
    answer = web.patch(ticket.object, ticket.ticket, data[PART_PLAINTEXT:], offset=PART_PLAINTEXT)
    while answer.status == 409 and time.monotonic() < deadline:  # the server has yet to notice the break
        answer = web.patch(ticket.object, ticket.ticket, data[PART_PLAINTEXT:], offset=PART_PLAINTEXT)
    assert answer.status == 200
    from telesphor.vault.model import Stored

    world.seal(ticket.object, Stored(**json.loads(answer.body)))
    assert world.get(ticket.object) == data


@pytest.mark.parametrize("offset", [1, PART_PLAINTEXT, 10**15])
def test_an_upload_at_another_offset_is_refused_and_told_the_right_one(
    world: World, web: Web, offset: int
) -> None:
    ticket = world.begin()
    answer = web.patch(ticket.object, ticket.ticket, b"x", offset=offset)
    assert (answer.status, answer.code) == (409, "upload-offset-refused")
    assert answer.headers["upload-offset"] == "0"


@pytest.mark.parametrize("offset", ["-1", "+0", "00", "1.5", "", " 0x1", "99999999999999999999", "٣"])
def test_an_offset_that_is_no_number_is_refused(world: World, web: Web, offset: str) -> None:
    ticket = world.begin()
    answer = web.patch(ticket.object, ticket.ticket, b"x", offset=offset.encode().decode("latin-1"))
    assert (answer.status, answer.code) == (400, "upload-header-refused")


@pytest.mark.parametrize("complete", ["1", "true", "?2", ""])
def test_a_malformed_completion_is_refused(world: World, web: Web, complete: str) -> None:
    ticket = world.begin()
    answer = web.patch(ticket.object, ticket.ticket, b"x", complete=complete)
    assert (answer.status, answer.code) == (400, "upload-header-refused")


def test_an_upload_without_its_headers_is_refused(world: World, web: Web) -> None:
    ticket = world.begin()
    answer = web.ask("PATCH", content_path(ticket.object), ticket.ticket, b"x")
    assert (answer.status, answer.code) == (400, "upload-header-refused")


def test_an_upload_after_completion_is_refused(world: World, web: Web) -> None:
    ticket = world.begin()
    assert web.patch(ticket.object, ticket.ticket, b"all").status == 200
    answer = web.patch(ticket.object, ticket.ticket, b"more", offset=3)
    assert (answer.status, answer.code) == (409, "upload-complete")


def test_an_upload_that_is_open_elsewhere_is_refused(world: World, web: Web) -> None:
    ticket = world.begin()
    with world.vault.uploads.open(ObjectId(ticket.object)):
        answer = web.patch(ticket.object, ticket.ticket, b"x")
    assert (answer.status, answer.code) == (409, "upload-busy")


def test_a_connection_that_stands_still_lets_go(
    world: World, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telesphor.vault.routes.UPLOAD_IDLE_SECONDS", 0.2)
    ticket = world.begin()
    head = (
        f"PATCH {content_path(ticket.object)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ticket.ticket}\r\n"
        "Upload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: 10\r\n\r\nhalf"
    )
    with closing(socket.create_connection(("127.0.0.1", web.port), timeout=ANSWER_SECONDS)) as client:
        client.sendall(head.encode())
        assert b"upload-interrupted" in client.recv(4096)
    assert web.patch(ticket.object, ticket.ticket, b"0123456789").status == 200


def test_an_id_that_is_none_is_refused(world: World, web: Web) -> None:
    ticket = world.read(world.put(b"text")).ticket
    for wrong in ("..%2f..%2fetc%2fpasswd", "x", "019AB5C2-6A40-7000-8000-000000000001"):
        assert web.get(wrong, ticket).status in (400, 404)


def test_a_restart_ends_all_tickets(tmp_path: Path) -> None:
    world = World(tmp_path)
    object_id = world.put(b"text")
    ticket = world.read(object_id).ticket
    world.close()
    world.start()
    finish_erasures(world.vault)
    web = Web(world)
    assert web.get(object_id, ticket).status == 401
    assert web.get(object_id, world.read(object_id).ticket).body == b"text"
    web.stop()
    world.close()


def test_the_api_description_lists_the_routes(world: World) -> None:
    app = Litestar(route_handlers=routes(world.vault))
    paths = app.openapi_schema.to_schema()["paths"]
    assert set(paths["/v1/objects/{object_id}/content"]) == {"get", "head", "patch"}
    names = {parameter["name"] for parameter in paths["/v1/objects/{object_id}/content"]["get"]["parameters"]}
    assert {"Authorization", "Range", "object_id"} <= names
