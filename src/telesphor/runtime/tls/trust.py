"""Whom a node trusts: the roots of organisations, one PEM file each or together, in files or folders.

Each root stands for one organisation, named in its subject (O), and only certificates of that organisation
are taken from it: a partner's root cannot make certificates for anyone else. An organisation may have two
roots for a while, which is how a root is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from telesphor.runtime.tls.certificate import organisation_of, roles_of
from telesphor.runtime.tls.files import TlsFileRefused, pem_blocks, read_bounded

ROOTS_MAX = 256
"""More partners than any node has."""


@dataclass(frozen=True)
class TrustStore:
    """Where the roots are: files, or folders of which every `*.pem` counts."""

    places: tuple[Path, ...]

    @classmethod
    def of(cls, *places: Path) -> TrustStore:
        """Roots in these files and folders."""
        return cls(places)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that count at this moment, and the folders, whose stamps change with what is in them."""
        return tuple(path for place in self.places for path in _files_in(place))

    def load(self, *, at_least: int = 1) -> tuple[x509.Certificate, ...]:
        """Read all roots.

        Args:
            at_least: how many there must be; 0 where roots that were taken away must not count any more.

        Raises:
            TlsFileRefused: none, too many, one that cannot be read, is no root or names no organisation.
        """
        roots = [root for path in self.paths if path.suffix == ".pem" for root in _read_roots(path)]
        if not at_least <= len(roots) <= ROOTS_MAX:
            raise TlsFileRefused(
                f"there are `{len(roots)}` trusted roots, not 1 to {ROOTS_MAX}",
                hint="put the partners' `root.pem` there",
            )
        return tuple(roots)


def organisations_of(roots: Sequence[x509.Certificate]) -> frozenset[str]:
    """The organisations that the roots stand for."""
    return frozenset(organisation_of(root) for root in roots)


def _files_in(place: Path) -> list[Path]:
    return [place, *sorted(place.glob("*.pem"))] if place.is_dir() else [place]


def _read_roots(path: Path) -> list[x509.Certificate]:
    try:
        roots = [
            x509.load_pem_x509_certificate(block) for block in pem_blocks(read_bounded(path), b"CERTIFICATE")
        ]
    except ValueError as error:
        raise TlsFileRefused(f"`{path}` has a certificate that cannot be read") from error
    for root in roots:
        if roles_of(root) != ("authority",) or not organisation_of(root):
            raise TlsFileRefused(f"`{path}` has a certificate that is not the root of an organisation")
    return roots
