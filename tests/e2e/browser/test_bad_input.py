"""What people, broken clocks and strangers send as browsers do: clear refusals, nothing lost, nobody else hurt.

One node and one clinic for all of it; the wires are those of a browser (signed requests, sessions, the live
connection), so that what is sent is exactly what a test says and no page has tidied it.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from telesphor.app import node_wallet
from telesphor.client.requests import Command, register_command, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.digest import digest_of
from telesphor.verify.check_bundle import verify_bundle
from tests.e2e.running import Running, code_of, running
from tests.e2e.test_browsers import Tab, begin
from tests.e2e.test_invitations import Cast
from tests.e2e.test_visits import TESTED, Clinic, Steps
from tests.support.staff import appointment

HOUR_MS = 3_600_000
WAIT_SECONDS = 60.0
MARKUP = "<img src=x onerror=alert(1)>\"'`{{7*7}}${7*7}</script><script>alert(2)</script>"


class ClockAhead:
    """A browser's clock that is wrong by so much."""

    def __init__(self, node: Running, ahead_ms: int) -> None:
        self._node, self._ahead_ms = node, ahead_ms

    def now_ms(self) -> int:
        return self._node.clock.now_ms() + self._ahead_ms


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with running(tmp_path_factory.mktemp("bad-input") / "node") as node:
        hospital = Wallet.create(kind="organisation", ids=node.ids)
        command = register_command(hospital, node=node.node.settings.origin)
        assert node.post(node.sign(node_wallet(node.node.keys), command)).status == 200
        appointed = node.sign(hospital, *appointment(node.ids, node.clinician.actor))
        assert node.post(appointed).status == 200
        yield Clinic(Cast(node, hospital), node.clinician, begin(node, node.clinician))


@pytest.fixture(scope="module")
def node(clinic: Clinic) -> Running:
    return clinic.node


# Uploads.


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "image",
        "image/png; charset=x",
        "image/png\r\nset-cookie: a=b",
        "Image/PNG",
        "../../etc/passwd",
        MARKUP,
    ],
)
def test_object_of_a_type_that_is_none_is_not_begun(node: Running, media_type: str) -> None:
    body: dict[str, Any] = {"object": node.ids.next(), "readers": [], "visit": None, "media_type": media_type}
    assert code_of(node.command(node.clinician, "object.write/1", **body), 400) == "media-type-refused"


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/xhtml+xml"])
def test_page_uploaded_as_a_file_is_never_a_page_of_the_node(node: Running, media_type: str) -> None:
    name = node.ids.next()
    begun: dict[str, Any] = {"object": name, "readers": [], "visit": None, "media_type": media_type}
    ticket = node.command(node.clinician, "object.write/1", **begun).json()["results"][0]["ticket"]
    headers = {"authorization": f"Bearer {ticket}", "upload-offset": "0", "upload-complete": "?1"}
    stored = node.ask("PATCH", f"/v1/objects/{name}/content", body=MARKUP.encode(), headers=headers).json()
    sealed = {"object": name, "size": stored["size"], "digest": stored["digest"]}
    assert node.command(node.clinician, "object.seal/1", **sealed).status == 200
    read = {"authorization": f"Bearer {node.read_ticket(name)}"}
    answer = node.ask("GET", f"/v1/objects/{name}/content", headers=read)
    assert answer.body == MARKUP.encode()
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("declared", [b"99", b"1"], ids=["more-than-comes", "less-than-comes"])
def test_upload_that_lies_about_its_length_is_not_the_object(node: Running, declared: bytes) -> None:
    name, ticket = node.begin()
    content = b"seven and twenty characters"
    request = b"\r\n".join(
        [
            f"PATCH /v1/objects/{name}/content HTTP/1.1".encode(),
            b"host: node",
            f"authorization: Bearer {ticket}".encode(),
            b"upload-offset: 0",
            b"upload-complete: ?1",
            b"content-length: " + declared,
            b"",
            content,
        ]
    )
    with node.connect() as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass
    lied = {"object": name, "size": len(content), "digest": digest_of(content)}
    assert node.command(node.clinician, "object.seal/1", **lied).status in (400, 404, 409)


def test_envelope_that_lies_about_its_length_is_not_kept(clinic: Clinic) -> None:
    node = clinic.node
    thread, ticket = open_thread(clinic)
    envelope = b'{"format":"telesphor-envelope/1"}'
    path = f"/v1/threads/{thread}/envelopes/{digest_of(envelope).removeprefix('sha256:')}"
    bearer = {"authorization": f"Bearer {ticket}"}
    assert code_of(node.ask("PUT", path, body=envelope[:-1], headers=bearer), 400) == "envelope-mismatch"
    assert code_of(node.ask("PUT", path, body=envelope, headers=bearer), 400) == "envelope-refused"
    large = node.raw(
        f"PUT {path} HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {ticket}\r\n"
        "content-length: 4000000000\r\n\r\n".encode()
    )
    assert code_of(large, 413) == "body-too-large"


