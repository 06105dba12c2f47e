"""Key pairs: two keys of one suite, one spelling as JWKs, no secret shown."""

from __future__ import annotations

import pytest

from telesphor.kernel import base64url, canonical
from telesphor.kernel.digest import digest_of
from telesphor.kernel.keypair import HybridSuite, KeyRefused, SigningKey, VerifyKey

KEY = SigningKey(HybridSuite.ACTOR, bytes([1]) * 32, bytes([2]) * 32)
OTHER = SigningKey(HybridSuite.ACTOR, bytes([3]) * 32, bytes([4]) * 32)
ROOT = SigningKey(HybridSuite.ROOT, bytes([1]) * 32, bytes([2]) * 32)
WITNESS = SigningKey(HybridSuite.WITNESS, bytes([1]) * 32, bytes([2]) * 32)


def test_jwks_are_those_of_rfc_8037_and_rfc_9964_and_read_back() -> None:
    okp, akp = KEY.public.jwks()
    assert okp == {
        "alg": "Ed25519",
        "crv": "Ed25519",
        "kty": "OKP",
        "x": base64url.encode(KEY.public.ed25519_pub),
    }
    assert akp == {"alg": "ML-DSA-65", "kty": "AKP", "pub": base64url.encode(KEY.public.mldsa_pub)}
    assert VerifyKey.from_jwks([okp, akp]) == KEY.public
    assert VerifyKey.from_jwks(ROOT.public.jwks()) == ROOT.public
    assert WITNESS.public.jwks()[1]["alg"] == "ML-DSA-44"
    assert VerifyKey.from_jwks(WITNESS.public.jwks()) == WITNESS.public


def test_ed25519_thumbprint_is_that_of_rfc_8037_appendix_a() -> None:
    seed = base64url.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    key = SigningKey(HybridSuite.ACTOR, seed, bytes(32)).public
    assert key.jwks()[0]["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.thumbprints()[0] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_key_id_is_the_digest_of_the_canonical_list_of_thumbprints() -> None:
    assert KEY.public.key_id == digest_of(canonical.encode(list(KEY.public.thumbprints())))
    assert KEY.public.key_id != OTHER.public.key_id


def _jwks_with(index: int, **changes: object) -> list[dict[str, object]]:
    jwks: list[dict[str, object]] = [dict(jwk) for jwk in KEY.public.jwks()]
    jwks[index] = {k: v for k, v in {**jwks[index], **changes}.items() if v is not None}
    return jwks


@pytest.mark.parametrize(
    "jwks",
    [
        None,
        "x",
        [],
        KEY.public.jwks()[:1],
        KEY.public.jwks()[::-1],
        [*KEY.public.jwks(), KEY.public.jwks()[0]],
        [1, 2],
        _jwks_with(0, d="AAAA"),
        _jwks_with(0, alg="EdDSA"),
        _jwks_with(0, alg=None),
        _jwks_with(0, crv="X25519"),
        _jwks_with(0, kid="x"),
        _jwks_with(0, x=1),
        _jwks_with(0, x="AA=="),
        _jwks_with(0, x="AAAA"),
        _jwks_with(1, alg="ML-DSA-44"),
        _jwks_with(1, alg="ML-DSA-87"),
        _jwks_with(1, alg=None),
        _jwks_with(1, priv="AAAA"),
        _jwks_with(1, pub="AAAA"),
    ],
)
def test_jwks_that_are_not_exactly_the_two_are_refused(jwks: object) -> None:
    with pytest.raises(KeyRefused):
        VerifyKey.from_jwks(jwks)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_seed_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(KeyRefused):
        SigningKey(HybridSuite.ACTOR, bytes(size), bytes(32))
    with pytest.raises(KeyRefused):
        SigningKey(HybridSuite.ACTOR, bytes(32), bytes(size))


def test_repr_shows_no_secret() -> None:
    key = SigningKey(HybridSuite.ACTOR, b"E" * 32, b"M" * 32)
    assert "EEEE" not in repr(key) and "MMMM" not in repr(key) and "4545" not in repr(key)
    assert str(key.public.key_id) in repr(key)
