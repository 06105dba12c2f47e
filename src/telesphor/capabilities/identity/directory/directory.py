"""The names of one node, each sealed to the node's own key. It does not ask who may see them: start at `service`.

What was opened is kept in memory, up to `NAMES_REMEMBERED_MAX`: opening one takes a third of a millisecond.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from telesphor.capabilities.identity.directory.model import NamedPerson, clean_name, fold_name
from telesphor.capabilities.identity.directory.store import SealedNames
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.sealing import RecipientKey, SealInfo, seal, unseal
from telesphor.runtime.telemetry import log

PURPOSE: Final = "person-name"
ROLE: Final = "node"

NAMES_REMEMBERED_MAX: Final = 20_000
"""Some 5 MB; the people of a large clinic."""

SEARCHED_MAX: Final = 100_000
"""How many names one search looks through: some thirty seconds at the first, a tenth of one when they are open."""

_PAGE: Final = 1_000
_PAD_BYTES: Final = 64
"""Sealed names are padded to multiples of this, so that their length tells little."""


class Directory:
    """Names by actor. Safe between threads; everything may block for a moment.

    Args:
        path: the file; made where it is missing.
        key: the node's, which opens the names.
    """

    def __init__(self, path: Path, key: RecipientKey) -> None:
        self._store = SealedNames(path)
        self._key = key
        self._known: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file and forget what was opened."""
        self._known.clear()
        self._store.close()

    def name_of(self, actor: str) -> str | None:
        """The name of an actor; None where it has none."""
        return self.names_of((actor,)).get(actor)

    def names_of(self, actors: Iterable[str]) -> dict[str, str]:
        """The names of these actors, as far as they have any."""
        found = self._store.find(actors).items()
        opened = ((actor, self._open(actor, sealed)) for actor, sealed in found)
        return {actor: name for actor, name in opened if name is not None}

    def set_name(self, actor: str, name: str) -> None:
        """Keep a name in place of an older one; raises `NameRefused`."""
        plain = clean_name(name).encode()
        padded = plain + bytes(-len(plain) % _PAD_BYTES)
        self._store.put(actor, seal(padded, recipient=self._key.public, info=self._info(actor)))

    def forget(self, actor: str) -> None:
        """Destroy a name."""
        self._store.delete(actor)
        with self._lock:
            self._known.pop(actor, None)

    def search(self, text: str, *, count_max: int) -> list[NamedPerson]:
        """People in whose names all of these words begin a word, at most so many."""
        words = fold_name(text).split()
        found: list[NamedPerson] = []
        for actor, name in self._all():
            if all(any(part.startswith(word) for part in fold_name(name).split()) for word in words):
                found.append(NamedPerson(actor, name))
            if len(found) >= count_max:
                break
        return found

    def _all(self) -> Iterator[tuple[str, str]]:
        after = ""
        for _ in range(SEARCHED_MAX // _PAGE):
            page = self._store.after(after, count_max=_PAGE)
            for actor, sealed in page:
                name = self._open(actor, sealed)
                if name is not None:
                    yield actor, name
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def _open(self, actor: str, sealed: bytes) -> str | None:
        with self._lock:
            known = self._known.get(actor)
            if known is not None and known[0] == sealed:
                self._known.move_to_end(actor)
                return known[1]
        try:
            name = unseal(sealed, key=self._key, info=self._info(actor)).rstrip(b"\x00").decode()
        except (TelesphorError, UnicodeDecodeError):
            log.error("a name in the directory does not open", actor=actor)
            return None
        with self._lock:
            self._known[actor] = (sealed, name)
            if len(self._known) > NAMES_REMEMBERED_MAX:
                self._known.popitem(last=False)
        return name

    def _info(self, actor: str) -> SealInfo:
        return SealInfo(PURPOSE, actor, self._key.thumbprint(), ROLE)
