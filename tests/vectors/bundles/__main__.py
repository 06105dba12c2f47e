"""Write every case as a file, for verifiers in other languages: `python -m tests.vectors.bundles DIR`.

The files whose names begin with `good` pass; every other is refused at the step and with the code that
`expected.json` says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.vectors.bundles.all import FAULTS, good_bundle
from tests.vectors.bundles.confirm import anchored, selection, witnessed_bundle
from tests.vectors.bundles.grants import granted_bundle


def main() -> None:
    """Write the good bundles, one `<fault>.zip` for each case, and `expected.json`."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "good.zip").write_bytes(good_bundle())
    (folder / "good-witnessed.zip").write_bytes(witnessed_bundle())
    (folder / "good-anchored.zip").write_bytes(anchored())
    (folder / "good-granted.zip").write_bytes(granted_bundle())
    (folder / "good-selection.zip").write_bytes(selection())
    expected = {case.name: {"step": case.step, "code": case.code} for case in FAULTS}
    for case in FAULTS:
        (folder / f"{case.name}.zip").write_bytes(case.make())
    (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main()
