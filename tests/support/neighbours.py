"""A small network for tests: four witnesses of three organisations and a notary, real servers on loopback.

They run in threads of the test, as they would run in processes of their own; `running_witness` is one such
process. A node joins them as its operator would have it, by `telesphor network`. Start at `neighbours`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from typer.testing import CliRunner

from telesphor.cli import build_tree
from telesphor.demo.neighbours import NEIGHBOURS, introduce, prepare_neighbours
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.kernel.levels import DEFAULT_LEVELS
from telesphor.ledger.witness.notary import notary_check
from telesphor.ledger.witness.standalone import WitnessFolder, load_witness_settings, open_witness
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.serving import serving
from tests.support.commands import running_command
from tests.support.witnesses import close_together

LABELS = tuple(neighbour.label for neighbour in NEIGHBOURS)
ORGANISATION = ("--organisation", "clinic.example", "--region", "eu-west", "--cloud", "own")


class Neighbours:
    """The folders of all five, and those of them that are served now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.urls: dict[str, str] = {}
        self._served: dict[str, ExitStack] = {}

    def serve(self, label: str, *, port: int = 0) -> str:
        """Serve one from a thread; returns its address."""
        stack = self._served[label] = ExitStack()
        place = self.place(label)
        settings = load_witness_settings(place.path)
        clock = SystemClock()
        check = None
        if settings.role == "notary":
            check = notary_check(place, organisation=settings.organisation, clock=clock)
        passphrase = (self.folder / f"{label}.passphrase").read_bytes().strip()
        opened = stack.enter_context(
            open_witness(place.path, passphrase=passphrase, clock=clock, check=check)
        )
        self.urls[label] = stack.enter_context(serving(opened.edge(), port=port))
        return self.urls[label]

    def run(self, label: str) -> str:
        """Run one as a process, by the command that its operator types; returns its address."""
        stack = self._served[label] = ExitStack()
        self.urls[label] = stack.enter_context(running_witness(self.place(label).path))
        return self.urls[label]

    def end(self, label: str) -> None:
        """Take one down."""
        self._served.pop(label).close()

    def place(self, label: str) -> WitnessFolder:
        return WitnessFolder(self.folder / label)

    def close(self) -> None:
        close_together(self._served.values())
        self._served.clear()


@contextmanager
def running_witness(folder: Path) -> Iterator[str]:
    """`telesphor witness run`, a process of its own, while the block runs; yields its address."""
    said = folder.with_name(f"{folder.name}.said")
    with running_command(said, "witness", "run", folder, "--port", "0") as process:
        yield process.wait_for_file(WitnessFolder(folder).address)


@contextmanager
def neighbours(folder: Path) -> Iterator[Neighbours]:
    """Make all five in `folder`; none is served yet. All end with the block."""
    clock = SystemClock()
    prepare_neighbours(folder, clock=clock, ids=IdSource(clock))
    found = Neighbours(folder)
    try:
        yield found
    finally:
        found.close()


def introduce_node(node: Path, around: Neighbours, *, levels: str = DEFAULT_LEVELS) -> None:
    """Give the node its settings, and tell all five of its ledger; before they are served."""
    telesphor("network", "init", *ORGANISATION, "--operator", "clinic.example", "--node", str(node))
    card = telesphor("network", "card", "--node", str(node)).encode().strip()
    log_vkeys = NodeFolder(node).log_vkeys.read_bytes()
    introduce(around.folder, log_vkeys=log_vkeys, log_card=card, levels=levels.encode())


def add_witnesses(node: Path, around: Neighbours) -> None:
    """Tell the node of those that are served."""
    for label, url in around.urls.items():
        telesphor("network", "add-witness", url, str(around.place(label).card), "--node", str(node))


def telesphor(*words: str) -> str:
    """Type a command that must succeed; returns its standard output."""
    ran = CliRunner().invoke(build_tree(words[0]), [*words])
    assert ran.exit_code == 0, ran.output
    return ran.stdout
