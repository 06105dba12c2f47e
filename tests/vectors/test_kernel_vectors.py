"""The vectors of the kernel's formats: every good one is read, every bad one is refused by name.

Other programs read the same files; `source` in each says who made them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel import canonical, commitment, entry, merkle, tile

HERE = Path(__file__).parent


def load(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="ascii"))


TREE, CANONICAL, ENTRY = load("tree.json"), load("canonical.json"), load("entry.json")
COMMITMENT = load("commitment.json")


def by_fault(vector: dict[str, Any]) -> str:
    return str(vector.get("fault") or vector.get("name") or vector.get("path"))


def by_name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def test_leaves_have_their_hashes() -> None:
    assert [merkle.leaf_hash(leaf) for leaf in hashes(TREE["leaves"])] == hashes(TREE["leaf_hashes"])


def test_trees_of_each_size_have_their_roots() -> None:
    leaves = hashes(TREE["leaf_hashes"])
    assert [merkle.root_of(leaves[:size]).hex() for size in range(9)] == TREE["roots"]


def verify_inclusion(vector: dict[str, Any]) -> None:
    leaf, root = bytes.fromhex(vector["leaf"]), bytes.fromhex(vector["root"])
    path = hashes(vector["path"])
    merkle.verify_inclusion(leaf=leaf, index=vector["index"], size=vector["size"], path=path, root=root)


def verify_consistency(vector: dict[str, Any]) -> None:
    merkle.verify_consistency(
        old_size=vector["old_size"],
        old_root=bytes.fromhex(vector["old_root"]),
        new_size=vector["new_size"],
        new_root=bytes.fromhex(vector["new_root"]),
        path=hashes(vector["path"]),
    )


@pytest.mark.parametrize("vector", TREE["inclusion"]["good"], ids=lambda v: f"{v['index']}-of-{v['size']}")
def test_inclusion_proof_is_made_and_verified(vector: dict[str, Any]) -> None:
    reader = merkle.MemoryReader(hashes(TREE["leaf_hashes"]))
    assert merkle.inclusion_path(vector["index"], vector["size"], reader) == hashes(vector["path"])
    verify_inclusion(vector)


@pytest.mark.parametrize("vector", TREE["inclusion"]["bad"], ids=by_fault)
def test_bad_inclusion_proof_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(merkle.InclusionRefused):
        verify_inclusion(vector)


@pytest.mark.parametrize(
    "vector", TREE["consistency"]["good"], ids=lambda v: f"{v['old_size']}-to-{v['new_size']}"
)
def test_consistency_proof_is_made_and_verified(vector: dict[str, Any]) -> None:
    reader = merkle.MemoryReader(hashes(TREE["leaf_hashes"]))
    made = merkle.consistency_path(vector["old_size"], vector["new_size"], reader)
    assert made == hashes(vector["path"])
    verify_consistency(vector)


@pytest.mark.parametrize("vector", TREE["consistency"]["bad"], ids=by_fault)
def test_bad_consistency_proof_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(merkle.ConsistencyRefused):
        verify_consistency(vector)


@pytest.mark.parametrize("vector", TREE["tiles"]["good"], ids=by_fault)
def test_tile_path_is_read_and_written(vector: dict[str, Any]) -> None:
    parsed = tile.parse_tile_path(vector["path"])
    assert parsed == tile.Tile(vector["level"], vector["index"], vector["width"])
    assert parsed.path() == vector["path"]


@pytest.mark.parametrize("vector", TREE["tiles"]["bad"], ids=lambda v: v["fault"])
def test_bad_tile_path_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(tile.InvalidTile):
        tile.parse_tile_path(vector["path"])


def bytes_of(vector: dict[str, Any]) -> bytes:
    if "repeat" in vector:
        return bytes.fromhex(vector["repeat"]) * int(vector["times"])
    return bytes.fromhex(vector["hex"])


@pytest.mark.parametrize("vector", CANONICAL["good"], ids=by_name)
def test_canonical_bytes_are_read_and_written(vector: dict[str, Any]) -> None:
    data = bytes_of(vector)
    assert data == vector["text"].encode()
    assert canonical.encode(vector["value"]) == data
    assert canonical.decode(data, limit=len(data)) == vector["value"]


@pytest.mark.parametrize("vector", CANONICAL["bad"], ids=by_name)
def test_bytes_that_are_not_canonical_are_refused(vector: dict[str, Any]) -> None:
    data = bytes_of(vector)
    with pytest.raises(canonical.NotCanonical) as caught:
        canonical.decode(data, limit=len(data))
    assert (caught.value.fault, caught.value.path) == (vector["fault"], vector["path"])


def test_every_fault_that_bytes_can_have_has_a_vector() -> None:
    only_in_values = {canonical.Fault.NAME_NOT_TEXT, canonical.Fault.TYPE}
    assert {vector["fault"] for vector in CANONICAL["bad"]} == set(canonical.Fault) - only_in_values


def entry_bytes(vector: dict[str, Any]) -> bytes:
    text = str(vector["text"])
    return (text.replace("%", "a" * vector["fill"]) if "fill" in vector else text).encode()


@pytest.mark.parametrize("vector", ENTRY["good"], ids=by_name)
def test_entry_is_read_written_and_hashed(vector: dict[str, Any]) -> None:
    data = entry_bytes(vector)
    parsed = entry.parse_entry(data)
    assert entry.encode_entry(parsed) == data
    assert merkle.leaf_hash(data).hex() == vector["leaf_hash"]
    for name, value in vector.get("fields", {}).items():
        assert getattr(parsed, name) == value


@pytest.mark.parametrize("vector", ENTRY["bad"], ids=by_name)
def test_bad_entry_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(entry.EntryRefused) as caught:
        entry.parse_entry(entry_bytes(vector))
    assert (caught.value.field, caught.value.code) == (vector["field"], vector["code"])


@pytest.mark.parametrize("vector", COMMITMENT["good"], ids=by_name)
def test_commitment_is_made_and_opened(vector: dict[str, Any]) -> None:
    key, value = bytes.fromhex(vector["key"]), vector["value"].encode()
    assert commitment.commit(value, key32=key) == vector["commitment"]
    commitment.open_commitment(vector["commitment"], value, key)


@pytest.mark.parametrize("vector", COMMITMENT["bad"], ids=by_name)
def test_bad_commitment_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(commitment.CommitmentRefused):
        commitment.open_commitment(
            vector["commitment"], vector["value"].encode(), bytes.fromhex(vector["key"])
        )
