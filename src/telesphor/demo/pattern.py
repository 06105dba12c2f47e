"""A recording that costs no disk: bytes that follow from their place, so that any stretch can be checked."""

from __future__ import annotations

import io
from typing import Final

FRAME_BYTES: Final = 4096
_FILLER: Final = bytes(range(256)) * (FRAME_BYTES // 256)


class Pattern(io.RawIOBase):
    """A readable, seekable file of `size` bytes: frames of 4 KiB, each beginning with its number."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._offset = 0

    def between(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to, not including, `end`."""
        end = min(end, self.size)
        frames = range(start // FRAME_BYTES, -(-end // FRAME_BYTES))
        data = b"".join(number.to_bytes(8, "big") + _FILLER[8:] for number in frames)
        base = frames.start * FRAME_BYTES
        return data[start - base : end - base]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # the protocol type is private
        data = self.between(self._offset, self._offset + len(buffer))
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self.size}[whence]
        self._offset = base + offset
        return self._offset

    def tell(self) -> int:
        return self._offset
