"""`did protect`, `did report-lost`, `did renew`, `did recover ...`: keys that are lost, and how they come back.

The order of a recovery: the actor makes new keys (`renew`), hands the public offer to its guardians, one of them
begins, others approve, and after the waiting time anyone finishes. Guardians compare the fingerprint that they
are shown with the one that the actor reads to them; that comparison is what a recovery rests on.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import DEFAULT_FOLDER, AsOption, NodeOption, OriginOption, open_wallet
from telesphor.client.recovery import (
    RecoveryKey,
    approve_recovery_command,
    begin_recovery_command,
    cancel_recovery_command,
    load_recovery_key,
    make_offer,
    make_statement,
    recover_command,
    report_lost_command,
    save_recovery_key,
    set_recovery_command,
)
from telesphor.client.wallet import Wallet, save_wallet
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, parse_id
from telesphor.kernel.sealing import RecipientKey
from telesphor.kernel.signing import HybridSuite, SigningKey, VerifyKey
from telesphor.runtime.console import refusals, say
from telesphor.runtime.folder import read_passphrase, read_passphrase_file
from telesphor.runtime.settings import load_settings

OFFER_BYTES_MAX = 64 * 1024
"""Public keys and a card, under 20 KB."""

ActorArgument = Annotated[str, typer.Argument(metavar="ACTOR", help="The id of the actor who lost its keys.")]
OfferOption = Annotated[
    Path, typer.Option("--offer", help="The offer that `did renew` wrote.", exists=True, dir_okay=False)
]
PassphraseOption = Annotated[
    Path | None, typer.Option(help="File with the passphrase of the recovery key; default the node's.")
]


class LossOption(StrEnum):
    """What happened to the keys."""

    LOST = "lost"
    STOLEN = "stolen"
    DISCLOSED = "disclosed"


class KindOption(StrEnum):
    """Kinds of actors that can be recovered."""

    PERSON = "person"
    SYSTEM = "system"
    DEVICE = "device"
    ORGANISATION = "organisation"


class OfferRefused(TelesphorError):
    """The file is not the offer of new keys that it should be."""

    code = "offer-refused"
    kind = Kind.INVALID


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New keys of an actor, and the card by which it proves them, as the file holds them."""

    actor: str
    keys: list[dict[str, str]]
    kem: str
    card: dict[str, Any]

    @property
    def thumbprints(self) -> tuple[str, str]:
        """Of the new pair; raises `KeyRefused` (kernel)."""
        return VerifyKey.from_jwks(self.keys).thumbprints()

    def said(self) -> dict[str, Any]:
        """The members that stand in a command."""
        return {"keys": self.keys, "kem": self.kem, "card": self.card}


def add_to(tree: typer.Typer) -> None:
    """Register these commands below `did`."""
    tree.command()(protect)
    tree.command()(report_lost)
    tree.command()(renew)
    recover = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    recover.command()(begin)
    recover.command()(approve)
    recover.command()(cancel)
    recover.command()(finish)
    tree.add_typer(recover, name="recover")


_HELP = """Give an actor new keys without its old ones.

Example: telesphor did recover begin 0190... --offer new.key.offer.json --as guardian.key
"""


