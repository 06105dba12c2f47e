"""Every Python file of the project keeps the rules of `tests/tidy/rules.py`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.tidy.rules import EVERYWHERE_RULES, SOURCE_RULES, Module, Rule, read_module

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "telesphor"
FOLDERS = ("src", "tests", "tools", "bench")


@pytest.mark.parametrize("rule", EVERYWHERE_RULES, ids=lambda rule: rule.__name__)
def test_every_module(rule: Rule) -> None:
    faults = [fault for module in modules() for fault in rule(module)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=lambda rule: rule.__name__)
def test_every_module_of_the_package(rule: Rule) -> None:
    inside = [module for module in modules() if module.path.startswith("src/telesphor/")]
    assert inside, "no source found: is the checkout whole?"
    faults = [fault for module in inside for fault in rule(module)]
    assert not faults, "\n".join(faults)


def test_every_package_folder_has_an_init() -> None:
    bare = sorted(
        {path.parent for path in PACKAGE.rglob("*.py")}
        - {path.parent for path in PACKAGE.rglob("__init__.py")}
    )
    assert not bare, f"without __init__.py: {', '.join(map(str, bare))}"


@cache
def modules() -> tuple[Module, ...]:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(read_module(path, root=ROOT, package=PACKAGE) for path in paths)
