"""Canonical JSON: one value, one string of bytes.

RFC 8785 (JCS) in a strict profile: objects with printable ASCII names, arrays, strings without lone
surrogates, integers within 2^53, true, false and null. No floats: decimals are written as strings. Within
the profile the canonical bytes are plain sorted JSON, so every language's ordinary writer can make them;
`docs/spec/canonical.md` is the specification.

INVARIANT: `decode` accepts exactly the bytes that `encode` writes: `encode(decode(data)) == data`. What is
signed, hashed or stored can therefore be parsed and written again without losing a byte.

Start at `encode` and `decode`. `decode` is quick for good bytes; only bytes that are refused are read a
second time, by `_fault_in`, which finds the first fault and says where it is.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import NoReturn

from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError

INT_MAX = 2**53 - 1
"""Largest magnitude of an integer: beyond it a JavaScript reader rounds (RFC 8785 section 3.2.2.3)."""
DEPTH_MAX = 64
"""Arrays and objects inside each other: no real document comes near, and no reader's stack is at risk."""

_PATH_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
BRACKETS_MAX = 65_536
"""Opening brackets in a document, those inside of text among them: a megabyte of `[` would take half a second
to refuse, and nothing of ours has a tenth as many."""

_ASCII_NAME = re.compile(r"[ -~]*")


class Fault(StrEnum):
    """Why bytes or a value are not canonical; stable, and the names of the bad vectors."""

    BYTE_ORDER_MARK = "byte-order-mark"
    NOT_UTF8 = "not-utf8"
    TRUNCATED = "truncated"
    TRAILING_BYTES = "trailing-bytes"
    WHITE_SPACE = "white-space"
    SYNTAX = "syntax"
    DUPLICATE_NAME = "duplicate-name"
    UNSORTED_NAMES = "unsorted-names"
    NAME_NOT_ASCII = "name-not-ascii"
    NAME_NOT_TEXT = "name-not-text"
    FLOAT = "float"
    NOT_A_NUMBER = "not-a-number"
    NEGATIVE_ZERO = "negative-zero"
    LEADING_ZERO = "leading-zero"
    INTEGER_TOO_LARGE = "integer-too-large"
    LONE_SURROGATE = "lone-surrogate"
    ESCAPE = "escape"
    TOO_DEEP = "too-deep"
    TYPE = "type"


_REASONS = {
    Fault.BYTE_ORDER_MARK: "starts with a byte order mark",
    Fault.NOT_UTF8: "is not UTF-8",
    Fault.TRUNCATED: "ends too early",
    Fault.TRAILING_BYTES: "has bytes after its end",
    Fault.WHITE_SPACE: "has white space between its parts",
    Fault.SYNTAX: "is not JSON",
    Fault.DUPLICATE_NAME: "has the same name twice",
    Fault.UNSORTED_NAMES: "has names that are not in byte order",
    Fault.NAME_NOT_ASCII: "has a name that is not printable ASCII",
    Fault.NAME_NOT_TEXT: "has a name that is not text",
    Fault.FLOAT: "is a number with a fraction or an exponent",
    Fault.NOT_A_NUMBER: "is NaN or infinite",
    Fault.NEGATIVE_ZERO: "is a negative zero",
    Fault.LEADING_ZERO: "is a number with a leading zero or plus sign",
    Fault.INTEGER_TOO_LARGE: "is an integer beyond 2^53 - 1",
    Fault.LONE_SURROGATE: "is text with half of a surrogate pair",
    Fault.ESCAPE: "is text that is not escaped the one canonical way",
    Fault.TOO_DEEP: f"is more than {DEPTH_MAX} arrays and objects deep",
    Fault.TYPE: "is of a type that canonical JSON does not have",
}
_HINTS = {Fault.FLOAT: 'write decimals as text, such as `"36.6"`'}


class NotCanonical(TelesphorError):
    """A value or bytes outside the strict profile of RFC 8785.

    Attributes:
        fault: which rule is broken, stable.
        path: where, such as `$.body.items[3]`. A name that is not a plain word is shown as `?`.
    """

    code = "not-canonical"
    kind = Kind.INVALID

    def __init__(self, fault: Fault, path: str, *, detail: str = "") -> None:
        super().__init__(f"`{path}` {_REASONS[fault]}", hint=_HINTS.get(fault, ""), detail=detail)
        self.fault = fault
        self.path = path


def encode(value: object) -> bytes:
    """The canonical bytes of a value (RFC 8785, strict profile).

    Args:
        value: dict with printable ASCII str names, list, tuple, str, int, bool or None; at most 64 deep.

    Raises:
        NotCanonical: naming the path of the first part that the profile does not have.
    """
    _check(value, [], 0)
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        _refuse_surrogates(value, [])
        raise AssertionError("unreachable: a surrogate must have been found") from None


