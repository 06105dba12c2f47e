"""Values of the directory: a name, its bounds, and what can be refused."""

from __future__ import annotations

import unicodedata
from typing import Final

import msgspec

from telesphor.kernel.errors import Kind, TelesphorError

NAME_CHARS_MAX: Final = 200
"""The longest names in civil registers have below 150."""

PEOPLE_ASKED_MAX: Final = 100
"""A page of a list."""

FOUND_MAX: Final = 50
SEARCH_CHARS_MIN: Final = 2


class NamedPerson(msgspec.Struct, frozen=True):
    """A person and its name."""

    actor: str
    name: str

    def __repr__(self) -> str:
        return f"NamedPerson({self.actor!r})"


class NameRefused(TelesphorError):
    """The text is no name that could be shown."""

    code = "name-refused"
    kind = Kind.INVALID


class NameNotYours(TelesphorError):
    """Somebody else's name is for that person, an organisation or a system to change."""

    code = "name-not-yours"
    kind = Kind.FORBIDDEN


class SearchRefused(TelesphorError):
    """The actor may not look people up by their names, or asks for nothing, or too much."""

    code = "search-refused"
    kind = Kind.FORBIDDEN


def clean_name(text: str) -> str:
    """The name as it is kept: normalised (NFC), without spaces around it, and with nothing that does not show.

    Raises:
        NameRefused: it is empty, too long, or has control or formatting characters.
    """
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not 0 < len(name) <= NAME_CHARS_MAX:
        raise NameRefused(f"a name has between 1 and `{NAME_CHARS_MAX}` characters")
    # Cf would let a name pose as another by characters that turn text around or do not show.
    if any(unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn") for char in name):
        raise NameRefused("a name has no characters that do not show")
    return name


def fold_name(text: str) -> str:
    """What names are compared by: without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))
