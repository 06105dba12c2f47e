"""What a contract's source may hold: no float in any guise, and nothing that a parser's stack does not survive."""

from __future__ import annotations

import pytest

from telesphor.capabilities.contracts.language import BRACKETS_DEEP_MAX, OPERATORS_MAX, check_source
from telesphor.capabilities.contracts.model import SOURCE_BYTES_MAX, SourceRefused

REFUSED = {
    "float": "x = 1.5",
    "float-without-a-whole": "x = .5",
    "float-without-a-fraction": "x = 1.",
    "float-by-exponent": "x = 1e9",
    "float-by-negative-exponent": "x = 12E-3",
    "division": "x = 1 / 2",
    "division-in-place": "x /= 2",
    "name-of-the-type": "x = float('1')",
    "type-under-another-name": "f = float",
    "f-string": "x = f'{1}'",
    "character-outside": "x = 1 ¤ 2",
    "letter-that-looks-like-another": "flоat = 1",
    "quote-that-does-not-close": "x = 'a",
    "brackets": "x = " + "[" * (BRACKETS_DEEP_MAX + 1),
    "operators": "x = 1" + " + 1" * (OPERATORS_MAX + 1),
    "operators-over-lines": "x = (1" + "\n + 1" * (OPERATORS_MAX + 1) + ")",
    "operators-behind-a-backslash": "x = 1" + " + \\\n 1" * (OPERATORS_MAX + 1),
    "words": "x = " + "not " * (OPERATORS_MAX + 1) + "True",
    "indentation": "\n".join(" " * n + "if True:" for n in range(120)),
    "size": "#" * (SOURCE_BYTES_MAX + 1),
}

TAKEN = {
    "text-with-a-float": "x = '1.5'",
    "text-of-three-quotes": 'x = """\n1.5 / 2 float\n"""',
    "raw-text": "x = r'\\d+.5'",
    "comment": "# 1.5 / 2",
    "whole-division": "x = 7 // 2\nx //= 2",
    "attribute-of-an-integer-index": "x = [1][0]",
    "hexadecimal": "x = 0xe5 + 0b1 + 0o7",
    "many-short-lines": "x = 1 + 1\n" * 1_000,
    "float-in-a-longer-name": "floats = 1",
    "letters-in-text": "x = 'Übelkeit'",
}


@pytest.mark.parametrize("name", REFUSED)
def test_source_is_refused(name: str) -> None:
    with pytest.raises(SourceRefused):
        check_source(REFUSED[name])


@pytest.mark.parametrize("name", TAKEN)
def test_source_is_taken(name: str) -> None:
    check_source(TAKEN[name])


def test_refusal_names_the_line() -> None:
    with pytest.raises(SourceRefused, match=r"line 3 has the float `1\.5`"):
        check_source('x = """\n"""\ny = 1.5\n')
