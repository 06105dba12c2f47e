"""What a server speaks: asked once, from outside, offering everything old and new.

Nothing is sent but a handshake, and nothing is trusted: the answer is what was negotiated and shown.
`quantum_safe` is about the key exchange, which decides whether what is recorded today can be read in years;
`quantum_safe_certificate` is about the certificates, which decide whether someone with a quantum computer
could stand in between on the day. Start at `probe`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from OpenSSL import SSL, crypto

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.tls.certificate import CertificateSummary, describe
from telesphor.runtime.tls.errors import refusal_of_failure, refusal_of_verification
from telesphor.runtime.tls.openssl import OpenSslRefused, expect_name, offer_everything, trust_roots
from telesphor.runtime.tls.policy import is_quantum_safe_group

PORT = 443
PROBE_SECONDS = 10.0
CHAIN_SHOWN_MAX = 10


class ProbeFailed(TelesphorError):
    """No handshake came about."""

    code = "probe-failed"
    kind = Kind.INVALID


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What was negotiated and shown.

    Attributes:
        trusted: whether the chain leads to a trusted root and names the host; `why` says why not.
        chain: as the server sent it, its own first.
    """

    host: str
    port: int
    version: str
    group: str
    cipher: str
    quantum_safe: bool
    quantum_safe_certificate: bool
    trusted: bool
    why: str
    chain: tuple[CertificateSummary, ...]


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.

    Raises:
        ProbeFailed: it is none of them.
    """
    try:
        found = urlsplit(f"//{text.removeprefix('https://').rstrip('/')}")
        host, port = found.hostname, found.port or PORT
    except ValueError:
        host = None
    if not host or found.netloc != found.netloc.rpartition("@")[2] or found.path or found.query:
        raise ProbeFailed(f"`{text[:80]}` is no address", hint="write HOST or HOST:PORT")
    return host, port


def probe(
    host: str,
    port: int = PORT,
    *,
    roots: Sequence[x509.Certificate] | None = None,
    timeout_seconds: float = PROBE_SECONDS,
) -> Probe:
    """Ask the server at `host` and `port`.

    Args:
        roots: what counts as trusted; None takes the system's.
        timeout_seconds: for everything together.

    Raises:
        ProbeFailed: it does not answer, or not with TLS.
    """
    faults: list[int] = []
    connection = SSL.Connection(_context(roots, faults), None)
    ends = time.monotonic() + timeout_seconds
    try:
        expect_name(connection, host)
        connection.set_connect_state()
        with socket.create_connection((host, port), timeout=timeout_seconds) as line:
            _shake_hands(connection, line, ends)
    except (OSError, SSL.Error, UnicodeError, OpenSslRefused) as error:
        raise _failed(host, port, error) from error
    return _report(connection, host, port, faults)


def _context(roots: Sequence[x509.Certificate] | None, faults: list[int]) -> SSL.Context:
    """Offers what can be offered, and takes what it is shown: this is a look, not a channel."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    offer_everything(context)
    trust_roots(context, roots)

    def note(_: SSL.Connection, __: crypto.X509, error: int, ___: int, sound: int) -> bool:
        if not sound:
            faults.append(error)
        return True

    context.set_verify(SSL.VERIFY_PEER, note)
    return context


def _shake_hands(connection: SSL.Connection, line: socket.socket, ends: float) -> None:
    while True:
        try:
            connection.do_handshake()
            return
        except SSL.WantReadError:
            _send(connection, line)
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the handshake takes too long")
        line.settimeout(left)
        data = line.recv(65_536)
        if not data:
            raise ConnectionResetError("the server hung up")
        connection.bio_write(data)


def _send(connection: SSL.Connection, line: socket.socket) -> None:
    try:
        while True:
            line.sendall(connection.bio_read(65_536))
    except SSL.WantReadError:
        pass


def _failed(host: str, port: int, error: Exception) -> ProbeFailed:
    why = refusal_of_failure(error).message if isinstance(error, SSL.Error) else str(error).lower()
    return ProbeFailed(
        f"no handshake with `{host}:{port}`", hint=f"it says: {why}" if why else "", detail=str(error)
    )


def _report(connection: SSL.Connection, host: str, port: int, faults: Sequence[int]) -> Probe:
    shown = (connection.get_peer_cert_chain(as_cryptography=True) or [])[:CHAIN_SHOWN_MAX]
    chain = tuple(describe(certificate) for certificate in shown)
    group = connection.get_group_name() or ""
    version = connection.get_protocol_version_name()
    return Probe(
        host=host,
        port=port,
        version=version,
        group="X25519" if group == "x25519" else group,
        cipher=connection.get_cipher_name() or "",
        quantum_safe=version == "TLSv1.3" and is_quantum_safe_group(group),
        quantum_safe_certificate=bool(chain) and all(certificate.quantum_safe for certificate in chain),
        trusted=not faults and bool(chain),
        why=refusal_of_verification(faults[0]).message if faults else "",
        chain=chain,
    )
