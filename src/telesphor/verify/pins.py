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

# tlog-policy asks for room for 32 logs, 32 witnesses and 32 groups; an ML-DSA-44 vkey is 1.8 KB.
PINS_BYTES_MAX: Final = 1024 * 1024
NO_QUORUM: Final = "none"
_NOTHING_BUT_TEXT: Final = set(range(0x20)) - {0x09, 0x0A} | {0x7F}


class PinRefused(TelesphorError):
    """A key or policy given as a pin is not well formed."""

    code = "pin-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Pins:
    """The accepted vkeys, as text, and the quorum of witnesses that the reader demands."""

    vkeys: frozenset[str]
    quorum: str = NO_QUORUM

    def __or__(self, other: Pins) -> Pins:
        """Both together: the keys of either, and a quorum if either demands one."""
        quorum = self.quorum if self.quorum != NO_QUORUM else other.quorum
        return Pins(self.vkeys | other.vkeys, quorum)


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

    Its structure is checked in full. Its quorum is kept by name: `none` is the only one that can be met
    at level L1, so any other makes verification fail rather than go unchecked.

    Raises:
        PinRefused: naming the line that is not well formed.
    """
    if len(data) > PINS_BYTES_MAX:
        raise LimitExceeded(f"the policy is larger than {PINS_BYTES_MAX} bytes")
    if _NOTHING_BUT_TEXT & set(data):
        raise PinRefused("the policy holds control characters other than tab and newline")
    policy = _Policy()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            policy.take(words, number)
    if not policy.quorum:
        raise PinRefused("the policy has no `quorum` line")
    return Pins(frozenset(policy.logs), policy.quorum)


def join_pins(pins: Iterable[Pins]) -> Pins | None:
    """All pins together, or nothing when there are none."""
    joined: Pins | None = None
    for pin in pins:
        joined = pin if joined is None else joined | pin
    return joined


class _Policy:
    """What has been read of a policy so far."""

    def __init__(self) -> None:
        self.logs: list[str] = []
        self.names: set[str] = set()
        self.members: set[str] = set()
        self.keys: set[tuple[str, bytes]] = set()
        self.quorum = ""

    def take(self, words: list[str], number: int) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._take_key("log", vkey, number)
                self.logs.append(vkey)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._take_key("witness", vkey, number)
                self._take_name(name, number)
            case ["group", name, threshold, *members] if members:
                self._take_group(threshold, members, number)
                self._take_name(name, number)
            case ["quorum", name] if not self.quorum and (name == NO_QUORUM or name in self.names):
                self.quorum = name
            case _:
                raise PinRefused(f"line {number} of the policy is not understood")

    def _take_key(self, role: str, vkey: str, number: int) -> None:
        key = (role, _vkey(vkey).public_key)  # the same key under another name is still the same key
        if key in self.keys:
            raise PinRefused(f"line {number} of the policy repeats a key")
        self.keys.add(key)

    def _take_name(self, name: str, number: int) -> None:
        if name == NO_QUORUM or name in self.names:
            raise PinRefused(f"line {number} of the policy defines a name again")
        self.names.add(name)

    def _take_group(self, threshold: str, members: list[str], number: int) -> None:
        counted = threshold.isdecimal() and threshold.isascii() and 1 <= int(threshold[:4]) <= len(members)
        given = set(members)
        refused = given - self.names or given & self.members or len(given) != len(members)
        if refused or not (threshold in ("all", "any") or counted):
            raise PinRefused(f"line {number} of the policy does not define a group")
        self.members.update(members)


def _vkey(text: str) -> Vkey:
    try:
        return parse_vkey(text)
    except TelesphorError as error:
        raise PinRefused(f"a pinned key is not a vkey: {error.message}", hint=error.hint) from error
