"""The text of a PDF, taken out in a process that has nothing else: whoever sends a PDF chooses what its reader does.

The child is this module. It gets the bytes by its standard input, gives up files, sockets, processes and all but some
memory and time (`contracts.confinement`), and answers with the text. The monitor's keys are never in it. Start at
`read_pdf`.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from typing import Final, NamedTuple

PDF_SECONDS: Final = 20
"""For a document of hundreds of pages; whatever takes longer is not read."""

PDF_MEMORY_BYTES: Final = 768 * 1024 * 1024
PDF_TEXT_BYTES_MAX: Final = 1024 * 1024
"""As much as of any other text; what comes behind is cut off, and the answer says so."""

PAGES_MAX: Final = 500

_WHOLE: Final = b"\x01"
_CUT: Final = b"\x02"


class PdfText(NamedTuple):
    """What was read; `whole` unless something was cut off."""

    text: str
    whole: bool


def read_pdf(data: bytes, *, seconds: float = PDF_SECONDS) -> PdfText | None:
    """Take the text out of a PDF; blocks for at most some `seconds`.

    Returns None where it cannot be read: broken, under a password, too slow, or too large.
    """
    try:
        done = subprocess.run(
            # `-P`: without it Python would import from the folder where the monitor was started before its own.
            [sys.executable, "-P", "-m", __name__],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # What it says may quote the document.
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0 or done.stdout[:1] not in (_WHOLE, _CUT):
        return None
    text = done.stdout[1 : PDF_TEXT_BYTES_MAX + 1].decode("utf-8", "replace")
    return PdfText(text, whole=done.stdout[:1] == _WHOLE)


def _answer() -> int:
    """The child: bytes in, text out."""
    # Nothing can be imported once files are given up; and the parent never has the parser in its memory.
    import pypdf
    import pypdf.filters
    import pypdf.generic

    from telesphor.capabilities.contracts.confinement import confine

    data = sys.stdin.buffer.read()
    resource.setrlimit(resource.RLIMIT_AS, (PDF_MEMORY_BYTES, PDF_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PDF_SECONDS, PDF_SECONDS))
    confine()
    pages = pypdf.PdfReader(io.BytesIO(data), strict=False).pages
    kept, whole = bytearray(), len(pages) <= PAGES_MAX
    for number in range(min(len(pages), PAGES_MAX)):
        kept += pages[number].extract_text().encode("utf-8", "replace") + b"\n"
        if len(kept) > PDF_TEXT_BYTES_MAX:
            whole = False
            break
    sys.stdout.buffer.write((_WHOLE if whole else _CUT) + bytes(kept[:PDF_TEXT_BYTES_MAX]))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(_answer())
