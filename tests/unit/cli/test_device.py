"""`telesphor device`: from a maker's credential to a refused clone, as makers, hospitals and devices type it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from telesphor.capabilities.identity.enrolment.credential import verify_credential
from telesphor.cli.device import add_to
from telesphor.client.wallet import Wallet, save_wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.commitment import open_commitment
from telesphor.kernel.keyfile import Argon2idParams
from tests.unit.capabilities.identity.enrolment.edge import serving_aside
from tests.unit.capabilities.identity.enrolment.ward import Ward
from tests.unit.capabilities.identity.small_node import ORIGIN

SECRET = b"correct horse battery staple"
CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)


class Desk:
    """Key files in a folder, and a node that answers."""

    def __init__(self, folder: Path, ward: Ward, url: str) -> None:
        self.folder, self.ward, self.url = folder, ward, url
        (folder / "passphrase").write_bytes(SECRET)
        (folder / "telesphor.toml").write_text(
            f'origin = "{ORIGIN}"\npassphrase_file = "{folder / "passphrase"}"\n'
        )
        (folder / "image.bin").write_bytes(b"firmware")
        self.device = ward.world.enrol("device")
        self.keep("maker.key", Wallet.create(kind="organisation", ids=ward.world.ids))
        self.keep("hospital.key", ward.hospital)
        self.keep("dev.key", self.device)

    def keep(self, name: str, wallet: Wallet) -> None:
        save_wallet(wallet, self.folder / name, passphrase=SECRET, params=CHEAP)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def run(self, command: str, *words: str, by: str = "hospital.key") -> Result:
        app = typer.Typer()
        add_to(app)
        app.command(name="other")(lambda: None)
        reached = ("--as", self.path(by), "--url", self.url, "--origin", ORIGIN, "--node", str(self.folder))
        return CliRunner().invoke(app, ["device", command, *words, *reached])

    def make_credential(self, out: str = "dev.cred", *words: str) -> Result:
        app = typer.Typer()
        add_to(app)
        app.command(name="other")(lambda: None)
        said = ("--maker", "maker.example", "--model", "Oximeter 3", "--serial", "SN-1")
        keys = ("--maker-key", self.path("maker.key"), "--device", self.path("dev.key"))
        secret = ("--passphrase-file", self.path("passphrase"))
        words = ("device", "maker-credential", self.path(out), *said, *keys, *secret, *words)
        return CliRunner().invoke(app, words)

    def trust(self) -> str:
        made = self.make_credential("dev.cred", "--keys-out", self.path("maker.jwks"))
        assert made.exit_code == 0, made.output
        keys = ("--keys", self.path("maker.jwks"))
        trusted = self.run("trust-maker", "maker.example", *keys, "--model", "Oximeter 3")
        assert trusted.exit_code == 0, trusted.output
        return trusted.stdout.strip()

    def enrol(self, maker: str) -> Result:
        device, owner = self.device.actor, self.ward.patient.actor
        ids = ("--device", device, "--maker", maker, "--owner", owner)
        return self.run("enrol", self.path("dev.cred"), *ids)

    def allow(self, maker: str) -> str:
        allowed = self.run(
            "allow-firmware", self.path("image.bin"), "--maker", maker, "--model", "Oximeter 3"
        )
        assert allowed.exit_code == 0, allowed.output
        return allowed.stdout.strip()

    def connect(self, *words: str, counter: str = "dev.counter") -> Result:
        said = ("--owner", self.ward.patient.actor, "--firmware", self.path("image.bin"))
        return self.run("connect", *said, "--counter", self.path(counter), *words, by="dev.key")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    ward = Ward(tmp_path, start_ms=SystemClock().now_ms())
    with serving_aside(ward) as url:
        yield Desk(tmp_path, ward, url)
    ward.world.close()


def test_device_comes_from_the_factory_to_the_ward_and_its_clone_is_refused(desk: Desk) -> None:
    maker = desk.trust()
    assert desk.enrol(maker).exit_code == 0
    desk.allow(maker)
    connected = desk.connect("--new")
    assert connected.exit_code == 0, connected.output
    assert "connected until" in connected.output
    copy = (desk.folder / "dev.counter").read_bytes()
    assert desk.connect().exit_code == 0
    (desk.folder / "copy.counter").write_bytes(copy)
    clone = desk.connect(counter="copy.counter")
    assert clone.exit_code == 1
    assert "(device-cloned)" in clone.output
    shown = desk.run("show", desk.device.actor, "--json")
    assert json.loads(shown.stdout)["state"] == "quarantined"


def test_serial_number_is_opened_by_the_file_beside_the_credential(desk: Desk) -> None:
    assert desk.make_credential().exit_code == 0
    opening = canonical.decode((desk.folder / "dev.cred.serial").read_bytes(), limit=1_000)
    assert isinstance(opening, dict)
    claims = verify_credential((desk.folder / "dev.cred").read_bytes()).claims
    key = base64url.decode(opening["key"])
    open_commitment(claims.serial, canonical.encode(opening["serial"]), key)
    assert opening["serial"] == "SN-1"
    assert (desk.folder / "dev.cred.serial").stat().st_mode & 0o777 == 0o600


def test_credential_is_not_written_over_another(desk: Desk) -> None:
    assert desk.make_credential().exit_code == 0
    again = desk.make_credential()
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_maker_is_distrusted_and_its_firmware_withdrawn(desk: Desk) -> None:
    maker = desk.trust()
    firmware = desk.allow(maker)
    assert desk.run("allow-firmware", "--withdraw", firmware).exit_code == 0
    assert desk.run("trust-maker", "maker.example", "--maker", maker, "--withdraw").exit_code == 0
    refused = desk.enrol(maker)
    assert refused.exit_code == 1
    assert "(maker-not-trusted)" in refused.output


def test_revoked_device_is_shown_as_revoked(desk: Desk) -> None:
    assert desk.enrol(desk.trust()).exit_code == 0
    assert desk.run("revoke", desk.device.actor, "--reason", "stolen").exit_code == 0
    shown = desk.run("show", desk.device.actor)
    assert shown.exit_code == 0
    assert "revoked" in shown.output


def test_missing_counter_is_refused_with_a_hint(desk: Desk) -> None:
    refused = desk.connect()
    assert refused.exit_code == 1
    assert "(counter-missing)" in refused.output
    assert "hint:" in refused.output


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[" * 20_000, b"A" * 20_000])
def test_file_that_holds_no_maker_keys_is_refused(desk: Desk, data: bytes) -> None:
    (desk.folder / "maker.jwks").write_bytes(data)
    refused = desk.run("trust-maker", "maker.example", "--keys", desk.path("maker.jwks"), "--model", "M")
    assert refused.exit_code == 1
    assert "telesphor:" in refused.output


def test_trust_without_keys_is_refused(desk: Desk) -> None:
    refused = desk.run("trust-maker", "maker.example", "--model", "M")
    assert refused.exit_code == 1
    assert "(file-refused)" in refused.output


def test_file_that_is_no_credential_is_refused(desk: Desk) -> None:
    (desk.folder / "dev.cred").write_bytes(b"{}")
    refused = desk.enrol(desk.ward.maker)
    assert refused.exit_code == 1
    assert "(maker-credential-refused)" in refused.output
