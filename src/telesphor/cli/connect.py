"""Reaching a node from the command line: by URL, or in its folder.

In a folder that a running node holds, its address file says where it listens. Otherwise the node is
opened here and served on a loopback port while the command runs, so that every command takes the
same way through the same edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from telesphor.app import open_node
from telesphor.client.wallet import Wallet, load_wallet
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.folder import FolderInUse, NodeFolder, read_passphrase
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import load_settings

DEFAULT_FOLDER = Path("telesphor-node")

NodeOption = Annotated[
    Path, typer.Option("--node", envvar="TELESPHOR_NODE", help="The node's folder.", show_default=True)
]
UrlOption = Annotated[
    str, typer.Option("--url", help="Talk to a running node here instead, such as http://127.0.0.1:8420.")
]
OriginOption = Annotated[
    str, typer.Option("--origin", help="With --url: the node's origin, which every request is bound to.")
]
AsOption = Annotated[Path, typer.Option("--as", help="Key file of the actor who asks (`telesphor keygen`).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]


class OriginMissing(TelesphorError):
    """A remote node was named, but not its origin."""

    code = "origin-missing"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Reached:
    """A node that answers at `url` under the name `origin`."""

    url: str
    origin: str


@contextmanager
def reach(folder: Path, url: str, origin: str) -> Iterator[Reached]:
    """Yield a node that answers; opens and serves it here when no one else does.

    Raises:
        OriginMissing, SettingsRefused, FolderInUse: it cannot be reached in this way.
    """
    if url:
        if not origin:
            raise OriginMissing(
                "a request is bound to the node's origin",
                hint="add `--origin`; it is the checkpoint's first line",
            )
        yield Reached(url.rstrip("/"), origin)
        return
    settings = load_settings(folder)
    place = NodeFolder(folder)
    try:
        with (
            open_node(folder, passphrase=read_passphrase(settings, ask=True)) as node,
            serving(node.edge()) as base,
        ):
            yield Reached(base, settings.origin)
    except FolderInUse:
        if not place.address.is_file():
            raise
        yield Reached(place.address.read_text(encoding="ascii").strip(), settings.origin)


def open_wallet(path: Path, folder: Path) -> Wallet:
    """Open an actor's key file with the passphrase from the environment, or ask for it."""
    settings = load_settings(folder)
    return load_wallet(path, passphrase=read_passphrase(settings, ask=True))
