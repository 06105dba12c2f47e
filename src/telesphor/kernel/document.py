"""Documents: content-addressed bytes beside the ledger, which entries name by digest.

What must be shown or replayed later, and is too large or too personal for an entry, is a document: a policy, a
decision's inputs, a contract's state. It is kept under the SHA-256 of its bytes and can be forgotten. An entry
names it by the text `sha256:<64 hex>` as a value anywhere in its body, and so does a document that is canonical
JSON. Other bytes, such as plain text, name nothing.

What a caller says freely is put into a document as text (JSON within a string), never as values of the document's
own: a digest that a stranger chose would otherwise name somebody else's document.

INVARIANT: following names asks for each digest once, so that it ends where what is kept ends.

Start at `follow_documents`.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from telesphor.kernel import canonical
from telesphor.kernel.canonical import BRACKETS_MAX, NotCanonical
from telesphor.kernel.digest import Digest

DOCUMENT_BYTES_MAX: Final = 1024 * 1024
"""A policy, a decision's inputs, a contract's state: read whole, and kept by the thousand."""

DOCUMENTS_MAX: Final = 20_000
"""Documents shown together: two for each entry of the longest visit, within what an archive can hold."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_MARK: Final = b'"sha256:'


def follow_documents(
    named: Iterable[Digest], read: Callable[[Digest], bytes | None]
) -> Iterator[tuple[Digest, bytes]]:
    """The documents that these digests name, and those that they name in turn, each once, nearest first.

    They are read one by one as they are taken: whoever takes them bounds how many.

    Args:
        read: the bytes under a digest; nothing for a digest that is of no document, or of a forgotten one.
    """
    waiting = deque(sorted(named))
    seen = set(waiting)
    while waiting:
        digest = waiting.popleft()
        data = read(digest)
        if data is None:
            continue
        yield digest, data
        further = digests_named_in(data) - seen
        seen |= further
        waiting.extend(sorted(further))


def digests_named_in(data: bytes) -> frozenset[Digest]:
    """The digests that a document names: none, unless it is canonical JSON (RFC 8785, strict profile)."""
    if _MARK not in data or len(data) > DOCUMENT_BYTES_MAX:
        return frozenset()
    return digests_in(_value_of(data))


def digests_in(value: object) -> frozenset[Digest]:
    """The digests that a value of canonical JSON names: each text that is one; names of members are none."""
    return frozenset(_digests(value))


def _value_of(data: bytes) -> object:
    """The value of canonical bytes, or nothing.

    `canonical.decode` says what is wrong, and takes a second for it; here it does not matter what.
    """
    if data.count(b"[") + data.count(b"{") > BRACKETS_MAX:
        return None
    try:
        value: object = json.loads(data.decode("utf-8"))
        return value if canonical.encode(value) == data else None
    except (ValueError, RecursionError, NotCanonical):
        return None


def _digests(value: object) -> Iterator[Digest]:
    if isinstance(value, str):
        if _DIGEST.fullmatch(value):
            yield Digest(value)
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _digests(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _digests(item)
