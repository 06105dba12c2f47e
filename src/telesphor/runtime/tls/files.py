"""Certificate and key files: bounded reading, atomic replacing, noticing that they changed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from telesphor.kernel.errors import Kind, TelesphorError

FILE_BYTES_MAX = 256 * 1024
"""A chain of ML-DSA-87 certificates has 30 KB; a key file may have this much."""

PRIVATE_FILE = 0o600
OTHERS = 0o077

Stamp = tuple[tuple[str, int, int, int], ...]
"""What tells one state of some files from another: path, inode, size, time of change."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n.*?-----END \1-----\r?\n?", re.DOTALL)


class TlsFileRefused(TelesphorError):
    """A certificate or key file cannot be used."""

    code = "tls-file-refused"
    kind = Kind.INVALID


def read_bounded(path: Path, *, private: bool = False) -> bytes:
    """The file's bytes; refuses a private one that others on the machine can read.

    Raises:
        TlsFileRefused: missing, too large, or open to others.
    """
    try:
        with path.open("rb") as file:
            if private and os.fstat(file.fileno()).st_mode & OTHERS:
                raise TlsFileRefused(
                    f"the key in `{path}` can be read by others on this machine", hint=f"chmod 600 {path}"
                )
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise TlsFileRefused(f"`{path}` cannot be read", hint="check the path and its permissions") from error
    if len(data) > FILE_BYTES_MAX:
        raise TlsFileRefused(f"`{path}` is larger than {FILE_BYTES_MAX} bytes")
    return data


def replace_private(path: Path, data: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Put `data` in place of the file at once: whoever reads it sees the old bytes or the new ones."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with os.fdopen(file, "wb") as out:
            os.fchmod(out.fileno(), mode)  # it may be there from an attempt that was interrupted
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except OSError as error:
        raise TlsFileRefused(f"`{path}` cannot be written", hint="check the folder's permissions") from error


def pem_blocks(data: bytes, kind: bytes) -> list[bytes]:
    """The PEM blocks (RFC 7468) whose label ends with `kind`."""
    return [found[0] for found in _BLOCK.finditer(data) if found[1].endswith(kind)]


def stamp_of(paths: Iterable[Path]) -> Stamp:
    """The files' present state; one that is missing has zeros."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        state = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), state.st_ino, state.st_size, state.st_mtime_ns)
