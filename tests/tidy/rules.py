"""The house rules that a linter cannot hold, each as one function from a parsed module to its faults.

A rule returns a list of `path:line what is wrong`; an empty list means tidy. The rules look at syntax trees
only and import nothing, so they hold for code that no test ever runs. Start reading at `SOURCE_RULES`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

FILE_LINES_MAX = 500  # Past this a file holds more than one noun.
FUNCTION_LINES_MAX = 60  # Past this a function does not fit a screen.

SQL_HOMES = {"store.py", "database.py", "journal.py"}
TIME_HOME = "kernel/clock.py"
RANDOM_HOME = "kernel/ids.py"
ENVIRONMENT_HOME = "runtime/settings.py"

SQL = re.compile(
    r"""^\s*(?:
        select\b.+\bfrom\b | insert\s+(?:or\s+\w+\s+)?into\b | replace\s+into\b | update\s+\S+\s+set\b |
        delete\s+from\b | alter\s+table\b | pragma\s+\w+ | drop\s+(?:table|index|trigger|view)\b |
        create\s+(?:unique\s+|virtual\s+|temp\s+|temporary\s+)?(?:table|index|trigger|view)\b
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
TIME_CALLS = {
    "time.time", "time.time_ns", "time.gmtime", "time.localtime", "datetime.now", "datetime.utcnow",
    "datetime.today", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
    "date.today", "datetime.date.today",
}  # fmt: skip
IDENTIFIER_CALLS = {f"uuid.{name}" for name in ("uuid1", "uuid4", "uuid6", "uuid7")}
STRONG_RANDOM_CALLS = {
    "os.urandom",
    "os.getrandom",
}  # Like the module `secrets`, for the kernel's formats only.


@dataclass(frozen=True)
class Module:
    """One parsed Python file; `place` is its path below `src/telesphor`, or its path in the checkout."""

    path: str
    place: PurePosixPath
    text: str
    tree: ast.Module


Rule = Callable[[Module], list[str]]


def read_module(path: Path, *, root: Path, package: Path) -> Module:
    """Parse one file. Raises SyntaxError where it is not Python."""
    text = path.read_text(encoding="utf-8")
    base = package if path.is_relative_to(package) else root
    place = PurePosixPath(path.relative_to(base).as_posix())
    return Module(path.relative_to(root).as_posix(), place, text, ast.parse(text, filename=str(path)))


def parse_module(text: str, *, place: str) -> Module:
    """A module that exists only in a test of these rules."""
    return Module(f"src/telesphor/{place}", PurePosixPath(place), text, ast.parse(text))


def opens_with_docstring(module: Module) -> list[str]:
    """Each module says what it is, what it guarantees and where to start."""
    return [] if ast.get_docstring(module.tree) else [f"{module.path}:1 has no module docstring"]


def fits_in_files(module: Module) -> list[str]:
    lines = module.text.count("\n")
    return [f"{module.path}:1 has {lines} lines; split it by noun"] if lines > FILE_LINES_MAX else []


def fits_in_functions(module: Module) -> list[str]:
    faults = []
    for node in nodes(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                faults.append(f"{module.path}:{node.lineno} `{node.name}` has {lines} lines; split it")
    return faults


def keeps_sql_in_stores(module: Module) -> list[str]:
    """SQL stands in `store.py`, `database.py` and `journal.py` only."""
    if module.place.name in SQL_HOMES:
        return []
    return [
        f"{module.path}:{line} SQL outside {', '.join(sorted(SQL_HOMES))}"
        for text, line in strings(module.tree)
        if SQL.match(text)
    ]


def takes_time_from_the_clock(module: Module) -> list[str]:
    """The time of day comes in as an argument; only the clock asks the system (monotonic timers are free)."""
    if str(module.place) == TIME_HOME:
        return []
    return [
        f"{module.path}:{line} `{name}` outside {TIME_HOME}"
        for name, line in uses(module)
        if name in TIME_CALLS
    ]


def takes_chance_from_ids(module: Module) -> list[str]:
    """Randomness comes in as an argument; the kernel's formats may draw keys and salts from the system."""
    if str(module.place) == RANDOM_HOME:
        return []
    in_kernel = module.place.parts[0] == "kernel"
    faults = []
    for name, line in uses(module):
        weak = name.split(".")[0] == "random" or name in IDENTIFIER_CALLS
        strong = name.split(".")[0] == "secrets" or name in STRONG_RANDOM_CALLS
        if weak or (strong and not in_kernel):
            faults.append(f"{module.path}:{line} `{name}` outside {RANDOM_HOME}")
    return faults


def reads_environment_in_settings(module: Module) -> list[str]:
    if str(module.place) == ENVIRONMENT_HOME:
        return []
    words = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
    return [
        f"{module.path}:{line} `{name}` outside {ENVIRONMENT_HOME}"
        for name, line in uses(module)
        if name in words
    ]


def leaves_other_stores_alone(module: Module) -> list[str]:
    """A capability reaches another by its service, never by its store; nobody else reaches a store at all."""
    faults = []
    for name, line in imports(module.tree):
        found = re.match(r"telesphor\.capabilities\.(\w+)\.store\b", name)
        if found and module.place.parts[:2] != ("capabilities", found[1]):
            faults.append(f"{module.path}:{line} reaches the store of `{found[1]}`")
    return faults


def needs_only_cryptography(module: Module) -> list[str]:
    """The kernel and the verifier need the standard library and `cryptography`, nothing else."""
    homes = {"kernel": ["telesphor.kernel"], "verify": ["telesphor.kernel", "telesphor.verify"]}
    ours = homes.get(module.place.parts[0])
    if ours is None:
        return []
    return [
        f"{module.path}:{line} imports `{name}`"
        for name, line in imports(module.tree)
        if name.split(".")[0] not in sys.stdlib_module_names | {"cryptography"}
        and not any(name == home or name.startswith(home + ".") for home in ours)
    ]


EVERYWHERE_RULES: tuple[Rule, ...] = (opens_with_docstring, fits_in_files, fits_in_functions)
SOURCE_RULES: tuple[Rule, ...] = (
    keeps_sql_in_stores,
    takes_time_from_the_clock,
    takes_chance_from_ids,
    reads_environment_in_settings,
    leaves_other_stores_alone,
    needs_only_cryptography,
)


def strings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every string that is data and not documentation; what an f-string fills in stands as `x`."""
    alone = {node.value for node in nodes(tree) if isinstance(node, ast.Expr)}
    for node in nodes(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            yield "".join(map(str, parts)), node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in alone:
            yield node.value, node.lineno


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every imported name in full: `from a.b import c` gives `a.b` and, as it may be a module, `a.b.c`."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


@cache
def uses(module: Module) -> tuple[tuple[str, int], ...]:
    """Every dotted name that the module uses, with imported names and their new names written out in full."""
    return tuple(_find_uses(module))


def _find_uses(module: Module) -> Iterator[tuple[str, int]]:
    known = dict(imported_names(module.tree))
    yield from imports(module.tree)
    for node in nodes(module.tree):
        if isinstance(node, ast.Attribute):
            words = [node.attr]
            inner = node.value
            while isinstance(inner, ast.Attribute):
                words.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name):
                yield ".".join([known.get(inner.id, inner.id), *reversed(words)]), node.lineno
        elif isinstance(node, ast.Name) and node.id in known:
            yield known[node.id], node.lineno


def imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What each imported name stands for: `from uuid import uuid4 as new` gives `new`, `uuid.uuid4`."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """All of a tree, walked once for all rules."""
    return tuple(ast.walk(tree))
