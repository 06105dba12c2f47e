"""Base64, strictly: one text for one string of bytes.

Two alphabets of RFC 4648: base64url without padding (section 5; JOSE, salts, nonces), and standard base64
with padding (section 4; signed notes).

INVARIANT: decoding accepts exactly the texts that encoding produces. No white space, no missing or
surplus padding, no stray low bits; so base64 cannot be used to change bytes that were signed.

Start at `encode` and `decode`.
"""

from __future__ import annotations

import binascii

from telesphor.kernel.errors import Kind, TelesphorError

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"", b"==", b"=")


class NotBase64(TelesphorError):
    """Text that is not the one base64 spelling of any bytes."""

    code = "not-base64"
    kind = Kind.INVALID


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5, RFC 7515 section 2)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of base64url text without padding.

    Raises:
        NotBase64: anything that `encode` would not have written.
    """
    data = _decode(_ascii(text).translate(_FROM_URL) + _PADDING[len(text) % 4])
    if encode(data) != text:
        raise NotBase64("the text is not canonical base64url without padding")
    return data


def std_encode(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def std_decode(text: str) -> bytes:
    """The bytes of standard base64 text with padding.

    Raises:
        NotBase64: anything that `std_encode` would not have written.
    """
    data = _decode(_ascii(text))
    if std_encode(data) != text:
        raise NotBase64("the text is not canonical base64 with padding")
    return data


def _ascii(text: str) -> bytes:
    try:
        return text.encode("ascii")
    except (UnicodeEncodeError, AttributeError) as error:
        raise NotBase64("the text is not base64: it holds something other than ASCII") from error


def _decode(text: bytes) -> bytes:
    # The lenient decoder is enough: whatever it skips or mends, the comparison after it refuses.
    try:
        return binascii.a2b_base64(text)
    except binascii.Error as error:
        raise NotBase64("the text is not base64") from error
