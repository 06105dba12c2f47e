"""The files around the source: locks without addresses, one list of dependencies, nothing large."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
COMMITTED_BYTES_MAX = 1_000_000  # Vectors and texts are small; anything larger belongs in a registry package.
IGNORED = {".git", ".venv", "node_modules", "build", "dist"}
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.iterdir()), ids=lambda path: path.name)
def test_requirements_name_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for word in ("://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host", " @ "):
        assert word not in text, f"{path.name} holds `{word}`"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_locked_requirement_is_exact_and_hashed(path: Path) -> None:
    logical = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    lines = [line for line in logical if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+ ", line), f"not exact: {line[:60]}"
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", line), f"without a hash: {line[:60]}"


def test_every_input_has_its_lock() -> None:
    assert {path.stem for path in REQUIREMENTS.glob("*.in")} == {path.stem for path in LOCKS}


def test_dev_lock_agrees_with_run_lock() -> None:
    assert locked("run").items() <= locked("dev").items()


def test_vectors_are_of_the_installed_cryptography() -> None:
    assert locked("dev")["cryptography-vectors"] == locked("run")["cryptography"]


def test_package_depends_on_what_the_lock_was_made_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (REQUIREMENTS / "run.in").read_text(encoding="utf-8").splitlines()
    wanted = [line.strip().replace('"', "'") for line in lines if line.strip() and not line.startswith("#")]
    assert sorted(project["dependencies"]) == sorted(wanted)


def test_every_direct_dependency_has_its_reason() -> None:
    page = next((ROOT / "docs" / "decisions").glob("*-dependencies.md")).read_text(encoding="utf-8")
    for path in sorted(REQUIREMENTS.glob("*.in")):
        for line in path.read_text(encoding="utf-8").splitlines():
            name = re.match(r"[a-z][a-z0-9-]*", line)
            if name:
                assert f"`{name[0]}`" in page, f"{name[0]} of {path.name} is not in the table"


@pytest.mark.parametrize("lock", ["package-lock.json", "web/package-lock.json"])
def test_npm_lock_names_no_address(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text(encoding="utf-8"))["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, f"{name} records where it came from"
        assert name == "" or package["integrity"].startswith("sha512-"), f"{name} has no digest"


@pytest.mark.parametrize("project", ["package.json", "web/package.json"])
def test_every_direct_npm_package_has_its_reason(project: str) -> None:
    page = next((ROOT / "docs" / "decisions").glob("*-dependencies.md")).read_text(encoding="utf-8")
    words = json.loads((ROOT / project).read_text(encoding="utf-8"))
    for name in [*words.get("dependencies", {}), *words.get("devDependencies", {})]:
        assert f"`{name}`" in page, f"{name} of {project} is not in the table"


def test_wheel_carries_every_file_of_the_package() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    carried: set[Path] = set()
    for package, patterns in tool["setuptools"]["package-data"].items():
        folder = ROOT / "src" / ("telesphor" if package == "*" else package.replace(".", "/"))
        carried.update(path for pattern in patterns for path in folder.glob(pattern))
    source = ROOT / "src"
    for path in committed_files():
        if path.is_relative_to(source) and path.suffix != ".py":
            assert path in carried, f"{path.relative_to(ROOT)} would not be in the wheel"


def test_no_large_file_is_committed() -> None:
    large = [
        f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes"
        for path in committed_files()
        if is_large(path)
    ]
    assert not large, "\n".join(large)


def locked(name: str) -> dict[str, str]:
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def committed_files() -> list[Path]:
    """What git tracks or would track; in a checkout without git, everything that no tool made."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return [
            path
            for path in ROOT.rglob("*")
            if not IGNORED & set(path.relative_to(ROOT).parts) and path.is_file()
        ]
    return [ROOT / name for name in told.split("\0") if (ROOT / name).is_file()]


def is_large(path: Path) -> bool:
    return path.stat().st_size > COMMITTED_BYTES_MAX
