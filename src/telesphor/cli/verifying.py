"""`verify`: check a proof bundle, or one entry's proof; needs no node, and imports none of it."""

from __future__ import annotations

import typer

from telesphor.verify.cli import run

PASS_THROUGH = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
"""The verifier reads its own arguments, as its single-file build does."""


def add_to(tree: typer.Typer) -> None:
    """Register this command."""
    tree.command(context_settings=PASS_THROUGH, add_help_option=False)(verify)


def verify(context: typer.Context) -> None:
    """Check a proof bundle, or one entry's .tlog-proof, offline, step by step.

    Example: telesphor verify --key log.vkeys --require L3 visit.bundle.zip
    """
    raise typer.Exit(run(context.args))
