"""Refusals are errors of ours and of the standard library at once."""

from __future__ import annotations

import pickle
import ssl

import pytest
from OpenSSL import SSL

from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.tls import errors


def test_refusals_of_certificates_are_what_aiohttp_looks_for() -> None:
    refusal = errors.PeerExpired("the certificate has expired", hint="renew it")
    assert isinstance(refusal, TelesphorError)
    assert isinstance(refusal, ssl.SSLCertVerificationError)
    assert isinstance(refusal, OSError)
    assert str(refusal) == refusal.message == "the certificate has expired"
    assert refusal.hint == "renew it"
    assert pickle.loads(pickle.dumps(refusal)).message == refusal.message


def test_codes_are_each_their_own() -> None:
    classes = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TelesphorError)
    ]
    codes = [kind.code for kind in classes if kind is not TelesphorError]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("number", [2, 18, 19, 20, 21, 24, 999])
def test_any_other_fault_of_a_chain_is_untrusted(number: int) -> None:
    assert isinstance(errors.refusal_of_verification(number), errors.PeerUntrusted)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("tlsv13 alert certificate required", errors.RefusedByPeer),
        ("no suitable key share", errors.KeyExchangeClassical),
        ("unsupported protocol", errors.ProtocolTooOld),
        ("wrong version number", errors.NotTls),
        ("peer did not return a certificate", errors.PeerWithoutCertificate),
        ("something new", errors.ChannelBroken),
    ],
)
def test_openssls_words_have_a_class(reason: str, kind: type[errors.ChannelRefused]) -> None:
    assert type(errors.refusal_of_failure(SSL.Error([("SSL routines", "", reason)]))) is kind


@pytest.mark.parametrize("error", [SSL.Error(), SSL.Error([]), SSL.SysCallError(-1, "Unexpected EOF")])
def test_error_without_words_is_a_broken_channel(error: SSL.Error) -> None:
    assert type(errors.refusal_of_failure(error)) is errors.ChannelBroken
