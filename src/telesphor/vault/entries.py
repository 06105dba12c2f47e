"""The facts of the vault, each on the stream `object/<id>`. No patient data: ids, sizes, digests.

`object.begun/1` is number 0. The entry's actor is the owner of the object when it begins, the reader
when it is read.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.runtime.capability import Body, EntryType
from telesphor.vault.holds import HOLDS_NAMED_MAX
from telesphor.vault.model import ErasureReason, Id, Purpose


class ObjectBegun(Body, frozen=True, kw_only=True):
    """An object was announced; its actor may now upload. `subject` is whom it is about, where that is known."""

    media_type: str
    readers: tuple[str, ...]
    visit: str | None
    subject: str | None = None


class ObjectResumed(Body, frozen=True, kw_only=True):
    """Its actor got a new ticket to go on uploading."""


class ObjectSealed(Body, frozen=True, kw_only=True):
    """The ciphertext is complete: RFC 6962 root over its parts, plaintext bytes, number of parts."""

    digest: str
    size: int
    parts: int


class ObjectRead(Body, frozen=True, kw_only=True):
    """The actor was allowed to read, for this purpose; written before the first byte left."""

    purpose: Purpose
    visit: str | None


class ObjectRewrapped(Body, frozen=True, kw_only=True):
    """From here on exactly these actors, and the owner, may read."""

    readers: tuple[str, ...]


class ObjectErased(Body, frozen=True, kw_only=True):
    """From here on nobody reads; the keys are destroyed."""

    reason: ErasureReason


class ObjectEraseRefused(Body, frozen=True, kw_only=True):
    """The entry's actor asked to erase it and might have, but these legal holds keep it: sorted, the first of them."""

    reason: ErasureReason
    holds: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=HOLDS_NAMED_MAX)]


OBJECT_BEGUN = EntryType("object.begun/1", ObjectBegun)
OBJECT_RESUMED = EntryType("object.resumed/1", ObjectResumed)
OBJECT_SEALED = EntryType("object.sealed/1", ObjectSealed)
OBJECT_READ = EntryType("object.read/1", ObjectRead)
OBJECT_REWRAPPED = EntryType("object.rewrapped/1", ObjectRewrapped)
OBJECT_ERASED = EntryType("object.erased/1", ObjectErased)
OBJECT_ERASE_REFUSED = EntryType("object.erase-refused/1", ObjectEraseRefused)

ENTRIES = (
    OBJECT_BEGUN,
    OBJECT_RESUMED,
    OBJECT_SEALED,
    OBJECT_READ,
    OBJECT_REWRAPPED,
    OBJECT_ERASED,
    OBJECT_ERASE_REFUSED,
)
