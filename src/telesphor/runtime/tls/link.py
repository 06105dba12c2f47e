"""One party's place among others: its certificate, whom it trusts, and the book of its channels.

A node, or a witness that runs alone, has at most one `NodeLink`, for its listener and for whom it dials. Start at
`NodeLink.of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.certificate import names_of, organisation_of
from telesphor.runtime.tls.context import TlsContext, client_context, server_context
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.policy import NODES
from telesphor.runtime.tls.trust import TrustStore


@dataclass(frozen=True)
class NodeLink:
    """Mutual channels under `NODES`: X25519MLKEM768 and ML-DSA certificates, nothing else."""

    identity: TlsIdentity
    trust: TrustStore
    book: ChannelBook

    @classmethod
    def of(
        cls, folder: Path, *, identity: Path | None, trust: Sequence[Path], book: ChannelBook
    ) -> NodeLink | None:
        """What the settings of the party in `folder` name, relative to it; None where they name no identity."""
        if identity is None:
            return None
        places = (folder / place for place in trust)
        return cls(TlsIdentity(folder / identity), TrustStore.of(*places), book)

    def listening(self) -> TlsContext:
        """The context of a listener; raises `TlsFileRefused`."""
        return server_context(self.identity, NODES, self.trust, book=self.book)

    def dialling(self, organisation: str = "") -> TlsContext:
        """The context for dialling a party of this organisation.

        Args:
            organisation: may be empty only where the trusted roots are of one organisation.

        Raises:
            TlsFileRefused: a file is wrong, or no trusted root is of the organisation.
            PolicyRefused: it is not said which of several is meant.
        """
        return client_context(self.identity, NODES, self.trust, organisation=organisation, book=self.book)

    def dialling_itself(self) -> tuple[TlsContext, str]:
        """The same for this very party, and a name that its certificate has; raises `TlsFileRefused`."""
        certificate = self.identity.load().certificate
        return self.dialling(organisation_of(certificate)), (names_of(certificate) or ("",))[0]
