"""The composition root: how a node is made, opened, served and read.

`making.py` makes a folder and the ledger's first entry, `node.py` opens it and wires its parts, `channels.py` is
how it is reached, `proving.py` reads it beside the process that serves it, `registry.py` has the list of what is on
a ledger. Start at `open_node`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telesphor.app.making import create_node, node_wallet
    from telesphor.app.node import Node, open_node
    from telesphor.app.proving import Proofs, ledger_files, make_visit_bundle, open_books, open_for_proofs
    from telesphor.app.registry import build_checking_registry

__all__ = [
    "Node",
    "Proofs",
    "build_checking_registry",
    "create_node",
    "ledger_files",
    "make_visit_bundle",
    "node_wallet",
    "open_books",
    "open_for_proofs",
    "open_node",
]

_HOMES = {
    "Node": "node",
    "Proofs": "proving",
    "build_checking_registry": "registry",
    "create_node": "making",
    "ledger_files": "proving",
    "make_visit_bundle": "proving",
    "node_wallet": "making",
    "open_books": "proving",
    "open_for_proofs": "proving",
    "open_node": "node",
}


def __getattr__(name: str) -> Any:
    # Late: whoever reads a ledger or replays it, as `fsck` does in a second process, needs no part of a node that
    # serves, and these take most of a second.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
