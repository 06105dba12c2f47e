"""What a browser meets at a running node: sessions by their cookie, the live connection, the app's files."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from telesphor.app import node_wallet
from telesphor.client.requests import register_command, rotate_command
from telesphor.client.wallet import Wallet
from telesphor.runtime.serving import serving
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import server_context
from telesphor.runtime.tls.policy import BROWSERS
from telesphor.runtime.websocket import FRAME_BYTES_MAX
from tests.e2e.running import Answer, Running, code_of, running
from tests.support.certificates import Organisation

WAIT_SECONDS = 60.0


class Tab(NamedTuple):
    """One tab with a session: its name and its cookie."""

    node: Running
    session: str
    cookie: str

    def headers(self) -> dict[str, str]:
        return {"telesphor-session": self.session, "cookie": self.cookie}

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        return self.node.ask(method, path, body=data, headers={**self.headers(), **headers})

    def connect(self, *, origin: str | None = None, cookie: str | None = None) -> connect:
        url = self.node.url.replace("http://", "ws://")
        return connect(
            f"{url}/v1/live?session={self.session}",
            origin=origin or self.node.url,  # type: ignore[arg-type]
            additional_headers={"cookie": self.cookie if cookie is None else cookie},
            proxy=None,
            max_size=None,
        )


def begin(node: Running, wallet: Wallet) -> Tab:
    ticket = node.command(wallet, "session.open/1").json()["results"][0]["ticket"]
    answer = node.ask("POST", "/v1/session", headers={"authorization": f"Bearer {ticket}"})
    assert answer.status == 201, answer.body
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return Tab(node, answer.json()["session"], cookie)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("browsers") / "node") as node:
        yield node


@pytest.fixture
def tab(node: Running) -> Tab:
    return begin(node, node.clinician)


# Sessions.


def test_session_says_whose_it_is_and_its_cookie_is_for_this_host_alone(node: Running) -> None:
    ticket = node.command(node.patient, "session.open/1").json()["results"][0]["ticket"]
    answer = node.ask("POST", "/v1/session", headers={"authorization": f"Bearer {ticket}"})
    view = answer.json()
    assert (view["actor"], view["kind"], view["name"]) == (node.patient.actor, "person", None)
    assert view["idle_seconds"] == 900
    name, _, attributes = answer.headers["set-cookie"].partition("=")
    assert name == f"__Host-telesphor-{view['session']}"
    assert attributes.partition("; ")[2] == "Path=/; Secure; HttpOnly; SameSite=Strict"
    assert answer.headers["cache-control"] == "no-store"


def test_ticket_begins_one_session_only(node: Running) -> None:
    ticket = node.command(node.patient, "session.open/1").json()["results"][0]["ticket"]
    headers = {"authorization": f"Bearer {ticket}"}
    assert node.ask("POST", "/v1/session", headers=headers).status == 201
    assert code_of(node.ask("POST", "/v1/session", headers=headers), 401) == "ticket-refused"


def test_two_tabs_of_one_browser_are_two_people(node: Running) -> None:
    first, second = begin(node, node.clinician), begin(node, node.patient)
    cookies = f"{first.cookie}; {second.cookie}"
    for tab, wallet in ((first, node.clinician), (second, node.patient)):
        answer = tab.ask("GET", "/v1/session", cookie=cookies)
        assert answer.json()["actor"] == wallet.actor


def test_session_of_another_tab_is_refused(node: Running, tab: Tab) -> None:
    other = begin(node, node.patient)
    assert code_of(tab.ask("GET", "/v1/session", cookie=other.cookie), 401) == "session-refused"


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": ""},
        {"telesphor-session": ""},
        {"telesphor-session": "00000000"},
        {"telesphor-session": "../../.."},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=["no-cookie", "no-name", "unknown", "no-id", "another-site", "a-sibling-site"],
)
def test_request_without_its_session_is_refused(tab: Tab, headers: dict[str, str]) -> None:
    assert code_of(tab.ask("GET", "/v1/session", **headers), 401) == "session-refused"


def test_cookie_that_comes_twice_is_refused(tab: Tab) -> None:
    name = tab.cookie.partition("=")[0]
    planted = f"{name}={'A' * 43}; {tab.cookie}"
    assert code_of(tab.ask("GET", "/v1/session", cookie=planted), 401) == "session-refused"


def test_session_that_was_logged_off_is_refused(tab: Tab) -> None:
    answer = tab.ask("DELETE", "/v1/session")
    assert answer.status == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert code_of(tab.ask("GET", "/v1/session"), 401) == "session-refused"


def test_session_ends_when_nobody_is_there_and_polling_is_nobody(node: Running) -> None:
    tab = begin(node, node.clinician)
    try:
        node.clock.ahead_ms += 600_000
        assert tab.ask("GET", "/v1/session").status == 200
        node.clock.ahead_ms += 600_000
        assert tab.ask("GET", "/v1/session", **{"telesphor-background": "1"}).status == 200
        node.clock.ahead_ms += 400_000
        assert code_of(tab.ask("GET", "/v1/session"), 401) == "session-refused"
    finally:
        node.clock.ahead_ms = 0


def test_session_ends_with_the_keys_it_was_begun_with(node: Running) -> None:
    person, tab = _newcomer(node)
    renewed = person.renew()
    assert node.post(node.sign(person, rotate_command(renewed, node=_origin(node)))).status == 200
    assert code_of(tab.ask("GET", "/v1/session"), 401) == "session-refused"
    assert begin(node, renewed).ask("GET", "/v1/session").status == 200


def test_no_secret_of_a_session_is_on_the_ledger_or_in_a_log(node: Running, tab: Tab) -> None:
    secret = tab.cookie.partition("=")[2].encode()
    assert secret not in node.logs.getvalue().encode()
    for file in node.node.folder.path.rglob("*"):
        if file.is_file():
            assert secret not in file.read_bytes(), file.name


# The live connection.


async def _first(live: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_SECONDS):
        message: dict[str, Any] = json.loads(await live.recv())
        return message


async def _closed(live: ClientConnection) -> int | None:
    async with asyncio.timeout(WAIT_SECONDS):
        try:
            while True:
                await live.recv()
        except ConnectionClosed as error:
            return None if error.rcvd is None else error.rcvd.code


async def test_live_connection_says_whose_it_is_and_answers(node: Running, tab: Tab) -> None:
    async with tab.connect() as live:
        opened = await _first(live)
        assert (opened["event"], opened["actor"]) == ("open", node.clinician.actor)
        await live.send('{"topic": "hub", "kind": "ping", "n": 7}')
        assert await _first(live) == {"topic": "hub", "event": "pong", "n": 7}


async def test_what_is_published_reaches_its_actor_and_nobody_else(node: Running, tab: Tab) -> None:
    other = begin(node, node.patient)
    async with tab.connect() as ours, other.connect() as theirs:
        await _first(ours), await _first(theirs)
        node.node.desks.browsers.hub.publish([node.patient.actor], {"topic": "visit/x", "n": 1})
        assert await _first(theirs) == {"topic": "visit/x", "n": 1}
        await ours.send('{"topic": "hub", "kind": "ping", "n": 1}')
        assert (await _first(ours))["event"] == "pong"


async def _refused(attempt: connect) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught:
        async with attempt:
            pass
    response = caught.value.response
    return response.status_code, json.loads(response.body or b"{}").get("code", "")


async def test_page_of_another_site_cannot_connect(tab: Tab) -> None:
    for origin in ("https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1:1"):
        assert await _refused(tab.connect(origin=origin)) == (403, "origin-refused")


async def test_connection_without_its_cookie_is_refused(tab: Tab) -> None:
    assert await _refused(tab.connect(cookie="x=y")) == (401, "session-refused")


async def test_socket_elsewhere_is_refused(node: Running) -> None:
    elsewhere = connect(node.url.replace("http://", "ws://") + "/v1/session", proxy=None)
    assert await _refused(elsewhere) == (404, "no-such-resource")


async def test_connection_ends_with_its_session(tab: Tab) -> None:
    async with tab.connect() as live:
        await _first(live)
        assert await asyncio.to_thread(lambda: tab.ask("DELETE", "/v1/session").status) == 204
        assert await _closed(live) == 4401


async def test_connection_of_a_retired_actor_ends_at_once(node: Running) -> None:
    person, tab = await asyncio.to_thread(_newcomer, node)
    async with tab.connect() as live:
        await _first(live)
        await asyncio.to_thread(node.command, person, "actor.retire/1", id=person.actor)
        assert await _closed(live) == 4401


async def test_flood_of_messages_closes_its_own_connection_alone(node: Running, tab: Tab) -> None:
    other = begin(node, node.patient)
    async with tab.connect() as live, other.connect() as calm:
        await _first(live), await _first(calm)
        with pytest.raises(ConnectionClosed):
            for _ in range(2_000):
                await live.send('{"topic": "hub", "kind": "active"}')
            await _closed(live)
            raise ConnectionClosed(None, None)
        assert live.close_code == 1008
        await calm.send('{"topic": "hub", "kind": "ping", "n": 2}')
        assert (await _first(calm))["n"] == 2


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 1008),
        ("[]", 1008),
        ('{"kind": "x"}', 1008),
        ('{"topic": "UPPER"}', 1008),
        (b"\x00", 1003),
        ("x" * (FRAME_BYTES_MAX + 1), 1009),
        ("[" * 50_000, 1008),
    ],
    ids=["half", "list", "no-topic", "no-topic-name", "bytes", "too-large", "deep"],
)
async def test_frame_that_is_no_message_closes_the_connection(
    tab: Tab, frame: str | bytes, code: int
) -> None:
    async with tab.connect() as live:
        await _first(live)
        await live.send(frame)
        assert await _closed(live) == code


async def test_topic_that_nobody_answers_is_refused_and_the_connection_lives(tab: Tab) -> None:
    async with tab.connect() as live:
        await _first(live)
        await live.send('{"topic": "nothing/here"}')
        refused = await _first(live)
        assert (refused["event"], refused["of"], refused["code"]) == (
            "refused",
            "nothing/here",
            "topic-refused",
        )
        await live.send('{"topic": "hub", "kind": "subscribe", "to": "visit/secret"}')
        assert (await _first(live))["code"] == "topic-refused"


async def test_reader_that_does_not_read_is_disconnected_and_nobody_waits(node: Running, tab: Tab) -> None:
    other = begin(node, node.patient)
    async with tab.connect() as slow, other.connect() as calm:
        await _first(slow), await _first(calm)
        slow.transport.pause_reading()
        hub = node.node.desks.browsers.hub
        for _ in range(400):
            hub.publish([node.clinician.actor], {"topic": "big", "data": "x" * 60_000})
            if not hub.is_connected(node.clinician.actor):
                break
            await asyncio.sleep(0.005)
        hub.publish([node.patient.actor], {"topic": "small"})
        assert await _first(calm) == {"topic": "small"}
        for _ in range(1_000):
            if not hub.is_connected(node.clinician.actor):
                break
            await asyncio.sleep(0.01)
        assert not hub.is_connected(node.clinician.actor)
        slow.transport.abort()


async def test_live_connection_goes_over_tls_too(tmp_path: Path) -> None:
    portal = Organisation.make(tmp_path, "clinic.example", algorithm=Algorithm.ECDSA_P256)
    shown = portal.issue(role=Role.SERVER, algorithm=Algorithm.ECDSA_P256)
    tls = server_context(shown, BROWSERS)
    with running(tmp_path / "node") as node, serving(node.node.edge(), tls=tls) as url:
        tab = begin(node, node.clinician)
        live = connect(
            f"{url.replace('https://', 'wss://')}/v1/live?session={tab.session}",
            origin=url,  # type: ignore[arg-type]
            additional_headers={"cookie": tab.cookie},
            ssl=ssl.create_default_context(cafile=str(portal.root)),
            proxy=None,
        )
        async with live as tunnel:
            assert (await _first(tunnel))["event"] == "open"
            await tunnel.send(json.dumps({"topic": "nothing/here", "data": "x" * 60_000}))
            assert (await _first(tunnel))["code"] == "topic-refused"


# The app's files.


def test_app_is_served_under_a_policy_without_exceptions(node: Running) -> None:
    answer = node.ask("GET", "/")
    policy = answer.headers["content-security-policy"]
    assert answer.status == 200
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "camera=(self)" in answer.headers["permissions-policy"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/../telesphor.toml", "/%2e%2e/telesphor.toml", "/assets/", "/v1/app/x"]
)
def test_path_that_is_no_file_of_the_app_is_not_found(node: Running, path: str) -> None:
    assert node.ask("GET", path).status == 404


def _newcomer(node: Running) -> tuple[Wallet, Tab]:
    """A person of this test's own, with a session."""
    person = Wallet.create(kind="person", ids=node.ids)
    registrar = node_wallet(node.node.keys)
    assert node.post(node.sign(registrar, register_command(person, node=_origin(node)))).status == 200
    return person, begin(node, person)


def _origin(node: Running) -> str:
    return node.node.settings.origin
