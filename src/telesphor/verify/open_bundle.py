"""Steps 1 and 2: the file is one canonical archive, and its manifest accounts for every file in it."""

from __future__ import annotations

from telesphor.kernel.archive import ArchiveLimits, read_archive
from telesphor.kernel.bundle import Bundle, parse_files
from telesphor.verify.report import Proved


def open_archive(data: bytes, limits: ArchiveLimits) -> Proved[dict[str, bytes]]:
    """Step 1. Every byte of the file follows from the names and contents of the files in it."""
    files = read_archive(data, limits=limits)
    return Proved(
        files,
        f"the file is one canonical archive of {len(files)} files, and none of its bytes is unaccounted for",
    )


def open_manifest(files: dict[str, bytes]) -> Proved[Bundle]:
    """Step 2. The manifest lists exactly these files by digest, and each has the form it must have."""
    bundle = parse_files(files)
    return Proved(
        bundle,
        f"the manifest of {bundle.manifest.made_at} lists all {len(bundle.manifest.files)} other files by SHA-256",
    )
