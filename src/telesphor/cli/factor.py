"""`factor`: credentials and what is shown of them, for organisations, clinicians and patients.

A holder sees exactly what would be shown before it says yes, factor by factor or all at once; without a terminal it
names the factors itself (`--approve`). Nothing is sent before that. Start at `present`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from telesphor.capabilities.identity.credentials.model import Credential, Factor
from telesphor.capabilities.identity.credentials.status_list import TOKEN_BYTES_MAX
from telesphor.capabilities.identity.presentations.model import (
    FactorWanted,
    PresentationRequest,
    PresentedFactor,
    RequestLink,
)
from telesphor.cli import issuing
from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import DEFAULT_FOLDER, AsOption, JsonOption, NodeOption
from telesphor.cli.issuing import CredentialsOption, ask_node, ask_node_as, open_book, read_pair
from telesphor.client.credentials import (
    ApprovalRefused,
    Offer,
    address_of,
    approve,
    check_shown,
    offers_for,
)
from telesphor.client.factors import RELIED_SECONDS, REQUEST_SECONDS
from telesphor.client.issuing import IssuerClient
from telesphor.kernel.clock import SystemClock, format_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Receipt
from telesphor.runtime.console import emit_json, people, refusals, say, table

DATE_CHARS = 10
"""The day is enough for a person; `--json` has the instant."""

_COLUMNS = ("factor", "value", "vouched for by", "verified")

_HELP = """Factors: granular statements about a person or a device, shown one by one.

Example: telesphor factor present ID --as clinician.key
"""


class WantedRefused(TelesphorError):
    """A factor on the command line is not written as one."""

    code = "wanted-refused"
    kind = Kind.INVALID


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tree = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    tree.command()(issuing.trust)
    tree.command()(issuing.issue)
    tree.command()(issuing.receive)
    tree.command()(issuing.revoke)
    tree.command("list")(list_credentials)
    tree.command()(request)
    tree.command("show-request")(show_request)
    tree.command()(present)
    tree.command()(verify)
    tree.command()(withdraw)
    app.add_typer(tree, name="factor")


def list_credentials(
    wallet: AsOption,
    credentials: CredentialsOption = None,
    node: NodeOption = DEFAULT_FOLDER,
    json: JsonOption = False,
) -> None:
    """List the credentials in this wallet, with each factor, who vouches for it, and when it was last verified.

    Example: telesphor factor list --as clinician.key
    """
    with refusals():
        _, book, _ = open_book(wallet, credentials, node)
        if json:
            emit_json([_described(held.credential) for held in book.held])
            return
        for held in book.held:
            credential = held.credential
            rows = [
                ("credential", credential.digest),
                ("issuer", credential.issuer),
                ("until", format_instant(credential.expires_ms)[:DATE_CHARS]),
            ]
            table(credential.group, ("", ""), rows)
            table("", _COLUMNS, [_factor_row(credential.group, factor) for factor in credential.factors])
        if not book.held:
            say("no credentials yet")


@at_node
def request(
    place: Place,
    wallet: AsOption,
    want: Annotated[
        list[str],
        typer.Option(
            metavar="GROUP.NAME[=VALUE,...]", help="A factor that is needed, and values that do; repeat."
        ),
    ],
    purpose: Annotated[str, typer.Option(help="What for: treatment, payment, operations, ...")],
    optional: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP.NAME[=VALUE,...]", help="One that may be left out; repeat."),
    ] = None,
    own_word: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP.NAME", help="Take the holder's own word for this factor; repeat."),
    ] = None,
    holder: Annotated[str, typer.Option(help="Id of the actor who is asked; anyone if not said.")] = "",
    minutes: Annotated[int, typer.Option(min=1, help="Until the request ends.")] = REQUEST_SECONDS // 60,
    relied_hours: Annotated[
        int, typer.Option(min=1, help="How long the answer is relied on.")
    ] = RELIED_SECONDS // 3600,
    json: JsonOption = False,
) -> None:
    """Ask a holder for factors; prints the id of the request, for the holder to open.

    Example: telesphor factor request --want licence.licensed_in=WA --purpose treatment --holder ID --as hospital.key
    """
    wanted = read_wanted(want, optional or [], own_word or [])

    async def ask(client: IssuerClient) -> RequestLink:
        return await client.request_factors(
            wanted,
            purpose=purpose,
            holder=holder or None,
            seconds=minutes * 60,
            relied_seconds=relied_hours * 3600,
        )

    link = ask_node(place, wallet, ask)
    if json:
        emit_json(link)
        return
    print(link.presentation)
    say("asked; the holder sees it with [bold]telesphor factor show-request[/]")


@at_node
def show_request(
    place: Place,
    presentation: Annotated[str, typer.Argument(help="Id of the request.")],
    wallet: AsOption,
    json: JsonOption = False,
) -> None:
    """Show who asks for which factors, and what for; the ledger notes that you looked.

    Example: telesphor factor show-request ID --as patient.key
    """
    opened = ask_node(place, wallet, lambda client: client.open_request(presentation))
    if json:
        emit_json(opened.request)
        return
    _say_request(opened.request)
    rows = [_wanted_row(wanted) for wanted in opened.request.wanted]
    table("asked for", ("factor", "accepted", "vouched for by", ""), rows)


@at_node
def present(
    place: Place,
    presentation: Annotated[str, typer.Argument(help="Id of the request.")],
    wallet: AsOption,
    credentials: CredentialsOption = None,
    singly: Annotated[bool, typer.Option(help="Ask about each factor by itself.")] = False,
    approved: Annotated[
        list[str] | None,
        typer.Option(
            "--approve", metavar="GROUP.NAME", help="Approve this factor without being asked; repeat."
        ),
    ] = None,
    status_list: Annotated[
        list[Path] | None,
        typer.Option(
            help="Fresh status list of another issuer, as it was fetched; repeat.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Answer a request: shows what would be sent, asks, and sends exactly what you approved.

    Example: telesphor factor present ID --as patient.key
    """
    holder, book, _ = open_book(wallet, credentials, place.node)
    lists = read_status_lists(status_list or [])

    async def answer(client: IssuerClient) -> tuple[Receipt, list[str]]:
        opened = await client.open_request(presentation)
        now_ms = SystemClock().now_ms()
        offers = offers_for(opened.request, book, node=client.origin, now_ms=now_ms)
        names = approved or _ask_for_approval(opened.request, offers, singly=singly)
        made = approve(
            opened.request,
            book,
            names,
            wallet=holder,
            node=client.origin,
            # People take their time; the presentation is signed when they have said yes.
            now_ms=SystemClock().now_ms(),
            status_lists=lists,
        )
        return await client.answer(made, opened.link), names

    receipt, names = ask_node_as(place, holder, answer)
    if json:
        emit_json(receipt)
        return
    say(f"presented in entry {receipt.first}: {', '.join(sorted(names))}")


