"""`factor trust`, `issue`, `receive`, `revoke`: how a credential comes to its holder, and how it is taken back.

They are commands of `factor`; `factor.py` has those about showing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from telesphor.capabilities.identity.credentials.model import Factor, FactorValue
from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption, JsonOption, Reached, open_wallet
from telesphor.client.credentials import CredentialBook, load_credentials, save_credentials
from telesphor.client.issuing import (
    HANDOVER_BYTES_MAX,
    HandoverRefused,
    Issuer,
    IssuerClient,
    Noted,
    open_handover,
    seal_handover,
    vouch,
)
from telesphor.client.wallet import Wallet, load_wallet
from telesphor.kernel.clock import SystemClock, parse_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.signing import KeyRefused, VerifyKey
from telesphor.runtime.console import emit_json, say
from telesphor.runtime.folder import read_passphrase
from telesphor.runtime.settings import load_settings

R = TypeVar("R")

PAIR_BYTES_MAX = 16 * 1024
"""Two JWKs are under 4 KB."""


class GroupOption(StrEnum):
    """Groups of factors; one credential has the factors of one."""

    IDENTITY = "identity"
    LICENCE = "licence"
    INSURANCE = "insurance"
    EMPLOYMENT = "employment"
    DEVICE = "device"


class ReasonOption(StrEnum):
    """Why a credential is taken back; a reason in words would be about a person."""

    LOST = "lost"
    COMPROMISED = "compromised"
    SUPERSEDED = "superseded"
    ENDED = "ended"
    MISTAKEN = "mistaken"
    UNDER_REVIEW = "under-review"
    OTHER = "other"


class IssuerFileRefused(TelesphorError):
    """The file does not say as which issuer to issue."""

    code = "issuer-file-refused"
    kind = Kind.INVALID


class FactorTextRefused(TelesphorError):
    """A factor on the command line is not written as one."""

    code = "factor-text-refused"
    kind = Kind.INVALID


IssuerFileOption = Annotated[
    Path | None,
    typer.Option("--issuer-file", help="Where the issuer's ids are kept; beside the key file if not said."),
]
CredentialsOption = Annotated[
    Path | None,
    typer.Option("--credentials", help="The sealed file of credentials; beside the key file if not said."),
]
DidOption = Annotated[str, typer.Option("--did", help="Trust another issuer: its DID.")]


@at_node
def trust(
    place: Place,
    wallet: AsOption,
    issuer_file: IssuerFileOption = None,
    group: Annotated[
        list[GroupOption] | None, typer.Option(help="It may vouch for this group; repeat. All if not said.")
    ] = None,
    did: DidOption = "",
    keys: Annotated[
        list[Path] | None, typer.Option(help="With --did: a file with its two JWKs; repeat.", exists=True)
    ] = None,
    status_uri: Annotated[
        str, typer.Option(help="With --did: how the addresses of its status lists begin.")
    ] = "",
) -> None:
    """Make this organisation an issuer at the node, or have the node trust another issuer; prints its id.

    Example: telesphor factor trust --as hospital.key
    """
    path = issuer_file or wallet.with_suffix(".issuer")
    groups = [one.value for one in group or list(GroupOption)]
    if did:
        pairs = [read_pair(one) for one in keys or []]
        uri = status_uri or None
        print(
            ask_node(
                place, wallet, lambda client: client.trust_issuer(did, pairs, groups=groups, status_uri=uri)
            )
        )
        return
    if path.exists():
        raise IssuerFileRefused(f"`{path.name}` is there already", hint="this organisation issues with it")
    made = ask_node(place, wallet, lambda client: client.become_issuer(groups))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    say(f"this organisation is an issuer; its ids are in {path}")
    print(made.issuer)


@at_node
def issue(
    place: Place,
    wallet: AsOption,
    to: Annotated[str, typer.Option(help="Id of the actor it is issued to.")],
    group: Annotated[GroupOption, typer.Option(help="Group of the factors.")],
    factor: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A factor that you verified; repeat.")
    ] = None,
    own_word: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What the holder says of itself; repeat.")
    ] = None,
    vouched_by: Annotated[
        str, typer.Option(help="Identifier of the source you relied on; you if not said.")
    ] = "",
    verified_at: Annotated[str, typer.Option(help="Instant at which it was verified; now if not said.")] = "",
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How long it is good for.")] = 365,
    out: Annotated[Path | None, typer.Option(help="Write it here, sealed to its holder.")] = None,
    offer: Annotated[bool, typer.Option(help="Leave it at the running node, and print the offer.")] = False,
    issuer_file: IssuerFileOption = None,
    json: JsonOption = False,
) -> None:
    """Issue a credential to an actor of this node; prints its id. Only its holder can open it.

    Example: telesphor factor issue --to ID --group licence --factor licensed_in=WA --out ana.handover --as hospital.key
    """
    if (out is None) != offer:
        raise HandoverRefused(
            "a credential goes to a file or to the node", hint="say `--out FILE` or `--offer`"
        )
    known = read_issuer(issuer_file or wallet.with_suffix(".issuer"))
    at_ms = parse_instant(verified_at) if verified_at else SystemClock().now_ms()

    async def send(client: IssuerClient) -> Noted:
        subject = await client.public_actor(to)
        factors = [
            *read_factors(factor or [], by=vouched_by or known.did, at_ms=at_ms),
            *read_factors(own_word or [], by=subject.did, at_ms=at_ms, own_word=True),
        ]
        noted = await client.issue(
            subject, group.value, factors, issuer=known, actor=to, days=days, verified_ms=at_ms
        )
        if out is None:
            emit_json(await client.leave(noted))
        else:
            out.write_bytes(seal_handover(noted, holder=to, kem=subject.kem))
        return noted

    _say_issued(ask_node(place, wallet, send), out=out, json=json)


def _say_issued(noted: Noted, *, out: Path | None, json: bool) -> None:
    if json and out is not None:
        emit_json({"credential": noted.credential, "digest": noted.issued.digest, "file": str(out)})
        return
    if out is not None:
        print(noted.credential)
    where = f"in {out}, sealed to its holder" if out is not None else "left at the node for its holder"
    say(f"credential {noted.credential} noted in entry {noted.receipt.first}; {where}")


@at_node
def receive(
    place: Place,
    wallet: AsOption,
    file: Annotated[
        Path | None,
        typer.Argument(help="A credential that was handed over as a file.", exists=True, dir_okay=False),
    ] = None,
    code: Annotated[str, typer.Option(help="Instead: the pre-authorised code of an offer.")] = "",
    group: Annotated[GroupOption | None, typer.Option(help="With --code: the group that is offered.")] = None,
    issuer: Annotated[
        Path | None,
        typer.Option(help="Two JWKs of the issuer, when it is no actor of this node.", exists=True),
    ] = None,
    credentials: CredentialsOption = None,
) -> None:
    """Take a credential into this wallet, once its issuer's signatures verify and it is bound to your keys.

    Example: telesphor factor receive ana.handover --as ana.key
    """
    holder, book, path = open_book(wallet, credentials, place.node)

    async def take(client: IssuerClient) -> CredentialBook:
        if file is not None:
            with file.open("rb") as source:
                data = open_handover(source.read(HANDOVER_BYTES_MAX), holder)
        elif code and group is not None:
            data = await client.collect(code, group.value)
        else:
            raise HandoverRefused(
                "there is nothing to receive", hint="name a file, or `--code` and `--group`"
            )
        key = await client.issuer_key(data) if issuer is None else read_pair(issuer)
        return book.add(data, issuer=key, holder=holder.signing_key.public, now_ms=SystemClock().now_ms())

    renewed = ask_node_as(place, holder, take)
    save_credentials(renewed, path, passphrase=read_secret(place.node))
    taken = renewed.held[-1].credential
    say(f"took a credential of the group {taken.group} with {len(taken.factors)} factors into {path}")


@at_node
def revoke(
    place: Place,
    credential: Annotated[str, typer.Argument(help="Id of the credential.")],
    wallet: AsOption,
    reason: Annotated[ReasonOption, typer.Option(help="Why.")],
    suspend: Annotated[bool, typer.Option(help="Only until it is reinstated.")] = False,
) -> None:
    """Take a credential back: from the next entry it counts for nothing, shown or not.

    Example: telesphor factor revoke ID --reason ended --as hospital.key
    """
    command = "credential.suspend/1" if suspend else "credential.revoke/1"
    body = {"credential": credential, "reason": reason.value}
    receipt = place.ask(wallet, lambda client: client.send((command, body)))
    said = "suspended" if suspend else "revoked"
    say(f"{said} in entry {receipt.first}")


def read_factors(texts: Sequence[str], *, by: str, at_ms: int, own_word: bool = False) -> list[Factor]:
    """Factors from `name=value`; `true`, `false` and whole numbers are those, anything else is text.

    Raises:
        FactorTextRefused: one is not written so.
    """
    factors = []
    for text in texts:
        name, mark, value = text.partition("=")
        if not (name and mark and value):
            raise FactorTextRefused("a factor is not written as `name=value`")
        factors.append(vouch(_value(value), name, by=by, at_ms=at_ms, own_word=own_word))
    return factors


def read_issuer(path: Path) -> Issuer:
    """An issuer's file; raises `IssuerFileRefused`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Issuer)
    except (OSError, msgspec.MsgspecError):
        raise IssuerFileRefused(
            f"`{path.name}` does not say as which issuer to issue", hint="run `telesphor factor trust` first"
        ) from None