def decode(data: bytes, *, limit: int) -> object:
    """The value of canonical bytes.

    Args:
        data: what was received.
        limit: how many bytes are allowed; checked before anything is read.

    Raises:
        LimitExceeded: more bytes than the limit.
        NotCanonical: anything that `encode` would not have written, with the first fault and its path.
    """
    if len(data) > limit:
        raise LimitExceeded(f"the document has {len(data)} bytes where {limit} are allowed")
    if data.count(b"[") + data.count(b"{") > BRACKETS_MAX:
        raise LimitExceeded(f"the document has more than {BRACKETS_MAX} opening brackets")
    text = _text_of(data)
    if _depth_of(text) > DEPTH_MAX:
        raise _fault_in(text)
    try:
        value: object = json.loads(text)
        written = encode(value)
    except (ValueError, NotCanonical):
        raise _fault_in(text) from None
    if written != data:
        raise _fault_in(text)
    return value


def _check(value: object, path: list[str | int], depth: int) -> None:
    if isinstance(value, str) or value is None or value is True or value is False:
        return
    if type(value) is int:
        if not -INT_MAX <= value <= INT_MAX:
            raise NotCanonical(Fault.INTEGER_TOO_LARGE, _path_text(path))
    elif isinstance(value, dict):
        _check_object(value, path, depth + 1)
    elif isinstance(value, list | tuple):
        _check_array(value, path, depth + 1)
    else:
        raise NotCanonical(_fault_of_type(value), _path_text(path), detail=type(value).__name__)


def _check_object(value: dict[object, object], path: list[str | int], depth: int) -> None:
    if depth > DEPTH_MAX:
        raise NotCanonical(Fault.TOO_DEEP, _path_text(path))
    for name, member in value.items():
        if not isinstance(name, str):
            raise NotCanonical(Fault.NAME_NOT_TEXT, _path_text(path))
        if not (name.isascii() and name.isprintable()):
            raise NotCanonical(Fault.NAME_NOT_ASCII, _path_text(path))
        if type(member) is not str:  # most members are text and need no look
            path.append(name)
            _check(member, path, depth)
            path.pop()


def _check_array(value: list[object] | tuple[object, ...], path: list[str | int], depth: int) -> None:
    if depth > DEPTH_MAX:
        raise NotCanonical(Fault.TOO_DEEP, _path_text(path))
    for index, item in enumerate(value):
        if type(item) is not str:
            path.append(index)
            _check(item, path, depth)
            path.pop()


def _fault_of_type(value: object) -> Fault:
    if isinstance(value, float):
        return Fault.FLOAT if value - value == 0 else Fault.NOT_A_NUMBER
    return Fault.TYPE


def _refuse_surrogates(value: object, path: list[str | int]) -> None:
    if isinstance(value, str):
        if _has_surrogate(value):
            raise NotCanonical(Fault.LONE_SURROGATE, _path_text(path))
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_surrogates(member, [*path, name])
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_surrogates(item, [*path, index])


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _path_text(path: list[str | int]) -> str:
    """`$.body.items[3]`. Only plain words are repeated: any other name could be somebody's data."""
    parts = ["$"]
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            parts.append(f".{step}" if _PATH_NAME.fullmatch(step) else ".?")
    return "".join(parts)


# Python's writer escapes exactly as RFC 8785 section 3.2.2.2 asks (two-character escapes where JSON has
# them, else `\u00xx` in lower case), and by code point, ASCII names sort as section 3.2.3 asks.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def _text_of(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise NotCanonical(Fault.BYTE_ORDER_MARK, "$")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotCanonical(Fault.NOT_UTF8, "$", detail=f"at byte {error.start}") from None


def _depth_of(text: str) -> int:
    """How deep the text nests, or an upper bound when that is already shallow; never recurses."""
    openings = text.count("[") + text.count("{")
    if openings <= DEPTH_MAX:
        return openings
    depth = deepest = 0
    for mark in _BRACKET.findall(_TEXT.sub("", text)):
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


# From here on: finding out why text was refused. The grammar is that of docs/spec/canonical.md, read
# strictly from left to right, so the first fault in the text is the one that is named.

