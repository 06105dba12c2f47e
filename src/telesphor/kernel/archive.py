"""The canonical archive: a ZIP file whose every byte follows from its contents.

Any unzip program opens it, and for one set of named files there is exactly one archive. Writing is
therefore deterministic, and reading re-derives each header from the names and contents it finds and
refuses whatever differs: a byte that is not accounted for has nowhere to hide.

The profile, over PKWARE APPNOTE 6.3.10: stored (no compression), no encryption, no data descriptors, no
extra fields, no comments, no ZIP64, one disk, modified 1980-01-01 00:00:00, regular files of mode 0644,
plain ASCII names (so the UTF-8 flag is never set), `manifest.json` first, `manifest.jws` second, all
others in byte order.

INVARIANT: `write_archive(read_archive(data)) == data` for every `data` that is read at all.

Start at `write_archive` and `read_archive`; the bytes are specified in `docs/spec/bundle.md`.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError

# Count and sizes equal to all ones announce ZIP64, which this profile does not have.
FILES_MAX: Final = 0xFFFE
ARCHIVE_BYTES_MAX: Final = 0xFFFF_FFFE
# Windows and older unzip programs stop near 260 for the whole path; ours are under 80.
NAME_BYTES_MAX: Final = 200
# The two files a reader needs first.
FIRST_NAMES: Final = ("manifest.json", "manifest.jws")

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_LOCAL_MARK: Final = b"PK\x03\x04"
_CENTRAL_MARK: Final = b"PK\x01\x02"
_END_MARK: Final = b"PK\x05\x06"
_ZIP64_MARKS: Final = (b"PK\x06\x06", b"PK\x06\x07")
_VERSION_NEEDED: Final = 10  # APPNOTE 4.4.3: 1.0, nothing special is needed to extract
_MADE_BY: Final = (3 << 8) | 20  # UNIX, so that the mode below is understood
_ATTRIBUTES: Final = 0o100644 << 16
_DATE: Final = (0 << 9) | (1 << 5) | 1  # 1980-01-01, the first day a ZIP can name
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 0x0001, 0x0008, 0x0800
_ZIP64: Final = 0xFFFF_FFFF
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9 ._-]*[A-Za-z0-9_])?", re.ASCII)


class NotAnArchive(TelesphorError):
    """The data does not begin, or does not end, as an archive does."""

    code = "not-an-archive"
    kind = Kind.INVALID


class ArchiveRefused(TelesphorError):
    """The archive uses something the profile does not have (compression, encryption, ZIP64, ...)."""

    code = "archive-refused"
    kind = Kind.INVALID


class ArchiveNameRefused(TelesphorError):
    """A file name could leave the folder it is unpacked into, or means different things on two systems."""

    code = "archive-name-refused"
    kind = Kind.INVALID


class ArchiveDamaged(TelesphorError):
    """A file's contents do not match their checksum."""

    code = "archive-damaged"
    kind = Kind.CORRUPT


class ArchiveNotCanonical(TelesphorError):
    """The archive holds bytes that do not follow from its contents."""

    code = "archive-not-canonical"
    kind = Kind.INVALID


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """How much a reader is ready to take in; `archive_bytes` bounds the memory used."""

    archive_bytes: int = ARCHIVE_BYTES_MAX
    file_bytes: int = ARCHIVE_BYTES_MAX
    files: int = FILES_MAX


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """Return the one archive of these files.

    Raises:
        ArchiveNameRefused: a name is outside the profile, or two names clash on some systems.
        LimitExceeded: too many files or bytes for a ZIP without ZIP64.
    """
    names = _in_order(files)
    if len(names) > FILES_MAX:
        raise LimitExceeded(f"an archive holds at most {FILES_MAX} files, not {len(names)}")
    _check_names(names)
    pieces, central, offset = [], [], 0
    for name in names:
        entry = _Header.of(name, files[name])
        pieces += [entry.local(), files[name]]
        central.append(entry.central(offset))
        offset += len(pieces[-2]) + len(pieces[-1])
    tail = _tail(central, offset)
    if offset + len(tail) > ARCHIVE_BYTES_MAX:
        raise LimitExceeded(f"an archive holds at most {ARCHIVE_BYTES_MAX} bytes")
    return b"".join([*pieces, tail])


def read_archive(data: bytes, *, limits: ArchiveLimits | None = None) -> dict[str, bytes]:
    """Return the files of a canonical archive, in the archive's order.

    Time and memory are linear in `len(data)`: nothing is ever expanded.

    Raises:
        LimitExceeded: larger than `limits`; checked before anything is read.
        NotAnArchive, ArchiveRefused, ArchiveNameRefused, ArchiveDamaged, ArchiveNotCanonical: see each.
    """
    limits = limits or ArchiveLimits()
    if len(data) > limits.archive_bytes:
        raise LimitExceeded(f"the archive is larger than {limits.archive_bytes} bytes")
    _check_frame(data, limits)
    files: dict[str, bytes] = {}
    central: list[bytes] = []
    offset = 0
    while data[offset : offset + 4] == _LOCAL_MARK:
        if len(files) == limits.files:
            raise LimitExceeded(f"the archive holds more than {limits.files} files")
        name, content = _read_file(data, offset, limits)
        if name in files:
            raise ArchiveNotCanonical(f"the archive holds `{_shown(name)}` twice")
        header = _Header.of(name, content)
        if data[offset : offset + _LOCAL.size + len(name)] != header.local():
            raise _why_not(data, offset, header)
        files[name] = content
        central.append(header.central(offset))
        offset += _LOCAL.size + len(name) + len(content)
    _check_names(list(files))
    if list(files) != _in_order(files):
        raise ArchiveNotCanonical("the files of the archive are not in their order")
    if data[offset:] != _tail(central, offset):
        raise ArchiveNotCanonical("the archive's directory does not follow from its files")
    return files


