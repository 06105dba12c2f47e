"""What starts often imports only what it needs: child processes of a node, and commands that ask a running one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

import telesphor.app as app

EDGE = {"aiohttp", "litestar", "rich", "structlog", "uvicorn"}
"""What serves, dials and logs: more than half of a second."""

CHILDREN = (
    "telesphor.runtime.verifiers",
    "telesphor.capabilities.identity.authenticate",
    "telesphor.ledger.growth",
    "telesphor.capabilities.interchain.judging",
    "telesphor.capabilities.contracts.worker",
)
"""Where the processes begin that a serving node spawns, and what they are handed to run."""

ASKING = tuple(f"telesphor.cli.{name}" for name in ("access", "ask", "device", "factor", "objects", "token"))


def imported_by(modules: Sequence[str]) -> set[str]:
    """All that a fresh process has imported after these."""
    code = f"import sys, json\nfor name in {tuple(modules)!r}: __import__(name)\nprint(json.dumps([*sys.modules]))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_child_processes_import_nothing_of_the_edge() -> None:
    assert not imported_by(CHILDREN) & (EDGE | {"telesphor.app"})


def test_module_that_a_spawned_process_imports_again_has_no_commands() -> None:
    assert not imported_by(["telesphor.cli"]) & (EDGE | {"typer", "telesphor.app"})


def test_commands_that_ask_a_node_import_none_of_its_parts() -> None:
    found = imported_by(ASKING)
    assert not found & {"litestar", "uvicorn"}
    assert not [name for name in found if name.startswith("telesphor.app.")]


def test_every_part_of_a_node_is_there_when_it_is_asked_for() -> None:
    for name in app.__all__:
        assert getattr(app, name).__module__.startswith("telesphor.app."), name
    with pytest.raises(AttributeError, match="nothing_such"):
        app.nothing_such  # noqa: B018
