"""How commands dial: what `--url`, `--trust` and `--identity` mean together, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telesphor.cli.connect import TlsOptionRefused, dialling, dialling_own
from telesphor.client.http import PLAIN
from telesphor.runtime.settings import Settings
from telesphor.runtime.tls.context import TlsContext, server_context
from telesphor.runtime.tls.files import TlsFileRefused
from telesphor.runtime.tls.policy import BROWSERS, NODES, QUANTUM_ONLY, X25519, ChannelPolicy
from tests.support.certificates import Organisation, shake_hands

URL = "https://clinic.example:8422"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation.make(tmp_path_factory.mktemp("clinic"))
    made.issue()
    return made


def tls_of(dial: Any) -> TlsContext:
    assert isinstance(dial.context, TlsContext)
    return dial.context


def test_plain_address_is_dialled_in_the_clear() -> None:
    assert dialling("http://127.0.0.1:8420", trust=None, identity=None) is PLAIN
    assert dialling("", trust=None, identity=None) is PLAIN


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8420"])
def test_trust_without_tls_is_refused(clinic: Organisation, url: str) -> None:
    with pytest.raises(TlsOptionRefused, match="https://"):
        dialling(url, trust=clinic.root, identity=None)


def test_identity_without_trust_is_refused(clinic: Organisation) -> None:
    with pytest.raises(TlsOptionRefused, match="needs `--trust`"):
        dialling(URL, trust=None, identity=clinic.folder / "node.pem")


def test_missing_root_is_refused(clinic: Organisation, tmp_path: Path) -> None:
    with pytest.raises(TlsFileRefused, match=r"absent\.pem"):
        dialling(URL, trust=tmp_path / "absent.pem", identity=None)


def test_identity_opens_the_listener_of_nodes(clinic: Organisation) -> None:
    node = clinic.issue()
    context = tls_of(dialling(URL, trust=clinic.root, identity=node.certificate))
    assert shake_hands(server_context(node, NODES, clinic.trust), context)[0].done


def test_commands_do_not_speak_to_what_is_classical(clinic: Organisation) -> None:
    node = clinic.issue()
    context = tls_of(dialling(URL, trust=clinic.root, identity=None))
    assert shake_hands(server_context(node, BROWSERS), context)[0].done
    assert not shake_hands(server_context(node, ChannelPolicy(groups=(X25519,))), context)[0].done
    assert tls_of(dialling(URL, trust=None, identity=None)).policy == QUANTUM_ONLY


def test_own_node_is_dialled_as_itself_by_a_name_of_its_certificate(clinic: Organisation) -> None:
    node = clinic.issue()
    settings = Settings(
        origin="clinic.example/l", tls_identity=Path("node.pem"), tls_trust=(Path("root.pem"),)
    )
    dial = dialling_own(clinic.folder, settings, "https://0.0.0.0:8422")
    assert dial.name == "localhost"
    assert shake_hands(server_context(node, NODES, clinic.trust), tls_of(dial), dial=dial.name)[0].done
    assert dialling_own(clinic.folder, settings, "http://127.0.0.1:8420") is PLAIN


def test_own_node_that_listens_for_browsers_alone_is_not_dialled(clinic: Organisation) -> None:
    with pytest.raises(TlsOptionRefused, match="browsers alone"):
        dialling_own(clinic.folder, Settings(origin="clinic.example/l"), "https://127.0.0.1:8443")
