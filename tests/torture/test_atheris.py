"""Coverage-guided fuzzing of every parser, in the long run only."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.torture.scale import SEED, TORTURE

SECONDS = 3 * TORTURE
INPUT_BYTES_MAX = 65_536

pytestmark = [
    pytest.mark.skipif(
        TORTURE == 1, reason="runs in `make torture` only; hypothesis covers the same parsers here"
    ),
    pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed"),
]


@pytest.mark.parametrize("name", TARGETS)
def test_coverage_guided_fuzzing_finds_nothing(name: str, tmp_path: Path) -> None:
    options = [
        f"-max_total_time={SECONDS}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-seed={SEED}",
        "-timeout=20",
        "-rss_limit_mb=2048",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.harness", name, str(tmp_path / name), *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS + 300,
    )
    found = [path.read_bytes()[:200] for path in tmp_path.glob(f"{name}-*")]
    assert done.returncode == 0, f"{found}\n{done.stderr[-3_000:]}"
