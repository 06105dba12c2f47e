"""The composition root: how a node is made, opened, served and read.

`making.py` makes a folder and the ledger's first entry, `node.py` opens it and wires its parts, `channels.py` is
how it is reached, `proving.py` reads it beside the process that serves it, `registry.py` has the list of what is on
a ledger. Start at `open_node`.
"""

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
