"""Who is let in: what a certificate must have beyond a sound chain, judged while the handshake runs.

OpenSSL builds the chain, checks signatures, times, the purpose and the dialled name, and asks `judge` for
every certificate from the root down. The leaf comes last, and then the rest is checked here: that the
role is stated and not only not denied, that nothing in the chain is classical where the policy forbids it,
and that the organisation is its root's and the one that was dialled. The first fault ends the handshake.

INVARIANT: `judge` never raises and never turns OpenSSL's no into a yes; a peer whose leaf was never judged
is not `passed`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from OpenSSL import SSL, crypto

from telesphor.runtime.tls.certificate import algorithm_of, organisation_of, roles_of, signature_of
from telesphor.runtime.tls.errors import (
    PeerClassical,
    PeerOfOtherOrganisation,
    PeerRefused,
    PeerRoleRefused,
    PeerUntrusted,
    refusal_of_verification,
)
from telesphor.runtime.tls.policy import is_quantum_safe_certificate


@dataclass(frozen=True, kw_only=True)
class PeerRules:
    """What is asked of the other side's certificate.

    Attributes:
        role: `client` of whoever dials here, `server` of whom we dial.
        mldsa: whether the chain must be ML-DSA from the leaf to the root.
        rooted: whether the trusted roots are organisations' own, so that the organisation must agree.
        organisation: the one it must be of; empty when any trusted one will do.
    """

    role: str
    mldsa: bool
    rooted: bool
    organisation: str = ""


@dataclass
class PeerCheck:
    """The check of one connection, as far as it has come; travels with the connection as its data."""

    rules: PeerRules
    chain: dict[int, x509.Certificate] = field(default_factory=dict)
    refusal: PeerRefused | None = None
    passed: bool = False


def judge(connection: SSL.Connection, shown: crypto.X509, error: int, depth: int, sound: int) -> bool:
    """OpenSSL's question about one certificate of the chain (SSL_CTX_set_verify)."""
    check = connection.get_app_data()
    if not isinstance(check, PeerCheck) or check.refusal is not None:
        return False
    try:
        if not sound:
            raise refusal_of_verification(error)
        check.chain[depth] = shown.to_cryptography()
        if depth == 0:
            _judge_leaf(check.chain, check.rules)
            check.passed = True
    except PeerRefused as refusal:
        check.refusal = refusal
    except Exception:  # noqa: BLE001  what cannot be read cannot be trusted
        check.refusal = PeerUntrusted("the certificate cannot be read")
    return check.refusal is None


def _judge_leaf(chain: dict[int, x509.Certificate], rules: PeerRules) -> None:
    leaf, root = chain[0], chain[max(chain)]
    if rules.role not in roles_of(leaf):
        raise PeerRoleRefused(
            f"the certificate is not for a `{rules.role}`",
            hint="`telesphor tls node --role` makes one that is",
        )
    if rules.mldsa and not all(_is_mldsa(certificate) for certificate in chain.values()):
        raise PeerClassical(
            "the certificate, or one above it, is classical; this link wants ML-DSA throughout"
        )
    if rules.rooted and organisation_of(leaf) != organisation_of(root):
        raise PeerOfOtherOrganisation("the certificate is of another organisation than its root")
    if rules.organisation and organisation_of(leaf) != rules.organisation:
        raise PeerOfOtherOrganisation(
            f"the other side is of `{organisation_of(leaf)[:80]}`, not of `{rules.organisation}`"
        )


def _is_mldsa(certificate: x509.Certificate) -> bool:
    return is_quantum_safe_certificate(algorithm_of(certificate)) and is_quantum_safe_certificate(
        signature_of(certificate)
    )
