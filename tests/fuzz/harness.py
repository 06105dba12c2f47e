"""The fuzz targets under atheris (libFuzzer): `python -m tests.fuzz.harness TARGET CORPUS [libFuzzer options]`.

Coverage of the kernel, the verifier, the settings and the capabilities guides the mutation. A finding ends the process
with a code that is not 0 and leaves its input beside the corpus.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast


def main() -> None:
    """Fuzz one target until libFuzzer's own limits end it."""
    import atheris

    with atheris.instrument_imports(
        include=[
            "telesphor.kernel",
            "telesphor.verify",
            "telesphor.runtime.settings",
            "telesphor.capabilities",
        ]
    ):
        targets = __import__("tests.fuzz.targets", fromlist=["TARGETS"])
        errors = __import__("telesphor.kernel.errors", fromlist=["TelesphorError"])
    name, corpus = sys.argv[1], Path(sys.argv[2])
    _plant(corpus, targets.TARGETS[name].seeds())
    take = _guarded(targets.TARGETS[name].take, errors)
    atheris.Setup([sys.argv[0], str(corpus), f"-artifact_prefix={corpus}-", *sys.argv[3:]], take)
    cast(Any, atheris).Fuzz()


def _plant(corpus: Path, seeds: list[bytes]) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)


def _guarded(take: Callable[[bytes], None], errors: ModuleType) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        try:
            take(data)
        except errors.TelesphorError:
            return

    return one


if __name__ == "__main__":
    main()
