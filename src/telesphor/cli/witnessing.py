"""`witness init`, `run`, `card`, `trust`, `mirror`: a witness of other organisations' ledgers that runs alone."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
import uvicorn

from telesphor.cli.listening import say_listener
from telesphor.client.http import PLAIN, Dialling
from telesphor.client.mirror import MirrorSource
from telesphor.client.wallet import load_wallet, save_wallet
from telesphor.kernel.card import Role, read_card
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.ledger.witness.mirroring import keep_mirror, load_mirrors, make_mirror
from telesphor.ledger.witness.notary import notary_check
from telesphor.ledger.witness.standalone import (
    FILE_BYTES_MAX,
    OpenWitness,
    WitnessFolder,
    WitnessSettings,
    create_witness,
    link_of,
    load_cards,
    load_witness_settings,
    open_witness,
    read_log_file,
    read_witness_passphrase,
    renew_card,
    trust_file,
)
from telesphor.runtime.console import refusals, say
from telesphor.runtime.folder import FolderRefused, write_private
from telesphor.runtime.serving import Listeners, is_loopback, make_server
from telesphor.runtime.settings import SettingsRefused
from telesphor.runtime.telemetry import configure_logs, log
from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.link import NodeLink

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's folder.")]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tree = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    for command in (init, run, card, trust, mirror):
        tree.command()(command)
    app.add_typer(tree, name="witness")


_HELP = """Run a witness, or a notary, of other organisations' ledgers.

