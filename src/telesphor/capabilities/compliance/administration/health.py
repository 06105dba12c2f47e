"""How a node does, on one page: writer, checkpoint, index, peers, anchors, storage, devices, what waits.

Counts, ages, sizes and names of organisations; nothing about anyone. Start at `HealthPages`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from telesphor.capabilities.compliance.desk import Look, Under, WatchDesk
from telesphor.capabilities.compliance.searching import first_since
from telesphor.capabilities.contracts.listing import count_dead
from telesphor.capabilities.identity.enrolment.listing import count_devices
from telesphor.kernel.clock import format_instant
from telesphor.ledger.checkpoints import PublishedCheckpoint
from telesphor.ledger.network.status import NetworkStatus
from telesphor.runtime.capability import Actor

LATELY_MS: Final = 15 * 60 * 1000
"""A device that measures connects at least this often."""

RATE_SECONDS: Final = 60
ANCHORS_SHOWN: Final = 10

FILES_COUNTED_MAX: Final = 20_000
"""Of one folder: a tenth of a second of looking; a larger one is said to be at least as large."""


class CheckpointHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The newest checkpoint, and how many entries are in none yet."""

    size: int
    signed_at: str
    age_seconds: float
    waiting: int


class WriterHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Entries for each second of the last minute, and when the last was."""

    per_second: float
    last_at: str | None


class IndexHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How far the search index is."""

    indexed: int
    behind: int


class PeerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A witness or notary; `behind` is how many entries it has not acknowledged."""

    name: str
    organisation: str
    role: str
    acknowledged: int
    behind: int
    answered_at: str | None
    fault: str
    says: str


class AnchorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """An anchor in a public chain: how far, and at what cost."""

    network: str
    size: int
    phase: str
    says: str
    begun_at: str
    done_at: str | None
    cost: str | None


class StorageHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How much one part takes here, and what its disk has left; None where it is kept elsewhere."""

    what: str
    bytes: int | None
    free_bytes: int | None


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Devices by state."""

    enrolled: int
    connected_lately: int
    quarantined: int
    revoked: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page."""

    look: Look
    at: str
    status: str
    origin: str
    entries: int
    queued: int
    queue_max: int
    checkpoint: CheckpointHealth | None
    writer: WriterHealth
    index: IndexHealth
    peers: tuple[PeerHealth, ...]
    anchors: tuple[AnchorHealth, ...]
    storage: tuple[StorageHealth, ...]
    devices: DeviceHealth
    alarms: int
    dead: int
    sessions: int | None


class NodeParts(NamedTuple):
    """What is asked of the node itself.

    Attributes:
        health: what `/healthz` says: `status`, `origin`, `entries`, `queued`, `alarms`.
        checkpoint: the newest one.
        network: how the network stands; None where there is none.
        storage: places by name; None for what is kept elsewhere.
        sessions: how many are signed in; None where nobody can be.
    """

    health: Callable[[], Mapping[str, object]]
    checkpoint: Callable[[], PublishedCheckpoint | None]
    network: Callable[[], NetworkStatus | None]
    storage: Mapping[str, Path | None]
    sessions: Callable[[], int | None]
    queue_max: int


class HealthPages:
    """The health of one node."""

    def __init__(self, desk: WatchDesk, parts: NodeParts) -> None:
        self._desk = desk
        self._parts = parts

    def health(self, actor: Actor, watch: str) -> Health:
        """Return how the node does; raises what `WatchDesk.under` and `note` raise."""
        with self._desk.under(actor, watch, scope="administration") as under:
            made = self._describe(under)
        return msgspec.structs.replace(made, look=self._desk.note(under, "health"))

    def _describe(self, under: Under) -> Health:
        said, db, now_ms = self._parts.health(), under.state.db, under.state.now_ms
        network, indexed = self._parts.network(), self._desk.index.indexed
        devices = count_devices(db, since_ms=now_ms - LATELY_MS)
        return Health(
            look=_NOT_YET,
            at=format_instant(now_ms),
            status=str(said["status"]),
            origin=str(said["origin"]),
            entries=under.size,
            queued=_number(said["queued"]),
            queue_max=self._parts.queue_max,
            checkpoint=_checkpoint(self._parts.checkpoint(), size=under.size, now_ms=now_ms),
            writer=_writer(under, now_ms=now_ms),
            index=IndexHealth(indexed=indexed, behind=max(0, under.size - indexed)),
            peers=() if network is None else tuple(_peers(network, under.size)),
            anchors=() if network is None else tuple(_anchors(network)),
            storage=tuple(_storage(what, path) for what, path in self._parts.storage.items()),
            devices=DeviceHealth(
                enrolled=devices.enrolled,
                connected_lately=devices.connected_lately,
                quarantined=devices.quarantined,
                revoked=devices.revoked,
            ),
            alarms=_number(said["alarms"]),
            dead=count_dead(db),
            sessions=self._parts.sessions(),
        )


_NOT_YET: Final = Look(position=0, at="")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _checkpoint(newest: PublishedCheckpoint | None, *, size: int, now_ms: int) -> CheckpointHealth | None:
    if newest is None:
        return None
    return CheckpointHealth(
        size=newest.size,
        signed_at=format_instant(newest.at_ms),
        age_seconds=max(0, now_ms - newest.at_ms) / 1000,
        waiting=max(0, size - newest.size),
    )


def _writer(under: Under, *, now_ms: int) -> WriterHealth:
    if not under.size:
        return WriterHealth(per_second=0.0, last_at=None)
    minute_ago = format_instant(max(0, now_ms - RATE_SECONDS * 1000))
    lately = under.size - first_since(under.reader, minute_ago, size=under.size)
    last_at = under.reader.entry(under.size - 1).at
    return WriterHealth(per_second=round(lately / RATE_SECONDS, 3), last_at=last_at)


def _peers(network: NetworkStatus, size: int) -> Iterable[PeerHealth]:
    for peer in network.peers:
        yield PeerHealth(
            name=peer.name,
            organisation=peer.organisation,
            role=peer.role,
            acknowledged=peer.acknowledged,
            behind=max(0, size - peer.acknowledged),
            answered_at=peer.answered_at,
            fault=peer.fault,
            says=peer.says,
        )


def _anchors(network: NetworkStatus) -> Iterable[AnchorHealth]:
    for anchor in network.anchors[:ANCHORS_SHOWN]:
        yield AnchorHealth(
            network=anchor.network,
            size=anchor.size,
            phase=anchor.phase,
            says=anchor.says,
            begun_at=anchor.begun_at,
            done_at=anchor.done_at,
            cost=anchor.cost,
        )


def _storage(what: str, path: Path | None) -> StorageHealth:
    if path is None:
        return StorageHealth(what=what, bytes=None, free_bytes=None)
    try:
        free = shutil.disk_usage(path if path.exists() else path.parent).free
        return StorageHealth(what=what, bytes=_size_of(path), free_bytes=free)
    except OSError:
        return StorageHealth(what=what, bytes=None, free_bytes=None)


def _size_of(path: Path) -> int:
    """Of a database, with what it keeps beside it; of a folder, its files, at most `FILES_COUNTED_MAX`."""
    if not path.is_dir():
        beside = (path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))
        return sum(one.stat().st_size for one in beside if one.exists())
    total = 0
    for count, one in enumerate(path.rglob("*")):
        if count >= FILES_COUNTED_MAX:
            break
        if one.is_file():
            total += one.stat().st_size
    return total
