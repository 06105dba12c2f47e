"""An Ethereum anchor offline: what is shown, and every way to forge one refused by the name of its fault."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.kernel import canonical
from telesphor.kernel.chains.anchor import (
    AnchorMalformed,
    AnchorOfAnotherDigest,
    AnchorOfAnotherNetwork,
    AnchorPinMismatch,
    AnchorRefused,
    AnchorTooLarge,
    HeaderPin,
    VerifiedAnchor,
)
from telesphor.kernel.chains.ethereum import (
    HEADER_BYTES_MAX,
    INDEX_MAX,
    LATER_MAX,
    NODES_MAX,
    PATH_STEPS_MAX,
    PROOF_BYTES_MAX,
    EthereumProof,
    HeaderChainBroken,
    chain_id_of,
    fold_path,
    read_header,
    read_proof,
    verify_ethereum_anchor,
)
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.rlp import RlpRefused, decode_rlp, encode_rlp
from telesphor.kernel.chains.trie import TrieProofRefused
from tests.support.ethereum import (
    DIGEST,
    HEIGHT,
    KEY,
    NETWORK,
    TIME_SECONDS,
    make_header,
    make_later,
    make_proof,
    make_transaction,
    other_transactions,
)


def verify(
    proof: EthereumProof | bytes,
    *,
    digest: bytes = DIGEST,
    network: str = NETWORK,
    pins: tuple[HeaderPin, ...] = (),
) -> VerifiedAnchor:
    data = proof if isinstance(proof, bytes) else proof.encode()
    return verify_ethereum_anchor(digest=digest, data=data, network=network, pins=pins)


def test_anchor_in_a_block_of_many_is_shown() -> None:
    proof = make_proof(others=other_transactions(150), index=131)
    pin = HeaderPin(NETWORK, HEIGHT + 2, keccak256(proof.later[1]).hex())
    assert verify(proof, pins=(pin,)) == VerifiedAnchor(
        network=NETWORK,
        height=HEIGHT,
        time_seconds=TIME_SECONDS,
        confirmations=6,
        proves_time=True,
        pinned=True,
        sentence="block 21000000 of `ethereum-1`, which states 2026-11-22T11:51:15.000Z, holds the digest; "
        "block 21000002 has the hash that is pinned",
    )


def test_unpinned_header_is_said_plainly_and_proves_no_time() -> None:
    proof = make_proof()
    anchor = verify(proof)
    assert not anchor.pinned and not anchor.proves_time
    assert "its header is not pinned" in anchor.sentence
    assert f"0x{keccak256(proof.header).hex()}" in anchor.sentence


def test_header_of_the_first_fork_and_of_one_to_come_are_read() -> None:
    fields = decode_rlp(make_header(root=bytes(32)))
    for known in (encode_rlp(fields[:15]), encode_rlp((*fields, b"\x99" * 32, b"\x01"))):
        assert read_header(known).height == HEIGHT


def test_digest_reaches_the_transaction_along_a_path() -> None:
    path = (("left", b"\x01" * 32), ("right", b"\x02" * 32))
    root = fold_path(DIGEST, path)
    assert verify(make_proof(transaction=make_transaction(root), path=path)).height == HEIGHT
    with pytest.raises(AnchorOfAnotherDigest):  # a step of the path turned round
        verify(make_proof(transaction=make_transaction(root), path=(("right", b"\x01" * 32), path[1])))
    with pytest.raises(AnchorOfAnotherDigest):  # an inner hash of the path offered as a digest of its own
        verify(make_proof(transaction=make_transaction(root), path=path), digest=root)


# Forged parts, one at a time.


def test_another_digest_is_refused() -> None:
    for digest in (bytes(32), DIGEST[:31], DIGEST + b"\x00", b""):
        with pytest.raises(AnchorOfAnotherDigest):
            verify(make_proof(), digest=digest)


def test_nodes_out_of_order_are_refused() -> None:
    proof = make_proof(others=other_transactions(150), index=131)
    assert len(proof.nodes) > 2
    with pytest.raises(TrieProofRefused):
        verify(replace(proof, nodes=(proof.nodes[1], proof.nodes[0], *proof.nodes[2:])))


def test_node_after_the_leaf_is_refused() -> None:
    proof = make_proof(others=other_transactions(150), index=131)
    for extra in (proof.nodes[0], proof.nodes[-1], b"\xc0"):
        with pytest.raises(TrieProofRefused, match="after its leaf"):
            verify(replace(proof, nodes=(*proof.nodes, extra)))


def test_missing_node_is_refused() -> None:
    proof = make_proof(others=other_transactions(150), index=131)
    for at in range(len(proof.nodes)):
        with pytest.raises(TrieProofRefused):
            verify(replace(proof, nodes=proof.nodes[:at] + proof.nodes[at + 1 :]))
    with pytest.raises(TrieProofRefused, match="ends before a leaf"):
        verify(replace(proof, nodes=()))


def test_proof_of_another_index_is_refused() -> None:
    proof = make_proof(others=other_transactions(150), index=131)
    for index in (0, 1, 130, 132, 3, 128, INDEX_MAX):
        with pytest.raises(TrieProofRefused):
            verify(replace(proof, index=index))


def test_transaction_that_is_not_in_the_leaf_is_refused() -> None:
    proof = make_proof()
    with pytest.raises(TrieProofRefused, match="another transaction"):
        verify(replace(proof, transaction=make_transaction(nonce=8)))


def test_legacy_transaction_with_the_same_data_is_refused() -> None:
    legacy = encode_rlp([7, 10**9, 25_000, KEY.address, 0, DIGEST, 37, 1, 1])
    with pytest.raises(AnchorMalformed, match="EIP-1559"):
        verify(make_proof(transaction=legacy))


def test_transaction_of_another_type_is_refused() -> None:
    for kind in (b"\x01", b"\x03", b"\x04", b"\x7f", b"\x82"):
        with pytest.raises(AnchorMalformed, match="EIP-1559"):
            verify(make_proof(transaction=kind + make_transaction()[1:]))


def test_data_of_another_length_are_refused() -> None:
    for data in (DIGEST + b"\x00", DIGEST + bytes(32), b"\x00" + DIGEST, DIGEST[:31], b""):
        with pytest.raises(RlpRefused, match="the data of the transaction"):
            verify(make_proof(transaction=make_transaction(data)))


def test_transaction_that_makes_a_contract_is_refused() -> None:
    fields = list(decode_rlp(make_transaction()[1:]))
    fields[5] = b""
    with pytest.raises(RlpRefused, match="the recipient"):
        verify(make_proof(transaction=b"\x02" + encode_rlp(fields)))


@pytest.mark.parametrize("at", range(12))
def test_field_of_the_transaction_that_is_a_list_is_refused(at: int) -> None:
    fields = list(decode_rlp(make_transaction()[1:]))
    fields[at] = (b"\x01",)
    with pytest.raises(AnchorMalformed):
        verify(make_proof(transaction=b"\x02" + encode_rlp(fields)))


def test_transaction_with_more_or_fewer_fields_is_refused() -> None:
    fields = decode_rlp(make_transaction()[1:])
    for wrong in ((*fields, b""), fields[:11]):
        with pytest.raises(AnchorMalformed, match="12 fields"):
            verify(make_proof(transaction=b"\x02" + encode_rlp(wrong)))


def test_transaction_of_another_chain_is_refused() -> None:
    with pytest.raises(AnchorOfAnotherNetwork, match="chain id `5`"):
        verify(make_proof(transaction=make_transaction(chain_id=5)))


def test_proof_of_another_network_is_refused() -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        verify(make_proof(), network="ethereum-5")
    with pytest.raises(AnchorOfAnotherNetwork):  # renamed, with the old transaction
        verify(replace(make_proof(), network="ethereum-5"), network="ethereum-5")
    for network in (
        "bitcoin-mainnet",
        "ethereum-01",
        "ethereum-",
        "ethereum-0",
        "Ethereum-1",
        "ethereum-1\n",
    ):
        with pytest.raises(AnchorOfAnotherNetwork):
            verify(make_proof(), network=network)


def test_chain_id_beyond_any_is_refused() -> None:
    assert chain_id_of(f"ethereum-{2**63 - 1}") == 2**63 - 1
    with pytest.raises(AnchorOfAnotherNetwork):
        chain_id_of(f"ethereum-{2**63}")


def test_header_of_another_block_is_refused() -> None:
    proof = make_proof()
    for header in (make_header(root=bytes(32)), proof.later[0]):
        with pytest.raises(TrieProofRefused):
            verify(replace(proof, header=header))


def test_root_of_another_trie_of_the_same_header_is_refused() -> None:
    """The proof leads to the root of states or receipts, not to that of transactions."""
    proof = make_proof(later=0)
    root = keccak256(proof.nodes[0])
    for at in (3, 5):
        with pytest.raises(TrieProofRefused):
            verify(replace(proof, header=make_header(root=bytes(32), changed={at: root})))


def test_branch_of_a_trie_offered_as_a_header_is_refused() -> None:
    proof = make_proof(others=other_transactions(150), index=131)
    for node in proof.nodes:
        with pytest.raises(AnchorMalformed):
            verify(replace(proof, header=node, later=()))


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 5, 6, 8, 11, 13, 14])
def test_field_of_the_header_of_another_form_is_refused(at: int) -> None:
    for wrong in (b"\x00\x01", (b"\x01" * 32,), b"\x01" * 33):
        with pytest.raises(AnchorMalformed):
            read_header(make_header(root=bytes(32), changed={at: wrong}))


def test_later_header_that_is_no_child_is_refused() -> None:
    proof = make_proof()
    first, second, *rest = proof.later
    wrong = {
        "order": (second, first, *rest),
        "gap": (second, *rest),
        "twice": (first, first, *rest),
        "itself": (proof.header, first, *rest),
    }
    for later in wrong.values():
        with pytest.raises(HeaderChainBroken):
            verify(replace(proof, later=later))


def test_later_header_of_another_height_is_refused() -> None:
    proof = make_proof(later=0)
    for height in (HEIGHT, HEIGHT + 2):
        child = make_header(root=bytes(32), parent=keccak256(proof.header), height=height)
        with pytest.raises(HeaderChainBroken, match="not the child"):
            verify(replace(proof, later=(child,)))


def test_later_header_that_goes_back_in_time_is_refused() -> None:
    proof = make_proof(later=0)
    child = make_header(
        root=bytes(32), parent=keccak256(proof.header), height=HEIGHT + 1, time_seconds=TIME_SECONDS - 1
    )
    with pytest.raises(HeaderChainBroken, match="before that of its parent"):
        verify(replace(proof, later=(child,)))


def test_header_that_contradicts_a_pin_is_refused() -> None:
    proof = make_proof()
    for height in range(HEIGHT, HEIGHT + 6):
        with pytest.raises(AnchorPinMismatch):
            verify(proof, pins=(HeaderPin(NETWORK, height, "ab" * 32),))


def test_pin_of_another_network_or_before_the_block_pins_nothing() -> None:
    proof = make_proof()
    block_hash = keccak256(proof.header).hex()
    for pin in (HeaderPin("ethereum-5", HEIGHT, block_hash), HeaderPin(NETWORK, HEIGHT - 1, "00" * 32)):
        assert not verify(proof, pins=(pin,)).pinned


def forged_leaf(value: bytes, path: bytes) -> EthereumProof:
    node = encode_rlp([path, value])
    return replace(
        make_proof(later=0), nodes=(node,), header=make_header(root=keccak256(node)), transaction=value
    )


def test_paths_are_read_in_one_way_only() -> None:
    raw = make_transaction()
    verify(forged_leaf(raw, b"\x20\x80"))  # the honest one: a leaf, even, the key 0x80 of index 0
    for path in ("2180", "2081", "20", "", "4080", "6080", "f080", "208000", "3800", "2f80"):
        with pytest.raises(TrieProofRefused):
            verify(forged_leaf(raw, bytes.fromhex(path)))


def test_extension_whose_child_is_the_transaction_is_refused() -> None:
    with pytest.raises(TrieProofRefused):
        verify(forged_leaf(make_transaction(), b"\x00\x80"))
    with pytest.raises(TrieProofRefused):
        verify(forged_leaf(make_transaction(), b"\x00"))


def test_value_of_a_branch_is_refused() -> None:
    raw = make_transaction()
    for child in (b"\x20\x80", b"\x00\x80"):
        branch = encode_rlp([*[b""] * 16, raw])
        top = encode_rlp([child, keccak256(branch)])
        forged = replace(make_proof(later=0), nodes=(top, branch), header=make_header(root=keccak256(top)))
        with pytest.raises(TrieProofRefused):
            verify(forged)


def test_node_embedded_in_its_parent_is_refused() -> None:
    raw = make_transaction()
    branch = [b""] * 17
    inner = encode_rlp([*[b""] * 8, [b"\x30", raw], *[b""] * 8])
    for node in (inner, encode_rlp(branch)):
        forged = replace(make_proof(later=0), nodes=(node, node), header=make_header(root=keccak256(node)))
        with pytest.raises(TrieProofRefused):
            verify(forged)


def test_node_that_is_neither_branch_nor_path_is_refused() -> None:
    for node in (encode_rlp([b""] * 3), encode_rlp([b""] * 18), encode_rlp(b"x" * 40), encode_rlp([])):
        forged = replace(make_proof(later=0), nodes=(node,), header=make_header(root=keccak256(node)))
        with pytest.raises(TrieProofRefused):
            verify(forged)


# The form of the file.


def members(proof: EthereumProof | None = None) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((proof or make_proof()).encode())
    return read


MALFORMED: dict[str, dict[str, Any]] = {
    "another-format": {"format": "telesphor-ethereum-anchor/2"},
    "another-version": {"v": 2},
    "version-that-is-true": {"v": True},
    "unknown-member": {"more": 1},
    "index-that-is-text": {"index": "0"},
    "index-that-is-true": {"index": True},
    "negative-index": {"index": -1},
    "index-beyond-any": {"index": INDEX_MAX + 1},
    "upper-case-hex": {"transaction": "AB" * 32},
    "hex-with-a-prefix": {"transaction": "0x" + "ab" * 32},
    "half-a-byte": {"transaction": "abc"},
    "no-bytes": {"transaction": ""},
    "no-text": {"transaction": 1},
    "proof-that-is-text": {"proof": "ab"},
    "proof-of-numbers": {"proof": [1]},
    "later-that-is-null": {"later": None},
    "path-that-is-an-object": {"path": {}},
    "step-without-a-side": {"path": [{"hash": "00" * 32}]},
    "step-of-an-unknown-side": {"path": [{"hash": "00" * 32, "side": "up"}]},
    "step-with-a-list-as-side": {"path": [{"hash": "00" * 32, "side": []}]},
    "step-of-31-bytes": {"path": [{"hash": "00" * 31, "side": "left"}]},
}

TOO_LARGE: dict[str, dict[str, Any]] = {
    "long-transaction": {"transaction": "02" * 1025},
    "long-header": {"header": "f9" * (HEADER_BYTES_MAX + 1)},
    "many-nodes": {"proof": ["c0"] * (NODES_MAX + 1)},
    "long-node": {"proof": ["c0" * 2049]},
    "many-later-headers": {"later": ["c0"] * (LATER_MAX + 1)},
    "long-path": {"path": [{"hash": "00" * 32, "side": "left"}] * (PATH_STEPS_MAX + 1)},
    "step-of-33-bytes": {"path": [{"hash": "00" * 33, "side": "left"}]},
}


@pytest.mark.parametrize("changed", MALFORMED.values(), ids=MALFORMED)
def test_malformed_proof_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(AnchorMalformed):
        verify(canonical.encode({**members(), **changed}))


@pytest.mark.parametrize("changed", TOO_LARGE.values(), ids=TOO_LARGE)
def test_proof_with_too_large_a_part_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(AnchorTooLarge):
        verify(canonical.encode({**members(), **changed}))


@pytest.mark.parametrize("name", members())
def test_proof_without_a_member_is_refused(name: str) -> None:
    value = members()
    del value[name]
    with pytest.raises(AnchorMalformed):
        verify(canonical.encode(value))


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 1000, b'{"v": 1}'])
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(AnchorMalformed):
        verify(data)


def test_proof_that_is_not_canonical_is_refused() -> None:
    with pytest.raises(AnchorMalformed, match="canonical"):
        verify(json.dumps(members()).encode())


def test_proof_beyond_its_bound_is_refused_unread() -> None:
    with pytest.raises(AnchorTooLarge):
        verify(b" " * (PROOF_BYTES_MAX + 1))


def test_longest_allowed_proof_is_read() -> None:
    proof = make_proof(later=LATER_MAX)
    assert verify(proof).confirmations == LATER_MAX + 1
    assert read_proof(proof.encode()) == proof


# Mutation: nothing that is changed is accepted, and nothing but our own refusals comes out.

HONEST = make_proof(others=other_transactions(20), index=5, later=2).encode()
PINS = (HeaderPin(NETWORK, HEIGHT + 2, keccak256(make_later(read_proof(HONEST).header, 2)[1]).hex()),)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_changed_byte_is_accepted_under_a_pin(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(HONEST) - 1))
    put = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from([b"0", b"f", b'"', b",", b"[]"])))
    cut = data.draw(st.integers(0, 3))
    changed = HONEST[:at] + put + HONEST[at + cut :]
    if changed != HONEST:
        with pytest.raises(AnchorRefused):
            verify(changed, pins=PINS)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_changed_member_is_accepted_under_a_pin(data: st.DataObject) -> None:
    """Byte by byte within the members, so that the change reaches RLP, trie and headers."""
    value = json.loads(HONEST)
    name = data.draw(st.sampled_from(["transaction", "header", "proof", "later"]))
    place = data.draw(st.integers(0, len(value[name]) - 1)) if isinstance(value[name], list) else None
    old = bytearray.fromhex(value[name] if place is None else value[name][place])
    at = data.draw(st.integers(0, len(old) - 1))
    old[at] ^= data.draw(st.integers(1, 255))
    if place is None:
        value[name] = old.hex()
    else:
        value[name][place] = old.hex()
    with pytest.raises(AnchorRefused):
        verify(canonical.encode(value), pins=PINS)


def test_the_honest_one_is_accepted() -> None:
    assert verify(HONEST, pins=PINS).proves_time
