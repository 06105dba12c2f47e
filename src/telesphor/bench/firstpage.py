"""How much script a browser fetches before the first page stands: the entry, the pages that newcomers meet first
(behind a link, and to sign in), and all that these import at once.

What is imported later (the keys' formats, journeys, the room, the verifier) is left out, because no first page waits
for it. Start at `script_bytes`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from telesphor.runtime.web import WebFile, read_app

INDEX: Final = "/index.html"

FIRST_PAGES: Final = re.compile(r"/assets/(?:Join|SignIn)-[^/]+\.js")
"""By the names that the build gives their chunks; both are counted, though each newcomer meets one."""

_NAMED: Final = re.compile(r"""<(?:script|link)\b[^>]*?(?:src|href)="(/[^"]+\.js)\"""")
_IMPORTED: Final = re.compile(r"""(?:\bfrom|\bimport)\s*["']\./([^"']+\.js)["']""")
"""Static imports alone: a dynamic one has a bracket behind the word."""


def script_bytes(folder: Path) -> int | None:
    """Bytes of all scripts of the first page as the node sends them (gzip); None where no app is built."""
    files = read_app(folder) if folder.is_dir() else {}
    if INDEX not in files:
        return None
    wanted = [*_NAMED.findall(files[INDEX].data.decode()), *filter(FIRST_PAGES.fullmatch, files)]
    found: dict[str, int] = {}
    while wanted:
        path = wanted.pop()
        if path in found or path not in files:
            continue
        found[path] = _sent_bytes(files[path])
        folder_of = path.rpartition("/")[0]
        wanted += [f"{folder_of}/{name}" for name in _IMPORTED.findall(files[path].data.decode())]
    return sum(found.values())


def _sent_bytes(file: WebFile) -> int:
    return len(file.data if file.packed is None else file.packed)
