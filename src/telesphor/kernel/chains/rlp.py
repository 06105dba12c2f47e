"""RLP, the serialisation of Ethereum (Yellow Paper, appendix B), read strictly and written.

An item is a byte string or a list of items. INVARIANT: `decode_rlp` accepts exactly the bytes that
`encode_rlp` writes, so whatever is decoded has one spelling and one hash: no leading zeros in lengths, no
long form where the short one fits, nothing after the end.

Start at `decode_rlp`. Lengths are compared with what is there before anything is read, and depth and number
of items are bounded, so hostile bytes cost no more than their own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from telesphor.kernel.chains.anchor import AnchorMalformed

Item: TypeAlias = "bytes | tuple[Item, ...]"
Encodable: TypeAlias = "bytes | int | Sequence[Encodable]"

DEPTH_MAX: Final = 4
"""Lists inside each other: a transaction's access list is three deep, headers and trie nodes one or two."""
ITEMS_MAX: Final = 1024
"""Items in one document: a trie node has 17, a header about 20."""

_STRING: Final = 0x80
_LIST: Final = 0xC0
_SHORT_MAX: Final = 55
_LENGTH_BYTES_MAX: Final = 8


class RlpRefused(AnchorMalformed):
    """Bytes that are not the one RLP spelling of an item, or more of it than is allowed."""

    code = "rlp-refused"


def encode_rlp(value: Encodable) -> bytes:
    """The RLP bytes of a byte string, of a number (big-endian, without leading zeros) or of a list of them.

    Raises:
        RlpRefused: a negative number.
    """
    if isinstance(value, int):
        return encode_rlp(number_bytes(value))
    if isinstance(value, bytes | bytearray):
        if len(value) == 1 and value[0] < _STRING:
            return bytes(value)
        return _head(_STRING, len(value)) + value
    body = b"".join(map(encode_rlp, value))
    return _head(_LIST, len(body)) + body


def number_bytes(number: int) -> bytes:
    """A number as RLP writes it: big-endian, without leading zeros; zero is empty."""
    if number < 0:
        raise RlpRefused("RLP has no negative numbers")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _head(kind: int, length: int) -> bytes:
    if length <= _SHORT_MAX:
        return bytes((kind + length,))
    size = number_bytes(length)
    return bytes((kind + _SHORT_MAX + len(size),)) + size


def decode_rlp(data: bytes) -> Item:
    """The one item that `data` is: bytes, or a tuple of items.

    Raises:
        RlpRefused: anything that `encode_rlp` would not have written, deeper than `DEPTH_MAX` or of more
            items than `ITEMS_MAX`.
    """
    reader = _Reader(bytes(data))
    item, end = reader.read(0, len(data), 0)
    if end != len(data):
        raise RlpRefused("there are bytes after the end of the RLP item")
    return item


class _Reader:
    __slots__ = ("_count", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = 0

    def read(self, at: int, limit: int, depth: int) -> tuple[Item, int]:
        """The item that begins at `at` and may not reach past `limit`, and where it ends."""
        self._count += 1
        if self._count > ITEMS_MAX:
            raise RlpRefused(f"the RLP document has more than {ITEMS_MAX} items")
        begin, end, is_list = self._bounds(at, limit)
        if is_list:
            return self._read_list(begin, end, depth), end
        return self._data[begin:end], end

    def _read_list(self, at: int, end: int, depth: int) -> tuple[Item, ...]:
        if depth >= DEPTH_MAX:
            raise RlpRefused(f"the RLP document is more than {DEPTH_MAX} lists deep")
        items = []
        while at < end:
            item, at = self.read(at, end, depth + 1)
            items.append(item)
        return tuple(items)

    def _bounds(self, at: int, limit: int) -> tuple[int, int, bool]:
        """Where the payload begins and ends, and whether it is a list."""
        if at >= limit:
            raise RlpRefused("the RLP document ends too early")
        first = self._data[at]
        if first < _STRING:
            return at, at + 1, False
        is_list = first >= _LIST
        length = first - (_LIST if is_list else _STRING)
        begin = at + 1
        if length > _SHORT_MAX:
            length, begin = self._long_length(begin, length - _SHORT_MAX, limit)
        elif length == 1 and not is_list and begin < limit and self._data[begin] < _STRING:
            raise RlpRefused("a single small byte has a length in front of it")
        if length > limit - begin:
            raise RlpRefused("an RLP item is longer than what holds it")
        return begin, begin + length, is_list

    def _long_length(self, at: int, size: int, limit: int) -> tuple[int, int]:
        # INVARIANT: `size` is 1 to 8 by the encoding, so the number read here is small.
        if size > min(_LENGTH_BYTES_MAX, limit - at):
            raise RlpRefused("the RLP document ends within a length")
        length = int.from_bytes(self._data[at : at + size], "big")
        if self._data[at] == 0 or length <= _SHORT_MAX:
            raise RlpRefused("an RLP length is not written the shortest way")
        return length, at + size


def byte_string(item: Item, what: str, *, size: int | None = None) -> bytes:
    """The item, which must be a byte string (of exactly `size` bytes); `what` names it in the refusal."""
    if not isinstance(item, bytes) or (size is not None and len(item) != size):
        raise RlpRefused(f"{what} is not a byte string" + ("" if size is None else f" of {size} bytes"))
    return item


def number(item: Item, what: str, *, most: int) -> int:
    """The item as a number: big-endian, without leading zeros, at most `most`."""
    data = byte_string(item, what)
    if data[:1] == b"\x00" or len(data) > (most.bit_length() + 7) // 8:
        raise RlpRefused(f"{what} is not a number within bounds")
    value = int.from_bytes(data, "big")
    if value > most:
        raise RlpRefused(f"{what} is not a number within bounds")
    return value
