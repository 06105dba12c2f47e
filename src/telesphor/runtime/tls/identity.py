"""A node's own certificate and key, read from files that may be replaced at any time.

`TlsIdentity` says where they are; `load` reads them once, whole, and refuses what does not fit together.
Our own files hold key and certificate together, so that one rename replaces both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import crypto

from telesphor.runtime.tls.files import TlsFileRefused, pem_blocks, read_bounded

CHAIN_MAX = 6
"""A leaf and some authorities between it and a public root."""


@dataclass(frozen=True)
class LoadedIdentity:
    """A certificate that fits its key."""

    chain: tuple[x509.Certificate, ...]
    key: crypto.PKey = field(repr=False)

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]


@dataclass(frozen=True)
class TlsIdentity:
    """Where certificate and key are.

    Attributes:
        certificate: PEM: the certificate, then the authorities between it and its root.
        key: PEM, PKCS #8, mode 0600; nothing when it is in the same file.
    """

    certificate: Path
    key: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.certificate,) if self.key is None else (self.certificate, self.key)

    def load(self) -> LoadedIdentity:
        """Read both.

        Raises:
            TlsFileRefused: missing, open to others, not PEM, encrypted, or of different keys.
        """
        data = read_bounded(self.certificate, private=self.key is None)
        secret = data if self.key is None else read_bounded(self.key, private=True)
        chain = _read_chain(self.certificate, data)
        block = _key_block(self.key or self.certificate, secret)
        try:
            matches = load_pem_private_key(block, None).public_key() == chain[0].public_key()
            key = crypto.load_privatekey(crypto.FILETYPE_PEM, block)
        except (ValueError, TypeError, UnsupportedAlgorithm, crypto.Error) as error:
            raise TlsFileRefused(f"`{self.key or self.certificate}` has a key that cannot be read") from error
        if not matches:
            raise TlsFileRefused(f"`{self.certificate}` is not the certificate of its key")
        return LoadedIdentity(chain, key)


def _read_chain(path: Path, data: bytes) -> tuple[x509.Certificate, ...]:
    blocks = pem_blocks(data, b"CERTIFICATE")
    if not 1 <= len(blocks) <= CHAIN_MAX:
        raise TlsFileRefused(f"`{path}` has `{len(blocks)}` certificates, not 1 to {CHAIN_MAX}")
    try:
        return tuple(x509.load_pem_x509_certificate(block) for block in blocks)
    except ValueError as error:
        raise TlsFileRefused(f"`{path}` has a certificate that cannot be read") from error


def _key_block(path: Path, data: bytes) -> bytes:
    blocks = pem_blocks(data, b"PRIVATE KEY")
    if len(blocks) != 1 or b"ENCRYPTED" in blocks[0]:
        raise TlsFileRefused(
            f"`{path}` must have exactly one private key, not encrypted",
            hint="protect it by its permissions; `docs/operating/tls.md` says why",
        )
    return blocks[0]
