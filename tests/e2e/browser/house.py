"""A house for the app's tests: one node, one Chromium with fake cameras, and people who join by real links.

Everybody is a browser context of its own (keys, cookies and storage apart), and does everything by what is on the
screen. What a page says to its console, and what goes over its live connection, is kept. Start at `open_house`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from telesphor.app import node_wallet
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.runtime.web import WEB_FOLDER
from tests.e2e.browser.album import Album
from tests.e2e.running import Running, running
from tests.e2e.test_invitations import Cast, make
from tests.support.chromium import PLAIN, find_chromium

WAIT_MS: Final = 60_000
STATS_SECONDS: Final = 60.0
FRAMES: Final = 5
"""So many decoded frames are a picture, and no accident."""

AXE: Final = Path(__file__).parents[3] / "web/node_modules/axe-core/axe.min.js"
AXE_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FINDINGS: Final = """async (tags) => {
  const { scrollX, scrollY } = window;
  window.scrollTo({ left: 0, top: 0, behavior: "instant" });
  const { violations } = await axe.run({ runOnly: tags, resultTypes: ["violations"] });
  window.scrollTo({ left: scrollX, top: scrollY, behavior: "instant" });
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return serious.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}"""
"""The page says what is wrong alone: a report of all that is right takes longer to come over than to make.

It is looked at from its top: of what is half under the header where one has scrolled, only a strip would count.
"""

CHROMIUM: Final = [
    *PLAIN, "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=5,display-media-type=monitor",
    "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns",
]  # fmt: skip

ASK_SECONDS: Final = 60.0
"""A page answers in milliseconds; only statistics of a browser at its limit take a second."""

BOUNDED: Final = """async (...words) => {{
  const late = new Promise((_, fail) => {{
    setTimeout(() => fail(new Error("no answer for {seconds} s")), {seconds} * 1000);
  }});
  return Promise.race([({script})(...words), late]);
}}"""

SMALL_PICTURES: Final = """{
  const devices = navigator.mediaDevices;
  const open = devices?.getUserMedia.bind(devices);
  if (open) devices.getUserMedia = (wanted) => {
    const video = typeof wanted.video === "object" ? wanted.video : {};
    const small = { ...video, width: 320, height: 240, frameRate: 10 };
    return open(wanted.video ? { ...wanted, video: small } : wanted);
  };
}"""
"""Twelve pictures are encoded and decoded on two cores; what is tried here does not depend on their size."""

CLOCK: Final = """{{
  window.aheadMs = {ahead_ms};
  const Right = Date;
  window.Date = class extends Right {{
    constructor(...words) {{ super(...(words.length === 0 ? [Right.now() + window.aheadMs] : words)); }}
    static now() {{ return Right.now() + window.aheadMs; }}
  }};
}}"""

KEEP_PEERS: Final = """
  window.peers = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...words) { super(...words); window.peers.push(this); }
    async getStats(...words) {
      const told = [...await super.getStats(...words)];
      return new Map(told.filter(([, { type }]) => type !== "remote-inbound-rtp" && type !== "candidate-pair"));
    }
  };
"""
"""Lines are good: a machine that is busy with others would pass for a weak line, and the picture be given up."""

MEDIA: Final = """async () => {
  const told = [];
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    const one = { frames: 0, sound: 0 };
    for (const report of (await peer.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      if (report.kind === "video") one.frames = Math.max(one.frames, report.framesDecoded ?? 0);
      if (report.kind === "audio") one.sound = Math.max(one.sound, report.totalAudioEnergy ?? 0);
    }
    told.push(one);
  }
  return told;
}"""

SETTLED: Final = """async () => {
  const ends = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity);
  await Promise.race([
    Promise.allSettled(ends.map(({ finished }) => finished)),
    new Promise((tell) => setTimeout(tell, 3000)),
  ]);
}"""
"""A colour in the middle of its change is no finding; on a busy machine changes last longer than they are told to."""

WEARS: Final = "scheme => document.documentElement.dataset.mantineColorScheme === scheme"

JAMS: Final = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  const wide = [...document.querySelectorAll("aside, aside *")].filter(
    (one) => one.clientWidth > 0 && one.getBoundingClientRect().right > clientWidth + 0.5);
  const covered = [...document.querySelectorAll("button[class*=control], li button[class*=small]")].filter((one) => {
    const box = one.getBoundingClientRect();
    const at = [[0.5, 0.5], [0.2, 0.2], [0.8, 0.8]].map(([x, y]) => [box.x + box.width * x, box.y + box.height * y]);
    return at.some(([x, y]) => !one.contains(document.elementFromPoint(x, y)));
  });
  return [
    ...(scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide`] : []),
    ...wide.map((one) => `beyond the edge: ${one.outerHTML.slice(0, 80)}`),
    ...covered.map((one) => `covered: ${one.textContent || one.ariaLabel}`),
  ];
}"""

