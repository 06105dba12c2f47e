"""The other organisations of the demonstration: four witnesses of three, and a notary, each a process of its own.

They are what `telesphor witness init` makes, and each runs `telesphor witness run`, on loopback only. They are
forked from one process that has loaded the program, because five that load it by themselves take all the time of
two cores for six seconds. The names, places and clouds are made up and everything runs on one machine, so what
they show is how the rules work, not that anybody is independent of anybody.

Start at `prepare_neighbours` and `run_neighbours`.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import forkserver, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from telesphor.kernel.card import Role, read_card
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.ledger.witness.standalone import (
    WitnessFolder,
    WitnessSettings,
    create_witness,
    trust_file,
)
from telesphor.runtime.folder import write_private

COMMAND: Final = "telesphor.cli.witnessing"
"""Where the command is; named and not imported, as it stands above this module."""

START_SECONDS_MAX: Final = 60.0
"""They take a second or two; a busy machine takes longer."""

STOP_SECONDS_MAX: Final = 5.0
POLL_SECONDS: Final = 0.02
PASSPHRASE_BYTES: Final = 16


class NeighbourSilent(TelesphorError):
    """A witness of the demonstration did not start."""

    code = "demo-neighbour-silent"
    kind = Kind.INTERNAL


_FORKS: Final = get_context("forkserver")


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """One that cosigns: who answers for it, where it runs, on whose machines. `label` is its folder."""

    label: str
    organisation: str
    region: str
    cloud: str
    role: Role = Role.WITNESS

    @property
    def name(self) -> str:
        return f"{self.organisation}/{self.label}"


NEIGHBOURS: Final = (
    Neighbour(label="north", organisation="north.example", region="eu-north", cloud="north-cloud"),
    Neighbour(label="south-1", organisation="south.example", region="eu-south", cloud="big-cloud"),
    Neighbour(label="south-2", organisation="south.example", region="us-east", cloud="big-cloud"),
    Neighbour(label="east", organisation="east.example", region="ap-east", cloud="east-cloud"),
    Neighbour(
        label="notary",
        organisation="notary.example",
        region="eu-west",
        cloud="notary-cloud",
        role=Role.NOTARY,
    ),
)


@dataclass(frozen=True)
class Running:
    """A neighbour that answers at `url`; `card` is its signed card."""

    neighbour: Neighbour
    url: str
    card: bytes

    @property
    def key(self) -> str:
        """Its name in the book of cosignatures."""
        return WitnessPeer.of(self.url, self.card).key


def prepare_neighbours(folder: Path, *, clock: Clock, ids: IdSource) -> None:
    """Make the folder of each below `folder`, with keys, card and an empty memory."""
    folder.mkdir(mode=0o700)
    for neighbour in NEIGHBOURS:
        # One after the other: OpenSSL's Argon2id can wait for ever when several threads derive at once.
        _make(folder, neighbour, clock, ids)


def introduce(folder: Path, *, log_vkeys: bytes, log_card: bytes, levels: bytes) -> None:
    """Tell each whose ledger it is to witness; and the notary whom it may believe, and what levels mean to it."""
    cards = [_place(folder, neighbour).card.read_bytes() for neighbour in NEIGHBOURS]
    for neighbour in NEIGHBOURS:
        place = _place(folder, neighbour)
        trust_file(place, log_vkeys)
        if neighbour.role is Role.NOTARY:
            for card in (log_card, *cards):
                if read_card(card).role is not Role.NOTARY:
                    trust_file(place, card)
            write_private(place.levels, levels)


def warm_up() -> None:
    """Load what a witness needs, once for all of them, while something else is done."""
    _FORKS.set_forkserver_preload([COMMAND])
    forkserver.ensure_running()


def run_neighbours(folder: Path, stack: ExitStack) -> list[BaseProcess]:
    """Start all of them; they end when `stack` is closed. What they say goes to a file beside their folder."""
    started: list[BaseProcess] = []
    stack.callback(_stop, started)
    for neighbour in NEIGHBOURS:
        words = ["witness", "run", str(_place(folder, neighbour).path), "--port", "0"]
        process = _FORKS.Process(target=run_command, args=(words, _log(folder, neighbour)))
        process.start()
        started.append(process)
    return started


def start_command(words: list[str], said: Path, stack: ExitStack) -> BaseProcess:
    """Run `telesphor` with these words in a process of its own, which ends when `stack` is closed."""
    process = _FORKS.Process(target=run_command, args=(words, said))
    process.start()
    stack.callback(_stop, [process])
    return process


def run_command(words: list[str], said: Path) -> None:
    """In a process of its own: `telesphor` with these words. Ends when its parent does, however that ends."""
    # A session of its own: Ctrl-C is for the demonstration, which ends its processes in its own order.
    os.setsid()
    with said.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    threading.Thread(target=_follow_parent, daemon=True).start()
    sys.argv = ["telesphor", *words]
    runpy.run_module("telesphor", run_name="__main__", alter_sys=True)


def wait_for_neighbours(folder: Path, processes: Sequence[BaseProcess]) -> tuple[Running, ...]:
    """Wait until each has written its address; raises `NeighbourSilent`."""
    deadline = time.monotonic() + START_SECONDS_MAX
    running = []
    for neighbour, process in zip(NEIGHBOURS, processes, strict=True):
        place = _place(folder, neighbour)
        while not (url := _address(place)):
            if not process.is_alive() or time.monotonic() > deadline:
                raise NeighbourSilent(
                    f"`{neighbour.name}` did not start", hint=f"see `{_log(folder, neighbour)}`"
                )
            time.sleep(POLL_SECONDS)
        running.append(Running(neighbour, url, place.card.read_bytes()))
    return tuple(running)


def _make(folder: Path, neighbour: Neighbour, clock: Clock, ids: IdSource) -> None:
    passphrase = ids.random_bytes(PASSPHRASE_BYTES).hex().encode()
    secret = folder / f"{neighbour.label}.passphrase"
    write_private(secret, passphrase + b"\n")
    settings = WitnessSettings(
        name=neighbour.name,
        organisation=neighbour.organisation,
        region=neighbour.region,
        cloud=neighbour.cloud,
        operator=neighbour.organisation,
        role=neighbour.role,
        passphrase_file=secret.absolute(),
    )
    create_witness(folder / neighbour.label, settings=settings, passphrase=passphrase, clock=clock)


def _place(folder: Path, neighbour: Neighbour) -> WitnessFolder:
    return WitnessFolder(folder / neighbour.label)


def _address(place: WitnessFolder) -> str:
    return place.address.read_text(encoding="ascii") if place.address.is_file() else ""


def _log(folder: Path, neighbour: Neighbour) -> Path:
    return folder / f"{neighbour.label}.log"


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _stop(processes: Sequence[BaseProcess]) -> None:
    """End all of them, kindly at first."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(STOP_SECONDS_MAX)
        if process.is_alive():
            process.kill()
            process.join()