def open_thread(clinic: Clinic) -> tuple[str, str]:
    """A thread of the node's two people, watched by its system, and a ticket of the clinician for it."""
    node = clinic.node
    declared = {"monitor": node.system.actor, "mode": "watch"}
    node.command(clinic.cast.hospital, "monitor.declare/1", **declared)
    thread = node.ids.next()
    members = [
        {"actor": node.clinician.actor, "role": "clinician"},
        {"actor": node.patient.actor, "role": "patient"},
    ]
    body = {"thread": thread, "subject": node.patient.actor, "members": members, "retention_days": None}
    assert node.command(node.clinician, "thread.open/1", **body).status == 200
    entered = node.command(node.clinician, "thread.enter/1", thread=thread)
    return thread, entered.json()["results"][0]["ticket"]


@pytest.mark.parametrize(
    "name",
    ["../../telesphor.toml", "..%2f..%2ftelesphor.toml", "a/b", "con.txt\x00.png", MARKUP, "-rf", "‮gpj.exe"],
)
def test_hostile_name_leads_to_no_file(node: Running, name: str) -> None:
    """Names of files are sealed with the message: the node's paths take ids and digests, and nothing else."""
    path = "".join(f"%{byte:02x}" for byte in name.encode())
    bearer = {"authorization": f"Bearer {'A' * 43}"}
    for place in (
        "/v1/objects/{}/content",
        "/v1/threads/{}/bundle",
        "/v1/app/audit/exports/{}",
        "/assets/{}",
    ):
        answer = node.ask("GET", place.format(path), headers=bearer)
        assert answer.status in (400, 401, 404), answer
        assert b"passphrase" not in answer.body and MARKUP.encode() not in answer.body


# Markup in every text that the node keeps or gives back.


def test_markup_in_a_name_comes_back_as_the_text_that_it_is(clinic: Clinic) -> None:
    tab = clinic.tab
    path = f"/v1/app/people/{clinic.clinician.actor}"
    assert tab.ask("PUT", path, {"name": MARKUP}, **{"content-type": "application/json"}).status == 204
    answer = tab.ask("GET", "/v1/session")
    assert answer.json()["name"] == MARKUP
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_markup_in_a_consent_is_signed_for_as_the_text_that_it_is(clinic: Clinic) -> None:
    text = {"kind": "recording", "language": "en", "text": MARKUP, "digest": digest_of(MARKUP.encode())}
    assert clinic.node.command(clinic.cast.hospital, "consent.set-text/1", **text).status == 200
    answer = clinic.tab.ask("GET", "/v1/app/consent-texts?language=en")
    assert MARKUP in [one["text"] for one in answer.json()["texts"]]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("command", "body"),
    [
        ("visit.schedule/1", {"visit": MARKUP}),
        ("visit.end/1", {"outcome": MARKUP}),
        ("visit.check-in/1", {**TESTED, "network": MARKUP}),
        ("visit.confirm-identity/1", {"identifiers": ["name", MARKUP]}),
        ("visit.give-consent/1", {"consent": "visit", "text": MARKUP, "language": MARKUP}),
        ("visit.invite/1", {"role": MARKUP}),
        ("thread.open/1", {"thread": MARKUP}),
        ("message.recall/1", {"message": MARKUP}),
    ],
    ids=["visit", "outcome", "network", "identifiers", "consent", "role", "thread", "message"],
)
def test_markup_in_a_signed_command_is_refused_and_not_repeated(
    clinic: Clinic, command: str, body: dict[str, Any]
) -> None:
    visit, _ = clinic.invite()
    answer = clinic.node.command(clinic.clinician, command, **{"visit": visit, **body})
    code_of(answer, 400)
    assert b"<img" not in answer.body and b"<script" not in answer.body


@pytest.mark.parametrize(
    "path", ["visits?which=", "visits/", "people?actors=", "audit/search?watch=", "threads/"]
)
def test_markup_in_an_address_is_refused_and_not_repeated(clinic: Clinic, path: str) -> None:
    text = "".join(f"%{byte:02x}" for byte in MARKUP.encode())
    answer = clinic.tab.ask("GET", f"/v1/app/{path}{text}")
    assert answer.status in (400, 404)
    assert b"<img" not in answer.body and "html" not in answer.headers["content-type"]


# Floods, clocks, tabs, and somebody who never comes.


