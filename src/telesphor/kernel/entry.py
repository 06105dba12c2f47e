"""The entry: one fact on the ledger, without any patient data.

An entry is a canonical JSON object of ten fields and at most 65,535 bytes (`docs/spec/entry.md`). Its exact
bytes are the leaf of the tree. Who it is about stands in it only as opaque random ids, commitments and
digests of ciphertext; the salt keeps two equal facts from having equal leaf hashes.

INVARIANT: an `Entry` that exists is valid, and `encode_entry(parse_entry(data)) == data`.

Start at `parse_entry`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import cast

from telesphor.kernel import canonical
from telesphor.kernel.canonical import INT_MAX, NotCanonical
from telesphor.kernel.clock import InvalidInstant, parse_instant
from telesphor.kernel.digest import Digest, InvalidDigest, parse_digest
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.ids import NONCE_CHARS, ActorId, EntryId, InvalidId, Stream, parse_id, parse_stream

ENTRY_BYTES_MAX = 65_535
"""Entry bundles put a 16-bit length before each entry (C2SP tlog-tiles)."""
ENTRY_VERSION = 1
TYPE_CHARS_MAX = 64
"""Types are names such as `visit.object-linked/1`; the bound keeps them fit for an index."""

_TYPE = re.compile(r"[a-z][a-z0-9.-]*/[1-9][0-9]*")
_SALT = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")  # 128 bits leave the last character only its upper two


class EntryRefused(TelesphorError):
    """Bytes or values that are not an entry.

    Attributes:
        field: the field at fault, or `$` for the entry as a whole.
    """

    code = "entry-refused"
    kind = Kind.INVALID

    def __init__(self, field: str, reason: str, *, detail: str = "") -> None:
        subject = "the entry" if field == "$" else f"the entry's `{field}`"
        super().__init__(f"{subject} {reason}", detail=detail)
        self.field = field


class EntryTooLarge(EntryRefused):
    """More than 65,535 bytes."""

    code = "entry-too-large"
    kind = Kind.TOO_LARGE


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact.

    Args:
        type: what happened, with its version: `visit.opened/1`.
        id: UUIDv7 of the entry.
        at: when it was decided, such as `2026-11-22T11:51:15.123Z`.
        actor: UUIDv7 of who asked for it.
        stream: the numbered sequence it belongs to, `kind/uuid`.
        n: its number there, from 0 without a gap.
        body: what the type's schema says; canonical JSON values only.
        salt: 16 random bytes as 22 characters of base64url.
        evidence: digest of the signed request's payload, or None.
        v: version of the entry format.

    Raises:
        EntryRefused: naming the field that does not hold what it must.
    """

    type: str
    id: EntryId
    at: str
    actor: ActorId
    stream: Stream
    n: int
    body: Mapping[str, object]
    salt: str
    evidence: Digest | None
    v: int = ENTRY_VERSION

    def __post_init__(self) -> None:
        if type(self.v) is not int or self.v != ENTRY_VERSION:
            raise EntryRefused("v", f"is not {ENTRY_VERSION}")
        _check_type(self.type)
        _check_n(self.n)
        _check_salt(self.salt)
        if not isinstance(self.body, dict):
            raise EntryRefused("body", "is not an object")
        _check_names(self)


def encode_entry(entry: Entry) -> bytes:
    """The exact bytes of an entry: canonical JSON.

    Raises:
        EntryRefused: its body is not canonical JSON.
        EntryTooLarge: more than 65,535 bytes.
    """
    try:
        data = canonical.encode({name: getattr(entry, name) for name in _FIELDS})
    except NotCanonical as error:
        raise EntryRefused("$", f"is not canonical: {error}") from error
    if len(data) > ENTRY_BYTES_MAX:
        raise EntryTooLarge("$", f"has {len(data)} bytes where {ENTRY_BYTES_MAX} are allowed")
    return data


def parse_entry(data: bytes) -> Entry:
    """The entry of exact bytes, read strictly.

    Raises:
        EntryRefused: not canonical JSON, not exactly the ten fields, or a field that is not valid.
        EntryTooLarge: more than 65,535 bytes; nothing of it is read.
    """
    # 1. The size, before anything is read.
    try:
        value = canonical.decode(data, limit=ENTRY_BYTES_MAX)
    except LimitExceeded as error:
        raise EntryTooLarge("$", f"has {len(data)} bytes where {ENTRY_BYTES_MAX} are allowed") from error
    # 2. Canonical JSON.
    except NotCanonical as error:
        raise EntryRefused("$", f"is not canonical: {error}", detail=error.detail) from error
    # 3. An object with exactly the ten fields.
    if not isinstance(value, dict):
        raise EntryRefused("$", "is not an object")
    if value.keys() != _FIELDS:
        _refuse_fields(cast("dict[str, object]", value))
    # 4. Each field.
    return Entry(**value)


_FIELDS = frozenset(field.name for field in fields(Entry))


def _refuse_fields(value: dict[str, object]) -> None:
    missing = sorted(_FIELDS - value.keys())
    if missing:
        raise EntryRefused(missing[0], "is missing")
    raise EntryRefused("$", "has a field that entries do not have")


def _check_type(text: object) -> None:
    if not isinstance(text, str) or len(text) > TYPE_CHARS_MAX or _TYPE.fullmatch(text) is None:
        raise EntryRefused("type", "is not a lower-case name and a version, such as `visit.opened/1`")


def _check_n(n: object) -> None:
    if type(n) is not int or not 0 <= n <= INT_MAX:
        raise EntryRefused("n", "is not an integer from 0 to 2^53 - 1")


def _check_salt(salt: object) -> None:
    if not isinstance(salt, str) or _SALT.fullmatch(salt) is None:
        raise EntryRefused("salt", f"is not 16 bytes as {NONCE_CHARS} characters of base64url")


def _check_names(entry: Entry) -> None:
    name = "id"
    try:
        parse_id(entry.id)
        name = "actor"
        parse_id(entry.actor)
        name = "stream"
        parse_stream(entry.stream)
        name = "at"
        parse_instant(entry.at)
        name = "evidence"
        if entry.evidence is not None:
            parse_digest(entry.evidence)
    except (InvalidId, InvalidInstant, InvalidDigest) as error:
        raise EntryRefused(name, "is not valid: " + error.message) from error
