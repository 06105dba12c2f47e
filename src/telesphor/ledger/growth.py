"""How the tree grows: committed entries are read and hashed, and the tiles that became full are put.

It costs 4 microseconds an entry, nearly all of it Python: a third of what the writer needs for the
same entry. So a node that serves has a child process for it, `GrowerProcess`, and leaves the
interpreter's lock to the writer; `Grower` does the same work in either. Whoever calls keeps the edge,
which travels both ways, so the child holds nothing that its death could lose. It is handed no key, and
when its parent ends, however it ends, the pipe closes and so does the child.
"""

from __future__ import annotations

import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import leaf_hash
from telesphor.ledger import store
from telesphor.ledger.tiles import TreeEdge
from telesphor.runtime.blobs import Blobs, open_blobs
from telesphor.runtime.database import open_reader

READ_ENTRIES = 4_096
"""Entries read at once: a few megabytes."""

END_SECONDS = 5.0
"""How long the child may take to notice that its pipe is closed."""

FSCK_HINT = "run `telesphor fsck` to find the first wrong entry"


class TreeInconsistent(TelesphorError):
    """The stored entries no longer give the root that was signed."""

    code = "tree-inconsistent"
    kind = Kind.CORRUPT


class GrowerLost(TelesphorError):
    """The child that grew the tree has died; the next call has a new one."""

    code = "grower-lost"
    kind = Kind.INTERNAL


class Grown(NamedTuple):
    """The edge after some leaves, and the paths of the tiles that became full; they are not durable yet."""

    edge: TreeEdge
    paths: list[str]


class Grower:
    """Reads the entries of one ledger and puts them into its tree; its owner is one thread."""

    def __init__(self, *, ledger_path: Path, public: Blobs) -> None:
        self._db = open_reader(ledger_path)
        self._public = public

    def grow(self, edge: TreeEdge, end: int) -> Grown:
        """Put the entries up to `end` into the tree.

        Raises:
            TreeInconsistent: an entry is missing.
            StorageFull, StorageFailed: a tile could not be put.
        """
        paths = []
        while edge.size < end:
            leaves = self.read_leaves(edge.size, min(end, edge.size + READ_ENTRIES))
            for tile, data in edge.extend(leaves):
                self._public.put(tile.path(), data, durable=False)
                paths.append(tile.path())
        return Grown(edge, paths)

    def count(self) -> int:
        """Number of committed entries."""
        return store.count_positions(self._db)

    def read_leaves(self, first: int, end: int) -> list[bytes]:
        """Leaf hashes of positions `first` up to, not including, `end`; raises `TreeInconsistent`."""
        entries = store.joined_entries(self._db, first=first, end=end)
        if entries is not None:
            return [leaf_hash(entry) for entry in entries]
        return self._read_leaves_singly(first, end)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _read_leaves_singly(self, first: int, end: int) -> list[bytes]:
        """The same row by row, which names the first that is missing."""
        leaves = []
        for position, (stored, _, data) in enumerate(store.entry_rows(self._db, first=first, end=end), first):
            if stored != position:
                break
            leaves.append(leaf_hash(data))
        if len(leaves) < end - first:
            raise TreeInconsistent(f"entry `{first + len(leaves)}` is missing", hint=FSCK_HINT)
        return leaves


class GrowerProcess:
    """A `Grower` in a child process; its owner is one thread.

    Args:
        public: the folder or URL of the published tree, as `open_blobs` takes it.
    """

    def __init__(self, *, ledger_path: Path, public: str | Path) -> None:
        self._arguments = (ledger_path, public)
        self._start()

    def grow(self, edge: TreeEdge, end: int) -> Grown:
        """As `Grower.grow`; `edge` itself stays as it was.

        Raises:
            GrowerLost: the child has died; the next call has a new one.
        """
        try:
            self._pipe.send((edge, end))
            grown: Grown | Exception = self._pipe.recv()
        except (EOFError, OSError) as error:
            from telesphor.runtime.telemetry import log  # late: children have no use for it

            log.error("grower lost", error=type(error).__name__)
            self.close()
            self._start()
            raise GrowerLost("the process that grows the tree has died", hint="it is tried again") from error
        if isinstance(grown, Exception):
            raise grown
        return grown

    def close(self) -> None:
        """End the child."""
        self._pipe.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(there, *self._arguments), name="telesphor-grower", daemon=True
        )
        self._process.start()
        there.close()


def _serve(pipe: Connection, ledger_path: Path, public: str | Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes the pipe.
    grower = Grower(ledger_path=ledger_path, public=open_blobs(public))
    while True:
        try:
            pipe.send(_answer(grower, *pipe.recv()))
        except (EOFError, OSError):
            return


def _answer(grower: Grower, edge: TreeEdge, end: int) -> Grown | Exception:
    try:
        return grower.grow(edge, end)
    except Exception as error:  # noqa: BLE001  whatever it is, it belongs to the caller
        return error
