"""`network init`, `status`, `add-witness`, `add-log`, `card`, `ethereum-key`: a node's part in the network."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from telesphor import app
from telesphor.cli.connect import (
    DEFAULT_FOLDER,
    IdentityOption,
    JsonOption,
    NodeOption,
    TrustOption,
    UrlOption,
    dialling,
    dialling_own,
)
from telesphor.client.errors import LinkRefused
from telesphor.client.http import Dialling, Http
from telesphor.kernel import base64url
from telesphor.kernel.card import CARD_BYTES_MAX, Card, Role, read_card
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.keyfile import KEYFILE_BYTES_MAX, open_keyfile, seal_keyfile
from telesphor.ledger.anchors.ethereum.key import EthereumKey
from telesphor.ledger.network.cards import own_log_card
from telesphor.ledger.network.judging import Judge
from telesphor.ledger.network.peers import read_levels, read_peers
from telesphor.ledger.network.status import BlockStatus, NetworkStatus, describe_network
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.ledger.witness.standalone import FILE_BYTES_MAX, read_file, read_log_file
from telesphor.runtime.console import emit_json, refusals, say, table
from telesphor.runtime.folder import (
    FolderRefused,
    NodeFolder,
    load_node_keys,
    read_passphrase,
    write_private,
)
from telesphor.runtime.network import (
    NETWORK_BYTES_MAX,
    NETWORK_FILE,
    NetworkSettings,
    PeerSettings,
    load_network,
    parse_network_settings,
)
from telesphor.runtime.settings import SettingsRefused, format_settings, load_settings

ANSWER_SECONDS = 10.0
ANSWER_BYTES_MAX = 1024 * 1024
ETHEREUM_KEY = Path("keys") / "ethereum.key"
CARDS = Path("cards")
SHOWN_BLOCKS = 10
FILE_NAME_CHARS_MAX = 80


class StatusUnavailable(TelesphorError):
    """The running node does not say how its network stands."""

    code = "status-unavailable"
    kind = Kind.NOT_FOUND


class PeerKnown(TelesphorError):
    """A witness of that name is in the settings already, with another address or other keys."""

    code = "peer-known"
    kind = Kind.CONFLICT


def add_to(tree: typer.Typer) -> None:
    """Register these commands."""
    own = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    own.command()(init)
    own.command()(status)
    own.command("add-witness")(add_witness)
    own.command("add-log")(add_log)
    own.command()(card)
    own.command("ethereum-key")(ethereum_key)
    tree.add_typer(own, name="network")


_HELP = """Join a node to its network: who cosigns its ledger, whose ledgers it cosigns, what dates it.

