"""A step whose refusal is an answer: what verifies many requests gives each its own result or its own error.

It stands by itself because a verifying child process needs it, and nothing of the edge. Start at `attempt`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from telesphor.kernel.errors import Kind, TelesphorError

_T = TypeVar("_T")


class AuthenticationFailed(TelesphorError):
    """Verifying broke; nothing of the request was taken."""

    code = "authentication-failed"
    kind = Kind.INTERNAL


def attempt(step: Callable[..., _T], *arguments: Any) -> _T | Exception:
    """The step's result, or its error as a value."""
    try:
        return step(*arguments)
    except Exception as error:  # noqa: BLE001  every refusal belongs to its caller
        return error
    except BaseException as error:  # noqa: BLE001  extensions written in Rust panic past `Exception`
        from telesphor.runtime.telemetry import log  # late: children have no use for it

        log.error("authentication failed", error=type(error).__name__, exc_info=error)
        return AuthenticationFailed("the node could not verify this request", detail=type(error).__name__)
