"""The paying account: known addresses, steady signatures, and a secret that is never shown."""

from __future__ import annotations

import pytest

from telesphor.kernel.chains.ethereum import read_transaction
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.rlp import decode_rlp, encode_rlp
from telesphor.ledger.anchors.ethereum.key import EthereumKey, EthereumKeyRefused, sign_transaction

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
# The first account of every development node, and the key 1, whose address is known to everyone.
KNOWN = {
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80": "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
    "00" * 31 + "01": "7e5f4552091a69125d5dfcb7b8c2659029395bdf",
}


@pytest.mark.parametrize("secret", KNOWN)
def test_known_secret_has_its_address(secret: str) -> None:
    assert EthereumKey(bytes.fromhex(secret)).address.hex() == KNOWN[secret]


@pytest.mark.parametrize(
    "secret", [b"", bytes(32), bytes(31), b"\x01" * 33, ORDER.to_bytes(32, "big"), b"\xff" * 32]
)
def test_what_is_no_key_is_refused(secret: bytes) -> None:
    with pytest.raises(EthereumKeyRefused):
        EthereumKey(secret)


def test_generated_keys_differ_and_are_whole() -> None:
    keys = [EthereumKey.generate() for _ in range(3)]
    assert len({key.address for key in keys}) == 3
    assert all(len(key.secret) == 32 for key in keys)


def test_secret_is_not_shown() -> None:
    key = EthereumKey(b"\x07" * 32)
    assert "07" not in repr(key) and repr(b"\x07") not in repr(key)


def test_signatures_are_steady_and_have_the_lower_s() -> None:
    key = EthereumKey(keccak256(b"an account"))
    parities = set()
    for at in range(20):
        digest = keccak256(bytes([at]))
        parity, _, s = key.sign(digest)
        assert key.sign(digest) == key.sign(digest) and s <= ORDER // 2
        parities.add(parity)
    assert parities == {0, 1}


def test_transaction_goes_to_the_account_itself() -> None:
    key = EthereumKey(keccak256(b"an account"))
    raw = sign_transaction(key, chain_id=5, nonce=0, tip_wei=1, fee_wei=2, gas=3, data=b"\x09" * 32)
    told = read_transaction(raw)
    assert (told.chain_id, told.to, told.value, told.data) == (5, key.address, 0, b"\x09" * 32)
    assert encode_rlp(decode_rlp(raw[1:])) == raw[1:]
