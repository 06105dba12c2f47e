"""Bad transfers and bad connections: ranges, tickets, uploads that break off, clients that dawdle, garbage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.refusing import SECRET_NAME, all_are_run, payload_of, refusing, signed
from tests.e2e.running import Running, code_of

CONTENT = f"{SECRET_NAME}, blood pressure 121/79".encode() * 500


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with refusing(
        tmp_path_factory.mktemp("transfers") / "node", refusals_min=50 if all_are_run(request) else 0
    ) as node:
        yield node


# Objects.


@pytest.fixture(scope="module")
def object_id(node: Running) -> str:
    return node.put(CONTENT)


RANGES = [
    "bytes=5-2", "bytes=-0", "bytes=0-0,2-3", "bytes=99999999-", "bytes=99999999999999999999-", "bytes=-", "bytes=",
    "bytes", "items=0-1", "bytes=a-b", "bytes=0x0-1", "bytes=00-1", "bytes=0--1", "bytes= 0-1", "0-1", "bytes=+1-2",
    "bytes=0-0," * 2_000, "bytes=" + "9" * 4_000 + "-",
]  # fmt: skip


@pytest.mark.parametrize("text", RANGES, ids=[text[:24] for text in RANGES])
@pytest.mark.parametrize("form", ["content", "ciphertext"])
def test_range_that_is_none_is_refused(node: Running, object_id: str, text: str, form: str) -> None:
    bearer = f"Bearer {node.read_ticket(object_id)}"
    answer = node.ask(
        "GET", f"/v1/objects/{object_id}/{form}", headers={"authorization": bearer, "range": text}
    )
    assert code_of(answer, 416) == "range-refused"
    assert answer.headers["content-range"].startswith("bytes */")


@pytest.mark.parametrize(("text", "part"), [
    ("bytes=0-0", CONTENT[:1]), ("bytes=1-", CONTENT[1:]), ("bytes=-3", CONTENT[-3:]),
    ("bytes=16380-16390", CONTENT[16380:16391]), ("bytes=5-99999999", CONTENT[5:]), ("bytes=-9999999", CONTENT),
])  # fmt: skip
def test_range_within_the_object_is_served(node: Running, object_id: str, text: str, part: bytes) -> None:
    bearer = f"Bearer {node.read_ticket(object_id)}"
    answer = node.ask(
        "GET", f"/v1/objects/{object_id}/content", headers={"authorization": bearer, "range": text}
    )
    assert (answer.status, answer.body) == (206, part)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH"])
@pytest.mark.parametrize("authorization", [
    None, "", "Bearer", "Bearer x", "Basic dTpw", "Bearer " + "A" * 43, "Bearer " + "A" * 10_000, "bearer\t" + "A" * 43,
    "Bearer " + "é" * 43,
])  # fmt: skip
def test_request_without_a_valid_ticket_is_refused(
    node: Running, object_id: str, method: str, authorization: str | None
) -> None:
    headers = {"upload-offset": "0", "upload-complete": "?1"} | (
        {} if authorization is None else {"authorization": authorization}
    )
    answer = node.ask(method, f"/v1/objects/{object_id}/content", headers=headers)
    if method == "HEAD":
        assert answer.status == 401
    else:
        assert code_of(answer, 401) == "ticket-refused"


def test_ticket_is_good_for_its_own_purpose_and_object_only(node: Running, object_id: str) -> None:
    other, upload = node.begin()
    read = node.read_ticket(object_id)
    headers = {"upload-offset": "0", "upload-complete": "?1"}
    for method, path, ticket in (
        ("GET", f"/v1/objects/{other}/content", read),
        ("GET", f"/v1/objects/{other}/content", upload),
        ("GET", f"/v1/objects/{object_id}/content", upload),
        ("PATCH", f"/v1/objects/{object_id}/content", read),
        ("PATCH", f"/v1/objects/{object_id}/content", upload),
        ("GET", f"/v1/visits/{node.ids.next()}/bundle", read),
    ):
        answer = node.ask(method, path, headers={**headers, "authorization": f"Bearer {ticket}"})
        assert code_of(answer, 401) == "ticket-refused"
    answer = node.ask("GET", "/v1/objects/no-id/content", headers={"authorization": f"Bearer {read}"})
    assert code_of(answer, 400) == "invalid-id"


def test_ticket_ends_with_its_time(node: Running, object_id: str) -> None:
    bearer = {"authorization": f"Bearer {node.read_ticket(object_id)}"}
    assert node.ask("GET", f"/v1/objects/{object_id}/content", headers=bearer).body == CONTENT
    node.clock.ahead_ms += 16 * 60 * 1000
    answer = node.ask("GET", f"/v1/objects/{object_id}/content", headers=bearer)
    assert code_of(answer, 401) == "ticket-refused"


def test_ticket_ends_with_its_object(node: Running) -> None:
    erased = node.put(CONTENT)
    bearer = {"authorization": f"Bearer {node.read_ticket(erased)}"}
    assert (
        node.command(node.clinician, "object.erase/1", object=erased, reason="patient-request").status == 200
    )
    assert code_of(node.ask("GET", f"/v1/objects/{erased}/content", headers=bearer), 410) == "object-erased"
    read = node.command(node.clinician, "object.read/1", object=erased, purpose="treatment", visit=None)
    assert code_of(read, 410) == "object-erased"


def test_reading_what_is_not_ones_own_is_refused(node: Running, object_id: str) -> None:
    answer = node.command(node.patient, "object.read/1", object=object_id, purpose="treatment", visit=None)
    assert code_of(answer, 403) == "access-denied"
    answer = node.command(node.patient, "object.erase/1", object=object_id, reason="error")
    assert code_of(answer, 403) == "access-denied"


@pytest.mark.parametrize(("offset", "complete"), [
    (None, "?1"), ("0", None), ("-1", "?1"), ("01", "?1"), ("x", "?1"), ("9" * 30, "?1"), ("0", "1"), ("0", "?2"),
    ("0", "true"), ("0.0", "?1"),
])  # fmt: skip
def test_upload_headers_that_are_none_are_refused(
    node: Running, offset: str | None, complete: str | None
) -> None:
    object_id, ticket = node.begin()
    given = {"upload-offset": offset, "upload-complete": complete, "authorization": f"Bearer {ticket}"}
    headers = {name: value for name, value in given.items() if value is not None}
    answer = node.ask("PATCH", f"/v1/objects/{object_id}/content", body=b"x", headers=headers)
    assert code_of(answer, 400) == "upload-header-refused"


def test_upload_at_a_wrong_offset_is_refused_and_told_the_right_one(node: Running) -> None:
    object_id, ticket = node.begin()
    headers = {"authorization": f"Bearer {ticket}", "upload-offset": "7", "upload-complete": "?1"}
    answer = node.ask("PATCH", f"/v1/objects/{object_id}/content", body=b"x", headers=headers)
    assert code_of(answer, 409) == "upload-offset-refused"
    assert answer.headers["upload-offset"] == "0"


def test_seal_of_what_was_not_uploaded_is_refused(node: Running) -> None:
    object_id, ticket = node.begin()
    seal = {"object": object_id, "size": 1, "digest": "sha256:" + "0" * 64}
    assert code_of(node.command(node.clinician, "object.seal/1", **seal), 409) == "upload-incomplete"
    headers = {"authorization": f"Bearer {ticket}", "upload-offset": "0", "upload-complete": "?1"}
    assert node.ask("PATCH", f"/v1/objects/{object_id}/content", body=b"x", headers=headers).status == 200
    assert code_of(node.command(node.clinician, "object.seal/1", **seal), 409) == "seal-mismatch"
    assert (
        code_of(node.ask("PATCH", f"/v1/objects/{object_id}/content", body=b"x", headers=headers), 409)
        == "upload-complete"
    )


def test_client_that_leaves_in_the_middle_of_an_upload_can_come_back(node: Running) -> None:
    object_id, ticket = node.begin()
    head = (
        f"PATCH /v1/objects/{object_id}/content HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ticket}\r\n"
        "upload-offset: 0\r\nupload-complete: ?1\r\ncontent-length: 1000000\r\n\r\n"
    )
    with node.connect() as connection:
        connection.sendall(head.encode() + CONTENT[:10_000])
    bearer = {"authorization": f"Bearer {ticket}"}
    progress = node.ask("HEAD", f"/v1/objects/{object_id}/content", headers=bearer)
    assert (progress.headers["upload-offset"], progress.headers["upload-complete"]) == ("0", "?0")
    headers = bearer | {"upload-offset": "0", "upload-complete": "?1"}
    answer = _until_not_busy(node, object_id, headers)
    assert answer.status == 200, answer


def _until_not_busy(node: Running, object_id: str, headers: dict[str, str]) -> Any:
    for _ in range(100):
        answer = node.ask("PATCH", f"/v1/objects/{object_id}/content", body=CONTENT, headers=headers)
        if answer.status != 409:
            return answer
        assert code_of(answer, 409) == "upload-busy"
        time.sleep(0.02)
    raise AssertionError("the upload was never let go of")


# Connections.


def test_client_that_leaves_in_the_middle_of_a_request_is_let_go(node: Running) -> None:
    size = node.node.machine.committed_size
    data = signed(payload_of(node, node.system), node.system)
    for _ in range(50):
        with node.connect() as connection:
            head = f"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: {len(data)}\r\n\r\n"
            connection.sendall(head.encode() + data[: len(data) // 2])
    assert node.ask("GET", "/healthz").status == 200
    assert node.node.machine.committed_size == size
    assert node.post(data).status == 200


def test_slow_clients_do_not_keep_others_waiting(node: Running) -> None:
    slow = [node.connect() for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        for _ in range(5):
            assert node.open_visit(node.ids.next()).status == 200
    finally:
        for connection in slow:
            connection.close()


GARBAGE = {
    "no-request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "no-version": b"GET /healthz\r\n\r\n",
    "version-9": b"GET /healthz HTTP/9.9\r\nhost: x\r\n\r\n",
    "nul-in-name": b"GET /healthz HTTP/1.1\r\nhost: x\r\nba\x00d: 1\r\n\r\n",
    "no-colon": b"GET /healthz HTTP/1.1\r\nhost: x\r\njust words\r\n\r\n",
    "negative-length": b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "length-is-a-word": b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n",
    "length-of-40-digits": b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: "
    + b"9" * 40
    + b"\r\n\r\n",
    "unknown-method": b"BREW /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    "two-lengths": b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
    "length-and-chunked": b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad-chunk": b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "unknown-encoding": b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
    "latin-1": b"GET /healthz HTTP/1.1\r\nhost: x\r\nauthorization: \xff\xfe\r\nconnection: close\r\n\r\n",
    "many-headers": b"GET /healthz HTTP/1.1\r\nhost: x\r\n"
    + b"x: y\r\n" * 5_000
    + b"connection: close\r\n\r\n",
    "long-header": b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: "
    + b"y" * 1_000_000
    + b"\r\nconnection: close\r\n\r\n",
    "percent": b"GET /v1/objects/%zz%ff/content HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "upgrade": b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_ends_its_own_connection_only(node: Running, name: str) -> None:
    answer = node.raw(GARBAGE[name], half_close=True)
    assert answer is None or answer.status < 500
    assert answer is None or answer.status < 400 or code_of(answer, answer.status)
    assert node.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("name", ["no-request", "no-colon", "two-lengths", "unknown-method", "bad-chunk"])
def test_what_is_no_http_is_refused_by_name(node: Running, name: str) -> None:
    assert code_of(node.raw(GARBAGE[name], half_close=True), 400) == "not-http"


ENDLESS = {
    "headers": (b"GET /healthz HTTP/1.1\r\nhost: x\r\n", b"a: b\r\n" * 10_000),
    "header": (b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: ", b"y" * 60_000),
    "target": (b"GET /", b"y" * 60_000),
    "trailers": (
        b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        b"a: b\r\n" * 10_000,
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_head_ends_with_the_connection(node: Running, name: str) -> None:
    """What a sender can make the node keep for one connection is bounded."""
    start, more = ENDLESS[name]
    sent = 0
    with node.connect() as connection:
        connection.sendall(start)
        try:
            while sent < 64 * 1024 * 1024:
                connection.sendall(more)
                sent += len(more)
        except OSError:
            pass
    assert sent < 64 * 1024 * 1024, "the node went on reading"
    assert node.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nhost:"])
def test_head_that_never_comes_ends_with_the_connection(
    node: Running, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telesphor.runtime.protocol.HEAD_SECONDS", 0.2)
    with node.connect() as connection:
        connection.settimeout(10)
        connection.sendall(begun)
        assert connection.recv(1) == b""