@at_node
def verify(
    place: Place,
    presentation: Annotated[str, typer.Argument(help="Id of the request.")],
    wallet: AsOption,
    issuer: Annotated[
        list[Path] | None,
        typer.Option(
            help="Public keys (two JWKs) of an issuer, to verify the answer here as well; repeat.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what was presented to you; with the issuers' keys, verify it here and not only at the node.

    Example: telesphor factor verify ID --as hospital.key --issuer board.jwks
    """
    keys = [read_pair(path) for path in issuer or []]
    shown = ask_node(place, wallet, lambda client: client.read_presentation(presentation, vp=bool(keys)))
    if keys:
        check_shown(shown, keys)
    if json:
        emit_json(shown.factors)
        return
    factors = [factor for credential in shown.factors.credentials for factor in credential.factors]
    table(f"shown by {shown.factors.holder}", _COLUMNS, [_shown_row(factor) for factor in factors])
    said = "verified here as well" if keys else "verified by the node"
    say(f"{said}; relied on until {shown.factors.expires_at}")


@at_node
def withdraw(
    place: Place, presentation: Annotated[str, typer.Argument(help="Id of the request.")], wallet: AsOption
) -> None:
    """End a request of yours, or what you have presented: from now on it counts for nothing.

    Example: telesphor factor withdraw ID --as patient.key
    """
    receipt = ask_node(place, wallet, lambda client: client.withdraw(presentation))
    say(f"withdrawn in entry {receipt.first}")


def _ask_for_approval(request: PresentationRequest, offers: Sequence[Offer], *, singly: bool) -> list[str]:
    """The names that a person approved after seeing exactly what would be sent.

    Raises:
        ApprovalRefused: there is nobody to ask, or the answer was no.
    """
    if not people.is_terminal:
        raise ApprovalRefused(
            "there is no terminal to ask at", hint="name what you approve: `--approve GROUP.NAME`"
        )
    _say_request(request)
    table("would be shown", (*_COLUMNS, ""), [_offer_row(offer) for offer in offers])
    shown = [offer for offer in offers if offer.factor is not None]
    if singly:
        return [offer.wanted.factor for offer in shown if _agreed(f"show {offer.wanted.factor}?")]
    if not shown or not _agreed(f"show these {len(shown)} factors?"):
        raise ApprovalRefused("nothing was approved, and nothing was sent")
    return [offer.wanted.factor for offer in shown]


def _agreed(question: str) -> bool:
    return typer.confirm(question, default=False, err=True)


def _say_request(asked: PresentationRequest) -> None:
    rows = [
        ("who asks", asked.verifier),
        ("at", asked.node),
        ("what for", asked.purpose.value),
        ("answer until", asked.expires_at),
        ("relied on for", f"{asked.relied_seconds // 3600} h {asked.relied_seconds % 3600 // 60} min"),
    ]
    table("request", ("", ""), rows)


def _wanted_row(wanted: FactorWanted) -> tuple[str, ...]:
    vouched = "an issuer" if wanted.vouched == "issuer" else "an issuer or yourself"
    return wanted.factor, ", ".join(wanted.accepted) or "any", vouched, _needed(wanted)


def _offer_row(offer: Offer) -> tuple[str, ...]:
    wanted, _, factor = offer
    if factor is None:
        return wanted.factor, "nothing here shows it", "", "", _needed(wanted)
    return (*_factor_row(wanted.group, factor), _needed(wanted))


def _factor_row(group: str, factor: Factor) -> tuple[str, ...]:
    vouching = factor.vouching
    vouched = _vouched(vouching.vouched, vouching.vouched_by)
    return f"{group}.{factor.name}", factor.text, vouched, vouching.verified_at[:DATE_CHARS]


def _shown_row(factor: PresentedFactor) -> tuple[str, ...]:
    vouched = _vouched(factor.vouched, factor.vouched_by)
    return f"{factor.group}.{factor.name}", factor.value, vouched, factor.verified_at[:DATE_CHARS]


def _vouched(vouched: str, by: str) -> str:
    return by if vouched == "issuer" else "the holder's own word"


def _needed(wanted: FactorWanted) -> str:
    return "may be left out" if wanted.optional else "needed"


def _described(credential: Credential) -> dict[str, object]:
    return {
        "credential": credential.digest,
        "expires_at": format_instant(credential.expires_ms),
        "factors": [
            {"name": factor.name, "value": factor.value, **msgspec.structs.asdict(factor.vouching)}
            for factor in credential.factors
        ],
        "group": credential.group,
        "issuer": credential.issuer,
    }


def read_wanted(need: Sequence[str], optional: Sequence[str], own_word: Sequence[str]) -> list[FactorWanted]:
    """The factors that the options ask for, each as `group.name` or `group.name=value,...`.

    Raises:
        WantedRefused: one is not written so, or is of a group or with a value that cannot be asked for.
    """
    texts = [(text, False) for text in need] + [(text, True) for text in optional]
    wanted = [_read_one(text, optional=may, own_word=own_word) for text, may in texts]
    unasked = set(own_word) - {factor.factor for factor in wanted}
    if unasked:
        raise WantedRefused(f"`--own-word` names `{sorted(unasked)[0]}`, which is not asked for")
    return wanted


def _read_one(text: str, *, optional: bool, own_word: Sequence[str]) -> FactorWanted:
    factor, _, values = text.partition("=")
    group, _, name = factor.partition(".")
    body = {
        "group": group,
        "name": name,
        "accepted": values.split(",") if values else [],
        "vouched": "any" if factor in own_word else "issuer",
        "optional": optional,
    }
    try:
        return msgspec.convert(body, FactorWanted, strict=True)
    except msgspec.ValidationError:
        raise WantedRefused(
            f"`{text}` cannot be asked for",
            hint="write `licence.licensed_in=WA,OR`; values are true, false and codes of up to six characters",
        ) from None


def read_status_lists(paths: Sequence[Path]) -> dict[str, bytes]:
    """Status lists as they were fetched, by the address that each says it is of.

    Raises:
        CredentialsRefused: a file holds no list. Whether it is a good one, the node judges.
    """
    found = {}
    for path in paths:
        with path.open("rb") as file:
            data = file.read(TOKEN_BYTES_MAX + 1)
        found[address_of(data)] = data
    return found
