"""Effects, from the run that asked for them: commands are given at once and in order, messages are put in the queue.

The commands of a run are carried out before any of its messages is sent, so that a notice never runs ahead of what it
tells of. Effects of a run that is on the ledger are carried out even when its contract is paused or retired since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from typing import NamedTuple

from telesphor.capabilities.contracts.desk import ReadDocument
from telesphor.capabilities.contracts.documents import effects_of, open_output
from telesphor.capabilities.contracts.effects.desk import EffectDesk
from telesphor.capabilities.contracts.effects.entries import EFFECT_RETRIED
from telesphor.capabilities.contracts.effects.model import EffectRow, Place
from telesphor.capabilities.contracts.entries import CONTRACT_EXECUTED
from telesphor.capabilities.contracts.model import (
    CommandEffect,
    ContractId,
    DocumentForgotten,
    Effect,
    SendEffect,
)
from telesphor.capabilities.contracts.runner.queue import ReactionQueue
from telesphor.capabilities.contracts.runner.store import SendRow
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import parse_stream
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import Recorded

FOLLOWED = frozenset({CONTRACT_EXECUTED.name, EFFECT_RETRIED.name})
"""Entries after which something is to be carried out."""


class Asked(NamedTuple):
    """An effect, where it stands, and the id of the run's entry."""

    place: Place
    effect: Effect
    entry: str

    @property
    def idempotency_key(self) -> str:
        """The same whenever this effect is carried out, on this node and on one restored from it."""
        return f"{self.entry}.{self.place.number}"


class Carrier:
    """Carries out the effects of runs. For the thread of one follower; reading is safe between threads.

    Args:
        connectors: the names of those that the settings know.
        open_entries: a reader of committed entries, for one thread.
    """

    def __init__(
        self,
        effects: EffectDesk,
        *,
        queue: ReactionQueue,
        connectors: Collection[str],
        read_document: ReadDocument,
        open_entries: Callable[[], EntryReader],
    ) -> None:
        self._effects = effects
        self._queue = queue
        self._connectors = frozenset(connectors)
        self._read_document = read_document
        self._open_entries = open_entries

    def take_entry(self, entry: Recorded) -> None:
        """Carry out what an entry asks for.

        Raises:
            TelesphorError: something cannot be done now; asked again, nothing is done twice.
        """
        if entry.type == EFFECT_RETRIED.name:
            self._retry(entry.body.execution, entry.body.index)
            return
        if not entry.body.effects:
            return
        try:
            every = self._read(entry)
        except DocumentForgotten as error:
            for number in range(entry.body.effects):
                self._effects.note_refused(self._place(entry, number), code=error.code)
            return
        every = [asked for asked in every if not _is_settled(self._found(asked.place))]
        for asked in every:
            if isinstance(asked.effect, CommandEffect):
                self._effects.carry_out(asked.effect, asked.place)
        for asked in every:
            self._put(asked)

    def _retry(self, execution: int, number: int) -> None:
        try:
            self._put(self.read(execution, number))
        except DocumentForgotten as error:
            if not _is_settled(self._effects.find(execution, number)):
                self._effects.note_dead(self.place_of(execution, number), code=error.code, attempts=0)

    def read(self, execution: int, number: int) -> Asked:
        """An effect of the run at this position; raises `DocumentForgotten`."""
        with closing(self._open_entries()) as entries:
            return self._read(entries.entry(execution))[number]

    def place_of(self, execution: int, number: int) -> Place:
        """Where an effect stands, whether or not its document is kept."""
        with closing(self._open_entries()) as entries:
            return self._place(entries.entry(execution), number)

    def _put(self, asked: Asked) -> None:
        if not isinstance(asked.effect, SendEffect) or _is_settled(self._found(asked.place)):
            return
        place, effect = asked.place, asked.effect
        if effect.connector not in self._connectors:
            self._effects.note_dead(place, code="connector-missing", attempts=0)
            return
        # The key is a contract's own word, and only has to be the same: here stands nothing but ids.
        key = digest_of(effect.key.encode("utf-8", "surrogatepass"))
        self._queue.put_send(SendRow(place.execution, place.number, place.contract, effect.connector, key, 0))

    def _found(self, place: Place) -> EffectRow | None:
        return self._effects.find(place.execution, place.number)

    def _read(self, entry: Recorded) -> list[Asked]:
        data = self._read_document(entry.body.output)
        if data is None:
            raise DocumentForgotten("what the run asked for is not kept any more")
        return [
            Asked(self._place(entry, number), effect, entry.id)
            for number, effect in enumerate(effects_of(open_output(data)))
        ]

    def _place(self, entry: Recorded, number: int) -> Place:
        """Where an effect stands: one deeper than the entry that triggered its run."""
        kind, _, rest = entry.body.trigger.partition(":")
        cause = self._effects.cause_of(int(rest)) if kind == "entry" else None
        depth, root = (1, entry.position) if cause is None else (cause.depth + 1, cause.root)
        contract = ContractId(parse_stream(entry.stream)[1])
        return Place(contract, entry.position, number, depth, root)


def _is_settled(row: EffectRow | None) -> bool:
    return row is not None and row.state != "retrying"
