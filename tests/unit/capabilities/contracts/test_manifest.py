"""Manifests: read from TOML, kept as canonical JSON, and refused when they contradict themselves."""

from __future__ import annotations

import pytest

from telesphor.capabilities.contracts.library import LIBRARY, library_path
from telesphor.capabilities.contracts.manifest import OnCall, check_fields, parse_manifest, read_manifest
from telesphor.capabilities.contracts.model import CallRefused, ManifestRefused
from tests.unit.capabilities.contracts.office import COUNTING

SCHEDULE = '[[triggers]]\non = "schedule"\nname = "night"\ncron = "{}"\n'
CALL = '[[triggers]]\non = "call"\nname = "count"\ncallers = ["person"]\n'

REFUSED = {
    "no-toml": "name = ",
    "unknown-member": COUNTING.replace("connectors", "conectors"),
    "unknown-trigger": COUNTING.replace('on = "entry"', 'on = "moon"'),
    "no-trigger": COUNTING.split("[[")[0],
    "name-of-capitals": COUNTING.replace('"counter"', '"Counter"'),
    "version-nought": COUNTING.replace("version = 1", "version = 0"),
    "version-of-a-fraction": COUNTING.replace("version = 1", "version = 1.5"),
    "date": COUNTING.replace('"Counts"', "2026-01-01"),
    "cron-of-four-fields": COUNTING + SCHEDULE.format("0 6 * *"),
    "cron-that-never-comes": COUNTING + SCHEDULE.format("61 6 * * *"),
    "cron-with-seconds": COUNTING + SCHEDULE.format("0 0 6 * * *"),
    "two-calls-of-one-name": COUNTING + CALL,
    "unknown-caller": COUNTING.replace('"system"', '"root"'),
    "unknown-shape": COUNTING.replace('"integer"', '"float"'),
    "key-without-ordering": 'key = "call.argument.visit"\n' + COUNTING,
    "ordering-without-key": 'ordering = "key"\n' + COUNTING,
    "key-that-is-not-in-every-trigger": 'ordering = "key"\nkey = "call.argument.visit"\n' + COUNTING,
    "filter-outside-the-entry": COUNTING + 'where = { "salt" = ["x"] }\n',
    "reaction-to-its-own-runs": COUNTING.replace("visit.opened/1", "contract.executed/1"),
    "command-that-calls-a-contract": 'commands = ["contract.call/1"]\n' + COUNTING,
    "too-many-steps": COUNTING + "[limits]\nsteps = 50000001\n",
    "too-much-memory": COUNTING + "[limits]\nmemory_mib = 257\n",
    "size": COUNTING + "# \n" + "\n".join(f'x{n} = "{"y" * 100}"' for n in range(200)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_manifest_is_refused(name: str) -> None:
    with pytest.raises(ManifestRefused):
        read_manifest(REFUSED[name])


@pytest.mark.parametrize("name", LIBRARY)
def test_shipped_manifest_is_read_and_read_again_from_its_document(name: str) -> None:
    document = read_manifest(library_path(name).with_suffix(".toml").read_text())
    assert parse_manifest(document).name == name


def test_document_that_is_not_canonical_is_refused() -> None:
    with pytest.raises(ManifestRefused):
        parse_manifest(read_manifest(COUNTING) + b"\n")


def test_call_that_the_manifest_does_not_have_is_refused() -> None:
    manifest = parse_manifest(read_manifest(COUNTING))
    assert isinstance(manifest.call("count"), OnCall)
    with pytest.raises(CallRefused):
        manifest.call("discount")


SHAPES = {
    "text": ("x", 1),
    "integer": (1, True),
    "boolean": (True, 1),
    "decimal": ("-36.60", "36,6"),
    "id": ("01900000-0000-7000-8000-000000000001", "Jane Roe"),
    "instant": ("2026-01-01T00:00:00.000Z", "2026-01-01"),
    "list": ([], {}),
    "object": ({}, []),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_member_of_another_kind_is_refused(shape: str) -> None:
    good, bad = SHAPES[shape]
    check_fields({"x": good}, {"x": shape}, what="argument")
    check_fields({}, {"x": f"{shape}?"}, what="argument")
    refused: list[object] = [{"x": bad}, {"x": None}, {}, {"x": good, "y": 1}, [], None]
    for value in refused:
        with pytest.raises(CallRefused):
            check_fields(value, {"x": shape}, what="argument")


def test_refusal_of_an_argument_quotes_nothing_of_it() -> None:
    with pytest.raises(CallRefused) as caught:
        check_fields({"x": 1, "Jane Roe": 1}, {"x": "integer"}, what="argument")
    assert "Jane" not in caught.value.message + caught.value.hint
