"""Certificates as values: algorithms, names, roles, validity; keys of the three algorithms used here.

X.509 (RFC 5280) with ML-DSA (RFC 9881) or ECDSA P-256. Everything here is about public certificates,
but for `generate_key`. Start at `describe`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from telesphor.kernel.clock import format_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.tls.policy import is_quantum_safe_certificate

PrivateKey = mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey | ec.EllipticCurvePrivateKey

NAMES_MAX = 16
"""A node has a name or two and an address or two."""

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_ORGANISATION = re.compile(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CertificateRefused(TelesphorError):
    """No such certificate can be made, or read."""

    code = "certificate-refused"
    kind = Kind.INVALID


class Algorithm(StrEnum):
    """What a certificate's key is."""

    ML_DSA_65 = "ML-DSA-65"
    ML_DSA_87 = "ML-DSA-87"
    ECDSA_P256 = "ECDSA-P256"


class Role(StrEnum):
    """What a certificate is for: a node both dials and is dialled."""

    NODE = "node"
    SERVER = "server"
    CLIENT = "client"


USAGES = {
    Role.NODE: (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
    Role.SERVER: (ExtendedKeyUsageOID.SERVER_AUTH,),
    Role.CLIENT: (ExtendedKeyUsageOID.CLIENT_AUTH,),
}


class CertificateSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate as people and programs read it; instants as everywhere in Telesphor."""

    organisation: str
    names: tuple[str, ...]
    roles: tuple[str, ...]
    algorithm: str
    signed_with: str
    issuer: str
    not_before: str
    not_after: str
    quantum_safe: bool


def describe(certificate: x509.Certificate) -> CertificateSummary:
    """What the certificate says."""
    algorithm, signed_with = algorithm_of(certificate), signature_of(certificate)
    return CertificateSummary(
        organisation=organisation_of(certificate),
        names=names_of(certificate),
        roles=roles_of(certificate),
        algorithm=algorithm,
        signed_with=signed_with,
        issuer=_common_name(certificate.issuer),
        not_before=format_instant(to_ms(certificate.not_valid_before_utc)),
        not_after=format_instant(to_ms(certificate.not_valid_after_utc)),
        quantum_safe=is_quantum_safe_certificate(algorithm) and is_quantum_safe_certificate(signed_with),
    )


def algorithm_of(certificate: x509.Certificate) -> str:
    """The key's algorithm, such as `ML-DSA-65`, `ECDSA-P256` or `RSA-2048`."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return "unknown"
    if isinstance(key, mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey):
        return f"ML-DSA-{type(key).__name__.removeprefix('MLDSA').removesuffix('PublicKey')}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name, "ECDSA")
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    return "Ed448" if isinstance(key, ed448.Ed448PublicKey) else "unknown"


_CURVES = {"secp256r1": "ECDSA-P256", "secp384r1": "ECDSA-P384", "secp521r1": "ECDSA-P521"}
_SIGNATURES = {
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
    "1.2.840.10045.4.3.2": "ECDSA-SHA256",
    "1.2.840.10045.4.3.3": "ECDSA-SHA384",
    "1.2.840.10045.4.3.4": "ECDSA-SHA512",
    "1.2.840.113549.1.1.10": "RSA-PSS",
    "1.2.840.113549.1.1.11": "RSA-SHA256",
    "1.2.840.113549.1.1.12": "RSA-SHA384",
    "1.2.840.113549.1.1.13": "RSA-SHA512",
    "1.3.101.112": "Ed25519",
}
"""RFC 9881, RFC 5758, RFC 8017, RFC 8410."""


def signature_of(certificate: x509.Certificate) -> str:
    """The algorithm of its issuer's signature, such as `ML-DSA-65` or `ECDSA-SHA256`."""
    return _SIGNATURES.get(certificate.signature_algorithm_oid.dotted_string, "unknown")


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Its DNS names and addresses."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    hosts = found.get_values_for_type(x509.DNSName)
    return (*hosts, *(str(address) for address in found.get_values_for_type(x509.IPAddress)))


def roles_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """`client` and `server`, as far as it is for them; `authority` for a root."""
    try:
        if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return ("authority",)
    except (x509.ExtensionNotFound, ValueError):
        pass
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(role.value for role in (Role.CLIENT, Role.SERVER) if USAGES[role][0] in usages)


def organisation_of(certificate: x509.Certificate) -> str:
    """The O of its subject; empty where there is none."""
    found = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(found[0].value) if found else ""


def parse_names(names: Sequence[str]) -> list[x509.GeneralName]:
    """Host names and addresses for a certificate.

    Raises:
        CertificateRefused: none, too many, upper case, a wildcard, or what is no name.
    """
    if not 1 <= len(names) <= NAMES_MAX:
        raise CertificateRefused(f"a certificate has between 1 and {NAMES_MAX} names")
    return [_parse_name(name) for name in names]


def parse_organisation(text: str) -> str:
    """The same text, when it is an organisation's name: lower case, like a domain.

    Raises:
        CertificateRefused: anything else.
    """
    if _ORGANISATION.fullmatch(text) is None:
        raise CertificateRefused(
            f"`{text[:80]}` is no organisation's name", hint="write it like a domain: `clinic.example`"
        )
    return text


def generate_key(algorithm: Algorithm) -> PrivateKey:
    """A new key."""
    if algorithm is Algorithm.ML_DSA_65:
        return mldsa.MLDSA65PrivateKey.generate()
    if algorithm is Algorithm.ML_DSA_87:
        return mldsa.MLDSA87PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware time."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The other way; certificates count whole seconds."""
    return _EPOCH + timedelta(seconds=ms // 1000)


def _parse_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    if _HOST.fullmatch(name) is None or name.replace(".", "").isdigit():
        raise CertificateRefused(
            f"`{name[:80]}` is no host name or address",
            hint="host names are in lower case, without wildcards",
        )
    return x509.DNSName(name)


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
