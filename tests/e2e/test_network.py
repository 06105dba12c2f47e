"""A node in a network: witnesses, a notary and public chains, all real, and what they make of a visit's bundle.

Four witnesses of three organisations (one of them a process by itself) and a notary cosign a real node. Where
there are a Bitcoin and an Ethereum node, they date it.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from telesphor.app import create_node, open_node
from telesphor.cli import build_tree
from telesphor.demo.anvil import ANVIL_NETWORK, Anvil
from telesphor.demo.bcoin import BCOIN_NETWORK
from telesphor.demo.levels import DEMO_LEVELS
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.card import Role, read_card
from telesphor.kernel.checkpoint import open_checkpoint
from telesphor.kernel.cosignature import verify_cosignature
from telesphor.kernel.levels import DEFAULT_LEVELS, parse_levels
from telesphor.kernel.note import parse_note
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.ledger.witness.store import WitnessStore
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.serving import serving
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.pins import read_keys
from telesphor.verify.report import Report
from tests.e2e.running import MovableClock, Running
from tests.support.anvil import running_anvil
from tests.support.bcoin import MiningBcoin, running_bcoin
from tests.support.neighbours import (
    LABELS,
    ORGANISATION,
    Neighbours,
    add_witnesses,
    introduce_node,
    neighbours,
    telesphor,
)
from tests.torture.folders import ORIGIN, PASSPHRASE, make_folder

WITNESSES = ("north", "south-1", "south-2", "east")
PROCESS = "north"
SOON_SECONDS = 30.0
ETHER = 10**18


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A node that stands alone, and its actors; copied by those who want another."""
    folder = tmp_path_factory.mktemp("made") / "node"
    secret = folder.with_name("passphrase")
    secret.write_bytes(PASSPHRASE)
    return folder, make_folder(folder, passphrase_file=str(secret))


@pytest.fixture(scope="module")
def around(
    made: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Neighbours]:
    """All five, served, one of them as a process of its own; they know the node, and the node them."""
    with neighbours(tmp_path_factory.mktemp("around") / "neighbours") as found:
        introduce_node(made[0], found)
        found.run(PROCESS)
        for label in LABELS:
            if label != PROCESS:
                found.serve(label)
        add_witnesses(made[0], found)
        yield found


@pytest.fixture(scope="module")
def served() -> Iterator[ExitStack]:
    """Holds the served node; the last test closes it before it opens the same folder with other settings."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def node(served: ExitStack, made: tuple[Path, dict[str, Any]], around: Neighbours) -> Running:
    return served.enter_context(networked(*made))


@contextmanager
def networked(folder: Path, wallets: dict[str, Any]) -> Iterator[Running]:
    """Serve the node in `folder` with its network."""
    clock = MovableClock()
    with (
        open_node(folder, passphrase=PASSPHRASE, clock=clock, networked=True) as node,
        serving(node.edge()) as url,
    ):
        yield Running(node, url, wallets, clock, io.StringIO())


def status_of(node: Running, blocks: int = 50) -> Any:
    answer = node.ask("GET", f"/v1/network?blocks={blocks}")
    assert answer.status == 200, answer
    return answer.json()


def close_a_visit(node: Running) -> str:
    """A visit from its opening to its closing; returns its id."""
    visit = node.ids.next()
    assert node.open_visit(visit).status == 200
    assert node.command(node.clinician, "visit.close/1", visit=visit).status == 200
    return visit


def write(node: Running) -> int:
    """One more entry; returns its position."""
    answer = node.open_visit(node.ids.next())
    assert answer.status == 200, answer
    return int(answer.json()["entries"][-1]["position"])


def block_of(node: Running, position: int, level: int, *, seconds: float = SOON_SECONDS) -> Any:
    """The oldest block that holds `position` at this level, once there is one."""

    def look() -> Any:
        blocks = [block for block in status_of(node)["blocks"] if block["size"] > position]
        return next((block for block in reversed(blocks) if block["level"] >= level), None)

    return until(look, seconds=seconds)


def until(look: Callable[[], Any], *, seconds: float = SOON_SECONDS) -> Any:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def verdict_of(node: Running, visit: str, levels: str, *, require: int) -> Report:
    """The visit's bundle as the node makes it, judged by a stranger with a policy of his own."""
    bundle = node.node.visit_proof(visit)
    pins = read_keys(node.node.folder.log_vkeys.read_text())
    return verify_bundle(bundle, pins=pins, levels=parse_levels(levels.encode()), require=require)


def test_block_is_notarised_within_seconds(node: Running) -> None:
    position = write(node)

    def timed() -> Any:
        """A level is judged a moment before it is noted when it was reached."""
        block = block_of(node, position, 4)
        return block if "L4" in block["ms_to_level"] else None

    block = until(timed)
    assert [*block["ms_to_level"]] == ["L1", "L2", "L3", "L4"]
    times = [*block["ms_to_level"].values()]
    assert times == sorted(times)
    assert times[-1] < SOON_SECONDS * 1000
    assert "public chain" in block["missing"]


