"""Pins: the ledger keys that the reader knows from elsewhere.

A pin is a vkey (C2SP signed-note); a ledger has two, one for its Ed25519 and one for its ML-DSA-44 line,
and both must be pinned. They are given one by one, as a file with one vkey per line, or as the `log`
lines of a C2SP tlog-policy file.

INVARIANT: a policy that asks for witnesses is never treated as one that does not.

Start at `read_keys` and `read_policy`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.note import Vkey, parse_vkey
from telesphor.kernel.policy import POLICY_BYTES_MAX, Policy, PolicyRefused, parse_policy

__all__ = ["PINS_BYTES_MAX", "PinRefused", "Pins", "join_pins", "read_keys", "read_policy"]

# Keys and policies have one bound.
PINS_BYTES_MAX: Final = POLICY_BYTES_MAX


class PinRefused(TelesphorError):
    """A key or policy given as a pin is not well formed."""

    code = "pin-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Pins:
    """The accepted vkeys, as text, and the policies whose quorums of witnesses the reader demands."""

    vkeys: frozenset[str]
    policies: tuple[Policy, ...] = ()

    def __or__(self, other: Pins) -> Pins:
        """Both together: the keys of either, and the demands of both."""
        return Pins(self.vkeys | other.vkeys, self.policies + other.policies)


def read_keys(text: str) -> Pins:
    """Pins of a text with one vkey per line; empty lines and lines that begin with `#` are skipped.

    Raises:
        PinRefused: a line is not a vkey, or there is none.
    """
    if len(text) > PINS_BYTES_MAX:
        raise LimitExceeded(f"the keys are larger than {PINS_BYTES_MAX} bytes")
    lines = [line.strip() for line in text.splitlines()]
    vkeys = [line for line in lines if line and not line.startswith("#")]
    if not vkeys:
        raise PinRefused("the file of keys holds no key", hint="write one vkey on each line")
    for vkey in vkeys:
        _vkey(vkey)
    return Pins(frozenset(vkeys))


def read_policy(data: bytes) -> Pins:
    """Pins of a tlog-policy file (C2SP tlog-policy).

    Its structure is checked in full; whether its quorum is met is checked of a bundle.

    Raises:
        PinRefused: naming the line that is not well formed.
    """
    try:
        policy = parse_policy(data)
    except PolicyRefused as error:
        raise PinRefused(error.message, hint=error.hint) from error
    return Pins(frozenset(policy.logs), (policy,))


def join_pins(pins: Iterable[Pins]) -> Pins | None:
    """All pins together, or nothing when there are none."""
    joined: Pins | None = None
    for pin in pins:
        joined = pin if joined is None else joined | pin
    return joined


def _vkey(text: str) -> Vkey:
    try:
        return parse_vkey(text)
    except TelesphorError as error:
        raise PinRefused(f"a pinned key is not a vkey: {error.message}", hint=error.hint) from error
