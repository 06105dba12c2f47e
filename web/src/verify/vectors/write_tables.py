"""Write `tables.ts` anew from the tables of the Python verifier: `python write_tables.py`, then `npx prettier --write`.

The tables are the data of `docs/spec/causes.md` and of step 11 of `docs/spec/verification.md`; the code that reads them
is written twice. `agreement.test.ts` fails when the two have come apart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from telesphor.verify import asked
from telesphor.verify.causes import CAUSES
from telesphor.verify.follow_links import LINK_ROLES, WHOLE_ROLES

TABLES_FILE: Final = Path(__file__).resolve().parent.parent / "tables.ts"

HEAD: Final = """\
/**
 * What the rules of steps 11 and 12 say, as data: `docs/spec/causes.md` and `docs/spec/verification.md`. Written by
 * `vectors/write_tables.py`; a test holds it to the other verifier.
 */

"""

ABOUT: Final = {
    "CAUSES": "Type of an entry: type of a command that may cause it: what both must say. None: the node's own word.",
    "SAID_ROLES": "The role that a command says by its type alone.",
    "GROUNDS": "What a step of a visit rests on: whoever asked for the step asked for a link to it as well.",
    "HASHED": "Texts that a command brings and an entry names by their digest.",
    "OWN_STREAMS": "Kinds of streams that are the own ones of whoever asks.",
    "LINK_ROLES": "What a link of each role may lead to.",
    "WHOLE_ROLES": "Roles whose links lead to something that can end, and the kind of its stream.",
}
TYPES: Final = {
    "CAUSES": "Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>",
    "SAID_ROLES": "Readonly<Record<string, string>>",
    "GROUNDS": "readonly string[]",
    "HASHED": "Readonly<Record<string, readonly string[]>>",
    "OWN_STREAMS": "readonly string[]",
    "LINK_ROLES": "Readonly<Record<string, readonly string[]>>",
    "WHOLE_ROLES": "Readonly<Record<string, string>>",
}


def tables() -> dict[str, Any]:
    """The tables by their names, as JSON values."""
    return {
        "CAUSES": {
            entry: {command: list(names) for command, names in rows.items()} for entry, rows in CAUSES.items()
        },
        "SAID_ROLES": dict(asked._ROLES),
        "GROUNDS": sorted(asked.GROUNDS),
        "HASHED": {command: list(names) for command, names in asked._HASHED.items()},
        "OWN_STREAMS": list(asked._OWN_STREAMS),
        "LINK_ROLES": {role: sorted(types) for role, types in LINK_ROLES.items()},
        "WHOLE_ROLES": dict(WHOLE_ROLES),
    }


def main() -> None:
    """Write the file."""
    parts = [
        f"/** {ABOUT[name]} */\nexport const {name}: {TYPES[name]} = {json.dumps(table, indent=1)};\n"
        for name, table in tables().items()
    ]
    TABLES_FILE.write_text(HEAD + "\n".join(parts))


if __name__ == "__main__":
    main()
