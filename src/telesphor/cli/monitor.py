"""`monitor run` and `monitor measure`: the compliance monitor of messages at work, and its rules measured.

Start at `run`.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer

from telesphor.capabilities.messages.monitor.measuring import MESSAGES, SEED, Measure, measure
from telesphor.capabilities.messages.monitor.presidio import PresidioScan
from telesphor.capabilities.messages.monitor.scanner import Finding, Written, shipped
from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption, JsonOption
from telesphor.client.monitoring import Monitor
from telesphor.client.node import NodeClient
from telesphor.runtime.console import emit_json, refusals, say, table
from telesphor.runtime.telemetry import configure_logs

PresidioOption = Annotated[
    bool, typer.Option("--presidio", help="Also with Presidio's recognisers, if it is installed.")
]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tree = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    for command in (run, measure_rules):
        tree.command("measure" if command is measure_rules else None)(command)
    app.add_typer(tree, name="monitor")


_HELP = """Run the compliance monitor of messages, or measure the rules it judges by.

Example: telesphor monitor run --as monitor.key --domain clinic.example
"""


@at_node
def run(
    place: Place,
    wallet: AsOption,
    domain: Annotated[
        list[str] | None,
        typer.Option(help="A domain that addresses in messages may be of; default the node's own."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Judge what waits now, and end.")] = False,
    presidio: PresidioOption = False,
) -> None:
    """Read messages along as the compliance monitor that an organisation declared, and judge them.

    Example: telesphor monitor run --as monitor.key --domain clinic.example
    """
    configure_logs("info")
    scan = _scan(presidio)

    async def work(client: NodeClient) -> int:
        domains = domain or [client.origin.partition("/")[0]]
        monitor = Monitor(client, domains=domains, seconds=time.monotonic, scan=scan)
        if once:
            return await monitor.run_once()
        stop = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, stop.set)
        say("the monitor reads along; it ends at SIGTERM")
        await monitor.run(stop)
        return 0

    judged = place.ask(wallet, work)
    if once:
        say(f"judged [bold]{judged}[/]")


def measure_rules(
    seed: Annotated[str, typer.Option(help="What the set of messages is made from.")] = SEED,
    messages: Annotated[int, typer.Option(help="How many.", min=28, max=100_000)] = MESSAGES,
    presidio: PresidioOption = False,
    json: JsonOption = False,
) -> None:
    """Measure the rules on a labelled set that is made from a seed: what they find, and how often for nothing.

    Example: telesphor monitor measure --seed another --json
    """
    with refusals():
        measured = measure(_scan(presidio), seed=seed, count=messages)
        if json:
            shares = {"recall": round(measured.recall, 4), "false_alarms": round(measured.false_alarms, 4)}
            emit_json({**msgspec.to_builtins(measured), **shares})
        else:
            _print(measured)


def _scan(presidio: bool) -> Callable[[Written], Finding]:
    return PresidioScan(shipped()) if presidio else shipped().scan


def _print(measured: Measure) -> None:
    rows = [[one.code, str(one.there), _percent(one.recall), str(one.false)] for one in measured.sorts]
    table("what was put in", ["sort", "messages", "found", "on harmless ones"], rows)
    say(f"caught {measured.caught} of {measured.leaks} leaks: [bold]{_percent(measured.recall)}[/]")
    say(
        f"false alarms on {measured.alarms} of {measured.harmless} harmless messages: "
        f"[bold]{_percent(measured.false_alarms)}[/]"
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
