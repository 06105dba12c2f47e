"""Files that change under a context: what is new counts for new connections, what is broken or gone does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.context import LOOK_SECONDS, TlsContext, client_context, server_context
from telesphor.runtime.tls.errors import PeerUntrusted
from telesphor.runtime.tls.files import TlsFileRefused
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.policy import NODES
from telesphor.runtime.tls.trust import TrustStore
from tests.support.certificates import Organisation, exchange, shake_hands


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation.make(tmp_path_factory.mktemp("clinic"))
    made.issue("node.pem")
    return made


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation.make(tmp_path_factory.mktemp("other"), "other.example")
    made.issue("node.pem")
    return made


def node(organisation: Organisation) -> TlsIdentity:
    return TlsIdentity(organisation.folder / "node.pem")


def servers(organisation: Organisation) -> TlsContext:
    return server_context(node(organisation), NODES, organisation.trust)


def clients(organisation: Organisation, identity: TlsIdentity | None = None) -> TlsContext:
    return client_context(identity or node(organisation), NODES, organisation.trust)


def test_new_files_are_taken_for_new_connections_and_old_ones_go_on(tmp_path: Path) -> None:
    clinic = Organisation.make(tmp_path)
    book, seconds = ChannelBook(), [0.0]
    identity = clinic.issue("node.pem", days=10)
    context = server_context(identity, NODES, clinic.trust, book=book)
    context._monotonic = lambda: seconds[0]
    context._looked_at = 0.0
    there, here = shake_hands(context, client_context(identity, NODES, clinic.trust))
    before = here.tls.getpeercert(True)
    clinic.issue("node.pem", days=20)
    same = shake_hands(context, client_context(identity, NODES, clinic.trust))[1].tls.getpeercert(True)
    assert same == before, "files are looked at once a second at most"
    seconds[0] = LOOK_SECONDS
    after = shake_hands(context, client_context(identity, NODES, clinic.trust))[1].tls.getpeercert(True)
    assert after not in (None, before)
    here.tls.write(b"still here")
    exchange(there, here)
    assert there.tls.read() == b"still here"


def test_broken_new_files_are_not_taken(clinic: Organisation, tmp_path: Path) -> None:
    made = Organisation.make(tmp_path)
    identity = made.issue("node.pem")
    context = server_context(identity, NODES, made.trust)
    identity.certificate.write_bytes(b"nothing of use")
    with pytest.raises(TlsFileRefused):
        context.reload()
    context.reload()  # the same broken file is not read again
    there, _ = shake_hands(context, client_context(node(clinic), NODES, made.trust))
    assert there.tls.channel is None
    fresh = made.issue("other.pem")
    there, _ = shake_hands(context, client_context(fresh, NODES, made.trust))
    assert there.done, "the old certificate is still in use"
    made.issue("node.pem")
    context.reload()
    assert shake_hands(context, client_context(fresh, NODES, made.trust))[0].done


def test_last_root_taken_away_and_that_of_whom_we_dial_are_trusted_no_more(
    other: Organisation, tmp_path: Path
) -> None:
    """By neither side, also when it was the last one, and without a restart."""
    made, roots = Organisation.make(tmp_path), tmp_path / "roots"
    roots.mkdir()
    identity, trust = made.issue("node.pem"), TrustStore.of(roots)
    (roots / "clinic.pem").write_bytes(made.root.read_bytes())
    (roots / "other.pem").write_bytes(other.root.read_bytes())
    listening = server_context(identity, NODES, trust)
    dialling = client_context(identity, NODES, trust, organisation="other.example")
    partner = server_context(node(other), NODES, TrustStore.of(made.root))
    assert shake_hands(partner, dialling)[1].done
    (roots / "other.pem").unlink()
    dialling.reload()
    assert isinstance(shake_hands(partner, dialling)[1].error, PeerUntrusted)
    (roots / "clinic.pem").unlink()
    dialling.reload()
    listening.reload()
    assert isinstance(shake_hands(partner, dialling)[1].error, PeerUntrusted)
    assert shake_hands(listening, clients(made, identity))[0].tls.channel is None
    (roots / "other.pem").write_bytes(other.root.read_bytes())
    dialling.reload()
    assert shake_hands(partner, dialling)[1].done


def test_own_certificate_that_has_expired_is_said_so_in_the_log(clinic: Organisation) -> None:
    identity = clinic.issue("expired.pem", begins_in_days=-40, days=30)
    with capture_logs() as said:
        server_context(identity, NODES, clinic.trust)
    assert [line["log_level"] for line in said if "has expired" in line["event"]] == ["error"]


def test_root_taken_away_is_trusted_no_more(
    clinic: Organisation, other: Organisation, tmp_path: Path
) -> None:
    (tmp_path / "clinic.pem").write_bytes(clinic.root.read_bytes())
    (tmp_path / "other.pem").write_bytes(other.root.read_bytes())
    context = server_context(node(clinic), NODES, TrustStore.of(tmp_path))
    dial = client_context(node(other), NODES, clinic.trust)
    assert shake_hands(context, dial)[0].done
    (tmp_path / "other.pem").unlink()
    context.reload()
    assert not shake_hands(context, dial)[0].done
