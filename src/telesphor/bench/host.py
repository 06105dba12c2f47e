"""What machine this was: without it a table of figures says nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import apsw
from cryptography.hazmat.backends.openssl import backend

MOUNTS = Path("/proc/mounts")
PROCESSORS = Path("/proc/cpuinfo")


def describe_host(folder: Path) -> dict[str, str]:
    """Processor, system, versions, and the file system under `folder`."""
    return {
        "processor": f"{_model()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": f"{backend.openssl_version_text()}, SQLite {apsw.sqlite_lib_version()}",
        "disk": _file_system(folder),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _model() -> str:
    try:
        lines = PROCESSORS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _file_system(folder: Path) -> str:
    """The mount that holds the folder: the longest of those above it."""
    path = folder.resolve()
    found = ("", "unknown file system")
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        device, place, kind = line.split(" ", 3)[:3]
        if path.is_relative_to(place) and len(place) >= len(found[0]):
            found = (place, f"{kind} on {device}")
    return found[1]
