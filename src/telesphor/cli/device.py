"""`device`: makers and their word, enrolment, firmware, and a device's own connections."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from telesphor.capabilities.identity.enrolment.connecting import Connected
from telesphor.capabilities.identity.enrolment.credential import (
    CREDENTIAL_BYTES_MAX,
    make_credential,
    parse_credential,
    verify_credential,
)
from telesphor.capabilities.identity.enrolment.service import DeviceView
from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption, JsonOption, Reached, open_wallet
from telesphor.client.device import CounterFile, DeviceClient, hash_file
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet, load_wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.commitment import KEY_BYTES, commit
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.kernel.signing import VerifyKey
from telesphor.runtime.console import emit_json, refusals, say, table
from telesphor.runtime.folder import read_passphrase, read_passphrase_file, write_private
from telesphor.runtime.settings import Settings

DAY_MS = 86_400_000
CREDENTIAL_DAYS = 3_650
"""Ten years: longer than most devices are in use."""

BACKDATED_MS = 300_000
"""The clocks of a factory and a hospital may differ as much as those of an actor and its node."""

JWKS_BYTES_MAX = 16 * 1024


class FileRefused(TelesphorError):
    """A file on the command line cannot be read, or is not what it should be."""

    code = "file-refused"
    kind = Kind.INVALID


class Reason(StrEnum):
    """Why a device is revoked."""

    LOST = "lost"
    STOLEN = "stolen"
    COMPROMISED = "compromised"
    DECOMMISSIONED = "decommissioned"
    ERROR = "error"


MakerIdOption = Annotated[str, typer.Option("--maker", help="Id of the maker, as `trust-maker` printed it.")]
ModelOption = Annotated[str, typer.Option("--model", help="The model, as the maker writes it.")]
OwnerOption = Annotated[
    str, typer.Option("--owner", help="Actor id of the person or organisation it is bound to.")
]
FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="Actor id of the device.")]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tree = typer.Typer(
        name="device",
        help="Devices: the maker's word, the organisation's countersignature, and each connection.\n\n"
        "Example: telesphor device show 0190... --as hospital.key",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    tree.command()(maker_credential)
    tree.command()(trust_maker)
    tree.command()(enrol)
    tree.command()(allow_firmware)
    tree.command()(connect)
    tree.command()(show)
    tree.command()(revoke)
    app.add_typer(tree)


def maker_credential(
    out: Annotated[
        Path, typer.Argument(help="The credential to write; its serial number's key goes beside it.")
    ],
    maker: Annotated[str, typer.Option(help="The maker's name: a domain it owns.")],
    maker_key: Annotated[Path, typer.Option(help="The maker's key file (`telesphor keygen --no-register`).")],
    device: Annotated[Path, typer.Option(help="The device's key file.")],
    model: ModelOption,
    serial: Annotated[str, typer.Option(help="The serial number; only a commitment to it is signed.")],
    days: Annotated[int, typer.Option(min=1, help="How long the credential is good.")] = CREDENTIAL_DAYS,
    keys_out: Annotated[
        Path | None, typer.Option(help="Also write the maker's public keys here, for `trust-maker`.")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase of both key files.")
    ] = None,
) -> None:
    """For makers: sign that this pair of keys is in a device of this model.

    Example: telesphor device maker-credential dev.cred --maker maker.example --maker-key maker.key --device dev.key
    --model "Oximeter 3" --serial SN-1
    """
    with refusals():
        clock = SystemClock()
        passphrase = _passphrase(passphrase_file)
        key = load_wallet(maker_key, passphrase=passphrase).signing_key
        opening = IdSource(clock).random_bytes(KEY_BYTES)
        data = make_credential(
            maker=maker,
            key=key,
            model=model,
            serial=commit(canonical.encode(serial), key32=opening),
            device=load_wallet(device, passphrase=passphrase).signing_key.public,
            begins_ms=clock.now_ms() - BACKDATED_MS,
            ends_ms=clock.now_ms() + days * DAY_MS,
        )
        write_private(out, data)
        beside = out.with_name(out.name + ".serial")
        write_private(beside, canonical.encode({"key": base64url.encode(opening), "serial": serial}))
        if keys_out is not None:
            write_private(keys_out, canonical.encode(key.public.jwks()))
        say(f"signed [bold]{out}[/]; [bold]{beside}[/] opens the serial number: hand it over with the device")


@at_node
def trust_maker(
    place: Place,
    name: Annotated[str, typer.Argument(help="The maker's name: a domain it owns.")],
    wallet: AsOption,
    keys: Annotated[
        Path | None, typer.Option(help="The maker's public keys, which you had from the maker itself.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="A model that counts; repeat.")] = None,
    maker: Annotated[
        str, typer.Option(help="Id of a maker that is trusted already, to name its models anew.")
    ] = "",
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Trust the maker of `--maker` no more.")
    ] = False,
) -> None:
    """Believe a maker's credentials for these models; prints the maker's id.

    Example: telesphor device trust-maker maker.example --keys maker.jwks --model "Oximeter 3" --as hospital.key
    """
    named = maker or IdSource(SystemClock()).next()
    if withdraw:
        command: Command = ("maker.distrust/1", {"maker": named})
    else:
        jwks = _read_jwks(keys)
        body = {"maker": named, "name": name, "keys": jwks, "models": model or []}
        command = ("maker.trust/1", body)
    receipt = place.ask(wallet, lambda client: client.send(command))
    print(named)
    said = "not trusted any more" if withdraw else f"trusted for {len(model or [])} models"
    say(f"entry {receipt.first}: {name} is {said}")


@at_node
def enrol(
    place: Place,
    credential: FileArgument,
    wallet: AsOption,
    device: Annotated[str, typer.Option(help="Actor id of the device, registered with `telesphor keygen`.")],
    maker: MakerIdOption,
    owner: OwnerOption,
) -> None:
    """Countersign a maker's credential, and bind the device to its owner.

    Example: telesphor device enrol dev.cred --device 0190... --maker 0190... --owner 0190... --as hospital.key
    """
    data = _read(credential, CREDENTIAL_BYTES_MAX)
    verified = verify_credential(data)
    body = {
        "device": device,
        "maker": maker,
        "owner": owner,
        "document": verified.digest,
        "credential": msgspec.to_builtins(parse_credential(data)),
    }
    receipt = place.ask(wallet, lambda client: client.send(("device.enrol/1", body)))
    print(device)
    say(f"entry {receipt.first}: a {verified.claims.model} of {verified.claims.maker} is enrolled")


@at_node
def allow_firmware(
    place: Place,
    wallet: AsOption,
    firmware: Annotated[Path | None, typer.Argument(help="The firmware's image.")] = None,
    maker: Annotated[str, typer.Option(help="Id of the maker.")] = "",
    model: Annotated[str, typer.Option(help="The model that may run it.")] = "",
    withdraw: Annotated[str, typer.Option(help="Id of a firmware that may run no more.")] = "",
) -> None:
    """Let devices of a model connect that run this firmware; prints the firmware's id.

    Example: telesphor device allow-firmware image.bin --maker 0190... --model "Oximeter 3" --as hospital.key
    """
    named = withdraw or IdSource(SystemClock()).next()
    if withdraw:
        command: Command = ("firmware.withdraw/1", {"firmware": named})
    else:
        if firmware is None:
            raise FileRefused("no firmware is named", hint="name its image, or `--withdraw` with its id")
        body = {"firmware": named, "maker": maker, "model": model, "hash": hash_file(firmware)}
        command = ("firmware.allow/1", body)
    receipt = place.ask(wallet, lambda client: client.send(command))
    print(named)
    say(f"entry {receipt.first}: the firmware is {'withdrawn' if withdraw else f'allowed for {model}'}")


@at_node
def connect(
    place: Place,
    wallet: AsOption,
    owner: OwnerOption,
    firmware: Annotated[
        Path, typer.Option(help="The image that the device runs.", exists=True, dir_okay=False)
    ],
    counter: Annotated[
        Path, typer.Option(help="The device's counter file; never copy it, never restore it.")
    ],
    new: Annotated[
        bool, typer.Option("--new", help="Make the counter file: the device connects the first time.")
    ] = False,
    after: Annotated[int, typer.Option(min=0, help="With `--new`: the last number that the node knows.")] = 0,
    json: JsonOption = False,
) -> None:
    """For devices: answer a challenge with owner, firmware and counter.

    Example: telesphor device connect --as dev.key --owner 0190... --firmware image.bin --counter dev.counter
    """
    with place.reach() as reached:
        device = open_wallet(wallet, place.node)
        count = CounterFile(counter)
        if new:
            count.create(device.actor, after=after)
        connected = asyncio.run(_connect(reached, device, count, owner=owner, firmware=hash_file(firmware)))
        if json:
            emit_json(connected)
            return
        say(f"connected until {connected.not_after}")


@at_node
def show(place: Place, device: DeviceArgument, wallet: AsOption, json: JsonOption = False) -> None:
    """Show how a device stands; that it was shown is recorded.

    Example: telesphor device show 0190... --as hospital.key
    """
    receipt = place.ask(wallet, lambda client: client.send(("device.show/1", {"device": device})))
    found = msgspec.convert(receipt.results[0], DeviceView)
    if json:
        emit_json(found)
        return
    rows = [
        (name.replace("_", " "), str(getattr(found, name) or "-")) for name in DeviceView.__struct_fields__
    ]
    table("", ("", ""), rows)


@at_node
def revoke(
    place: Place,
    device: DeviceArgument,
    wallet: AsOption,
    reason: Annotated[Reason, typer.Option(help="Why.")] = Reason.LOST,
) -> None:
    """End a device's enrolment at once; keys that were lost, stolen or compromised are never enrolled again.

    Example: telesphor device revoke 0190... --reason stolen --as hospital.key
    """
    body = {"device": device, "reason": reason.value}
    receipt = place.ask(wallet, lambda client: client.send(("device.revoke/1", body)))
    say(f"entry {receipt.first}: revoked")


async def _connect(
    reached: Reached, wallet: Wallet, counter: CounterFile, *, owner: str, firmware: str
) -> Connected:
    async with DeviceClient(
        reached.url, wallet, origin=reached.origin, counter=counter, tls=reached.tls
    ) as device:
        return await device.connect(owner=owner, firmware=firmware)


def _read_jwks(path: Path | None) -> list[dict[str, str]]:
    """A maker's public pair, read strictly, so that what is trusted is what was meant."""
    if path is None:
        raise FileRefused("no keys are named", hint="name the maker's public keys with `--keys`")
    return VerifyKey.from_jwks(canonical.decode(_read(path, JWKS_BYTES_MAX), limit=JWKS_BYTES_MAX)).jwks()


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise FileRefused(f"`{path.name}` cannot be read", detail=type(error).__name__) from error
    if len(data) > limit:
        raise FileRefused(f"`{path.name}` has more than `{limit}` bytes")
    return data


def _passphrase(file: Path | None) -> bytes:
    if file is not None:
        return read_passphrase_file(file)
    return read_passphrase(Settings(origin="telesphor.example/maker"), ask=True)
