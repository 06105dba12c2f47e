"""What a killed witness process does: it serves its folder, and says each signature before it is answered."""

from __future__ import annotations

import random
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from telesphor.kernel.checkpoint import Checkpoint
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.note import NoteSignature
from telesphor.ledger.witness.routes import WitnessDesk, witness_handlers, witness_routes
from telesphor.ledger.witness.store import WitnessStore
from telesphor.ledger.witness.witness import Witness
from telesphor.runtime.http import build_edge
from telesphor.runtime.serving import serving
from telesphor.runtime.telemetry import Metrics
from tests.torture.children import say

LINGER_SECONDS_MAX = 0.02
"""Between the commit, the signature and the answer, so that kills fall there too."""


class TellingCosigner(Cosigner):
    """The real keys; tells the parent what it has signed."""

    def tell(self, pipe: Connection, seed: int) -> TellingCosigner:
        object.__setattr__(self, "_telling", (pipe, random.Random(seed)))
        return self

    def cosign(self, checkpoint: Checkpoint, *, time_seconds: int) -> tuple[NoteSignature, NoteSignature]:
        pipe, rng = self.__dict__["_telling"]
        time.sleep(rng.random() * LINGER_SECONDS_MAX)
        lines = super().cosign(checkpoint, time_seconds=time_seconds)
        say(pipe, signed=[checkpoint.size, checkpoint.root.hex(), time_seconds])
        time.sleep(rng.random() * LINGER_SECONDS_MAX)
        return lines


def serve_witness(
    pipe: Connection, folder: Path, seeds: tuple[bytes, bytes], origin: str, vkeys: tuple[str, str], seed: int
) -> None:
    """Serve the witness in `folder` until the process is killed."""
    cosigner = TellingCosigner("witness.example/w1", *seeds).tell(pipe, seed)
    witness = Witness(
        cosigner=cosigner,
        card=b"{}",
        logs={origin: vkeys},
        store=WitnessStore(folder / "witness.sqlite", new=True),
        clock=SystemClock(),
    )
    desk = WitnessDesk(witness)
    edge = build_edge(
        handlers=witness_handlers(desk, prefix=""),
        raw=witness_routes(desk, prefix=""),
        metrics=Metrics(),
        health=lambda: {"status": "ok"},
    )
    with serving(edge) as url:
        say(pipe, ready=url)
        threading.Event().wait()