async def heard(live: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a room that says this."""
    async with asyncio.timeout(WAIT_SECONDS):
        async for frame in live:
            message: dict[str, Any] = json.loads(frame)
            if message.get("kind") == kind or message.get("event") == kind:
                return message
    raise AssertionError("the connection ended")


def go_in(clinic: Clinic) -> tuple[str, Tab]:
    """A visit with its patient in the room; the visit and the patient's tab."""
    visit, link = clinic.invite()
    patient = link.wallet()
    assert link.redeem(patient).status == 201
    tab = begin(clinic.node, patient)
    assert clinic.consent(patient, tab, visit, "visit").status == 200
    assert clinic.ask(patient, visit, ("check-in", TESTED), ("wait", {})).status == 200
    admit: Steps = (("begin", {}), ("admit", {"participant": patient.actor}))
    assert clinic.ask(clinic.clinician, visit, *admit).status == 200
    return visit, tab


async def join(live: ClientConnection, visit: str, tab: str) -> dict[str, Any]:
    await live.send(json.dumps({"topic": f"room/{visit}", "kind": "join", "tab": tab * 22}))
    return await heard(live, "present")


async def test_flood_in_a_room_ends_the_flooders_connection_and_the_others_stay(clinic: Clinic) -> None:
    visit, tab = await asyncio.to_thread(go_in, clinic)
    async with tab.connect() as flooder, clinic.tab.connect() as doctor:
        await join(doctor, visit, "d")
        epoch = (await join(flooder, visit, "p"))["epoch"]
        word = json.dumps({"topic": f"room/{visit}", "kind": "sealed", "epoch": epoch, "body": "A" * 40_000})
        with pytest.raises(ConnectionClosed):
            for _ in range(2_000):
                await flooder.send(word)
        async with asyncio.timeout(WAIT_SECONDS):
            await flooder.wait_closed()
        assert flooder.close_code == 1008
        await doctor.send(json.dumps({"topic": "hub", "kind": "ping", "n": 7}))
        assert (await heard(doctor, "pong"))["n"] == 7
        back = await asyncio.to_thread(tab.ask, "GET", f"/v1/app/visits/{visit}")
        assert back.json()["visit"]["mine"]["state"] == "admitted"


async def test_second_tab_of_one_person_takes_its_place_and_the_first_is_told(clinic: Clinic) -> None:
    visit, tab = await asyncio.to_thread(go_in, clinic)
    async with tab.connect() as first, tab.connect() as second:
        before = await join(first, visit, "a")
        after = await join(second, visit, "b")
        await heard(first, "replaced")
        assert after["epoch"] > before["epoch"]
        assert [place["tab"] for place in after["roster"]] == ["b" * 22]
        await first.send(
            json.dumps({"topic": f"room/{visit}", "kind": "sealed", "epoch": after["epoch"], "body": "AA"})
        )
        assert (await heard(first, "refused"))["code"] == "place-taken"


@pytest.mark.parametrize(
    ("ahead_ms", "code"),
    [(HOUR_MS, "request-from-future"), (-HOUR_MS, "request-expired")],
    ids=["ahead", "behind"],
)
def test_clock_an_hour_off_is_refused_with_the_time_to_set_it_by(
    node: Running, ahead_ms: int, code: str
) -> None:
    def ask(clock: ClockAhead) -> Any:
        opening: list[Command] = [("session.open/1", {})]
        origin = node.node.settings.origin
        return node.post(sign_request(node.patient, node=origin, commands=opening, clock=clock, ids=node.ids))

    wrong = ClockAhead(node, ahead_ms)
    answer = ask(wrong)
    assert code_of(answer, 401) == code
    told_ms = int(parsedate_to_datetime(answer.headers["date"]).timestamp() * 1_000)
    assert ask(ClockAhead(node, ahead_ms + told_ms - wrong.now_ms())).status == 200


def test_participant_who_never_comes_leaves_a_visit_that_was_missed(clinic: Clinic) -> None:
    visit, _ = clinic.invite()
    view = clinic.tab.ask("GET", f"/v1/app/visits/{visit}").json()["visit"]
    (absent,) = (seat["actor"] for seat in view["seats"] if seat["role"] == "patient")
    admitted = clinic.ask(clinic.clinician, visit, ("admit", {"participant": absent}))
    assert code_of(admitted, 409) == "visit-not-begun"
    ended: Steps = (("end", {"outcome": "missed"}), ("close", {}))
    assert clinic.ask(clinic.clinician, visit, *ended).status == 200
    exported = clinic.ask(clinic.clinician, visit, ("export", {})).json()["results"][0]
    bearer = {"authorization": f"Bearer {exported['ticket']}"}
    assert verify_bundle(clinic.node.ask("GET", exported["path"], headers=bearer).body).verdict == "pass"


def test_node_is_none_the_worse_for_any_of_it(node: Running, tmp_path: Path) -> None:
    assert node.ask("GET", "/healthz").status == 200
    assert urlsplit(node.url).port
    assert "alert(" not in node.logs.getvalue()
