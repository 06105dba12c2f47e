"""The one root of all errors.

Every refusal is a subclass of `TelesphorError` with a stable `code` (part of the interface: clients
and tests match on it), a `kind` that each edge maps once to its own status, a public message, an
optional hint for what the reader can do, and a private detail that only the operator's log sees.
`str(error)` is the public message alone.

INVARIANT: no patient data, key or token is ever put into a message, a hint or a detail.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar


class Kind(StrEnum):
    """What sort of refusal it is; the HTTP edge maps each kind to one status (RFC 9457)."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    GONE = "gone"
    TOO_LARGE = "too-large"
    RANGE = "range"
    OVERLOADED = "overloaded"
    STORAGE = "storage"
    CORRUPT = "corrupt"
    INTERNAL = "internal"


class TelesphorError(Exception):
    """Root of all errors.

    Args:
        message: one lower-case sentence for whoever asked, with input in backticks.
        hint: what the reader can do about it, or nothing.
        detail: for the operator's log only.
    """

    code: ClassVar[str] = "internal"
    kind: ClassVar[Kind] = Kind.INTERNAL

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whole, whatever arguments the subclass is built from."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[TelesphorError], args: tuple[Any, ...], state: dict[str, Any]) -> TelesphorError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class LimitExceeded(TelesphorError):
    """Something is larger than its named bound allows."""

    code = "limit-exceeded"
    kind = Kind.TOO_LARGE
