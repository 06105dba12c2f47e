"""`put`, `get`, `erase`: sealed objects from the command line, over the same edge as everyone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption, JsonOption
from telesphor.client.node import NodeClient, SealedObject
from telesphor.runtime.capability import Receipt
from telesphor.runtime.console import emit_json, progress, say
from telesphor.runtime.folder import write_private

PurposeOption = Annotated[
    str, typer.Option(help="Why: treatment, payment, operations, patient-request or emergency.")
]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    for command in (put, get, erase):
        app.command()(command)


@at_node
def put(
    place: Place,
    file: Annotated[Path, typer.Argument(help="The file to seal.", exists=True, dir_okay=False)],
    wallet: AsOption,
    media_type: Annotated[str, typer.Option("--type", help="Its media type.")] = "application/octet-stream",
    reader: Annotated[list[str] | None, typer.Option(help="Id of an actor that may read it; repeat.")] = None,
    subject: Annotated[
        str, typer.Option(help="Id of the person whom it is about, such as the patient.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Seal a file in the vault; prints the object's id.

    Example: telesphor put scan.dcm --as clinician.key --type application/dicom --subject 0190...
    """
    with file.open("rb") as source, progress("sealing", file.stat().st_size, quiet=json) as advance:

        async def write(client: NodeClient) -> SealedObject:
            return await client.put_object(
                source,
                media_type=media_type,
                readers=reader or [],
                subject=subject or None,
                progress=advance,
            )

        sealed = place.ask(wallet, write)
    if json:
        emit_json(sealed)
    else:
        print(sealed.object)
        say(f"sealed {sealed.size} bytes; entry {sealed.receipt.first} commits to {sealed.digest}")


@at_node
def get(
    place: Place,
    object_id: Annotated[str, typer.Argument(metavar="OBJECT", help="The object's id.")],
    wallet: AsOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write; - for standard output.")] = Path(
        "-"
    ),
    purpose: PurposeOption = "treatment",
) -> None:
    """Read an object; the ledger says so before the first byte arrives.

    Example: telesphor get 0190... --as patient.key --purpose patient-request -o scan.dcm
    """
    to_stdout = str(out) == "-"
    with _target(out) as target, progress("reading", quiet=to_stdout) as advance:

        async def read(client: NodeClient) -> int:
            return await client.read_to(object_id, target, purpose=purpose, progress=advance)

        size = place.ask(wallet, read)
    if not to_stdout:
        say(f"wrote {size} bytes to {out}")


@at_node
def erase(
    place: Place,
    object_id: Annotated[str, typer.Argument(metavar="OBJECT", help="The object's id.")],
    wallet: AsOption,
    reason: Annotated[
        str, typer.Option(help="Why: patient-request, retention, error or legal.")
    ] = "patient-request",
    json: JsonOption = False,
) -> None:
    """Destroy an object's keys and bytes for good; what the ledger proves of it stays provable.

    Example: telesphor erase 0190... --as patient.key --reason patient-request
    """

    async def destroy(client: NodeClient) -> Receipt:
        return await client.send(("object.erase/1", {"object": object_id, "reason": reason}))

    receipt = place.ask(wallet, destroy)
    if json:
        emit_json(receipt)
    else:
        say(f"erased: entry {receipt.first} says so; its keys are gone, old proofs still verify")


@contextmanager
def _target(out: Path) -> Iterator[BinaryIO]:
    """Where the content goes; a file that got none of it is taken away again."""
    if str(out) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with open_new(out) as target:
        try:
            yield target
        except BaseException:
            if not target.tell():
                out.unlink()
            raise


def open_new(path: Path) -> BinaryIO:
    """Open a new file for its owner only; raises `FolderRefused` when it exists or cannot be written."""
    write_private(path, b"")
    return path.open("wb")
