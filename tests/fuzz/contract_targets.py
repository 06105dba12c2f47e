"""What is fuzzed of contracts: manifests, sources, the documents of runs, and the JSON that a contract reads."""

from __future__ import annotations

from telesphor.capabilities.contracts.documents import (
    open_input,
    open_output,
    open_state,
    seal_input,
    seal_output,
    seal_state,
)
from telesphor.capabilities.contracts.host import parse_json
from telesphor.capabilities.contracts.language import check_source
from telesphor.capabilities.contracts.library import LIBRARY, library_path
from telesphor.capabilities.contracts.manifest import parse_manifest, read_manifest
from telesphor.capabilities.contracts.model import Execution
from tests.fuzz.target import Target

SOURCES = [library_path(name).read_bytes() for name in LIBRARY]
MANIFESTS = [library_path(name).with_suffix(".toml").read_bytes() for name in LIBRARY]
INPUT = seal_input("call", {"call": {"argument": {"a": [1, None, "é"]}}}, salt="A" * 22).data
STATE = seal_state('{"count":1}', salt="A" * 22).data
RUN = Execution(state="{}", effects=(), result='{"a":1}', printed=("text",), gas=1, cause=None, message="")
OUTPUT = seal_output(RUN, salt="A" * 22).data


def take_source(data: bytes) -> None:
    check_source(data.decode("utf-8", "replace"))


def take_manifest_text(data: bytes) -> None:
    """What is read of an operator's text is a manifest as it is kept."""
    parse_manifest(read_manifest(data.decode("utf-8", "replace")))


def take_manifest(data: bytes) -> None:
    parse_manifest(data)


def take_input(data: bytes) -> None:
    open_input(data)


def take_state(data: bytes) -> None:
    open_state(data)


def take_output(data: bytes) -> None:
    open_output(data)


def take_json(data: bytes) -> None:
    try:
        parse_json(data.decode("utf-8", "replace"))
    except ValueError:
        pass  # the host stops the run for it


TARGETS = {
    "contract-source": Target(take_source, lambda: SOURCES),
    "contract-manifest-text": Target(take_manifest_text, lambda: MANIFESTS),
    "contract-manifest": Target(take_manifest, lambda: [read_manifest(text.decode()) for text in MANIFESTS]),
    "contract-input": Target(take_input, lambda: [INPUT]),
    "contract-state": Target(take_state, lambda: [STATE]),
    "contract-output": Target(take_output, lambda: [OUTPUT]),
    "contract-json": Target(take_json, lambda: [b'{"a": [1, null, true, "x"]}', INPUT]),
}
