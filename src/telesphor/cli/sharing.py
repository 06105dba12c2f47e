"""`share`: chosen entries of the ledger, for a named purpose, as a bundle that anyone can check.

The bundle is made from the node's folder, also beside a process that serves it. The node records
`share.made/1` before the file is written; a share that cannot be recorded is not written.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import typer

from telesphor import app
from telesphor.capabilities.identity.presentations.documents import open_factor, read_factors
from telesphor.capabilities.identity.presentations.entries import PRESENTED
from telesphor.cli.connect import DEFAULT_FOLDER, JsonOption, NodeOption, open_wallet, reach
from telesphor.client.node import NodeClient
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.bundle import OPENED_BYTES_MAX, OpenedCommitment, Selection
from telesphor.kernel.clock import SystemClock, format_instant
from telesphor.kernel.commitment import MEMBER_PATTERN
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.ledger.bundles import BundleSource
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.share import SHARED_ENTRIES_MAX, Share, share_bundle
from telesphor.runtime.capability import Receipt
from telesphor.runtime.console import emit_json, refusals, say
from telesphor.runtime.folder import NodeFolder, NodeKeys, load_node_keys, read_passphrase, write_private
from telesphor.runtime.settings import load_settings

OPENING_BYTES_MAX: Final = 2 * OPENED_BYTES_MAX
"""An opening's file: the value as JSON, with whatever white space somebody likes, and its key."""

_RANGE: Final = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?", re.ASCII)
_OPEN: Final = re.compile(
    rf"(?P<at>[0-9]{{1,12}}):(?P<member>{MEMBER_PATTERN})=(?P<file>.+)", re.ASCII | re.DOTALL
)
_FACTOR: Final = re.compile(r"([0-9]{1,12}):([a-z_]{1,64}\.[a-z0-9_]{1,64})", re.ASCII)


class ChoiceRefused(TelesphorError):
    """What is to be shared is not said in a way that can be understood."""

    code = "choice-refused"
    kind = Kind.INVALID


class _Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of an opening: the commitment's key as base64url, and the value as JSON."""

    key: str
    value: Any


def add_to(tree: typer.Typer) -> None:
    """Register this command."""
    tree.command()(share)


def share(
    purpose: Annotated[str, typer.Option(help="What it is for; it stands in the bundle, not on the ledger.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")],
    entry: Annotated[
        list[str] | None, typer.Option(metavar="POSITION", help="An entry, or a range as 12-15; repeat.")
    ] = None,
    stream: Annotated[
        list[str] | None, typer.Option(help="All entries of a stream, such as visit/0190...; repeat.")
    ] = None,
    open_: Annotated[
        list[str] | None,
        typer.Option(
            "--open",
            metavar="POSITION:MEMBER=FILE",
            help="Show the value of a commitment; FILE is JSON with `key` and `value`. Repeat.",
        ),
    ] = None,
    factor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POSITION:GROUP.NAME",
            help="Show one factor of the presentation at that entry, and none of its others. Repeat.",
        ),
    ] = None,
    whole_requests: Annotated[
        bool, typer.Option("--whole-requests", help="Show requests that asked for more than was chosen.")
    ] = False,
    with_documents: Annotated[
        bool,
        typer.Option("--with-documents", help="Show the documents that chosen entries name, and theirs."),
    ] = False,
    wallet: Annotated[
        Path | None, typer.Option("--as", help="Key file of the organisation that shares; default the node.")
    ] = None,
    node: NodeOption = DEFAULT_FOLDER,
    json: JsonOption = False,
) -> None:
    """Write chosen entries as a bundle; the ledger says so before the file is there.

    Example: telesphor share --entry 12-15 --open 12:commitment=pulse.json --purpose "complaint 7" -o c.zip
    """
    with refusals():
        if out.exists():
            raise ChoiceRefused(f"the file `{out}` exists", hint="name another")
        choice = Choice(
            entries=entry or [],
            streams=stream or [],
            opened=[read_opening(text) for text in open_ or []],
            factors=[read_factor_choice(text) for text in factor or []],
            whole_requests=whole_requests,
            with_documents=with_documents,
        )
        _share(node, choice, purpose=purpose, out=out, wallet=wallet, json=json)


class Choice(NamedTuple):
    """What is to be shared, as it was typed, once it can be understood."""

    entries: Sequence[str]
    streams: Sequence[str]
    opened: Sequence[OpenedCommitment]
    factors: Sequence[tuple[int, str]]
    whole_requests: bool
    with_documents: bool


