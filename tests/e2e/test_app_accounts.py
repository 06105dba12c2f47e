"""Accounts in a real browser: an administrator invites, gives and takes roles and suspends; passkeys; a second link."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import pytest

from telesphor.app import node_wallet
from telesphor.capabilities.access.tokens.policies import roles_of
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.runtime.web import WEB_FOLDER
from tests.e2e.running import running
from tests.e2e.test_invitations import Cast, Link, made
from tests.support.chromium import PLAIN, find_chromium
from tests.unit.app.test_administering import RULE

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason="this machine has no Chromium"),
    pytest.mark.skipif(not (WEB_FOLDER / "index.html").exists(), reason="the app is not built: `make web`"),
]

WAIT_MS = 60_000
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


class Clinic(NamedTuple):
    """The node with its hospital, and the groups of its roles."""

    cast: Cast
    groups: dict[str, str]

    def url(self, place: str = "") -> str:
        """A place of the app, under the name that browsers let have passkeys."""
        return self.cast.node.url.replace("127.0.0.1", "localhost") + "/#/" + place

    def link(self, **more: Any) -> Link:
        return made(self.cast, **more)

    def types(self, stream: str) -> list[str]:
        with closing(self.cast.node.node.reader()) as reader:
            return [entry.type for entry in reader.stream(stream)]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with running(tmp_path_factory.mktemp("accounts") / "node", site="localhost") as node:
        hospital = Wallet.create(kind="organisation", ids=node.ids)
        command = register_command(hospital, node=node.node.settings.origin)
        assert node.post(node.sign(node_wallet(node.node.keys), command)).status == 200
        groups = {role: node.ids.next() for role in ("administrator", "clinician", "auditor")}
        for role, group in groups.items():
            formed = node.command(hospital, "group.form/1", group=group, kind="role", role=role)
            assert formed.status == 200, formed
        assert node.command(hospital, "policy.set/1", slot="rules", policies=RULE).status == 200
        yield Clinic(Cast(node, hospital), groups)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=PLAIN)
        yield browser
        browser.close()


@contextmanager
def person(browser: Any, clinic: Clinic, link: str, name: str) -> Iterator[Any]:
    """Somebody's own browser, just joined by a link."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name=name).wait_for()
    yield page
    context.close()
    assert [text for text in said if "error:" in text or "Content Security Policy" in text] == []


def place_of(clinic: Clinic, link: Link) -> str:
    return clinic.url(f"join/{link.invitation}/{link.code}")


def confirm(page: Any, words: str) -> None:
    """The second tap, in the dialogue that opened last, which then closes."""
    page.get_by_role("dialog").nth(1).get_by_role("button", name=words, exact=True).click()


def sign_out(page: Any, name: str) -> None:
    page.get_by_role("button", name=name).click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.get_by_text("You are signed out.").wait_for()


