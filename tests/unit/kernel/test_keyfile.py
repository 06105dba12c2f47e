"""Key files: opened by their passphrase, bounded before any work, refused when altered."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel import canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.keyfile import (
    ARGON2ID,
    KEYFILE_BYTES_MAX,
    Argon2idParams,
    KeyfileRefused,
    WrongPassphrase,
    open_keyfile,
    seal_keyfile,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "keyfile.json").read_text("utf-8"))
QUICK = Argon2idParams(memory_kib=8192, iterations=1, lanes=1)
SECRET = {"seed": "SECRETSECRET", "v": 1}
KEYFILE = seal_keyfile(SECRET, passphrase=b"pass", params=QUICK)


def test_sealed_secret_opens_with_its_passphrase() -> None:
    assert open_keyfile(KEYFILE, passphrase=b"pass") == SECRET


def test_default_parameters_are_64_mib_three_passes_four_lanes_and_open(shipped_cost: None) -> None:
    data = seal_keyfile(SECRET, passphrase=b"pass")
    assert json.loads(data)["kdf"] == {"iterations": 3, "lanes": 4, "memory_kib": 65_536, "name": "argon2id"}
    assert Argon2idParams(65_536, 3, 4) == ARGON2ID
    assert open_keyfile(data, passphrase=b"pass") == SECRET


def test_files_are_sealed_in_many_threads_at_once() -> None:
    lanes = Argon2idParams(memory_kib=8192, iterations=1, lanes=4)

    def seal() -> None:
        for _ in range(8):
            assert open_keyfile(seal_keyfile(SECRET, passphrase=b"pass", params=lanes), passphrase=b"pass")

    threads = [threading.Thread(target=seal, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_file_is_canonical_and_shows_no_secret() -> None:
    assert canonical.encode(json.loads(KEYFILE)) == KEYFILE
    assert b"SECRET" not in KEYFILE


def test_same_secret_sealed_twice_differs() -> None:
    assert seal_keyfile(SECRET, passphrase=b"pass", params=QUICK) != KEYFILE


def test_wrong_passphrase_is_refused() -> None:
    with pytest.raises(WrongPassphrase):
        open_keyfile(KEYFILE, passphrase=b"Pass")


@pytest.mark.parametrize("passphrase", [b"", b"x" * 4097])
def test_passphrase_out_of_bounds_is_refused(passphrase: bytes) -> None:
    with pytest.raises(KeyfileRefused):
        seal_keyfile(SECRET, passphrase=passphrase, params=QUICK)
    with pytest.raises(KeyfileRefused):
        open_keyfile(KEYFILE, passphrase=passphrase)


@pytest.mark.parametrize(
    "params", [(8191, 1, 1), (2**20 + 1, 1, 1), (8192, 0, 1), (8192, 17, 1), (8192, 1, 0), (8192, 1, 17)]
)
def test_parameters_out_of_bounds_cannot_be_built(params: tuple[int, int, int]) -> None:
    with pytest.raises(KeyfileRefused):
        Argon2idParams(*params)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff", KEYFILE + b"\n", b" " + KEYFILE])
def test_what_is_no_key_file_is_refused(data: bytes) -> None:
    with pytest.raises(KeyfileRefused):
        open_keyfile(data, passphrase=b"pass")


def test_file_above_its_bound_is_refused() -> None:
    with pytest.raises(KeyfileRefused):
        open_keyfile(bytes(KEYFILE_BYTES_MAX + 1), passphrase=b"pass")
    with pytest.raises(KeyfileRefused):
        seal_keyfile({"x": "y" * KEYFILE_BYTES_MAX}, passphrase=b"pass", params=QUICK)


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_good_keyfile_vector_opens(vector: dict[str, Any]) -> None:
    secret = open_keyfile(vector["keyfile"].encode(), passphrase=vector["passphrase"].encode())
    assert secret == vector["secret"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_keyfile_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        open_keyfile(vector["keyfile"].encode(), passphrase=vector["passphrase"].encode())
    assert refusal.value.code == vector["code"]
