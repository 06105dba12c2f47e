"""`server_context` and `client_context`: an `ssl.SSLContext` for asyncio, uvloop, uvicorn and aiohttp.

The context reads its files when it is made, which fails at once where something is wrong, and looks
again with each new connection, at most once a second: new files are taken for new connections, those that
are open go on as they are. New files that are broken are logged and counted, and the old ones stay.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from cryptography import x509
from OpenSSL import SSL, crypto

from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.telemetry import log
from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.certificate import algorithm_of, names_of, to_ms
from telesphor.runtime.tls.files import Stamp, TlsFileRefused, stamp_of
from telesphor.runtime.tls.identity import LoadedIdentity, TlsIdentity
from telesphor.runtime.tls.openssl import OpenSslRefused, expect_name, make_context
from telesphor.runtime.tls.peers import PeerCheck, PeerRules, judge
from telesphor.runtime.tls.policy import ChannelPolicy, PolicyRefused
from telesphor.runtime.tls.tls_object import TlsObject
from telesphor.runtime.tls.trust import TrustStore, organisations_of

LOOK_SECONDS = 1.0
"""How often the files are looked at; a renewed certificate is not urgent to the second."""


def server_context(
    identity: TlsIdentity,
    policy: ChannelPolicy,
    trust: TrustStore | None = None,
    *,
    book: ChannelBook | None = None,
) -> TlsContext:
    """The context of a listener.

    Args:
        identity: the node's certificate and key.
        policy: `NODES`, `BROWSERS`, `QUANTUM_ONLY`, or one of your own.
        trust: whose certificates are taken; needed where the policy is mutual.
        book: where channels are noted.

    Raises:
        TlsFileRefused: a file is missing or wrong.
        PolicyRefused: mutual without anyone to trust.
    """
    if policy.mutual and trust is None:
        raise PolicyRefused("a mutual channel needs trusted roots", hint="name the partners' `root.pem`")
    rules = PeerRules(role="client", mldsa=policy.mldsa, rooted=True)
    return TlsContext(_Sources(True, identity, policy, trust if policy.mutual else None, rules), book)


def client_context(
    identity: TlsIdentity | None,
    policy: ChannelPolicy,
    trust: TrustStore | None,
    *,
    organisation: str = "",
    book: ChannelBook | None = None,
) -> TlsContext:
    """The context of whoever dials. The name that is dialled must always be in the other side's certificate.

    Args:
        identity: this side's certificate; needed where the policy is mutual.
        trust: the roots that are trusted; None takes the system's public ones.
        organisation: whose the other side must be; needed when the roots are of more than one, because
            each of them could make a certificate for any name.

    Raises:
        TlsFileRefused, PolicyRefused.
    """
    if policy.mutual and (identity is None or trust is None):
        raise PolicyRefused("a mutual channel needs a certificate and trusted roots")
    rules = PeerRules(role="server", mldsa=policy.mldsa, rooted=trust is not None, organisation=organisation)
    return TlsContext(_Sources(False, identity, policy, trust, rules), book)


@dataclass(frozen=True)
class _Sources:
    server: bool
    identity: TlsIdentity | None
    policy: ChannelPolicy
    trust: TrustStore | None
    rules: PeerRules

    def stamp(self) -> Stamp:
        own = self.identity.paths if self.identity else ()
        return stamp_of((*own, *(self.trust.paths if self.trust else ())))

    def load(self, *, again: bool = False) -> _Loaded:
        """Read the files; `again` when others were in use before.

        INVARIANT: roots that were taken away do not count any more, also when no other is left. So only
        the first time it is refused that there is none: later, nobody is let in.
        """
        identity = self.identity.load() if self.identity else None
        roots = self.trust.load(at_least=0 if again else 1) if self.trust else None
        if roots and not self.server:
            self._check_organisation(roots, again=again)
        asks = not self.server or self.policy.mutual
        try:
            context = make_context(
                self.policy,
                server=self.server,
                identity=identity,
                roots=roots,
                verify=judge if asks else None,
            )
        except (SSL.Error, crypto.Error, OpenSslRefused) as error:
            raise TlsFileRefused("OpenSSL does not take the certificate files", detail=str(error)) from error
        return _Loaded(context, identity, algorithm_of(identity.certificate) if identity else "")

    def _check_organisation(self, roots: tuple[x509.Certificate, ...], *, again: bool) -> None:
        organisations = organisations_of(roots)
        if self.rules.organisation and self.rules.organisation not in organisations and not again:
            raise TlsFileRefused(
                f"no trusted root is of `{self.rules.organisation}`",
                hint="ask for its `root.pem`, and put it where trusted roots lie",
            )
        if not self.rules.organisation and len(organisations) > 1:
            raise PolicyRefused(
                "the trusted roots are of several organisations, and any of them could name its node like another's",
                hint="say which organisation is dialled",
            )


@dataclass(frozen=True)
class _Loaded:
    context: SSL.Context
    identity: LoadedIdentity | None
    algorithm: str


class TlsContext(ssl.SSLContext):
    """What event loops take for the standard library's context; made by the two functions above.

    Everything of the standard library's context that would set up its own OpenSSL is refused, because it
    would have no effect on these channels.
    """

    _sources: _Sources
    _book: ChannelBook
    _loaded: _Loaded
    _stamp: Stamp
    _looked_at: float
    _monotonic: Callable[[], float]

    def __new__(
        cls,
        sources: _Sources,
        book: ChannelBook | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Self:
        self = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER if sources.server else ssl.PROTOCOL_TLS_CLIENT)
        self._sources = sources
        self._book = book or ChannelBook()
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._stamp = sources.stamp()
        self._take(sources.load())
        return self

    @property
    def book(self) -> ChannelBook:
        """Where this context's channels are noted."""
        return self._book

    @property
    def policy(self) -> ChannelPolicy:
        """The rules it keeps."""
        return self._sources.policy

    def reload(self) -> None:
        """Look at the files now.

        Raises:
            TlsFileRefused: they are broken; the old ones stay in use.
        """
        stamp = self._sources.stamp()
        self._looked_at = self._monotonic()
        if stamp == self._stamp:
            return
        self._stamp = stamp  # a broken file is not read again before it changes
        self._take(self._sources.load(again=True))

    def wrap_bio(  # type: ignore[override]
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: object = None,
    ) -> TlsObject:
        """One connection over two memories.

        Raises:
            PolicyRefused: a server's context used to dial, or the reverse, or no name to check.
        """
        self._look()
        if server_side is not self._sources.server:
            raise PolicyRefused("the context is for the other side of a channel")
        name = server_hostname.decode("ascii") if isinstance(server_hostname, bytes) else server_hostname
        return self._wrap(incoming, outgoing, name or "")

    def _wrap(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, name: str) -> TlsObject:
        connection = SSL.Connection(self._loaded.context, None)
        connection.set_app_data(PeerCheck(self._sources.rules))
        if self._sources.server:
            connection.set_accept_state()
        else:
            if not name:
                raise PolicyRefused("a channel without a name to check is not opened")
            try:
                expect_name(connection, name)
            except (OpenSslRefused, UnicodeError) as error:
                raise PolicyRefused(f"`{name[:80]}` is no name that can be dialled") from error
            connection.set_connect_state()
        return TlsObject(
            self,
            connection,
            incoming,
            outgoing,
            policy=self._sources.policy,
            server_side=self._sources.server,
            server_hostname=name or None,
            own_certificate=self._loaded.algorithm
            if self._sources.server or self._sources.policy.mutual
            else "",
            on_opened=self._book.opened,
            on_refused=self._book.refused,
            now=self._book.now,
        )

    def _look(self) -> None:
        if self._monotonic() - self._looked_at < LOOK_SECONDS:
            return
        try:
            self.reload()
        except TelesphorError as error:
            self._book.not_loaded()
            log.error("new tls files refused; the old ones stay", code=error.code, detail=error.message)

    def _take(self, loaded: _Loaded) -> None:
        self._loaded = loaded
        if loaded.identity is not None:
            certificate = loaded.identity.certificate
            name, ends_ms = (names_of(certificate) or ("",))[0], to_ms(certificate.not_valid_after_utc)
            self._book.loaded(name, ends_ms=ends_ms)
            if ends_ms < self._book.now_ms():  # taken all the same: a node that does not start helps no one
                log.error("this node's tls certificate has expired; others will refuse it", address=name)

    def _settled(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError("this context is set up by `server_context` and `client_context` alone")

    wrap_socket = _settled
    load_cert_chain = _settled
    load_verify_locations = _settled
    load_default_certs = _settled
    set_ciphers = _settled
    set_alpn_protocols = _settled