def test_bundle_of_a_visit_reaches_l4_under_a_readers_own_policy(node: Running) -> None:
    visit = close_a_visit(node)
    report = verdict_of(node, visit, DEFAULT_LEVELS, require=4)
    assert report.passed, report.to_text()
    assert report.level == "L4"


def test_bundle_carries_the_checkpoint_that_stands_best(node: Running) -> None:
    visit = close_a_visit(node)
    bundle = read_bundle(node.node.visit_proof(visit))
    last = max(entry.position for entry in bundle.entries)
    assert node.node.network is not None
    assert bundle.checkpoint == node.node.network.standing(last).note
    cards = [read_card(card) for card in bundle.cards.values()]
    assert sorted(card.role for card in cards)[:2] == [Role.LOG, Role.NOTARY]
    assert {card.organisation for card in cards} >= {"clinic.example", "notary.example"}


def test_policy_that_asks_for_more_organisations_is_not_met(node: Running) -> None:
    strict = DEFAULT_LEVELS.replace("organisations = 3", "organisations = 4")
    report = verdict_of(node, close_a_visit(node), strict, require=1)
    assert report.passed
    assert report.level == "L2"


def test_cosigned_checkpoint_is_public_and_verifies(node: Running, around: Neighbours) -> None:
    block = block_of(node, write(node), 4)
    answer = node.ask("GET", f"/v1/network/checkpoints/{block['size']}")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    signed = open_checkpoint(answer.body, origin=ORIGIN, vkeys=node.node.keys.log.vkeys())
    assert signed.checkpoint.size == block["size"]
    notary = read_card(around.place("notary").card.read_bytes())
    assert verify_cosignature(parse_note(answer.body), notary.keys).time_seconds > 0


def test_card_is_that_of_the_ledger(node: Running) -> None:
    answer = node.ask("GET", "/v1/network/card")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/jose+json")
    card = read_card(answer.body)
    assert (card.role, card.name, card.organisation) == (Role.LOG, ORIGIN, "clinic.example")
    assert card.expires_at == status_of(node)["card_expires_at"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/network/checkpoints/999999", 404, "checkpoint-missing"),
        ("/v1/network/checkpoints/0", 400, "request-malformed"),
        ("/v1/network/checkpoints/1/anchors/bitcoin-mainnet.ots", 404, "anchor-file-missing"),
        ("/v1/network?blocks=51", 400, "request-malformed"),
        ("/v1/network?blocks=0", 400, "request-malformed"),
    ],
)
def test_what_there_is_not_is_refused(node: Running, path: str, status: int, code: str) -> None:
    answer = node.ask("GET", path)
    assert (answer.status, answer.json()["code"]) == (status, code)


def test_node_that_witnesses_nobody_has_no_witness_routes(node: Running) -> None:
    assert node.ask("GET", "/witness/card").status == 404


def test_witness_that_is_down_does_not_stop_the_others(node: Running, around: Neighbours) -> None:
    port = int(around.urls["south-2"].rpartition(":")[2])
    around.end("south-2")
    block = block_of(node, write(node), 4)
    down = read_card(around.place("south-2").card.read_bytes()).name
    assert not any(name.startswith(down) for name in block["cosigned_by"])
    peer = next(peer for peer in status_of(node)["peers"] if peer["name"] == down)
    assert peer["fault"] == "peer-unreachable"
    assert around.urls["south-2"] not in json.dumps(status_of(node))  # where it is is not for everybody
    around.serve("south-2", port=port)

    def is_back() -> bool:
        block = block_of(node, write(node), 4)
        return any(name.startswith(down) for name in block["cosigned_by"])

    until(is_back)


def test_notary_that_is_down_leaves_l3(node: Running, around: Neighbours) -> None:
    port = int(around.urls["notary"].rpartition(":")[2])
    around.end("notary")
    block = block_of(node, write(node), 3)
    assert block["level"] == 3
    assert "notary" in block["missing"]
    around.serve("notary", port=port)


def test_status_is_told_by_the_command_too(node: Running) -> None:
    told = json.loads(telesphor("network", "status", "--url", node.url, "--json"))
    assert told["origin"] == ORIGIN
    assert len(told["peers"]) == len(LABELS)


