"""`did`: an actor's keys as anyone sees them, now and at past moments; and what to do when they are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from telesphor.cli import recovering
from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import JsonOption, Reached
from telesphor.client.dids import KeyHistory, fetch_document, fetch_history, fetch_proof
from telesphor.client.http import Http
from telesphor.kernel.base64url import std_decode
from telesphor.runtime.console import emit_json, say, table

T = TypeVar("T")

ActorArgument = Annotated[
    str, typer.Argument(metavar="ACTOR", help="The actor's id; `node` is the node itself.")
]

_HELP = """See an actor's keys now and at past moments, and replace keys that are lost.

Example: telesphor did show 0190... --at 2026-11-22T11:51:15Z
"""


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tree = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    tree.command()(show)
    tree.command()(history)
    recovering.add_to(tree)
    app.add_typer(tree, name="did")


@at_node
def show(
    place: Place,
    actor: ActorArgument,
    at: Annotated[str, typer.Option(help="The document of that moment, such as 2026-11-22T11:51:15Z.")] = "",
) -> None:
    """Print the DID document of an actor.

    Example: telesphor did show 0190...
    """
    wanted = "" if actor == "node" else actor
    emit_json(_fetch(place, lambda http: fetch_document(http, wanted, at=at)))


@at_node
def history(
    place: Place,
    actor: ActorArgument,
    save: Annotated[
        Path | None,
        typer.Option(help="Write each version's entry and proof here, for `telesphor verify --entry`."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List every pair that an actor ever signed with, since when and until when.

    Example: telesphor did history 0190... --save keys-of-0190
    """

    async def look(http: Http) -> tuple[KeyHistory, list[bytes]]:
        found = await fetch_history(http, actor)
        return found, [] if save is None else [await fetch_proof(http, one) for one in found.versions]

    found, proofs = _fetch(place, look)
    if save is not None:
        _save(found, proofs, save)
    if json:
        emit_json(found)
        return
    rows = [(one.version, one.since, one.until or "in force", one.keys[1]) for one in found.versions]
    table("", ("entry", "since", "until", "ML-DSA-65 key"), rows)
    say(f"{found.id} is {found.state}")


def _save(found: KeyHistory, proofs: list[bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for version, proof in zip(found.versions, proofs, strict=True):
        name = str(int(version.version))
        (folder / f"{name}.json").write_bytes(std_decode(version.entry))
        (folder / f"{name}.tlog-proof").write_bytes(proof)


def _fetch(place: Place, ask: Callable[[Http], Awaitable[T]]) -> T:
    async def run(reached: Reached) -> T:
        async with Http(reached.url, reached.tls) as http:
            return await ask(http)

    with place.reach() as reached:
        return asyncio.run(run(reached))
