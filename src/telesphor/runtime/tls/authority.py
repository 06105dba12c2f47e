"""An organisation's root, and the certificates it signs.

The root's key is a file sealed under a passphrase (`kernel/keyfile.py`) and is needed only to sign; it belongs
on a machine of its own. What it signs lives for days, so that a stolen key is soon worth nothing and
nobody needs lists of revoked ones. Start at `create_authority` and `Authority.issue`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from telesphor.kernel import base64url
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.keyfile import open_keyfile, seal_keyfile
from telesphor.runtime.folder import write_private
from telesphor.runtime.tls.certificate import (
    USAGES,
    Algorithm,
    CertificateRefused,
    PrivateKey,
    Role,
    from_ms,
    generate_key,
    parse_names,
    parse_organisation,
)
from telesphor.runtime.tls.files import read_bounded, replace_private

FORMAT = "telesphor-tls-root/1"
ROOT_DAYS = 3_653
"""Ten years: replacing a root means a visit to every partner."""

NODE_DAYS = 30
"""A month: renewal is one command, and a stolen key is worth little."""

LEAF_DAYS_MAX = 398
"""What browsers take at most."""

BACKDATE_SECONDS = 300
"""Clocks differ; a certificate made this minute works on a machine that is a little behind."""

SERIAL_BYTES = 19
"""152 random bits, positive in 20 octets (RFC 5280 section 4.1.2.2)."""

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True)
class Authority:
    """A root with its key."""

    certificate: x509.Certificate
    organisation: str
    algorithm: Algorithm
    key: PrivateKey = field(repr=False)

    def issue(
        self,
        names: Sequence[str],
        *,
        role: Role,
        algorithm: Algorithm,
        now_ms: int,
        days: int,
        random_bytes: RandomBytes,
    ) -> bytes:
        """A new key with its certificate, as one PEM file (PKCS #8, then X.509).

        Raises:
            CertificateRefused: names or days out of bounds.
        """
        if not 1 <= days <= LEAF_DAYS_MAX:
            raise CertificateRefused(f"a certificate lives between 1 and {LEAF_DAYS_MAX} days")
        key = generate_key(algorithm)
        certificate = self._sign(
            names, role=role, key=key, now_ms=now_ms, days=days, random_bytes=random_bytes
        )
        return _key_pem(key) + certificate.public_bytes(Encoding.PEM)

    def _sign(
        self,
        names: Sequence[str],
        *,
        role: Role,
        key: PrivateKey,
        now_ms: int,
        days: int,
        random_bytes: RandomBytes,
    ) -> x509.Certificate:
        ends = min(from_ms(now_ms) + timedelta(days=days), self.certificate.not_valid_after_utc)
        builder = (
            _builder(self.organisation, names[0] if names else "", key, now_ms, random_bytes)
            .issuer_name(self.certificate.subject)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(USAGES[role]), critical=False)
            .add_extension(x509.SubjectAlternativeName(parse_names(names)), critical=False)
            .add_extension(_issuer_key_id(self.certificate), critical=False)
        )
        return builder.sign(self.key, _hash_for(self.key))


def create_authority(
    organisation: str, *, algorithm: Algorithm, now_ms: int, random_bytes: RandomBytes, days: int = ROOT_DAYS
) -> Authority:
    """A new root.

    Raises:
        CertificateRefused: that is no organisation's name.
    """
    parse_organisation(organisation)
    key = generate_key(algorithm)
    builder = _builder(organisation, f"{organisation} root ({algorithm.value})", key, now_ms, random_bytes)
    certificate = (
        builder.issuer_name(_name(organisation, f"{organisation} root ({algorithm.value})"))
        .not_valid_after(from_ms(now_ms) + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, _hash_for(key))
    )
    return Authority(certificate, organisation, algorithm, key)


def save_authority(authority: Authority, *, certificate: Path, key: Path, passphrase: bytes) -> None:
    """Write the root's certificate, and its key sealed under `passphrase`; never overwrites a key."""
    secret: dict[str, object] = {
        "format": FORMAT,
        "organisation": authority.organisation,
        "algorithm": authority.algorithm.value,
        "certificate": authority.certificate.public_bytes(Encoding.PEM).decode("ascii"),
        "key": base64url.encode(_secret_of(authority.key)),
    }
    write_private(key, seal_keyfile(secret, passphrase=passphrase))
    replace_private(certificate, authority.certificate.public_bytes(Encoding.PEM), mode=0o644)


def load_authority(key: Path, *, passphrase: bytes) -> Authority:
    """Open a root's key file.

    Raises:
        KeyfileRefused, WrongPassphrase, FolderRefused: as for every key file.
        CertificateRefused: it is a key file of something else.
    """
    secret = open_keyfile(read_bounded(key), passphrase=passphrase)
    try:
        return _authority_of(secret)
    except (KeyError, ValueError, TypeError, AttributeError, TelesphorError) as error:
        raise CertificateRefused(
            f"`{key}` holds no root", hint="name a folder made by `telesphor tls ca`"
        ) from error


def _authority_of(secret: dict[str, Any]) -> Authority:
    if secret["format"] != FORMAT:
        raise CertificateRefused("the key file is of another kind")
    algorithm = Algorithm(secret["algorithm"])
    certificate = x509.load_pem_x509_certificate(secret["certificate"].encode("ascii"))
    key = _key_of(algorithm, base64url.decode(secret["key"]))
    if key.public_key() != certificate.public_key():
        raise CertificateRefused("the root's key is not that of its certificate")
    return Authority(certificate, parse_organisation(secret["organisation"]), algorithm, key)


def _builder(
    organisation: str, common_name: str, key: PrivateKey, now_ms: int, random_bytes: RandomBytes
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(organisation, common_name))
        .public_key(key.public_key())
        .serial_number(int.from_bytes(random_bytes(SERIAL_BYTES), "big") | 1)
        .not_valid_before(from_ms(now_ms) - timedelta(seconds=BACKDATE_SECONDS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),  # the bound of X.520
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """A root signs certificates, everything else signs handshakes; ML-DSA does nothing more (RFC 9881)."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)


def _hash_for(key: PrivateKey) -> hashes.SHA256 | None:
    """ML-DSA hashes by itself."""
    return hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _secret_of(key: PrivateKey) -> bytes:
    """The seed of 32 bytes (FIPS 204), or the scalar."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(32, "big")
    return key.private_bytes_raw()


def _key_of(algorithm: Algorithm, secret: bytes) -> PrivateKey:
    if algorithm is Algorithm.ML_DSA_65:
        return mldsa.MLDSA65PrivateKey.from_seed_bytes(secret)
    if algorithm is Algorithm.ML_DSA_87:
        return mldsa.MLDSA87PrivateKey.from_seed_bytes(secret)
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
