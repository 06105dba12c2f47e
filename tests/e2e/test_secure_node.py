"""A node and a witness as they are run: `telesphor serve` and `telesphor witness run`, over post-quantum TLS.

Every process is real, every certificate is made here; what each side says of a link is read from outside.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from telesphor.kernel.clock import SystemClock
from telesphor.ledger.witness.standalone import WitnessFolder, WitnessSettings, create_witness, trust_file
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.network import NETWORK_FILE
from telesphor.runtime.settings import SETTINGS_FILE, format_settings
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import client_context
from telesphor.runtime.tls.policy import NODES, QUANTUM_ONLY, X25519, ChannelPolicy
from telesphor.runtime.tls.probe import probe
from telesphor.runtime.tls.trust import TrustStore
from tests.support.certificates import Organisation
from tests.support.commands import START_SECONDS, Command, Ended, run_to_end, running_command
from tests.torture.folders import ORIGIN, PASSPHRASE, make_folder

WAIT_SECONDS = 30.0
CLASSICAL = ChannelPolicy(groups=(X25519,), mutual=True, mldsa=True)
WITNESS = "north.example/witness"
SECRETS = dict.fromkeys(("TELESPHOR_PASSPHRASE", "TELESPHOR_WITNESS_PASSPHRASE"), PASSPHRASE.decode())


class World(NamedTuple):
    """Two organisations with roots of their own, and a root that browsers are told to trust."""

    clinic: Organisation
    north: Organisation
    portal: Organisation
    trust: Path
    """A folder with the roots of both organisations."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    place = tmp_path_factory.mktemp("world")
    made = World(
        Organisation.make(place / "clinic", "clinic.example"),
        Organisation.make(place / "north", "north.example"),
        Organisation.make(place / "portal", "clinic.example", algorithm=Algorithm.ECDSA_P256),
        place / "trust",
    )
    made.trust.mkdir()
    for organisation in (made.clinic, made.north):
        (made.trust / f"{organisation.authority.organisation}.pem").write_bytes(
            organisation.root.read_bytes()
        )
    return made


@contextmanager
def running(folder: Path, *words: str | Path) -> Iterator[Command]:
    """A command that serves while the block runs."""
    with running_command(folder, *words, secrets=SECRETS) as process:
        yield process


def command(*words: str | Path) -> Ended:
    return run_to_end(*words, secrets=SECRETS)


def urls_of(process: Command, count: int) -> list[str]:
    """The addresses that it listens on, in the order in which it says them."""

    def urls() -> list[str]:
        return re.findall(r"^  (https?://\S+) ", process.said, re.MULTILINE)

    until(lambda: len(urls()) >= count or not process.runs, seconds=START_SECONDS)
    assert len(urls()) == count, process.said
    return urls()


def until(condition: Callable[[], object], *, seconds: float = WAIT_SECONDS) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def make_secure_node(folder: Path, world: World, **settings: Any) -> None:
    """A node of the clinic, with a listener for nodes and one for browsers beside the plain one."""
    make_folder(folder)
    for name, organisation, options in (
        ("node.pem", world.clinic, {}),
        ("browser.pem", world.portal, {"role": Role.SERVER, "algorithm": Algorithm.ECDSA_P256}),
    ):
        issued = organisation.issue(f"{folder.parent.name}-{name}", **options)  # type: ignore[arg-type]
        issued.certificate.rename(folder / name)
    secure = {
        "host": "127.0.0.1", "port": 0,
        "tls_identity": "node.pem", "tls_trust": str(world.trust), "tls_port": 0,
        "tls_browser_certificate": "browser.pem", "tls_browser_port": 0,
    } | settings  # fmt: skip
    with (folder / SETTINGS_FILE).open("a") as file:
        file.write(format_settings({name: value for name, value in secure.items() if value is not None}))


def make_secure_witness(folder: Path, world: World, node: Path, *, certified_by: Organisation) -> Path:
    """A witness of the north, with a certificate of whomever; returns its card."""
    identity = certified_by.issue(f"{folder.parent.name}-witness.pem")
    settings = WitnessSettings(
        name=WITNESS,
        organisation="north.example",
        region="north",
        cloud="north-cloud",
        operator="north.example",
        port=0,
        tls_identity=identity.certificate,
        tls_trust=(world.trust,),
    )
    create_witness(folder, settings=settings, passphrase=PASSPHRASE, clock=SystemClock())
    trust_file(WitnessFolder(folder), NodeFolder(node).log_vkeys.read_bytes())
    return folder / "card.json"


def name_witness(node: Path, url: str, card: Path) -> None:
    place = {"organisation": "clinic.example", "region": "west", "cloud": "own", "operator": "clinic.example"}
    text = format_settings(place) + "\n[[witness]]\n" + format_settings({"url": url, "card": str(card)})
    (node / NETWORK_FILE).write_text(text)


