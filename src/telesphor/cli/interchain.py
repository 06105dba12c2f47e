"""`interchain submit`: another organisation's proof bundle, shown to this node, which verifies it and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption, JsonOption
from telesphor.client.node import AcceptedProof, NodeClient
from telesphor.kernel.bundle import BUNDLE_BYTES_MAX
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.errors import LimitExceeded
from telesphor.kernel.ids import IdSource
from telesphor.runtime.console import emit_json, table


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tree = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    tree.callback()(_only)
    tree.command()(submit)
    app.add_typer(tree, name="interchain")


_HELP = """Take facts from other organisations' ledgers.

Example: telesphor interchain submit visit.bundle.zip --fact 41 --as clinician.key
"""


def _only() -> None:
    """Keep `submit` a word of its own, though it is the only one."""


@at_node
def submit(
    place: Place,
    bundle: Annotated[Path, typer.Argument(help="The other ledger's bundle.", exists=True, dir_okay=False)],
    wallet: AsOption,
    fact: Annotated[
        list[int], typer.Option(metavar="POSITION", min=0, help="Position of an entry that matters; repeat.")
    ],
    proof: Annotated[
        str, typer.Option(help="Id of an earlier attempt that broke off, to go on with it.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Have the node verify a bundle under its own policy and note what it accepts; prints the proof's id first.

    The node's `network.toml` names the partners whose proofs it takes.

    Example: telesphor interchain submit visit.bundle.zip --fact 41 --as clinician.key
    """
    data = _read(bundle)
    named = proof or IdSource(SystemClock()).next()

    async def send(client: NodeClient) -> AcceptedProof:
        if not json:
            print(named, flush=True)  # before anything can break off: with it the attempt can be gone on with
        return await client.submit_proof(data, facts=fact, proof=named)

    accepted = place.ask(wallet, send)
    if json:
        emit_json(accepted)
        return
    rows = [(str(found.position), found.type, found.stream) for found in accepted.facts]
    table("accepted", ("ledger", "about", "level"), [(accepted.origin, accepted.subject, accepted.level)])
    table("facts", ("position", "type", "stream"), rows)


def _read(bundle: Path) -> bytes:
    with bundle.open("rb") as source:
        data = source.read(BUNDLE_BYTES_MAX + 1)
    if len(data) > BUNDLE_BYTES_MAX:
        raise LimitExceeded(f"the bundle is larger than {BUNDLE_BYTES_MAX} bytes")
    return data
