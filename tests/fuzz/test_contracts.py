"""Manifests, sources and JSON of contracts under almost-right input: refused by name or taken, and quickly.

`TELESPHOR_TORTURE` multiplies the examples. Nothing but a refusal may escape.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from telesphor.capabilities.contracts.documents import open_input, open_output, open_state, seal_input
from telesphor.capabilities.contracts.host import parse_json
from telesphor.capabilities.contracts.language import check_source
from telesphor.capabilities.contracts.library import LIBRARY, library_path
from telesphor.capabilities.contracts.manifest import parse_manifest, read_manifest
from telesphor.capabilities.contracts.model import SOURCE_BYTES_MAX
from telesphor.kernel.errors import TelesphorError
from tests.fuzz.mutation import almost
from tests.torture.scale import TORTURE

EXAMPLES = 150 * TORTURE
SECONDS_MAX = 2.0

SOURCES = [library_path(name).read_bytes() for name in LIBRARY]
MANIFESTS = [library_path(name).with_suffix(".toml").read_bytes() for name in LIBRARY]
INPUT = seal_input("call", {"call": {"argument": {"a": [1, None, "é"]}}}, salt="A" * 22).data


def take_json(data: bytes) -> None:
    try:
        parse_json(data.decode("utf-8", "replace"))
    except ValueError:
        pass  # the host stops the run for it


TARGETS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "source": (lambda data: check_source(data.decode("utf-8", "replace")), SOURCES),
    "manifest-text": (lambda data: read_manifest(data.decode("utf-8", "replace")), MANIFESTS),
    "manifest": (parse_manifest, [read_manifest(text.decode()) for text in MANIFESTS]),
    "input": (open_input, [INPUT]),
    "state": (open_state, [INPUT.replace(b"contract-input", b"contract-state")]),
    "output": (open_output, [INPUT.replace(b"contract-input", b"contract-output")]),
    "json": (take_json, [b'{"a": [1, null, true, "x"]}', INPUT]),
}


def take(name: str, data: bytes) -> None:
    begun = time.perf_counter()
    try:
        TARGETS[name][0](data)
    except TelesphorError as error:
        assert error.code != TelesphorError.code
        assert error.message.isprintable()
        assert not error.hint or error.hint.isprintable()
    assert time.perf_counter() - begun < SECONDS_MAX


@pytest.mark.parametrize("name", TARGETS)
def test_parser_of_contracts_lets_nothing_but_refusals_escape(name: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=TORTURE == 1,
        suppress_health_check=list(HealthCheck),
    )
    @given(almost(TARGETS[name][1]))
    def fuzz(data: bytes) -> None:
        take(name, data)

    fuzz()


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
