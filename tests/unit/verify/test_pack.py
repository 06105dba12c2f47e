"""The single-file verifier: one file, the kernel and the verifier in it, and honest exit codes."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from telesphor.verify import pack
from telesphor.verify.pack import FILE_NAME, pack_verifier, write_verifier
from tests.vectors.bundles.all import good_bundle
from tests.vectors.bundles.confirm import anchored, ethereum_anchor, levels_knowing

PACKAGE = Path(pack.__file__).parent.parent
ALLOWED = ("telesphor.kernel", "telesphor.verify", "cryptography")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("offline")
    write_verifier(folder / FILE_NAME)
    (folder / "good.zip").write_bytes(good_bundle())
    (folder / "bad.zip").write_bytes(good_bundle()[:-1])
    return folder


def run(
    folder: Path, *arguments: str, flags: tuple[str, ...] = ("-I",), path: str = ""
) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, *flags, FILE_NAME, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_same_sources_give_the_same_bytes() -> None:
    assert pack_verifier() == pack_verifier()


def test_file_begins_with_a_shebang_and_may_be_run(folder: Path) -> None:
    path = folder / FILE_NAME
    assert path.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert os.access(path, os.X_OK)
    assert list(folder.glob(".verify-*")) == []


def test_file_holds_kernel_and_verifier_only() -> None:
    with zipfile.ZipFile(io.BytesIO(pack_verifier())) as archive:
        names = archive.namelist()
    assert {"/".join(name.split("/")[:2]) for name in names} == {
        "__main__.py",
        "telesphor/__init__.py",
        "telesphor/kernel",
        "telesphor/verify",
    }
    assert {"telesphor/kernel/chains/__init__.py", "telesphor/kernel/chains/bitcoin.py"} < set(names)


def test_kernel_and_verifier_import_nothing_else() -> None:
    for path in (*PACKAGE.glob("kernel/**/*.py"), *PACKAGE.glob("verify/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.startswith(ALLOWED) or name.split(".")[0] in sys.stdlib_module_names, (path, name)


def test_good_bundle_passes_in_a_process_of_its_own(folder: Path) -> None:
    code, out, err = run(folder, "--json", "good.zip")
    assert (code, err) == (0, "")
    assert json.loads(out)["verdict"] == "pass"


def test_witnessed_and_anchored_bundle_passes_in_a_process_of_its_own(folder: Path) -> None:
    (folder / "anchored.zip").write_bytes(anchored())
    (folder / "mine.toml").write_text(levels_knowing(ethereum_anchor().encode()))
    code, out, err = run(folder, "--json", "--levels", "mine.toml", "--require", "L5", "anchored.zip")
    assert (code, err) == (0, "")
    assert json.loads(out)["level"] == "L5"


def test_bad_bundle_fails_in_a_process_of_its_own(folder: Path) -> None:
    code, out, _ = run(folder, "bad.zip")
    assert code == 1
    assert "FAIL at step 1 (archive)" in out


def test_wrong_usage_exits_2(folder: Path) -> None:
    assert run(folder)[0] == 2
    assert run(folder, "absent.zip")[0] == 2


def test_missing_cryptography_exits_3_and_says_how_to_get_it(folder: Path) -> None:
    code, out, err = run(folder, "good.zip", flags=("-I", "-S"))
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "is missing" in err
    assert "pip install 'cryptography>=" in err


@pytest.mark.parametrize("module", ["x = 1\n", "import absent_library\n"], ids=["without-mldsa", "broken"])
def test_old_cryptography_exits_3_and_says_how_to_get_a_newer_one(
    folder: Path, tmp_path: Path, module: str
) -> None:
    place = tmp_path / "cryptography" / "hazmat" / "primitives" / "asymmetric"
    place.mkdir(parents=True)
    for folder_ in (place, *place.parents[:3]):
        (folder_ / "__init__.py").write_text("__version__ = '41.0.0'\n")
    (place / "mldsa.py").write_text(module)
    code, out, err = run(folder, "good.zip", flags=("-S",), path=str(tmp_path))
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "too old" in err


def test_output_that_cannot_show_a_character_does_not_fail(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, FILE_NAME, "good.zip"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
