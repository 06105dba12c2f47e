"""Which texts of a Spanish screen are the app's English ones: `english_among`.

The app's words are read from its sources: what stands in a `strings/en.ts` and in no `es.ts`. A text with gaps, such
as `${n} tries are left.`, matches with anything in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parents[3] / "web/src"

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LINE = re.compile(r"^\s*(?://|import ).*$", re.MULTILINE)
_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')
_GAP = re.compile(r"\$\{(?:[^{}]|\{[^{}]*\})*\}")
_LETTERS_MIN: Final = 3


def english_among(texts: Iterable[str]) -> list[str]:
    """Those that are the app's own words in English, and are not its words in Spanish as well."""
    return sorted({text for text in texts if _pattern().fullmatch(text)})


@cache
def _pattern() -> re.Pattern[str]:
    english, spanish = _words("en"), _words("es")
    only = [one for one in english - spanish if len(one.replace("\0", "").strip()) >= _LETTERS_MIN]
    return re.compile("|".join(".+?".join(map(re.escape, one.split("\0"))) for one in sorted(only)))


def _words(language: str) -> set[str]:
    """Every text of a language's files, with `NUL` for each gap."""
    found: set[str] = set()
    for file in SOURCES.rglob(f"*{language}.ts"):
        if file.parent.name in ("strings", "words"):
            text = _LINE.sub("", _COMMENT.sub("", file.read_text(encoding="utf-8")))
            found |= {_GAP.sub("\0", whole or filled) for whole, filled in _LITERAL.findall(text)}
    return found