_WHITE_SPACE = " \t\n\r"
_LITERALS = ("true", "false", "null")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A text, or one that the end cuts off: else the search would begin again at each quotation mark inside of it."""

_BRACKET = re.compile(r"[\[\]{}]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?P<rest>\.[0-9]*)?(?P<power>[eE][+-]?[0-9]*)?")
_NOT_A_NUMBER = re.compile(r"NaN|[+-]?Infinity")


def _fault_in(text: str) -> NotCanonical:
    """The first fault of text that is known to be refused."""
    try:
        end = _read_value(text, 0, [], 0)
    except NotCanonical as error:
        return error
    if end == len(text):
        raise AssertionError("text was refused in which no fault can be found")
    fault = Fault.WHITE_SPACE if not text[end:].strip(_WHITE_SPACE) else Fault.TRAILING_BYTES
    return NotCanonical(fault, "$", detail=f"at character {end}")


def _read_value(text: str, at: int, path: list[str | int], depth: int) -> int:
    """Where the value that starts at `at` ends."""
    start = text[at : at + 1]
    if start == "{":
        return _read_object(text, at, path, depth + 1)
    if start == "[":
        return _read_array(text, at, path, depth + 1)
    if start == '"':
        return _read_string(text, at, path)[1]
    for literal in _LITERALS:
        if text.startswith(literal, at):
            return at + len(literal)
    return _read_number(text, at, path)


def _read_object(text: str, at: int, path: list[str | int], depth: int) -> int:
    if depth > DEPTH_MAX:
        raise NotCanonical(Fault.TOO_DEEP, _path_text(path))
    at += 1
    if text.startswith("}", at):
        return at + 1
    previous: str | None = None
    while True:
        name, at = _read_name(text, at, path)
        if previous is not None and name <= previous:
            fault = Fault.DUPLICATE_NAME if name == previous else Fault.UNSORTED_NAMES
            raise NotCanonical(fault, _path_text([*path, name]))
        previous = name
        path.append(name)
        at = _read_value(text, _expect(text, at, ":", path), path, depth)
        path.pop()
        if text.startswith("}", at):
            return at + 1
        at = _expect(text, at, ",", path)


def _read_array(text: str, at: int, path: list[str | int], depth: int) -> int:
    if depth > DEPTH_MAX:
        raise NotCanonical(Fault.TOO_DEEP, _path_text(path))
    at += 1
    if text.startswith("]", at):
        return at + 1
    index = 0
    while True:
        path.append(index)
        at = _read_value(text, at, path, depth)
        path.pop()
        if text.startswith("]", at):
            return at + 1
        at = _expect(text, at, ",", path)
        index += 1


def _read_name(text: str, at: int, path: list[str | int]) -> tuple[str, int]:
    if not text.startswith('"', at):
        _refuse_mark(text, at, path)
    name, end = _read_string(text, at, path)
    if _ASCII_NAME.fullmatch(name) is None:
        raise NotCanonical(Fault.NAME_NOT_ASCII, _path_text(path))
    return name, end


def _read_string(text: str, at: int, path: list[str | int]) -> tuple[str, int]:
    match = _STRING.match(text, at)
    if match is None:
        raise NotCanonical(Fault.TRUNCATED, _path_text(path))
    try:
        value: str = json.loads(match.group())
    except ValueError:
        raise NotCanonical(Fault.ESCAPE, _path_text(path), detail=f"at character {at}") from None
    if _has_surrogate(value):
        raise NotCanonical(Fault.LONE_SURROGATE, _path_text(path))
    if _ENCODER.encode(value) != match.group():
        raise NotCanonical(Fault.ESCAPE, _path_text(path), detail=f"at character {at}")
    return value, match.end()


def _read_number(text: str, at: int, path: list[str | int]) -> int:
    if _NOT_A_NUMBER.match(text, at):
        raise NotCanonical(Fault.NOT_A_NUMBER, _path_text(path))
    match = _NUMBER.match(text, at)
    if match is None:
        _refuse_mark(text, at, path)
    if match["rest"] is not None or match["power"] is not None:
        raise NotCanonical(Fault.FLOAT, _path_text(path))
    number = match.group()
    if number == "-0":
        raise NotCanonical(Fault.NEGATIVE_ZERO, _path_text(path))
    digits = number.lstrip("+-")
    if number.startswith("+") or (digits.startswith("0") and digits != "0"):
        raise NotCanonical(Fault.LEADING_ZERO, _path_text(path))
    if len(digits) > len(str(INT_MAX)) or int(digits) > INT_MAX:
        raise NotCanonical(Fault.INTEGER_TOO_LARGE, _path_text(path))
    return match.end()


def _expect(text: str, at: int, mark: str, path: list[str | int]) -> int:
    if not text.startswith(mark, at):
        _refuse_mark(text, at, path)
    return at + 1


def _refuse_mark(text: str, at: int, path: list[str | int]) -> NoReturn:
    """Refuse whatever stands where something else was needed."""
    if at >= len(text):
        fault = Fault.TRUNCATED
    elif text[at] in _WHITE_SPACE:
        fault = Fault.WHITE_SPACE
    else:
        fault = Fault.SYNTAX
    raise NotCanonical(fault, _path_text(path), detail=f"at character {at}")
