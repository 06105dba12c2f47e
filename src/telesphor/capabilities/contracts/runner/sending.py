"""Messages, from the queue to the receiver: again and again with growing pauses, and then a dead letter.

A message is sent first and noted afterwards, because the other way round a crash would lose it: so it may be sent
twice, under the same key.
"""

from __future__ import annotations

from collections.abc import Mapping

from telesphor.capabilities.contracts.effects.connectors import Connector
from telesphor.capabilities.contracts.effects.desk import PASSING, EffectDesk
from telesphor.capabilities.contracts.model import DocumentForgotten, SendEffect
from telesphor.capabilities.contracts.runner.carrying import Asked, Carrier
from telesphor.capabilities.contracts.runner.queue import ReactionQueue
from telesphor.capabilities.contracts.runner.store import SendRow
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.telemetry import log

PAUSES_SECONDS = (1, 5, 30, 120, 600, 3_600, 3 * 3_600, 6 * 3_600)
"""After each attempt that failed; when all are over, about ten hours after the first, the letter is dead."""

SENDS_TOGETHER_MAX = 16


class Sender:
    """Sends what waits. One connector in one thread at a time.

    Args:
        connectors: by name.
    """

    def __init__(
        self,
        effects: EffectDesk,
        carrier: Carrier,
        *,
        queue: ReactionQueue,
        connectors: Mapping[str, Connector],
        clock: Clock,
    ) -> None:
        self._effects = effects
        self._carrier = carrier
        self._queue = queue
        self._connectors = dict(connectors)
        self._clock = clock

    def waiting(self) -> list[str]:
        """The connectors that have something to send now."""
        return self._queue.connectors_due(self._clock.now_ms())

    def advance(self, connector: str) -> bool:
        """Send what waits for a connector; whether anything was settled."""
        rows = self._queue.due_sends(connector, now_ms=self._clock.now_ms(), limit=SENDS_TOGETHER_MAX)
        return sum(map(self._settle, rows)) > 0

    def _settle(self, row: SendRow) -> bool:
        """Send one message and note it; whether it waits no more."""
        found = self._effects.find(row.execution, row.number)
        if found is not None and found.state != "retrying":
            self._queue.remove_send(row)
            return True
        try:
            asked = self._carrier.read(row.execution, row.number)
        except DocumentForgotten:
            place = self._carrier.place_of(row.execution, row.number)
            self._effects.note_dead(place, code=DocumentForgotten.code, attempts=row.attempts)
            self._queue.remove_send(row)
            return True
        code, again = self._send(asked, row.connector)
        if not code:
            self._effects.note_sent(asked.place)
        elif again and row.attempts < len(PAUSES_SECONDS):
            next_ms = self._clock.now_ms() + PAUSES_SECONDS[row.attempts] * 1_000
            self._queue.postpone_send(row, next_ms=next_ms)
            log.info("message waits", code=code, detail=asked.idempotency_key, count=row.attempts + 1)
            return False
        else:
            self._effects.note_dead(asked.place, code=code, attempts=row.attempts + 1)
            log.warning("message is dead", code=code, detail=asked.idempotency_key)
        self._queue.remove_send(row)
        return True

    def _send(self, asked: Asked, name: str) -> tuple[str, bool]:
        """Send a message; the code of what went wrong, or nothing, and whether it may go well later."""
        connector = self._connectors.get(name)
        if connector is None or not isinstance(asked.effect, SendEffect):
            return "connector-missing", False
        try:
            connector.send(asked.idempotency_key, asked.effect.message)
        except TelesphorError as error:
            return error.code, error.kind in PASSING
        except Exception as error:  # noqa: BLE001  a broken connector is not the node's end
            log.error("connector broke", error=type(error).__name__, exc_info=error)
            return "connector-broke", True
        return "", False