Example: telesphor network init --organisation clinic.example --region eu-west --cloud own --operator clinic.example
"""


def init(
    organisation: Annotated[str, typer.Option(help="Who answers for this node, such as clinic.example.")],
    region: Annotated[str, typer.Option(help="Where it runs, such as eu-west.")],
    cloud: Annotated[str, typer.Option(help="On whose machines it runs.")],
    operator: Annotated[str, typer.Option(help="Who runs it.")],
    node: NodeOption = DEFAULT_FOLDER,
) -> None:
    """Write the node's `network.toml`; add witnesses to it then, and restart the node.

    Example: telesphor network init --organisation clinic.example --region eu-west --cloud own
    --operator clinic.example --node /srv/telesphor
    """
    with refusals():
        load_settings(node)
        file = node / NETWORK_FILE
        if file.exists():
            raise SettingsRefused(f"`{file}` exists already", hint="change it there, and restart the node")
        values = {"organisation": organisation, "region": region, "cloud": cloud, "operator": operator}
        text = format_settings(values).encode()
        parse_network_settings(text)
        write_private(file, text)
        say(f"wrote [bold]{escape(str(file))}[/]")
        say("add who cosigns the ledger: telesphor network add-witness URL CARD")


def status(
    node: NodeOption = DEFAULT_FOLDER,
    url: UrlOption = "",
    trust: TrustOption = None,
    identity: IdentityOption = None,
    blocks: Annotated[int, typer.Option(help="How many blocks.", min=1, max=50)] = SHOWN_BLOCKS,
    json: JsonOption = False,
) -> None:
    """Show each block's progress to each level, the peers, and the anchors with their cost.

    Example: telesphor network status --node /srv/telesphor --blocks 20
    """
    with refusals():
        found = _status(node, url, blocks, dialling(url, trust=trust, identity=identity))
        if json:
            emit_json(found)
            return
        _show(found)


def add_witness(
    url: Annotated[str, typer.Argument(help="Where it answers, such as https://witness.north.example:8421.")],
    card_file: Annotated[Path, typer.Argument(metavar="CARD", help="The card that it handed over.")],
    node: NodeOption = DEFAULT_FOLDER,
) -> None:
    """Have a witness, or a notary, cosign this node's checkpoints; with a renewed card, take that one over.

    Example: telesphor network add-witness http://127.0.0.1:8421 north.card.json
    """
    with refusals():
        settings = _network(node)
        data = read_file(card_file, limit=CARD_BYTES_MAX).strip()
        peer = read_card(data)
        if peer.role is Role.LOG:
            raise SettingsRefused(
                "the card is of a ledger, not of a witness", hint="ask for the witness's own card"
            )
        kept = _kept_at(node, settings, WitnessPeer.of(url, data))
        name = f"[bold]{escape(peer.name)}[/]"
        if kept is not None:
            _replace(node / kept.card, data)
            say(f"{name} is to cosign already; its card, in force until {peer.expires_at}, is taken over")
            say("restart the node")
            return
        file = CARDS / _file_name(peer)
        added = _with_table(node, "witness", {"url": url, "card": str(file)})
        (node / CARDS).mkdir(mode=0o700, exist_ok=True)
        _replace(node / file, data)
        _replace(node / NETWORK_FILE, added)
        say(f"{name} ({peer.role} of {peer.organisation}, {peer.region}, {peer.cloud}) is to cosign")
        if peer.role is Role.NOTARY:
            say("hand it this ledger's card (`telesphor network card`) and those of the witnesses")
        else:
            say("hand it the file `log.vkeys` of this node")
        say("then restart the node")


def add_log(
    vkeys: Annotated[Path, typer.Argument(metavar="LOG.vkeys", help="The keys of the other ledger.")],
    node: NodeOption = DEFAULT_FOLDER,
) -> None:
    """Cosign another organisation's ledger with this node.

    Example: telesphor network add-log clinic.vkeys --node /srv/telesphor
    """
    with refusals():
        settings = _network(node)
        origin, keys = read_log_file(read_file(vkeys, limit=FILE_BYTES_MAX))
        if origin == load_settings(node).origin:
            raise SettingsRefused("the keys are of this node's own ledger", hint="others cosign it")
        name = f"[bold]{escape(origin)}[/]"
        if any(log.origin == origin and set(log.vkeys) == set(keys) for log in settings.log):
            say(f"this node is to cosign {name} already")
            return
        _replace(node / NETWORK_FILE, _with_table(node, "log", {"origin": origin, "vkeys": list(keys)}))
        say(f"this node is to cosign {name}; restart it")
        say("then hand over its card, `witness.card.json`, and its address with `/witness` behind it")


def card(node: NodeOption = DEFAULT_FOLDER) -> None:
    """Print the signed card of this node's ledger, by which others know whose it is.

    Example: telesphor network card --node /srv/telesphor > clinic.card.json
    """
    with refusals():
        settings = _network(node)
        folder = NodeFolder(node)
        keys = load_node_keys(folder.node_key, passphrase=read_passphrase(load_settings(node), ask=True))
        with app.open_books(node) as books:
            newest = books.checkpoints.last()
        data = own_log_card(folder, key=keys.log, settings=settings, newest=newest, clock=SystemClock())
        print(data.decode("ascii"))


def ethereum_key(node: NodeOption = DEFAULT_FOLDER) -> None:
    """Make the key of the account that pays for anchors in Ethereum, or show the account when there is one.

    Example: telesphor network ethereum-key --node /srv/telesphor
    """
    with refusals():
        passphrase = read_passphrase(load_settings(node), ask=True)
        file = node / ETHEREUM_KEY
        if file.exists():
            say("the node has one already; its account is")
            print(f"0x{_read_ethereum_key(file, passphrase).address.hex()}")
            return
        key = EthereumKey.generate()
        secret = {"ethereum": base64url.encode(key.secret)}
        write_private(file, seal_keyfile(secret, passphrase=passphrase))
        say(f"made [bold]{ETHEREUM_KEY}[/], sealed under the node's passphrase; its account is")
        print(f"0x{key.address.hex()}")
        say(f"put a little ether on it, add this to `{NETWORK_FILE}`, and restart the node:")
        say(f'\n\\[ethereum]\nnetwork = "ethereum-1"\nnode_url = "..."\nkey_file = "{ETHEREUM_KEY}"\n')


def _network(node: Path) -> NetworkSettings:
    load_settings(node)
    settings = load_network(node)
    if settings is None:
        raise SettingsRefused(
            f"`{node}` has no `{NETWORK_FILE}`", hint="write one with `telesphor network init`"
        )
    return settings


def _kept_at(node: Path, settings: NetworkSettings, peer: WitnessPeer) -> PeerSettings | None:
    """Where the settings have this witness; raises `PeerKnown` when they have it otherwise."""
    known = zip(settings.witness, read_peers(NodeFolder(node), settings), strict=True)
    named, kept = next(((named, kept) for named, kept in known if kept.name == peer.name), (None, None))
    if named is None or kept is None:
        return None
    if kept.key != peer.key or kept.card.role != peer.card.role:
        raise PeerKnown(
            f"`{peer.name}` is known already, with other keys or as a {kept.card.role}",
            hint=f"whoever has new keys takes a new name; or take the old one out of `{NETWORK_FILE}`",
        )
    if kept.url != peer.url:
        raise PeerKnown(
            f"`{peer.name}` is known already, at another address",
            hint=f"change its `url` in `{NETWORK_FILE}`",
        )
    return named


def _file_name(card: Card) -> str:
    """A name may hold anything printable; the id of its key makes the file's name its own."""
    plain = re.sub(r"[^a-z0-9.-]", "_", card.name)[:FILE_NAME_CHARS_MAX]
    return f"{plain}-{card.keys.mldsa44.key_id:08x}.json"


