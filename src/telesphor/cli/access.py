"""`access`: the log of who did what about whom, emergency access, and the rules of an organisation.

Whatever is shown here is asked of the node by a signed command, and that it was shown is in the log. Start at `log`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer

from telesphor.capabilities.access.breakglass.model import MINUTES_MAX, EmergencyReason
from telesphor.capabilities.access.breakglass.service import Challenge, Opened
from telesphor.capabilities.access.breakglass.views import GlassLine, GlassPage
from telesphor.capabilities.access.engine import TEXT_BYTES_MAX
from telesphor.capabilities.access.showing import PolicyView
from telesphor.capabilities.access.uses.model import PAGE_ROWS_MAX, Done, LogPage, LogRow, RecipientKind
from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption, JsonOption
from telesphor.client.errors import AnswerRefused
from telesphor.client.node import NodeClient
from telesphor.client.requests import Command
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import Receipt
from telesphor.runtime.console import emit_json, people, say, table
from telesphor.vault.model import Purpose

MINUTES: Final = 15
"""How long an emergency lasts where nothing is said; whoever needs more says so."""

POSITION_MAX: Final = 2**53 - 1

_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class OptionsUnclear(TelesphorError):
    """The options name nothing, or two things."""

    code = "options-unclear"
    kind = Kind.INVALID


class PolicySlot(StrEnum):
    """Which policies."""

    BASE = "base"
    RULES = "rules"


class Verdict(StrEnum):
    """What somebody thinks of an emergency."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


GlassArgument = Annotated[str, typer.Argument(metavar="BREAK_GLASS", help="The emergency's id.")]
ObjectOption = Annotated[str, typer.Option("--object", metavar="OBJECT", help="The object.")]
VisitOption = Annotated[
    str, typer.Option("--visit", metavar="VISIT", help="The visit, with what belongs to it.")
]
BeforeOption = Annotated[
    int, typer.Option(help="Go on below this position.", min=0, max=POSITION_MAX, show_default=False)
]
SlotOption = Annotated[
    PolicySlot, typer.Option("--slot", help="The node's base, or the organisation's rules.")
]

_ACCESS_HELP = """Who did what about whom, emergency access, and the organisation's rules.

Example: telesphor access log --subject 0190... --as patient.key
"""
_GLASS_HELP = """Emergency access: short, for reading alone, seen at once by the patient and the privacy officers.

Example: telesphor access break-glass open --record 0190... --reason unconscious-patient --as doctor.key
"""
_POLICY_HELP = """The rules of an organisation, in Cedar.

Example: telesphor access policy set rules.cedar --as hospital.key
"""


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tree = _group(_ACCESS_HELP)
    tree.command()(log)
    tree.command()(note)
    glass = _group(_GLASS_HELP)
    for name, command in (("open", open_glass), ("close", close), ("review", review), ("forbid", forbid)):
        glass.command(name)(command)
    glass.command("list")(list_glasses)
    tree.add_typer(glass, name="break-glass")
    policy = _group(_POLICY_HELP)
    policy.command("set")(set_policy)
    policy.command("show")(show_policy)
    tree.add_typer(policy, name="policy")
    app.add_typer(tree, name="access")


@at_node
def log(
    place: Place,
    wallet: AsOption,
    subject: Annotated[
        str, typer.Option(metavar="ACTOR", help="Whom it is about, such as the patient.")
    ] = "",
    object_: ObjectOption = "",
    visit: VisitOption = "",
    actor: Annotated[str, typer.Option(metavar="ACTOR", help="Who asked.")] = "",
    since: Annotated[str, typer.Option(metavar="INSTANT", help="From then on.")] = "",
    until: Annotated[str, typer.Option(metavar="INSTANT", help="Before then.")] = "",
    before: BeforeOption = POSITION_MAX,
    rows: Annotated[int, typer.Option(help="How many lines.", min=1, max=PAGE_ROWS_MAX)] = PAGE_ROWS_MAX,
    json: JsonOption = False,
) -> None:
    """Show who asked for what, whether they were allowed and why, the newest first; the look is in the log.

    Example: telesphor access log --subject 0190... --since 2026-11-01T00:00:00.000Z --as patient.key
    """
    wanted = {
        "subject": subject,
        "object": object_,
        "visit": visit,
        "actor": actor,
        "since": since,
        "until": until,
    }
    named: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    command: Command = ("access-log.read/1", {**named, "before": before, "rows": rows})
    page = _ask_one(place, wallet, command, LogPage)
    if json:
        emit_json(page)
        return
    columns = ("entry", "at (UTC)", "who", "as", "what", "of", "for", "because", "then")
    table(page.organisation, columns, [_log_row(row) for row in page.rows])
    _say_more(page.before)


