"""One run of the demonstration, from an empty folder to a verdict.

1. The visit, through a serving node: node, actors, records, readings, note, recording, bundle.
2. Requests that the serving node must refuse.
3. The node stops. Its folder is checked, and searched for words of the records.
4. The single-file verifier judges the bundle, in a process of its own.
5. Copies of the folder and of the bundle are attacked.
6. The table. The run has succeeded only if everything was proven and every attack detected.

Start at `run_demo`; `serve_again` keeps the node at hand afterwards.
"""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from telesphor.app import Node, build_checking_registry, ledger_files, node_wallet, open_node
from telesphor.client.node import NodeClient
from telesphor.demo.attacks import Attack
from telesphor.demo.bundle_attacks import attack_bundle
from telesphor.demo.energy import Energy, EnergyMeter
from telesphor.demo.folder_attacks import attack_folder
from telesphor.demo.heart import Recording, load_recordings
from telesphor.demo.leaks import find_leaks
from telesphor.demo.narration import Narrator, sized
from telesphor.demo.proof import Verdict, Verifier
from telesphor.demo.records import FhirRecord, load_records, telling_words
from telesphor.demo.request_attacks import attack_requests
from telesphor.demo.stage import ORIGIN, Stage, set_stage
from telesphor.demo.story import Visit, connect, play, register
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.clock import Clock, SystemClock
from telesphor.kernel.commitment import open_commitment
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.ids import IdSource
from telesphor.ledger.fsck import FsckReport, fsck
from telesphor.runtime.folder import write_private
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import load_settings

