"""The app in a real browser: from a link to a session with keys of one's own, signed off, and signed in again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from telesphor.app import node_wallet
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.runtime.web import WEB_FOLDER
from tests.e2e.running import running
from tests.e2e.test_invitations import PASSCODE, Cast, Link, make
from tests.support.chromium import PLAIN, find_chromium

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason="this machine has no Chromium"),
    pytest.mark.skipif(not (WEB_FOLDER / "index.html").exists(), reason="the app is not built: `make web`"),
]

WAIT_MS = 60_000
LOG_OFF = """() => fetch("/v1/session", {
  method: "DELETE", headers: {"telesphor-session": sessionStorage.getItem("telesphor-session")},
})"""


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with running(tmp_path_factory.mktemp("app") / "node") as node:
        hospital = Wallet.create(kind="organisation", ids=node.ids)
        command = register_command(hospital, node=node.node.settings.origin)
        assert node.post(node.sign(node_wallet(node.node.keys), command)).status == 200
        yield Cast(node, hospital)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=PLAIN)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    yield page
    context.close()
    broken = [text for text in page.said if "error:" in text or "Content Security Policy" in text]
    assert broken == []


def test_newcomer_joins_by_a_link_and_comes_back(cast: Cast, page: Any) -> None:
    link, _ = make(cast, passcode=PASSCODE)
    open_link(page, cast, link)
    page.get_by_label("Your name").fill("Rosa <b>Ibáñez</b>")
    page.get_by_label("Passcode", exact=True).fill("000000")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("4 tries are left").wait_for()
    page.get_by_label("Passcode", exact=True).fill(PASSCODE)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/#/patient")
    account = page.get_by_role("button", name="Rosa <b>Ibáñez</b>")
    account.wait_for()

    page.reload()
    page.get_by_role("link", name="Visits").first.wait_for()
    account.click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.get_by_text("You are signed out.").wait_for()
    page.get_by_role("button", name="Rosa <b>Ibáñez</b>").click()
    page.get_by_role("heading", level=1).wait_for()
    account.wait_for()


def test_used_link_says_so(cast: Cast, page: Any) -> None:
    link, _ = make(cast)
    assert link.redeem().status == 201
    open_link(page, cast, link)
    page.get_by_text("This link was used already.").wait_for()


def test_ended_session_takes_the_page_away(cast: Cast, page: Any) -> None:
    link, _ = make(cast)
    open_link(page, cast, link)
    page.get_by_label("Your name").fill("Ben")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Ben").wait_for()
    page.evaluate(LOG_OFF)
    page.get_by_text("Your session ended.").wait_for()


def open_link(page: Any, cast: Cast, link: Link) -> None:
    page.goto(f"{cast.node.url}/#/join/{link.invitation}/{link.code}")
