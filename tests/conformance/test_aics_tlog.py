"""An independent reader (PyPI `aics-tlog`) reads our published log: checkpoint, cosignatures, tiles and proofs.

It knows Ed25519 lines (0x01, 0x04) and ignores the ML-DSA-44 lines beside them, as C2SP signed-note asks of
unknown keys. Entry bundles are not public here, so its walk over the tiles is asked to leave them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.checkpoint import open_checkpoint
from telesphor.kernel.cosignature import append_signatures
from tests.support.ledger import ORIGIN, Ledger
from tests.support.witnesses import NOW_SECONDS, cosigner

aics = pytest.importorskip("aics_tlog", reason="`make setup` installs aics-tlog")

ENTRIES = 700


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path_factory.mktemp("ledger")).start()
    for count in (1, 299, ENTRIES - 300):
        ledger.add_many(count)
        while ledger.integrator.integrate():
            pass
    yield ledger
    ledger.close()


def test_it_verifies_our_checkpoint_and_a_cosignature(ledger: Ledger) -> None:
    note = ledger.book.newest().note
    checkpoint = open_checkpoint(note, origin=ORIGIN, vkeys=ledger.signer.vkeys()).checkpoint
    lines = cosigner().cosign(checkpoint, time_seconds=NOW_SECONDS)
    result = aics.verify_checkpoint(
        aics.parse_note(append_signatures(note, lines)),
        aics.parse_vkey(ledger.signer.vkeys()[0]),
        [aics.parse_vkey(cosigner().vkeys()[0])],
        quorum=1,
        expected_origin=ORIGIN,
    )
    assert result.ok, result
    assert (result.size, result.root) == (checkpoint.size, checkpoint.root)
    assert result.timestamps == {cosigner().name: NOW_SECONDS}


def test_it_refuses_a_cosignature_that_was_altered(ledger: Ledger) -> None:
    note = ledger.book.newest().note
    checkpoint = open_checkpoint(note, origin=ORIGIN, vkeys=ledger.signer.vkeys()).checkpoint
    other = cosigner().cosign(checkpoint, time_seconds=NOW_SECONDS)[0]
    moved = type(other)(other.name, other.key_id, (NOW_SECONDS + 1).to_bytes(8, "big") + other.signature[8:])
    result = aics.verify_checkpoint(
        aics.parse_note(append_signatures(note, [moved])),
        aics.parse_vkey(ledger.signer.vkeys()[0]),
        [aics.parse_vkey(cosigner().vkeys()[0])],
        quorum=1,
    )
    assert not result.ok


def test_it_walks_every_tile_to_our_root(ledger: Ledger) -> None:
    newest = ledger.book.newest()
    checkpoint = open_checkpoint(newest.note, origin=ORIGIN, vkeys=ledger.signer.vkeys()).checkpoint
    reader = aics.FileSystemTileReader(ledger.folder / "public")
    report = aics.audit_tiles(reader, checkpoint.size, checkpoint.root, entries=False)
    assert (report.size, report.tiles) == (ENTRIES, 4)  # two full, one partial, and the one above
    assert aics.tree_root_from_tiles(reader, checkpoint.size) == checkpoint.root


def test_its_proofs_are_ours(ledger: Ledger) -> None:
    size = ledger.book.newest().size
    reader = aics.FileSystemTileReader(ledger.folder / "public")
    for position in (0, 255, 256, 511, 699):
        assert aics.inclusion_proof_from_tiles(reader, position, size) == ledger.prover.inclusion(
            position, size
        )
    for old_size in (1, 256, 300, 699, 700):
        proof = aics.consistency_proof_from_tiles(reader, old_size, size)
        assert proof == ledger.prover.consistency(old_size=old_size, new_size=size)


def test_it_verifies_our_consistency_proofs(ledger: Ledger) -> None:
    checkpoints = [
        open_checkpoint(
            ledger.book.covering(position).note, origin=ORIGIN, vkeys=ledger.signer.vkeys()
        ).checkpoint
        for position in (0, 299, 699)
    ]
    for old in checkpoints:
        for new in checkpoints:
            if old.size < new.size:
                path = ledger.prover.consistency(old_size=old.size, new_size=new.size)
                assert aics.verify_consistency(old.size, new.size, old.root, new.root, path)
                assert not aics.verify_consistency(old.size, new.size, new.root, old.root, path)


def test_our_folder_is_read_as_the_files_it_is(ledger: Ledger) -> None:
    assert (Path(ledger.folder) / "public" / "checkpoint").read_bytes() == ledger.book.newest().note
