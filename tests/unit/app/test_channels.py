"""A node's listeners and contexts, as its settings say; each fault is refused before anything is served."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from telesphor.app.channels import Channels
from telesphor.kernel.clock import SystemClock
from telesphor.runtime.serving import AddressRefused
from telesphor.runtime.settings import Settings, SettingsRefused
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import TlsContext, client_context
from telesphor.runtime.tls.files import TlsFileRefused
from telesphor.runtime.tls.policy import NODES, QUANTUM_ONLY, X25519, ChannelPolicy
from telesphor.runtime.tls.trust import TrustStore
from tests.support.certificates import Organisation, shake_hands
from tests.support.witnesses import peer_at

NODE = {"tls_identity": "node.pem", "tls_trust": "trust", "tls_port": 0}
BROWSER = {"tls_browser_certificate": "browser.pem", "tls_browser_port": 0}
WITNESS = "https://witness.north.example:8421"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A node's folder with certificates, and the roots of its own organisation and of `north.example`."""
    clinic = Organisation.make(tmp_path / "clinic")
    north = Organisation.make(tmp_path / "north", "north.example")
    portal = Organisation.make(tmp_path / "portal", algorithm=Algorithm.ECDSA_P256)
    clinic.issue().certificate.rename(tmp_path / "node.pem")
    browser = portal.issue(role=Role.SERVER, algorithm=Algorithm.ECDSA_P256)
    browser.certificate.rename(tmp_path / "browser.pem")
    (tmp_path / "trust").mkdir()
    for name, organisation in (("clinic", clinic), ("north", north)):
        (tmp_path / "trust" / f"{name}.pem").write_bytes(organisation.root.read_bytes())
    return tmp_path


def channels(folder: Path, **settings: Any) -> Channels:
    return Channels(folder, Settings(origin="clinic.example/ledger", **{"port": 0} | settings), SystemClock())


def test_node_without_tls_listens_in_the_clear_on_its_own_machine(folder: Path) -> None:
    with channels(folder).open_listeners() as listeners:
        (listener,) = listeners.every
        assert listener.url.startswith("http://127.0.0.1:")
        assert not listener.exposed
        assert listeners.plain and not listeners.secure


def test_each_listener_has_its_own_rules_and_the_plain_one_is_for_commands(folder: Path) -> None:
    with channels(folder, **NODE, **BROWSER).open_listeners() as listeners:
        assert [one.url.partition(":")[0] for one in listeners.every] == ["http", "https", "https"]
        assert listeners.address == listeners.every[0].url
        nodes, browsers = (one.context for one in listeners.secure)
        trust = TrustStore.of(folder / "portal" / "root.pem")
        classical = client_context(None, ChannelPolicy(groups=(X25519,)), trust)
        assert shake_hands(as_tls(browsers), classical)[0].done
        assert not shake_hands(as_tls(nodes), classical)[0].done


def as_tls(context: ssl.SSLContext | None) -> TlsContext:
    assert isinstance(context, TlsContext)
    return context


def test_browsers_that_are_classical_are_refused_where_the_settings_say_so(folder: Path) -> None:
    with channels(folder, **BROWSER, tls_browser_classical=False).open_listeners() as listeners:
        (browsers,) = (one.context for one in listeners.secure)
        trust = TrustStore.of(folder / "portal" / "root.pem")
        classical = client_context(None, ChannelPolicy(groups=(X25519,)), trust)
        assert not shake_hands(as_tls(browsers), classical)[0].done
        assert shake_hands(as_tls(browsers), client_context(None, QUANTUM_ONLY, trust))[0].done


def test_commands_take_the_listener_of_nodes_where_the_plain_one_is_off(folder: Path) -> None:
    with channels(folder, **NODE, **BROWSER, plain=False).open_listeners() as listeners:
        assert len(listeners.every) == 2
        assert listeners.address.startswith("https://")
        assert not listeners.plain


def test_plain_listener_that_is_off_cannot_be_moved(folder: Path) -> None:
    made = channels(folder, **NODE, plain=False)
    for words in ({"port": 0}, {"host": "127.0.0.1"}):
        with pytest.raises(SettingsRefused, match="`plain` is false"), made.open_listeners(**words):
            pass


