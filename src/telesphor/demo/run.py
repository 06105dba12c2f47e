"""One run of the demonstration, from an empty folder to a verdict.

1. A node, and a small network around it: witnesses, a notary, public chains as far as they are installed.
2. The visit, through the serving node: actors, records, readings, note, recording.
3. Others confirm it; then the patient takes the bundle. Requests that the serving node must refuse.
4. The node stops. Its folder is checked, and searched for words of the records.
5. The single-file verifier judges the bundle, in a process of its own; two others decide and run all of it again.
6. Copies of the folder and of the bundle are attacked; then the node itself is the attacker.
7. The table. The run has succeeded only if everything was proven, as far as it can be here, and every attack
   detected.

Start at `run_demo`; `serve_again` then has people play in it, and `play_only` does that without the script.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telesphor.app import Node, build_checking_registry, ledger_files, node_wallet, open_node
from telesphor.client.node import NodeClient
from telesphor.demo.attacks import Attack
from telesphor.demo.bundle_attacks import attack_bundle
from telesphor.demo.clients import connect
from telesphor.demo.confirmation import Confirmation, wait_for_confirmation
from telesphor.demo.dishonest_node import ask_witnesses
from telesphor.demo.energy import Energy, EnergyMeter
from telesphor.demo.folder_attacks import attack_folder
from telesphor.demo.forked_bundles import forge_from_fork, make_liar
from telesphor.demo.heart import Recording, load_recordings
from telesphor.demo.leaks import find_leaks, find_shown
from telesphor.demo.narration import Narrator, sized
from telesphor.demo.neighbours import warm_up
from telesphor.demo.network import DemoNetwork, set_network, tell_network
from telesphor.demo.play.playing import Opened, open_browser, play_clinic
from telesphor.demo.proof import Verdict, Verifier
from telesphor.demo.records import FhirRecord, load_records, telling_words
from telesphor.demo.replays import Replayed, attack_replays, replay_bundle
from telesphor.demo.request_attacks import attack_requests
from telesphor.demo.stage import ORIGIN, Stage, set_stage
from telesphor.demo.story import Visit, play, register, take_proof
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.clock import Clock, SystemClock
from telesphor.kernel.commitment import open_commitment
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.ids import IdSource
from telesphor.ledger.fsck import FsckReport, fsck
from telesphor.runtime.folder import write_private
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import load_settings

SHIPPED_LEVEL = "L4"
"""What the policy that ships with the verifier gives: it knows no chain that runs on one machine."""


@dataclass(frozen=True)
class Checked:
    """What the checks of the stopped node found."""

    ledger: FsckReport
    leaks: tuple[str, ...]
    words: int


@dataclass(frozen=True)
class Played:
    """The visit as it was played at the serving node, its proof, and what was refused."""

    visit: Visit
    confirmation: Confirmation
    bundle: bytes
    refused: tuple[Attack, ...]


@dataclass(frozen=True)
class Judged:
    """What became of the bundle in the hands of others."""

    verdict: Verdict
    opened: int
    shipped: Verdict
    replayed: Replayed


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that one run showed."""

    stage: Stage
    network: DemoNetwork
    visit: Visit
    confirmation: Confirmation
    bundle_bytes: int
    checked: Checked
    verdict: Verdict
    shipped: Verdict
    replayed: Replayed
    opened: int
    attacks: tuple[Attack, ...]
    seconds: float
    energy: Energy

    @property
    def held(self) -> bool:
        """Whether all was proven, as far as this machine's network goes, and every attack detected."""
        detected = all(attack.detected for attack in self.attacks)
        verified = (
            self.verdict.passed and self.verdict.pinned and self.verdict.level == f"L{self.network.goal}"
        )
        proven = verified and self.shipped.level == SHIPPED_LEVEL and self.replayed.held
        return proven and detected and not self.checked.leaks


def run_demo(
    folder: Path,
    *,
    narrator: Narrator,
    stack: ExitStack,
    clock: Clock | None = None,
    examples: Path | None = None,
    recordings: Path | None = None,
) -> Outcome:
    """Play the whole demonstration in an empty folder.

    Args:
        stack: the witnesses and chains run until it is closed.

    Raises:
        ExamplesMissing, RecordingsMissing: `make setup` was not run.
        FolderRefused: the folder cannot be written.
        NeighbourSilent: a witness did not start.
    """
    started, meter = time.monotonic(), EnergyMeter()
    warm_up()
    records, measured = load_records(examples), load_recordings(recordings)
    clock = clock or SystemClock()
    ids = IdSource(clock)
    with narrator.chapter("Make a node"):
        stage = _make_node(folder, narrator, clock, ids)
    with narrator.chapter("Start a small network around it"):
        network = set_network(stage, clock=clock, ids=ids, stack=stack)
        tell_network(network, narrator)
    with (
        open_node(stage.node.path, passphrase=stage.passphrase, clock=clock, networked=True) as node,
        serving(node.edge()) as url,
    ):
        played = asyncio.run(_play(node, url, stage, network, records, measured, narrator, ids))
    write_private(stage.bundle, played.bundle)
    with narrator.chapter("Stop the node and check its folder"):
        checked = _check(stage, played, records, narrator)
    verifier = Verifier(stage.verifier, keys=stage.node.log_vkeys, levels=stage.levels)
    judged = _judge(verifier, stage, played, narrator)
    attacks = _attack(stage, played.visit, network, verifier, narrator, clock)
    return Outcome(
        stage=stage,
        network=network,
        visit=played.visit,
        confirmation=played.confirmation,
        bundle_bytes=len(played.bundle),
        checked=checked,
        verdict=judged.verdict,
        shipped=judged.shipped,
        replayed=judged.replayed,
        opened=judged.opened,
        attacks=(*played.refused, *attacks),
        seconds=time.monotonic() - started,
        energy=meter.read(),
    )


