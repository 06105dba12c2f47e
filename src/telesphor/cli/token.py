"""`token` and `group`: grants between people, care teams and roles, and what became of them.

A grant names what it is about by ids; the dataset that a token is for is defined in the same request, so that either
both are there or neither is. Start at `mint`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer

from telesphor.capabilities.access.tokens.groups import GroupView
from telesphor.capabilities.access.tokens.model import RULE_CHARS_MAX, GrantedAction, GroupKind
from telesphor.capabilities.access.tokens.views import TokenEvents, TokenLine, TokenPage, TokenView
from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption, JsonOption
from telesphor.client.errors import AnswerRefused
from telesphor.client.requests import Command
from telesphor.kernel.clock import SystemClock, format_instant, parse_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import Receipt
from telesphor.runtime.console import emit_json, say, table
from telesphor.vault.model import Purpose

DAY_MS: Final = 86_400_000
DAYS: Final = 30
"""How long a grant lasts where nothing is said: a course of treatment, and not for ever."""

SLACK_MS: Final = 60_000
"""A grant begins a minute ago, so that it works at a node whose clock is a little behind."""


_Answer = TypeVar("_Answer", bound=msgspec.Struct)


_ROLE_TERMS: Final = {
    "actions": [],
    "purposes": [],
    "required_factors": [],
    "rule": "",
    "transferable": False,
    "delegation_depth": 0,
}


class TermsUnclear(TelesphorError):
    """The options do not say one grant."""

    code = "terms-unclear"
    kind = Kind.INVALID


class Which(StrEnum):
    """Which tokens to list."""

    HELD = "held"
    GRANTED = "granted"
    OFFERED = "offered"


TokenArgument = Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id.")]
GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="The group's id.")]
MemberArgument = Annotated[str, typer.Argument(metavar="ACTOR", help="Actor id of the member.")]
ToOption = Annotated[str, typer.Option("--to", metavar="ACTOR", help="Actor id of whom it is for.")]
ToGroupOption = Annotated[str, typer.Option("--to-group", metavar="GROUP", help="Group that it is for.")]
ObjectOption = Annotated[
    list[str] | None, typer.Option("--object", metavar="OBJECT", help="An object it is about; repeat.")
]
VisitOption = Annotated[
    list[str] | None,
    typer.Option("--visit", metavar="VISIT", help="A visit, with all that belongs to it; repeat."),
]
ActionOption = Annotated[
    list[GrantedAction] | None, typer.Option("--action", help="What may be done; repeat. Default: read.")
]
PurposeOption = Annotated[
    list[Purpose] | None, typer.Option("--purpose", help="What for; repeat. Default: treatment.")
]
FactorOption = Annotated[
    list[str] | None,
    typer.Option("--factor", metavar="GROUP.NAME=VALUE", help="A factor the holder must have presented."),
]
RuleOption = Annotated[str, typer.Option("--rule", help="A further condition, in Cedar.")]
UntilOption = Annotated[
    str, typer.Option("--until", metavar="INSTANT", help="When it ends, instead of days.")
]
DepthOption = Annotated[int, typer.Option("--depth", min=0, help="How often it may be handed on in part.")]

_GRANTS_HELP = """Grants: give someone access to something, for a purpose and a time, and take it back.

Example: telesphor token mint --to 0190... --visit 0190... --days 30 --as patient.key
"""
_GROUPS_HELP = """Care teams and roles, which hold grants and are changed by whoever keeps them.

