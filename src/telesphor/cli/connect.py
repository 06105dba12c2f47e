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
from urllib.parse import urlsplit

import typer

from telesphor.client.http import PLAIN, Dialling
from telesphor.client.wallet import Wallet, load_wallet
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.folder import FolderInUse, FolderLock, NodeFolder, read_passphrase
from telesphor.runtime.settings import Settings, load_settings
from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.context import client_context
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.link import NodeLink
from telesphor.runtime.tls.policy import NODES, QUANTUM_ONLY
from telesphor.runtime.tls.trust import TrustStore

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
TrustOption = Annotated[
    Path | None,
    typer.Option(
        "--trust", help="With --url https://...: the organisation's `root.pem`; default public roots."
    ),
]
IdentityOption = Annotated[
    Path | None,
    typer.Option("--identity", help="With --trust: a certificate to show, for the listener of nodes."),
]
AsOption = Annotated[Path, typer.Option("--as", help="Key file of the actor who asks (`telesphor keygen`).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]


class TlsOptionRefused(TelesphorError):
    """Options about TLS that do not go together."""

    code = "tls-option-refused"
    kind = Kind.INVALID


class OriginMissing(TelesphorError):
    """A remote node was named, but not its origin."""

    code = "origin-missing"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Reached:
    """A node that answers at `url` under the name `origin`.

    Attributes:
        tls: how it is dialled.
    """

    url: str
    origin: str
    tls: Dialling = PLAIN


@contextmanager
def reach(
    folder: Path, url: str, origin: str, trust: Path | None = None, identity: Path | None = None
) -> Iterator[Reached]:
    """Yield a node that answers; opens and serves it here when no one else does.

    Args:
        trust, identity: how the node at an `https://` address is dialled.

    Raises:
        OriginMissing, SettingsRefused, FolderInUse: it cannot be reached in this way.
        TlsOptionRefused, TlsFileRefused, PolicyRefused: nor is TLS to be had so.
    """
    tls = dialling(url, trust=trust, identity=identity)
    if url:
        if not origin:
            raise OriginMissing(
                "a request is bound to the node's origin",
                hint="add `--origin`; it is the checkpoint's first line",
            )
        yield Reached(url.rstrip("/"), origin, tls)
        return
    settings = load_settings(folder)
    place = NodeFolder(folder)
    try:
        FolderLock(
            place
        ).release()  # Whether a node runs is known before all that opening one needs is imported.
        with _served_here(folder, settings) as base:
            yield Reached(base, settings.origin)
    except FolderInUse:
        if not place.address.is_file():
            raise
        address = place.address.read_text(encoding="ascii").strip()
        yield Reached(address, settings.origin, dialling_own(folder, settings, address))


@contextmanager
def _served_here(folder: Path, settings: Settings) -> Iterator[str]:
    """Open the node and serve it on a loopback port; raises as `open_node`."""
    from telesphor.app.node import open_node  # Late: whoever asks a running node needs none of its parts.
    from telesphor.runtime.serving import serving

    with (
        open_node(folder, passphrase=read_passphrase(settings, ask=True)) as node,
        serving(node.edge()) as base,
    ):
        yield base


def dialling(url: str, *, trust: Path | None, identity: Path | None) -> Dialling:
    """How to dial `url`: with a certificate to show the listener of nodes, else that of browsers.

    Commands are ours, and ours speak X25519MLKEM768: a server that does not is refused.

    Raises:
        TlsOptionRefused, TlsFileRefused, PolicyRefused.
    """
    if urlsplit(url).scheme != "https":
        if trust or identity:
            raise TlsOptionRefused("`--trust` and `--identity` are for an address with `https://`")
        return PLAIN
    roots = None if trust is None else TrustStore.of(trust)
    if identity is None:
        return Dialling(client_context(None, QUANTUM_ONLY, roots))
    if roots is None:
        raise TlsOptionRefused("`--identity` needs `--trust`", hint="name the `root.pem` of who is dialled")
    return Dialling(client_context(TlsIdentity(identity), NODES, roots))


def dialling_own(folder: Path, settings: Settings, address: str) -> Dialling:
    """How to dial the node of this folder at the address that it wrote down: as itself where that is TLS.

    Raises:
        TlsOptionRefused, TlsFileRefused: it cannot be dialled as itself.
    """
    if urlsplit(address).scheme != "https":
        return PLAIN
    link = NodeLink.of(folder, identity=settings.tls_identity, trust=settings.tls_trust, book=ChannelBook())
    if link is None:
        raise TlsOptionRefused(
            "the running node listens for browsers alone", hint="use `--url` with its name, and `--trust`"
        )
    return Dialling(*link.dialling_itself())


def open_wallet(path: Path, folder: Path) -> Wallet:
    """Open an actor's key file with the passphrase from the environment, or ask for it."""
    settings = load_settings(folder)
    return load_wallet(path, passphrase=read_passphrase(settings, ask=True))