def test_node_cosigns_the_ledger_of_another_node(
    made: tuple[Path, dict[str, Any]], around: Neighbours, tmp_path: Path
) -> None:
    """Both are nodes; the second is a witness of the first, under `/witness`."""
    theirs, secret = tmp_path / "theirs", made[0].with_name("passphrase")
    create_node(
        theirs, origin="south.example/log", passphrase=PASSPHRASE, settings={"passphrase_file": str(secret)}
    )
    first, wallets = tmp_path / "first", make_folder(tmp_path / "first", passphrase_file=str(secret))
    telesphor("network", "init", *ORGANISATION, "--operator", "clinic.example", "--node", str(first))
    telesphor(
        "network", "init", "--organisation", "south.example", "--region", "eu-south", "--cloud", "own",
        "--operator", "south.example", "--node", str(theirs),
    )  # fmt: skip
    telesphor("network", "add-log", str(NodeFolder(first).log_vkeys), "--node", str(theirs))
    with networked(theirs, made[1]) as witness:
        card = tmp_path / "south.card.json"
        card.write_bytes(witness.ask("GET", "/witness/card").body + b"\n")
        telesphor("network", "add-witness", f"{witness.url}/witness", str(card), "--node", str(first))
        with networked(first, wallets) as node:
            position = write(node)
            name = WitnessPeer.of(witness.url, card.read_bytes().strip()).key

            def cosigned() -> bool:
                blocks = [block for block in status_of(node)["blocks"] if block["size"] > position]
                return any(name in block["cosigned_by"] for block in blocks)

            until(cosigned)
            again = node.ask("GET", f"/v1/network/checkpoints/{position + 1}")
            assert again.status == 200
        refused = witness.ask("POST", "/witness/add-checkpoint", body=b"old 0\n\nnot a checkpoint")
        assert (refused.status, refused.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    memory = WitnessStore(NodeFolder(theirs).witness_memory)
    assert memory.seen(ORIGIN).size > position
    memory.close()


def test_bitcoin_and_ethereum_date_the_ledger(
    made: tuple[Path, dict[str, Any]], node: Running, served: ExitStack
) -> None:
    """L5, through settings alone: one transaction of each chain dates everything before it."""
    visit = close_a_visit(node)
    block_of(node, node.node.machine.committed_size - 1, 4)
    served.close()
    folder = made[0]
    account = telesphor("network", "ethereum-key", "--node", str(folder)).strip()
    assert telesphor("network", "ethereum-key", "--node", str(folder)).strip() == account
    policy = DEMO_LEVELS.replace("at_least = 1\nnetworks", "at_least = 2\nnetworks")
    (folder / "levels.toml").write_text(policy)
    with running_bcoin(coins=1) as bitcoin, running_anvil() as ethereum:
        ethereum.give(account, wei=ETHER)
        tell_of_chains(folder, bitcoin, ethereum)
        with networked(*made) as dated:
            anchors = until(lambda: look_at_anchors(dated, bitcoin, ethereum), seconds=30.0)
            check_cost(anchors)
            block = next(block for block in status_of(dated)["blocks"] if block["level"] == 5)
            assert (block["missing"], sorted(block["anchored_in"])) == ("", [BCOIN_NETWORK, ANVIL_NETWORK])
            times = [*block["ms_to_level"].values()]
            assert (len(times), times) == (5, sorted(times))
            check_files_are_public(dated, block["size"])
            report = verdict_of(dated, visit, policy, require=5)
            assert report.passed, report.to_text()
            # Under the shipped policy these chains prove nothing.
            assert verdict_of(dated, visit, DEFAULT_LEVELS, require=1).level == "L4"
    shown = CliRunner().invoke(build_tree("network"), ["network", "status", "--node", str(folder)])
    assert "the node is not running" in shown.output
    assert "BTC" in shown.output
    assert "L5" in shown.output


def look_at_anchors(node: Running, bitcoin: MiningBcoin, ethereum: Anvil) -> Any:
    """Let time pass on both chains; the anchors by network, once both are final."""
    bitcoin.mine()
    ethereum.mine()
    anchors = status_of(node)["anchors"]
    final = {anchor["network"]: anchor for anchor in anchors if anchor["phase"] == "final"}
    return final if len(final) == 2 else None


def tell_of_chains(folder: Path, bitcoin: MiningBcoin, ethereum: Anvil) -> None:
    (folder / "credential").write_bytes(bitcoin.credential.read_bytes())
    settings = folder / "network.toml"
    own = f"""levels = "levels.toml"
anchor_minutes = 600
look_seconds = 0.05
{settings.read_text()}
[bitcoin]
network = "{BCOIN_NETWORK}"
node_url = "{bitcoin.node_url}"
wallet_url = "{bitcoin.wallet_url}"
credential_file = "credential"
confirmations = 2

[ethereum]
network = "{ANVIL_NETWORK}"
node_url = "{ethereum.url}"
key_file = "keys/ethereum.key"
confirmations = 2
"""
    settings.write_text(own)


def check_cost(anchors: dict[str, Any]) -> None:
    bitcoin, ethereum = anchors[BCOIN_NETWORK], anchors[ANVIL_NETWORK]
    assert bitcoin["cost"].endswith(" BTC")
    assert bitcoin["gas"] is None
    assert ethereum["cost"].endswith(" ETH")
    assert ethereum["gas"] > 21_000
    for anchor in (bitcoin, ethereum):
        assert anchor["entries_covered"] == anchor["size"]
        paid, each = (float(anchor[name].split()[0]) for name in ("cost", "cost_per_entry"))
        assert each == pytest.approx(paid / anchor["size"], rel=0.01)


def check_files_are_public(node: Running, size: int) -> None:
    for name in (f"{BCOIN_NETWORK}.ots", f"{BCOIN_NETWORK}.headers", f"{ANVIL_NETWORK}.json"):
        answer = node.ask("GET", f"/v1/network/checkpoints/{size}/anchors/{name}")
        assert answer.status == 200, name
        assert answer.body
