"""Proofs out of the published tiles verify, for every tree up to the newest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.base64url import std_decode
from telesphor.kernel.checkpoint import open_checkpoint
from telesphor.kernel.merkle import InclusionRefused, root_of, verify_consistency, verify_inclusion
from telesphor.kernel.tlog_proof import HEADER
from telesphor.ledger.checkpoints import CheckpointMissing
from telesphor.ledger.receipts import ProofRefused
from tests.support.ledger import ORIGIN, Ledger

STEPS = (1, 40, 215, 44, 212, 88)
"""Entries between checkpoints: sizes 1, 41, 256, 300, 512 and 600, so that tiles fill and partial ones go."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path_factory.mktemp("ledger")).start()
    for step in STEPS:
        ledger.add_many(step)
        ledger.integrator.integrate()
    yield ledger
    ledger.close()


@pytest.fixture(scope="module")
def leaves(ledger: Ledger) -> list[bytes]:
    return [entry.leaf for entry in ledger.entries()]


@pytest.mark.parametrize("size", [1, 2, 41, 255, 256, 257, 300, 511, 512, 600])
def test_inclusion_is_proved_in_every_tree_up_to_the_newest(
    ledger: Ledger, leaves: list[bytes], size: int
) -> None:
    root = root_of(leaves[:size])
    for position in {0, size // 3, size // 2, size - 1}:
        path = ledger.prover.inclusion(position, size)
        verify_inclusion(leaf=leaves[position], index=position, size=size, path=path, root=root)
        with pytest.raises(InclusionRefused):
            verify_inclusion(leaf=leaves[position][::-1], index=position, size=size, path=path, root=root)


def test_consistency_is_proved_between_any_two_checkpoints(ledger: Ledger, leaves: list[bytes]) -> None:
    sizes = [1, 41, 256, 300, 512, 600]
    for old in sizes:
        for new in sizes[sizes.index(old) :]:
            verify_consistency(
                old_size=old,
                old_root=root_of(leaves[:old]),
                new_size=new,
                new_root=root_of(leaves[:new]),
                path=ledger.prover.consistency(old_size=old, new_size=new),
            )


@pytest.mark.parametrize(("position", "size"), [(-1, 5), (5, 5), (0, 0), (0, 601), (600, 601)])
def test_inclusion_that_cannot_be_is_refused(ledger: Ledger, position: int, size: int) -> None:
    with pytest.raises(ProofRefused):
        ledger.prover.inclusion(position, size)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (-1, 5), (6, 5), (5, 601)])
def test_consistency_that_cannot_be_is_refused(ledger: Ledger, old: int, new: int) -> None:
    with pytest.raises(ProofRefused):
        ledger.prover.consistency(old_size=old, new_size=new)


def test_text_proof_holds_index_path_and_checkpoint(ledger: Ledger, leaves: list[bytes]) -> None:
    head, _, note = ledger.prover.tlog_proof(299).partition(b"\n\n")
    header, index, *path = head.decode().split("\n")
    assert (header, index) == (HEADER, "index 299")
    signed = open_checkpoint(note, origin=ORIGIN, vkeys=ledger.signer.vkeys())
    verify_inclusion(
        leaf=leaves[299],
        index=299,
        size=signed.checkpoint.size,
        path=[std_decode(line) for line in path],
        root=signed.checkpoint.root,
    )


def test_text_proof_of_a_position_that_is_not_in_the_tree_yet_is_refused(ledger: Ledger) -> None:
    with pytest.raises(CheckpointMissing, match="no checkpoint holds position `600` yet"):
        ledger.prover.tlog_proof(600)


def test_proofs_follow_a_tree_that_grows(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    with pytest.raises(CheckpointMissing):
        ledger.prover.inclusion(0, 1)
    for size in (200, 400, 600):
        ledger.add_many(200)
        ledger.integrator.integrate()
        leaves = [entry.leaf for entry in ledger.entries()]
        path = ledger.prover.inclusion(150, size)
        verify_inclusion(leaf=leaves[150], index=150, size=size, path=path, root=root_of(leaves))
    ledger.close()
