"""What the monitor does with an attached file: whether it opens it, and what text it makes of its bytes.

1. By its media types and its name a file is a `text`, `closed` (a kind that is not opened: pictures, sound, video,
   archives, office documents), or `unknown`, which is opened to see whether it is a text.
2. A text is UTF-8, or UTF-16 with its mark, without a zero character. Escapes of JSON (`\\u0031`) and of XML (`&#49;`)
   become the characters they stand for, so that they hide nothing.
3. A PDF is told by its bytes, whatever it is called; `pdf.py` takes its text out.

Nothing here does any I/O. The browser does the same, PDF aside (`web/src/monitor/files.ts`), and the vectors in
`tests/vectors/monitor.json` hold the two together. Start at `class_of` and `scan_bytes`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Final, Literal

from telesphor.capabilities.messages.monitor.scanner import (
    Attachments,
    Finding,
    Scanner,
    ending_of,
    join,
    meet,
)

FileClass = Literal["text", "unknown", "closed"]
Names = tuple[str, ...]

PDF_MARK: Final = b"%PDF-"
PDF_MARK_WITHIN: Final = 1024
"""How far into a file readers of PDF look for the mark (ISO 32000-1, annex H.3.4.1)."""

UNREADABLE_SHARE: Final = 0.3
"""From this share of characters that are none on, bytes are no text: one in another encoding has some."""

_ESCAPES: Final = re.compile(r"\\u([0-9a-fA-F]{4})|&#(?:[xX]([0-9a-fA-F]{1,6})|([0-9]{1,7}));")
_LAST_CHARACTER: Final = 0x10FFFF


def class_of(media_types: Iterable[str], name: str, *, rules: Attachments) -> FileClass:
    """Whether a file is opened, by everything that is said of it: what any of these calls a text is one."""
    said = [one.lower() for one in media_types]
    if any(_is_text(one, rules) for one in said) or ending_of(name) in rules.text_endings:
        return "text"
    return "closed" if said and all(one.startswith(rules.closed_types) for one in said) else "unknown"


def scan_bytes(
    data: bytes, *, size: int, kind: FileClass, scanner: Scanner, names: Names, domains: Names
) -> Finding:
    """What is found in a file that is no PDF.

    Args:
        data: its beginning, or all of it; `size` is how many bytes it has.
        names, domains: as of `scanner.Written`.
    """
    rules = scanner.rules.attachments
    text = text_of(data[: rules.bytes])
    if text is None:
        return meet(rules.not_read if kind == "text" else rules.not_opened)
    found = scanner.scan_file(text, names=names, domains=domains)
    return found if size <= min(len(data), rules.bytes) else join([found, meet(rules.not_read)])


def is_pdf(data: bytes) -> bool:
    """Whether bytes begin as a PDF does."""
    return PDF_MARK in data[:PDF_MARK_WITHIN]


def text_of(data: bytes) -> str | None:
    """The text that bytes are; None where they are none."""
    text = _decode(data)
    if "\0" in text or text.count("\ufffd") > len(text) * UNREADABLE_SHARE:
        return None
    return unescape(text)


def unescape(text: str) -> str:
    """Put characters in the place of what JSON and XML write for them; halves of one are put together."""
    found = _ESCAPES.sub(_character, text)
    return found.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_text(media_type: str, rules: Attachments) -> bool:
    return media_type.startswith(rules.text_types) or media_type.endswith(rules.text_suffixes)


def _decode(data: bytes) -> str:
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _character(match: re.Match[str]) -> str:
    number = int(match[1] or match[2] or "0", 16) or int(match[3] or "0")
    return chr(number) if 0 < number <= _LAST_CHARACTER else "\ufffd"