def _share(node: Path, choice: Choice, *, purpose: str, out: Path, wallet: Path | None, json: bool) -> None:
    settings = load_settings(node)
    keys = load_node_keys(NodeFolder(node).node_key, passphrase=read_passphrase(settings, ask=True))
    made = _make(node, Selection(IdSource(SystemClock()).next(), purpose), keys, choice)
    receipt = _record(node, made, open_wallet(wallet, node) if wallet else app.node_wallet(keys))
    write_private(out, made.bundle)
    if json:
        emit_json(receipt)
        return
    say(
        f"wrote {len(made.bundle)} bytes to [bold]{out}[/]; entry {receipt.first} says so; "
        f"check it with `telesphor verify {out}`"
    )


def read_positions(texts: Iterable[str]) -> Iterator[int]:
    """The positions that texts such as `12` and `12-15` name.

    Raises:
        ChoiceRefused: another form, a range that falls, or one beyond all bounds.
    """
    for text in texts:
        match = _RANGE.fullmatch(text)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if first > last or last - first >= SHARED_ENTRIES_MAX:
            raise ChoiceRefused(f"`{text[:80]}` is not a position or a range", hint="write `12` or `12-15`")
        yield from range(first, last + 1)


def read_opening(text: str) -> OpenedCommitment:
    """The opening that a text such as `12:commitment=FILE` names, read from its file.

    Raises:
        ChoiceRefused: another form, or a file that cannot be read or holds something else.
    """
    match = _OPEN.fullmatch(text)
    if match is None:
        raise ChoiceRefused(
            "an opening is not said as it should be", hint="write it as `12:commitment=opening.json`"
        )
    try:
        with Path(match["file"]).open("rb") as file:
            said = msgspec.json.decode(file.read(OPENING_BYTES_MAX), type=_Opening)
        key, value = base64url.decode(said.key), canonical.encode(said.value)
    except (OSError, ValueError, msgspec.MsgspecError, TelesphorError) as error:
        # What the file holds is a patient's: nothing of it may stand in the refusal.
        raise ChoiceRefused(
            f"the opening in `{match['file']}` cannot be used",
            hint='the file is JSON such as {"key": "base64url", "value": 61}',
            detail=type(error).__name__,
        ) from None
    return OpenedCommitment(position=int(match["at"]), member=match["member"], key=key, value=value)


def read_factor_choice(text: str) -> tuple[int, str]:
    """The position and the factor that a text such as `41:licence.licensed_in` names; raises `ChoiceRefused`."""
    match = _FACTOR.fullmatch(text)
    if match is None:
        raise ChoiceRefused(
            "a factor is not said as it should be", hint="write it as `41:licence.licensed_in`"
        )
    return int(match[1]), match[2]


def open_presented(reader: EntryReader, position: int, name: str) -> OpenedCommitment:
    """What shows one factor of the presentation that the entry at `position` notes.

    Raises:
        ChoiceRefused: it is no such entry, its factors were forgotten, or it does not show this one.
    """
    entry = reader.entry(position)
    data = reader.document(entry.body.factors) if entry.type == PRESENTED.name else None
    if data is None:
        raise ChoiceRefused(f"entry `{position}` is no presentation whose factors are kept")
    opened = open_factor(read_factors(data), name)
    if opened is None:
        raise ChoiceRefused(f"the presentation of entry `{position}` does not show the factor `{name}`")
    return OpenedCommitment(
        position=position, member=f"shown.{opened.number}", key=opened.key, value=opened.value
    )


def _make(node: Path, selection: Selection, keys: NodeKeys, choice: Choice) -> Share:
    with app.open_for_proofs(node) as proofs:
        shown = [open_presented(proofs.reader, position, name) for position, name in choice.factors]
        positions = {*read_positions(choice.entries), *_positions_of(choice.streams, proofs.reader)}
        found = proofs.standing(max(positions, default=0))
        return share_bundle(
            selection,
            positions,
            reader=proofs.reader,
            checkpoint=found,
            source=BundleSource(keys.log.origin, keys.log.vkeys(), proofs.prover, keys.signing),
            made_at=format_instant(SystemClock().now_ms()),
            opened=[*choice.opened, *shown],
            confirmations=found.confirmations,
            whole_requests=choice.whole_requests,
            with_documents=choice.with_documents,
        )


def _positions_of(streams: Iterable[str], reader: EntryReader) -> Iterator[int]:
    for stream in streams:
        found = reader.stream(stream)
        if not found:
            raise ChoiceRefused(f"there is no stream `{stream[:80]}`")
        yield from (entry.position for entry in found)


def _record(node: Path, made: Share, signer: Wallet) -> Receipt:
    """Say on the ledger what is handed out; only then may the file be written."""
    with reach(node, "", "") as reached:

        async def send() -> Receipt:
            async with NodeClient(reached.url, signer, origin=reached.origin, tls=reached.tls) as client:
                return await client.send(made.command)

        return asyncio.run(send())