BROKEN: Final = re.compile(r"error:|Content Security Policy|Uncaught")


def reason_to_skip() -> str:
    """Why the app is not tried here; empty where it is, and in CI, where nothing may be missing."""
    return "" if os.environ.get("CI") else what_is_missing()


def what_is_missing() -> str:
    """What this machine lacks; empty where it has everything."""
    if find_chromium() is None:
        return "this machine has no Chromium"
    if not (WEB_FOLDER / "index.html").exists():
        return "the app is not built: `make web`"
    return "" if AXE.exists() else "web/node_modules has no axe-core: `make web`"


class Person:
    """Somebody with a browser of its own."""

    def __init__(self, house: House, name: str, context: Any) -> None:
        self.house, self.name, self.context = house, name, context
        self._said: list[str] = []
        self._frames: list[tuple[str, str]] = []
        self.page = self.open_page()

    def open_page(self) -> Any:
        """A new tab."""
        page = self.context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: self._said.append(message.text))
        page.on("pageerror", lambda error: self._said.append(f"error: {error}"))
        page.on("dialog", self._answer)
        page.on("websocket", self._listen)
        return page

    @property
    def said(self) -> list[str]:
        """What the pages wrote to the console until now, errors marked."""
        self._let_news_come()
        return self._said

    @property
    def frames(self) -> list[tuple[str, str]]:
        """What went over the live connection until now, and which way."""
        self._let_news_come()
        return self._frames

    def press(self, name: str | re.Pattern[str], *, exact: bool = True) -> None:
        """Press a button by its name."""
        self.button(name, exact=exact).click()

    def button(self, name: str | re.Pattern[str], *, exact: bool = True) -> Any:
        exactly = exact and isinstance(name, str)
        return self.page.get_by_role("button", name=name, exact=exactly).first

    def sees(self, text: str | re.Pattern[str]) -> Any:
        """Wait until it is on the screen."""
        found = self.page.get_by_text(text).first
        found.wait_for()
        return found

    def media(self) -> list[dict[str, float]]:
        """Of each other person connected: decoded frames, and energy of the sound that came."""
        told: list[dict[str, float]] = self.ask(MEDIA)
        return told

    def ask(self, script: str, words: object = None, *, of: Any = None, seconds: float = ASK_SECONDS) -> Any:
        """What a function says in the page, or `of` one element of it; an error when nothing comes in time."""
        return (of or self.page).evaluate(BOUNDED.format(script=script, seconds=seconds), words)

    def jams(self) -> list[str]:
        """What a panel of the room covers or pushes out of the window."""
        found: list[str] = self.ask(JAMS)
        return found

    def turn_clock(self, ahead_ms: int) -> None:
        """From now on the page's clock is so much ahead."""
        self.ask("(aheadMs) => { window.aheadMs = aheadMs; }", ahead_ms)

    def sees_and_hears(self, others: int, *, seconds: float = STATS_SECONDS) -> None:
        """Wait until the picture and the sound of so many others arrive, decrypted and decoded."""
        wait_until(
            lambda: sum(one["frames"] >= FRAMES and one["sound"] > 0 for one in self.media()) >= others,
            lambda: f"{self.name} sees {self.media()}",
            seconds=seconds,
        )

    def sees_more(self, others: int, *, seconds: float = STATS_SECONDS) -> None:
        """Wait until the pictures of exactly so many others have gone on from where they are now."""
        before = self.media()
        wait_until(
            lambda: (
                len(before) == len(now := self.media()) == others
                and all(one["frames"] > was["frames"] for one, was in zip(now, before, strict=True))
            ),
            lambda: f"of {self.name} {before} became {self.media()}",
            seconds=seconds,
        )

    def look(self, screen: str) -> None:
        """Hold the screen against WCAG 2.2 AA, and take its picture at both sizes."""
        self.house.findings += [f"{screen}: {finding}" for finding in self.findings()]
        self.house.album.begin(screen)
        self.house.album.take_at_both_sizes(self.page)

    def findings(self) -> list[str]:
        """What axe finds serious on the screen now."""
        if not self.ask("() => 'axe' in window"):
            self.page.evaluate(AXE.read_text())
        self.ask(SETTLED)
        found: list[str] = self.ask(FINDINGS, AXE_TAGS)
        return found

    def wear(self, scheme: str) -> None:
        """The system turns "light" or "dark"; wait until the page has followed, which takes a busy one a while."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.wait_for_function(WEARS, arg=scheme)

    def _let_news_come(self) -> None:
        """Ask the page something: only meanwhile does Playwright hand over what the page has told."""
        if not self.page.is_closed():
            self.page.wait_for_timeout(1)

    def _answer(self, dialog: Any) -> None:
        """Go away where one is asked whether to; nothing else of the app asks by the browser's own window."""
        if dialog.type != "beforeunload":
            self._said.append(f"error: the page opened a window: {dialog.message}")
        dialog.accept()

    def _listen(self, socket: Any) -> None:
        socket.on("framesent", lambda data: self._frames.append(("sent", str(data))))
        socket.on("framereceived", lambda data: self._frames.append(("received", str(data))))


