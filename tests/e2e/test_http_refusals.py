"""Bad requests over HTTP: each fault has its own code and status, and no answer or log line tells a secret."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import format_instant
from telesphor.runtime.database import open_database
from tests.e2e.refusing import SECRET_NAME, Payload, all_are_run, payload_of, refusing, signed
from tests.e2e.running import Running, code_of, running
from tests.torture.folders import CLINICIAN, PATIENT


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with refusing(
        tmp_path_factory.mktemp("refusals") / "node", refusals_min=100 if all_are_run(request) else 0
    ) as node:
        yield node


# The signed request.

MALFORMED = {
    "empty": b"",
    "half": b'{"payload":"',
    "null": b"null",
    "list": b"[]",
    "not-utf8": b"\xff\xfe\x00",
    "no-payload": b'{"signatures":[]}',
    "spaces": b'{ "payload":"e30", "signatures":[]}',
    "number": b'{"payload":1,"signatures":[]}',
    "unknown-member": b'{"payload":"e30","signatures":[],"x":1}',
    "deep": b"[" * 100_000,
    "zeroes": bytes(10_000),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_refused(node: Running, name: str) -> None:
    assert code_of(node.post(MALFORMED[name]), 400) == "jws-malformed"


def test_request_without_signatures_is_refused(node: Running) -> None:
    assert code_of(node.post(b'{"payload":"e30","signatures":[]}'), 401) == "half-signature"


WRONG_TYPES: dict[str, tuple[Payload, str]] = {
    "actor-is-a-number": ({"actor": 7}, "request-malformed"),
    "actor-is-no-id": ({"actor": SECRET_NAME}, "request-malformed"),
    "at-is-a-number": ({"at": 1}, "request-malformed"),
    "at-is-no-time": ({"at": "2026-13-45T99:00:00.000Z"}, "invalid-instant"),
    "nonce-is-short": ({"nonce": "abc"}, "request-malformed"),
    "no-commands": ({"commands": []}, "request-malformed"),
    "commands-is-an-object": ({"commands": {}}, "request-malformed"),
    "too-many-commands": ({"commands": [{"type": "x/1", "body": {}}] * 1_001}, "request-malformed"),
    "unknown-member": ({"extra": SECRET_NAME}, "request-malformed"),
    "command-without-body": ({"commands": [{"type": "visit.open/1"}]}, "request-malformed"),
    "body-is-a-list": ({"commands": [{"type": "visit.open/1", "body": []}]}, "request-malformed"),
    "body-is-empty": ({"commands": [{"type": "visit.open/1", "body": {}}]}, "command-refused"),
    "body-has-a-stranger": (
        {"commands": [{"type": "visit.close/1", "body": {"name": SECRET_NAME}}]},
        "command-refused",
    ),
    "field-of-wrong-type": (
        {"commands": [{"type": "visit.close/1", "body": {"visit": 1}}]},
        "command-refused",
    ),
    "field-of-wrong-form": (
        {"commands": [{"type": "visit.close/1", "body": {"visit": SECRET_NAME}}]},
        "command-refused",
    ),
    "future-version": ({"v": 2}, "unknown-version"),
    "version-is-true": ({"v": True}, "unknown-version"),
    "other-format": ({"format": "telesphor-request/2"}, "unknown-version"),
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_wrong_types_are_refused(node: Running, name: str) -> None:
    changes, code = WRONG_TYPES[name]
    payload = payload_of(node, node.system, **changes)
    assert code_of(node.post(signed(payload, node.system)), 400) == code


def test_unknown_command_is_refused(node: Running) -> None:
    payload = payload_of(node, node.system, commands=[{"type": "visit.rewrite/1", "body": {}}])
    assert code_of(node.post(signed(payload, node.system)), 400) == "unknown-command"


def test_unsigned_leaves_cannot_be_asked_for(node: Running) -> None:
    payload = payload_of(node, node.system, commands=[{"type": "leaf.add/1", "body": {"data": ""}}])
    assert code_of(node.post(signed(payload, node.system)), 400) == "unknown-command"
    assert code_of(node.ask("POST", "/add", body=b"x"), 404) == "no-such-resource"


NUMBERS = {
    "fraction": b"1.0",
    "exponent": b"1e0",
    "negative-zero": b"-0",
    "leading-zero": b"01",
    "too-large": b"9007199254740992",
    "infinite": b"1e999",
    "thousand-digits": b"1" * 1_000,
    "not-a-number": b"NaN",
    "plus": b"+1",
}


@pytest.mark.parametrize("name", NUMBERS)
def test_non_canonical_number_is_refused(node: Running, name: str) -> None:
    data = canonical.encode(payload_of(node, node.system, v=77_777)).replace(b"77777", NUMBERS[name])
    answer = node.post(signed(data, node.system))
    assert code_of(answer, 400) == "jws-malformed"
    assert "`$.v`" in answer.json()["detail"]


@pytest.mark.parametrize(
    "text", [b'{"v":1,"v":1}', b'{"v": 1}', b'{"b":1,"a":1}', b'"\\u0041"', b"[]", b'{"a":"\\ud800"}']
)
def test_non_canonical_payload_is_refused(node: Running, text: bytes) -> None:
    assert code_of(node.post(signed(text, node.system)), 400) == "jws-malformed"


def test_replayed_request_is_refused_and_names_its_position(node: Running) -> None:
    visit = node.ids.next()
    data = node.sign(
        node.system,
        ("visit.open/1", {"visit": visit, "patient": PATIENT, "clinician": CLINICIAN, "devices": []}),
    )
    first = node.post(data)
    again = node.post(data)
    assert code_of(again, 409) == "request-replayed"
    assert f"`{first.json()['entries'][0]['position']}`" in again.json()["detail"]


def test_same_request_sent_at_once_by_many_is_recorded_once(node: Running) -> None:
    visit = node.ids.next()
    data = node.sign(
        node.system,
        ("visit.open/1", {"visit": visit, "patient": PATIENT, "clinician": CLINICIAN, "devices": []}),
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: node.post(data), range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7


def test_request_signed_again_under_another_hedge_is_the_same_request(node: Running) -> None:
    payload = payload_of(node, node.system)
    assert node.post(signed(payload, node.system)).status == 200
    assert code_of(node.post(signed(payload, node.system)), 409) == "request-replayed"


@pytest.mark.parametrize(
    ("ahead_ms", "code"), [(-301_000, "request-expired"), (301_000, "request-from-future")]
)
def test_request_out_of_its_window_is_refused(node: Running, ahead_ms: int, code: str) -> None:
    payload = payload_of(node, node.system, at=format_instant(node.clock.now_ms() + ahead_ms))
    assert code_of(node.post(signed(payload, node.system)), 401) == code


def test_key_that_is_not_registered_is_refused(node: Running) -> None:
    stranger = Wallet.create(kind="system", ids=node.ids)
    renewed = node.system.renew()
    assert code_of(node.post(signed(payload_of(node, stranger), stranger)), 401) == "unknown-actor"
    assert code_of(node.post(signed(payload_of(node, renewed), renewed)), 401) == "key-not-registered"


def test_request_of_another_node_is_refused(node: Running) -> None:
    payload = payload_of(node, node.system) | {"node": "other.example/log"}
    assert code_of(node.post(signed(payload, node.system)), 401) == "wrong-node"


def _halves(data: bytes) -> Payload:
    jws: Payload = json.loads(data)
    return jws


def _only(index: int) -> Callable[[Payload], None]:
    return lambda jws: jws["signatures"].__setitem__(slice(None), [jws["signatures"][index]])


def _altered(index: int) -> Callable[[Payload], None]:
    def alter(jws: Payload) -> None:
        signature = bytearray(base64url.decode(jws["signatures"][index]["signature"]))
        signature[10] ^= 1
        jws["signatures"][index]["signature"] = base64url.encode(bytes(signature))

    return alter


SPOILED: dict[str, tuple[Callable[[Payload], Any], int, str]] = {
    "mldsa-stripped": (_only(0), 401, "half-signature"),
    "ed25519-stripped": (_only(1), 401, "half-signature"),
    "ed25519-twice": (
        lambda jws: jws["signatures"].__setitem__(1, jws["signatures"][0]),
        401,
        "half-signature",
    ),
    "mldsa-twice": (
        lambda jws: jws["signatures"].__setitem__(0, jws["signatures"][1]),
        401,
        "half-signature",
    ),
    "swapped": (lambda jws: jws["signatures"].reverse(), 400, "jws-malformed"),
    "third": (lambda jws: jws["signatures"].append(jws["signatures"][0]), 400, "jws-malformed"),
    "ed25519-altered": (_altered(0), 401, "signature-refused"),
    "mldsa-altered": (_altered(1), 401, "signature-refused"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_signature_is_refused(node: Running, name: str) -> None:
    spoil, status, code = SPOILED[name]
    jws = _halves(signed(payload_of(node, node.system), node.system))
    spoil(jws)
    assert code_of(node.post(json.dumps(jws, separators=(",", ":")).encode()), status) == code


def test_signature_of_another_payload_is_refused(node: Running) -> None:
    one, other = (_halves(signed(payload_of(node, node.system), node.system)) for _ in range(2))
    one["payload"] = other["payload"]
    assert code_of(node.post(json.dumps(one, separators=(",", ":")).encode()), 401) == "signature-refused"


def test_payload_that_does_not_name_its_keys_is_refused(node: Running) -> None:
    payload = payload_of(node, node.system, keys=list(node.patient.signing_key.public.thumbprints()))
    assert code_of(node.post(signed(payload, node.system)), 401) in {"keys-not-bound", "key-not-registered"}


# Sizes.


def test_body_declared_too_large_is_refused_before_it_is_read(node: Running) -> None:
    head = b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n"
    assert code_of(node.raw(head), 413) == "body-too-large"


def test_chunked_body_is_refused_as_soon_as_it_is_too_large(node: Running) -> None:
    """The sender has 1 GiB to send; the node hangs up after the first megabytes."""
    sent = 0
    with node.connect() as connection:
        connection.sendall(b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        try:
            for _ in range(16_384):
                connection.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
    assert sent < 64 * 1024 * 1024, "the node went on reading"
    assert node.ask("GET", "/healthz").status == 200


def test_body_of_another_route_is_bounded_too(node: Running) -> None:
    for path in ("/checkpoint", "/healthz"):
        answer = node.ask("GET", path, body=bytes(5 * 1024 * 1024))
        assert answer.status in (200, 413)


def test_request_at_the_limit_is_read(node: Running) -> None:
    assert code_of(node.post(b"x" * 1024 * 1024), 400) == "jws-malformed"
    assert code_of(node.post(b"x" * (1024 * 1024 + 1)), 413) == "body-too-large"


# Conflicts.


def test_second_visit_of_the_same_id_is_refused(node: Running) -> None:
    visit = node.ids.next()
    assert node.open_visit(visit).status == 200
    assert code_of(node.open_visit(visit), 409) == "visit-exists"


def test_visits_opened_at_once_under_one_id_are_one(node: Running) -> None:
    visit = node.ids.next()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: node.open_visit(visit), range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7


def test_failing_command_takes_the_whole_request_with_it(node: Running) -> None:
    visit, size = node.ids.next(), node.node.machine.committed_size
    opening = ("visit.open/1", {"visit": visit, "patient": PATIENT, "clinician": CLINICIAN, "devices": []})
    assert code_of(node.post(node.sign(node.system, opening, opening)), 409) == "visit-exists"
    assert node.node.machine.committed_size == size
    assert node.open_visit(visit).status == 200


def test_steps_of_a_visit_that_cannot_be_are_refused(node: Running) -> None:
    visit = node.ids.next()
    assert code_of(node.command(node.clinician, "visit.close/1", visit=visit), 404) == "visit-missing"
    assert node.open_visit(visit).status == 200
    assert code_of(node.command(node.patient, "visit.close/1", visit=visit), 403) == "not-a-participant"
    assert code_of(node.command(node.clinician, "visit.export/1", visit=visit), 409) == "visit-not-closed"
    assert node.command(node.clinician, "visit.close/1", visit=visit).status == 200
    assert code_of(node.command(node.clinician, "visit.close/1", visit=visit), 409) == "visit-closed"


# Routes.

LOST = [
    ("GET", "/index.php", 404, "no-such-resource"),
    ("GET", "/v1", 404, "no-such-resource"),
    ("GET", "/v1/commands/", 405, "method-not-allowed"),
    ("GET", "/keys/node.key", 404, "no-such-resource"),
    ("GET", "/ledger.sqlite", 404, "no-such-resource"),
    ("GET", "/v1/objects/", 404, "no-such-resource"),
    ("GET", "/../../etc/passwd", 404, "no-such-resource"),
    ("GET", "/docs-files/../../../../etc/passwd", 404, "no-such-resource"),
    ("GET", "/%00", 404, "no-such-resource"),
    ("GET", "/" + "a" * 8_000, 404, "no-such-resource"),
    ("GET", "/v1/commands", 405, "method-not-allowed"),
    ("DELETE", "/v1/commands", 405, "method-not-allowed"),
    ("POST", "/checkpoint", 405, "method-not-allowed"),
    ("PUT", "/tile/0/000", 405, "method-not-allowed"),
    ("PROPFIND", "/checkpoint", 405, "method-not-allowed"),
    ("GET", "/v1/proofs/-1", 400, "request-malformed"),
    ("GET", "/v1/proofs/x", 404, "no-such-resource"),
    ("GET", "/v1/proofs/99999999", 404, "checkpoint-missing"),
    ("GET", "/v1/proofs/" + "9" * 400, 400, "request-malformed"),
    ("GET", "/v1/consistency", 400, "request-malformed"),
    ("GET", "/v1/consistency?old_size=0&new_size=1", 400, "request-malformed"),
    ("GET", "/v1/consistency?old_size=2&new_size=1", 400, "proof-refused"),
    ("GET", "/v1/consistency?old_size=1&new_size=99999999", 400, "proof-refused"),
    ("GET", "/v1/consistency?old_size=1.5&new_size=2", 400, "request-malformed"),
    ("GET", "/v1/checkpoints", 400, "request-malformed"),
    ("GET", "/v1/checkpoints?at=yesterday", 400, "invalid-instant"),
    ("GET", "/v1/checkpoints?at=1970-01-01T00:00:00.000Z", 404, "checkpoint-missing"),
    ("GET", "/v1/checkpoints?at=9999-99-99T00:00:00.000Z", 400, "invalid-instant"),
]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"), LOST, ids=[f"{m} {p[:40]}" for m, p, _, _ in LOST]
)
def test_unknown_route_method_or_argument_is_refused(
    node: Running, method: str, path: str, status: int, code: str
) -> None:
    assert (
        code_of(
            node.raw(f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()), status
        )
        == code
    )


TILES = [
    "0/0", "0/00", "0/0000", "00/000", "0/x000/000", "0/X001/000", "0/000.p", "0/000.p/", "0/000.p/0", "0/000.p/01",
    "0/000.p/256", "0/000.p/999999", "0/000.p/-1", "0/999", "64/000", "256/000", "-1/000", "0/000/", "0//000", "/0/000",
    "0/000%00", "0/%2e%2e/%2e%2e/keys/node.key", "../checkpoint", "../../keys/node.key", "..%2fcheckpoint",
    "%2fetc%2fpasswd", "0/../0/000.p/1", "0/x" + "x/x".join(["001"] * 60) + "/000", "9" * 300 + "/000", "0/٠٠٠", "",
    "entry/000", "0/000.p/1?x=%00",
]  # fmt: skip


@pytest.mark.parametrize("path", TILES)
def test_tile_path_that_is_none_is_refused(node: Running, path: str) -> None:
    request = f"GET /tile/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    answer = node.raw(request.encode())
    if path == "0/000.p/1?x=%00":  # an argument that nobody reads
        assert answer is not None
        assert answer.status == 200
        return
    if path == "0/٠٠٠":  # not ASCII: no request at all
        assert answer is None or answer.status in (400, 404)
        return
    assert code_of(answer, 404) in {"no-such-tile", "no-such-resource"}


@pytest.mark.parametrize(
    "path", ["entries/000", "entries/000.p/1", "entries/../../ledger.sqlite", "entries/x001/000"]
)
def test_entries_are_not_public(node: Running, path: str) -> None:
    request = f"GET /tile/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert code_of(node.raw(request.encode()), 403) == "entries-not-public"


# A node that cannot.


def test_full_queue_is_refused_and_nothing_taken_is_lost(tmp_path: Path) -> None:
    with running(tmp_path / "node", queued_requests_max=2) as node, ThreadPoolExecutor(8) as pool:
        holder = open_database(node.node.folder.ledger)
        holder.execute("BEGIN IMMEDIATE")  # The writer waits for this, and everyone else for the writer.
        answers = [pool.submit(node.open_visit, node.ids.next()) for _ in range(8)]
        end = time.monotonic() + 20
        while sum(answer.done() for answer in answers) < 4 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)  # Those that are on their way arrive.
        holder.execute("ROLLBACK")
        holder.close()
        results = [answer.result() for answer in answers]
        refused = [answer for answer in results if answer.status != 200]
        # At most two are at the writer by the time that two more fill the queue.
        assert 4 <= len(refused) <= 6, [answer.status for answer in results]
        assert {code_of(answer, 503) for answer in refused} == {"queue-full"}
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert node.open_visit(node.ids.next()).status == 200


def test_stopping_node_says_so(tmp_path: Path) -> None:
    with running(tmp_path / "node") as node:
        node.node.machine.stop()
        answer = node.open_visit(node.ids.next())
        assert code_of(answer, 503) == "node-stopping"
        assert answer.headers["retry-after"] == "1"
