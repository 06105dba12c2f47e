"""Write `tlog-proof.json`: one entry with its proof, as a reader who has the ledger's keys meets it.

`python -m tests.vectors.generate_proof`, from the checkout. Signatures differ with each run; what they prove does not.
"""

from __future__ import annotations

import json
from pathlib import Path

from telesphor.kernel import base64url
from telesphor.kernel.tlog_proof import format_tlog_proof
from tests.vectors.bundles.case import good_story

FILE = Path(__file__).parent / "tlog-proof.json"


def main() -> None:
    """Write it."""
    story = good_story()
    parts = story.parts()
    item = next(entry for entry in parts.entries if entry.position == story.on(story.readings)[0])
    proof = format_tlog_proof(item.position, item.path, parts.checkpoint)
    vector = {
        "keys": list(story.world.log.vkeys()),
        "position": item.position,
        "entry": base64url.std_encode(item.data),
        "proof": base64url.std_encode(proof),
    }
    FILE.write_text(json.dumps(vector, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
