"""Pictures of the screens that the browser tests come to, kept for whoever wants to look.

They are in `build/screens/`, or in the folder that the environment's TELESPHOR_SCREENS names: a folder for each house,
`07-patient-proofs-360.png` the seventh screen of it at a phone's width. Start at `Album`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

PHONE: Final = {"width": 360, "height": 740}
DESKTOP: Final = {"width": 1280, "height": 800}
SIZES: Final = (DESKTOP, PHONE)

SCREENS: Final = Path(os.environ.get("TELESPHOR_SCREENS") or Path(__file__).parents[3] / "build/screens")
NO_NAME: Final = re.compile(r"[^\w. ]+")
"""Some people here are called what no file may be called."""

FOLLOWS_MS: Final = 100
"""Plots and grids follow a new size of the window a moment later."""


class Album:
    """The pictures of one house; those of its last run are taken out.

    Attributes:
        screens: names of the screens that were taken, in order.
    """

    def __init__(self, name: str) -> None:
        self._folder = SCREENS / name
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("*.png"):
            old.unlink()
        self.screens: list[str] = []

    def begin(self, screen: str) -> None:
        """What is taken from now on is of this screen."""
        self.screens.append(screen)

    def take(self, page: Any, *, dark: bool = False) -> None:
        """The page as it is."""
        width = page.viewport_size["width"]
        name = f"{len(self.screens):02}-{self.screens[-1]}-{width}{'-dark' if dark else ''}.png"
        page.screenshot(path=self._folder / name, animations="disabled")

    def take_at_both_sizes(self, page: Any) -> None:
        """The page as it is, and in a window of the other size."""
        self.take(page)
        own = page.viewport_size
        other = DESKTOP if own == PHONE else PHONE
        resize(page, other)
        self.take(page)
        resize(page, own)

    def end(self, pages: dict[str, Any]) -> None:
        """What everybody saw last: the first that one wants to see when something failed."""
        for name, page in pages.items():
            if not page.is_closed():
                page.screenshot(path=self._folder / f"last-{NO_NAME.sub('-', name)}.png")


def resize(page: Any, size: dict[str, int]) -> None:
    """Give the window another size, and the page the time to follow."""
    page.set_viewport_size(size)
    page.wait_for_timeout(FOLLOWS_MS)
