"""Who is let in, by both sides of a channel: every refusal by its fault, over real handshakes in memory."""

from __future__ import annotations

import gc
import os
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.runtime.tls import authority
from telesphor.runtime.tls.authority import Authority
from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import TlsContext, client_context, server_context
from telesphor.runtime.tls.errors import (
    KeyExchangeClassical,
    NotTls,
    PeerClassical,
    PeerExpired,
    PeerMisnamed,
    PeerNotYetValid,
    PeerOfOtherOrganisation,
    PeerRoleRefused,
    PeerUntrusted,
    PeerWithoutCertificate,
    ProtocolTooOld,
    RefusedByPeer,
)
from telesphor.runtime.tls.files import TlsFileRefused, replace_private
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.openssl import lib
from telesphor.runtime.tls.policy import BROWSERS, NODES, QUANTUM_ONLY, X25519, ChannelPolicy, PolicyRefused
from telesphor.runtime.tls.trust import TrustStore
from tests.support.certificates import Organisation, Side, exchange, shake_hands

CLASSICAL = ChannelPolicy(groups=(X25519,), mutual=True, mldsa=True)
MUTUAL = ChannelPolicy(mutual=True)


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


def servers(organisation: Organisation, policy: ChannelPolicy = NODES) -> TlsContext:
    return server_context(node(organisation), policy, organisation.trust)


def clients(
    organisation: Organisation, identity: TlsIdentity | None = None, policy: ChannelPolicy = NODES
) -> TlsContext:
    return client_context(identity or node(organisation), policy, organisation.trust)


def test_two_nodes_speak_quantum_safe_throughout(clinic: Organisation) -> None:
    there, here = shake_hands(servers(clinic), clients(clinic))
    for side, channel in ((there, there.tls.channel), (here, here.tls.channel)):
        assert side.done
        assert channel is not None
        assert (channel.version, channel.group) == ("TLSv1.3", "X25519MLKEM768")
        assert channel.quantum_safe
        assert channel.own_certificate == channel.peer_certificate == "ML-DSA-65"
        assert (channel.peer_organisation, channel.peer) == ("clinic.example", "localhost")
    assert here.tls.cipher() == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)
    assert here.tls.selected_alpn_protocol() == "http/1.1"
    shown = here.tls.getpeercert(True)
    assert isinstance(shown, bytes)
    assert x509.load_der_x509_certificate(shown) == node(clinic).load().certificate


def test_root_of_mldsa_87_is_taken(tmp_path: Path) -> None:
    strong = Organisation.make(tmp_path, algorithm=Algorithm.ML_DSA_87)
    strong.issue(algorithm=Algorithm.ML_DSA_87)
    there, here = shake_hands(servers(strong), clients(strong))
    assert there.done
    assert here.tls.channel is not None
    assert here.tls.channel.peer_certificate == "ML-DSA-87"


def test_client_without_certificate_is_refused(clinic: Organisation) -> None:
    context = server_context(node(clinic), MUTUAL, clinic.trust, book=(book := ChannelBook()))
    there, here = shake_hands(context, client_context(None, QUANTUM_ONLY, clinic.trust))
    assert there.tls.channel is None
    assert book.refusals() == {"peer-without-certificate": 1}
    assert isinstance(there.error, PeerWithoutCertificate) or not there.done
    with pytest.raises(RefusedByPeer, match="certificate required"):
        here.tls.read()


@pytest.mark.parametrize(
    ("made", "fault", "code"),
    [
        ({"begins_in_days": -40, "days": 30}, PeerExpired, "peer-expired"),
        ({"begins_in_days": 2}, PeerNotYetValid, "peer-not-yet-valid"),
        ({"role": Role.SERVER}, PeerRoleRefused, "peer-role-refused"),
    ],
)
def test_client_with_unfit_certificate_is_refused(
    clinic: Organisation, made: dict[str, object], fault: type[ssl.SSLError], code: str
) -> None:
    identity = clinic.issue("unfit.pem", **made)  # type: ignore[arg-type]
    book = ChannelBook()
    context = server_context(node(clinic), NODES, clinic.trust, book=book)
    there, here = shake_hands(context, clients(clinic, identity))
    assert not there.done
    assert there.tls.channel is None
    assert book.refusals() == {code: 1}
    with pytest.raises(fault):
        there.tls.do_handshake()
    with pytest.raises(RefusedByPeer):
        here.tls.read()


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        ({"begins_in_days": -40, "days": 30}, PeerExpired),
        ({"begins_in_days": 2}, PeerNotYetValid),
        ({"role": Role.CLIENT}, PeerRoleRefused),
        ({"names": ("elsewhere.example",)}, PeerMisnamed),
    ],
)
def test_server_with_unfit_certificate_is_refused(
    clinic: Organisation, made: dict[str, object], fault: type[ssl.SSLError]
) -> None:
    identity = clinic.issue("unfit.pem", **made)  # type: ignore[arg-type]
    there, here = shake_hands(server_context(identity, NODES, clinic.trust), clients(clinic))
    assert isinstance(here.error, fault)
    assert isinstance(here.error, ssl.SSLCertVerificationError)
    assert here.tls.channel is None
    assert there.tls.channel is None


