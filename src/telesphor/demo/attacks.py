"""Attacks, and what becomes of them. Each is made on a copy, and each must be detected by what it breaks.

An attack counts as detected only when the refusal is the one that this attack deserves (its code, or the
place it must name): a demonstration that fails for another reason proves nothing.

`request_attacks` go against the running node, `folder_attacks` against a copy of its files, `bundle_attacks`
against copies of the proof; with `dishonest_node` and `forked_bundles` the node itself is the attacker, against
its witnesses and against whoever verifies. Start at `Attack`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telesphor.client.errors import ClientRefused
from telesphor.demo.narration import Narrator


@dataclass(frozen=True)
class Attack:
    """One attack: what was done, whether it was found out, the code of the refusal and its message."""

    what: str
    detected: bool
    code: str
    said: str


async def attempt(what: str, code: str, act: Callable[[], Awaitable[Any]]) -> Attack:
    """Do it; it is detected when the node refuses it with exactly this code."""
    try:
        await act()
    except ClientRefused as refusal:
        said = f"HTTP {refusal.status} {refusal.code}: {refusal.message}"
        return Attack(what, refusal.code == code, refusal.code, said)
    return Attack(what, False, "", "")


def tell(attack: Attack, narrator: Narrator) -> Attack:
    """Say how it went, and hand the attack on."""
    if attack.detected:
        narrator.detected(attack.what, attack.said)
    else:
        narrator.undetected(
            f"{attack.what}: {attack.said or 'nothing was refused'} ({attack.code or 'accepted'})"
        )
    return attack


@contextmanager
def flipped_byte(file: Path, offset: int) -> Iterator[None]:
    """Flip the lowest bit of one byte of a file while the block runs."""
    flip(file, offset)
    try:
        yield
    finally:
        flip(file, offset)


def flip(file: Path, offset: int) -> None:
    """Flip the lowest bit of one byte of a file, in place."""
    with file.open("r+b") as handle:
        handle.seek(offset)
        byte = handle.read(1)[0]
        handle.seek(offset)
        handle.write(bytes([byte ^ 1]))
