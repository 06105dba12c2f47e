"""The whole host API: all that a contract can call beyond Starlark itself. Nothing in it reaches outside.

Each function is pure, charges for its work by bytes, and refuses by stopping the run. `Meter` is what a run has
spent so far; `HOST_FUNCTIONS` are the names below; `PRELUDE` arranges them as authors see them (`json.encode`,
`decimal.add`, `time.day`). `docs/operating/contracts.md` has them on one page.
"""

from __future__ import annotations

import json as _json
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from hashlib import sha256
from typing import NoReturn

from telesphor.capabilities.contracts.model import PRINTED_CHARS_MAX, PRINTED_MAX, Cause
from telesphor.kernel import canonical
from telesphor.kernel.canonical import DEPTH_MAX, INT_MAX, NotCanonical
from telesphor.kernel.clock import InvalidInstant, format_instant, parse_instant

HOST_VERSION = 1
"""Raised when a function of this page changes what it returns; stands in every run's entry."""

STEPS_PER_TICK = 1_000
"""Turns of loops and calls of functions after which Starlark asks whether to go on; its own constant."""

CALL_STEPS = 20
"""What a call into the host costs, before its bytes."""

BYTES_PER_STEP = 64

RANGE_MAX = 1_000_000
"""Longest `range`: what runs through one inside of a built-in function cannot be stopped by counting steps."""

DECIMAL_DIGITS = 30
"""Digits of a decimal before it is refused; sums of money have a dozen."""

_JSON_CHARS_MAX = 1_048_576


class Stopped(Exception):
    """The run is over, for the cause that its meter names."""


class Meter:
    """What one run has spent and printed, and why it was stopped."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, limit: int) -> None:
        """Start afresh."""
        self.limit = limit
        self.gas = 0
        self.cause: Cause | None = None
        self.message = ""
        self.printed: list[str] = []

    def tick(self) -> bool:
        """What Starlark asks every `STEPS_PER_TICK` steps: whether to end."""
        self.gas += STEPS_PER_TICK
        if self.gas > self.limit and self.cause is None:
            self.cause, self.message = Cause.STEPS, f"more than {self.limit} steps"
        return self.cause is not None

    def charge(self, size: int) -> None:
        """Pay for a call of the host on so many bytes; raises `Stopped`."""
        self.gas += CALL_STEPS + size // BYTES_PER_STEP
        if self.gas > self.limit:
            self.stop(Cause.STEPS, f"more than {self.limit} steps")

    def stop(self, cause: Cause, message: str) -> NoReturn:
        """End the run; raises `Stopped`."""
        if self.cause is None:
            self.cause, self.message = cause, message[:PRINTED_CHARS_MAX]
        raise Stopped(message[:PRINTED_CHARS_MAX])


def host_functions(meter: Meter) -> dict[str, Callable[..., object]]:
    """The functions under the names by which `PRELUDE` finds them."""
    host = _Host(meter)
    return {
        "fail": host.fail,
        "print": host.print,
        "digest": host.digest,
        "_encode": host.encode,
        "_decode": host.decode,
        "_parse_time": host.parse_time,
        "_format_time": host.format_time,
        "_calculate": host.calculate,
    }


class _Host:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def fail(self, *parts: object) -> None:
        self._meter.charge(0)
        self._meter.stop(Cause.FAILED, " ".join(str(part)[:PRINTED_CHARS_MAX] for part in parts[:8]))

    def print(self, *parts: object) -> None:
        line = " ".join(str(part)[:PRINTED_CHARS_MAX] for part in parts[:16])[:PRINTED_CHARS_MAX]
        self._meter.charge(len(line))
        if len(self._meter.printed) < PRINTED_MAX:
            self._meter.printed.append(line)

    def encode(self, value: object) -> str:
        try:
            text = canonical.encode(value).decode("utf-8")
        except NotCanonical as error:
            self._meter.stop(Cause.FAILED, f"json.encode: {error.message}")
        self._meter.charge(len(text))
        return text

    def decode(self, value: object) -> object:
        text = self._text(value, "json.decode")
        try:
            return parse_json(text)
        except ValueError as error:
            self._meter.stop(Cause.FAILED, f"json.decode: {error}")

    def digest(self, value: object) -> str:
        return "sha256:" + sha256(self._text(value, "digest").encode("utf-8")).hexdigest()

    def parse_time(self, value: object) -> int:
        try:
            return parse_instant(self._text(value, "time.parse", most=64))
        except InvalidInstant:
            self._meter.stop(Cause.FAILED, "time.parse takes an instant such as 2026-11-22T18:03:12.000Z")

    def format_time(self, value: object) -> str:
        self._meter.charge(0)
        try:
            return format_instant(_integer(value))
        except (InvalidInstant, ValueError):
            self._meter.stop(Cause.FAILED, "time.format takes milliseconds since 1970")

    def calculate(self, operation: str, left: object, right: object) -> object:
        self._meter.charge(0)
        try:
            return _calculate(operation, left, right)
        except InvalidOperation:
            self._meter.stop(Cause.FAILED, f"decimal.{operation}: more than {DECIMAL_DIGITS} digits")
        except ValueError as error:
            self._meter.stop(Cause.FAILED, f"decimal.{operation}: {error}")

    def _text(self, value: object, what: str, *, most: int = _JSON_CHARS_MAX) -> str:
        if not isinstance(value, str) or len(value) > most:
            self._meter.stop(Cause.FAILED, f"{what} takes text of at most {most} characters")
        self._meter.charge(len(value))
        return value


def parse_json(text: str) -> object:
    """The value of JSON text, without floats, deep nesting or integers that other readers round.

    Raises:
        ValueError: it is none such.
    """
    try:
        value: object = _json.loads(text, parse_float=_refuse_number, parse_constant=_refuse_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(
            "a number is not an integer" if "float" in str(error) else "it is not JSON"
        ) from None
    try:
        canonical.encode(value)
    except (NotCanonical, RecursionError) as error:
        raise ValueError(getattr(error, "message", f"it is nested more than {DEPTH_MAX} deep")) from None
    return value


def _refuse_number(_text: str) -> object:
    raise ValueError("float")


def _integer(value: object) -> int:
    if type(value) is not int or abs(value) > INT_MAX:
        raise ValueError("an integer within 2^53 is needed")
    return value


def _decimal(value: object) -> Decimal:
    if type(value) is int:
        return Decimal(_integer(value))
    if not isinstance(value, str) or len(value) > DECIMAL_DIGITS + 2:
        raise ValueError('a decimal is text such as "36.6"')
    body = value.removeprefix("-")
    if not body.isascii() or not body.replace(".", "", 1).isdigit() or body[:1] == "." or body[-1:] == ".":
        raise ValueError('a decimal is text such as "36.6"')
    return Decimal(value)


def _calculate(operation: str, left: object, right: object) -> object:
    context = Context(prec=DECIMAL_DIGITS, rounding=ROUND_HALF_EVEN)
    one = _decimal(left)
    if operation == "round":
        return _plain(context.quantize(one, Decimal(1).scaleb(-_places(right))))
    other = _decimal(right)
    if operation == "compare":
        return int(context.compare(one, other))
    functions = {"add": context.add, "subtract": context.subtract, "multiply": context.multiply}
    found = functions[operation](one, other)
    if context.flags[Inexact]:
        raise ValueError(f"the result has more than {DECIMAL_DIGITS} digits")
    return _plain(found)


def _places(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 12:
        raise ValueError("it rounds to 0 to 12 places")
    return value


def _plain(value: Decimal) -> str:
    return f"{abs(value) if value == 0 else value:f}"


PRELUDE = (
    "_range = range\n",
    f'''
def _bound(plain, fail):
    def range(start, stop = None, step = 1):
        """As Starlark's, of at most {RANGE_MAX} numbers."""
        found = plain(start) if stop == None else plain(start, stop, step)
        if len(found) > {RANGE_MAX}:
            fail("range of more than {RANGE_MAX} numbers")
        return found
    return range

