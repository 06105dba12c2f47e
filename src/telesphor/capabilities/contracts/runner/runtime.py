"""All that makes contracts run on one node, put together: `ContractRuntime`.

`start` lets it go on in threads until it is stopped. `settle` does the same work in the caller's own thread until
nothing is left that could be done now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import apsw
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from telesphor.capabilities.contracts.desk import ContractDesk, ReadDocument
from telesphor.capabilities.contracts.effects.connectors import Connector
from telesphor.capabilities.contracts.effects.desk import EffectDesk
from telesphor.capabilities.contracts.runner.carrying import FOLLOWED, Carrier
from telesphor.capabilities.contracts.runner.lanes import Lanes
from telesphor.capabilities.contracts.runner.queue import ReactionQueue
from telesphor.capabilities.contracts.runner.running import Runner
from telesphor.capabilities.contracts.runner.sending import Sender
from telesphor.capabilities.contracts.runner.subscriptions import Subscriptions
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import IdSource
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import OnCommit, Recorded
from telesphor.runtime.jobs import Follower, Periodic

REACTIONS_FILE = "reactions.sqlite"

CONTRACTS_AT_ONCE = 4
"""Twice the workers, so that none waits for the ledger."""

CONNECTORS_AT_ONCE = 8
"""Each may wait ten seconds for a receiver that does not answer."""

TICK_SECONDS = 1.0
"""Schedules name minutes; a second late is on time."""

CALLS_SECONDS = 60.0
"""Calls are run by their callers; only what a crash left behind is found this way."""

SETTLE_ROUNDS_MAX = 10_000
"""Of `settle`: contracts that wake each other end far before."""


class ContractRuntime(Collector):
    """The triggers and effects of one node; a collector of Prometheus.

    Args:
        path: of the queue's database.
        connectors: by name, as the settings know them.
        open_entries: a reader of committed entries, for one thread.
    """

    def __init__(
        self,
        desk: ContractDesk,
        effects: EffectDesk,
        *,
        path: Path,
        connectors: Mapping[str, Connector],
        open_entries: Callable[[], EntryReader],
        open_db: Callable[[], apsw.Connection],
        read_document: ReadDocument,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self.queue = ReactionQueue(path)
        self._effects = effects
        self._open_entries = open_entries
        self._subscriptions = Subscriptions(open_db=open_db, read_document=read_document)
        self._runner = Runner(
            desk,
            effects,
            queue=self.queue,
            subscriptions=self._subscriptions,
            open_entries=open_entries,
            clock=clock,
            nonce=ids.nonce,
        )
        carrier = Carrier(
            effects,
            queue=self.queue,
            connectors=connectors,
            read_document=read_document,
            open_entries=open_entries,
        )
        self._sender = Sender(effects, carrier, queue=self.queue, connectors=connectors, clock=clock)
        self._take_entry = carrier.take_entry
        self._prepare_threads()

    def _prepare_threads(self) -> None:
        self._finding = Follower(
            "contract-triggers",
            source=self._open_entries,
            cursors=self.queue,
            handle=self._find,
            types=self._subscriptions.types,
        )
        self._carrying = Follower(
            "contract-effects",
            source=self._open_entries,
            cursors=self.queue,
            handle=self._carry,
            types=FOLLOWED,
        )
        self._running = Lanes(
            "contract-runs",
            waiting=self._runner.waiting,
            advance=self._runner.advance,
            threads=CONTRACTS_AT_ONCE,
        )
        self._sending = Lanes(
            "contract-sends",
            waiting=self._sender.waiting,
            advance=self._sender.advance,
            threads=CONNECTORS_AT_ONCE,
        )

    def start(self, on_commit: OnCommit, stack: ExitStack) -> None:
        """Let it go on in threads until `stack` ends them; they end before whatever `stack` ends later.

        Args:
            on_commit: has a function called after each batch.
        """
        stack.callback(self.close)
        on_commit(self._finding.wake)
        on_commit(self._carrying.wake)
        ticking = Periodic("contract-schedules", seconds=TICK_SECONDS, work=self._tick)
        calling = Periodic("contract-calls", seconds=CALLS_SECONDS, work=self._take_open_calls)
        for part in (self._sending, self._running, self._carrying, self._finding, ticking, calling):
            part.start()
            stack.callback(part.stop)

    def settle(self) -> None:
        """Do all that can be done now, in this thread; not beside `start`."""
        self._runner.take_times()
        self._runner.take_open_calls()
        with closing(self._open_entries()) as source:
            for _ in range(SETTLE_ROUNDS_MAX):
                found = self._finding.advance(source)
                ran = sum(map(self._runner.advance, self._runner.waiting()))
                carried = self._carrying.advance(source)
                sent = sum(map(self._sender.advance, self._sender.waiting()))
                if not (found or ran or carried or sent):
                    return

    def close(self) -> None:
        """Finish what is at hand and close the queue; after the threads are ended."""
        self._runner.close()
        self._subscriptions.close()
        self.queue.close()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What `/metrics` shows of contracts."""
        triggers, sends = self.queue.counts()
        said = "Triggers of contracts that wait for their run"
        yield GaugeMetricFamily("telesphor_contract_triggers_waiting", said, triggers)
        said = "Messages of contracts that wait to be sent"
        yield GaugeMetricFamily("telesphor_contract_sends_waiting", said, sends)
        said = "Messages of contracts that could not be sent and wait for a person"
        yield GaugeMetricFamily("telesphor_contract_dead_letters", said, self._effects.count_dead())

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: a collector that is asked before there are tables must not be."""
        return ()

    def _find(self, entry: Recorded) -> None:
        self._runner.take_entry(entry)
        self._running.wake()

    def _carry(self, entry: Recorded) -> None:
        self._take_entry(entry)
        self._sending.wake()

    def _tick(self) -> None:
        if self._runner.take_times():
            self._running.wake()

    def _take_open_calls(self) -> None:
        self._runner.take_open_calls()
        self._running.wake()
