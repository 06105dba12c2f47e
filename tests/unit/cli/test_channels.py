"""`telesphor tls`: what it writes, shows, renews and says of servers."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from telesphor.cli import build_tree
from telesphor.cli.channels import DUE_PART
from telesphor.kernel.clock import SystemClock
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import client_context, server_context
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.policy import BROWSERS, NODES, QUANTUM_ONLY
from telesphor.runtime.tls.trust import TrustStore
from tests.support.certificates import Organisation, shake_hands
from tests.support.secure_app import secure_app


def tls(*words: str | Path) -> Result:
    return CliRunner().invoke(build_tree("tls"), ["tls", *map(str, words)])


def shown(*files: Path) -> list[dict[str, Any]]:
    result = tls("show", "--json", *files)
    assert result.exit_code == 0, result.output
    return [one["certificate"] for one in json.loads(result.stdout)]


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tls")
    made = tls(
        "ca", place / "safe", "--organisation", "clinic.example", "--passphrase-file", place / "secret"
    )
    assert made.exit_code == 0, made.output
    return place


def make(safe: Path, out: Path, *words: str, kind: str = "node") -> Path:
    result = tls(
        kind, safe / "safe", "--name", "localhost", "--name", "127.0.0.1", "--out", out,
        "--passphrase-file", safe / "secret", *words,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return out


def test_root_is_made_sealed_and_not_twice(safe: Path) -> None:
    assert stat.S_IMODE((safe / "safe" / "root.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((safe / "secret").stat().st_mode) == 0o600
    again = tls("ca", safe / "safe", "--organisation", "clinic.example", "--passphrase-file", safe / "secret")
    assert again.exit_code == 1
    (root,) = shown(safe / "safe" / "root.pem")
    assert (root["algorithm"], root["organisation"], root["roles"]) == (
        "ML-DSA-65",
        "clinic.example",
        ["authority"],
    )


def test_certificates_of_the_command_make_a_channel(safe: Path, tmp_path: Path) -> None:
    identity = TlsIdentity(make(safe, tmp_path / "node.pem"))
    assert stat.S_IMODE(identity.certificate.stat().st_mode) == 0o600
    trust = TrustStore.of(safe / "safe" / "root.pem")
    there, _ = shake_hands(server_context(identity, NODES, trust), client_context(identity, NODES, trust))
    assert there.done


def test_browser_certificate_stands_under_a_root_of_its_own(safe: Path, tmp_path: Path) -> None:
    identity = TlsIdentity(make(safe, tmp_path / "browser.pem", kind="browser"))
    trust = TrustStore.of(safe / "safe" / "browser-root.pem")
    there, here = shake_hands(server_context(identity, BROWSERS), client_context(None, QUANTUM_ONLY, trust))
    assert there.done
    assert here.tls.channel is not None
    assert here.tls.channel.peer_certificate == "ECDSA-P256"


def test_certificate_file_is_never_overwritten(safe: Path, tmp_path: Path) -> None:
    out = make(safe, tmp_path / "node.pem")
    before = out.read_bytes()
    again = tls(
        "node", safe / "safe", "--name", "x.example", "--out", out, "--passphrase-file", safe / "secret"
    )
    assert again.exit_code == 1
    assert out.read_bytes() == before


def test_renewal_makes_a_new_key_for_the_same_names_and_role(safe: Path, tmp_path: Path) -> None:
    out = make(safe, tmp_path / "node.pem", "--role", "server", "--days", "3")
    before, (said,) = out.read_bytes(), shown(out)
    not_due = tls("renew", safe / "safe", out, "--passphrase-file", safe / "secret")
    assert not_due.exit_code == 0
    assert out.read_bytes() == before
    renewed = tls("renew", safe / "safe", out, "--all", "--passphrase-file", safe / "secret")
    assert renewed.exit_code == 0, renewed.output
    (now,) = shown(out)
    assert out.read_bytes().split(b"-----END")[0] != before.split(b"-----END")[0]
    assert {**now, "not_before": "", "not_after": ""} == {**said, "not_before": "", "not_after": ""}


def test_certificate_in_its_last_third_is_due(safe: Path, tmp_path: Path) -> None:
    from telesphor.cli.channels import _is_due
    from tests.support.certificates import DAY_MS

    certificate = TlsIdentity(make(safe, tmp_path / "node.pem", "--days", "30")).load().certificate

    class Later:
        def __init__(self, days: float) -> None:
            self.days = days

        def now_ms(self) -> int:
            return SystemClock().now_ms() + int(self.days * DAY_MS)

    assert not _is_due(certificate, Later(30 - 30 / DUE_PART - 1))
    assert _is_due(certificate, Later(30 - 30 / DUE_PART + 1))
    assert _is_due(certificate, Later(100))


def test_wrong_passphrase_makes_nothing(safe: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    result = tls(
        "node",
        safe / "safe",
        "--name",
        "x",
        "--out",
        tmp_path / "n.pem",
        "--passphrase-file",
        tmp_path / "wrong",
    )
    assert result.exit_code == 1
    assert not (tmp_path / "n.pem").exists()


@pytest.mark.parametrize("name", ["*.example", "UPPER.example", "a b"])
def test_what_is_no_name_makes_nothing(safe: Path, tmp_path: Path, name: str) -> None:
    result = tls(
        "node",
        safe / "safe",
        "--name",
        name,
        "--out",
        tmp_path / "n.pem",
        "--passphrase-file",
        safe / "secret",
    )
    assert result.exit_code == 1
    assert not (tmp_path / "n.pem").exists()


def test_show_says_it_in_words(safe: Path) -> None:
    text = tls("show", safe / "safe" / "root.pem").stdout
    assert "of clinic.example" in text
    assert "ML-DSA-65 signed with ML-DSA-65 (quantum-safe)" in text


def test_file_without_certificate_cannot_be_shown(safe: Path) -> None:
    assert tls("show", safe / "secret").exit_code == 1


def test_probe_tells_by_its_exit_code(safe: Path, tmp_path: Path) -> None:
    node = TlsIdentity(make(safe, tmp_path / "node.pem"))
    browser = TlsIdentity(make(safe, tmp_path / "browser.pem", kind="browser"))
    root = safe / "safe" / "root.pem"
    contexts = server_context(node, NODES, TrustStore.of(root)), server_context(browser, BROWSERS)
    with secure_app(*contexts) as (nodes_port, browsers_port):
        good = tls("probe", f"localhost:{nodes_port}", "--trust", root, "--certificate", "--json")
        assert good.exit_code == 0, good.output
        said = json.loads(good.stdout)
        assert (said["group"], said["quantum_safe"], said["trusted"]) == ("X25519MLKEM768", True, True)
        assert said["chain"][0]["names"] == ["localhost", "127.0.0.1"]
        assert tls("probe", f"localhost:{browsers_port}").exit_code == 0
        assert tls("probe", f"localhost:{browsers_port}", "--certificate").exit_code == 1
        assert tls("probe", f"localhost:{browsers_port}", "--trust", root).exit_code == 1
        text = tls("probe", f"localhost:{browsers_port}").stdout
        assert "X25519MLKEM768 (quantum-safe)" in text
        assert "ECDSA-P256 signed with ECDSA-SHA256 (classical" in text


def test_probe_of_a_classical_server_is_not_quantum_safe(tmp_path: Path) -> None:
    from telesphor.runtime.tls.policy import X25519, ChannelPolicy

    portal = Organisation.make(tmp_path, algorithm=Algorithm.ECDSA_P256)
    identity = portal.issue("b.pem", role=Role.SERVER, algorithm=Algorithm.ECDSA_P256)
    with secure_app(server_context(identity, ChannelPolicy(groups=(X25519,)))) as (port,):
        result = tls("probe", f"localhost:{port}")
    assert result.exit_code == 1
    assert "X25519 (classical" in result.stdout


def test_certificates_of_strangers_do_not_steer_the_terminal() -> None:
    from telesphor.cli.channels import _plain

    assert _plain("a\x1b[31mb\r\n") == "a?[31mb??"


@pytest.mark.parametrize("command", ["ca", "node", "browser", "renew", "show", "probe"])
def test_each_command_shows_an_example(command: str) -> None:
    result = tls(command, "--help")
    assert result.exit_code == 0
    assert f"Example: telesphor tls {command}" in " ".join(result.output.split())
