"""The running network of one node: cosignatures are gathered and checkpoints anchored, beside the writer.

One thread with an event loop of its own runs both. Whatever witnesses, chains and calendars do, the ledger goes
on: a failure is logged, shown in the status, and tried again. Start at `Network`.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Final

from telesphor.kernel.card import Card, Role, read_card
from telesphor.kernel.clock import Clock
from telesphor.kernel.cosignature import Cosignature
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.levels import Evidence, LevelPolicy, judge_levels
from telesphor.ledger.anchors.book import LISTED_MAX, AnchorBook
from telesphor.ledger.anchors.job import AnchorJob
from telesphor.ledger.anchors.model import Chain
from telesphor.ledger.checkpoints import CheckpointBook, CheckpointMissing
from telesphor.ledger.network.cards import own_card, own_log_card
from telesphor.ledger.network.chains import open_chains
from telesphor.ledger.network.judging import Judge
from telesphor.ledger.network.loop import LoopThread, Work
from telesphor.ledger.network.peers import read_levels, read_peers
from telesphor.ledger.network.standing import Books, Standing, best_standing
from telesphor.ledger.network.status import NetworkStatus, describe_network
from telesphor.ledger.receipts import Prover
from telesphor.ledger.witness.book import CosignatureBook
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.ledger.witness.collector import Collector
from telesphor.ledger.witness.mirror import Mirror
from telesphor.ledger.witness.routes import WitnessDesk
from telesphor.ledger.witness.store import WitnessStore
from telesphor.ledger.witness.witness import Witness
from telesphor.runtime.folder import NodeFolder, NodeKeys
from telesphor.runtime.network import NETWORK_FILE, NetworkSettings
from telesphor.runtime.settings import SettingsRefused

BLOCKS_CONSIDERED: Final = 64
"""The newest blocks that are looked at for one to anchor: half a minute of a busy ledger."""

SETTLE_MS: Final = 30_000
"""A block that is this old has the cosignatures that it will get: the anchor waits no longer for more."""


WAIT_LOOK_SECONDS = 0.05
"""Between two looks at whether a checkpoint is cosigned: one read of a small table."""


Contexts = Callable[[WitnessPeer], ssl.SSLContext | None]


class Network:
    """One node's part in the network. Open it before the node serves; `start` and `stop` frame its work.

    Args:
        books: where checkpoints, cosignatures and anchors are kept; `stop` closes the last two.
        chains: the public chains that date the ledger.
        contexts: how each peer at an `https://` address is dialled.

    Raises:
        SettingsRefused: a file that the settings name is wrong.
        FolderRefused: the node's card cannot be written.
    """

    def __init__(
        self,
        folder: NodeFolder,
        settings: NetworkSettings,
        *,
        keys: NodeKeys,
        books: Books,
        prover: Prover,
        chains: Sequence[Chain],
        clock: Clock,
        contexts: Contexts = lambda _: None,
    ) -> None:
        self.settings = settings
        self.books = books
        self.levels, policy = read_levels(folder, settings)
        newest = books.checkpoints.last()
        self.log_card = own_log_card(folder, key=keys.log, settings=settings, newest=newest, clock=clock)
        peers = read_peers(folder, settings)
        self._origin = keys.log.origin
        self._clock = clock
        log_card = read_card(self.log_card)
        self._goal = _goal(peers, policy, log_card=log_card, now_ms=clock.now_ms())
        self._stopped = threading.Event()
        self._judge = Judge(keys.log.origin, keys.log.vkeys(), policy)
        self.collector = Collector(
            peers=[peer for peer in peers if peer.card.role is Role.WITNESS],
            notaries=[peer for peer in peers if peer.card.role is Role.NOTARY],
            book=books.cosignatures,
            newest=books.checkpoints.last,
            consistency=lambda old, new: prover.consistency(old_size=old, new_size=new),
            clock=clock,
            policy=policy,
            log_card=read_card(self.log_card),
            contexts=contexts,
            keep=lambda: [anchor.size for anchor in books.anchors.newest(LISTED_MAX)],
        )
        self.job = AnchorJob(
            book=books.anchors,
            chains=chains,
            newest=self._note_to_anchor,
            clock=clock,
            every_seconds=settings.anchor_minutes * 60.0,
            look_seconds=settings.look_seconds,
        )
        work: list[Work] = [self.collector.run] if peers else []
        work += [self.job.run] if chains else []
        self._loop = LoopThread("network", work)

    def start(self) -> None:
        """Begin to gather and to anchor."""
        self._loop.start()

    def stop(self) -> None:
        """End both, and close the books; what is under way is taken up again at the next start."""
        self._stopped.set()
        self._loop.stop()
        self.books.cosignatures.close()
        self.books.anchors.close()

    def wait_for(self, position: int, *, timeout_seconds: float) -> None:
        """Wait until a checkpoint that holds `position` has all cosignatures it can have, or the time is over."""
        for _ in range(int(timeout_seconds / WAIT_LOOK_SECONDS)):
            if self._goal == 1 or self.books.cosignatures.covering(position, level=self._goal) is not None:
                return
            if self._stopped.wait(WAIT_LOOK_SECONDS):
                return

    def standing(self, position: int) -> Standing:
        """The checkpoint that proves `position` best; raises `CheckpointMissing`."""
        return best_standing(
            position, books=self.books, log_card=self.log_card, levels=self.levels, judge=self._judge
        )

    def status(self, blocks: int) -> NetworkStatus:
        """How the newest blocks stand."""
        return describe_network(
            self._origin,
            books=self.books,
            log_card=self.log_card,
            judge=self._judge,
            peers=self.collector.peers(),
            blocks=blocks,
        )

    def _note_to_anchor(self) -> bytes | None:
        """The newest checkpoint that has every cosignature it can have; None while it still waits for some."""
        size = max(self._ready_size(), self._settled_size())
        return self.books.cosignatures.note(size) if size else None

    def _ready_size(self) -> int:
        """The newest that reached all that these peers can make; 0 where there is none among the newest."""
        blocks = self.books.cosignatures.recent(BLOCKS_CONSIDERED)
        return next((block.size for block in blocks if block.level >= self._goal), 0)

    def _settled_size(self) -> int:
        """Of the checkpoints since half a minute ago, the first with the highest level; 0 before there is one."""
        try:
            settled = self.books.checkpoints.at(self._clock.now_ms() - SETTLE_MS)
        except CheckpointMissing:
            return 0
        levels = range(self._goal, 1, -1)
        found = (self.books.cosignatures.covering(settled.size - 1, level=level) for level in levels)
        return next((size for size in found if size is not None), settled.size)


def open_network(
    folder: NodeFolder,
    settings: NetworkSettings,
    *,
    keys: NodeKeys,
    passphrase: bytes,
    checkpoints: CheckpointBook,
    prover: Prover,
    clock: Clock,
    random: Callable[[int], bytes],
    contexts: Contexts = lambda _: None,
) -> Network:
    """The network as the settings of a node say.

    Raises:
        SettingsRefused, FolderRefused, WrongPassphrase, KeyfileRefused: a file or a value is wrong.
    """
    _, policy = read_levels(folder, settings)
    chains = open_chains(
        settings, rule=policy.anchors, folder=folder.path, passphrase=passphrase, clock=clock, random=random
    )
    books = Books(checkpoints, CosignatureBook(folder.published), AnchorBook(folder.published))
    try:
        return Network(
            folder,
            settings,
            keys=keys,
            books=books,
            prover=prover,
            chains=chains,
            clock=clock,
            contexts=contexts,
        )
    except BaseException:
        books.cosignatures.close()
        books.anchors.close()
        raise


def open_witness_desk(
    folder: NodeFolder,
    settings: NetworkSettings,
    *,
    keys: NodeKeys,
    clock: Clock,
    mirror: Mirror | None = None,
) -> WitnessDesk:
    """The node as a witness of the ledgers that its settings name.

    Args:
        mirror: validates the entries of those that agreed to it; the caller closes it after the desk.

    Raises:
        SettingsRefused: a ledger's keys are not its own, or it is this node's own ledger.
        MemoryMissing: it cosigned before, and what it cosigned is gone.
    """
    if any(log.origin == keys.log.origin for log in settings.log):
        raise SettingsRefused(
            f"`{NETWORK_FILE}` names this node's own ledger among those it cosigns",
            hint="a `[[log]]` is a ledger of another node",
        )
    # A node that has a card as a witness had a memory: it must not begin anew under the same keys.
    store = WitnessStore(folder.witness_memory, new=not folder.witness_card.exists())
    try:
        card = own_card(
            folder.witness_card, role=Role.WITNESS, key=keys.cosigner, settings=settings, clock=clock
        )
        return WitnessDesk(_witness(settings, keys, card, store, clock), entry_check=mirror)
    except BaseException:
        store.close()
        raise


def _witness(
    settings: NetworkSettings, keys: NodeKeys, card: bytes, store: WitnessStore, clock: Clock
) -> Witness:
    logs = {log.origin: log.vkeys for log in settings.log}
    witness = Witness(cosigner=keys.cosigner, card=card, logs={}, store=store, clock=clock)
    try:
        witness.trust(logs)
    except TelesphorError as error:
        raise SettingsRefused(
            f"`{NETWORK_FILE}`: a `log` is refused: {error.message}", hint=error.hint
        ) from error
    return witness


def _goal(peers: Sequence[WitnessPeer], policy: LevelPolicy, *, log_card: Card, now_ms: int) -> int:
    """The level that is reached once all of these have cosigned, without public chains."""
    now_seconds = now_ms // 1000
    cosigned = tuple((peer.card, Cosignature(peer.card.keys, now_seconds)) for peer in peers)
    return judge_levels(Evidence(log_card, now_seconds, cosigned), policy).level
