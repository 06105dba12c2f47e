"""The bundle once more, by whoever holds it: every decision decided again, every run of a contract run again, offline.

Both in a process of its own, by the commands that anybody has. Then copies of the bundle: in one a bit of a policy is
another, in another a receipt says `allow` where it said `deny`, and the node itself has signed both.

Start at `replay_bundle` and `attack_replays`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from telesphor.capabilities.access.replay import replay_all
from telesphor.capabilities.access.uses.words import Texts, rule_in_plain_words
from telesphor.demo.attacks import Attack, tell
from telesphor.demo.bundle_attacks import sign_files
from telesphor.demo.narration import Narrator, counted
from telesphor.demo.proof import Verifier
from telesphor.demo.stage import Stage
from telesphor.kernel.archive import read_archive
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.folder import load_node_keys

REPLAY_SECONDS: Final = 120
"""A visit takes some seconds, most of them to start; this is for a machine that is very busy."""

_TOKEN: Final = b'@id("token:'
_DENIAL: Final = b'"outcome":"deny"'
_ALLOWANCE: Final = b'"outcome":"allow"'
_RECEIPT: Final = b'"format":"telesphor-decision/1"'
_MODULE: Final = [sys.executable, "-m", "telesphor"]


class ReplayFailed(TelesphorError):
    """A replay did not come to an answer that a program can read."""

    code = "replay-failed"
    kind = Kind.INTERNAL


@dataclass(frozen=True)
class Replayed:
    """What the replays of the true bundle showed.

    Attributes:
        decisions: each decision of the bundle as it came out again.
        same: how many came out as they were recorded.
        runs: how many runs of contracts came out byte by byte.
        held: whether all of them did.
    """

    decisions: tuple[Mapping[str, Any], ...]
    same: int
    runs: int
    held: bool

    def outcomes(self) -> Counter[str]:
        """How many were allowed, and how many denied."""
        return Counter(str(decision["outcome"]) for decision in self.decisions)

    def rules(self, *, token: str, emergency: str) -> Counter[str]:
        """How often each rule decided, in plain words.

        Args:
            token: the patient's grant.
            emergency: the reason that was given for breaking the glass.
        """
        texts = Texts({token: "the patient"}, emergency)
        return Counter(_tell_rule(decision, texts) for decision in self.decisions)


def replay_bundle(stage: Stage, narrator: Narrator) -> Replayed:
    """Decide all decisions of the bundle again, and run all runs again, each in a process of its own."""
    bundle, keys = str(stage.bundle), str(stage.node.log_vkeys)
    with ThreadPoolExecutor(2) as pool:
        deciding = pool.submit(_run, ["decision", "replay", bundle, "--key", keys, "--json"])
        running = pool.submit(_run, ["contract", "replay", bundle, "--json"])
        (decided, decided_well), (ran, ran_well) = deciding.result(), running.result()
    decisions = tuple(decided["decisions"])
    same = len(decisions) - decided["failed"] - decided["missing"]
    runs = sum(run["verdict"] == "same" for run in ran)
    held = decided_well and ran_well and same == len(decisions) > 0 and runs == len(ran) > 0
    found = Replayed(decisions, same, runs, held)
    outcomes = found.outcomes()
    narrator.say(
        f"`telesphor decision replay`: {same} of {counted(len(decisions), 'decision')} reach the same answer for the "
        f"same reasons, {outcomes['allow']} allowed and {outcomes['deny']} denied."
    )
    narrator.say(
        f"`telesphor contract replay`: {runs} of {counted(len(ran), 'run')} of a contract give the same bytes in the "
        "same number of steps."
    )
    narrator.say("Neither asked a node: policies, schema, entities, requests and sources are in the bundle.")
    return found


def attack_replays(stage: Stage, verifier: Verifier, narrator: Narrator) -> list[Attack]:
    """Copies with another policy and another receipt, each signed again by the node itself."""
    key = load_node_keys(stage.node.node_key, passphrase=stage.passphrase).signing
    files = read_archive(stage.bundle.read_bytes())
    attacks = []
    stage.attacks.mkdir(exist_ok=True)
    for number, (what, changed) in enumerate(_changes(files), 1):
        file = stage.attacks / f"replayed-{number}.bundle.zip"
        file.write_bytes(sign_files({**files, **changed}, key))
        attacks.append(tell(_judge(what, file, verifier), narrator))
    return attacks


def _changes(files: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, bytes]]]:
    documents = {path: data for path, data in files.items() if path.startswith("documents/")}
    path, data = next((path, data) for path, data in documents.items() if data.startswith(_TOKEN))
    at = data.index(b"permit")
    flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    yield "one bit of the policy that the grant brought is another, and the node signs it", {path: flipped}
    path, data = next(
        (path, data) for path, data in documents.items() if _RECEIPT in data and _DENIAL in data
    )
    swapped = data.replace(_DENIAL, _ALLOWANCE)
    yield "the receipt of a denial says that it was allowed, and the node signs it", {path: swapped}


def _judge(what: str, file: Path, verifier: Verifier) -> Attack:
    """Both must speak: the verifier, and the replay by itself, were the verifier never asked."""
    verdict, bundle = verifier.check(file), read_bundle(file.read_bytes())
    faults = [line for line in replay_all(bundle.entries, bundle.documents) if line.fault]
    said = (
        f"step {len(verdict.steps)} ({verdict.last.name}): {verdict.last.failure}; "
        f"{counted(len(faults), 'decision')} cannot be replayed"
    )
    detected = not verdict.passed and verdict.last.code == "document-mismatch" and bool(faults)
    return Attack(what, detected, verdict.last.code, said)


def _run(words: list[str]) -> tuple[Any, bool]:
    """What a command wrote for programs, and whether it was content."""
    try:
        ran = subprocess.run([*_MODULE, *words], capture_output=True, timeout=REPLAY_SECONDS, check=False)
        return json.loads(ran.stdout), ran.returncode == 0
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ReplayFailed(
            f"`telesphor {' '.join(words[:2])}` gave no answer", detail=type(error).__name__
        ) from error


def _tell_rule(decision: Mapping[str, Any], texts: Texts) -> str:
    outcome = str(decision["outcome"])
    said = rule_in_plain_words(tuple(decision["reasons"]), texts, outcome=outcome)
    return f"{decision['action']} {'allowed' if outcome == 'allow' else 'denied'}: {said}"
