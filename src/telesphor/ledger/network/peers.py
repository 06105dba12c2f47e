"""What the network settings name by its file: the policy of levels, and the cards of those who cosign.

Every fault names the file, so that an operator knows where to look. Start at `read_peers`.
"""

from __future__ import annotations

from pathlib import Path

from telesphor.kernel.card import CARD_BYTES_MAX, Role
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.level_policy import DEFAULT_LEVELS, LEVELS_BYTES_MAX, LevelPolicy, parse_levels
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.network import NETWORK_FILE, NetworkSettings, PeerSettings
from telesphor.runtime.settings import SettingsRefused


def read_levels(folder: NodeFolder, settings: NetworkSettings) -> tuple[bytes, LevelPolicy]:
    """The policy that the node aims at, as its file has it: the one named, or the one that ships.

    Raises:
        SettingsRefused: the file cannot be read, or is none.
    """
    if settings.levels is None:
        data = DEFAULT_LEVELS.encode()
        return data, parse_levels(data)
    data = _read(folder, settings.levels, LEVELS_BYTES_MAX)
    try:
        return data, parse_levels(data)
    except TelesphorError as error:
        raise SettingsRefused(f"`{settings.levels}`: {error.message}", hint=error.hint) from error


def read_peers(folder: NodeFolder, settings: NetworkSettings) -> tuple[WitnessPeer, ...]:
    """Who is to cosign, in the order of the settings.

    Raises:
        SettingsRefused: a file is no card of a witness or notary, or two are of one pair of keys.
    """
    peers = tuple(_peer(folder, peer) for peer in settings.witness)
    if len({peer.key for peer in peers}) != len(peers):
        raise SettingsRefused(f"`{NETWORK_FILE}` names two cards of one witness", hint="take one of them out")
    return peers


def _peer(folder: NodeFolder, named: PeerSettings) -> WitnessPeer:
    # A card that was printed into a file ends with a newline, which is not a part of it.
    data = _read(folder, named.card, CARD_BYTES_MAX).strip()
    try:
        peer = WitnessPeer.of(named.url, data)
    except TelesphorError as error:
        raise SettingsRefused(
            f"`{named.card}`: {error.message}", hint=error.hint or "ask for the witness's own card"
        ) from error
    assert peer.card.role is not Role.LOG, "a peer has cosigning keys"
    return peer


def _read(folder: NodeFolder, path: Path, limit: int) -> bytes:
    try:
        with (folder.path / path).open("rb") as source:
            return source.read(limit + 1)
    except OSError as error:
        raise SettingsRefused(
            f"`{path}`, which `{NETWORK_FILE}` names, cannot be read",
            hint="its path is relative to the node's folder",
        ) from error
