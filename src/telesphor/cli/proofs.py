"""`prove`, `log`: what the ledger can show. They read the node's folder, also beside a process that serves it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from telesphor import app
from telesphor.cli.connect import DEFAULT_FOLDER, JsonOption, NodeOption
from telesphor.kernel.clock import SystemClock
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.console import emit_json, refusals, say, table
from telesphor.runtime.folder import NodeFolder, load_node_keys, read_passphrase, write_private
from telesphor.runtime.settings import load_settings

SHOWN_ENTRIES = 20


def add_to(tree: typer.Typer) -> None:
    """Register these commands."""
    tree.command()(prove)
    tree.command()(log)


def prove(
    what: Annotated[
        str, typer.Argument(metavar="VISIT|POSITION", help="A visit's id, or an entry's position.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; default VISIT.bundle.zip.")
    ] = None,
    entry: Annotated[
        Path | None, typer.Option("--entry", help="With a position: also write the entry's exact bytes here.")
    ] = None,
    node: NodeOption = DEFAULT_FOLDER,
) -> None:
    """Write the proof bundle of a visit, or print the inclusion proof (C2SP tlog-proof) of an entry.

    Example: telesphor prove 0190... --node /srv/telesphor -o visit.bundle.zip
    """
    with refusals(), app.open_for_proofs(node) as proofs:
        if what.isdecimal():
            text = _entry_proof(int(what), proofs)
            if entry:
                write_private(entry, proofs.reader.entry(int(what)).data)
            write_private(out, text) if out else print(text.decode(), end="")
            return
        settings = load_settings(node)
        keys = load_node_keys(NodeFolder(node).node_key, passphrase=read_passphrase(settings, ask=True))
        bundle = app.make_visit_bundle(
            what,
            reader=proofs.reader,
            standing=proofs.standing,
            prover=proofs.prover,
            keys=keys,
            clock=SystemClock(),
        )
        target = out or Path(f"{what}.bundle.zip")
        write_private(target, bundle)
        say(f"wrote {len(bundle)} bytes to [bold]{target}[/]; check it with `telesphor verify {target}`")


def _entry_proof(position: int, proofs: app.Proofs) -> bytes:
    """The C2SP tlog-proof of one entry, with cosignatures and anchors where there are any."""
    found = proofs.standing(position)
    return proofs.prover.tlog_proof_at(position, found.size, found.note, found.confirmations.anchors)


def log(
    stream: Annotated[str, typer.Option(help="Only this stream, such as visit/0190...")] = "",
    first: Annotated[int | None, typer.Option(help="Position to start at; default is the last few.")] = None,
    count: Annotated[int, typer.Option(help="How many entries.", min=1)] = SHOWN_ENTRIES,
    node: NodeOption = DEFAULT_FOLDER,
    json: JsonOption = False,
) -> None:
    """Show entries of the ledger.

    Example: telesphor log --stream visit/0190... --json
    """
    with refusals(), app.open_for_proofs(node) as (reader, *_):
        if stream:
            entries = reader.stream(stream)[(first or 0) :][:count]
        else:
            start = first if first is not None else max(0, reader.size() - count)
            entries = list(reader.entries(first=start, end=start + count))
        if json:
            emit_json([_as_json(entry) for entry in entries])
        else:
            rows = [_as_row(entry) for entry in entries]
            table("", ("entry", "at (UTC)", "type", "stream", "n", "actor"), rows)


def _as_row(entry: RecordedEntry) -> tuple[str, ...]:
    """One line: ids are told apart by their ends, and whole in `--json`."""
    kind, _, subject = entry.stream.partition("/")
    at = entry.at.replace("T", " ")[:19]
    return (
        str(entry.position),
        at,
        entry.type,
        f"{kind}/..{subject[-6:]}",
        str(entry.n),
        f"..{entry.actor[-6:]}",
    )


def _as_json(entry: RecordedEntry) -> dict[str, Any]:
    return {"position": entry.position, "entry": msgspec.json.decode(entry.data)}
