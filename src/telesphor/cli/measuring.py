"""`demo` and `bench`: the node shown at work, and measured."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from telesphor.cli.connect import JsonOption
from telesphor.runtime.console import EXIT_REFUSED, emit_json, refusals


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(demo)
    app.command()(bench)


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="End after the table, without serving.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="An empty or new folder for the node and visit.bundle.zip; default demo/run-N."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to serve on afterwards; 0 takes a free one.", min=0)] = 0,
    json: JsonOption = False,
    play_only: Annotated[
        bool,
        typer.Option("--play-only", help="Skip the script: serve the clinic at once, for people to play in."),
    ] = False,
) -> None:
    """Play a telehealth visit on real records in a small network, prove it, verify the proof offline, attack it.

    Exits 1 unless the proof verified, as far as the chains that are installed let it, and every attack was
    detected. Then it serves a page from which you play patient, clinician and auditor yourself, in tabs of a browser.
    With `--play-only --json` the links to it are printed as one line.

    Example: telesphor demo --headless --out /tmp/demo --json
    """
    # Imported late: no other command needs what the demonstration needs.
    from telesphor.demo.closing_table import summarise, tell_table
    from telesphor.demo.narration import Narrator
    from telesphor.demo.run import play_only as play_at_once
    from telesphor.demo.run import run_demo, serve_again
    from telesphor.demo.stage import choose_folder

    with refusals(), ExitStack() as stack:
        _end_in_order()
        narrator = Narrator()
        if play_only:
            told = _print_now if json else _keep_quiet
            play_at_once(choose_folder(out), port=port, narrator=narrator, stack=stack, told=told)
            return
        outcome = run_demo(choose_folder(out), narrator=narrator, stack=stack)
        tell_table(outcome, narrator)
        if json:
            emit_json(summarise(outcome))
        if not outcome.held:
            narrator.undetected("not everything held: see above")
            raise typer.Exit(EXIT_REFUSED)
        if not headless:
            serve_again(outcome, port=port, narrator=narrator)


def _print_now(value: object) -> None:
    """Print for whoever waits for it at the other end of a pipe."""
    emit_json(value)
    sys.stdout.flush()


def _keep_quiet(_value: object) -> None:
    """Who did not ask for JSON gets none."""


def _end_in_order() -> None:
    """Leave by the way of the `with` blocks when told to end, so that what was started ends too."""

    def leave(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def bench(
    only: Annotated[
        list[str] | None, typer.Option(help="Measure only this group; may be given again.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of everything: for a look, not for a record.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Measure the node on this machine, beside what the machine itself allows.

    Example: telesphor bench --only writer --quick
    """
    from telesphor.bench import run

    with refusals():
        raise typer.Exit(run(only=only or [], quick=quick, json=json))