@at_node
def protect(
    place: Place,
    wallet: AsOption,
    guardian: Annotated[list[str] | None, typer.Option(help="Id of a guardian; repeat.")] = None,
    threshold: Annotated[int, typer.Option(min=0, help="How many guardians it takes; at least two.")] = 2,
    wait_hours: Annotated[int, typer.Option(min=0, max=720, help="Time in which you can still cancel.")] = 72,
    recovery_key: Annotated[
        Path | None, typer.Option(help="Write a recovery key here too; keep it elsewhere, sealed.")
    ] = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Say how you are to be recovered, in place of what you said before.

    Example: telesphor did protect --as me.key --guardian 0190... --guardian 0191... --recovery-key safe.key
    """
    signer = open_wallet(wallet, place.node)
    pair = None
    if recovery_key is not None:
        if recovery_key.exists():
            raise OfferRefused(f"the file `{recovery_key}` exists", hint="name another")
        pair = RecoveryKey.create(signer.actor)
        save_recovery_key(pair, recovery_key, passphrase=_passphrase(place.node, passphrase_file))
    command = set_recovery_command(
        guardians=guardian or [],
        threshold=threshold if guardian else 0,
        wait_seconds=wait_hours * 3_600,
        recovery=None if pair is None else pair.key.public,
    )
    receipt = place.ask_as(signer, lambda client: client.send(command))
    say(f"entry {receipt.first} says who may recover {signer.actor}, after {wait_hours} hours")


@at_node
def report_lost(
    place: Place,
    actor: ActorArgument,
    wallet: AsOption,
    reason: Annotated[LossOption, typer.Option(help="What happened.")] = LossOption.LOST,
) -> None:
    """Suspend an actor at once: none of its keys is in force until it is recovered.

    Example: telesphor did report-lost 0190... --reason stolen --as guardian.key
    """
    command = report_lost_command(actor, reason=reason.value)
    receipt = place.ask(wallet, lambda client: client.send(command))
    say(f"entry {receipt.first} suspends {actor}; nothing it signs counts from now on")


def renew(
    out: Annotated[Path, typer.Argument(help="The new key file to write.")],
    actor: Annotated[str, typer.Option(help="Your id.")],
    kind: Annotated[KindOption, typer.Option(help="What sort of actor you are.")] = KindOption.PERSON,
    passphrase_file: PassphraseOption = None,
    node: NodeOption = DEFAULT_FOLDER,
    origin: OriginOption = "",
) -> None:
    """Make new keys for an actor that lost its own, and the offer to hand to its guardians.

    Example: telesphor did renew new.key --actor 0190...
    """
    with refusals():
        offer_file = out.with_name(out.name + ".offer.json")
        for file in (out, offer_file):
            if file.exists():
                raise OfferRefused(f"the file `{file}` exists", hint="name another")
        wallet = Wallet(
            ActorId(parse_id(actor)),
            kind.value,
            SigningKey.generate(HybridSuite.ACTOR),
            RecipientKey.generate(),
        )
        offer = make_offer(wallet, node=origin or load_settings(node).origin)
        save_wallet(wallet, out, passphrase=_passphrase(node, passphrase_file))
        offer_file.write_bytes(msgspec.json.encode({"actor": actor, **offer}))
        _say_fingerprint(wallet.signing_key.public.thumbprints())
        say(f"hand [bold]{offer_file}[/] to your guardians, and read them this fingerprint")


@at_node
def begin(
    place: Place,
    actor: ActorArgument,
    wallet: AsOption,
    offer: OfferOption,
    recovery_key: Annotated[
        Path | None, typer.Option(help="The recovery key, where no guardian begins it.", exists=True)
    ] = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Begin a recovery: as a guardian, which approves it, or with the recovery key.

    Example: telesphor did recover begin 0190... --offer new.key.offer.json --as guardian.key
    """
    read = _read_offer(offer, actor)
    _say_fingerprint(read.thumbprints)
    statement = None
    if recovery_key is not None:
        pair = load_recovery_key(recovery_key, passphrase=_passphrase(place.node, passphrase_file))
        statement = make_statement(
            pair, offer=read.said(), node=place.origin or load_settings(place.node).origin
        )
    command = begin_recovery_command(actor, offer=read.said(), statement=statement)
    receipt = place.ask(wallet, lambda client: client.send(command))
    say(f"entry {receipt.first} begins it; it can be finished from {receipt.results[0]['ready_at']}")


@at_node
def approve(place: Place, actor: ActorArgument, wallet: AsOption, offer: OfferOption) -> None:
    """Approve a recovery as another guardian, once the actor read you the same fingerprint.

    Example: telesphor did recover approve 0190... --offer new.key.offer.json --as guardian.key
    """
    read = _read_offer(offer, actor)
    _say_fingerprint(read.thumbprints)
    command = approve_recovery_command(actor, keys=read.thumbprints)
    receipt = place.ask(wallet, lambda client: client.send(command))
    say(f"entry {receipt.first} approves it; it can be finished from {receipt.results[0]['ready_at']}")


@at_node
def cancel(place: Place, wallet: AsOption) -> None:
    """Stop every recovery of yours that is under way, while your keys still work.

    Example: telesphor did recover cancel --as me.key
    """
    signer = open_wallet(wallet, place.node)
    receipt = place.ask_as(signer, lambda client: client.send(cancel_recovery_command()))
    say(f"entry {receipt.first} cancels every recovery of {signer.actor}")


@at_node
def finish(place: Place, actor: ActorArgument, wallet: AsOption, offer: OfferOption) -> None:
    """Finish a recovery whose time is over; any actor may.

    Example: telesphor did recover finish 0190... --offer new.key.offer.json --as clinic.key
    """
    command = recover_command(actor, keys=_read_offer(offer, actor).thumbprints)
    receipt = place.ask(wallet, lambda client: client.send(command))
    say(f"entry {receipt.first} gives {actor} its new keys; those of before are void")


def _read_offer(path: Path, actor: str) -> Offer:
    try:
        with path.open("rb") as file:
            offer = msgspec.json.decode(file.read(OFFER_BYTES_MAX), type=Offer)
    except (OSError, msgspec.MsgspecError) as error:
        raise OfferRefused(f"`{path.name}` is not an offer of keys", detail=type(error).__name__) from error
    if offer.actor != actor:
        raise OfferRefused(
            f"`{path.name}` is the offer of another actor", hint=f"it is of `{offer.actor[:36]}`"
        )
    return offer


def _passphrase(node: Path, file: Path | None) -> bytes:
    return read_passphrase(load_settings(node), ask=True) if file is None else read_passphrase_file(file)


def _say_fingerprint(keys: tuple[str, str]) -> None:
    say(f"fingerprint of the new keys: [bold]{keys[0]}[/] and [bold]{keys[1]}[/]")
