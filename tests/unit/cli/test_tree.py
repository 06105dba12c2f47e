"""The command tree: every command is there, says an example, and refuses in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from telesphor.cli import FILES, build_tree

COMMANDS = sorted(command for commands in FILES.values() for command in commands)


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "telesphor", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_every_command_that_is_promised_is_there() -> None:
    promised = [
        "init",
        "serve",
        "demo",
        "verify",
        "fsck",
        "prove",
        "share",
        "put",
        "ask",
        "get",
        "erase",
        "log",
        "keygen",
        "bench",
        "tls",
        "interchain",
        "network",
        "witness",
        "factor",
        "did",
        "device",
        "token",
        "group",
        "access",
        "decision",
        "contract",
        "monitor",
    ]
    assert sorted(promised) == COMMANDS


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "verify"])
def test_the_help_of_each_command_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(build_tree(command), [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: telesphor {command}" in " ".join(result.output.split())


def test_the_verifier_shows_its_own_help() -> None:
    result = _run("verify", "--help")
    assert result.returncode == 0
    assert "examples:" in result.stdout


def test_the_whole_tree_is_shown_without_a_command() -> None:
    result = CliRunner().invoke(build_tree(), ["--help"])
    assert all(f"\n  {command} " in result.output for command in COMMANDS)


def test_a_refusal_is_one_line_with_a_hint_and_exit_code_one(tmp_path: Path) -> None:
    result = _run("log", "--node", str(tmp_path))
    assert result.returncode == 1
    first, *hints = result.stderr.strip().splitlines()
    assert first.startswith("telesphor: ")
    assert "(settings-refused)" in first
    assert [line for line in hints if not line.lstrip().startswith("hint:")] == []


def test_wrong_usage_is_exit_code_two() -> None:
    assert _run("log", "--no-such-option").returncode == 2


def test_verifying_imports_nothing_of_the_node() -> None:
    code = "import sys, telesphor.cli as c; c.build_tree('verify'); print('telesphor.app' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == "False"