range = _bound(_range, fail)
_range = None

def _arrange(encode, decode, parse, format, calculate):
    return (
        struct(encode = encode, decode = decode),
        struct(
            parse = parse,
            format = format,
            second = 1000,
            minute = 60 * 1000,
            hour = 60 * 60 * 1000,
            day = 24 * 60 * 60 * 1000,
        ),
        struct(
            add = lambda a, b: calculate("add", a, b),
            subtract = lambda a, b: calculate("subtract", a, b),
            multiply = lambda a, b: calculate("multiply", a, b),
            compare = lambda a, b: calculate("compare", a, b),
            round = lambda a, places: calculate("round", a, places),
        ),
    )

json, time, decimal = _arrange(_encode, _decode, _parse_time, _format_time, _calculate)

def command(type, body):
    """An effect: the node gives this command."""
    return {{"effect": "command", "type": type, "body": body}}

def send(connector, message, key = ""):
    """An effect: the connector sends this message, in order among those of the same key."""
    return {{"effect": "send", "connector": connector, "message": message, "key": key}}

def secret(name):
    """A place in a message where the connector puts a secret; its value is never seen here."""
    return {{"$secret": name}}
''',
)
"""Starlark that runs before the contract's, in the same module."""

CASES_PRELUDE = '''
def entry(type, body, stream = "visit/01900000-0000-7000-8000-000000000001",
          actor = "01900000-0000-7000-8000-00000000000a", at = "2026-01-01T00:00:00.000Z",
          position = 1):
    """A trigger: this entry was recorded."""
    return {"kind": "entry", "at": at, "entry": {"type": type, "body": body, "stream": stream, "actor": actor,
            "position": position}}

def schedule(name, at):
    """A trigger: it is this time of that schedule."""
    return {"kind": "schedule", "at": at, "schedule": {"name": name, "due": at}}

def call(name, argument = {}, actor = "01900000-0000-7000-8000-00000000000a", kind = "person",
         at = "2026-01-01T00:00:00.000Z", id = "01900000-0000-7000-8000-0000000000ca", invited_by = []):
    """A trigger: this actor called, who was invited by these, the nearest first."""
    return {"kind": "call", "at": at, "call": {"id": id, "name": name, "argument": argument, "actor": actor,
            "actor_kind": kind, "invited_by": invited_by}}

def step(trigger, **expected):
    """One run within a case; it begins with the state that the one before left."""
    return dict(expected, trigger = trigger)

def case(name, *steps, state = {}, trigger = None, **expected):
    """An example: what goes in, and what must come out (`state_after`, `effects`, `result`, `fails`)."""
    first = [] if trigger == None else [dict(expected, trigger = trigger)]
    return {"name": name, "state": state, "steps": first + list(steps)}
'''
"""Starlark that runs before a file of cases."""

CASES_END = "\n\ndef handle(state, trigger):\n    return {}, cases\n"
"""And after it: the cases are handed over as a contract's effects would be."""
