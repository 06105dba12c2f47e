"""`init`, `serve`, `fsck`: a node's life on one machine."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from telesphor import app
from telesphor.cli.connect import DEFAULT_FOLDER, JsonOption, NodeOption
from telesphor.cli.listening import say_listener
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.ledger.attribution import check_attribution
from telesphor.ledger.fsck import fsck as check_ledger
from telesphor.runtime.console import emit_json, progress, refusals, say
from telesphor.runtime.folder import FolderLock, NodeFolder, read_passphrase, write_private
from telesphor.runtime.serving import Listeners, make_server
from telesphor.runtime.settings import Settings, load_settings
from telesphor.runtime.telemetry import configure_logs
from telesphor.vault.erasure import check_objects


def add_to(tree: typer.Typer) -> None:
    """Register these commands."""
    tree.command()(init)
    tree.command()(serve)
    tree.command()(fsck)


def init(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")] = DEFAULT_FOLDER,
    origin: Annotated[
        str, typer.Option(help="The ledger's name for all time: a domain you own, with a path.")
    ] = "telesphor.example/node",
    passphrase_file: Annotated[
        Path | None,
        typer.Option(help="File with the passphrase of the node's keys; made when it is not there."),
    ] = None,
) -> None:
    """Make a node: its keys, its settings and the first entry of its ledger.

    Example: telesphor init /srv/telesphor --origin clinic.example/ledger
    """
    with refusals():
        settings = Settings(origin=origin)
        secret = passphrase_file or folder.with_name(folder.name + ".passphrase")
        if not secret.exists():
            secret.parent.mkdir(parents=True, exist_ok=True)
            write_private(secret, IdSource(SystemClock()).random_bytes(16).hex().encode() + b"\n")
            say(f"made a passphrase in [bold]{secret}[/]: keep it apart from the node's folder")
        passphrase = secret.read_bytes().strip()
        made = app.create_node(
            folder,
            origin=settings.origin,
            passphrase=passphrase,
            settings={"passphrase_file": str(secret.absolute())},
        )
        say(f"made the node [bold]{origin}[/] in [bold]{folder}[/]")
        say(
            f"carry [bold]{made.root_key}[/] to a safe place: it certifies the node and is not needed to run it"
        )
        say(f"hand [bold]{made.log_vkeys}[/] to whoever will verify your proofs")


def serve(
    node: NodeOption = DEFAULT_FOLDER,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = -1,
) -> None:
    """Serve a node until it is told to stop; what was acknowledged by then is durable.

    It listens where its settings say; `--host` and `--port` move the plain listener.

    Example: telesphor serve --node /srv/telesphor --port 8420
    """
    with refusals():
        settings = load_settings(node)
        configure_logs(settings.log_level)
        with (
            app.open_node(node, passphrase=read_passphrase(settings, ask=True), serving=True) as opened,
            opened.channels.open_listeners(host=host, port=port if port >= 0 else None) as listeners,
        ):
            server = make_server(opened.edge(), tls=listeners.secure)
            place = NodeFolder(node)
            place.address.write_text(listeners.address, encoding="ascii")
            _say_listeners(settings.origin, listeners)
            for stop in (signal.SIGTERM, signal.SIGINT):
                signal.signal(stop, server.handle_exit)
            try:
                server.run(sockets=listeners.plain)
            finally:
                place.address.unlink(missing_ok=True)


def _say_listeners(origin: str, listeners: Listeners) -> None:
    say(f"node [bold]{origin}[/] at [bold]{listeners.address}[/] (API: {listeners.address}/schema)")
    for listener in listeners.every:
        say_listener(listener, hint="listen on 127.0.0.1, or set `plain = false` and use TLS")


def fsck(
    node: NodeOption = DEFAULT_FOLDER,
    objects: Annotated[bool, typer.Option(help="Also read every object of the vault.")] = True,
    requests: Annotated[
        bool, typer.Option("--requests", help="Also verify every signed request, 0.4 ms each.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Recompute everything from the stored entries and name the first thing that is wrong.

    Example: telesphor fsck --node /srv/telesphor --requests
    """
    with refusals():
        settings = load_settings(node)
        folder = NodeFolder(node)
        files = app.ledger_files(folder, settings)
        lock = FolderLock(folder)
        try:
            with progress("checking the ledger", quiet=json) as advance:
                report = check_ledger(
                    files,
                    app.build_checking_registry,
                    progress=lambda _stage, done, total: advance(done, total),
                )
            if requests:
                with progress("verifying requests", quiet=json) as advance:
                    check_attribution(files, progress=advance)
        finally:
            lock.release()
        checked = _check_objects(node, settings, quiet=json) if objects else None
        if json:
            emit_json({**msgspec.to_builtins(report), "objects": checked, "requests_verified": requests})
            return
        say(
            f"sound: {report.entries} entries in {report.streams} streams, {report.requests} signed requests, "
            f"{report.tiles} tiles, {report.checkpoints} checkpoints, "
            f"{report.documents} documents, {report.state_rows} rows of state"
            + (f", {checked} objects" if checked is not None else "")
            + (", every signature verified" if requests else "")
        )


def _check_objects(node: Path, settings: Settings, *, quiet: bool) -> int:
    """Read every object of the vault against its digest; raises the first damage."""
    count = 0
    with (
        app.open_node(node, passphrase=read_passphrase(settings, ask=True)) as opened,
        progress("reading objects", quiet=quiet) as advance,
    ):

        def seen(_: object) -> None:
            nonlocal count
            count += 1
            advance(count)

        for damage in check_objects(opened.vault, seen):
            raise damage
    return count