def fetch(url: str, context: ssl.SSLContext | None = None) -> Any:
    async def get() -> Any:
        timeout = aiohttp.ClientTimeout(total=WAIT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, ssl=context or True) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.json()

    return asyncio.run(get())


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str], World]]:
    """`telesphor serve` with its three listeners: folder and addresses (plain, nodes, browsers)."""
    place = tmp_path_factory.mktemp("served")
    make_secure_node(place / "node", world)
    with running(place / "said", "serve", "--node", place / "node") as process:
        yield place / "node", urls_of(process, 3), world


Served = tuple[Path, list[str], World]


def as_partner(world: World) -> ssl.SSLContext:
    identity = world.north.issue("partner.pem")
    return client_context(identity, NODES, TrustStore.of(world.trust), organisation="clinic.example")


def as_browser(world: World, policy: ChannelPolicy = QUANTUM_ONLY) -> ssl.SSLContext:
    return client_context(None, policy, world.portal.trust)


def test_node_tells_each_caller_how_it_is_connected(served: Served) -> None:
    _, (plain, nodes, browsers), world = served
    assert fetch(f"{plain}/v1/channel") == {"secure": False, "quantum_safe": False}
    found = fetch(f"{nodes}/v1/channel", as_partner(world))
    assert found["secure"] is found["quantum_safe"] is True
    assert found["channel"]["group"] == "X25519MLKEM768"
    assert found["channel"]["peer_organisation"] == "north.example"
    assert found["channel"]["own_certificate"] == found["channel"]["peer_certificate"] == "ML-DSA-65"
    found = fetch(f"{browsers}/v1/channel", as_browser(world))
    assert found["channel"]["own_certificate"] == "ECDSA-P256"
    assert found["channel"].get("peer_certificate", "") == ""


def test_client_without_quantum_safe_key_exchange_is_refused_by_the_listener_of_nodes(served: Served) -> None:
    _, (_, nodes, _), world = served
    identity = world.north.issue("classical.pem")
    trust = TrustStore.of(world.trust)
    context = client_context(identity, CLASSICAL, trust, organisation="clinic.example")
    with pytest.raises(aiohttp.ClientConnectorError):
        fetch(f"{nodes}/v1/channel", context)


def test_browser_without_quantum_safe_key_exchange_is_served_and_told_so(served: Served) -> None:
    _, (_, _, browsers), world = served
    found = fetch(f"{browsers}/v1/channel", as_browser(world, ChannelPolicy(groups=(X25519,))))
    assert found["secure"] is True
    assert found["quantum_safe"] is False


def test_client_without_certificate_is_refused_by_the_listener_of_nodes(served: Served) -> None:
    _, (_, nodes, _), world = served
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        fetch(f"{nodes}/v1/channel", client_context(None, QUANTUM_ONLY, world.clinic.trust))


def test_plain_request_is_refused_where_tls_is_spoken(served: Served) -> None:
    _, (_, nodes, browsers), _ = served
    for url in (nodes, browsers):
        with pytest.raises(aiohttp.ClientError):
            fetch(url.replace("https", "http") + "/healthz")