def serve_again(
    outcome: Outcome, *, port: int, narrator: Narrator, browse: Callable[[str], bool] = open_browser
) -> None:
    """Serve the node of the demonstration with its network, for people to play in, until Ctrl-C or SIGTERM.

    Args:
        browse: opens a page where somebody sees it.
    """
    stage = outcome.stage

    def tell(opened: Opened) -> None:
        tell_play(opened, stage, narrator, browse=browse)
        narrator.say("Meanwhile, in another terminal, see how its blocks are confirmed:")
        narrator.command(f"telesphor network status --node {stage.node.path}")
        narrator.say("Or read the first of the records as the patient, and look again:")
        narrator.command(
            f"telesphor get {outcome.visit.sealed[0].object} --node {stage.node.path} "
            f"--as {stage.folder / 'actors' / 'patient.key'} --purpose patient-request"
        )

    play_clinic(stage, port=port, registered=True, networked=True, tell=tell)


def play_only(
    folder: Path,
    *,
    port: int,
    narrator: Narrator,
    stack: ExitStack,
    told: Callable[[dict[str, Any]], None],
    browse: Callable[[str], bool] = open_browser,
) -> None:
    """Make a node with its network in an empty folder, and serve it for people to play in, without the scripted part.

    Args:
        stack: the witnesses and chains run until it is closed.
        told: is given the links, for programs.

    Raises:
        ExamplesMissing, RecordingsMissing: `make setup` was not run.
        FolderRefused, NeighbourSilent, AddressRefused
    """
    warm_up()
    clock = SystemClock()
    ids = IdSource(clock)
    with narrator.chapter("Make a node"):
        stage = _make_node(folder, narrator, clock, ids)
    with narrator.chapter("Start a small network around it"):
        set_network(stage, clock=clock, ids=ids, stack=stack)

    def tell(opened: Opened) -> None:
        told(opened.as_json(stage))
        tell_play(opened, stage, narrator, browse=browse)

    play_clinic(stage, port=port, registered=False, networked=True, tell=tell)


def tell_play(opened: Opened, stage: Stage, narrator: Narrator, *, browse: Callable[[str], bool]) -> None:
    """Where to go, and what is there; opens the page where there is a screen."""
    if not opened.built:
        narrator.say(
            "The web app is not built here: `make web` builds it, which takes Node.js; then start again."
        )
    narrator.say(
        "Now play it yourself. This page has a link for each person, to open in tabs of one browser:"
    )
    narrator.command(opened.page)
    narrator.say(
        "Whoever has this address can be everybody, so it works on this machine only. The node's API pages are at "
        f"{opened.url}/schema, its folder is {stage.node.path}. Ctrl-C ends all of it."
    )
    if opened.built and browse(opened.page):
        narrator.say("It is opened in your browser.")


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
    network: DemoNetwork,
    records: tuple[FhirRecord, ...],
    measured: tuple[Recording, ...],
    narrator: Narrator,
    ids: IdSource,
) -> Played:
    clock, cast = node.clock, stage.cast
    async with (
        NodeClient(url, node_wallet(node.keys), origin=ORIGIN, clock=clock, ids=ids) as own,
        connect(url, cast, ledger=node.reader, clock=clock, ids=ids) as clients,
    ):
        with narrator.chapter("Register those who act"):
            await register(clients, own, cast, narrator)
        visit = await play(clients, cast, records, measured, stage.actors, narrator)
        with narrator.chapter("Others confirm it; the patient takes the proof"):
            confirmation = await wait_for_confirmation(url, visit.closed_position, network, narrator)
            bundle = await take_proof(clients, visit, narrator)
        with narrator.chapter("Send requests that must be refused"):
            refused = await attack_requests(url, clients, visit, narrator)
    return Played(visit, confirmation, bundle, (*visit.refused, *refused))


