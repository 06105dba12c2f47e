"""Sources and manifests of contracts that are heavy in ways of their own: refused by name or taken, and quickly.

What is almost right is in `test_parsers`, with every other parser.
"""

from __future__ import annotations

import pytest

from telesphor.capabilities.contracts.model import SOURCE_BYTES_MAX
from tests.fuzz.contract_targets import TARGETS
from tests.fuzz.test_parsers import take

HEAVY = {
    "quotes": b"'" * SOURCE_BYTES_MAX,
    "triple-quotes": (b"'''\"\"\"" * SOURCE_BYTES_MAX)[:SOURCE_BYTES_MAX],
    "backslashes": b'"' + b"\\" * (SOURCE_BYTES_MAX - 1),
    "open-text": b'"""' + b"a\\" * (SOURCE_BYTES_MAX // 2 - 2),
    "brackets": b"[" * SOURCE_BYTES_MAX,
    "digits": b"1" * SOURCE_BYTES_MAX,
    "points": b"." * SOURCE_BYTES_MAX,
    "slashes": b"/" * SOURCE_BYTES_MAX,
    "blanks": b" " * SOURCE_BYTES_MAX,
    "lines": b"\n" * SOURCE_BYTES_MAX,
    "prefixes": (b"r'" * SOURCE_BYTES_MAX)[:SOURCE_BYTES_MAX],
}


@pytest.mark.parametrize("heavy", HEAVY)
@pytest.mark.parametrize("name", TARGETS)
def test_heavy_input_is_read_quickly(name: str, heavy: str) -> None:
    take(name, HEAVY[heavy])
