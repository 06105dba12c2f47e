"""What a person sees in a terminal: progress, tables, one-line errors with a hint.

Everything for people goes to standard error, everything for programs (`--json`, bundles, content) to
standard output, so that pipes stay clean.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from telesphor.kernel.errors import TelesphorError

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

people = Console(stderr=True, highlight=False)


def fail(error: TelesphorError) -> NoReturn:
    """Print one line with a hint and exit with `EXIT_REFUSED`."""
    people.print(f"[bold red]telesphor:[/] {_plain(error.message)} [dim]({error.code})[/]", soft_wrap=True)
    if error.hint:
        people.print(f"  [dim]hint:[/] {_plain(error.hint)}", soft_wrap=True)
    sys.exit(EXIT_REFUSED)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a refusal inside the block into its one-line message and exit code."""
    try:
        yield
    except TelesphorError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


@contextmanager
def progress(title: str, total: int | None = None, *, quiet: bool = False) -> Iterator[Any]:
    """Show a bar while the block runs; yields `advance(done)`, which takes how much is done so far."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=people, transient=True, disable=quiet or not people.is_terminal) as bars:
        task = bars.add_task(title, total=total)

        def advance(done: int, of: int | None = None) -> None:
            bars.update(task, completed=done, total=of if of is not None else total)

        yield advance


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show a small table."""
    shown = Table(
        title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for index, column in enumerate(columns):
        shown.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        shown.add_row(*(_plain(cell) for cell in row))
    people.print(shown)


def say(text: str) -> None:
    """One line for a person; rich markup is allowed, so never pass input."""
    people.print(text, soft_wrap=True)


def emit_json(value: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(msgspec.to_builtins(value), indent=2, sort_keys=True))


def _plain(text: str) -> str:
    """Text that came from elsewhere: no markup, no control characters."""
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean.replace("[", r"\[")
