"""`put`, `get`, `erase`: sealed objects from the command line, over the same edge as everyone."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from telesphor.cli.connect import (
    DEFAULT_FOLDER,
    AsOption,
    IdentityOption,
    JsonOption,
    NodeOption,
    OriginOption,
    TrustOption,
    UrlOption,
    open_wallet,
    reach,
)
from telesphor.client.node import NodeClient, SealedObject
from telesphor.runtime.capability import Receipt
from telesphor.runtime.console import emit_json, progress, refusals, say
from telesphor.runtime.folder import write_private

PurposeOption = Annotated[
    str, typer.Option(help="Why: treatment, payment, operations, patient-request or emergency.")
]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(put)
    app.command()(get)
    app.command()(erase)


def put(
    file: Annotated[Path, typer.Argument(help="The file to seal.", exists=True, dir_okay=False)],
    wallet: AsOption,
    media_type: Annotated[str, typer.Option("--type", help="Its media type.")] = "application/octet-stream",
    reader: Annotated[list[str] | None, typer.Option(help="Id of an actor that may read it; repeat.")] = None,
    node: NodeOption = DEFAULT_FOLDER,
    url: UrlOption = "",
    origin: OriginOption = "",
    trust: TrustOption = None,
    identity: IdentityOption = None,
    json: JsonOption = False,
) -> None:
    """Seal a file in the vault; prints the object's id.

    Example: telesphor put scan.dcm --as clinician.key --type application/dicom --reader 0190...
    """
    with refusals(), reach(node, url, origin, trust, identity) as reached, file.open("rb") as source:

        async def write() -> SealedObject:
            async with NodeClient(
                reached.url, open_wallet(wallet, node), origin=reached.origin, tls=reached.tls
            ) as client:
                with progress("sealing", file.stat().st_size, quiet=json) as advance:
                    return await client.put_object(
                        source, media_type=media_type, readers=reader or [], progress=advance
                    )

        sealed = asyncio.run(write())
        if json:
            emit_json(sealed)
        else:
            print(sealed.object)
            say(f"sealed {sealed.size} bytes; entry {sealed.receipt.first} commits to {sealed.digest}")


def get(
    object_id: Annotated[str, typer.Argument(metavar="OBJECT", help="The object's id.")],
    wallet: AsOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write; - for standard output.")] = Path(
        "-"
    ),
    purpose: PurposeOption = "treatment",
    node: NodeOption = DEFAULT_FOLDER,
    url: UrlOption = "",
    origin: OriginOption = "",
    trust: TrustOption = None,
    identity: IdentityOption = None,
) -> None:
    """Read an object; the ledger says so before the first byte arrives.

    Example: telesphor get 0190... --as patient.key --purpose patient-request -o scan.dcm
    """
    with refusals(), reach(node, url, origin, trust, identity) as reached:
        to_stdout = str(out) == "-"
        target = sys.stdout.buffer if to_stdout else open_new(out)
        try:

            async def read() -> int:
                async with NodeClient(
                    reached.url, open_wallet(wallet, node), origin=reached.origin, tls=reached.tls
                ) as client:
                    with progress("reading", quiet=to_stdout) as advance:
                        return await client.read_to(object_id, target, purpose=purpose, progress=advance)

            size = asyncio.run(read())
        finally:
            target.close() if not to_stdout else target.flush()
        if not to_stdout:
            say(f"wrote {size} bytes to {out}")


def erase(
    object_id: Annotated[str, typer.Argument(metavar="OBJECT", help="The object's id.")],
    wallet: AsOption,
    reason: Annotated[
        str, typer.Option(help="Why: patient-request, retention, error or legal.")
    ] = "patient-request",
    node: NodeOption = DEFAULT_FOLDER,
    url: UrlOption = "",
    origin: OriginOption = "",
    trust: TrustOption = None,
    identity: IdentityOption = None,
    json: JsonOption = False,
) -> None:
    """Destroy an object's keys and bytes for good; what the ledger proves of it stays provable.

    Example: telesphor erase 0190... --as patient.key --reason patient-request
    """
    with refusals(), reach(node, url, origin, trust, identity) as reached:

        async def destroy() -> Receipt:
            async with NodeClient(
                reached.url, open_wallet(wallet, node), origin=reached.origin, tls=reached.tls
            ) as client:
                return await client.send(("object.erase/1", {"object": object_id, "reason": reason}))

        receipt = asyncio.run(destroy())
        if json:
            emit_json(receipt)
        else:
            say(f"erased: entry {receipt.first} says so; its keys are gone, old proofs still verify")


def open_new(path: Path) -> BinaryIO:
    """Open a new file for its owner only; raises `FolderRefused` when it exists or cannot be written."""
    write_private(path, b"")
    return path.open("wb")
