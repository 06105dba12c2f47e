"""Go's own packages judge what we publish: checkpoint, tiles, requests and seals.

The judge (`go_judge/main.go`) opens the checkpoint with the note package of the Go checksum
database, verifies the ML-DSA-44 line with crypto/mldsa, and proves leaves from the tiles with its tlog
package. It also verifies our request vectors (crypto/ed25519, crypto/mldsa) and opens our seals
(crypto/hpke).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.cosignature import Cosigner, append_signatures
from telesphor.kernel.merkle import MemoryReader, leaf_hash, root_of
from telesphor.kernel.note import Note, NoteSignature, format_note, parse_note
from telesphor.kernel.sealing import RecipientKey, SealInfo, unseal
from telesphor.kernel.tile import tiles_for
from tests.conformance.go_judge.build import NoGo, build_judge, run_judge

VECTORS = Path(__file__).parents[1] / "vectors"
ORIGIN = "telesphor.example/log"
LOG = LogSigner(ORIGIN, bytes([1]) * 32, bytes([2]) * 32)
WITNESS = Cosigner("witness.example/w", bytes([3]) * 32, bytes([4]) * 32)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_judge(tmp_path_factory.mktemp("go"))
    except NoGo as reason:
        pytest.skip(str(reason))


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(f"entry {index}".encode()) for index in range(size)]


def publish(folder: Path, size: int) -> list[bytes]:
    """Write what a node publishes for a tree of `size` leaves; returns the leaf hashes."""
    leaves = leaves_of(size)
    reader = MemoryReader(leaves)
    for tile in tiles_for(size):
        path = folder / tile.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        hashes = range(tile.index * 256, tile.index * 256 + tile.width)
        path.write_bytes(b"".join(reader.subtree(tile.level * 8, index) for index in hashes))
    checkpoint = Checkpoint(ORIGIN, size, root_of(leaves))
    (folder / "checkpoint").write_bytes(LOG.sign(checkpoint, time_seconds=1_800_000_000))
    (folder / "log.vkeys").write_text("".join(f"{vkey}\n" for vkey in LOG.vkeys()), "ascii")
    return leaves


def asked(leaves: list[bytes], indexes: list[int]) -> Iterator[str]:
    for index in indexes:
        yield str(index)
        yield leaves[index].hex()


@pytest.mark.parametrize("size", [1, 2, 5, 255, 256, 257, 1000, 66_000])
def test_go_accepts_checkpoint_tiles_and_inclusion(judge: Path, tmp_path: Path, size: int) -> None:
    leaves = publish(tmp_path, size)
    indexes = sorted({0, size // 3, size // 2, size - 1})
    verdict = run_judge(judge, "log", tmp_path, *asked(leaves, indexes))
    assert verdict.returncode == 0, verdict.stderr.decode()
    lines = verdict.stdout.decode().splitlines()
    assert lines[0] == f"ed25519 line holds: {ORIGIN} size {size}"
    assert lines[1] == "ml-dsa-44 line holds: time 1800000000"
    assert len(lines) == 2 + len(indexes)


def test_go_refuses_a_leaf_that_is_not_there(judge: Path, tmp_path: Path) -> None:
    leaves = publish(tmp_path, 300)
    assert run_judge(judge, "log", tmp_path, "7", leaves[8].hex()).returncode == 1


def test_go_refuses_an_altered_tile(judge: Path, tmp_path: Path) -> None:
    leaves = publish(tmp_path, 300)
    tile = tmp_path / "tile" / "0" / "000"
    data = bytearray(tile.read_bytes())
    data[0] ^= 1
    tile.write_bytes(data)
    assert run_judge(judge, "log", tmp_path, "0", leaves[0].hex()).returncode == 1


@pytest.mark.parametrize("kept", [0, 1], ids=["stripped-mldsa-line", "stripped-ed25519-line"])
def test_go_refuses_a_stripped_half(judge: Path, tmp_path: Path, kept: int) -> None:
    publish(tmp_path, 3)
    note = parse_note((tmp_path / "checkpoint").read_bytes())
    (tmp_path / "checkpoint").write_bytes(format_note(Note(note.text, (note.signatures[kept],))))
    assert run_judge(judge, "log", tmp_path).returncode == 1


@pytest.mark.parametrize("index", [0, 1], ids=["altered-ed25519-line", "altered-mldsa-line"])
def test_go_refuses_an_altered_half(judge: Path, tmp_path: Path, index: int) -> None:
    publish(tmp_path, 3)
    note = parse_note((tmp_path / "checkpoint").read_bytes())
    lines = list(note.signatures)
    altered = lines[index].signature[:-1] + bytes([lines[index].signature[-1] ^ 1])
    lines[index] = NoteSignature(ORIGIN, lines[index].key_id, altered)
    (tmp_path / "checkpoint").write_bytes(format_note(Note(note.text, tuple(lines))))
    assert run_judge(judge, "log", tmp_path).returncode == 1


def test_go_refuses_a_changed_time(judge: Path, tmp_path: Path) -> None:
    publish(tmp_path, 3)
    note = parse_note((tmp_path / "checkpoint").read_bytes())
    ed25519, mldsa = note.signatures
    later = (1_800_000_001).to_bytes(8, "big") + mldsa.signature[8:]
    lines = (ed25519, NoteSignature(ORIGIN, mldsa.key_id, later))
    (tmp_path / "checkpoint").write_bytes(format_note(Note(note.text, lines)))
    assert run_judge(judge, "log", tmp_path).returncode == 1


def cosigned(folder: Path) -> Note:
    """A checkpoint cosigned by a witness, and the witness's keys beside it."""
    checkpoint = Checkpoint(ORIGIN, 5, root_of(leaves_of(5)))
    lines = WITNESS.cosign(checkpoint, time_seconds=1_800_000_060)
    data = append_signatures(LOG.sign(checkpoint, time_seconds=1_800_000_000), lines)
    (folder / "checkpoint").write_bytes(data)
    (folder / "witness.vkeys").write_text("".join(f"{vkey}\n" for vkey in WITNESS.vkeys()), "ascii")
    return parse_note(data)


