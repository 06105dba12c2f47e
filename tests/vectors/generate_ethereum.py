"""Write the vectors of the Ethereum anchor: good proofs whole, bad ones as what they change in a good one.

Run as `python -m tests.vectors.generate_ethereum` from the root of the checkout, with `src` on the path. Every
run gives the same bytes: Ethereum's signatures are deterministic. None of the accounts holds anything.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from telesphor.kernel.chains.ethereum import EthereumProof, fold_path
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.rlp import decode_rlp, encode_rlp
from tests.support.ethereum import (
    DIGEST,
    HEIGHT,
    KEY,
    NETWORK,
    TIME_SECONDS,
    make_header,
    make_proof,
    make_transaction,
    other_transactions,
)

PLACE = Path(__file__).parent / "anchor-ethereum.json"
Vector = dict[str, Any]

MANY = make_proof(others=other_transactions(20, bytes_max=80), index=5, later=2)
PATH = (("left", b"\x01" * 32), ("right", b"\x02" * 32))
DEV = "ethereum-31337"


def vectors() -> dict[str, Any]:
    """The whole file as a value."""
    return {
        "format": "docs/spec/anchors-ethereum.md",
        "source": "Telesphor's; the tries, hashes and signatures agree with eth-account, trie and pycryptodome.",
        "digest": DIGEST.hex(),
        "network": NETWORK,
        "good": good(),
        "bad": bad(),
    }


def good() -> list[Vector]:
    pin = {"network": NETWORK, "height": HEIGHT + 2, "hash": keccak256(MANY.later[-1]).hex()}
    alone = make_proof(later=0)
    rolled_up = make_proof(transaction=make_transaction(fold_path(DIGEST, PATH)), path=PATH, later=1)
    dev = make_proof(transaction=make_transaction(chain_id=31337), network=DEV, later=1)
    return [
        accepted("one-of-many-pinned", MANY, confirmations=3, pinned=True, proves_time=True, pins=[pin]),
        accepted("one-of-many-not-pinned", MANY, confirmations=3),
        accepted("alone-in-its-block", alone, confirmations=1),
        accepted("along-a-path", rolled_up, confirmations=2),
        accepted("of-a-development-network", dev, confirmations=2, network=DEV),
    ]


def accepted(
    name: str,
    proof: EthereumProof,
    *,
    confirmations: int,
    pinned: bool = False,
    proves_time: bool = False,
    pins: list[Vector] | None = None,
    network: str = NETWORK,
) -> Vector:
    return {
        "name": name,
        "network": network,
        "pins": pins or [],
        "proof": json.loads(proof.encode()),
        "height": HEIGHT,
        "time_seconds": TIME_SECONDS,
        "confirmations": confirmations,
        "pinned": pinned,
        "proves_time": proves_time,
    }


def bad() -> list[Vector]:
    return [*bad_transactions(), *bad_tries(), *bad_headers(), *bad_forms()]


def bad_transactions() -> list[Vector]:
    legacy = encode_rlp([7, 10**9, 25_000, KEY.address, 0, DIGEST, 37, 1, 1])
    fields = decode_rlp(make_transaction()[1:])
    assert isinstance(fields, tuple)
    contract = b"\x02" + encode_rlp((*fields[:5], b"", *fields[6:]))
    listed = b"\x02" + encode_rlp((*fields[:8], ((KEY.address, ()),), *fields[9:]))
    return [
        refused("another-digest", "anchor-of-another-digest", alone(make_transaction(bytes(32)))),
        refused("another-chain-id", "anchor-of-another-network", alone(make_transaction(chain_id=5))),
        refused("legacy-transaction", "anchor-malformed", alone(legacy)),
        refused("longer-data", "rlp-refused", alone(make_transaction(DIGEST + bytes(32)))),
        refused("shorter-data", "rlp-refused", alone(make_transaction(DIGEST[:31]))),
        refused("contract-made", "rlp-refused", alone(contract)),
        refused("access-list", "rlp-refused", alone(listed)),
    ]


def bad_tries() -> list[Vector]:
    first, *rest = MANY.nodes
    raw = make_transaction()
    branch = encode_rlp([*[b""] * 16, raw])
    top = encode_rlp([b"\x00\x80", keccak256(branch)])
    uneven = encode_rlp([b"\x21\x80", raw])
    cases = {
        "nodes-out-of-order": replace(MANY, nodes=(*rest, first)),
        "node-after-the-leaf": replace(MANY, nodes=(*MANY.nodes, first)),
        "node-missing": replace(MANY, nodes=MANY.nodes[:-1]),
        "no-nodes": replace(MANY, nodes=()),
        "another-index": replace(MANY, index=6),
        "another-transaction-than-the-leaf": replace(MANY, transaction=make_transaction(nonce=8)),
        "value-of-a-branch": rooted((top, branch), top),
        "path-not-written-the-one-way": rooted((uneven,), uneven),
        "root-of-another-trie": replace(MANY, header=make_header(root=bytes(32)), later=()),
    }
    return [refused(name, "trie-proof-refused", proof) for name, proof in cases.items()]


def bad_headers() -> list[Vector]:
    first, second = MANY.later
    pin = {"network": NETWORK, "height": HEIGHT, "hash": "ab" * 32}
    odd = make_header(root=bytes(32), changed={8: b"\x00\x01"})
    return [
        refused("later-header-skipped", "anchor-header-chain-broken", replace(MANY, later=(second,))),
        refused("later-headers-swapped", "anchor-header-chain-broken", replace(MANY, later=(second, first))),
        refused("node-as-header", "anchor-malformed", replace(MANY, header=MANY.nodes[-1])),
        refused("header-with-a-leading-zero", "rlp-refused", replace(MANY, header=odd)),
        {**refused("pin-contradicted", "anchor-pin-mismatch", MANY), "pins": [pin]},
    ]


def bad_forms() -> list[Vector]:
    many = json.loads(MANY.encode())
    return [
        changed("another-format", "anchor-malformed", format="telesphor-ethereum-anchor/2"),
        changed("another-network", "anchor-of-another-network", network="ethereum-5"),
        changed("upper-case-hex", "anchor-malformed", header=many["header"].upper()),
        changed("bytes-after-the-end", "rlp-refused", header=many["header"] + "00"),
        changed("huge-length", "rlp-refused", transaction="02ff" + "ff" * 8),
        changed("index-too-large", "anchor-malformed", index=2**24),
        changed("too-many-later-headers", "anchor-too-large", later=["c0"] * 65),
        changed("too-many-nodes", "anchor-too-large", proof=["c0"] * 10),
    ]


def alone(transaction: bytes) -> EthereumProof:
    return make_proof(transaction=transaction, later=0)


def rooted(nodes: tuple[bytes, ...], top: bytes) -> EthereumProof:
    return replace(make_proof(later=0), nodes=nodes, header=make_header(root=keccak256(top)))


def refused(name: str, code: str, proof: EthereumProof) -> Vector:
    """What differs from the first good proof."""
    many, other = json.loads(MANY.encode()), json.loads(proof.encode())
    return {
        "name": name,
        "code": code,
        "pins": [],
        "set": {member: other[member] for member in other if other[member] != many[member]},
    }


def changed(name: str, code: str, **members: object) -> Vector:
    return {"name": name, "code": code, "pins": [], "set": members}


if __name__ == "__main__":
    PLACE.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="ascii")