Example: telesphor witness init /srv/witness --name north.example/witness --organisation north.example
--region eu-north --cloud north-cloud --operator north.example
"""


def init(
    folder: FolderArgument,
    name: Annotated[str, typer.Option(help="Its name for all time: a domain you own, with a path.")],
    organisation: Annotated[str, typer.Option(help="Who answers for it, such as north.example.")],
    region: Annotated[str, typer.Option(help="Where it runs.")],
    cloud: Annotated[str, typer.Option(help="On whose machines it runs.")],
    operator: Annotated[str, typer.Option(help="Who runs it.")],
    notary: Annotated[bool, typer.Option("--notary", help="Sign only what is witnessed up to L3.")] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase of its keys; made when it is not there.")
    ] = None,
) -> None:
    """Make a witness: its keys, its card and its empty memory.

    Example: telesphor witness init /srv/witness --name north.example/witness --organisation north.example
    --region eu-north --cloud north-cloud --operator north.example
    """
    with refusals():
        secret = (passphrase_file or folder.with_name(folder.name + ".passphrase")).absolute()
        try:
            settings = WitnessSettings(
                name=name,
                organisation=organisation,
                region=region,
                cloud=cloud,
                operator=operator,
                role=Role.NOTARY if notary else Role.WITNESS,
                passphrase_file=secret,
            )
        except ValueError as error:
            raise SettingsRefused("a name of the witness is wrong", hint=_first_line(error)) from None
        if not secret.exists():
            secret.parent.mkdir(parents=True, exist_ok=True)
            write_private(secret, IdSource(SystemClock()).random_bytes(16).hex().encode() + b"\n")
            say(f"made a passphrase in [bold]{secret}[/]: keep it apart from the witness's folder")
        create_witness(folder, settings=settings, passphrase=secret.read_bytes().strip(), clock=SystemClock())
        say(f"made the {settings.role} [bold]{settings.name}[/] in [bold]{folder}[/]")
        say(f"hand [bold]{WitnessFolder(folder).card}[/] to the ledgers it is to cosign")
        say(f"and name each of them: telesphor witness trust {folder} LOG.vkeys")


def run(
    folder: FolderArgument,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = -1,
) -> None:
    """Serve a witness until it is told to stop. SIGHUP reads the trusted logs again.

    Example: telesphor witness run /srv/witness --port 8421
    """
    with refusals():
        settings = load_witness_settings(folder)
        configure_logs("info")
        place = WitnessFolder(folder)
        clock = SystemClock()
        check = (
            notary_check(place, organisation=settings.organisation, clock=clock)
            if settings.role is Role.NOTARY
            else None
        )
        passphrase = read_witness_passphrase(settings, ask=True)
        channels = ChannelBook(clock)
        sources = _sources(place, passphrase, link_of(place, settings, channels))
        with open_witness(
            folder, passphrase=passphrase, clock=clock, check=check, sources=sources, channels=channels
        ) as opened:
            listener = opened.listen(host=host, port=port if port >= 0 else None)
            listeners = Listeners((listener,))
            server = make_server(opened.edge(), tls=listeners.secure)
            place.address.write_text(listener.url, encoding="ascii")
            say(
                f"{settings.role} [bold]{settings.name}[/] at [bold]{listener.url}[/], {_logs(opened.reload())}"
            )
            say_listener(listener, hint="set `tls_identity` and `tls_trust`, or listen on 127.0.0.1")
            for stop in (signal.SIGTERM, signal.SIGINT):
                signal.signal(stop, server.handle_exit)
            signal.signal(signal.SIGHUP, lambda *_: _reload(opened))
            try:
                with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
                    runner.run(_serve(server, listeners.plain, sources.values()))
            finally:
                place.address.unlink(missing_ok=True)
                listener.socket.close()


def card(
    folder: FolderArgument,
    renew: Annotated[
        bool, typer.Option("--renew", help="Sign a new one with what the settings say now.")
    ] = False,
) -> None:
    """Print the witness's signed card.

    Example: telesphor witness card /srv/witness > north.card.json
    """
    with refusals():
        place = WitnessFolder(folder)
        if renew:
            settings = load_witness_settings(folder)
            renewed = renew_card(
                folder, passphrase=read_witness_passphrase(settings, ask=True), clock=SystemClock()
            )
            say(f"in force until {renewed.expires_at}; restart the witness, and hand it to the ledgers")
        data = _read(place.card)
        read_card(data)
        print(data.decode("ascii"))


def trust(
    folder: FolderArgument,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A ledger's `log.vkeys` or card; for a notary also a witness's card."
        ),
    ],
) -> None:
    """Witness a ledger from now on; a notary learns a witness's card in the same way.

    Example: telesphor witness trust /srv/witness clinic.vkeys
    """
    with refusals():
        load_witness_settings(folder)
        print(trust_file(WitnessFolder(folder), _read(file)))
        say("a running witness takes it over at SIGHUP, and a notary's cards when it starts again")


def mirror(
    folder: FolderArgument,
    file: Annotated[Path, typer.Argument(metavar="LOG.vkeys", help="The ledger's `log.vkeys`.")],
    url: Annotated[str, typer.Option("--url", help="Where the ledger's node answers.")],
    wallet: Annotated[
        Path, typer.Option("--as", help="Key file of the actor that the node names as a mirror.")
    ],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with that key file's passphrase; default the witness's own.")
    ] = None,
) -> None:
    """Witness a ledger, and from now on read every entry of it before a cosignature.

    The key is kept in the witness's folder, under the witness's passphrase.

    Example: telesphor witness mirror /srv/witness clinic.vkeys --url https://clinic.example --as validator.key
    """
    with refusals():
        own = read_witness_passphrase(load_witness_settings(folder), ask=True)
        theirs = own if passphrase_file is None else _read(passphrase_file).strip()
        actor = load_wallet(wallet, passphrase=theirs)
        place, keys = WitnessFolder(folder), _read(file)
        agreed = make_mirror(place, origin=read_log_file(keys)[0], url=url)
        save_wallet(actor, place.mirrors / agreed.key, passphrase=own)
        keep_mirror(place, agreed)
        print(trust_file(place, keys))
        say(f"asks as actor [bold]{actor.actor}[/]: the node names it in its `network.toml`, as a mirror")
        say("a running witness begins to mirror when it starts again")


def _sources(place: WitnessFolder, passphrase: bytes, link: NodeLink | None) -> dict[str, MirrorSource]:
    """Where the entries of each log with an agreement are read."""
    cards = load_cards(place)
    owners = {card.name: card.organisation for card in cards if card.role is Role.LOG}
    return {
        agreed.origin: MirrorSource(
            agreed.url,
            load_wallet(place.mirrors / agreed.key, passphrase=passphrase),
            origin=agreed.origin,
            tls=_dialling(agreed.url, owners.get(agreed.origin, ""), link),
        )
        for agreed in load_mirrors(place)
    }


def _dialling(url: str, organisation: str, link: NodeLink | None) -> Dialling:
    """How a mirrored log's node is dialled: as the organisation of the log's card, where the witness has it."""
    if urlsplit(url).scheme != "https":
        if not is_loopback(urlsplit(url).hostname or ""):
            log.warning("entries on another machine are read in the clear", url=url)
        return PLAIN
    if link is None:
        raise SettingsRefused(
            f"`{url}` wants TLS, and this witness has no certificate to show",
            hint="set `tls_identity` and `tls_trust` in `witness.toml`",
        )
    return Dialling(link.dialling(organisation))


async def _serve(server: uvicorn.Server, plain: list[socket.socket], sources: Iterable[MirrorSource]) -> None:
    try:
        await server.serve(sockets=plain)
    finally:
        for source in sources:
            await source.close()


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            return source.read(FILE_BYTES_MAX)
    except OSError as error:
        raise FolderRefused(f"`{file}` cannot be read", hint="check the path and its permissions") from error


def _reload(opened: OpenWitness) -> None:
    try:
        count = opened.reload()
    except TelesphorError as error:  # It goes on with the logs that it has.
        log.error("logs not taken over", code=error.code, detail=error.message)
        return
    log.warning("logs taken over", count=count)


def _logs(count: int) -> str:
    return "1 ledger" if count == 1 else f"{count} ledgers"


def _first_line(error: ValueError) -> str:
    return " ".join(str(error).splitlines()[1:3]).strip().lower()
