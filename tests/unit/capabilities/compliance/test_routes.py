"""The pages over HTTP, by a real server: what a session and a watch open, and what is refused by its code."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import uvicorn
from litestar import Litestar

from telesphor.capabilities.compliance.administration.health import HealthPages, NodeParts
from telesphor.capabilities.compliance.factors import FactorPages
from telesphor.capabilities.compliance.findings import FindingPages
from telesphor.capabilities.compliance.routes import Pages, routes
from telesphor.client.wallet import Wallet
from telesphor.runtime.problems import handle_exception
from telesphor.runtime.server import PromptServer
from telesphor.runtime.sessions import COOKIE_PREFIX, SESSION_HEADER, SessionGrant, Sessions
from telesphor.verify.check_bundle import verify_bundle
from tests.unit.capabilities.compliance.office import Office


class Web:
    """A real server on loopback, and a small client that is signed in."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.sessions = Sessions(
            tickets=office.tickets,
            clock=office.clock,
            random=office.ids.random_bytes,
            standing=lambda _: None,
        )
        app = Litestar(
            route_handlers=routes(pages_of(office), self.sessions),
            exception_handlers={Exception: handle_exception},
            logging_config=None,
        )
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
        self._server = PromptServer(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        self._port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self._headers: dict[str, dict[str, str]] = {}

    def stop(self) -> None:
        self._server.end()
        self._thread.join()

    def headers_of(self, wallet: Wallet) -> dict[str, str]:
        """What a browser sends once its person is signed in."""
        if wallet.actor not in self._headers:
            grant = SessionGrant(self.office.actor(wallet))
            ticket = self.sessions.tickets.issue(grant, lifetime_seconds=60)
            session, secret = self.sessions.begin(ticket)
            self._headers[wallet.actor] = {
                SESSION_HEADER: session.id,
                "Cookie": f"{COOKIE_PREFIX}{session.id}={secret}",
            }
        return self._headers[wallet.actor]

    def ask(
        self, wallet: Wallet | None, path: str, body: object = None, **query: object
    ) -> tuple[int, bytes]:
        """Ask for a page; returns status and bytes."""
        self.office.index_all()
        headers = {} if wallet is None else dict(self.headers_of(wallet))
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)) as connection:
            if body is None:
                connection.request("GET", f"{path}?{asked}", headers=headers)
            else:
                headers["Content-Type"] = "application/json"
                connection.request("POST", path, body=json.dumps(body), headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def page(self, wallet: Wallet, path: str, body: object = None, **query: object) -> Any:
        status, data = self.ask(wallet, path, body, **query)
        assert status < 300, data
        return json.loads(data)

    def code(self, wallet: Wallet | None, path: str, body: object = None, **query: object) -> tuple[int, str]:
        status, data = self.ask(wallet, path, body, **query)
        return status, json.loads(data).get("code", "")


class _NoOffers:
    """No credential waits for anybody."""

    def waits(self, credential: str) -> bool:
        return False

    def offer_again(self, actor: str, credential: str) -> dict[str, Any]:
        raise AssertionError("nobody asks")


def pages_of(office: Office) -> Pages:
    said = {"status": "ok", "origin": "node.example/telesphor", "entries": 0, "queued": 0, "alarms": 0}
    parts = NodeParts(lambda: said, office.book.last, lambda: None, {}, lambda: 1, 10)
    return Pages(
        searches=office.searches,
        decisions=office.decisions,
        blocks=office.blocks,
        exports=office.exports,
        own=office.own,
        findings=FindingPages(office.audit),
        records=office.records,
        factors=FactorPages(office.audit, _NoOffers()),
        people=office.people,
        policies=office.policies,
        contracts=office.contracts,
        health=HealthPages(office.audit, parts),
    )


@pytest.fixture(scope="module")
def web(office: Office) -> Iterator[Web]:
    made = Web(office)
    yield made
    made.stop()


def test_auditor_searches_opens_and_replays(office: Office, web: Web) -> None:
    office.read(office.writer, office.note, purpose="treatment")
    watch = office.watch(office.officer)
    wanted = {"subject": office.patient.actor, "action": "read", "rows": 1}
    page = web.page(office.officer, "/v1/app/audit/search", watch=watch, **wanted)
    (row,) = page["rows"]
    assert (row["words"], row["outcome"]) == ("asked for access", "allow")
    assert page["look"]["position"] == office.entries()[-1].position
    place = f"/v1/app/audit/decisions/{row['position']}"
    decision = web.page(office.officer, place, watch=watch)
    assert decision["policies"][0]["words"] == "wrote it"
    assert web.page(office.officer, f"{place}/replay", watch=watch)["same"]
    entry = web.page(office.officer, f"/v1/app/audit/entries/{row['position']}", watch=watch)
    assert entry["body"]["outcome"] == "allow"


@pytest.mark.parametrize("path", ["words", "blocks"])
def test_what_is_no_secret_takes_a_session_alone(office: Office, web: Web, path: str) -> None:
    assert web.page(office.patient, f"/v1/app/audit/{path}")
    assert web.code(None, f"/v1/app/audit/{path}") == (401, "session-refused")


def test_patient_reads_its_own_log_and_grants(office: Office, web: Web) -> None:
    watch = office.watch(office.patient, subject=office.patient.actor)
    page = web.page(office.patient, "/v1/app/my/log", watch=watch)
    assert page["rows"][0]["sentence"].startswith("You looked at your access log")
    assert web.page(office.patient, "/v1/app/my/tokens", which="granted") == {"tokens": [], "after": ""}


def test_export_is_made_signed_and_taken(office: Office, web: Web) -> None:
    office.read(office.writer, office.note, purpose="treatment")
    watch = office.watch(office.officer)
    wish = {"watch": watch, "positions": [office.last("object.read/1").position]}
    made = web.page(office.officer, "/v1/app/audit/exports", wish)
    office.ask(office.officer, (made["command"]["type"], made["command"]["body"]))
    status, bundle = web.ask(office.officer, f"/v1/app/audit/exports/{made['share']}")
    assert (status, len(bundle)) == (200, made["bytes"])
    assert verify_bundle(bundle).passed
    taken = web.code(office.hospital, f"/v1/app/audit/exports/{made['share']}")
    assert taken == (404, "export-missing")


@pytest.mark.parametrize(
    "path", ["people", "roles", "devices", "policies", "contracts", "connectors", "health"]
)
def test_organisation_opens_every_page_of_administration(office: Office, web: Web, path: str) -> None:
    watch = office.watch(office.hospital, scope="administration")
    page = web.page(office.hospital, f"/v1/app/admin/{path}", watch=watch)
    assert page["look"]["position"] == office.entries()[-1].position
    mine = office.watch(office.patient, subject=office.patient.actor)
    assert web.code(office.patient, f"/v1/app/admin/{path}", watch=mine) == (403, "watch-too-narrow")
    assert web.code(office.patient, f"/v1/app/admin/{path}", watch=watch) == (404, "watch-missing")


def test_policies_are_checked_as_they_are_typed(office: Office, web: Web) -> None:
    watch = office.watch(office.hospital, scope="administration")
    asked = {"watch": watch, "slot": "rules", "text": "permit (principal, action, resource"}
    answer = web.page(office.hospital, "/v1/app/admin/policies/check", asked)
    assert (answer["ok"], answer["code"]) == (False, "policy-refused")


@pytest.mark.parametrize("path", ["search", "activity", "entries/1", "decisions/1", "decisions/1/replay"])
def test_nothing_of_the_log_is_shown_without_a_watch_or_a_session(
    office: Office, web: Web, path: str
) -> None:
    watch = office.watch(office.officer)
    before = len(office.entries())
    place = f"/v1/app/audit/{path}"
    assert web.code(None, place, watch=watch) == (401, "session-refused")
    assert web.code(office.patient, place, watch=watch) == (404, "watch-missing")
    assert web.ask(office.officer, place)[0] == 400
    assert len(office.entries()) == before


@pytest.mark.parametrize(
    "query",
    [
        {"rows": 0},
        {"rows": 101},
        {"person": "<script>"},
        {"type": "' OR 1=1 --"},
        {"since": "yesterday"},
        {"before": -1},
        {"action": "READ"},
    ],
)
def test_query_that_is_malformed_is_refused(office: Office, web: Web, query: dict[str, object]) -> None:
    watch = office.watch(office.officer)
    asked = {name: str(value).replace(" ", "%20").replace("'", "%27") for name, value in query.items()}
    status, _ = web.ask(office.officer, "/v1/app/audit/search", watch=watch, **asked)
    assert status == 400
    assert office.entries()[-1].type == "audit.watch-opened/1"
