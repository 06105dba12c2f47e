"""A witness that runs alone, and logs that ask it for one cosignature after another over HTTP.

Each log asks from the tree that was cosigned last, as the protocol wants it, so its requests cannot overtake one
another: one log's requests are one after the other on one connection, and many logs' are beside each other.
Everything that they send is signed beforehand. Start at `Rounds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from telesphor.bench.child import MeasurementFailed, Told
from telesphor.bench.load import Driven, drive_lanes, load_requests, post_bytes, save_requests
from telesphor.bench.served import serve_edge
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.merkle import MemoryReader, consistency_path, root_at
from telesphor.ledger.witness.model import TEXT_MEDIA_TYPE, format_request
from telesphor.ledger.witness.standalone import (
    WitnessFolder,
    WitnessSettings,
    create_witness,
    open_witness,
    trust_file,
)

PASSPHRASE = b"only for the benchmark"
PATH = "/add-checkpoint"
STEP = 7
"""By how much each tree is larger than the one before: no power of two, so that proofs are as long as any."""

FIRST = 1_000


class Rounds:
    """The requests of some logs to one witness, in rounds that go on from one another.

    Args:
        folder: empty; the witness and the requests are made in it.
        requests: of each log in each round.
    """

    def __init__(self, folder: Path, *, logs: int, requests: int, rounds: int) -> None:
        self.witness = folder / "witness"
        self.requests = logs * requests
        _make_witness(self.witness)
        self._files: list[list[Path]] = [[] for _ in range(rounds)]
        tree = MemoryReader([sha256(b"%d" % n).digest() for n in range(FIRST + STEP * requests * rounds)])
        for log in range(logs):
            signer = LogSigner.generate(f"bench.example/log-{log}")
            trust_file(WitnessFolder(self.witness), "".join(f"{vkey}\n" for vkey in signer.vkeys()).encode())
            signed = _sign_all(signer, tree, count=requests * rounds)
            for number, files in enumerate(self._files):
                files.append(folder / f"log-{log}-{number}")
                save_requests(files[-1], signed[number * requests : (number + 1) * requests])

    def files(self, number: int) -> list[Path]:
        """The requests of one round, a file for each log."""
        return self._files[number]


def serve_witness(told: Told, path: Path) -> None:
    """Serve a witness as `telesphor witness run` does; a companion."""
    with open_witness(path, passphrase=PASSPHRASE, clock=SystemClock()) as opened:
        serve_edge(told, opened.edge(), thing="request")


def drive_logs(files: Sequence[Path], port: int) -> Driven:
    """Send each log's requests in their order, all logs at once; for a process of its own."""
    driven = drive_lanes([load_requests([file]) for file in files], port=port)
    if set(driven.statuses) != {200}:
        raise MeasurementFailed(f"the witness answered {driven.statuses}")
    return driven


def _make_witness(path: Path) -> None:
    settings = WitnessSettings(
        name="bench.example/witness",
        organisation="bench.example",
        region="here",
        cloud="own",
        operator="bench.example",
    )
    create_witness(path, settings=settings, passphrase=PASSPHRASE, clock=SystemClock())


def _sign_all(signer: LogSigner, tree: MemoryReader, *, count: int) -> list[bytes]:
    """Requests for trees that grow by `STEP`, each from the one before it; the first from nothing."""
    clock = SystemClock()
    signed, old_size = [], 0
    for size in range(FIRST, FIRST + STEP * count, STEP):
        note = signer.sign(
            Checkpoint(signer.origin, size, root_at(size, tree)), time_seconds=clock.now_ms() // 1000
        )
        proof = consistency_path(old_size, size, tree) if old_size else []
        body = format_request(old_size=old_size, proof=proof, note=note)
        signed.append(post_bytes(PATH, body, media_type=TEXT_MEDIA_TYPE))
        old_size = size
    return signed
