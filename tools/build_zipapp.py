"""Build the offline verifier as one file: `python tools/build_zipapp.py [--out FILE]`.

Needs Python 3.11 and nothing else; the same sources give the same bytes. Start at
`telesphor.verify.pack`, which does the work.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from telesphor.verify.pack import FILE_NAME, write_verifier  # noqa: E402


def main() -> int:
    """Write the file and print its size and digest."""
    parser = argparse.ArgumentParser(description="Build the offline verifier as one file.")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "dist" / FILE_NAME, help="where (default: %(default)s)"
    )
    out: Path = parser.parse_args().out
    data = write_verifier(out)
    print(f"{out}: {len(data)} bytes, sha256:{hashlib.sha256(data).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
