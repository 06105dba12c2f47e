"""Write the OpenAPI description of a node's routes: `python tools/describe_api.py FILE`.

A node is made in a temporary folder for the moment, and never listens. Needs the packages of `requirements/run.txt`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from telesphor.app import create_node, open_node  # noqa: E402

PASSPHRASE = b"a node that never listens"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the OpenAPI description of a node's routes.")
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory(prefix="telesphor-api-") as folder:
        made = create_node(Path(folder) / "node", origin="node.example/log", passphrase=PASSPHRASE)
        with open_node(made.path, passphrase=PASSPHRASE) as node:
            document = node.edge().app.openapi_schema.to_schema()
    out.write_text(json.dumps(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