def test_go_accepts_both_lines_of_a_witness(judge: Path, tmp_path: Path) -> None:
    cosigned(tmp_path)
    verdict = run_judge(judge, "witness", tmp_path / "checkpoint", tmp_path / "witness.vkeys")
    assert verdict.returncode == 0, verdict.stderr.decode()
    assert verdict.stdout.decode().splitlines() == [
        "timed ed25519 line holds: witness.example/w time 1800000060",
        "ml-dsa-44 line holds: time 1800000060",
    ]


@pytest.mark.parametrize("index", [2, 3], ids=["ed25519-line", "mldsa-line"])
def test_go_refuses_a_witness_line_that_is_stripped_or_altered(
    judge: Path, tmp_path: Path, index: int
) -> None:
    note = cosigned(tmp_path)
    line = note.signatures[index]
    altered = NoteSignature(line.name, line.key_id, line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    for kept in ((), (altered,)):
        lines = (*note.signatures[:index], *kept, *note.signatures[index + 1 :])
        (tmp_path / "checkpoint").write_bytes(format_note(Note(note.text, lines)))
        asked = run_judge(judge, "witness", tmp_path / "checkpoint", tmp_path / "witness.vkeys")
        assert asked.returncode == 1


def test_go_verifies_both_signatures_of_our_requests(judge: Path) -> None:
    verdict = run_judge(judge, "request", VECTORS / "request.json")
    assert verdict.returncode == 0, verdict.stderr.decode()
    assert verdict.stdout.decode().split("\n") == ["request actor holds", "request root holds", ""]


def test_go_opens_our_seals(judge: Path) -> None:
    verdict = run_judge(judge, "seal", VECTORS / "sealing.json")
    assert verdict.returncode == 0, verdict.stderr.decode()
    assert verdict.stdout == b"seal data-key opens\n"


def test_we_open_what_go_seals(judge: Path) -> None:
    key = RecipientKey(bytes([9]) * 32)
    info = SealInfo("object-key", "object-1", key.thumbprint(), "reader")
    verdict = run_judge(judge, "sealed", key.seed.hex(), info.encode().hex(), text=b"a data key")
    assert verdict.returncode == 0, verdict.stderr.decode()
    assert unseal(bytes.fromhex(verdict.stdout.decode()), key=key, info=info) == b"a data key"


def test_nothing_of_the_go_toolchain_is_kept_here() -> None:
    kept = {path.name for path in (Path(__file__).parent / "go_judge").iterdir()} - {"__pycache__"}
    assert kept == {"build.py", "go.mod", "main.go"}
