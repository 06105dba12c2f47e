"""`ask`: any command of the node, signed by an actor; for what has no word of its own here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption
from telesphor.client.node import NodeClient
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Receipt
from telesphor.runtime.console import emit_json

BODY_BYTES_MAX: Final = 1024 * 1024
"""As much as a node reads of one request."""


class AskedBodyRefused(TelesphorError):
    """What was given as the command's body is no JSON object."""

    code = "asked-body-refused"
    kind = Kind.INVALID


def add_to(app: typer.Typer) -> None:
    """Register this command."""
    app.command()(ask)


@at_node
def ask(
    place: Place,
    command: Annotated[str, typer.Argument(help="Its type with version, such as actor.retire/1.")],
    wallet: AsOption,
    body: Annotated[
        str, typer.Option(help="The command's body: JSON, or @FILE, or - for standard input.")
    ] = "{}",
) -> None:
    """Sign one command as an actor and send it; prints the receipt as JSON. The node's `/schema` lists the commands.

    Example: telesphor ask actor.retire/1 --body '{"id": "0190..."}' --as clinic.key
    """
    read = read_body(body)

    async def send(client: NodeClient) -> Receipt:
        return await client.send((command, read))

    emit_json(place.ask(wallet, send))


def read_body(text: str) -> dict[str, Any]:
    """The JSON object that the option names.

    Raises:
        AskedBodyRefused: it is no object, or its file cannot be read; what it holds is not repeated.
    """
    try:
        if text == "-":
            data = sys.stdin.buffer.read(BODY_BYTES_MAX + 1)
        elif text.startswith("@"):
            with Path(text[1:]).open("rb") as file:
                data = file.read(BODY_BYTES_MAX + 1)
        else:
            data = text.encode()
        if len(data) > BODY_BYTES_MAX:
            raise ValueError("too long")
        found: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise AskedBodyRefused(
            "the body is no JSON object that could be read",
            hint='give {"member": "value"}, or @FILE, or - for standard input',
            detail=type(error).__name__,
        ) from None
    return found
