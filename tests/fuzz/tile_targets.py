"""What a log serves as static files: the paths of tiles, and entry bundles."""

from __future__ import annotations

from typing import Final

from telesphor.kernel.entry_bundle import decode_entries, encode_entries
from telesphor.kernel.tile import parse_entries_path, parse_tile_path

ENTRY_BUNDLE: Final = encode_entries([b"one", b"", b"x" * 300])


def take_tile_path(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    if text.startswith("tile/entries/"):
        assert parse_entries_path(text).entries_path() == text
    else:
        assert parse_tile_path(text).path() == text


def take_entry_bundle(data: bytes) -> None:
    assert encode_entries(decode_entries(data, count=3)) == data
