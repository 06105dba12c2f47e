"""One connection, with the methods of `ssl.SSLObject` that asyncio and uvloop call.

The event loop hands over two `ssl.MemoryBIO` and moves bytes between them and the line; `TlsObject` moves
them between those and OpenSSL. Where the loop looks only at its own memory (uvloop reads while
`incoming.pending` or `pending()` is not zero) the records that OpenSSL holds undeciphered count as pending, or
they would lie there for ever.

A server's refusal is two steps: first the alert goes out, by asking the loop for more, then, with
whatever comes next, the connection ends. The loop's handshake timeout bounds the time between.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from telesphor.runtime.tls.book import Channel
from telesphor.runtime.tls.certificate import algorithm_of, names_of, organisation_of
from telesphor.runtime.tls.errors import (
    ChannelBroken,
    ChannelRefused,
    KeyExchangeClassical,
    PeerUntrusted,
    PeerWithoutCertificate,
    refusal_of_failure,
)
from telesphor.runtime.tls.openssl import verified
from telesphor.runtime.tls.peers import PeerCheck
from telesphor.runtime.tls.policy import ChannelPolicy, is_quantum_safe_group
from telesphor.runtime.tls.records import FEED_BYTES, RECORD_BYTES, UNKNOWN, Records

Taken = TypeVar("Taken", bytes, int)


class TlsObject:
    """A connection in the making, then made. `channel` says what was agreed."""

    def __init__(
        self,
        context: ssl.SSLContext,
        connection: SSL.Connection,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        *,
        policy: ChannelPolicy,
        server_side: bool,
        server_hostname: str | None,
        own_certificate: str,
        on_opened: Callable[[Channel], None],
        on_refused: Callable[[str, str], None],
        now: Callable[[], str],
    ) -> None:
        self.context = context
        self.server_side = server_side
        self.server_hostname = server_hostname
        self.channel: Channel | None = None
        self._connection = connection
        self._incoming, self._outgoing = incoming, outgoing
        self._policy = policy
        self._own_certificate = own_certificate
        self._on_opened, self._on_refused, self._now = on_opened, on_refused, now
        self._records = Records(connection)
        self._refusal: ChannelRefused | None = None
        self._failure: ChannelRefused | None = None
        self._peer_der: bytes | None = None

    def do_handshake(self) -> None:
        """Go on with the handshake.

        Raises:
            ssl.SSLWantReadError: the other side's turn.
            ChannelRefused: it is over.
        """
        if self.channel is not None:
            return
        if self._refusal is not None:
            self._incoming.read()
            raise self._refusal
        try:
            self._handshake()
        except ChannelRefused as refusal:
            self._refusal = refusal
            self._on_refused(self._side, refusal.code)
            if self.server_side and self._outgoing.pending:
                raise _want_read() from None
            raise

    def read(self, size: int = RECORD_BYTES, buffer: Any = None) -> bytes | int:
        """What has come, at most `size` bytes; nothing at the other side's close_notify.

        Raises:
            ssl.SSLWantReadError: there is no whole record yet.
            ChannelRefused: the connection broke, or the other side refused this side's certificate.
        """
        if buffer is not None:
            view = memoryview(buffer).cast("B")[:size]
            return self._take(lambda: self._records.read_into(view)) or 0
        parts: list[bytes] = []
        while not parts or size >= RECORD_BYTES:
            try:
                part = self._take(partial(self._records.read, size))
            except ssl.SSLError:
                if not parts:
                    raise
                break  # it is said again when what came before it is read
            if part is None:
                break
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, data: Any) -> int:
        """Encrypt `data`, all of it: the loops of some versions of Python copy the rest after each part."""
        view = memoryview(data).cast("B")
        try:
            for start in range(0, view.nbytes, FEED_BYTES):
                self._records.write(view[start : start + FEED_BYTES])
                self._flush()
        except SSL.ZeroReturnError:
            raise ssl.SSLZeroReturnError(ssl.SSL_ERROR_ZERO_RETURN, "the channel is closed") from None
        except SSL.Error as error:
            raise self._break(error) from None
        return view.nbytes

    def unwrap(self) -> None:
        """Say close_notify and wait for the other side's.

        Raises:
            ssl.SSLWantReadError: the other side has not said it yet.
        """
        self._feed_all()
        try:
            if not self._connection.shutdown():
                self._connection.shutdown()  # the second call looks for the other side's
        except SSL.WantReadError:
            raise _want_read() from None
        except SSL.ZeroReturnError:
            return
        except SSL.Error as error:
            raise self._break(error) from None
        finally:
            self._flush()

    def pending(self) -> int:
        """Not zero when reading is worth while though nothing comes from the line."""
        return RECORD_BYTES if self._records.ready else 0

    def getpeercert(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:
        """The other side's certificate in DER, or who it is for."""
        if binary_form:
            return self._peer_der
        if self.channel is None or not self.channel.peer:
            return {}
        return {"subject": ((("organizationName", self.channel.peer_organisation),),)}

    def cipher(self) -> tuple[str, str, int] | None:
        """Name, protocol, bits."""
        name, bits = self._connection.get_cipher_name(), self._connection.get_cipher_bits()
        return None if name is None or bits is None else (name, "TLSv1.3", bits)

    def version(self) -> str | None:
        """`TLSv1.3`, once there is a channel."""
        return self.channel.version if self.channel else None

    def selected_alpn_protocol(self) -> str | None:
        """The agreed application protocol."""
        return self._connection.get_alpn_proto_negotiated().decode("ascii", "replace") or None

    def compression(self) -> None:
        """None: TLS 1.3 has none."""

    @property
    def _side(self) -> str:
        return "server" if self.server_side else "client"

    def _handshake(self) -> None:
        self._feed_all()
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            raise _want_read() from None
        except SSL.Error as error:
            raise self._refusal_of(error) from None
        finally:
            self._flush()
        self.channel = self._open()
        self._records.ready = UNKNOWN
        self._on_opened(self.channel)

    def _refusal_of(self, error: SSL.Error) -> ChannelRefused:
        check = self._connection.get_app_data()
        if isinstance(check, PeerCheck) and check.refusal is not None:
            return check.refusal
        return refusal_of_failure(error)

    def _open(self) -> Channel:
        """Check again what the policy promises, from the outside, and write down what was agreed."""
        connection = self._connection
        group = connection.get_group_name() or ""
        if group.upper() not in {allowed.upper() for allowed in self._policy.groups}:
            raise KeyExchangeClassical(f"the key exchange `{group}` is not allowed here")
        if connection.get_protocol_version_name() != "TLSv1.3":
            raise ChannelBroken("the channel is not TLS 1.3")
        shown = connection.get_peer_certificate(as_cryptography=True)
        if shown is None and (self._policy.mutual or not self.server_side):
            raise PeerWithoutCertificate("the other side shows no certificate")
        if shown is not None and not self._was_checked():
            raise PeerUntrusted("the other side's certificate was not checked")
        names: tuple[str, ...] = ()
        if shown is not None:
            self._peer_der = shown.public_bytes(Encoding.DER)
            names = names_of(shown)
        return Channel(
            side=self._side,
            version="TLSv1.3",
            group="X25519" if group == "x25519" else group,
            cipher=connection.get_cipher_name() or "",
            quantum_safe=is_quantum_safe_group(group),
            own_certificate=self._own_certificate,
            peer_certificate=algorithm_of(shown) if shown is not None else "",
            peer_organisation=organisation_of(shown) if shown is not None else "",
            peer=names[0] if names else "",
            opened_at=self._now(),
        )

    def _was_checked(self) -> bool:
        check = self._connection.get_app_data()
        passed = isinstance(check, PeerCheck) and check.passed and check.refusal is None
        return passed and verified(self._connection)

    def _take(self, take: Callable[[], Taken]) -> Taken | None:
        """One record; None at the other side's close_notify, which is found again however often one asks."""
        while self._failure is None:
            if not self._records.ready:
                if not self._incoming.pending:
                    raise _want_read()
                self._records.feed(self._incoming.read(FEED_BYTES))
                continue
            try:
                return take()
            except SSL.WantReadError:
                self._flush()  # an answer, such as one to a key update
            except SSL.ZeroReturnError:
                self._records.ready = UNKNOWN
                return None
            except SSL.Error as error:
                self._break(error)
        raise self._failure

    def _feed_all(self) -> None:
        while self._incoming.pending:
            self._records.feed(self._incoming.read(FEED_BYTES))

    def _flush(self) -> None:
        self._records.send_output(self._outgoing)

    def _break(self, error: SSL.Error) -> ChannelRefused:
        self._failure = refusal_of_failure(error)
        self._records.ready = UNKNOWN
        self._on_refused(self._side, self._failure.code)
        self._flush()
        return self._failure


def _want_read() -> ssl.SSLWantReadError:
    return ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the operation did not complete (read)")
