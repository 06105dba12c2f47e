"""The vault on a large file, beside age (`pyrage`) on the same file and folder, taking turns.

Both sides read a file, write what they sealed, and read it back into a file. They work in memory
(`/dev/shm`) where it has room, because a disk that is slower than either would hide the difference.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from telesphor.bench.child import in_child
from telesphor.bench.figures import Figure, Peer, Target, at_least, at_most, middle
from telesphor.bench.run import Run
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource, ObjectId
from telesphor.runtime.blobs import open_blobs
from telesphor.vault.objects import ObjectReader, open_stream, seal_stream

GROUP = "vault"
GIB, MIB = 1 << 30, 1 << 20
GIGA = 1e9
ROUNDS = 3
TIMES_AGE = 3.0
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108  memory is what is wanted
ROOM_FACTOR = 5
"""The file, what each side makes of it, and what each makes of that again."""

OBJECT = ObjectId("019ab5c2-6a40-7000-8000-000000000001")
KEY, SALT = bytes(32), bytes(24)
PIECE_BYTES = 4 * MIB


class Sizes(NamedTuple):
    """Seconds of each round."""

    seal: list[float]
    open: list[float]


def measure(run: Run) -> Iterator[Figure]:
    """Seal and open; each against age and against the bare cipher."""
    size = run.count(GIB)
    with TemporaryDirectory(dir=_folder_with_room(run, size)) as place:
        folder = Path(place)
        run.tell(f"sealing and opening {size // MIB:,} MiB in {folder.parent}")
        _make_file(folder / "plain", size)
        ours, age = _take_turns(folder)
        peak = in_child(seal_and_open, folder).peak_bytes
    bare = run.limits.sealing_by_two
    yield from _compare(
        f"seal {size // MIB:,} MiB in {folder.parent}", size, ours.seal, age.seal if age else [], bare
    )
    yield from _compare(
        f"open {size // MIB:,} MiB in {folder.parent}", size, ours.open, age.open if age else [], bare
    )
    yield Figure(GROUP, "memory of that", peak / MIB, "MiB", at_most(100))


def seal_and_open(folder: Path) -> None:
    """One turn of the vault alone; for a process of its own."""
    _seal(folder)
    _open(folder)


def _folder_with_room(run: Run, size: int) -> Path:
    if MEMORY_FOLDER.is_dir() and shutil.disk_usage(MEMORY_FOLDER).free > ROOM_FACTOR * size:
        return MEMORY_FOLDER
    return run.folder


def _make_file(path: Path, size: int) -> None:
    random_bytes = IdSource(SystemClock()).random_bytes
    with path.open("wb") as file:
        for start in range(0, size, PIECE_BYTES):
            file.write(random_bytes(min(PIECE_BYTES, size - start)))


def _take_turns(folder: Path) -> tuple[Sizes, Sizes | None]:
    """A B A B, so that a disturbance meets both sides."""
    ours, age = Sizes([], []), Sizes([], [])
    peer = _age(folder) if find_spec("pyrage") else None
    _touch_memory(folder)
    for _ in range(ROUNDS):
        ours.seal.append(_seconds(lambda: _seal(folder)))
        if peer:
            age.seal.append(_seconds(peer[0]))
        ours.open.append(_seconds(lambda: _open(folder)))
        if peer:
            age.open.append(_seconds(peer[1]))
    return ours, age if peer else None


def _touch_memory(folder: Path) -> None:
    """Take as much room as the turns will, and give it back: on a virtual machine memory is dear at its first use,
    which would be charged to whoever comes first."""
    _make_file(folder / "touched", (ROOM_FACTOR - 2) * (folder / "plain").stat().st_size)
    (folder / "touched").unlink()


def _seal(folder: Path) -> None:
    with (folder / "plain").open("rb", buffering=0) as source:
        seal_stream(source, blobs=open_blobs(folder / "blobs"), object_id=OBJECT, key=KEY, salt=SALT)


def _open(folder: Path) -> None:
    size = (folder / "plain").stat().st_size
    reader = ObjectReader(open_blobs(folder / "blobs"), object_id=OBJECT, size=size, key=KEY)
    with (folder / "opened").open("wb", buffering=0) as target:
        open_stream(reader, target)


def _age(folder: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    pyrage = import_module("pyrage")
    identity = pyrage.x25519.Identity.generate()
    plain, sealed, opened = (str(folder / name) for name in ("plain", "sealed.age", "opened.age"))
    return (
        lambda: pyrage.encrypt_file(plain, sealed, [identity.to_public()]),
        lambda: pyrage.decrypt_file(sealed, opened, [identity]),
    )


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _compare(name: str, size: int, ours: list[float], age: list[float], bare: Peer) -> Iterator[Figure]:
    rate = size / middle(ours) / GIGA
    yield Figure(GROUP, name, rate, "GB/s", peer=bare)
    if age:
        theirs = Peer("age (pyrage)", size / middle(age) / GIGA)
        yield Figure(
            GROUP,
            f"{name.partition(' in ')[0]}, against age",
            rate,
            "GB/s",
            _times(theirs, TIMES_AGE),
            theirs,
        )


def _times(peer: Peer, factor: float) -> Target:
    return at_least(factor * peer.value)
