"""The account that pays for anchors: one secp256k1 key, which signs EIP-1559 transactions on this machine.

OpenSSL signs, with the nonce of RFC 6979, so one transaction always has the same signed bytes; what Ethereum
asks beside (the lower `s`, the parity of the nonce point) is worked out here from public values only.
INVARIANT: the secret never appears in a `repr`, a message or a log. Start at `EthereumKey`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256K1,
    EllipticCurvePrivateKey,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from telesphor.kernel.chains.ethereum import TRANSACTION_TYPE
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.rlp import Encodable, encode_rlp
from telesphor.kernel.errors import Kind, TelesphorError

SECRET_BYTES: Final = 32

_CURVE: Final = SECP256K1()
# SEC 2, section 2.4.1: the field, the order and the generator of secp256k1.
_FIELD: Final = 2**256 - 2**32 - 977
_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_GENERATOR: Final = (
    0x79BE667E_F9DCBBAC_55A06295_CE870B07_029BFCDB_2DCE28D9_59F2815B_16F81798,
    0x483ADA77_26A3C465_5DA4FBFC_0E1108A8_FD17B448_A6855419_9C47D08F_FB10D4B8,
)

_Point = tuple[int, int] | None


class EthereumKeyRefused(TelesphorError):
    """The secret is not a key of secp256k1."""

    code = "ethereum-key-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class EthereumKey:
    """One account.

    Args:
        secret: 32 bytes, as kept in a sealed key file.

    Raises:
        EthereumKeyRefused: not 32 bytes, zero, or not below the order of the curve.
    """

    secret: bytes = field(repr=False)
    _private: EllipticCurvePrivateKey = field(init=False, repr=False, compare=False)
    _public: tuple[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        number = int.from_bytes(self.secret, "big")
        if len(self.secret) != SECRET_BYTES or not 0 < number < _ORDER:
            raise EthereumKeyRefused(f"an Ethereum key is {SECRET_BYTES} bytes, neither zero nor too large")
        private = derive_private_key(number, _CURVE)
        public = private.public_key().public_numbers()
        object.__setattr__(self, "_private", private)
        object.__setattr__(self, "_public", (public.x, public.y))

    @staticmethod
    def generate() -> EthereumKey:
        """A fresh key from the random generator of the cryptographic library."""
        number = generate_private_key(_CURVE).private_numbers().private_value
        return EthereumKey(number.to_bytes(SECRET_BYTES, "big"))

    @property
    def address(self) -> bytes:
        """The account's 20 bytes: the end of the hash of its public key (Yellow Paper, appendix F)."""
        x, y = self._public
        return keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[-20:]

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """Parity, `r` and `s` over a 32-byte digest, with the lower `s` (EIP-2)."""
        der = self._private.sign(digest, ECDSA(Prehashed(SHA256()), deterministic_signing=True))
        r, s = decode_dss_signature(der)
        s = min(s, _ORDER - s)
        return _parity(int.from_bytes(digest, "big"), r, s, self._public), r, s


def sign_transaction(
    key: EthereumKey, *, chain_id: int, nonce: int, tip_wei: int, fee_wei: int, gas: int, data: bytes
) -> bytes:
    """The raw EIP-1559 transaction of the account to itself, of no value, that carries `data`.

    Args:
        tip_wei: at most so much per gas to the block's maker.
        fee_wei: at most so much per gas in all.
        gas: at most so much gas.
    """
    fields: list[Encodable] = [chain_id, nonce, tip_wei, fee_wei, gas, key.address, 0, data, ()]
    kind = bytes((TRANSACTION_TYPE,))
    return kind + encode_rlp([*fields, *key.sign(keccak256(kind + encode_rlp(fields)))])


def _parity(digest: int, r: int, s: int, public: tuple[int, int]) -> int:
    """Whether the nonce point has an odd `y`: the point that the signature's own equation leads to."""
    inverse = pow(s, -1, _ORDER)
    point = _sum_of_products(_GENERATOR, digest * inverse % _ORDER, public, r * inverse % _ORDER)
    # INVARIANT: the equation holds, or OpenSSL's signature is not one; `r` past the order has odds of 2^-127.
    assert point is not None and point[0] == r
    return point[1] & 1


def _sum_of_products(one: _Point, times_one: int, other: _Point, times_other: int) -> _Point:
    """Both products at once, bit by bit from the top: half the work of one after the other."""
    choices = (None, one, other, _add(one, other))
    total: _Point = None
    for bit in reversed(range(max(times_one.bit_length(), times_other.bit_length()))):
        total = _add(total, total)
        total = _add(total, choices[(times_one >> bit & 1) | (times_other >> bit & 1) << 1])
    return total


def _add(one: _Point, other: _Point) -> _Point:
    """The sum of two points of y^2 = x^3 + 7; None is the point at infinity."""
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0]:
        if (one[1] + other[1]) % _FIELD == 0:
            return None
        slope = 3 * one[0] * one[0] * pow(2 * one[1], -1, _FIELD)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _FIELD)
    x = (slope * slope - one[0] - other[0]) % _FIELD
    return x, (slope * (one[0] - x) - one[1]) % _FIELD