def test_administrator_invites_gives_takes_suspends_and_restores(browser: Any, clinic: Clinic) -> None:
    link = clinic.link(groups=[clinic.groups["administrator"]])
    with person(browser, clinic, place_of(clinic, link), "Tomas Reyes") as admin:
        admin.goto(clinic.url("admin/people"))
        admin.get_by_role("button", name="Invite somebody").click()
        dialog = admin.get_by_role("dialog")
        dialog.get_by_label("Name").fill("Dr. Adaeze Osei")
        assert dialog.get_by_role("checkbox", name="auditor").count() == 0, "not an administrator's to give"
        dialog.get_by_role("checkbox", name="clinician").check()
        dialog.get_by_role("button", name="Make the link").click()
        sent = dialog.locator("code").inner_text()
        dialog.get_by_role("button", name="Done").click()
        admin.goto(clinic.url("admin/people/links"))
        admin.get_by_text("Dr. Adaeze Osei").wait_for()
        assert sent.split("/")[-1] not in admin.content(), "the code is shown once"
        with person(browser, clinic, sent, "Dr. Osei") as doctor:
            doctor.get_by_role("link", name="Patients").first.wait_for()
            admin.goto(clinic.url("admin/people"))
            admin.get_by_role("button", name="Dr. Osei").click()
            admin.get_by_role("button", name="Take clinician back").click()
            confirm(admin, "Take clinician back")
            admin.get_by_role("button", name="Give clinician").click()
            confirm(admin, "Give clinician")
            admin.get_by_role("button", name="Take clinician back").wait_for()
            admin.get_by_role("button", name="Suspend").click()
            confirm(admin, "Suspend")
            doctor.get_by_text("Your session ended.").wait_for()
            doctor.get_by_role("button", name="Dr. Osei").click()
            doctor.get_by_text("suspended").wait_for()
            admin.get_by_role("button", name="Restore").click()
            confirm(admin, "Restore")
            admin.get_by_role("button", name="Suspend").wait_for()
            doctor.get_by_role("button", name="Dr. Osei").click()
            doctor.get_by_role("link", name="Patients").first.wait_for()
    group = clinic.types(f"group/{clinic.groups['clinician']}")
    assert group == ["group.formed/1", "group.added/1", "group.removed/1", "group.added/1"]


def test_passkey_is_made_is_asked_for_at_sign_in_and_a_second_link_leads_to_the_same_person(
    browser: Any, clinic: Clinic
) -> None:
    link = clinic.link()
    with person(browser, clinic, place_of(clinic, link), "Rosa Ibáñez") as page:
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        added = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        page.goto(clinic.url("settings"))
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_text("The passkey was added.").wait_for()
        kept = devtools.send("WebAuthn.getCredentials", {"authenticatorId": added["authenticatorId"]})
        assert [one["rpId"] for one in kept["credentials"]] == ["localhost"]

        # Whose finger is another's does not come in by the keys alone.
        sign_out(page, "Rosa Ibáñez")
        devtools.send("WebAuthn.setUserVerified", {**added, "isUserVerified": False})
        page.get_by_role("button", name="Rosa Ibáñez").click()
        page.get_by_text("No passkey was used.").wait_for()
        devtools.send("WebAuthn.setUserVerified", {**added, "isUserVerified": True})
        page.get_by_role("button", name="Rosa Ibáñez").click()
        page.get_by_text("You are signed out.").wait_for(state="hidden")
        assert clinic.types(f"passkey/{link.actor}")[-1] == "passkey.signed-in/1"

        page.goto(clinic.url("settings"))
        page.get_by_text("In a device").wait_for()
        page.get_by_role("button", name="Remove", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        page.get_by_text("The passkey was removed.").wait_for()
        page.get_by_text("In a device").wait_for(state="detached")
        assert clinic.types(f"passkey/{link.actor}")[-1] == "passkey.removed/1"

        sign_out(page, "Rosa Ibáñez")
        own = clinic.link(actor=link.actor)
        page.goto(place_of(clinic, own))
        page.get_by_role("button", name="Continue as Rosa Ibáñez").click()
        page.wait_for_url("**/#/patient")
        taken = [f"invitation.{verb}/1" for verb in ("made", "accepted")]
        assert clinic.types(f"invitation/{own.invitation}") == taken


def test_known_person_takes_a_link_for_somebody_new_as_itself_and_has_its_role(
    browser: Any, clinic: Clinic
) -> None:
    first = clinic.link()
    with person(browser, clinic, place_of(clinic, first), "Ines Brandt") as page:
        second = clinic.link(groups=[clinic.groups["clinician"]])
        page.goto(place_of(clinic, second))
        page.get_by_label("Who are you?").select_option("Ines Brandt")
        page.get_by_role("button", name="Continue as Ines Brandt").click()
        page.get_by_role("link", name="Patients").first.wait_for()
    with clinic.cast.node.node.desks.browsers.snapshot() as state:
        assert roles_of(state, first.actor) == ("clinician",)
    assert clinic.types(f"actor/{second.actor}") == [], "nobody new came"