def test_probe_finds_the_listeners_quantum_safe(served: Served) -> None:
    _, (_, nodes, browsers), world = served
    found = probe("127.0.0.1", int(nodes.rpartition(":")[2]), roots=world.clinic.trust.load())
    assert found.quantum_safe and found.quantum_safe_certificate and found.trusted, found.why
    done = command("tls", "probe", browsers, "--trust", world.portal.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "X25519MLKEM768 (quantum-safe)" in done.stdout


def test_metrics_count_channels_and_refusals(served: Served) -> None:
    _, (plain, nodes, _), world = served
    fetch(f"{nodes}/healthz", as_partner(world))

    async def metrics() -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{plain}/metrics") as answer:
            return await answer.text()

    text = asyncio.run(metrics())
    assert 'telesphor_tls_channels_total{group="X25519MLKEM768"' in text.replace(
        'own_certificate="ML-DSA-65",', ""
    )
    assert "telesphor_tls_certificate_ends_timestamp_seconds" in text
    assert "127.0.0.1:" not in text


def test_renewed_certificate_is_shown_without_a_restart(served: Served) -> None:
    folder, (_, nodes, _), world = served
    port = int(nodes.rpartition(":")[2])
    before = probe("127.0.0.1", port).chain[0]
    renewed = world.clinic.issue("renewed.pem", days=7)
    renewed.certificate.replace(folder / "node.pem")
    until(lambda: probe("127.0.0.1", port).chain[0].not_after != before.not_after)
    assert fetch(f"{nodes}/v1/channel", as_partner(world))["quantum_safe"] is True


def test_commands_reach_the_node_from_elsewhere_over_either_listener(served: Served, tmp_path: Path) -> None:
    """`--url` with `--trust`, and with `--identity` for the listener of nodes; an object goes both ways."""
    folder, (_, nodes, browsers), world = served
    made = command("keygen", tmp_path / "actor.key", "--node", folder)
    assert made.returncode == 0, made.stderr
    (tmp_path / "scan").write_bytes(b"not a scan" * 1000)
    partner = world.clinic.issue("command.pem").certificate
    link: tuple[str | Path, ...] = (
        "--url",
        nodes,
        "--origin",
        ORIGIN,
        "--trust",
        world.clinic.root,
        "--identity",
        partner,
    )
    put = command("put", tmp_path / "scan", "--as", tmp_path / "actor.key", "--node", folder, *link)
    assert put.returncode == 0, put.stderr
    link = ("--url", browsers, "--origin", ORIGIN, "--trust", world.portal.root)
    got = command(
        "get",
        put.stdout.strip(),
        "--as",
        tmp_path / "actor.key",
        "-o",
        tmp_path / "back",
        "--node",
        folder,
        *link,
    )
    assert got.returncode == 0, got.stderr
    assert (tmp_path / "back").read_bytes() == b"not a scan" * 1000


def test_command_that_trusts_another_root_is_refused_in_one_line(served: Served, tmp_path: Path) -> None:
    folder, (_, _, browsers), world = served
    done = command("network", "status", "--url", browsers, "--trust", world.north.root, "--node", folder)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].endswith("(link-refused)"), done.stderr
    assert "Traceback" not in done.stderr


def test_witness_and_node_reach_a_cosignature_over_mutual_tls(world: World, tmp_path: Path) -> None:
    node, witness = tmp_path / "node", tmp_path / "witness"
    make_secure_node(node, world)
    card = make_secure_witness(witness, world, node, certified_by=world.north)
    with running(tmp_path / "witness.said", "witness", "run", witness) as there:
        (url,) = urls_of(there, 1)
        assert url.startswith("https://")
        name_witness(node, url, card)
        with running(tmp_path / "node.said", "serve", "--node", node) as here:
            plain, nodes, _ = urls_of(here, 3)
            until(lambda: fetch(f"{plain}/v1/network")["peers"][0]["acknowledged"] > 0)
            done = command(
                "network", "status", "--json", "--node", node,
                "--url", nodes, "--trust", world.clinic.root, "--identity", node / "node.pem",
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            (peer,) = json.loads(done.stdout)["peers"]
            assert peer["name"] == WITNESS
            assert not peer["says"]


def test_witness_with_a_certificate_of_another_organisation_than_its_card_is_refused_and_shown(
    world: World, tmp_path: Path
) -> None:
    node, witness = tmp_path / "node", tmp_path / "witness"
    make_secure_node(node, world)
    card = make_secure_witness(witness, world, node, certified_by=world.clinic)
    with running(tmp_path / "witness.said", "witness", "run", witness) as there:
        name_witness(node, urls_of(there, 1)[0], card)
        with running(tmp_path / "node.said", "serve", "--node", node) as here:
            plain = urls_of(here, 3)[0]
            until(lambda: fetch(f"{plain}/v1/network")["peers"][0]["says"])
            peer = fetch(f"{plain}/v1/network")["peers"][0]
            assert peer["acknowledged"] == 0
            assert "`clinic.example`, not of `north.example`" in peer["says"]
            assert "peer-link-refused" in here.said


def test_witness_behind_tls_needs_a_certificate_of_this_node_at_start(world: World, tmp_path: Path) -> None:
    node = tmp_path / "node"
    make_folder(node, port=0)
    card = make_secure_witness(tmp_path / "witness", world, node, certified_by=world.north)
    name_witness(node, "https://witness.north.example:8421", card)
    done = command("serve", "--node", node)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].endswith("(settings-refused)"), done.stderr
    assert "tls_identity" in done.stderr


def test_node_without_plain_listener_is_reached_by_commands_in_its_folder(
    world: World, tmp_path: Path
) -> None:
    node = tmp_path / "node"
    make_secure_node(node, world, plain=False, host=None, port=None)
    with running(tmp_path / "said", "serve", "--node", node) as process:
        nodes, browsers = urls_of(process, 2)
        assert nodes.startswith("https://") and browsers.startswith("https://")
        assert (node / "node.address").read_text() == nodes
        done = command("keygen", tmp_path / "actor.key", "--node", node)
        assert done.returncode == 0, done.stderr
        assert "registered in entry" in done.stderr
    assert not (node / "node.address").exists()
