"""The command tree: one file per kind of command, `main` as the way in.

Only the file of the command at hand is imported, because a node's parts take a second to load and
`verify` needs none of them. Exit codes: 0 done, 1 refused or not proven, 2 wrong usage, 3 a needed
package is missing, 130 interrupted. Messages for people go to standard error; content and `--json`
go to standard output.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

FILES = {
    "nodes": ("init", "serve", "fsck"),
    "measuring": ("demo", "bench"),
    "proofs": ("prove", "log"),
    "verifying": ("verify",),
    "objects": ("put", "get", "erase"),
    "ask": ("ask",),
    "actors": ("keygen",),
    "networking": ("network",),
    "sharing": ("share",),
    "witnessing": ("witness",),
    "channels": ("tls",),
    "interchain": ("interchain",),
    "factor": ("factor",),
    "did": ("did",),
    "device": ("device",),
    "token": ("token", "group"),
    "decision": ("decision",),
    "access": ("access",),
    "contract": ("contract",),
    "monitor": ("monitor",),
}
"""Which file has which commands; each file's `add_to` registers its own."""

EPILOG = (
    "Exit codes: 0 done, 1 refused or not proven, 2 wrong usage, 3 a needed package is missing, "
    "130 interrupted."
)


def build_tree(wanted: str | None = None) -> typer.Typer:
    """The command tree: of the file that has the command `wanted`, or of all when there is none such."""
    import typer  # Late, as in `main`: what a node spawns imports this module again, and has no commands.

    from telesphor.cli.version import options

    tree = typer.Typer(
        name="telesphor",
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    tree.callback()(options)
    needed = [file for file, commands in FILES.items() if wanted in commands]
    for file in needed or FILES:
        import_module(f"{__name__}.{file}").add_to(tree)
    return tree


def main() -> None:
    """Run the command line; a refusal is one line with a hint, never a traceback."""
    from telesphor.runtime.console import refusals

    wanted = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    with refusals():
        build_tree(wanted)()
