"""The demonstration, run as a user runs it, and then judged by what it left behind.

One headless run in a process of its own serves all tests here. It needs the data packages that
`make setup` installs, and is skipped, by name, where they are missing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from telesphor.app import build_checking_registry, ledger_files, open_for_proofs, open_node
from telesphor.demo.factors import LICENCE_NUMBER
from telesphor.demo.heart import RecordingsMissing, load_recordings
from telesphor.demo.records import ExamplesMissing, FhirRecord, load_records, telling_words
from telesphor.kernel.archive import read_archive
from telesphor.kernel.bundle import EVIDENCE_BYTES_MAX, read_bundle
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.signing import read_jws
from telesphor.ledger.fsck import fsck
from telesphor.ledger.store import requests_from
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.settings import load_settings
from telesphor.vault.erasure import check_objects
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.pins import read_keys

SOURCES = Path(__file__).resolve().parents[2] / "src"
COMMAND = [sys.executable, "-c", "from telesphor.cli import main; main()", "demo"]
RUN_SECONDS = 300
SAMPLES = 200
PRIVATE_BITS = 0o077
FAMILY_CHARS_MIN = 4


class Run(NamedTuple):
    """What one run left."""

    folder: Path
    summary: dict[str, Any]
    told: str
    records: tuple[FhirRecord, ...]

    @property
    def node(self) -> NodeFolder:
        return NodeFolder(self.folder / "node")

    @property
    def bundle(self) -> bytes:
        return (self.folder / "visit.bundle.zip").read_bytes()

    @property
    def keys(self) -> str:
        return self.node.log_vkeys.read_text(encoding="utf-8")


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    return subprocess.run(
        [*COMMAND, *words], env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    try:
        records, _ = load_records(), load_recordings()
    except (ExamplesMissing, RecordingsMissing) as missing:
        pytest.skip(f"{missing.message}; {missing.hint}")
    folder = tmp_path_factory.mktemp("demo") / "out"
    ended = demo("--headless", "--out", str(folder), "--json")
    assert ended.returncode == 0, ended.stderr
    return Run(folder, json.loads(ended.stdout), ended.stderr, records)


def test_everything_holds(run: Run) -> None:
    assert run.summary["held"] is True
    assert sum(run.summary["resources"].values()) >= 50
    assert run.summary["recording_bytes"] == 64 * 1024 * 1024
    assert run.summary["readings"] > 0


def test_record_has_all_kinds_of_resources(run: Run) -> None:
    kinds = set(run.summary["resources"])
    assert kinds >= {"Patient", "Practitioner", "Encounter", "Observation", "Condition", "Consent"}
    assert any(kind.startswith("Medication") for kind in kinds)


def test_every_attack_is_detected_and_says_what_was_wrong(run: Run) -> None:
    attacks = run.summary["attacks"]
    assert len(attacks) >= 38 - (not run.summary["chains"])
    assert [attack["what"] for attack in attacks if not attack["detected"]] == []
    assert all(attack["said"] for attack in attacks)


def test_factors_grants_and_devices_are_attacked_as_well(run: Run) -> None:
    codes = [attack["code"] for attack in run.summary["attacks"]]
    refused = {"wider-than-parent", "access-ended", "device-cloned", "nonce-used", "presentation-answered"}
    assert refused | {"break-glass-not-a-reviewer"} <= set(codes)
    assert codes.count("access-denied") >= 5
    assert codes.count("document-mismatch") == 2


def test_visit_rests_on_what_is_in_its_bundle(run: Run) -> None:
    types = Counter(parse_entry(entry.data).type for entry in read_bundle(run.bundle).entries)
    assert types["presentation.presented/1"] == 2
    assert types["token.minted/1"] == types["token.accepted/1"] == types["token.revoked/1"] == 1
    assert types["device.enrolled/1"] == types["device.connected/1"] == 1
    assert types["device.connect-refused/1"] == types["device.quarantined/1"] == 1
    assert types["break-glass.opened/1"] == types["break-glass.reviewed/1"] == 1
    assert types["contract.executed/1"] == run.summary["runs_replayed"] == 3


def test_every_decision_comes_out_again_and_reads_are_allowed_by_the_grant_alone(run: Run) -> None:
    decisions = run.summary["decisions"]
    assert run.summary["decisions_replayed"] == len(decisions) > 30
    granted = [d for d in decisions if any(reason.startswith("token:") for reason in d["reasons"])]
    assert len(granted) == 10
    assert all((d["action"], d["outcome"], len(d["reasons"])) == ("read", "allow", 1) for d in granted)
    denied = [d for d in decisions if d["outcome"] == "deny"]
    assert sorted(d["action"] for d in denied) == ["read", "read", "read", "read", "record"]
    emergency = [d["action"] for d in decisions if d["reasons"] == ["base:broken-glass"]]
    assert emergency == ["break-glass", "read"]


def test_no_value_that_was_not_shown_is_anywhere(run: Run) -> None:
    hidden = [LICENCE_NUMBER, "1974-12-25"]
    for place, data in readable_places(run):
        assert [value for value in hidden if value.encode() in data] == [], place


def test_dishonest_node_is_refused_by_its_witnesses_and_by_the_verifier(run: Run) -> None:
    codes = [attack["code"] for attack in run.summary["attacks"]]
    assert [code for code in codes if code.startswith("http-")] == [
        "http-409",
        "http-422",
        "http-409",
        "http-400",
    ]
    forged = {"card-misplaced", "cosignature-refused", "level-not-reached", "not-asked", "inclusion-refused"}
    if run.summary["chains"]:
        forged.add("anchor-of-another-digest")
    assert forged <= set(codes)
    witnesses = [attack["said"] for attack in run.summary["attacks"] if attack["code"].startswith("http-")]
    assert all(said.startswith("4 witnesses and 1 notary: HTTP 4") for said in witnesses)


def test_bundle_reaches_l5_where_the_chains_run_and_l4_by_the_policy_that_ships(run: Run) -> None:
    summary = run.summary
    expected = "L5" if summary["chains"] else "L4"
    assert (summary["goal"], summary["verdict"]["level"]) == (expected, expected)
    assert summary["shipped_verdict"]["level"] == "L4"
    lacking = [level for level in summary["shipped_verdict"]["levels"] if not level["at"]]
    assert [level["name"] for level in lacking] == ["L5"]
    assert lacking[0]["missing"]
    assert len(summary["chains"]) + len(summary["chains_missing"]) == 2
    assert all(missing in unwrapped(run.told) for missing in summary["chains_missing"])


def test_what_proves_no_time_says_so(run: Run) -> None:
    assumed = [text for text in run.summary["verdict"]["assumptions"] if "nothing about time" in text]
    assert len(assumed) == len(run.summary["chains"])
    assert "policy pins no witness" in unwrapped(run.told)


def test_times_to_the_levels_rise_and_are_told(run: Run) -> None:
    confirmation = run.summary["confirmation"]
    waits = [step["after_ms"] for step in confirmation["reached"]]
    assert len(waits) == int(run.summary["goal"][1])
    assert waits == sorted(waits)
    assert len(confirmation["cosigned_by"]) == 5
    assert {anchor["network"] for anchor in confirmation["anchors"]} == set(run.summary["chains"])
    assert all(f"L{level} {waits[level - 1] / 1000:.2f} s" in unwrapped(run.told) for level in (2, 3, 4))


def test_network_ended_in_order(run: Run) -> None:
    folders = [path for path in (run.folder / "network").iterdir() if path.is_dir()]
    assert len(folders) == 5
    assert [path for path in folders if (path / "witness.address").exists()] == []


def test_zipapp_verifies_the_bundle_under_pinned_keys(run: Run) -> None:
    words = [sys.executable, "-I", str(run.folder / "telesphor-verify.pyz"), "--json"]
    words += ["--key", str(run.node.log_vkeys), "--levels", str(run.folder / "levels.toml")]
    words += ["--require", run.summary["goal"], str(run.folder / "visit.bundle.zip")]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["verdict"], report["pinned"]) == (0, "pass", True)
    assert report["level"] == run.summary["goal"]


def test_any_changed_byte_fails_the_bundle(run: Run) -> None:
    pins, bundle = read_keys(run.keys), run.bundle
    assert verify_bundle(bundle, pins=pins).passed
    for sample in range(SAMPLES):
        # A stride over the whole file, and every bit in turn.
        at = sample * len(bundle) // SAMPLES
        changed = bundle[:at] + bytes([bundle[at] ^ (1 << sample % 8)]) + bundle[at + 1 :]
        assert not verify_bundle(changed, pins=pins).passed, f"byte {at}"


def test_node_reopens_and_is_sound(run: Run) -> None:
    passphrase = (run.folder / "node.passphrase").read_bytes().strip()
    with open_node(run.node.path, passphrase=passphrase) as node:
        assert node.health()["status"] == "ok"
        assert list(check_objects(node.vault)) == []
    report = fsck(ledger_files(run.node, load_settings(run.node.path)), build_checking_registry)
    assert report.entries >= run.summary["ledger"]["entries"]


def test_nothing_of_the_records_is_outside_the_vault(run: Run) -> None:
    words = [word.encode() for word in telling_words(run.records)]
    for place, data in readable_places(run):
        assert [word for word in words if word in data] == [], place


def test_no_family_name_is_outside_the_vault(run: Run) -> None:
    names = sorted(family_names(run.records))
    assert len(names) > 5
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b")
    for place, data in readable_places(run):
        assert pattern.findall(data.decode("utf-8", "replace")) == [], place


def test_keys_and_passphrase_are_private(run: Run) -> None:
    private = [run.folder / "node.passphrase", *(run.folder / "actors").glob("*.key")]
    private += (run.node.path / "keys").glob("*.key")
    private += (run.folder / "network").glob("*.passphrase")
    private += (run.folder / "network").glob("*/keys/*.key")
    paying = "ethereum-31337" in run.summary["chains"]
    assert len(private) == 19 + paying
    assert [path.name for path in private if path.stat().st_mode & PRIVATE_BITS] == []


def test_second_run_into_the_same_folder_is_refused(run: Run) -> None:
    ended = demo("--headless", "--out", str(run.folder))
    assert ended.returncode == 1
    assert "demo-folder-refused" in ended.stderr


def unwrapped(told: str) -> str:
    """The narration in one line, however wide the terminal was."""
    return " ".join(told.split())


def readable_places(run: Run) -> Iterator[tuple[str, bytes]]:
    """Whatever others may get to see, out of its base64: entries, requests, published files, bundle, narration."""
    yield "narration", run.told.encode()
    yield "summary", json.dumps(run.summary).encode()
    with open_for_proofs(run.node.path) as (reader, *_):
        for entry in reader.entries(first=0, end=reader.size()):
            yield f"entry {entry.position}", entry.data
        for first, _, _, data in requests_from(reader.db, 0):
            yield f"request {first}", read_jws(data, limit=EVIDENCE_BYTES_MAX).payload_bytes
    for path in sorted((run.node.path / "public").rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()
    for path in sorted((run.folder / "network").rglob("*")):
        if path.is_file():
            yield f"network/{path.name}", path.read_bytes()
    yield "ledger.sqlite", run.node.ledger.read_bytes()
    yield "published.sqlite", run.node.published.read_bytes()
    yield from read_archive(run.bundle).items()


def family_names(records: tuple[FhirRecord, ...]) -> set[str]:
    """All family names in the records, at any depth."""
    found: set[str] = set()
    waiting: list[Any] = [json.loads(record.data) for record in records]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(family := value.get("family"), str) and len(family) >= FAMILY_CHARS_MIN:
                found.add(family)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found