def test_client_of_unknown_root_is_refused(clinic: Organisation, other: Organisation) -> None:
    book = ChannelBook()
    there, _ = shake_hands(
        server_context(node(clinic), NODES, clinic.trust, book=book),
        client_context(node(other), NODES, clinic.trust),
    )
    assert there.tls.channel is None
    assert book.refusals() == {"peer-untrusted": 1}


def test_server_of_unknown_root_is_refused(clinic: Organisation, other: Organisation) -> None:
    _, here = shake_hands(servers(clinic), client_context(node(other), NODES, other.trust))
    assert isinstance(here.error, PeerUntrusted)


def test_address_must_be_in_the_certificate(clinic: Organisation) -> None:
    _, here = shake_hands(servers(clinic), clients(clinic), dial="127.0.0.1")
    assert here.done
    _, here = shake_hands(servers(clinic), clients(clinic), dial="127.0.0.2")
    assert isinstance(here.error, PeerMisnamed)


def test_root_cannot_stand_in_for_a_node(clinic: Organisation, tmp_path: Path) -> None:
    key = authority._key_pem(clinic.authority.key)
    replace_private(tmp_path / "root-as-node.pem", key + clinic.root.read_bytes())
    book = ChannelBook()
    context = server_context(node(clinic), NODES, clinic.trust, book=book)
    there, _ = shake_hands(context, clients(clinic, TlsIdentity(tmp_path / "root-as-node.pem")))
    assert there.tls.channel is None
    assert list(book.refusals()) in (["peer-role-refused"], ["peer-untrusted"])


def test_client_of_classical_key_exchange_is_refused(clinic: Organisation) -> None:
    book = ChannelBook()
    context = server_context(node(clinic), NODES, clinic.trust, book=book)
    there, here = shake_hands(context, clients(clinic, policy=CLASSICAL))
    assert there.tls.channel is None
    assert isinstance(here.error, RefusedByPeer)
    assert book.refusals() == {KeyExchangeClassical.code: 1}


def test_server_of_classical_key_exchange_is_refused(clinic: Organisation) -> None:
    there, here = shake_hands(servers(clinic, CLASSICAL), clients(clinic))
    assert there.tls.channel is None
    assert here.tls.channel is None


def test_classical_certificate_under_quantum_safe_root_is_refused(clinic: Organisation) -> None:
    identity = clinic.issue("classical.pem", algorithm=Algorithm.ECDSA_P256)
    there, here = shake_hands(servers(clinic), clients(clinic, identity))
    assert there.tls.channel is None
    # The other way round the server shows what the client offered no signature algorithm for.
    there, here = shake_hands(server_context(identity, NODES, clinic.trust), clients(clinic))
    assert here.tls.channel is None


def test_classical_root_over_quantum_safe_leaf_is_refused(clinic: Organisation, tmp_path: Path) -> None:
    weak = Organisation.make(tmp_path / "weak", algorithm=Algorithm.ECDSA_P256)
    identity = weak.issue()
    lax = ChannelPolicy(mutual=True)
    book = ChannelBook()
    both = TrustStore.of(clinic.root, weak.root)
    context = server_context(node(clinic), NODES, both, book=book)
    # Let OpenSSL take what it would refuse by its signature algorithms: the chain itself must be refused.
    assert lib.SSL_CTX_set1_sigalgs_list(
        context._loaded.context._context, b"mldsa65:mldsa87:ecdsa_secp256r1_sha256"
    )
    there, _ = shake_hands(context, client_context(identity, lax, clinic.trust))
    assert there.tls.channel is None
    assert book.refusals() == {PeerClassical.code: 1}