SERVED_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Checked:
    """What the checks of the stopped node found."""

    ledger: FsckReport
    leaks: tuple[str, ...]
    words: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that one run showed."""

    stage: Stage
    visit: Visit
    checked: Checked
    verdict: Verdict
    opened: int
    attacks: tuple[Attack, ...]
    seconds: float
    energy: Energy

    @property
    def held(self) -> bool:
        """Whether all was proven and every attack detected."""
        detected = all(attack.detected for attack in self.attacks)
        return self.verdict.passed and self.verdict.pinned and detected and not self.checked.leaks


def run_demo(
    folder: Path,
    *,
    narrator: Narrator,
    clock: Clock | None = None,
    examples: Path | None = None,
    recordings: Path | None = None,
) -> Outcome:
    """Play the whole demonstration in an empty folder.

    Raises:
        ExamplesMissing, RecordingsMissing: `make setup` was not run.
        FolderRefused: the folder cannot be written.
    """
    started, meter = time.monotonic(), EnergyMeter()
    records, measured = load_records(examples), load_recordings(recordings)
    clock = clock or SystemClock()
    ids = IdSource(clock)
    with narrator.chapter("Make a node"):
        stage = _make_node(folder, narrator, clock, ids)
    with (
        open_node(stage.node.path, passphrase=stage.passphrase, clock=clock) as node,
        serving(node.edge()) as url,
    ):
        visit, refused = asyncio.run(_play(node, url, stage, records, measured, narrator, ids))
    write_private(stage.bundle, visit.bundle)
    with narrator.chapter("Stop the node and check its folder"):
        checked = _check(stage, visit, records, narrator)
    with narrator.chapter("Verify the bundle offline, in a process of its own"):
        verifier = Verifier(stage.verifier, keys=stage.node.log_vkeys)
        verdict = _verify(verifier, stage, narrator)
        opened = _open_commitments(visit, narrator)
    with narrator.chapter("Attack copies of the node's files"):
        damaged = attack_folder(stage, visit, narrator)
    with narrator.chapter("Attack copies of the bundle"):
        forged = attack_bundle(stage, verifier, narrator)
    return Outcome(
        stage=stage,
        visit=visit,
        checked=checked,
        verdict=verdict,
        opened=opened,
        attacks=(*refused, *damaged, *forged),
        seconds=time.monotonic() - started,
        energy=meter.read(),
    )


def serve_again(outcome: Outcome, *, port: int, narrator: Narrator) -> None:
    """Serve the node of the demonstration until Ctrl-C or SIGTERM."""
    stage = outcome.stage
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    with (
        open_node(stage.node.path, passphrase=stage.passphrase) as node,
        serving(node.edge(), host=SERVED_HOST, port=port) as url,
    ):
        stage.node.address.write_text(url, encoding="ascii")
        try:
            narrator.say(f"The node serves at {url}; its API pages are at {url}/schema. Ctrl-C ends it.")
            narrator.say("Meanwhile, in another terminal, read the first of the records as the patient:")
            narrator.command(
                f"telesphor get {outcome.visit.sealed[0].object} --node {stage.node.path} "
                f"--as {stage.folder / 'actors' / 'patient.key'} --purpose patient-request"
            )
            stop.wait()
        finally:
            stage.node.address.unlink(missing_ok=True)


def summarise(outcome: Outcome) -> dict[str, Any]:
    """The run for machines."""
    visit, stage = outcome.visit, outcome.stage
    return {
        "held": outcome.held,
        "folder": str(stage.folder),
        "node": str(stage.node.path),
        "bundle": str(stage.bundle),
        "verifier": str(stage.verifier),
        "log_vkeys": str(stage.node.log_vkeys),
        "origin": ORIGIN,
        "visit": visit.visit,
        "resources": _kinds(visit),
        "readings": len(visit.readings),
        "recording_bytes": visit.recording.size,
        "bundle_bytes": len(visit.bundle),
        "ledger": asdict(outcome.checked.ledger),
        "leaks": list(outcome.checked.leaks),
        "words_sought": outcome.checked.words,
        "verdict": asdict(outcome.verdict),
        "commitments_opened": outcome.opened,
        "attacks": [asdict(attack) for attack in outcome.attacks],
        "seconds": round(outcome.seconds, 1),
        "joules": outcome.energy.joules,
        "energy": str(outcome.energy),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
    }


def tell_table(outcome: Outcome, narrator: Narrator) -> None:
    """The closing table."""
    visit, checked, verdict = outcome.visit, outcome.checked, outcome.verdict
    detected = sum(attack.detected for attack in outcome.attacks)
    leaks = (
        f"found in {len(checked.leaks)} places"
        if checked.leaks
        else "found nowhere in ledger, tiles and bundle"
    )
    rows = [
        ("records sealed", f"{len(visit.sealed)} FHIR resources of {len(_kinds(visit))} kinds"),
        (
            "in the visit",
            f"{len(visit.read)} reads, {len(visit.readings)} device readings, a note, a recording",
        ),
        ("on the ledger", f"{checked.ledger.entries} entries by {checked.ledger.requests} signed requests"),
        ("patient data", f"{checked.words} names, numbers and findings: {leaks}"),
        (
            "bundle",
            f"{'verified' if verdict.passed else 'NOT verified'}, level {verdict.level or 'none'}, keys pinned",
        ),
        ("proven", "who did what, in which order, and that nothing of the visit was altered or left out"),
        ("not proven", "the time, which is the node's word; nobody else has cosigned or dated it yet"),
        ("attacks", f"{detected} of {len(outcome.attacks)} detected"),
        ("sizes", f"bundle {sized(len(visit.bundle))}, recording {sized(visit.recording.size)}"),
        ("time", f"{outcome.seconds:.1f} s"),
        ("energy", str(outcome.energy)),
        ("bundle at", str(outcome.stage.bundle)),
    ]
    narrator.table(rows)


def _make_node(folder: Path, narrator: Narrator, clock: Clock, ids: IdSource) -> Stage:
    stage = set_stage(folder, clock=clock, ids=ids)
    narrator.say(f"It is in {stage.node.path}, under the name {ORIGIN}. Its root key signed its first entry.")
    narrator.say(
        f"The passphrase of this run's key files is random, and in {stage.passphrase_file} (mode 0600). "
        "Of a real node, keep it and the root key elsewhere."
    )
    return stage


async def _play(
    node: Node,
    url: str,
    stage: Stage,
    records: tuple[FhirRecord, ...],
    measured: tuple[Recording, ...],
    narrator: Narrator,
    ids: IdSource,
) -> tuple[Visit, list[Attack]]:
    clock, cast = node.clock, stage.cast
    async with (
        NodeClient(url, node_wallet(node.keys), origin=ORIGIN, clock=clock, ids=ids) as own,
        connect(url, cast, origin=ORIGIN, clock=clock, ids=ids) as clients,
    ):
        with narrator.chapter("Register those who act"):
            await register(clients, own, cast, narrator)
        visit = await play(clients, cast, records, measured, narrator)
        with narrator.chapter("Send requests that must be refused"):
            refused = await attack_requests(url, clients, visit, narrator)
    return visit, refused


def _check(stage: Stage, visit: Visit, records: tuple[FhirRecord, ...], narrator: Narrator) -> Checked:
    """Recompute the ledger from its entries, and look for the patient's words where they must not be."""
    report = fsck(ledger_files(stage.node, load_settings(stage.node.path)), build_checking_registry)
    narrator.say(
        f"fsck: sound. {report.entries} entries in {report.streams} streams, {report.requests} signed requests, "
        f"{report.checkpoints} checkpoints; the state equals a replay of the entries."
    )
    words = telling_words(records)
    leaks = find_leaks(words, node=stage.node.path, bundle=visit.bundle)
    narrator.say(
        f"{len(words)} names, numbers and findings of the records were looked for in the ledger, its tiles, the "
        f"vault's bytes and the bundle. Found in: {', '.join(leaks) or 'none of them'}."
    )
    return Checked(report, leaks, len(words))


def _verify(verifier: Verifier, stage: Stage, narrator: Narrator) -> Verdict:
    narrator.say(
        f"{stage.verifier} ({sized(verifier.size)}) is given the bundle and the ledger's public keys "
        f"({stage.node.log_vkeys}), and nothing else."
    )
    verdict = verifier.check(stage.bundle)
    for number, step in enumerate(verdict.steps, 1):
        narrator.step(number, step.name, step.failure or step.proved, held=not step.failure)
    return verdict


def _open_commitments(visit: Visit, narrator: Narrator) -> int:
    """Show that the bundle's entries fix the device's values: open each commitment with the key kept beside it."""
    entries = {entry.position: parse_entry(entry.data) for entry in read_bundle(visit.bundle).entries}
    for reading in visit.readings:
        commitment = str(entries[reading.position].body["commitment"])
        open_commitment(commitment, reading.window.committed_value(), reading.key)
    narrator.say(
        f"And whoever has the keys kept with the {len(visit.readings)} readings can show that the bundle fixes "
        "their values, sample by sample: each commitment was opened."
    )
    return len(visit.readings)


def _kinds(visit: Visit) -> dict[str, int]:
    kinds = [sealed.record.kind for sealed in visit.sealed]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}