@at_node
def note(
    place: Place,
    done: Annotated[Done, typer.Argument(help="What you do with it.")],
    wallet: AsOption,
    object_: ObjectOption = "",
    visit: VisitOption = "",
    purpose: Annotated[Purpose, typer.Option(help="What for.")] = Purpose.TREATMENT,
    recipient: Annotated[RecipientKind | None, typer.Option("--to", help="Who has it then.")] = None,
    json: JsonOption = False,
) -> None:
    """Say that you print, export or share something, before you do; what is refused must not be done.

    Example: telesphor access note shared --object 0190... --to insurer --purpose payment --as clinician.key
    """
    kind, id = _one_of(("object", object_), ("visit", visit))
    to = None if recipient is None else recipient.value
    body = {"kind": kind, "id": id, "done": done.value, "purpose": purpose.value, "recipient": to}
    _do(place, wallet, ("use.note/1", body), said=f"{done.value}", json=json)


@at_node
def open_glass(
    place: Place,
    wallet: AsOption,
    reason: Annotated[EmergencyReason, typer.Option(help="Why.")],
    object_: ObjectOption = "",
    visit: VisitOption = "",
    record: Annotated[str, typer.Option(metavar="ACTOR", help="All that is about this patient.")] = "",
    minutes: Annotated[int, typer.Option(help="How long.", min=1, max=MINUTES_MAX)] = MINUTES,
    json: JsonOption = False,
) -> None:
    """Break the glass: then `telesphor get ... --purpose emergency` reads it. The patient is told at once.

    Who has a passkey signs in by it first, in the web app; for others this command proves the keys anew.

    Example: telesphor access break-glass open --record 0190... --reason unconscious-patient --as doctor.key
    """
    kind, id = _one_of(("object", object_), ("visit", visit), ("record", record))
    asked = {
        "break_glass": IdSource(SystemClock()).next(),
        "target": {"kind": kind, "id": id},
        "reason": reason.value,
        "minutes": minutes,
    }

    async def exchange(client: NodeClient) -> Receipt:
        challenge = _read(await client.send(("break-glass.challenge/1", {})), Challenge)
        return await client.send(("break-glass.open/1", {**asked, "nonce": challenge.nonce}))

    opened = _read(place.ask(wallet, exchange), Opened)
    if json:
        emit_json(opened)
        return
    print(opened.break_glass)
    say(f"open until {opened.until}, for reading alone; {opened.notified} people were told")


@at_node
def close(place: Place, break_glass: GlassArgument, wallet: AsOption, json: JsonOption = False) -> None:
    """End an emergency before its time.

    Example: telesphor access break-glass close 0190... --as doctor.key
    """
    _do(place, wallet, ("break-glass.close/1", {"break_glass": break_glass}), said="closed", json=json)


@at_node
def review(
    place: Place,
    break_glass: GlassArgument,
    verdict: Annotated[Verdict, typer.Argument(help="What you found.")],
    wallet: AsOption,
    json: JsonOption = False,
) -> None:
    """Judge an emergency that is not your own; it alarms until then.

    Example: telesphor access break-glass review 0190... justified --as officer.key
    """
    body = {"break_glass": break_glass, "verdict": verdict.value}
    _do(place, wallet, ("break-glass.review/1", body), said="reviewed", json=json)


@at_node
def forbid(
    place: Place,
    wallet: AsOption,
    allow: Annotated[bool, typer.Option("--allow", help="Allow it again.")] = False,
    json: JsonOption = False,
) -> None:
    """Forbid emergency access to what is about you, or allow it again.

    Example: telesphor access break-glass forbid --as patient.key
    """
    said = "allowed again" if allow else "forbidden from here on"
    _do(place, wallet, ("break-glass.forbid/1", {"forbidden": not allow}), said=said, json=json)


@at_node
def list_glasses(
    place: Place,
    wallet: AsOption,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were reviewed.")] = False,
    before: BeforeOption = POSITION_MAX,
    json: JsonOption = False,
) -> None:
    """Show emergencies that nobody has reviewed: about you, or your own; all of them to privacy officers.

    Example: telesphor access break-glass list --as officer.key
    """
    body = {"which": "all" if everything else "alarms", "before": before}
    page = _ask_one(place, wallet, ("break-glass.list/1", body), GlassPage)
    if json:
        emit_json(page)
        return
    columns = ("break-glass", "state", "who", "about", "of", "why", "from", "to", "today", "reads", "verdict")
    table("emergencies", columns, [_glass_row(line) for line in page.glasses])
    _say_more(page.before)