def _check(stage: Stage, played: Played, records: tuple[FhirRecord, ...], narrator: Narrator) -> Checked:
    """Recompute the ledger from its entries, and look for the patient's words where they must not be."""
    report = fsck(ledger_files(stage.node, load_settings(stage.node.path)), build_checking_registry)
    narrator.say(
        f"fsck: sound. {report.entries} entries in {report.streams} streams, {report.requests} signed requests, "
        f"{report.checkpoints} checkpoints; the state equals a replay of the entries."
    )
    words = telling_words(records) | played.visit.shown.hidden
    node, neighbours = stage.node.path, stage.neighbours
    leaks = find_leaks(words, node=node, neighbours=neighbours, bundle=played.bundle)
    narrator.say(
        f"{len(words)} names, numbers and findings of the records and of factors that nobody was shown were looked for "
        "in the ledger, its tiles, the vault's bytes, the bundle and the witnesses' folders. "
        f"Found in: {', '.join(leaks) or 'none of them'}."
    )
    texts = played.visit.shown.texts
    beside = find_shown(texts, node=node, neighbours=neighbours, bundle=played.bundle)
    narrator.say(
        "The two factors that were shown stand in documents: beside the ledger, where they can be forgotten, and in "
        f"this visit's bundle. Besides found in: {', '.join(beside) or 'nothing'}."
    )
    return Checked(report, (*leaks, *beside), len(words))


def _judge(verifier: Verifier, stage: Stage, played: Played, narrator: Narrator) -> Judged:
    """Have the bundle verified, judged by two policies of levels, and replayed."""
    with narrator.chapter("Verify the bundle offline, in a process of its own"):
        verdict = _verify(verifier, stage, narrator)
        opened = _open_commitments(played, narrator)
    with narrator.chapter("How far is it confirmed?"):
        shipped = _tell_levels(verifier, verdict, stage, narrator)
    with narrator.chapter("Decide and run all of it again, offline"):
        return Judged(verdict, opened, shipped, replay_bundle(stage, narrator))


def _verify(verifier: Verifier, stage: Stage, narrator: Narrator) -> Verdict:
    narrator.say(
        f"{stage.verifier} ({sized(verifier.size)}) is given the bundle and the ledger's public keys "
        f"({stage.node.log_vkeys}) and a policy of levels ({stage.levels}), and nothing else."
    )
    verdict = verifier.check(stage.bundle)
    for number, step in enumerate(verdict.steps, 1):
        narrator.step(number, step.name, step.failure or step.proved, held=not step.failure)
    return verdict


def _open_commitments(played: Played, narrator: Narrator) -> int:
    """Show that the bundle's entries fix the device's values: open each commitment with the key kept beside it."""
    visit = played.visit
    entries = {entry.position: parse_entry(entry.data) for entry in read_bundle(played.bundle).entries}
    for reading in visit.readings:
        commitment = str(entries[reading.position].body["commitment"])
        open_commitment(commitment, reading.window.committed_value(), reading.key)
    narrator.say(
        f"And whoever has the keys kept with the {len(visit.readings)} readings can show that the bundle fixes "
        "their values, sample by sample: each commitment was opened."
    )
    return len(visit.readings)


def _tell_levels(verifier: Verifier, verdict: Verdict, stage: Stage, narrator: Narrator) -> Verdict:
    """The levels by the demonstration's policy, and what the policy that ships says of the same bundle."""
    for level in verdict.levels:
        narrator.level(level.name, level.at, level.proved if level.at else level.missing)
    for assumption in verdict.assumptions:
        narrator.say(f"It is assumed that {assumption}.")
    shipped = verifier.check(stage.bundle, shipped_policy=True)
    lacking = shipped.lacking
    narrator.say(
        f"The policy that ships with the verifier says of the same bundle: {shipped.level or 'not verified'}. "
        + (f"{lacking.name} lacks: {lacking.missing}." if lacking else "")
    )
    return shipped


def _attack(
    stage: Stage,
    visit: Visit,
    network: DemoNetwork,
    verifier: Verifier,
    narrator: Narrator,
    clock: Clock,
) -> list[Attack]:
    """Attack copies of what there is; then let the node do it itself, with its witnesses and with a verifier."""
    with narrator.chapter("Attack copies of the node's files"):
        damaged = attack_folder(stage, visit, narrator)
    with narrator.chapter("Attack copies of the bundle"):
        forged = attack_bundle(stage, verifier, narrator) + attack_replays(stage, verifier, narrator)
    with narrator.chapter("The node itself is dishonest, and has all of its keys"):
        liar, key = make_liar(stage, visit, clock=clock)
        refused = ask_witnesses(liar, stage, network.neighbours, narrator)
        narrator.say("So it goes to a verifier with what no witness has signed.")
        forked = forge_from_fork(liar, key, stage=stage, visit=visit, verifier=verifier, narrator=narrator)
    return [*damaged, *forged, *refused, *forked]
