"""Pack the kernel and the verifier into one file that runs: `telesphor-verify.pyz`.

The file needs Python 3.11 and `cryptography`, and nothing of the rest of Telesphor. It is deterministic:
the archive inside is the kernel's canonical one, so the same sources give the same bytes on every
machine, and anybody can build it and compare digests.

Start at `pack_verifier`. This module is not itself in the file it packs.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from telesphor.kernel.archive import write_archive

FILE_NAME: Final = "telesphor-verify.pyz"
SHEBANG: Final = b"#!/usr/bin/env python3\n"
# Old Pythons must get as far as the message, so this is written for them.
MAIN: Final = b"""\
import sys

if sys.version_info < (3, 11):
    sys.stderr.write("telesphor-verify: this Python is too old; run it with Python 3.11 or newer\\n")
    sys.exit(3)

from telesphor.verify.__main__ import main

sys.exit(main())
"""

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_FOLDERS: Final = ("kernel", "verify")  # with the folders in them, such as `kernel/chains`


def pack_verifier() -> bytes:
    """Return the bytes of the single-file verifier, from the sources that are running now."""
    paths = [_PACKAGE / "__init__.py"]
    for folder in _FOLDERS:
        paths += (_PACKAGE / folder).rglob("*.py")
    files = {
        path.relative_to(_PACKAGE.parent).as_posix(): path.read_bytes() for path in paths if path != _SELF
    }
    return SHEBANG + write_archive({"__main__.py": MAIN, **files})


def write_verifier(out: Path) -> bytes:
    """Write the single-file verifier to `out`, ready to run, and return its bytes.

    The file is replaced in one step: whoever runs it meanwhile has the old one or the new one.
    """
    data = pack_verifier()
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=".verify-")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).chmod(0o755)
    Path(name).replace(out)
    return data


_SELF: Final = Path(__file__).resolve()
