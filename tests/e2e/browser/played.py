"""The clinic of the demonstration in a browser: everybody comes by a real link, and there is a record to see.

`look_over` is how a screen is judged at both sizes. Start at `open_played`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import pytest

from telesphor.demo.heart import RecordingsMissing, load_recordings
from telesphor.demo.play.cast import NAMES, Part
from telesphor.demo.records import ExamplesMissing, load_records
from tests.e2e.browser.album import PHONE, SIZES, Album, resize
from tests.e2e.browser.english import english_among
from tests.e2e.browser.house import CHROMIUM, House, Person, called, what_is_missing
from tests.support.chromium import find_chromium

COMMAND: Final = [
    sys.executable,
    "-c",
    "from telesphor.cli import main; main()",
    "demo",
    "--play-only",
    "--json",
]
PREPARED_SECONDS: Final = 60.0
SETTLED_MS: Final = 60_000
ANSWER_SECONDS: Final = 60.0
BAR: Final = 100
TALL_MAX: Final = 6_000
"""A record of a page; axe takes a second for more."""

WIDE: Final = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const reaching = (one) => one.getBoundingClientRect().right > innerWidth + 1;
  const texts = [...document.querySelectorAll("main *")].filter(reaching).map((one) => one.outerHTML.slice(0, 120));
  return wide > 0 ? [`${wide} px too wide`, ...texts.slice(0, 3)] : [];
}"""

SMALL: Final = """() => {
  const controls = "main button, main a[href], nav a[href], header button";
  const found = [];
  for (const one of document.querySelectorAll(controls)) {
    const box = one.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const shown = box.width > 1 && y > 80 && y < innerHeight - 100 && getComputedStyle(one).display !== "inline";
    if (!shown || box.height >= 43.5) continue;
    const hit = [y - 20, y + 20].map((at) => document.elementFromPoint(x, at));
    const beside = hit.find((other) => !one.contains(other));
    const what = `${Math.round(box.height)} px: ${one.outerHTML.slice(0, 120)}`;
    if (beside) found.push(`${what}, beside ${beside.outerHTML.slice(0, 80)}`);
  }
  return found;
}"""

TEXTS: Final = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const { parentElement, textContent } = walker.currentNode;
    if (parentElement.closest("noscript") === null) texts.push(textContent.trim());
  }
  for (const name of ["aria-label", "placeholder", "title"])
    for (const one of document.querySelectorAll(`[${name}]`)) texts.push(one.getAttribute(name));
  return texts.filter(Boolean);
}"""


class Played(House):
    """The demonstration's clinic, and everybody who came.

    Attributes:
        faults: what was found on screens besides what axe finds.
    """

    def __init__(self, told: dict[str, Any], browser: Any, album: Album) -> None:
        super().__init__(None, browser, album)  # type: ignore[arg-type]  # There is no cast: the demonstration has its own.
        self.url, self._key, self._links = str(told["url"]), str(told["key"]), dict(told["links"])
        self.page_of_links = str(told["page"])
        self.faults: list[str] = []

    def come(self, part: Part) -> Person:
        """Somebody takes the link of its part, in a browser of its own."""
        person = self.person(NAMES[part], size=PHONE)
        self.join(person, self._links[part])
        person.page.get_by_label("Your name").wait_for(state="hidden")
        return person

    def wait_for(self, *ready: str) -> None:
        """Until the clinic has done that for the patient."""
        ends = time.monotonic() + PREPARED_SECONDS
        asked = Request(f"{self.url}/v1/demo", headers={"Telesphor-Demo": self._key})
        while True:
            with urlopen(asked, timeout=ANSWER_SECONDS) as answer:
                shown = json.load(answer)["rounds"][0]
            assert shown["fault"] == "", shown
            if set(ready) <= set(shown["ready"]):
                return
            assert time.monotonic() < ends, shown
            time.sleep(0.2)


@contextmanager
def open_played(folder: Path) -> Iterator[Played]:
    """Start the demonstration and Chromium."""
    assert not what_is_missing(), what_is_missing()
    try:
        load_records(), load_recordings()
    except (ExamplesMissing, RecordingsMissing) as missing:
        pytest.skip(f"{missing.message}; {missing.hint}")
    sync_api = pytest.importorskip("playwright.sync_api")
    with _demonstrating(folder) as told, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM)
        played = Played(told, browser, Album(called(folder)))
        try:
            yield played
        finally:
            played.finish()


def go(person: Person, place: str) -> None:
    """Another page of the app, until it shows what it has."""
    person.ask("place => { location.hash = place; }", place)
    settle(person)


def settle(person: Person) -> None:
    """Until nothing is loading any more."""
    person.page.locator("[data-page-title]").first.wait_for()
    quiet = "() => document.querySelector('main [aria-busy=true]') === null"
    person.page.wait_for_function(quiet, timeout=SETTLED_MS)


def look_over(person: Person, screen: str, *, fingers: bool = True) -> None:
    """Judge a screen at both sizes: axe, nothing wider than a phone, nothing too small for a finger there."""
    house = person.house
    assert isinstance(house, Played)
    house.album.begin(screen)
    for size in SIZES:
        resize(person.page, size)
        house.faults += [f"{screen}, {size['width']}: {one}" for one in person.ask(WIDE)]
        house.faults += [
            f"{screen}: {one}" for one in (person.ask(SMALL) if fingers and size == PHONE else [])
        ]
        height = min(int(person.ask("() => document.body.scrollHeight")) + BAR, TALL_MAX)
        resize(person.page, {**size, "height": max(height, size["height"])})  # Nothing is half behind a bar.
        house.findings += [f"{screen}, {size['width']}: {one}" for one in person.findings()]
        house.album.take(person.page)
    person.page.set_viewport_size(PHONE)


def look_in_spanish(person: Person, places: dict[str, str]) -> None:
    """Go through places in Spanish: no words of the app are left in English, and nothing is wider than a phone."""
    house = person.house
    assert isinstance(house, Played)
    person.page.set_viewport_size(PHONE)
    person.ask("() => localStorage.setItem('telesphor-language', 'es')")
    person.page.reload()
    for screen, place in places.items():
        go(person, place)
        house.faults += [f"{screen} in Spanish: {one}" for one in english_among(person.ask(TEXTS))]
        house.faults += [f"{screen} in Spanish: {one}" for one in person.ask(WIDE)]
    person.ask("() => localStorage.setItem('telesphor-language', 'en')")
    person.page.reload()
    settle(person)


def look_in_the_dark(person: Person, screen: str) -> None:
    """Hold a screen in the dark theme against axe."""
    person.wear("dark")
    person.house.findings += [f"{screen} in the dark: {one}" for one in person.findings()]
    person.house.album.begin(screen)
    person.house.album.take(person.page, dark=True)
    person.wear("light")


@contextmanager
def _demonstrating(folder: Path) -> Iterator[dict[str, Any]]:
    sources = str(Path(__file__).parents[3] / "src")
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [*COMMAND, "--out", str(folder / "out")],
            env={**os.environ, "PYTHONPATH": sources},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "}\n":
                break
        assert lines, (folder / "said").read_text()
        yield json.loads("".join(lines))
    finally:
        process.terminate()
        process.wait(PREPARED_SECONDS)