class House:
    """The node, the browser, and everybody in it.

    Attributes:
        findings: what axe found serious, by screen.
        album: pictures of the screens that were looked at.
    """

    def __init__(self, cast: Cast, browser: Any, album: Album) -> None:
        self.cast, self.album, self._browser = cast, album, browser
        self.people: list[Person] = []
        self.findings: list[str] = []

    @property
    def node(self) -> Running:
        return self.cast.node

    def person(self, name: str, *, size: dict[str, int], offline: bool = False, ahead_ms: int = 0) -> Person:
        """A browser that has never been here. Only one that is to be `offline` keeps the app for that.

        Its clock is `ahead_ms` ahead of the node's.
        """
        context = self._browser.new_context(
            viewport=size,
            locale="en-GB",
            color_scheme="light",
            reduced_motion="reduce",  # A colour in the middle of its change is no finding.
            accept_downloads=True,
            service_workers="allow" if offline else "block",
        )
        context.grant_permissions(["camera", "microphone"])
        for script in (KEEP_PEERS, SMALL_PICTURES, CLOCK.format(ahead_ms=ahead_ms)):
            context.add_init_script(script)
        person = Person(self, name, context)
        self.people.append(person)
        return person

    def join(self, person: Person, link: str) -> None:
        """Open a link, say one's name where it is not known, and go in."""
        person.page.goto(link)
        person.page.get_by_label("Your name").fill(person.name)
        person.press("Continue")

    def staff(self, name: str, role: str, *, size: dict[str, int]) -> Person:
        """Somebody whom the hospital invited into a role."""
        person, group = self.person(name, size=size), self.node.ids.next()
        formed = self.node.command(self.cast.hospital, "group.form/1", group=group, kind="role", role=role)
        assert formed.status == 200, formed
        link, answer = make(self.cast, groups=[group])
        assert answer.status == 200, answer
        self.join(person, f"{self.node.url}/#/join/{link.invitation}/{link.code}")
        return person

    def finish(self) -> None:
        """Keep what everybody saw last, and close the browser."""
        self.album.end({person.name: person.page for person in self.people})
        self._browser.close()

    def broken(self) -> list[str]:
        """What pages said that none should say."""
        return [f"{one.name}: {text}" for one in self.people for text in one.said if BROKEN.search(text)]


@contextmanager
def open_house(folder: Path, **settings: Any) -> Iterator[House]:
    """Serve a node of these settings with a hospital, and start Chromium; the album has the folder's name."""
    assert not what_is_missing(), what_is_missing()
    sync_api = pytest.importorskip("playwright.sync_api")
    with running(folder / "node", **settings) as node, sync_api.sync_playwright() as playwright:
        hospital = Wallet.create(kind="organisation", ids=node.ids)
        command = register_command(hospital, node=node.node.settings.origin)
        assert node.post(node.sign(node_wallet(node.node.keys), command)).status == 200
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM)
        house = House(Cast(node, hospital), browser, Album(called(folder)))
        try:
            yield house
        finally:
            house.finish()


def called(folder: Path) -> str:
    """The name of a folder that pytest made and numbered."""
    return folder.name.rstrip("0123456789")


def wait_until(holds: Callable[[], bool], tell: Callable[[], str], *, seconds: float = STATS_SECONDS) -> None:
    """Look again until it holds."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, tell()
        time.sleep(0.1)
