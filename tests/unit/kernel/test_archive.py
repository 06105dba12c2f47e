"""The canonical archive: one set of files, one archive, and nothing else is read."""

from __future__ import annotations

import io
import struct
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.kernel.archive import (
    ArchiveDamaged,
    ArchiveLimits,
    ArchiveNameRefused,
    ArchiveNotCanonical,
    ArchiveRefused,
    NotAnArchive,
    read_archive,
    write_archive,
)
from telesphor.kernel.errors import LimitExceeded, TelesphorError

FILES = {
    "manifest.json": b"{}",
    "manifest.jws": b"signature",
    "READ ME.txt": b"Hello.\n",
    "entries/000000000000.json": b'{"n":0}',
    "proofs/000000000000.txt": b"",
}
GOOD = write_archive(FILES)

_segment = st.from_regex(r"\A[A-Za-z0-9_]([A-Za-z0-9 ._-]{0,6}[A-Za-z0-9_])?\Z")
_name = st.lists(_segment, min_size=1, max_size=3).map("/".join)


def zipped(files: dict[str, bytes], *, method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    """The same files by Python's own writer, in the archive's times and attributes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.comment = comment
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100644 << 16
            info.create_version, info.extract_version, info.create_system = 20, 10, 3
            archive.writestr(info, content, compress_type=method)
    return out.getvalue()


def rebuilt(files: list[tuple[bytes, bytes]], *, crc: int | None = None, count: int | None = None) -> bytes:
    """An archive whose names are not looked at, so that hostile ones can be written."""
    body, central = b"", b""
    for name, content in files:
        check = zlib.crc32(content) if crc is None else crc
        size = len(content)
        common = struct.pack("<HHHHHIIIHH", 10, 0, 0, 0, 33, check, size, size, len(name), 0)
        central += b"PK\x01\x02" + struct.pack("<H", 0x0314) + common
        central += struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, len(body)) + name
        body += b"PK\x03\x04" + common + name + content
    total = len(files) if count is None else count
    return (
        body
        + central
        + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, total, total, len(central), len(body), 0)
    )


def test_what_is_written_is_read_back() -> None:
    assert read_archive(GOOD) == FILES


def test_same_files_in_any_order_give_the_same_bytes() -> None:
    assert write_archive(dict(reversed(FILES.items()))) == GOOD


def test_manifest_comes_first_and_the_rest_in_byte_order() -> None:
    files = dict.fromkeys(("b", "a/b", "a_", "Z", "manifest.jws", "manifest.json"), b"")
    assert list(read_archive(write_archive(files))) == [
        "manifest.json",
        "manifest.jws",
        "Z",
        "a/b",
        "a_",
        "b",
    ]


def test_no_files_make_an_empty_archive() -> None:
    assert write_archive({}) == struct.pack("<4s18x", b"PK\x05\x06")
    assert read_archive(write_archive({})) == {}


def test_bytes_are_those_of_another_writer_told_the_same_choices() -> None:
    ordered = read_archive(GOOD)
    assert zipped(ordered) == GOOD
    assert rebuilt([(name.encode(), content) for name, content in ordered.items()]) == GOOD


def test_python_zipfile_opens_it() -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_system_unzip_opens_it(tmp_path: Path) -> None:
    (tmp_path / "good.zip").write_bytes(GOOD)
    try:
        done = subprocess.run(
            ["unzip", "-tq", "good.zip"], cwd=tmp_path, capture_output=True, timeout=20, check=False
        )
    except FileNotFoundError:
        pytest.skip("no `unzip` on this machine")
    assert done.returncode == 0, done.stdout


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(_name, st.binary(max_size=40), max_size=6))
def test_every_archive_written_is_read_back(files: dict[str, bytes]) -> None:
    try:
        data = write_archive(files)
    except ArchiveNameRefused:
        return
    assert read_archive(data) == files


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: GOOD[:90] + tail))
def test_whatever_is_read_is_canonical(data: bytes) -> None:
    try:
        files = read_archive(data)
    except TelesphorError:
        return
    assert write_archive(files) == data


def test_any_flipped_byte_is_refused() -> None:
    for position in range(len(GOOD)):
        for flip in (0x01, 0x20, 0x80, 0xFF):
            bad = bytearray(GOOD)
            bad[position] ^= flip
            with pytest.raises(TelesphorError):
                read_archive(bytes(bad))


def test_any_shorter_or_longer_archive_is_refused() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(TelesphorError):
            read_archive(GOOD[:length])
    for bad in (GOOD + b"\0", b"\0" + GOOD, GOOD + GOOD, GOOD + GOOD[-22:]):
        with pytest.raises(TelesphorError):
            read_archive(bad)


def test_prepended_data_is_refused() -> None:
    with pytest.raises(NotAnArchive):
        read_archive(b"#!/bin/sh\n" + GOOD)


def test_appended_data_is_refused() -> None:
    with pytest.raises(NotAnArchive):
        read_archive(GOOD + b"more")


def test_comment_is_refused() -> None:
    end = b"PK\x05\x06" + b"\0" * 16 + b"\x16\0"
    with pytest.raises(ArchiveRefused, match="comment"):
        read_archive(GOOD[:-2] + b"\x16\0" + end)
    with pytest.raises(TelesphorError):
        read_archive(zipped(read_archive(GOOD), comment=b"hello"))


def test_compressed_file_is_refused() -> None:
    with pytest.raises(ArchiveRefused, match="compressed"):
        read_archive(zipped({"a": b"a" * 500}, method=zipfile.ZIP_DEFLATED))


def test_encrypted_file_is_refused() -> None:
    with pytest.raises(ArchiveRefused, match="encrypted"):
        read_archive(GOOD[:6] + b"\x01\0" + GOOD[8:])


def test_data_descriptor_is_refused() -> None:
    with pytest.raises(ArchiveRefused, match="data descriptors"):
        read_archive(GOOD[:6] + b"\x08\0" + GOOD[8:])


def test_extra_field_is_refused() -> None:
    with pytest.raises(ArchiveRefused, match="extra"):
        read_archive(GOOD[:28] + b"\x04\0" + GOOD[30:])


def test_zip64_size_is_refused() -> None:
    with pytest.raises(ArchiveRefused, match="ZIP64"):
        read_archive(GOOD[:18] + b"\xff" * 8 + GOOD[26:])


def test_zip64_count_is_refused() -> None:
    with pytest.raises(ArchiveRefused, match="ZIP64"):
        read_archive(rebuilt([(b"a", b"")], count=0xFFFF))


def test_utf8_name_is_refused() -> None:
    with pytest.raises(ArchiveNameRefused):
        read_archive(zipped({"é": b""}))


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/../b",
        "/a",
        "a/",
        "a//b",
        "",
        ".",
        "..",
        "a\\b",
        "C:/a",
        "a\0b",
        "a\n",
        ".hidden",
        "a.",
        "a ",
        "x" * 201,
    ],
)
def test_name_that_could_escape_or_confuse_is_refused(name: str) -> None:
    with pytest.raises(ArchiveNameRefused):
        write_archive({name: b""})
    with pytest.raises(TelesphorError):
        read_archive(rebuilt([(name.encode(), b"")]))


@pytest.mark.parametrize("names", [("a", "A"), ("a", "a/b"), ("x/y", "X/Y/z"), ("a", "a b", "a/b")])
def test_names_that_clash_on_some_systems_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ArchiveNameRefused, match="clashes"):
        write_archive(dict.fromkeys(names, b""))
    with pytest.raises(ArchiveNameRefused, match="clashes"):
        read_archive(rebuilt([(name.encode(), b"") for name in sorted(names)]))


def test_file_listed_twice_is_refused() -> None:
    with pytest.raises(ArchiveNotCanonical, match="twice"):
        read_archive(rebuilt([(b"a", b"1"), (b"a", b"2")]))


def test_files_out_of_order_are_refused() -> None:
    with pytest.raises(ArchiveNotCanonical, match="order"):
        read_archive(rebuilt([(b"b", b""), (b"a", b"")]))


def test_damaged_contents_are_named() -> None:
    with pytest.raises(ArchiveDamaged, match=r"READ ME\.txt"):
        read_archive(GOOD.replace(b"Hello", b"Jello"))


def test_hidden_bytes_between_files_and_directory_are_refused() -> None:
    start = GOOD.index(b"PK\x01\x02")
    with pytest.raises(ArchiveNotCanonical, match="directory"):
        read_archive(GOOD[:start] + b"hidden" + GOOD[start:])


def test_sizes_beyond_the_file_are_refused() -> None:
    with pytest.raises(ArchiveNotCanonical, match="sizes"):
        read_archive(GOOD[:18] + b"\xf0\xff\xff\x7f" * 2 + GOOD[26:])


def test_archive_over_its_limits_is_refused_before_it_is_read() -> None:
    for limits in (ArchiveLimits(archive_bytes=100), ArchiveLimits(file_bytes=5), ArchiveLimits(files=4)):
        with pytest.raises(LimitExceeded):
            read_archive(GOOD, limits=limits)


def test_directory_that_understates_the_number_of_files_is_still_bounded() -> None:
    many = rebuilt([(b"%04d" % number, b"") for number in range(50)], count=1)
    with pytest.raises(LimitExceeded):
        read_archive(many, limits=ArchiveLimits(files=10))


def test_writing_more_files_than_a_zip_can_hold_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        write_archive({f"{number}": b"" for number in range(0xFFFF)})