Example: telesphor group form --as hospital.key
"""


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tokens = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_GRANTS_HELP)
    for command in (mint, delegate, accept, transfer, revoke, renounce, show, history):
        tokens.command()(command)
    tokens.command("list")(list_tokens)
    app.add_typer(tokens, name="token")
    groups = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_GROUPS_HELP)
    for name, group in (("form", form), ("add", add), ("remove", remove), ("disband", disband)):
        groups.command(name)(group)
    groups.command("show")(show_group)
    app.add_typer(groups, name="group")


@at_node
def mint(
    place: Place,
    wallet: AsOption,
    to: ToOption = "",
    to_group: ToGroupOption = "",
    object_: ObjectOption = None,
    visit: VisitOption = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="The one device it is about.")] = "",
    dataset: Annotated[str, typer.Option(metavar="DATASET", help="A dataset defined before, instead.")] = "",
    role: Annotated[str, typer.Option(help="A role of the organisation, instead of any of these.")] = "",
    action: ActionOption = None,
    purpose: PurposeOption = None,
    days: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = DAYS,
    until: UntilOption = "",
    factor: FactorOption = None,
    rule: RuleOption = "",
    depth: DepthOption = 0,
    transferable: Annotated[bool, typer.Option("--transferable", help="It may be passed on.")] = False,
    for_good: Annotated[
        bool, typer.Option("--for-good", help="Nobody can revoke it before it ends.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Grant access; prints the token's id. It works once its recipient has accepted it.

    Example: telesphor token mint --to 0190... --object 0190... --action read --days 7 --as patient.key
    """
    now_ms = SystemClock().now_ms()
    ends = until or format_instant(now_ms + days * DAY_MS)
    members = _members(object_, visit, device)
    about: dict[str, Any] = dict(_ROLE_TERMS)
    if not role:
        about = {
            "actions": sorted({a.value for a in action or [GrantedAction.READ]}),
            "purposes": sorted({p.value for p in purpose or [Purpose.TREATMENT]}),
            "required_factors": sorted(set(factor or [])),
            "rule": _read_rule(rule),
            "transferable": transferable,
            "delegation_depth": depth,
        }
    terms = {
        **about,
        "role": role or None,
        "recipient": _recipient(to, to_group),
        "not_before": format_instant(now_ms - SLACK_MS),
        "not_after": format_instant(parse_instant(ends)),
        "revocable": not for_good,
    }
    _grant(place, wallet, "token.mint/1", terms, members=members, dataset=dataset, json=json)


@at_node
def delegate(
    place: Place,
    parent: Annotated[str, typer.Argument(metavar="TOKEN", help="The token that is handed on in part.")],
    wallet: AsOption,
    to: ToOption = "",
    to_group: ToGroupOption = "",
    object_: ObjectOption = None,
    visit: VisitOption = None,
    action: ActionOption = None,
    purpose: PurposeOption = None,
    until: UntilOption = "",
    factor: FactorOption = None,
    rule: RuleOption = "",
    depth: DepthOption = 0,
    json: JsonOption = False,
) -> None:
    """Hand on a part of what you hold; what is not said stays as the token has it. Prints the new token's id.

    Example: telesphor token delegate 0190... --to 0190... --until 2026-12-01T00:00:00.000Z --as clinician.key
    """
    view = _ask_one(place, wallet, ("token.show/1", {"token": parent}), TokenView)
    terms = {
        "parent": parent,
        "role": None,
        "revocable": True,
        "transferable": False,
        "recipient": _recipient(to, to_group),
        "actions": sorted({a.value for a in action or []} or view.line.actions),
        "purposes": sorted({p.value for p in purpose or []} or view.line.purposes),
        "required_factors": sorted({*(view.required_factors or ()), *(factor or [])}),
        "rule": _read_rule(rule),
        "not_before": view.line.not_before,
        "not_after": format_instant(parse_instant(until)) if until else view.line.not_after,
        "delegation_depth": depth,
    }
    members = _members(object_, visit, "")
    dataset = "" if members else view.line.dataset or ""
    _grant(place, wallet, "token.delegate/1", terms, members=members, dataset=dataset, json=json)


@at_node
def accept(place: Place, token: TokenArgument, wallet: AsOption, json: JsonOption = False) -> None:
    """Accept a token that was granted or offered to you, or to a group that you keep.

    Example: telesphor token accept 0190... --as clinician.key
    """
    _do(place, wallet, ("token.accept/1", {"token": token}), said="accepted", json=json)


@at_node
def transfer(
    place: Place, token: TokenArgument, wallet: AsOption, to: ToOption, json: JsonOption = False
) -> None:
    """Offer a token to somebody else, who has it once it accepts.

    Example: telesphor token transfer 0190... --to 0190... --as clinician.key
    """
    _do(place, wallet, ("token.transfer/1", {"token": token, "to": to}), said="offered", json=json)