@dataclass(frozen=True)
class _Header:
    """What both headers of one file say."""

    name: bytes
    crc: int
    size: int

    @classmethod
    def of(cls, name: str, content: bytes) -> _Header:
        return cls(name.encode("ascii", "replace"), zlib.crc32(content), len(content))

    def local(self) -> bytes:
        head = _LOCAL.pack(
            _LOCAL_MARK, _VERSION_NEEDED, 0, 0, 0, _DATE, self.crc, self.size, self.size, len(self.name), 0
        )
        return head + self.name

    def central(self, offset: int) -> bytes:
        # fmt: off
        head = _CENTRAL.pack(
            _CENTRAL_MARK, _MADE_BY, _VERSION_NEEDED, 0, 0, 0, _DATE, self.crc, self.size, self.size,
            len(self.name), 0, 0, 0, 0, _ATTRIBUTES, min(offset, _ZIP64),
        )
        # fmt: on
        return head + self.name


def _tail(central: list[bytes], offset: int) -> bytes:
    """The central directory and the end record that must follow the files."""
    directory = b"".join(central)
    count, size = len(central), len(directory)
    return directory + _END.pack(_END_MARK, 0, 0, count, count, size, min(offset, _ZIP64), 0)


def _in_order(names: Iterable[str]) -> list[str]:
    """The archive's order: the two manifest files, then byte order."""
    present = set(names)
    first = [name for name in FIRST_NAMES if name in present]
    return first + sorted(present.difference(first))


def _check_names(names: list[str]) -> None:
    for name in names:
        segments = name.split("/")
        if len(name) > NAME_BYTES_MAX or not all(map(_SEGMENT.fullmatch, segments)):
            raise ArchiveNameRefused(f"the archive's file name `{_shown(name)}` is not allowed")
    # A folder separator sorts below every character a segment may hold, so that `a` and `a/b` are adjacent.
    folded = sorted(name.lower().replace("/", "\0") for name in names)
    for first, second in pairwise(folded):
        if second == first or second.startswith(first + "\0"):
            clash = second.replace("\0", "/")
            raise ArchiveNameRefused(f"the archive's file name `{clash}` clashes with another")


def _check_frame(data: bytes, limits: ArchiveLimits) -> None:
    """Look at both ends first: most damage shows there, and gets its own words."""
    if data[:4] not in (_LOCAL_MARK, _END_MARK):
        raise NotAnArchive("the file does not begin as an archive does")
    if len(data) < _END.size or data[-_END.size : -_END.size + 4] != _END_MARK:
        raise NotAnArchive(
            "the file does not end as an archive does", hint="it may be cut short or have bytes appended"
        )
    _, _, _, _, count, _, _, comment = _END.unpack_from(data, len(data) - _END.size)
    if comment:
        raise ArchiveRefused("the archive has a comment")
    if count == 0xFFFF or data[-_END.size - 20 : -_END.size - 16] in _ZIP64_MARKS:
        raise ArchiveRefused("the archive uses ZIP64")
    if count > limits.files:
        raise LimitExceeded(f"the archive holds more than {limits.files} files")


def _read_file(data: bytes, offset: int, limits: ArchiveLimits) -> tuple[str, bytes]:
    """Return the name and contents at `offset`, refusing in words what the profile does not have."""
    if offset + _LOCAL.size > len(data):
        raise NotAnArchive("the archive is cut short inside a header")
    _, _, flags, method, _, _, _, packed, size, name_size, extra = _LOCAL.unpack_from(data, offset)
    if flags & _ENCRYPTED:
        raise ArchiveRefused("the archive holds an encrypted file")
    if flags & _DESCRIPTOR:
        raise ArchiveRefused("the archive uses data descriptors")
    if method:
        raise ArchiveRefused("the archive holds a compressed file")
    if _ZIP64 in (packed, size):
        raise ArchiveRefused("the archive uses ZIP64")
    if extra:
        raise ArchiveRefused("the archive uses extra fields")
    if max(packed, size) > limits.file_bytes:
        raise LimitExceeded(f"a file of the archive is larger than {limits.file_bytes} bytes")
    start = offset + _LOCAL.size
    if packed != size or start + name_size + size > len(data):
        raise ArchiveNotCanonical("the archive's sizes do not fit its contents")
    raw_name = data[start : start + name_size]
    if not raw_name.isascii() or flags & _UTF8:
        raise ArchiveNameRefused("the archive holds a file name that is not plain ASCII")
    name = raw_name.decode("ascii")
    return name, data[start + name_size : start + name_size + size]


def _why_not(data: bytes, offset: int, expected: _Header) -> TelesphorError:
    """A header that differs: either the contents are damaged, or the header itself is not ours."""
    name = expected.name.decode("ascii")
    crc = _LOCAL.unpack_from(data, offset)[6]
    if crc != expected.crc:
        return ArchiveDamaged(f"the contents of `{_shown(name)}` do not match their checksum")
    return ArchiveNotCanonical(
        f"the header of `{_shown(name)}` is not the one that follows from its contents"
    )


def _shown(name: str) -> str:
    """A stranger's file name as a message may quote it: no line ends, nothing that a terminal obeys."""
    return ascii(name[:NAME_BYTES_MAX])[1:-1]
