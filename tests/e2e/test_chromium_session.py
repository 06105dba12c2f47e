"""A session as a real browser keeps it: the cookie, the header and the live connection, over plain HTTP on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.running import Running, running
from tests.support.chromium import PLAIN, find_chromium

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="this machine has no Chromium")

ASK = """async (ticket) => {
  const begun = await fetch("/v1/session", {method: "POST", headers: {authorization: `Bearer ${ticket}`}});
  const {session, actor} = await begun.json();
  const looked = await fetch("/v1/session", {headers: {"telesphor-session": session}});
  const bare = await fetch("/v1/session");
  const live = await new Promise((tell) => {
    const socket = new WebSocket(`ws://${location.host}/v1/live?session=${session}`);
    socket.onmessage = (event) => { tell(JSON.parse(event.data)); socket.close(); };
    socket.onclose = (event) => tell({event: "closed", code: event.code});
  });
  return {begun: begun.status, looked: looked.status, bare: bare.status, actor, live, script: document.cookie};
}"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("chromium") / "node") as node:
        yield node


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=PLAIN)
        yield browser
        browser.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_session_lives_in_a_browser_over_plain_loopback(node: Running, browser: Any, host: str) -> None:
    ticket = node.command(node.clinician, "session.open/1").json()["results"][0]["ticket"]
    page = browser.new_page()
    page.goto(node.url.replace("127.0.0.1", host) + "/")
    seen = page.evaluate(ASK, ticket)
    assert (seen["begun"], seen["looked"], seen["bare"]) == (201, 200, 401)
    assert seen["actor"] == node.clinician.actor
    assert seen["live"]["event"] == "open"
    assert seen["script"] == ""
    page.close()


def test_nothing_of_the_page_is_blocked_by_its_own_policy(node: Running, browser: Any) -> None:
    page, said = browser.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.goto(node.url + "/")
    assert [text for text in said if "Content Security Policy" in text] == []
    page.close()
