"""What the demonstration says while it runs: numbered chapters, plain lines, bars, and a table at the end.

All of it goes to standard error. Nothing that is said holds a name or a finding from the records.

Start at `Narrator`.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from telesphor.runtime.console import people, progress

INDENT: Final = "    "
LINE_CHARS_MAX: Final = 100
"""Longer lines are tiring to read, however wide the terminal is."""


class Narrator:
    """Tells the reader what happens, as it happens."""

    def __init__(self, console: Console = people) -> None:
        self._console = console
        self._chapter = 0
        self._status: Status | None = None

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """A numbered chapter; says at its end how long it took."""
        self._chapter += 1
        self._console.print()
        self._line(Text(f"{self._chapter:2}  {title}", style="bold"))
        started = time.monotonic()
        self._status = self._console.status("", spinner_style="dim") if self._console.is_terminal else None
        with self._status or nullcontext():
            yield
        self._status = None
        self._line(Text(f"{INDENT}{time.monotonic() - started:.1f} s", style="dim"))

    def say(self, text: str) -> None:
        """A plain sentence or two."""
        self._lines("", text)

    def command(self, line: str) -> None:
        """A command to copy: never wrapped."""
        self._line(Text(INDENT * 2 + line, style="bold"))

    def step(self, number: int, name: str, sentence: str, *, held: bool) -> None:
        """One step of the verifier."""
        sign, style = ("ok", "green") if held else ("FAIL", "bold red")
        self._lines(f"{number:2}. {name:<12}{sign:<6}", sentence, sign_at=16, style=style)

    def level(self, name: str, at: str, sentence: str) -> None:
        """An assurance level: when it was reached and by what, or what it lacks."""
        sign, style = (at, "green") if at else ("not reached", "yellow")
        self._lines(f"{name}  {sign:<26}", sentence, sign_at=4, style=style)

    def detected(self, what: str, said: str) -> None:
        """An attack that was found out, and the message that says so."""
        self._lines("detected  ", what, style="green")
        self._lines(" " * 10, said, dim=True)

    def undetected(self, what: str) -> None:
        """An attack that nobody noticed."""
        self._lines("NOT DETECTED  ", what, style="bold red")

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Any]:
        """A progress bar; yields `advance(done)`."""
        if self._status is not None:  # a terminal has one live line, and the bar is more telling
            self._status.stop()
        with progress(INDENT + title, total) as advance:
            yield advance
        if self._status is not None:
            self._status.start()

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        """The closing table."""
        shown = Table(title="What happened, and what is proven", title_justify="left", title_style="bold")
        shown.show_header, shown.show_edge, shown.pad_edge, shown.box = False, False, False, None
        shown.add_column(no_wrap=True, style="dim")
        shown.add_column(overflow="fold", max_width=LINE_CHARS_MAX)
        for name, value in rows:
            shown.add_row(Text(name), Text(value))
        self._console.print()
        self._console.print(shown)
        self._console.print()

    def _lines(self, head: str, text: str, *, sign_at: int = 0, style: str = "", dim: bool = False) -> None:
        """Wrapped text that hangs behind its head, whose part from `sign_at` on is coloured."""
        width = max(min(LINE_CHARS_MAX, self._console.width) - len(INDENT) - len(head), 20)
        wrapped = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
        for number, line in enumerate(wrapped):
            front = head if number == 0 else " " * len(head)
            shown = Text.assemble(INDENT, front[:sign_at], (front[sign_at:], style), line)
            if dim:
                shown.stylize("dim")
            self._line(shown)

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 entry`, `2 entries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sized(size_bytes: int) -> str:
    """Bytes for people: `64.0 MiB`."""
    size = float(size_bytes)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size_bytes} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