@at_node
def revoke(place: Place, token: TokenArgument, wallet: AsOption, json: JsonOption = False) -> None:
    """End a token that you granted, and at once all that was delegated from it.

    Example: telesphor token revoke 0190... --as patient.key
    """
    _do(place, wallet, ("token.revoke/1", {"token": token}), said="revoked", json=json)


@at_node
def renounce(place: Place, token: TokenArgument, wallet: AsOption, json: JsonOption = False) -> None:
    """Give up a token, or do not want it.

    Example: telesphor token renounce 0190... --as clinician.key
    """
    _do(place, wallet, ("token.renounce/1", {"token": token}), said="given up", json=json)


@at_node
def list_tokens(
    place: Place,
    wallet: AsOption,
    which: Annotated[Which, typer.Argument(help="Which tokens.")] = Which.HELD,
    after: Annotated[str, typer.Option(help="Go on behind this token.")] = "",
    json: JsonOption = False,
) -> None:
    """Show the tokens that you hold, have granted, or are offered; the look is noted.

    Example: telesphor token list granted --as patient.key
    """
    page = _ask_one(place, wallet, ("token.list/1", {"which": which.value, "after": after}), TokenPage)
    if json:
        emit_json(page)
        return
    columns = ("token", "standing", "from", "to", "for", "until")
    table(which.value, columns, [_row(line) for line in page.tokens])
    if page.after:
        say(f"more behind [bold]{page.after}[/]: ask again with `--after`")


@at_node
def show(place: Place, token: TokenArgument, wallet: AsOption, json: JsonOption = False) -> None:
    """Show what a token allows, under which conditions, and what was delegated from it; the look is noted.

    Example: telesphor token show 0190... --as patient.key
    """
    view = _ask_one(place, wallet, ("token.show/1", {"token": token}), TokenView)
    if json:
        emit_json(view)
        return
    table("token", ("token", "standing", "from", "to", "for", "until"), [_row(view.line)])
    rows = [("about", member) for member in view.members]
    rows += [("factor", factor) for factor in view.required_factors or ()]
    rows += [("rule", rule) for rule in view.rules or ()]
    rows += [("above", above) for above in view.chain]
    rows += [("below", below) for below in view.children]
    table("", ("what", "which"), rows)


@at_node
def history(
    place: Place,
    token: TokenArgument,
    wallet: AsOption,
    after: Annotated[int, typer.Option(min=-1, help="Go on behind this number.")] = -1,
    json: JsonOption = False,
) -> None:
    """Show who has had a token, entry by entry; the look is noted.

    Example: telesphor token history 0190... --as patient.key
    """
    events = _ask_one(place, wallet, ("token.history/1", {"token": token, "after": after}), TokenEvents)
    if json:
        emit_json(events)
        return
    rows = [(str(event.n), event.at, event.type, event.actor, event.other or "") for event in events.events]
    table("history", ("n", "at", "what", "by", "whom"), rows)


@at_node
def form(
    place: Place,
    wallet: AsOption,
    kind: Annotated[GroupKind, typer.Option(help="What the group is.")] = GroupKind.CARE_TEAM,
    role: Annotated[str, typer.Option(help="With `--kind role`: the role's name.")] = "",
    json: JsonOption = False,
) -> None:
    """Form a group that you keep; prints its id.

    Example: telesphor group form --as hospital.key
    """
    group = IdSource(SystemClock()).next()
    command: Command = ("group.form/1", {"group": group, "kind": kind.value, "role": role or None})
    receipt = _send(place, wallet, command)
    if json:
        emit_json({"group": group, "receipt": receipt})
    else:
        print(group)


@at_node
def add(
    place: Place, group: GroupArgument, member: MemberArgument, wallet: AsOption, json: JsonOption = False
) -> None:
    """Let somebody belong to a group that you keep.

    Example: telesphor group add 0190... 0190... --as hospital.key
    """
    _do(place, wallet, ("group.add/1", {"group": group, "member": member}), said="added", json=json)


