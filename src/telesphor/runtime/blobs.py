"""Where bytes that have a name are kept: a local folder, or any object store by URL.

Guarantees
- A blob is there whole or not at all: whoever reads never sees half of one.
- When `put` returns the blob outlives a loss of power. An object store says so itself; in a local
  folder the file and the folders above it are synced here, because `obstore` does not.
- No path leads out of the store: paths are lower-case words between slashes, and `..` is none.

Everything blocks: call it from worker threads. Start at `open_blobs`.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, from_url

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.database import StorageFailed, StorageFull

if TYPE_CHECKING:
    from obstore.store import ObjectStore

Buffer = bytes | bytearray | memoryview

PATH_CHARS_MAX = 200
"""Our longest path (an object's part) has 52 characters, a tile's about 40."""

LIST_PAGE = 1_000
"""Names fetched from the store at once: the page size of S3."""

_PATH = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_NO_SPACE = re.compile(
    r"os error (28|122)\b|kind: (StorageFull|QuotaExceeded)|XMinioStorageFull|InsufficientStorage"
)


class BlobMissing(TelesphorError):
    """The store holds no blob of that name."""

    code = "blob-missing"
    kind = Kind.NOT_FOUND


class BlobPathRefused(TelesphorError):
    """Text that names no blob."""

    code = "blob-path-refused"
    kind = Kind.INVALID


class BlobStoreRefused(TelesphorError):
    """The store cannot be opened."""

    code = "blob-store-refused"
    kind = Kind.STORAGE


def open_blobs(place: str | Path, *, options: Mapping[str, Any] | None = None) -> Blobs:
    """Open the store at a folder (made where it is missing) or at a URL such as `s3://bucket/prefix`.

    Args:
        place: a path, or a URL with a scheme.
        options: of the object store, such as `endpoint`; what is not given comes from its usual
            environment variables (`AWS_ACCESS_KEY_ID` and so on).

    Raises:
        BlobStoreRefused: the folder cannot be made, or the URL or its options are wrong.
    """
    try:
        if isinstance(place, Path) or "://" not in place:
            return Blobs(LocalStore(Path(place).absolute(), mkdir=True, automatic_cleanup=True))
        return Blobs(from_url(place, **(options or {})))
    except (BaseError, OSError, ValueError) as error:
        shown = place if isinstance(place, Path) or "://" not in place else urlsplit(place).scheme + "://"
        raise BlobStoreRefused(
            f"the store `{shown}` cannot be opened",
            hint="check the path or the URL, and the permissions",
            detail=f"{type(error).__name__}: {_first_line(error)}",
        ) from error


class Blobs:
    """A store of named blobs. Safe to share between threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._root = store.prefix if isinstance(store, LocalStore) else None

    @property
    def local(self) -> bool:
        """Whether the blobs are files of a local folder."""
        return self._root is not None

    def put(self, path: str, data: Buffer, *, durable: bool = True) -> None:
        """Write a blob, in place of one of the same name.

        Args:
            durable: with False the caller calls `make_durable` before anyone is told.

        Raises:
            StorageFull, StorageFailed: it was not written; what was there before still is.
        """
        _check(path)
        with _store_errors(path):
            # One request, so that the blob appears in one step and no upload can be left half open.
            obstore.put(self._store, path, data, use_multipart=False)
        if durable:
            self.make_durable((path,))

    def make_durable(self, paths: Iterable[str]) -> None:
        """Let blobs that were put with `durable=False` outlive a loss of power."""
        checked = [_check(path) for path in paths]
        if self._root is None:
            return
        folders: set[Path] = set()
        for path in checked:
            file = self._root / path
            with _store_errors(path):
                _sync(file, os.O_RDONLY)
            folders.update(file.relative_to(self._root).parents)
        for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
            with _store_errors(str(folder)):
                _sync(self._root / folder, os.O_RDONLY | os.O_DIRECTORY)

    def get(self, path: str) -> bytes:
        """The whole blob.

        Raises:
            BlobMissing: there is none.
        """
        _check(path)
        with _store_errors(path):
            return obstore.get(self._store, path).bytes().to_bytes()

    def get_range(self, path: str, start: int, end: int) -> memoryview:
        """Bytes `start` up to, not including, `end`; fewer where the blob ends before.

        Raises:
            BlobMissing: there is none.
            ValueError: not `0 <= start < end`.
        """
        _check(path)
        if not 0 <= start < end:
            raise ValueError(f"no range goes from {start} to {end}")
        try:
            with _store_errors(path):
                return memoryview(obstore.get_range(self._store, path, start=start, end=end))
        except StorageFailed:
            if self.size(path) <= start:  # stores refuse a range that starts behind the end
                return memoryview(b"")
            raise

    def read_into(self, path: str, target: memoryview) -> int:
        """Fill `target` from the beginning of the blob; returns how many bytes it gave, fewer where it ends before.

        A local file is read into the caller's own memory: a fresh buffer of some megabytes costs more in page
        faults than its contents in decryption.

        Raises:
            BlobMissing: there is none.
        """
        if self._root is None:
            data = self.get_range(path, 0, len(target))
            target[: len(data)] = data
            return len(data)
        with _store_errors(path), (self._root / _check(path)).open("rb", buffering=0) as file:
            filled = 0
            while count := file.readinto(target[filled:]):
                filled += count
            return filled

    def size(self, path: str) -> int:
        """Size of the blob in bytes.

        Raises:
            BlobMissing: there is none.
        """
        _check(path)
        with _store_errors(path):
            return obstore.head(self._store, path)["size"]

    def exists(self, path: str) -> bool:
        """Whether there is such a blob."""
        try:
            self.size(path)
        except BlobMissing:
            return False
        return True

    def delete(self, path: str) -> None:
        """Delete the blob; one that is not there is no error."""
        _check(path)
        try:
            with _store_errors(path):
                obstore.delete(self._store, path)
        except BlobMissing:
            return

    def drop_unfinished(self, prefix: str) -> None:
        """Delete what a crash left of blobs that never came to be; only while nobody puts any there.

        In a local folder `obstore` writes beside the blob, under its name and `#` and a number, and lists
        none of these; object stores keep nothing of a put that did not end.
        """
        if self._root is None:
            return
        with _store_errors(prefix):
            for left in (self._root / _check(prefix)).glob("*#*"):
                left.unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[str]:
        """Paths of all blobs in the folder `prefix` and below it, in no promised order."""
        _check(prefix)
        with _store_errors(prefix):
            for page in obstore.list(self._store, prefix, chunk_size=LIST_PAGE):
                for blob in page:
                    yield blob["path"]


def _check(path: str) -> str:
    if len(path) > PATH_CHARS_MAX or _PATH.fullmatch(path) is None:
        raise BlobPathRefused("the path is not lower-case words between slashes")
    return path


@contextmanager
def _store_errors(path: str) -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise BlobMissing(f"there is no blob `{path}`") from error
    except (BaseError, OSError, ValueError) as error:
        detail = f"{path}: {type(error).__name__}: {_first_line(error)}"
        if _is_full(error):
            raise StorageFull(
                "the store is full", hint="free some space; nothing acknowledged is lost", detail=detail
            ) from error
        raise StorageFailed(
            "the store refused", hint="check the store, then ask again", detail=detail
        ) from error


def _is_full(error: Exception) -> bool:
    # obstore has no class of its own for this; its text names the system's error number or the store's code.
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return _NO_SPACE.search(str(error)) is not None


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
