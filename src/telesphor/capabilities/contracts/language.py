"""What contracts may be written in: Starlark without floats, and shallow enough for any parser's stack.

A lexer of our own reads the source before Starlark's parser does. It refuses floats in every guise (literals, the
one operator that makes them, the type's name), so that no result hangs on a machine's rounding; and it bounds
brackets and operators, because the parser descends into them on a stack that ends.

Start at `check_source`.
"""

from __future__ import annotations

import re
from typing import NoReturn

from telesphor.capabilities.contracts.model import SOURCE_BYTES_MAX, SourceRefused

BRACKETS_DEEP_MAX = 48
"""Brackets inside each other; the parser survives thousands."""

OPERATORS_MAX = 200
"""Operators in one statement; the parser survives thousands of them in a row."""

INDENT_MAX = 96
"""Columns of indentation: two dozen blocks inside each other."""

_TOKEN = re.compile(
    r"""
    (?P<text>[rR]?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'))
  | (?P<ftext>[fF][rR]?['"])
  | (?P<comment>\#[^\n]*)
  | (?P<float>[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
  | (?P<number>0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|[0-9]+)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<line>\n)
  | (?P<space>[ \t\r]+|\\\n)
  | (?P<divide>/=?(?!/))
  | (?P<operator>//=?|<<=?|>>=?|==|!=|<=|>=|->|\*\*|[-+*%&|^~<>=]=?)
  | (?P<open>[\[({])
  | (?P<close>[\])}])
  | (?P<mark>[.,:;@])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_WORD_OPERATORS = frozenset({"and", "or", "not", "in", "if", "else", "lambda"})


def check_source(source: str) -> None:
    """Refuse a source that contracts cannot have.

    Raises:
        SourceRefused: too large, a float, an unknown character, or nested too deeply; with the line.
    """
    if len(source.encode("utf-8", "surrogatepass")) > SOURCE_BYTES_MAX:
        raise SourceRefused(f"the source is larger than {SOURCE_BYTES_MAX} bytes")
    place, line, depth, operators = 0, 1, 0, 0
    _check_indent(source)
    while place < len(source):
        # `//` must be tried before `/`, which is what the look-ahead of `divide` does not do by itself.
        found = None if source.startswith("//", place) else _TOKEN.match(source, place)
        kind, text = (found.lastgroup, found.group()) if found else ("operator", "//")
        if found is None and not source.startswith("//", place):
            _refuse(line, "has a character that Starlark does not know")
        _check_token(kind or "", text, line)
        depth += {"open": 1, "close": -1}.get(kind or "", 0)
        operators += kind == "operator" or text in _WORD_OPERATORS
        if kind == "line" and depth <= 0:
            operators = 0
        if depth > BRACKETS_DEEP_MAX:
            _refuse(line, f"has more than {BRACKETS_DEEP_MAX} brackets inside each other")
        if operators > OPERATORS_MAX:
            _refuse(line, f"has more than {OPERATORS_MAX} operators in one statement")
        line += text.count("\n")
        place += len(text)


def _check_token(kind: str, text: str, line: int) -> None:
    if kind == "float":
        _refuse(
            line, f"has the float `{text[:40]}`", 'write decimals as text, such as `"36.6"`; see `decimal`'
        )
    if kind == "divide":
        _refuse(line, "divides with `/`, which makes a float", "use `//`, or `decimal.divide`")
    if kind == "name" and text == "float":
        _refuse(line, "uses `float`", "use integers, or decimals as text; see `decimal`")
    if kind == "ftext":
        _refuse(line, "has an f-string", 'use `"{}".format(value)`')


def _check_indent(source: str) -> None:
    for number, text in enumerate(source.split("\n"), start=1):
        if len(text) - len(text.lstrip(" \t")) > INDENT_MAX:
            _refuse(number, f"is indented by more than {INDENT_MAX} columns")


def _refuse(line: int, what: str, hint: str = "") -> NoReturn:
    raise SourceRefused(f"line {line} {what}", hint=hint)