@pytest.mark.parametrize("broken", ["node.pem", "browser.pem", "trust/north.pem"])
def test_broken_file_is_refused_by_its_name(folder: Path, broken: str) -> None:
    (folder / broken).write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with (
        pytest.raises(TlsFileRefused, match=broken.partition("/")[0]),
        channels(folder, **NODE, **BROWSER).open_listeners(),
    ):
        pass


def test_key_of_a_browsers_certificate_may_lie_apart(folder: Path) -> None:
    text = (folder / "browser.pem").read_bytes()
    cut = text.index(b"-----BEGIN CERTIFICATE")
    (folder / "key.pem").write_bytes(text[:cut])
    (folder / "key.pem").chmod(0o600)
    (folder / "browser.pem").write_bytes(text[cut:])
    with pytest.raises(TlsFileRefused), channels(folder, **BROWSER).open_listeners():
        pass
    with channels(folder, **BROWSER, tls_browser_key="key.pem").open_listeners() as listeners:
        assert listeners.secure


def test_all_sockets_are_closed_when_one_cannot_be_had(folder: Path) -> None:
    with channels(folder).open_listeners() as taken:
        port = taken.every[0].socket.getsockname()[1]
        made = channels(folder, **NODE | {"tls_port": port})
        with pytest.raises(AddressRefused), made.open_listeners():
            pass


def test_witness_behind_tls_is_dialled_as_the_organisation_of_its_card(folder: Path) -> None:
    north = Organisation.make(folder / "other", "north.example")
    (folder / "trust" / "north.pem").write_bytes(north.root.read_bytes())
    dial = as_tls(channels(folder, **NODE).dial(peer_at(WITNESS)))
    own = channels(folder, **NODE)
    with own.open_listeners() as listeners:
        server = as_tls(listeners.secure[0].context)
        assert not shake_hands(server, dial)[0].done  # sound, but of `clinic.example`
    identity = north.issue()
    theirs = Channels(
        folder,
        Settings(origin="x.example/l", **NODE | {"tls_identity": str(identity.certificate)}),  # type: ignore[arg-type]
        SystemClock(),
    )
    with theirs.open_listeners() as listeners:
        assert shake_hands(as_tls(listeners.secure[0].context), dial)[0].done


def test_witness_behind_tls_without_a_certificate_of_ours_is_refused(folder: Path) -> None:
    with pytest.raises(SettingsRefused, match="wants TLS") as raised:
        channels(folder).dial(peer_at(WITNESS))
    assert "tls_identity" in raised.value.hint


def test_witness_of_an_organisation_without_a_root_is_refused(folder: Path) -> None:
    (folder / "trust" / "north.pem").unlink()
    with pytest.raises(TlsFileRefused, match=r"no trusted root is of `north\.example`") as raised:
        channels(folder, **NODE).dial(peer_at(WITNESS))
    assert "root.pem" in raised.value.hint


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://127.0.0.1:8421", False),
        ("http://localhost:8421", False),
        ("http://[::1]:8421", False),
        ("http://10.0.0.5:8421", True),
        ("http://localhost.north.example", True),
        ("http://127.0.0.1.north.example", True),
    ],
)
def test_witness_asked_in_the_clear_is_warned_of_unless_it_is_on_this_machine(
    folder: Path, url: str, warned: bool
) -> None:
    with capture_logs() as logs:
        assert channels(folder, **NODE).dial(peer_at(url)) is None
    assert [line["url"] for line in logs] == ([url] if warned else [])


@pytest.mark.parametrize(("host", "exposed"), [("127.0.0.1", False), ("0.0.0.0", True), ("::1", False)])
def test_listener_in_the_clear_is_exposed_where_others_reach_it(
    folder: Path, host: str, exposed: bool
) -> None:
    with channels(folder, **NODE, host=host, tls_host="0.0.0.0").open_listeners() as listeners:
        assert [one.exposed for one in listeners.every] == [exposed, False]


def test_node_shows_its_certificate_to_itself(folder: Path) -> None:
    made = channels(folder, **NODE)
    assert made._link is not None
    context, name = made._link.dialling_itself()
    assert name == "localhost"
    with made.open_listeners() as listeners:
        assert shake_hands(as_tls(listeners.secure[0].context), context, dial=name)[0].done
    assert context.policy == NODES
