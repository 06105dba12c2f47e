"""Entry bundles: the bytes under which a log hands out its entries (C2SP tlog-tiles, "Log entries").

A bundle holds the entries under one tile of level 0, each behind its length as a big-endian uint16. It has no
head and no digest of its own: whoever reads one hashes the entries into the tree that somebody signed.

INVARIANT: `decode_entries(encode_entries(entries), count=len(entries)) == entries`, and no other bytes are
taken for them.

Start at `encode_entries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.tile import TILE_WIDTH

LENGTH_BYTES: Final = 2
"""They can say up to 65,535: `ENTRY_BYTES_MAX`."""

ENTRY_BUNDLE_BYTES_MAX: Final = TILE_WIDTH * (LENGTH_BYTES + ENTRY_BYTES_MAX)
"""A full bundle of the largest entries: 16 MiB."""


class EntryBundleRefused(TelesphorError):
    """The bytes are no entry bundle of that many entries, or entries do not fit one."""

    code = "entry-bundle-refused"
    kind = Kind.INVALID


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """The bundle of 1 to 256 entries, in order.

    Raises:
        EntryBundleRefused: there are none or too many, or one is larger than its length can say.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise EntryBundleRefused(f"a bundle holds 1 to {TILE_WIDTH} entries, not `{len(entries)}`")
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise EntryBundleRefused(f"an entry of `{len(entry)}` bytes does not fit a bundle")
        parts += (len(entry).to_bytes(LENGTH_BYTES, "big"), entry)
    return b"".join(parts)


def decode_entries(data: bytes, *, count: int) -> list[bytes]:
    """The exact bytes of the `count` entries (1 to 256) of a bundle.

    Raises:
        EntryBundleRefused: the bytes end within an entry, or hold another number of them.
    """
    if not 1 <= count <= TILE_WIDTH:
        raise EntryBundleRefused(f"a bundle holds 1 to {TILE_WIDTH} entries, not `{count}`")
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < count:
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data) or start > len(data):
            raise EntryBundleRefused(f"the bundle ends within its entry `{len(entries)}`")
        entries.append(data[start:at])
    if len(entries) != count or at != len(data):
        raise EntryBundleRefused(f"the bundle does not hold exactly `{count}` entries")
    return entries