@at_node
def set_policy(
    place: Place,
    wallet: AsOption,
    file: Annotated[
        Path | None, typer.Argument(help="Cedar text.", exists=True, dir_okay=False, show_default=False)
    ] = None,
    slot: SlotOption = PolicySlot.RULES,
    clear: Annotated[bool, typer.Option("--clear", help="Put nothing in its place.")] = False,
    json: JsonOption = False,
) -> None:
    """Put an organisation's policies in force, from the next command on, or end them.

    Example: telesphor access policy set rules.cedar --as hospital.key
    """
    if (file is None) != clear:
        raise OptionsUnclear("nothing is to be set, or too much", hint="name a file, or say `--clear`")
    text = None if file is None else _read_policies(file)
    _do(place, wallet, ("policy.set/1", {"slot": slot.value, "policies": text}), said="in force", json=json)


@at_node
def show_policy(
    place: Place,
    wallet: AsOption,
    slot: SlotOption = PolicySlot.RULES,
    of: Annotated[str, typer.Option(metavar="ACTOR", help="Whose rules; default: your own.")] = "",
    json: JsonOption = False,
) -> None:
    """Print the policies of a slot, and list what is in force; the look is noted.

    Example: telesphor access policy show --slot base --as hospital.key
    """
    view = _ask_one(place, wallet, ("policy.show/1", {"slot": slot.value, "of": of or None}), PolicyView)
    if json:
        emit_json(view)
        return
    print(view.text or "", end="")
    rows = [(line.slot, line.actor, ", ".join(line.ids)) for line in view.in_force]
    table("set here", ("slot", "by", "policies"), rows)


def _group(help: str) -> typer.Typer:
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=help)


def _one_of(*named: tuple[str, str]) -> tuple[str, str]:
    given = [one for one in named if one[1]]
    if len(given) != 1:
        words = ", ".join(f"`--{name}`" for name, _ in named)
        raise OptionsUnclear("the options name nothing, or too much", hint=f"give one of {words}")
    return given[0]


def _read_policies(file: Path) -> str:
    with file.open("rb") as source:
        data = source.read(TEXT_BYTES_MAX + 1)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise OptionsUnclear("the policies are not ASCII text") from None
    if len(data) > TEXT_BYTES_MAX:
        raise OptionsUnclear(f"the policies have more than `{TEXT_BYTES_MAX}` bytes")
    return text


def _do(place: Place, wallet: Path, command: Command, *, said: str, json: bool) -> None:
    receipt = _send(place, wallet, command)
    if json:
        emit_json(receipt)
    else:
        say(f"{said}; entry {receipt.entries[-1].position} says so")


def _send(place: Place, wallet: Path, *commands: Command) -> Receipt:
    return place.ask(wallet, lambda client: client.send(*commands))


def _ask_one(place: Place, wallet: Path, command: Command, kind: type[_Answer]) -> _Answer:
    return _read(_send(place, wallet, command), kind)


def _read(receipt: Receipt, kind: type[_Answer]) -> _Answer:
    try:
        return msgspec.convert(receipt.results[0], kind)
    except (IndexError, msgspec.ValidationError) as error:
        raise AnswerRefused("the node's answer is not what was asked for") from error


def _say_more(before: int | None) -> None:
    if before is not None:
        people.print(f"more below {before}: ask again with `--before {before}`", markup=False)


def _log_row(row: LogRow) -> Sequence[str]:
    asked = row.action if row.outcome == "allow" else f"{row.action}: denied"
    then = f"{row.done} {row.recipient}".strip()
    who = ", ".join(row.roles) or row.kind
    return (str(row.position), _at(row.at), row.actor, who, asked, row.resource, row.purpose, row.rule, then)


def _glass_row(line: GlassLine) -> Sequence[str]:
    reads = str(line.reads) if not line.denied else f"{line.reads} (+{line.denied} denied)"
    return (
        line.break_glass,
        line.state,
        line.actor,
        line.subject,
        line.target,
        line.reason,
        _at(line.opened_at),
        _at(line.ended_at),
        f"{line.times}.",
        reads,
        line.verdict or "",
    )


def _at(instant: str) -> str:
    return instant.replace("T", " ")[:19]
