"""`telesphor --version`: the options before any command."""

from __future__ import annotations

import typer

from telesphor import __version__


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"telesphor {__version__}")
        raise typer.Exit


def options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """The security node that stands beside a telehealth service or an EHR."""
