"""Hours of recording take no more memory than minutes, in the browser and at the node, and play from any place."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running, running
from tests.e2e.test_room_recording import enrol, go_in, prepare
from tests.support.chromium import find_chromium
from tests.support.room import WEB, Guest, Theatre, built_page
from tests.torture.scale import TORTURE

pytestmark = pytest.mark.skipif(
    TORTURE == 1
    or find_chromium() is None
    or shutil.which("npx") is None
    or not (WEB / "node_modules").is_dir(),
    reason="runs in `make torture`, and needs Chromium and the web packages",
)

MIB = 1024 * 1024
RECORDED_BYTES = 1024 * MIB
"""An hour and a half at the usual 1.6 Mbit/s."""

EARLY_BYTES = 128 * MIB
"""By then every buffer has been filled once."""

GROWTH_BYTES_MAX = 128 * MIB
"""Between the early look and the end, of all of Chromium's processes; what collectors leave lying for a while."""

PARTS = ("browser", "node and relay")
WAIT_SECONDS = 600.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    page = built_page()
    with running(tmp_path / "node") as node:
        yield node, page


async def test_hours_of_recording_take_constant_memory_and_play_from_their_end(
    studio: tuple[Running, Path],
) -> None:
    node, page = studio
    theatre = Theatre(page)
    theatre.relay.node_url = node.url
    await theatre.open()
    try:
        doctor = await theatre.open_tab("doctor")
        visit, clinic = await asyncio.to_thread(prepare, node, await enrol(node, doctor))
        await go_in(clinic, doctor, visit)
        await doctor.ask("beginHours", visit, node.patient.actor, RECORDED_BYTES)
        early = await memory_at(doctor, EARLY_BYTES)
        late = await memory_at(doctor, RECORDED_BYTES - 16 * MIB)
        made = await doctor.until("hours", lambda one: one["done"] or one["fault"], seconds=WAIT_SECONDS)
        assert made["fault"] == ""
        told = [
            f"{name} {one // MIB} to {two // MIB} MiB"
            for name, one, two in zip(PARTS, early, late, strict=True)
        ]
        print(f"\nrecorded {made['seconds'] / 60:.0f} min: {', '.join(told)}")
        assert late[0] - early[0] < GROWTH_BYTES_MAX
        assert late[1] - early[1] < GROWTH_BYTES_MAX

        assert await doctor.ask("openAtNode", visit, made["object"]) > RECORDED_BYTES - 32 * MIB
        before = tree_rss_bytes()
        shown = await doctor.ask("play", made["seconds"] - 30)
        assert shown["fault"] == "" and shown["time"] >= made["seconds"] - 30 and shown["width"] > 0
        print(
            f"played from {shown['time'] / 60:.0f} min; browser {before // MIB} and {tree_rss_bytes() // MIB} MiB"
        )
        assert tree_rss_bytes() - before < GROWTH_BYTES_MAX
    finally:
        await theatre.close()


async def memory_at(doctor: Guest, kept_bytes: int) -> tuple[int, int]:
    """Resident memory of Chromium, and of this process (node and relay), once so much is at the node."""
    await doctor.until(
        "hours", lambda one: one["keptBytes"] >= kept_bytes or one["fault"], seconds=WAIT_SECONDS
    )
    return tree_rss_bytes(), rss_bytes(os.getpid())


def tree_rss_bytes() -> int:
    """Of Chromium's processes, and not of what drives it, which keeps requests for whoever asks about them."""
    parents = {int(one.name): parent_of(one) for one in Path("/proc").iterdir() if one.name.isdigit()}
    found, left = set[int](), {os.getpid()}
    while left:
        left = {pid for pid, parent in parents.items() if parent in left} - found
        found |= left
    return sum(rss_bytes(pid) for pid in found if is_chromium(pid))


def is_chromium(pid: int) -> bool:
    try:
        program = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return False
    return b"chrom" in program.rpartition(b"/")[2]


def parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0


def rss_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0  # It has ended meanwhile.