@at_node
def remove(
    place: Place, group: GroupArgument, member: MemberArgument, wallet: AsOption, json: JsonOption = False
) -> None:
    """Let somebody belong to a group no more, or leave it yourself.

    Example: telesphor group remove 0190... 0190... --as hospital.key
    """
    _do(place, wallet, ("group.remove/1", {"group": group, "member": member}), said="removed", json=json)


@at_node
def disband(place: Place, group: GroupArgument, wallet: AsOption, json: JsonOption = False) -> None:
    """End a group, and with it what it holds.

    Example: telesphor group disband 0190... --as hospital.key
    """
    _do(place, wallet, ("group.disband/1", {"group": group}), said="disbanded", json=json)


@at_node
def show_group(place: Place, group: GroupArgument, wallet: AsOption, json: JsonOption = False) -> None:
    """Show who belongs to a group; the look is noted.

    Example: telesphor group show 0190... --as hospital.key
    """
    view = _ask_one(place, wallet, ("group.show/1", {"group": group}), GroupView)
    if json:
        emit_json(view)
        return
    table(f"{view.kind} {view.role or ''}", ("member",), [(member,) for member in view.members])


def _grant(
    place: Place,
    wallet: Path,
    command: str,
    terms: dict[str, Any],
    *,
    members: list[dict[str, str]],
    dataset: str,
    json: bool,
) -> None:
    """Define the dataset and make the token of it, in one request."""
    if bool(members) + bool(dataset) + bool(terms["role"]) != 1:
        raise TermsUnclear(
            "the grant is about nothing, or about too much at once",
            hint="name objects, visits or a device; or a dataset; or a role",
        )
    ids = IdSource(SystemClock())
    commands: list[Command] = []
    if members:
        dataset = ids.next()
        commands.append(("dataset.define/1", {"dataset": dataset, "members": members}))
    token = ids.next()
    commands.append((command, {**terms, "token": token, "dataset": dataset or None}))
    receipt = _send(place, wallet, *commands)
    if json:
        emit_json({"token": token, "dataset": dataset or None, "receipt": receipt})
        return
    print(token)
    say("granted; it works once it is accepted: `telesphor token accept`")


def _members(
    objects: Sequence[str] | None, visits: Sequence[str] | None, device: str
) -> list[dict[str, str]]:
    named = [("object", id) for id in objects or []] + [("visit", id) for id in visits or []]
    named += [("device", device)] if device else []
    return [{"kind": kind, "id": id} for kind, id in sorted(named)]


def _recipient(to: str, to_group: str) -> dict[str, str]:
    if bool(to) == bool(to_group):
        raise TermsUnclear("the grant is for nobody, or for two", hint="give one of `--to` and `--to-group`")
    return {"kind": "actor", "id": to} if to else {"kind": "group", "id": to_group}


def _read_rule(rule: str) -> str:
    if len(rule) > RULE_CHARS_MAX:
        raise TermsUnclear(f"a rule has at most `{RULE_CHARS_MAX}` characters")
    return rule


def _do(place: Place, wallet: Path, command: Command, *, said: str, json: bool) -> None:
    receipt = _send(place, wallet, command)
    if json:
        emit_json(receipt)
    else:
        say(f"{said}; entry {receipt.first} says so")


def _send(place: Place, wallet: Path, *commands: Command) -> Receipt:
    return place.ask(wallet, lambda client: client.send(*commands))


def _ask_one(place: Place, wallet: Path, command: Command, kind: type[_Answer]) -> _Answer:
    receipt = _send(place, wallet, command)
    try:
        return msgspec.convert(receipt.results[0], kind)
    except (IndexError, msgspec.ValidationError) as error:
        raise AnswerRefused("the node's answer is not what was asked for") from error


def _row(line: TokenLine) -> tuple[str, ...]:
    what = f"role {line.role}" if line.role else f"{', '.join(line.actions)} ({', '.join(line.purposes)})"
    return (line.token, line.standing, line.grantor, line.recipient.id, what, line.not_after)
