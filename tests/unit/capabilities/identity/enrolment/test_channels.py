"""Which certificates a node shows, across renewals."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from telesphor.capabilities.identity.enrolment.channels import (
    RENEWALS_KEPT,
    ServedCertificates,
    channel_of,
    without_tls,
)
from telesphor.runtime.tls.certificate import Algorithm
from telesphor.runtime.tls.files import replace_private
from tests.support import certificates


def test_node_without_certificates_judges_no_channel() -> None:
    assert without_tls() == (frozenset(), False)
    assert ServedCertificates((), required=False)() == without_tls()


def test_channel_is_the_hash_of_the_certificate() -> None:
    assert channel_of(b"certificate") == sha256(b"certificate").hexdigest()


def test_renewed_certificate_counts_beside_the_ones_before_it(tmp_path: Path) -> None:
    organisation = certificates.Organisation.make(tmp_path)
    served = ServedCertificates([renew(organisation)], required=True)
    seen = [shown(tmp_path)]
    assert served() == (frozenset(seen), True)
    for _ in range(RENEWALS_KEPT):
        renew(organisation)
        seen.append(shown(tmp_path))
        assert seen[-1] in served().certificates
    assert served().certificates == frozenset(seen[-RENEWALS_KEPT:])


def test_certificate_that_cannot_be_read_leaves_the_last_one(tmp_path: Path) -> None:
    file = renew(certificates.Organisation.make(tmp_path))
    served = ServedCertificates([file], required=False)
    before = served()
    for data in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        replace_private(file, data)
        assert served() == before
    file.unlink()
    assert served() == before


def renew(organisation: certificates.Organisation) -> Path:
    return organisation.issue(algorithm=Algorithm.ECDSA_P256).certificate


def shown(folder: Path) -> str:
    """What a client sees of the certificate, in DER."""
    certificate = x509.load_pem_x509_certificate((folder / "node.pem").read_bytes())
    return channel_of(certificate.public_bytes(Encoding.DER))
