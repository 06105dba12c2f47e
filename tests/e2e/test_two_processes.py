"""The command line where it cannot: one line that says why, and nothing acknowledged is lost.

A second process on the same folder, a wrong passphrase, a folder that is read-only, a disk that is full,
a stop in the middle of the work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from telesphor.client.requests import sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from tests.e2e.running import code_of, running
from tests.support.commands import START_SECONDS, TERMINAL, Ended, run_to_end, running_command
from tests.torture.folders import CLINICIAN, ORIGIN, PASSPHRASE, PATIENT, SYSTEM, check_ledger, make_folder

DISK_BYTES = 16 * 1024 * 1024
RUN = "from telesphor.cli import main; main()"
SECRET = {"TELESPHOR_PASSPHRASE": PASSPHRASE.decode()}


def command(*arguments: str | Path, passphrase: bytes = PASSPHRASE) -> Ended:
    """Run `telesphor` to its end, in a process of its own that was born with everything imported."""
    return run_to_end(*arguments, secrets={"TELESPHOR_PASSPHRASE": passphrase.decode()})


def _environment() -> dict[str, str]:
    path = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": path, **TERMINAL, **SECRET}


@contextmanager
def serving_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`telesphor serve` by an interpreter that starts from nothing; yields it and its URL."""
    arguments = [sys.executable, "-c", RUN, "serve", "--node", str(folder), "--port", "0"]
    process = subprocess.Popen(arguments, env=_environment(), stderr=subprocess.PIPE, text=True)
    try:
        yield process, _wait_for_address(folder, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _wait_for_address(folder: Path, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + START_SECONDS
    address = folder / "node.address"
    while time.monotonic() < deadline and process.poll() is None:
        if address.is_file() and (url := address.read_text(encoding="ascii").strip()):
            return url
        time.sleep(0.02)
    raise AssertionError("the node does not serve")


def refused(done: Ended, code: str) -> None:
    """A refusal is exit code 1, one line with the code, and perhaps a hint; never a traceback."""
    assert done.returncode == 1, (done.returncode, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert 1 <= len(lines) <= 2, done.stderr
    assert lines[0].startswith("telesphor: ")
    assert lines[0].endswith(f"({code})"), lines[0]
    assert len(lines) == 1 or lines[1].strip().startswith("hint: ")
    assert PASSPHRASE.decode() not in done.stderr


def test_second_process_on_one_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    wallet = make_folder(folder)[SYSTEM]
    with serving_process(folder) as (process, url):
        refused(command("serve", "--node", folder, "--port", "0"), "folder-in-use")
        refused(command("fsck", "--node", folder), "folder-in-use")
        assert _open_visit(url, wallet) == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_SECONDS) in (0, -signal.SIGTERM)
    assert not (folder / "node.address").exists()
    check_ledger(folder)


LOAD_ANSWERS = 40
"""Several for each caller, so that some are under way when the node is told to stop."""


def test_node_told_to_stop_under_load_keeps_all_it_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    wallet = make_folder(folder)[SYSTEM]
    acknowledged: list[int] = []

    def load() -> None:
        try:
            while True:
                acknowledged.append(_open_visit(url, wallet))
        except OSError:
            return

    with running_command(
        tmp_path / "said", "serve", "--node", folder, "--port", "0", secrets=SECRET
    ) as process:
        url = process.wait_for_file(folder / "node.address")
        before = _entries(url)
        callers = [threading.Thread(target=load) for _ in range(8)]
        for caller in callers:
            caller.start()
        deadline = time.monotonic() + START_SECONDS  # The processes that verify start beside the node.
        while len(acknowledged) < LOAD_ANSWERS and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.end(signal.SIGTERM).returncode in (0, -signal.SIGTERM)
        for caller in callers:
            caller.join()
    assert acknowledged.count(200) > 8
    assert set(acknowledged) <= {200, 503}
    assert check_ledger(folder).entries >= before + acknowledged.count(200)


def _entries(url: str) -> int:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=START_SECONDS)
    connection.request("GET", "/healthz")
    entries: int = json.loads(connection.getresponse().read())["entries"]
    connection.close()
    return entries


def _open_visit(url: str, wallet: Wallet) -> int:
    ids = IdSource(SystemClock())
    body = {"visit": ids.next(), "patient": PATIENT, "clinician": CLINICIAN, "devices": []}
    data = sign_request(wallet, node=ORIGIN, commands=[("visit.open/1", body)], clock=SystemClock(), ids=ids)
    connection = HTTPConnection(urlsplit(url).netloc, timeout=START_SECONDS)
    try:
        connection.request("POST", "/v1/commands", data)
        response = connection.getresponse()
        response.read()
        return response.status
    except ConnectionError as error:
        raise OSError("the node hung up") from error
    finally:
        connection.close()


def test_wrong_passphrase_is_refused(tmp_path: Path) -> None:
    make_folder(tmp_path / "node")
    refused(
        command("serve", "--node", tmp_path / "node", "--port", "0", passphrase=b"guess"), "wrong-passphrase"
    )


def test_missing_node_and_wrong_settings_are_refused(tmp_path: Path) -> None:
    refused(command("serve", "--node", tmp_path / "none"), "settings-refused")
    make_folder(tmp_path / "node")
    (tmp_path / "node" / "telesphor.toml").write_text(
        'origin = "a.example/b"\nport = "many"\n', encoding="utf-8"
    )
    refused(command("serve", "--node", tmp_path / "node"), "settings-refused")
    (tmp_path / "node" / "telesphor.toml").write_bytes(b"\xff\x00 = not toml")
    refused(command("fsck", "--node", tmp_path / "node"), "settings-refused")


def test_folder_of_an_existing_node_is_not_made_anew(tmp_path: Path) -> None:
    make_folder(tmp_path / "node")
    key = (tmp_path / "node" / "keys" / "node.key").read_bytes()
    refused(
        command("init", tmp_path / "node", "--passphrase-file", _passphrase_file(tmp_path)), "folder-refused"
    )
    assert (tmp_path / "node" / "keys" / "node.key").read_bytes() == key


def _passphrase_file(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_bytes(PASSPHRASE)
    return file


def test_read_only_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    make_folder(folder)
    with _read_only(folder):
        refused(command("serve", "--node", folder, "--port", "0"), "folder-refused")
        refused(
            command("init", folder / "inside", "--passphrase-file", _passphrase_file(tmp_path)),
            "folder-refused",
        )
    check_ledger(folder)


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """Nobody writes here: by permission, or for the superuser by a mount."""
    if os.geteuid() != 0:
        folder.chmod(0o500)
        (folder / "node.lock").chmod(0o400)
        yield
        folder.chmod(0o700)
        (folder / "node.lock").chmod(0o600)
        return
    with _mounted(folder, "--bind", str(folder)):
        _mount("-o", "remount,bind,ro", str(folder))
        yield


@contextmanager
def _mounted(folder: Path, *arguments: str) -> Iterator[None]:
    _mount(*arguments, str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def _mount(*arguments: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser mounts a small disk")
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")


def test_full_disk_is_refused_by_name_and_the_node_recovers(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with _mounted(disk, "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs"):
        with running(disk / "node") as node:
            acknowledged = [
                node.open_visit(node.ids.next()).json()["entries"][0]["position"] for _ in range(5)
            ]
            kept = node.put(b"kept" * 1_000)
            waiting, ticket = node.begin()
            with _full(disk):
                codes = {code_of(node.open_visit(node.ids.next()), 507) for _ in range(20)}
                assert codes == {"storage-full"}
                headers = {"authorization": f"Bearer {ticket}", "upload-offset": "0", "upload-complete": "?1"}
                upload = node.ask(
                    "PATCH", f"/v1/objects/{waiting}/content", body=bytes(100_000), headers=headers
                )
                assert code_of(upload, 507) == "storage-full"
                assert node.ask("GET", "/checkpoint").status == 200
            acknowledged.append(_first(node.open_visit(node.ids.next()).json()))
            again = node.ask("PATCH", f"/v1/objects/{waiting}/content", body=bytes(100_000), headers=headers)
            assert again.status == 200, again
            bearer = {"authorization": f"Bearer {node.read_ticket(kept)}"}
            assert node.ask("GET", f"/v1/objects/{kept}/content", headers=bearer).body == b"kept" * 1_000
            assert node.node.integrator.wait_for(acknowledged[-1], timeout_seconds=30)
            assert node.ask("GET", "/healthz").json()["status"] == "ok"
        assert check_ledger(disk / "node").entries > acknowledged[-1]
        with _full(disk):
            refused_by(
                command("serve", "--node", disk / "node", "--port", "0"), {"database-refused", "storage-full"}
            )


def _first(receipt: dict[str, list[dict[str, int]]]) -> int:
    return receipt["entries"][0]["position"]


def refused_by(done: Ended, codes: set[str]) -> None:
    """Refused with one of these codes."""
    found = next((code for code in codes if f"({code})" in done.stderr), "")
    assert found, done.stderr
    refused(done, found)


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    """Not one byte is left on the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    yield
    filler.unlink()
