"""`keygen`: keys for an actor, and its registration at a node."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from telesphor import app
from telesphor.cli.connect import DEFAULT_FOLDER, JsonOption, NodeOption, reach
from telesphor.client.node import NodeClient
from telesphor.client.wallet import Wallet, save_wallet
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.runtime.console import emit_json, refusals, say
from telesphor.runtime.folder import NodeFolder, load_node_keys, read_passphrase, read_passphrase_file
from telesphor.runtime.settings import load_settings


class ActorKindOption(StrEnum):
    """Kinds of actors that can be registered."""

    PERSON = "person"
    SYSTEM = "system"
    DEVICE = "device"
    ORGANISATION = "organisation"


def add_to(tree: typer.Typer) -> None:
    """Register these commands."""
    tree.command()(keygen)


def keygen(
    out: Annotated[Path, typer.Argument(help="The key file to write, sealed under the node's passphrase.")],
    kind: Annotated[ActorKindOption, typer.Option(help="What sort of actor.")] = ActorKindOption.PERSON,
    node: NodeOption = DEFAULT_FOLDER,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Seal it under this file's passphrase instead, to hand it over.")
    ] = None,
    register: Annotated[bool, typer.Option(help="Register the actor, signed by the node itself.")] = True,
    json: JsonOption = False,
) -> None:
    """Make an actor's keys (Ed25519, ML-DSA-65, X-Wing) and register them; prints the actor's id.

    Example: telesphor keygen clinician.key --kind person --node /srv/telesphor
    """
    with refusals():
        settings = load_settings(node)
        passphrase = read_passphrase(settings, ask=True)
        wallet = Wallet.create(kind=kind.value, ids=IdSource(SystemClock()))
        sealed = passphrase if passphrase_file is None else read_passphrase_file(passphrase_file)
        save_wallet(wallet, out, passphrase=sealed)
        position = _register(wallet, node, passphrase) if register else None
        if json:
            emit_json({"actor": wallet.actor, "kind": wallet.kind, "file": str(out), "position": position})
            return
        print(wallet.actor)
        said = f"registered in entry {position}" if register else "not registered yet"
        say(f"keys of {wallet.kind} [bold]{wallet.actor}[/] in {out}; {said}")


def _register(wallet: Wallet, node: Path, passphrase: bytes) -> int:
    """Let the node itself register the actor; returns the entry's position."""
    keys = load_node_keys(NodeFolder(node).node_key, passphrase=passphrase)
    with reach(node, "", "") as reached:

        async def send() -> int:
            async with NodeClient(
                reached.url, app.node_wallet(keys), origin=reached.origin, tls=reached.tls
            ) as client:
                return (await client.register(wallet)).first

        return asyncio.run(send())
