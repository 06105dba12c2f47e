"""Why a channel was refused: one class per fault, each an `ssl.SSLError` too.

asyncio and aiohttp handle them as they handle the standard library's: those about the other side's certificate
are `ssl.SSLCertVerificationError`, which aiohttp raises as `ClientConnectorCertificateError`.
`refusal_of_verification` and `refusal_of_failure` translate what OpenSSL says.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

from OpenSSL import SSL

from telesphor.kernel.errors import Kind, TelesphorError

CAUSES_MAX = 8
"""aiohttp wraps an error once or twice."""


class ChannelRefused(TelesphorError, ssl.SSLError):
    """A connection that did not come about, or did not last."""

    code = "channel-refused"
    kind = Kind.UNAUTHENTICATED

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        TelesphorError.__init__(self, message, hint=hint, detail=detail)
        self.reason = self.code
        self.strerror = message

    def __str__(self) -> str:
        return self.message


class NotTls(ChannelRefused):
    """The bytes are no TLS."""

    code = "not-tls"


class ProtocolTooOld(ChannelRefused):
    """The other side speaks no TLS 1.3."""

    code = "tls-too-old"


class KeyExchangeClassical(ChannelRefused):
    """The other side offers no key exchange that this side's policy allows."""

    code = "key-exchange-classical"


class SignatureUnshared(ChannelRefused):
    """The two sides have no signature algorithm in common."""

    code = "signature-unshared"


class RefusedByPeer(ChannelRefused):
    """The other side ended the handshake, or the connection, with an alert."""

    code = "refused-by-peer"


class ChannelBroken(ChannelRefused):
    """The connection ended in the middle, or its bytes make no sense."""

    code = "channel-broken"


class PeerRefused(ChannelRefused, ssl.SSLCertVerificationError):
    """The other side's certificate is not good enough."""

    code = "peer-refused"

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.verify_code, self.verify_message = 1, message


class PeerWithoutCertificate(PeerRefused):
    """The other side shows no certificate, or none of an algorithm that is taken here."""

    code = "peer-without-certificate"


class PeerUntrusted(PeerRefused):
    """No trusted root stands above the certificate."""

    code = "peer-untrusted"


class PeerExpired(PeerRefused):
    """The certificate is past its last day."""

    code = "peer-expired"


class PeerNotYetValid(PeerRefused):
    """The certificate's first day is still to come."""

    code = "peer-not-yet-valid"


class PeerMisnamed(PeerRefused):
    """The certificate is for other names than the one that was dialled."""

    code = "peer-misnamed"


class PeerRoleRefused(PeerRefused):
    """The certificate is not for what it is used for here."""

    code = "peer-role-refused"


class PeerClassical(PeerRefused):
    """The certificate, or one above it, has a signature that a quantum computer could forge."""

    code = "peer-certificate-classical"


class PeerOfOtherOrganisation(PeerRefused):
    """The certificate is of another organisation than its root, or than the one that was dialled."""

    code = "peer-of-other-organisation"


_VERIFICATION: dict[int, tuple[type[PeerRefused], str]] = {
    SSL.X509VerificationCodes.ERR_CERT_HAS_EXPIRED: (PeerExpired, "the certificate has expired"),
    SSL.X509VerificationCodes.ERR_CERT_NOT_YET_VALID: (PeerNotYetValid, "the certificate is not valid yet"),
    SSL.X509VerificationCodes.ERR_HOSTNAME_MISMATCH: (PeerMisnamed, "the certificate is for another name"),
    SSL.X509VerificationCodes.ERR_IP_ADDRESS_MISMATCH: (
        PeerMisnamed,
        "the certificate is for another address",
    ),
    SSL.X509VerificationCodes.ERR_INVALID_PURPOSE: (PeerRoleRefused, "the certificate is for another role"),
}

_FAILURES: tuple[tuple[str, type[ChannelRefused], str], ...] = (
    ("did not return a certificate", PeerWithoutCertificate, "the other side shows no certificate"),
    ("no suitable key share", KeyExchangeClassical, "the other side offers no quantum-safe key exchange"),
    ("no suitable groups", KeyExchangeClassical, "the other side offers no quantum-safe key exchange"),
    ("no shared groups", KeyExchangeClassical, "the other side offers no quantum-safe key exchange"),
    ("unsupported protocol", ProtocolTooOld, "the other side does not speak TLS 1.3"),
    ("no suitable signature", SignatureUnshared, "the two sides share no signature algorithm"),
    ("no shared signature", SignatureUnshared, "the two sides share no signature algorithm"),
    ("alert", RefusedByPeer, "the other side ended the connection"),
    ("http request", NotTls, "the bytes are HTTP without TLS"),
    ("wrong version number", NotTls, "the bytes are no TLS"),
    ("packet length too long", NotTls, "the bytes are no TLS"),
    ("unexpected message", NotTls, "the bytes are no TLS"),
)
"""What OpenSSL's reason contains, and what it means; the first that fits counts."""


def refusal_of_verification(error_number: int) -> PeerRefused:
    """What OpenSSL found wrong with a certificate (X509_V_ERR_...)."""
    kind, message = _VERIFICATION.get(
        error_number, (PeerUntrusted, "no trusted root stands above the certificate")
    )
    return kind(message, detail=f"X509_V_ERR {error_number}")


def refusal_of_failure(error: SSL.Error) -> ChannelRefused:
    """What OpenSSL's error queue says."""
    reasons = "; ".join(_reasons(error.args))
    for words, kind, message in _FAILURES:
        if words in reasons:
            said = f"{message}: `{reasons}`" if kind is RefusedByPeer else message
            return kind(said, detail=reasons, hint=_hint(kind, reasons))
    return ChannelBroken("the connection broke", detail=reasons)


def refusal_in(error: BaseException | None) -> ChannelRefused | None:
    """The refusal of a channel that made a client's request fail, among the causes of its error; else None."""
    for _ in range(CAUSES_MAX):
        if error is None or isinstance(error, ChannelRefused):
            return error
        error = error.__cause__ or error.__context__
    return None


def _reasons(args: tuple[Any, ...]) -> Iterable[str]:
    """pyOpenSSL's errors carry one list of (library, function, reason)."""
    for entry in args[0] if args and isinstance(args[0], list) else []:
        yield str(entry[-1])


def _hint(kind: type[ChannelRefused], reasons: str) -> str:
    if kind is RefusedByPeer and "handshake failure" in reasons:
        return "it may speak no X25519MLKEM768; ask it with `telesphor tls probe`"
    if kind is RefusedByPeer and "certificate" in reasons:
        return "it does not take this side's certificate; see `telesphor tls show`"
    return ""