def _with_table(node: Path, section: str, values: dict[str, Any]) -> bytes:
    """The settings with one more table; raises `SettingsRefused` when they would be refused so."""
    before = read_file(node / NETWORK_FILE, limit=NETWORK_BYTES_MAX)
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    added = before + f"\n[[{section}]]\n{lines}".encode()
    parse_network_settings(added)
    return added


def _replace(file: Path, data: bytes) -> None:
    """In one step, so that a crash leaves the old file or the new one."""
    fresh = file.with_name(file.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        write_private(fresh, data)
        fresh.replace(file)
    except OSError as error:
        raise FolderRefused(f"`{file}` cannot be written", hint="check its permissions") from error


def _read_ethereum_key(file: Path, passphrase: bytes) -> EthereumKey:
    secret = open_keyfile(read_file(file, limit=KEYFILE_BYTES_MAX), passphrase=passphrase).get("ethereum")
    if not isinstance(secret, str):
        raise SettingsRefused(f"`{file}` holds other keys than those of an Ethereum account")
    return EthereumKey(base64url.decode(secret))


def _status(node: Path, url: str, blocks: int, tls: Dialling) -> NetworkStatus:
    """What a node says at `url`; else the one in the folder, running or not."""
    if url:
        return _fetch(url, tls, blocks)
    settings = _network(node)
    address = NodeFolder(node).address
    if address.is_file():
        running = address.read_text(encoding="ascii").strip()
        try:
            return _fetch(running, dialling_own(node, load_settings(node), running), blocks)
        except StatusUnavailable:
            say("the node does not answer: this is what its folder holds")
    else:
        say("the node is not running: this is what its folder holds")
    return _status_of_folder(NodeFolder(node), settings, blocks)


def _status_of_folder(folder: NodeFolder, settings: NetworkSettings, blocks: int) -> NetworkStatus:
    if not folder.log_card.is_file():
        raise StatusUnavailable(
            "the node never ran with its network", hint="start it once: `telesphor serve`"
        )
    _, policy = read_levels(folder, settings)
    ed25519, mldsa44 = read_log_file(read_file(folder.log_vkeys, limit=FILE_BYTES_MAX))[1]
    origin = load_settings(folder.path).origin
    with app.open_books(folder.path) as books:
        return describe_network(
            origin,
            books=books,
            log_card=read_file(folder.log_card, limit=CARD_BYTES_MAX),
            judge=Judge(origin, (ed25519, mldsa44), policy),
            peers=(),
            blocks=blocks,
        )


def _fetch(url: str, tls: Dialling, blocks: int) -> NetworkStatus:
    async def fetch() -> bytes:
        async with asyncio.timeout(ANSWER_SECONDS), Http(url, tls) as node:
            return await node.fetch("GET", f"/v1/network?blocks={blocks}", limit=ANSWER_BYTES_MAX)

    try:
        return msgspec.json.decode(asyncio.run(fetch()), type=NetworkStatus)
    except LinkRefused:
        raise
    except (TelesphorError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
        raise StatusUnavailable(
            "the node does not say how its network stands",
            hint=f"is it running, and was it started with a `{NETWORK_FILE}` in its folder?",
            detail=type(error).__name__,
        ) from error


def _show(found: NetworkStatus) -> None:
    columns = ("entries", "signed (UTC)", "level", "reached after", "cosigned", "dated by")
    table(f"{found.origin} of {found.organisation}", columns, [_block_row(block) for block in found.blocks])
    if found.blocks and found.blocks[0].missing:
        newest = found.blocks[0]
        say(f"  {newest.size}: L{newest.level + 1} is not reached: {escape(newest.missing)}")
    if found.peers:
        peers = [
            (
                peer.name,
                peer.role,
                peer.organisation,
                str(peer.acknowledged),
                _how(peer.says, peer.answered_at),
            )
            for peer in found.peers
        ]
        table("", ("peer", "role", "organisation", "has cosigned", "is"), peers)
    if found.anchors:
        anchors = [
            (
                str(anchor.size),
                anchor.network,
                anchor.phase,
                anchor.cost or "",
                "" if anchor.gas is None else str(anchor.gas),
                str(anchor.entries_covered),
                anchor.cost_per_entry or "",
                anchor.says,
            )
            for anchor in found.anchors
        ]
        heads = ("entries", "anchor", "phase", "cost", "gas", "dates", "per entry", "says")
        table("", heads, anchors)


def _block_row(block: BlockStatus) -> tuple[str, ...]:
    waits = [f"{level} {wait / 1000:.2f} s" for level, wait in block.ms_to_level.items() if level != "L1"]
    signed_at = block.signed_at.replace("T", " ")[:19]
    anchored = ", ".join(block.anchored_in)
    return (
        str(block.size),
        signed_at,
        f"L{block.level}",
        " ".join(waits),
        str(len(block.cosigned_by)),
        anchored,
    )


def _how(says: str, answered_at: str | None) -> str:
    return says or ("well" if answered_at else "not asked yet")
