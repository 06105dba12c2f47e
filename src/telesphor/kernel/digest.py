"""Digests as text: `sha256:` and 64 lower-case hexadecimal digits.

A digest says which algorithm made it, and it has exactly one spelling. Digests are of ciphertext and of
public documents only: a digest of low-entropy patient data can be guessed, so those get a commitment
(`commitment.py`) instead.

Start at `digest_of`.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NewType

from telesphor.kernel.errors import Kind, TelesphorError

Digest = NewType("Digest", str)
"""`sha256:<64 lower-case hex digits>`."""

DIGEST_BYTES = 32
"""Size of a SHA-256 digest (FIPS 180-4)."""

_PREFIX = "sha256:"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class InvalidDigest(TelesphorError):
    """Text that is not a SHA-256 digest in the one accepted form."""

    code = "invalid-digest"
    kind = Kind.INVALID


def digest_of(data: bytes) -> Digest:
    """The SHA-256 digest of `data`, as text."""
    return Digest(_PREFIX + sha256(data).hexdigest())


def format_digest(digest_bytes: bytes) -> Digest:
    """The text of 32 bytes that already are a SHA-256 digest (or a tree root).

    Raises:
        InvalidDigest: not 32 bytes.
    """
    if len(digest_bytes) != DIGEST_BYTES:
        raise InvalidDigest(f"a digest has {DIGEST_BYTES} bytes, not {len(digest_bytes)}")
    return Digest(_PREFIX + digest_bytes.hex())


def parse_digest(text: object) -> bytes:
    """The 32 bytes of a digest text.

    Raises:
        InvalidDigest: another algorithm, length, letter case or anything around it.
    """
    if not isinstance(text, str) or _DIGEST.fullmatch(text) is None:
        raise InvalidDigest("the digest does not have the form `sha256:` and 64 lower-case hex digits")
    return bytes.fromhex(text[len(_PREFIX) :])
