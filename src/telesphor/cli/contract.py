"""`contract`: write contracts, try them on examples, deploy and call them, and repeat any run of theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from difflib import ndiff
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from telesphor import app
from telesphor.capabilities.contracts.cases import (
    Difference,
    Outcome,
    Package,
    check_cases,
    read_cases,
    read_package,
)
from telesphor.capabilities.contracts.entries import ContractExecuted, ContractFailed
from telesphor.capabilities.contracts.pool import WorkerPool
from telesphor.capabilities.contracts.replay import RUN_TYPES, ReplayRefused, Verdict, parse_run, replay_run
from telesphor.capabilities.contracts.service import list_contracts
from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import DEFAULT_FOLDER, AsOption, JsonOption, NodeOption
from telesphor.client.requests import Command
from telesphor.kernel.bundle import BUNDLE_BYTES_MAX, read_bundle
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.digest import Digest
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import Receipt
from telesphor.runtime.console import EXIT_REFUSED, emit_json, people, refusals, say, table
from telesphor.runtime.database import open_reader
from telesphor.runtime.folder import NodeFolder

_HELP = """Contracts: code that reacts to the ledger, and whose every run can be repeated.

Example: telesphor contract test reading-alert.star reading-alert.cases.star
"""

_FileArgument = Annotated[
    Path,
    typer.Argument(help="The contract's source; NAME.toml stands beside it.", exists=True, dir_okay=False),
]
_ContractArgument = Annotated[str, typer.Argument(metavar="CONTRACT", help="The contract's id.")]

_Run = tuple[int, ContractExecuted | ContractFailed]


def add_to(tree: typer.Typer) -> None:
    """Register these commands."""
    own = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    for command in (test, deploy, upgrade, pause, resume, retire, call, replay):
        own.command()(command)
    own.command("list")(list_deployed)
    tree.add_typer(own, name="contract")


def test(
    file: _FileArgument,
    cases: Annotated[
        Path | None, typer.Argument(help="The examples; default NAME.cases.star beside it.", dir_okay=False)
    ] = None,
    only: Annotated[str, typer.Option("--only", help="Only cases whose name has this in it.")] = "",
    json: JsonOption = False,
) -> None:
    """Run a contract on its examples, each in the sandbox that a node uses, and show what came out differently.

    Example: telesphor contract test reading-alert.star
    """
    with refusals(), closing(WorkerPool(1)) as pool:
        package = read_package(file)
        examples = read_cases(cases or file.with_suffix(".cases.star"), run=pool.run)
        began = time.monotonic()
        wanted = [case for case in examples if only in case.name]
        outcomes = []
        for outcome in check_cases(package, wanted, run=pool.run):
            outcomes.append(outcome)
            if not json:
                _show_outcome(outcome)
        failed = sum(bool(outcome.differences) for outcome in outcomes)
        if json:
            emit_json([_as_json(outcome) for outcome in outcomes])
        else:
            _show_sum(package, outcomes, failed, seconds=time.monotonic() - began)
        if failed or not outcomes:
            raise typer.Exit(EXIT_REFUSED)


@at_node
def deploy(place: Place, file: _FileArgument, wallet: AsOption) -> None:
    """Deploy a contract, by a signed command of the organisation; prints the contract's id.

    Example: telesphor contract deploy reading-alert.star --as hospital.key
    """
    package = read_package(file)
    contract = _new_id()
    _send(place, wallet, ("contract.deploy/1", {"contract": contract, **_offer(package)}))
    print(contract)
    say(f"deployed [bold]{package.manifest.name}[/] version {package.manifest.version}")


@at_node
def upgrade(place: Place, contract: _ContractArgument, file: _FileArgument, wallet: AsOption) -> None:
    """Replace a contract by a higher version of itself; its state stays.

    Example: telesphor contract upgrade 0190... reading-alert.star --as hospital.key
    """
    package = read_package(file)
    body = {"contract": contract, **_offer(package)}
    _send(place, wallet, ("contract.upgrade/1", body))
    say(f"[bold]{package.manifest.name}[/] runs as version {package.manifest.version}")


@at_node
def pause(
    place: Place,
    contract: _ContractArgument,
    wallet: AsOption,
    reason: Annotated[str, typer.Option(help="A word, such as `maintenance`.")] = "maintenance",
) -> None:
    """Let a contract rest; what triggers it meanwhile waits.

    Example: telesphor contract pause 0190... --reason maintenance --as hospital.key
    """
    body = {"contract": contract, "reason": reason}
    _send(place, wallet, ("contract.pause/1", body))
    say("paused")


@at_node
def resume(place: Place, contract: _ContractArgument, wallet: AsOption) -> None:
    """Let a paused contract run again.

    Example: telesphor contract resume 0190... --as hospital.key
    """
    _send(place, wallet, ("contract.resume/1", {"contract": contract}))
    say("resumed")


@at_node
def retire(
    place: Place,
    contract: _ContractArgument,
    wallet: AsOption,
    reason: Annotated[str, typer.Option(help="A word, such as `replaced`.")] = "replaced",
) -> None:
    """End a contract for good.

    Example: telesphor contract retire 0190... --reason replaced --as hospital.key
    """
    body = {"contract": contract, "reason": reason}
    _send(place, wallet, ("contract.retire/1", body))
    say("retired")


@at_node
def call(
    place: Place,
    contract: _ContractArgument,
    name: Annotated[str, typer.Argument(help="Which of its calls.")],
    wallet: AsOption,
    argument: Annotated[str, typer.Option("--argument", help="The JSON text of an object.")] = "{}",
) -> None:
    """Call a contract and print its result as JSON.

    Example: telesphor contract call 0190... check --argument '{"value": "72"}' --as monitor.key
    """
    body = {"contract": contract, "call": _new_id(), "name": name, "argument": argument}
    receipt = _send(place, wallet, ("contract.call/1", body))
    answer = receipt.results[0]
    emit_json({**answer, "result": msgspec.json.decode(answer["result"])})
    if answer["outcome"] != "executed":
        raise typer.Exit(EXIT_REFUSED)


def list_deployed(node: NodeOption = DEFAULT_FOLDER, json: JsonOption = False) -> None:
    """Show the contracts of a node's folder.

    Example: telesphor contract list --node /srv/telesphor
    """
    with refusals(), closing(open_reader(NodeFolder(node).ledger)) as db:
        rows = list_contracts(db)
        if json:
            emit_json([row._asdict() for row in rows])
            return
        shown = [(row.contract, row.name, str(row.version), row.state) for row in rows]
        table("", ("contract", "name", "version", "state"), shown)


def replay(
    bundle: Annotated[
        Path | None, typer.Argument(help="A bundle that has the runs' documents; default the node's folder.")
    ] = None,
    contract: Annotated[str, typer.Option("--contract", help="Only this contract's runs.")] = "",
    node: NodeOption = DEFAULT_FOLDER,
    json: JsonOption = False,
) -> None:
    """Repeat every run, offline, and compare state, output and gas byte by byte.

    A bundle's entries are taken as they are: check it with `telesphor verify` first.

    Example: telesphor contract replay visit.bundle.zip
    """
    with refusals(), closing(WorkerPool(1)) as pool:
        stream = f"contract/{contract}" if contract else ""
        rows: list[tuple[str, str, str, str]] = []
        differ = 0
        source = _of_bundle(bundle, stream) if bundle else _of_node(node, stream)
        with source as (runs, read):
            for position, said in runs:
                try:
                    done = replay_run(said, read, run=pool.run)
                    rows.append(
                        (str(position), done.trigger, done.verdict.value, done.cause or f"{done.gas} steps")
                    )
                    differ += done.verdict is not Verdict.SAME and not isinstance(said, ContractFailed)
                except TelesphorError as error:
                    differ += 1
                    rows.append((str(position), said.trigger, "different", error.message))
        if json:
            emit_json(
                [dict(zip(("position", "trigger", "verdict", "detail"), row, strict=True)) for row in rows]
            )
        else:
            table("", ("entry", "trigger", "verdict", "detail"), rows)
        if not rows:
            raise ReplayRefused("there is no run to repeat")
        if differ:
            raise ReplayRefused(f"`{differ}` of `{len(rows)}` runs could not be repeated")
        say(f"[bold green]all {len(rows)} runs come out as the ledger says[/]")


@contextmanager
def _of_bundle(path: Path, stream: str) -> Iterator[tuple[list[_Run], Any]]:
    with path.open("rb") as file:
        data = file.read(BUNDLE_BYTES_MAX + 1)
    if len(data) > BUNDLE_BYTES_MAX:
        raise LimitExceeded(f"the bundle is larger than {BUNDLE_BYTES_MAX} bytes")
    bundle = read_bundle(data)
    parsed = [(entry.position, parse_entry(entry.data)) for entry in bundle.entries]
    runs = [
        (position, parse_run(entry.type, entry.body))
        for position, entry in parsed
        if entry.type in RUN_TYPES and stream in ("", entry.stream)
    ]
    yield runs, lambda digest: bundle.documents.get(Digest(digest))


@contextmanager
def _of_node(node: Path, stream: str) -> Iterator[tuple[Iterator[_Run], Any]]:
    with app.open_for_proofs(node) as (reader, *_):
        entries = reader.entries_of(RUN_TYPES, first=0, end=reader.size())
        runs = (
            (entry.position, parse_run(entry.type, entry.body))
            for entry in entries
            if stream in ("", entry.stream)
        )
        yield runs, reader.document


def _send(place: Place, wallet: Path, command: Command) -> Receipt:
    return place.ask(wallet, lambda client: client.send(command))


def _offer(package: Package) -> dict[str, str]:
    return {"manifest": package.manifest_document.decode(), "source": package.source}


def _new_id() -> str:
    return IdSource(SystemClock()).next()


def _show_outcome(outcome: Outcome) -> None:
    mark = "[red]✗[/]" if outcome.differences else "[green]✓[/]"
    say(f"  {mark} {escape(outcome.case.name)} [dim]{outcome.gas} steps[/]")
    for difference in outcome.differences:
        _show_difference(difference, several=len(outcome.case.steps) > 1)
    if outcome.differences:
        for execution in outcome.executions:
            for line in execution.printed:
                say(f"      [dim]printed[/] {escape(_printable(line))}")


def _show_difference(difference: Difference, *, several: bool) -> None:
    where = f"step {difference.step}: " if several else ""
    say(f"      {where}[bold]{difference.what}[/]")
    for line in ndiff(_lines(difference.expected), _lines(difference.came)):
        colour = {"-": "red", "+": "green"}.get(line[0], "dim")
        if line[0] != "?":
            say(f"        [{colour}]{escape(line)}[/]")


def _lines(text: str) -> list[str]:
    """JSON laid out over lines, so that a difference is a line; other text as it is."""
    try:
        laid_out = msgspec.json.format(text, indent=2)
    except msgspec.DecodeError:
        laid_out = text
    return [_printable(line) for line in laid_out.splitlines()]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _show_sum(package: Package, outcomes: list[Outcome], failed: int, *, seconds: float) -> None:
    passed = len(outcomes) - failed
    colour = "red" if failed or not outcomes else "green"
    most = max((execution.gas for outcome in outcomes for execution in outcome.executions), default=0)
    share = f"largest run {most} of {package.manifest.limits.steps} steps"
    people.print()
    name = f"{package.manifest.name} version {package.manifest.version}"
    say(f"[bold {colour}]{passed} passed, {failed} failed[/] [dim]{name}, {share}, {seconds:.2f} s[/]")
    if failed:
        say("[dim]- expected, + came[/]")


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "case": outcome.case.name,
        "passed": not outcome.differences,
        "gas": outcome.gas,
        "differences": [difference._asdict() for difference in outcome.differences],
    }
