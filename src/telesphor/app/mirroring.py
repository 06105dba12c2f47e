"""Reading the entries of the ledgers that this node cosigns, where an agreement lets it.

The agreement is a `[[log]]` of `network.toml` with an address and a key. Start at `open_mirror`.
"""

from __future__ import annotations

from contextlib import ExitStack

from telesphor.app.channels import Channels
from telesphor.client.http import PLAIN, Dialling
from telesphor.client.mirror import MirrorSource
from telesphor.client.wallet import load_wallet
from telesphor.ledger.witness.mirror import Mirror
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.network import LogSettings, NetworkSettings


class Mirroring:
    """The validator of one node, and where it reads.

    `close_sources` is for the event loop that served the node.
    """

    def __init__(self, check: Mirror, sources: tuple[MirrorSource, ...]) -> None:
        self.check = check
        self._sources = sources

    async def close_sources(self) -> None:
        """Close the connections to the other nodes."""
        for source in self._sources:
            await source.close()


def open_mirror(
    folder: NodeFolder, settings: NetworkSettings, *, channels: Channels, passphrase: bytes, stack: ExitStack
) -> Mirroring | None:
    """What validates the entries of the ledgers that agreed; None where none did. `stack` closes its memory.

    Raises:
        SettingsRefused, TlsFileRefused, PolicyRefused: the other node cannot be dialled so.
        WrongPassphrase, KeyfileRefused, FolderRefused: a key does not open.
    """
    agreed = [log for log in settings.log if log.url is not None]
    if not agreed:
        return None
    sources = {log.origin: _source(folder, log, channels, passphrase) for log in agreed}
    check = Mirror(folder.mirror_memory, sources)
    stack.callback(check.close)
    return Mirroring(check, tuple(sources.values()))


def _source(folder: NodeFolder, log: LogSettings, channels: Channels, passphrase: bytes) -> MirrorSource:
    assert log.url is not None and log.key is not None, "settings have both or neither"
    wallet = load_wallet(folder.path / log.key, passphrase=passphrase)
    context = channels.dial_node(log.url, organisation=log.organisation or "")
    return MirrorSource(
        log.url, wallet, origin=log.origin, tls=PLAIN if context is None else Dialling(context)
    )
