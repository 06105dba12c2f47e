"""Bytes that are almost right: a hypothesis strategy that spoils valid examples, and shrinks to little harm."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = [
    b"", b"\x00", b"\xff", b"\n", b"\r\n", b" ", b'"', b"\\", b"\\u0000", b"\\u001b", b"\\ud800", b"\x1b[2J",
    b"{", b"}", b"[", b"]", b",", b":", b"/", b"..", b"-", b"+", b"=", b"0", b"-0", b"1.0", b"1e9", b"NaN",
    b"9007199254740992", b"null", b"true", b"[" * 100, b'{"a":' * 100, b"9" * 400, b"A" * 5_000,
    b"\xef\xbb\xbf", "é".encode(), "\u2014".encode(), b"\xed\xa0\x80", b"PK\x03\x04",
    b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f" * 8,
]  # fmt: skip
"""What breaks parsers: ends, escapes, numbers at their limits, depth, length."""

_harm = st.tuples(
    st.sampled_from(["flip", "cut", "insert", "repeat", "truncate", "replace", "random"]),
    st.integers(0, 1 << 20),
    st.integers(0, 64),
    st.sampled_from(PIECES) | st.binary(max_size=12),
)


@st.composite
def almost(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of the seeds with up to five harms done to it; sometimes none, sometimes plain noise."""
    if draw(st.integers(0, 15)) == 0:
        return draw(st.binary(max_size=300))
    data = draw(st.sampled_from(seeds))
    for kind, at, count, piece in draw(st.lists(_harm, max_size=5)):
        data = _do_harm(data, kind, at % (len(data) + 1), count, piece)
    return data


def _do_harm(data: bytes, kind: str, at: int, count: int, piece: bytes) -> bytes:
    if kind == "flip" and at < len(data):
        return data[:at] + bytes([data[at] ^ (1 << count % 8)]) + data[at + 1 :]
    if kind == "cut":
        return data[:at] + data[at + count :]
    if kind == "insert":
        return data[:at] + piece + data[at:]
    if kind == "repeat":
        return data[:at] + data[max(at - count, 0) : at] + data[at:]
    if kind == "truncate":
        return data[:at]
    if kind == "replace":
        return data[:at] + piece + data[at + len(piece) :]
    return data[:at] + data[at : at + count][::-1] + data[at + count :]
