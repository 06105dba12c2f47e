"""`python -m telesphor.verify` and the single-file verifier: look for what is needed, then run.

Start at `main`. This module may import nothing that needs `cryptography`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

EXIT_MISSING_DEPENDENCY = 3
CRYPTOGRAPHY_VERSION_MIN = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verifier and return its exit code: 0 pass, 1 fail, 2 usage, 3 something is missing."""
    missing = _missing_dependency()
    if missing:
        print(f"telesphor-verify: {missing}", file=sys.stderr)
        return EXIT_MISSING_DEPENDENCY
    from telesphor.verify.cli import run

    return run(arguments)


def _missing_dependency() -> str:
    """What is missing and how to get it, in one line; empty when nothing is."""
    get = f"{sys.executable or 'python3'} -m pip install 'cryptography>={CRYPTOGRAPHY_VERSION_MIN}'"
    try:
        import cryptography
        from cryptography.hazmat.primitives.asymmetric import mldsa
    except ImportError as error:
        if getattr(error, "name", None) == "cryptography":
            return f"the package `cryptography` is missing; get it with: {get}"
        return f"the package `cryptography` is too old or broken; get a newer one with: {get}"
    major = cryptography.__version__.split(".")[0]
    if not hasattr(mldsa, "MLDSA65PublicKey") or not major.isdigit() or int(major) < CRYPTOGRAPHY_VERSION_MIN:
        return (
            f"the package `cryptography` is too old ({cryptography.__version__}); get a newer one with: {get}"
        )
    return ""


if __name__ == "__main__":
    sys.exit(main())