def test_certificate_of_one_organisation_from_the_root_of_another_is_refused(
    clinic: Organisation, other: Organisation, tmp_path: Path
) -> None:
    forger = replace(other.authority, organisation="clinic.example")
    forged = Organisation(tmp_path, forger).issue()
    book = ChannelBook()
    both = TrustStore.of(clinic.root, other.root)
    there, _ = shake_hands(
        server_context(node(clinic), NODES, both, book=book), client_context(forged, NODES, clinic.trust)
    )
    assert there.tls.channel is None
    assert book.refusals() == {PeerOfOtherOrganisation.code: 1}


def test_partner_cannot_name_its_node_like_ours(clinic: Organisation, other: Organisation) -> None:
    both = TrustStore.of(clinic.root, other.root)
    with pytest.raises(PolicyRefused, match="several organisations"):
        client_context(node(clinic), NODES, both)
    context = client_context(node(clinic), NODES, both, organisation="clinic.example")
    impostor = server_context(node(other), NODES, both)
    _, here = shake_hands(impostor, context)
    assert isinstance(here.error, PeerOfOtherOrganisation)
    _, here = shake_hands(servers(clinic), context)
    assert here.done


def test_organisation_without_a_root_cannot_be_dialled(clinic: Organisation) -> None:
    with pytest.raises(TlsFileRefused, match=r"other\.example"):
        client_context(node(clinic), NODES, clinic.trust, organisation="other.example")


def test_name_must_be_given(clinic: Organisation) -> None:
    with pytest.raises(PolicyRefused, match="name"):
        clients(clinic).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=False)


@pytest.mark.parametrize("name", [".example", ".", "..", "a..b", "x" * 64, "a\0b"])
def test_what_is_no_name_cannot_be_dialled(clinic: Organisation, name: str) -> None:
    """OpenSSL takes a name that begins with a dot for every name below it."""
    with pytest.raises(PolicyRefused, match="no name"):
        Side(clients(clinic), dial=name)


def test_node_cannot_sign_for_others(clinic: Organisation, tmp_path: Path) -> None:
    leaf = clinic.issue("leaf.pem").load().certificate
    key = load_pem_private_key((clinic.folder / "leaf.pem").read_bytes().split(b"-----BEGIN CERT")[0], None)
    assert isinstance(key, MLDSA65PrivateKey)
    forger = Authority(leaf, "clinic.example", Algorithm.ML_DSA_65, key)
    forged = Organisation(tmp_path, forger).issue()
    forged.certificate.write_bytes(forged.certificate.read_bytes() + leaf.public_bytes(Encoding.PEM))
    book = ChannelBook()
    context = server_context(node(clinic), NODES, clinic.trust, book=book)
    there, _ = shake_hands(context, clients(clinic, forged))
    assert there.tls.channel is None
    assert book.refusals() == {"peer-untrusted": 1}


