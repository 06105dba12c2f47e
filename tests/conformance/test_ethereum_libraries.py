"""Ethereum's own Python libraries as judges: hashes, RLP, tries, signatures and transactions, ours against theirs.

`pycryptodome` hashes, `rlp` writes and reads, `trie` makes and checks proofs, `eth-account` signs and recovers.
Two real blocks stand beside them: what mainnet and a test network hashed years ago, we hash the same.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import rlp
from Crypto.Hash import keccak
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hypothesis import given, settings
from hypothesis import strategies as st
from rlp.exceptions import RLPException
from trie.hexary import HexaryTrie

from telesphor.kernel.chains.ethereum import read_header, read_transaction
from telesphor.kernel.chains.keccak import keccak256, keccak256_many
from telesphor.kernel.chains.rlp import Item, RlpRefused, decode_rlp, encode_rlp
from telesphor.kernel.chains.trie import verify_trie_inclusion
from telesphor.ledger.anchors.ethereum.blocks import encode_transaction, header_of
from telesphor.ledger.anchors.ethereum.key import EthereumKey, sign_transaction
from telesphor.ledger.anchors.ethereum.trie import EMPTY_ROOT, prove_transaction
from tests.support.ethereum import DIGEST, other_transactions

SECRET = keccak256(b"an account for tests")
items = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=6).map(tuple), max_leaves=12
)

# Block 2,000,004 of mainnet (2016), as any node tells it.
MAINNET = {
    "hash": "0x7250d1dc6c4b7c1a51f13fb02a92cc60ab1b9592e457ad60813356c656593cc2",
    "parentHash": "0xa398e9e41cdff20f528e01866a155c8d2da7e4cb4084ef3ae5e3a2cf54bd5aa8",
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x4bb96091ee9d802ed039c4d1a5f6216f90f81b01",
    "stateRoot": "0x9ac456ca20a38a824eb9f46f7a7ddd7c87d97b20443e32f57e371bf4804b1eed",
    "transactionsRoot": "0x681d66117e6161c01614b0c3f85b4433e5efc7672ca3b0e6ba982aee41a31e8d",
    "receiptsRoot": "0x89e5d41a044b7af45f10a66ed6f179e5a7bc9f385806b77acf1deb6c74797ee4",
    "logsBloom": "0x0000000000000000000000000040000000000000000000000000000000000000000020000000000000000000000000"
    "000020000001000000000000000000000000000000000000000000800000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000000800000000000000000100000000000000000000000"
    "000000000000000000000008000000000000000000000000000000000000000000000000000000000000000000000000"
    "000020000000800000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000400000000000000100000",
    "difficulty": "0x2d5c0e55ad87",
    "number": "0x1e8484",
    "gasLimit": "0x47e7c4",
    "gasUsed": "0x495db",
    "timestamp": "0x57a111b0",
    "extraData": "0x657468706f6f6c2e6f7267202855533129",
    "mixHash": "0x99cc6f1d730bd508cc4b5223fee5ed3bf8a51b0e08b9456917afd417545dbf4a",
    "nonce": "0x21d2fb0ab259c2f7",
}
# nonce, gas price, gas, recipient, value, data, v, r, s of its four transactions.
MAINNET_TRANSACTIONS = (
    ("0x11", "0xba43b7400", "0x5208", "0x24f21c22f0e641e2371f04a7bb8d713f89f53550", "0x26cbbe0dc146800", "0x", "0x1b",
     "0x8d7238b81750f2a9ffc473096011492f14aa6a6b63bcc39a11e12876e242d4fd",
     "0x1a00d96039e55d58ce265801db7ae53b881dba587041178ed5335e063b277dad"),
    ("0x0", "0x4e3b29200", "0x5208", "0x4fdf5371f7ffa04866f696882db659fe38f52559", "0x2b4540c497979c078", "0x", "0x1c",
     "0x2c1ca984b576ab6d5dae1293027b99be035cf4b9fdba4a3061919be670a1082",
     "0x6bc932644403a2e44c2387a917ef66c60deac28825c9c381a485ddfc8459ee90"),
    ("0xf752", "0x4a817c800", "0x3d090", "0xec9f6c9634165f91e22e58b90e3ede393d959e47", "0x0", "0x667a2f58", "0x1b",
     "0x8fb4b2f309fd52bee2e120ae23359ec82cc6b5b37b1bf0fec16b868d7bb5e708",
     "0x7d8566101abaa529608ea31ddf52f577f301a25c66ec5dd85f4cb4193ac5406d"),
    ("0x1f7", "0x4a817c800", "0x1d8a8", "0xb2e3732c0b0ec387962f76fa4f1bb9325089c5e0", "0xba2382ff1fb9a3000", "0x",
     "0x1c", "0xb637a77f96235231e6b681a88e3792706a46cec272ed408eb95cfea93b61a67b",
     "0x15ea8557e9486b152f56835f88951573f5d4de97d45c090fdb783e15ecf19d0e"),
)  # fmt: skip
# The header of block 8,705,029 of the test network Goerli (2023), after withdrawals came in.
GOERLI = {
    "hash": "0xafc07632bae1876af2bdc06ffe961650a3674ac7601a947958d14cf2752c5942",
    "parentHash": "0xbb13e88e3198ac1c170de83a04ba90a9455692f47dc96bb91add7ab86b3085f5",
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0xc6e2459991bfe27cca6d86722f35da23a1e4cb97",
    "stateRoot": "0xe93cafa1025033b2824e61381eafb8f769d7965bf1787349afbecde0c722fe98",
    "transactionsRoot": "0x5345cf8b3d49524ed4c69a816cbc99a507a29b93a655689c23dac5c36749c8cf",
    "receiptsRoot": "0x7ed4bb2645654344c5beb2109f36f2c71db272d4d6f5c0f42b4d6ebcbdc18383",
    "logsBloom": "0x003502114841443e0019100fbe00508c083a038a28425840840f0611cc9191a148223800404338c044a030e10904"
    "248c660025810013c3c844105e94e22d262002410ba81479b2d068ac530f41a9a635ec018140c108f0418450802098879801"
    "00c9110102428840030290bc015c8924044192d004386081202000388980a015130822700320310f215a888e97d0094340202dc5"
    "4a09b10e0429a140144280e062ad318a54488ed80002160252880162604e022738048850d3d001490824c24fc1a54973b1800e09"
    "04110017af1b64f1197a805c00084112968321062c022188701010252011304084422100f40c0000b5010038da4a206020126900"
    "9e30c2e0",
    "difficulty": "0x0",
    "number": "0x84d405",
    "gasLimit": "0x1c9c380",
    "gasUsed": "0xe8784a",
    "timestamp": "0x641c71ec",
    "extraData": "0xd883010b04846765746888676f312e32302e32856c696e7578",
    "mixHash": "0x8ad8211cb54508538509243eef6e3e824bc09ad8696cd113ee12ca3008810793",
    "nonce": "0x0000000000000000",
    "baseFeePerGas": "0x127d82ba5b",
    "withdrawalsRoot": "0xb3dfca16034b4c90b8d83359b4549a46dd931bce765dd204eb230c5339a933e4",
}


class NoNode:
    """Headers that hash right need no node."""

    async def raw_header(self, block_hash: bytes) -> bytes | None:
        raise AssertionError("the header was asked for anew: its fields did not hash to what the block says")


def judge_hash(message: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=message).digest()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=700), max_size=12))
def test_keccak_is_that_of_pycryptodome(messages: list[bytes]) -> None:
    assert keccak256_many(messages) == list(map(judge_hash, messages))


@given(items)
def test_rlp_is_written_as_by_the_library(item: Item) -> None:
    assert encode_rlp(item) == rlp.encode(item)


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=60), items.map(rlp.encode)))
def test_what_is_read_as_rlp_is_read_by_the_library_as_the_same(data: bytes) -> None:
    try:
        item = decode_rlp(data)
    except RlpRefused as refusal:
        if "deep" not in refusal.message:
            with pytest.raises(RLPException):
                rlp.decode(data)
        return
    assert as_tuples(rlp.decode(data)) == item


def as_tuples(item: Any) -> Any:
    return item if isinstance(item, bytes) else tuple(map(as_tuples, item))


JudgeTrie: Any = HexaryTrie  # its methods have no types


def judge_trie(values: list[bytes]) -> Any:
    made = JudgeTrie({})
    for at, value in enumerate(values):
        made[rlp.encode(at)] = value
    return made


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16, 17, 127, 128, 129, 130, 200])
def test_proofs_of_blocks_agree_both_ways(count: int) -> None:
    values = other_transactions(count, seed=count)
    theirs = judge_trie(values)
    chance = random.Random(count)
    for index in {0, count - 1, min(count - 1, 127), min(count - 1, 128), chance.randrange(count)}:
        root, nodes = prove_transaction(values, index)
        # Theirs accepts ours.
        assert root == theirs.root_hash
        proven = JudgeTrie.get_from_proof(root, rlp.encode(index), [rlp.decode(node) for node in nodes])
        assert proven == values[index]
        # Ours accepts theirs: the same nodes.
        key = rlp.encode(index)
        told = [rlp.encode(node) for node in theirs.get_proof(key)]
        hashes = list(map(judge_hash, told))
        verify_trie_inclusion(root=theirs.root_hash, key=key, value=values[index], nodes=told, hashes=hashes)
        assert tuple(told) == nodes


def test_root_of_no_transactions_is_theirs() -> None:
    assert JudgeTrie({}).root_hash == EMPTY_ROOT


@pytest.mark.parametrize("at", range(12))
def test_signed_bytes_are_those_of_eth_account(at: int) -> None:
    key = EthereumKey(keccak256(bytes([at])))
    theirs = Account.from_key(key.secret)
    ours = sign_transaction(
        key, chain_id=31337, nonce=at * 1000, tip_wei=at, fee_wei=10**9 + at, gas=27_850, data=DIGEST
    )
    fields = {
        "type": 2, "chainId": 31337, "nonce": at * 1000, "maxPriorityFeePerGas": at, "maxFeePerGas": 10**9 + at,
        "gas": 27_850, "to": theirs.address, "value": 0, "data": DIGEST,
    }  # fmt: skip
    assert ours == bytes(theirs.sign_transaction(fields).raw_transaction)
    assert Account.recover_transaction(ours) == theirs.address
    assert read_transaction(ours).to == key.address == bytes.fromhex(theirs.address[2:])


ACCESS = [{"address": "0x" + "11" * 20, "storageKeys": ["0x" + "00" * 32, "0x" + "22" * 32]}]
TO = b"\xab" * 20
TIP = {"maxPriorityFeePerGas": 7, "maxFeePerGas": 10**10}
KINDS: dict[str, dict[str, Any]] = {
    "legacy": {"gasPrice": 10**10, "to": TO},
    "legacy-making-a-contract": {"gasPrice": 10**10, "to": b""},
    "access-list": {"type": 1, "gasPrice": 10**10, "to": TO, "accessList": ACCESS},
    "tip": {"type": 2, **TIP, "to": TO, "accessList": ACCESS},
    "tip-making-a-contract": {"type": 2, **TIP, "to": b""},
    "delegation": {"type": 4, **TIP, "to": TO},
}


@pytest.mark.parametrize("kind", KINDS)
def test_transaction_of_each_kind_is_rebuilt_from_what_a_node_tells(kind: str) -> None:
    account = Account.from_key(SECRET)
    fields = {"chainId": 1, "nonce": 3, "gas": 90_000, "value": 5, "data": b"\x01\x02", **KINDS[kind]}
    if kind == "delegation":
        granted = {"chainId": 1, "address": TO, "nonce": 0}
        fields["authorizationList"] = [account.sign_authorization(granted)]
    signed = account.sign_transaction(fields)
    raw = bytes(signed.raw_transaction)
    assert encode_transaction(as_told(fields, raw)) == raw


def test_transaction_with_blobs_is_rebuilt_from_what_a_node_tells() -> None:
    account = Account.from_key(SECRET)
    fields = {
        "type": 3, "chainId": 1, "nonce": 3, "gas": 90_000, "value": 5, "data": b"\x01\x02", **TIP, "to": TO,
        "maxFeePerBlobGas": 9, "blobVersionedHashes": ["0x01" + "33" * 31],
    }  # fmt: skip
    payload = TypedTransaction.from_dict(fields)
    v, r, s = EthereumKey(SECRET).sign(bytes(payload.hash()))
    told = {**fields, "accessList": [], "yParity": v, "r": r, "s": s}
    raw = encode_transaction(as_json(told))
    assert raw is not None
    signed = TypedTransaction.from_dict({**fields, "v": v, "r": r, "s": s})
    assert raw == bytes(signed.encode())
    assert Account.recover_transaction(raw) == account.address


def as_told(fields: dict[str, Any], raw: bytes) -> dict[str, Any]:
    """What a node says of a signed transaction, as JSON."""
    parts = decode_rlp(raw if raw[0] >= 0xC0 else raw[1:])
    v, r, s = (int.from_bytes(part, "big") for part in parts[-3:] if isinstance(part, bytes))
    told = {**fields, "v": v, "r": r, "s": s}
    told["authorizationList"] = [
        {"chainId": one.chain_id, "address": TO, "nonce": one.nonce, "yParity": one.y_parity, "r": one.r, "s": one.s}
        for one in fields.get("authorizationList", ())
    ]  # fmt: skip
    return as_json(told)


def as_json(told: dict[str, Any]) -> dict[str, Any]:
    named = {("input" if name == "data" else name): _hex(value) for name, value in told.items()}
    return {**named, "to": None if told["to"] == b"" else named["to"]}


def _hex(value: Any) -> Any:
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list):
        return [_hex(one) for one in value]
    if isinstance(value, dict):
        return {name: _hex(one) for name, one in value.items()}
    return value


@pytest.mark.parametrize("block", [MAINNET, GOERLI], ids=["mainnet", "goerli"])
async def test_real_header_has_its_hash(block: dict[str, Any]) -> None:
    raw, block_hash = await header_of(NoNode(), block)  # type: ignore[arg-type]
    assert "0x" + judge_hash(raw).hex() == block["hash"] == "0x" + block_hash.hex()
    header = read_header(raw)
    assert (header.height, header.time_seconds) == (int(block["number"], 16), int(block["timestamp"], 16))


def test_real_transactions_have_the_root_of_their_block() -> None:
    names = ("nonce", "gasPrice", "gas", "to", "value", "input", "v", "r", "s")
    raw = [encode_transaction(dict(zip(names, told, strict=True))) for told in MAINNET_TRANSACTIONS]
    known = [one for one in raw if one is not None]
    assert judge_hash(known[0]).hex() == "4de721391f9075bc0d5c27d09569dcba8975d78258ed527a6d287474a087bd34"
    root, _ = prove_transaction(known, 3)
    assert "0x" + root.hex() == MAINNET["transactionsRoot"]
