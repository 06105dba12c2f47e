"""What has been proved about the ledger so far: entries at their positions under one checkpoint.

Start at `Ledger`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from telesphor.kernel.clock import parse_instant
from telesphor.kernel.entry import Entry
from telesphor.kernel.ids import ActorId, Stream, parse_stream
from telesphor.kernel.signing import VerifyKey


@dataclass(frozen=True)
class Placed:
    """An entry that is proved to stand at this position of the ledger."""

    position: int
    entry: Entry
    leaf: bytes = field(repr=False)

    @cached_property
    def at_ms(self) -> int:
        """The node's time of the entry."""
        return parse_instant(self.entry.at)


def actor_of(stream: Stream) -> str:
    """The actor whose keys a stream is about, if it is about any: all of it must then be in the bundle."""
    kind, name = parse_stream(stream)
    return name if kind == "actor" else ""


@dataclass(frozen=True)
class Ledger:
    """The proved entries, by rising position, and the same by stream."""

    origin: str
    size: int
    entries: tuple[Placed, ...]

    @cached_property
    def streams(self) -> dict[Stream, list[Placed]]:
        """The entries of each stream, by rising position."""
        streams: dict[Stream, list[Placed]] = {}
        for placed in self.entries:
            streams.setdefault(placed.entry.stream, []).append(placed)
        return streams


@dataclass(frozen=True)
class Founder:
    """The root or the node, as genesis names it."""

    id: ActorId
    key: VerifyKey


@dataclass(frozen=True)
class Genesis:
    """The first entry: who owns this ledger and signs for it."""

    root: Founder
    node: Founder
    request: str
    """Digest of the root's request, which no other entry may use."""
