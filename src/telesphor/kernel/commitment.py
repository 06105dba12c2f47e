"""Commitments: a value is fixed on the ledger today and shown, perhaps, later.

`HMAC-SHA256(key, canonical value)` under a fresh random 32-byte key that is kept in the vault beside the
object. The ledger's text alone says nothing about the value, even when there are only two it could be;
destroying the key makes it say nothing for ever. A bare hash of low-entropy patient data could be guessed.

INVARIANT: one key is used for one value.

Start at `commit`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from telesphor.kernel.errors import Kind, TelesphorError

KEY_BYTES = 32
"""As long as the hash, so that the key can be neither guessed nor (RFC 2104 section 3) shortened."""

MEMBER_PATTERN = r"[a-z][a-z0-9_]{0,63}(\.(0|[1-9][0-9]{0,2}))?"
"""How a commitment is named within an entry: its member, and its number where the member is a list."""

_PREFIX = "hmac-sha256:"
_COMMITMENT = re.compile(r"hmac-sha256:[0-9a-f]{64}")


class CommitmentRefused(TelesphorError):
    """The key and the value do not open the commitment, or it is none."""

    code = "commitment-refused"
    kind = Kind.INVALID


def commit(value_canonical_bytes: bytes, *, key32: bytes) -> str:
    """The commitment to a value, such as `hmac-sha256:<64 hex>` (RFC 2104, FIPS 180-4).

    Args:
        value_canonical_bytes: the value as `canonical.encode` writes it.
        key32: 32 fresh random bytes.

    Raises:
        CommitmentRefused: the key does not have 32 bytes.
    """
    if len(key32) != KEY_BYTES:
        raise CommitmentRefused(f"a commitment's key has {KEY_BYTES} bytes, not {len(key32)}")
    return _PREFIX + hmac.digest(key32, value_canonical_bytes, "sha256").hex()


def check_commitment(text: object) -> str:
    """The same text, when it has the form of a commitment.

    Raises:
        CommitmentRefused: it has not.
    """
    if not isinstance(text, str) or _COMMITMENT.fullmatch(text) is None:
        raise CommitmentRefused("the commitment does not have the form `hmac-sha256:` and 64 hex digits")
    return text


def commitment_in(body: Mapping[str, object], member: str) -> str | None:
    """The text that `member` names in an entry's body: a member, or with `.2` behind it the third of a list there."""
    name, _, index = member.partition(".")
    value = body.get(name)
    if index:
        value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return value if isinstance(value, str) else None


def open_commitment(commitment: str, value_bytes: bytes, key: bytes) -> None:
    """Check that the commitment was made to exactly these bytes under this key.

    Raises:
        CommitmentRefused: another value, another key, or not a commitment.
    """
    check_commitment(commitment)
    if not hmac.compare_digest(commit(value_bytes, key32=key), commitment):
        raise CommitmentRefused("the value and the key do not open the commitment")
