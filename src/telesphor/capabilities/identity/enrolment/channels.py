"""Which certificates a node's listeners show, so that a device can say at whose end of the link it speaks.

A channel is named by the SHA-256 of the server's certificate in DER, in the manner of `tls-server-end-point`
(RFC 5929, section 4), which leaves certificates without a hash in their signature, such as ours of ML-DSA,
undefined: here it is always SHA-256. Start at `ServedCertificates`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from telesphor.capabilities.identity.enrolment.model import FileHash
from telesphor.runtime.telemetry import log
from telesphor.runtime.tls.files import Stamp, TlsFileRefused, pem_blocks, read_bounded, stamp_of

RENEWALS_KEPT = 4
"""Certificates of one listener that still count: a link that was opened before a renewal goes on."""


class OwnChannels(NamedTuple):
    """What a node may be reached by.

    Attributes:
        certificates: hashes of those that it shows; empty where it has none, and cannot judge a channel.
        required: whether it takes nothing but TLS.
    """

    certificates: frozenset[FileHash]
    required: bool = False


ReadOwnChannels = Callable[[], OwnChannels]
"""Asked by the writer at each connection, so it takes microseconds."""


def without_tls() -> OwnChannels:
    """The channels of a node that has no certificate: none that it could judge."""
    return OwnChannels(frozenset())


class ServedCertificates:
    """Follows the certificate files of a node's listeners; call it for its present channels.

    Args:
        certificates: PEM files, each with the listener's certificate first.
        required: whether there is no listener in the clear.
    """

    def __init__(self, certificates: Sequence[Path], *, required: bool) -> None:
        self._files = tuple(certificates)
        self._required = required
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._kept: dict[Path, list[FileHash]] = {file: [] for file in self._files}
        self._channels = OwnChannels(frozenset(), required)

    def __call__(self) -> OwnChannels:
        with self._lock:
            stamp = stamp_of(self._files)
            if stamp != self._stamp:
                self._read()
                self._stamp = stamp
            return self._channels

    def _read(self) -> None:
        for file, kept in self._kept.items():
            try:
                channel = _channel_in(file)
            except (TlsFileRefused, ValueError) as error:
                log.warning("certificate not read", path=str(file), error=type(error).__name__)
                continue  # The listener goes on with the one it has, too.
            if channel not in kept:
                kept[:] = [*kept, channel][-RENEWALS_KEPT:]
        certificates = frozenset(channel for kept in self._kept.values() for channel in kept)
        self._channels = OwnChannels(certificates, self._required)


def channel_of(certificate: bytes) -> FileHash:
    """The name of a channel by its server's certificate in DER."""
    return FileHash(sha256(certificate).hexdigest())


def _channel_in(file: Path) -> FileHash:
    blocks = pem_blocks(read_bounded(file), b"CERTIFICATE")
    if not blocks:
        raise TlsFileRefused(f"`{file}` has no certificate")
    return channel_of(x509.load_pem_x509_certificate(blocks[0]).public_bytes(Encoding.DER))
