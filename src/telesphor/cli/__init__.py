"""The command tree: one file per kind of command, `main` as the way in.

Exit codes: 0 done, 1 refused or not proven, 2 wrong usage, 3 a needed package is missing, 130 interrupted.
Messages for people go to standard error; content and `--json` go to standard output.
"""

from __future__ import annotations

import typer

from telesphor import __version__
from telesphor.cli import actors, measuring, nodes, objects, proofs
from telesphor.runtime.console import refusals

EPILOG = "Exit codes: 0 done, 1 refused or not proven, 2 wrong usage, 3 a needed package is missing, 130 interrupted."

app = typer.Typer(
    name="telesphor",
    help="The security node that stands beside a telehealth service or an EHR.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"telesphor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """The security node that stands beside a telehealth service or an EHR."""


for commands in (nodes, measuring, proofs, objects, actors):
    commands.add_to(app)


def main() -> None:
    """Run the command line; a refusal is one line with a hint, never a traceback."""
    with refusals():
        app()
