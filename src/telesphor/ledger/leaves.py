"""Unsigned leaves, for load tools only: `POST /add` returns the index as decimal text.

The field's load generators for tiled logs add opaque leaves in this way. A node offers the route
only when `writer_route` is set, which must never be so beside patients: nobody signs these.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.runtime.capability import (
    Actor,
    Body,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    State,
)

LEAF_BYTES_MAX = 32 * 1024
"""Base64 and the entry's other fields still fit an entry of 65,535 bytes."""

LEAF_CHARS_MAX = (LEAF_BYTES_MAX * 4 + 2) // 3


class AddLeaf(Body, frozen=True, kw_only=True):
    """Opaque bytes as base64url."""

    data: Annotated[str, Meta(max_length=LEAF_CHARS_MAX)]


class LeafAdded(Body, frozen=True, kw_only=True):
    """The same bytes, on the ledger."""

    data: str


def add_leaf(actor: Actor, command: AddLeaf, state: State) -> Decision:
    """Append opaque bytes on the stream of whoever adds them."""
    return Decision((Draft("leaf.added/1", f"leaves/{actor.id}", LeafAdded(data=command.data)),))


ADD_LEAF = CommandType("leaf.add/1", AddLeaf, add_leaf)

CAPABILITY = Capability("leaves", entries=(EntryType("leaf.added/1", LeafAdded),))
"""The command itself is not listed: no signed request can reach it, only the route (`routes.add_route`)."""