def read_pair(path: Path) -> VerifyKey:
    """A pair of public keys from a file with its two JWKs; raises `KeyRefused`."""
    try:
        with path.open("rb") as file:
            return VerifyKey.from_jwks(msgspec.json.decode(file.read(PAIR_BYTES_MAX)))
    except (OSError, msgspec.MsgspecError) as error:
        raise KeyRefused(f"`{path.name}` does not hold two JWKs", detail=type(error).__name__) from error


def ask_node(place: Place, wallet: Path, exchange: Callable[[IssuerClient], Awaitable[R]]) -> R:
    """As `Place.ask`, with a client that knows of credentials."""
    with place.reach() as reached:
        return asyncio.run(_exchange(reached, open_wallet(wallet, place.node), exchange))


def ask_node_as(place: Place, actor: Wallet, exchange: Callable[[IssuerClient], Awaitable[R]]) -> R:
    """As `Place.ask_as`, with a client that knows of credentials."""
    with place.reach() as reached:
        return asyncio.run(_exchange(reached, actor, exchange))


async def _exchange(reached: Reached, actor: Wallet, exchange: Callable[[IssuerClient], Awaitable[R]]) -> R:
    async with IssuerClient(reached.url, actor, origin=reached.origin, tls=reached.tls) as client:
        return await exchange(client)


def open_book(wallet: Path, credentials: Path | None, folder: Path) -> tuple[Wallet, CredentialBook, Path]:
    """An actor's keys, its credentials, and the file of these: `patient.credentials` with `patient.key`."""
    secret = read_secret(folder)
    holder = load_wallet(wallet, passphrase=secret)
    path = credentials or wallet.with_suffix(".credentials")
    return holder, load_credentials(path, actor=holder.actor, passphrase=secret), path


def read_secret(folder: Path) -> bytes:
    """The passphrase of the settings in this folder, or one that is asked for."""
    return read_passphrase(load_settings(folder), ask=True)


def _value(text: str) -> FactorValue:
    if text in ("true", "false"):
        return text == "true"
    digits = text.removeprefix("-")
    whole = digits.isascii() and digits.isdigit() and (digits == "0" or not digits.startswith("0"))
    return int(text) if whole and len(digits) <= 15 else text
