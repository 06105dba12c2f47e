"""Wallets keep their keys, and say when they cannot."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from telesphor.client.wallet import Wallet, WalletRefused, load_wallet, save_wallet
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.ids import IdSource
from telesphor.kernel.keyfile import Argon2idParams, KeyfileRefused, WrongPassphrase, seal_keyfile

CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)
PASSPHRASE = b"correct horse"


@pytest.fixture
def wallet() -> Wallet:
    return Wallet.create(kind="person", ids=IdSource(ManualClock(1_795_348_275_123)))


def test_saved_wallet_is_read_back(tmp_path: Path, wallet: Wallet) -> None:
    path = tmp_path / "person.key"
    save_wallet(wallet, path, passphrase=PASSPHRASE, params=CHEAP)
    assert load_wallet(path, passphrase=PASSPHRASE) == wallet
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_saved_wallet_replaces_the_one_before(tmp_path: Path, wallet: Wallet) -> None:
    path = tmp_path / "person.key"
    save_wallet(wallet, path, passphrase=PASSPHRASE, params=CHEAP)
    renewed = wallet.renew()
    save_wallet(renewed, path, passphrase=PASSPHRASE, params=CHEAP)
    assert load_wallet(path, passphrase=PASSPHRASE) == renewed != wallet


def test_wallet_shows_no_key(wallet: Wallet) -> None:
    text = repr(wallet)
    for secret in (wallet.signing_key.ed25519_seed, wallet.signing_key.mldsa_seed, wallet.kem_key.seed):
        assert repr(secret) not in text
        assert secret.hex() not in text
    assert "signing_key" not in text


def test_wrong_passphrase_is_refused(tmp_path: Path, wallet: Wallet) -> None:
    save_wallet(wallet, tmp_path / "w", passphrase=PASSPHRASE, params=CHEAP)
    with pytest.raises(WrongPassphrase):
        load_wallet(tmp_path / "w", passphrase=b"wrong")


def test_missing_wallet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WalletRefused):
        load_wallet(tmp_path / "none", passphrase=PASSPHRASE)


def test_folder_that_is_missing_is_refused(tmp_path: Path, wallet: Wallet) -> None:
    with pytest.raises(WalletRefused):
        save_wallet(wallet, tmp_path / "none" / "w", passphrase=PASSPHRASE, params=CHEAP)


def test_file_that_is_no_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"{}")
    with pytest.raises(KeyfileRefused):
        load_wallet(tmp_path / "w", passphrase=PASSPHRASE)


@pytest.mark.parametrize(
    "secret", [{"format": "telesphor-wallet/2"}, {"format": "telesphor-wallet/1", "actor": "x"}, {}]
)
def test_key_file_that_holds_something_else_is_refused(tmp_path: Path, secret: dict[str, str]) -> None:
    (tmp_path / "w").write_bytes(seal_keyfile(secret, passphrase=PASSPHRASE, params=CHEAP))
    with pytest.raises(WalletRefused):
        load_wallet(tmp_path / "w", passphrase=PASSPHRASE)