@settings(max_examples=60, deadline=None)
@given(flight=st.integers(0, 1), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_altered_handshake_never_opens_a_channel_to_someone_else(
    clinic: Organisation, flight: int, place: float, bit: int
) -> None:
    there, here = Side(servers(clinic)), Side(clients(clinic), dial="localhost")
    for number in range(4):
        here.step()
        data = bytearray(here.outgoing.read())
        if number == flight and data:
            data[int(place * len(data))] ^= 1 << bit
        there.incoming.write(bytes(data))
        there.step()
        here.incoming.write(there.outgoing.read())
    if there.tls.channel is not None:  # a bit that TLS 1.3 does not look at, such as a record's old version
        assert there.tls.channel.peer_organisation == "clinic.example"
    else:
        assert not there.done


def test_context_serves_its_own_side_only(clinic: Organisation) -> None:
    with pytest.raises(PolicyRefused, match="other side"):
        Side(clients(clinic))
    with pytest.raises(PolicyRefused, match="other side"):
        Side(servers(clinic), dial="localhost")


@pytest.mark.parametrize(
    "method", ["wrap_socket", "load_cert_chain", "load_verify_locations", "load_default_certs", "set_ciphers"]
)
def test_standard_librarys_own_tls_cannot_be_had_by_mistake(clinic: Organisation, method: str) -> None:
    with pytest.raises(NotImplementedError):
        getattr(servers(clinic), method)("x")


def test_mutual_needs_someone_to_trust(clinic: Organisation) -> None:
    with pytest.raises(PolicyRefused):
        server_context(node(clinic), NODES)
    with pytest.raises(PolicyRefused):
        client_context(None, NODES, clinic.trust)


def test_browser_listener_prefers_quantum_safe_even_when_it_must_ask_again(
    clinic: Organisation, tmp_path: Path
) -> None:
    context = server_context(node(clinic), BROWSERS)
    wishes = ChannelPolicy(groups=(X25519, "X25519MLKEM768"))  # sends a share for X25519 only
    there, here = shake_hands(context, client_context(None, wishes, clinic.trust))
    assert there.done
    assert here.tls.channel is not None
    assert here.tls.channel.group == "X25519MLKEM768"
    there, here = shake_hands(context, client_context(None, ChannelPolicy(groups=(X25519,)), clinic.trust))
    assert there.tls.channel is not None
    assert there.tls.channel.group == "X25519"
    assert not there.tls.channel.quantum_safe


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", NotTls.code),
        (b"\x00" * 64, NotTls.code),
        (b"\xff" * 2000, NotTls.code),
        (b"\x16\x03\x01\x00\x05hello", None),
        (b"\x16\x03\x01\xff\xff" + b"\x00" * 100, None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NotTls.code),
    ],
)
def test_garbage_instead_of_a_hello_is_refused(clinic: Organisation, data: bytes, code: str | None) -> None:
    book = ChannelBook()
    side = Side(server_context(node(clinic), NODES, clinic.trust, book=book))
    side.incoming.write(data)
    side.step()
    side.incoming.write(b"x" * 20_000)
    side.step()
    assert side.tls.channel is None
    assert side.error is not None
    assert len(book.refusals()) == 1
    if code:
        assert book.refusals() == {code: 1}


def test_old_tls_is_refused(clinic: Organisation) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    book = ChannelBook()
    side = Side(server_context(node(clinic), BROWSERS, book=book))
    line = ssl.MemoryBIO()
    client = old.wrap_bio(ssl.MemoryBIO(), line, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    side.incoming.write(line.read())
    side.step()
    assert book.refusals() == {ProtocolTooOld.code: 1}


def test_public_roots_do_not_vouch_for_a_private_one(clinic: Organisation) -> None:
    _, here = shake_hands(server_context(node(clinic), BROWSERS), client_context(None, BROWSERS, None))
    assert isinstance(here.error, PeerUntrusted)


def test_no_session_is_resumed(clinic: Organisation) -> None:
    """A ticket would let a peer in whose certificate has expired since."""
    server, client = servers(clinic), clients(clinic)
    there, here = shake_hands(server, client)
    there.tls.write(b"data that brings any ticket with it")
    exchange(there, here)
    here.tls.read()
    session = here.tls._connection.get_session()
    assert session is not None
    again, there = Side(client, dial="localhost"), Side(server)
    again.tls._connection.set_session(session)
    for _ in range(6):
        again.step()
        exchange(there, again)
        there.step()
        exchange(there, again)
    assert there.done
    assert not lib.SSL_session_reused(there.tls._connection._ssl)


def test_thousands_of_failed_handshakes_leave_nothing(clinic: Organisation) -> None:
    context = servers(clinic)

    def garbage(count: int) -> None:
        for number in range(count):
            side = Side(context)
            side.incoming.write(b"\x16\x03\x01\x02\x00\x01" + bytes([number % 256]) * 600)
            side.step()

    def half(count: int) -> None:
        dial = clients(clinic)
        for _ in range(count):
            here, there = Side(dial, dial="localhost"), Side(context)
            here.step()
            exchange(there, here)
            there.step()

    def resident_after() -> int:
        garbage(4_000)
        half(150)
        gc.collect()
        return _resident_bytes()

    gc.freeze()  # What other tests left is not looked through again and again.
    try:
        before = resident_after()  # what the allocator keeps for itself the first time, it has for the second
        assert resident_after() - before < 8_000_000
    finally:
        gc.unfreeze()


def _resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_root_file_is_a_plain_certificate(clinic: Organisation) -> None:
    assert clinic.authority.certificate.public_bytes(Encoding.PEM) == clinic.root.read_bytes()
