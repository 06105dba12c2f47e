"""Roots, nodes and their files for tests of TLS, and two sides of a channel that talk in memory."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.runtime.tls.authority import Authority, create_authority
from telesphor.runtime.tls.certificate import Algorithm, Role
from telesphor.runtime.tls.context import TlsContext
from telesphor.runtime.tls.files import replace_private
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.tls_object import TlsObject
from telesphor.runtime.tls.trust import TrustStore

DAY_MS = 86_400_000
IDS = IdSource(SystemClock())
ROUNDS_MAX = 12


@dataclass(frozen=True)
class Organisation:
    """A root in a folder of its own."""

    folder: Path
    authority: Authority

    @classmethod
    def make(
        cls, folder: Path, name: str = "clinic.example", algorithm: Algorithm = Algorithm.ML_DSA_65
    ) -> Organisation:
        folder.mkdir(parents=True, exist_ok=True)
        now_ms = SystemClock().now_ms() - 100 * DAY_MS  # old enough for certificates that have expired
        authority = create_authority(name, algorithm=algorithm, now_ms=now_ms, random_bytes=IDS.random_bytes)
        (folder / "root.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        return cls(folder, authority)

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    @property
    def trust(self) -> TrustStore:
        return TrustStore.of(self.root)

    def issue(
        self,
        file: str = "node.pem",
        *,
        names: tuple[str, ...] = ("localhost", "127.0.0.1"),
        role: Role = Role.NODE,
        algorithm: Algorithm = Algorithm.ML_DSA_65,
        begins_in_days: int = 0,
        days: int = 30,
    ) -> TlsIdentity:
        """A certificate file; negative `begins_in_days` began in the past."""
        data = self.authority.issue(
            names,
            role=role,
            algorithm=algorithm,
            now_ms=SystemClock().now_ms() + begins_in_days * DAY_MS,
            days=days,
            random_bytes=IDS.random_bytes,
        )
        replace_private(self.folder / file, data)
        return TlsIdentity(self.folder / file)


class Side:
    """One end, as an event loop would hold it."""

    def __init__(self, context: TlsContext, *, dial: str = "") -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls: TlsObject = context.wrap_bio(
            self.incoming, self.outgoing, server_side=not dial, server_hostname=dial or None
        )
        self.error: ssl.SSLError | None = None
        self.done = False

    def step(self) -> None:
        if self.done or self.error:
            return
        try:
            self.tls.do_handshake()
            self.done = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error


def exchange(one: Side, other: Side) -> None:
    """Carry what each has written to the other."""
    for source, target in ((one, other), (other, one)):
        if source.outgoing.pending:
            target.incoming.write(source.outgoing.read())


def shake_hands(server: TlsContext, client: TlsContext, *, dial: str = "localhost") -> tuple[Side, Side]:
    """Let them try; returns (server's, client's), each done or with its error."""
    there, here = Side(server), Side(client, dial=dial)
    for _ in range(ROUNDS_MAX):
        here.step()
        exchange(there, here)
        there.step()
        exchange(there, here)
    return there, here
