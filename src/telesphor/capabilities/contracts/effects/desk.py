"""The node's own word about effects: a command carried out, a message sent, or neither and why.

`EffectDesk.carry_out` gives a command as the node and says so in one request: both are on the ledger, or neither.
What it is told again it finds settled. `note_sent` and `note_dead` say what became of a message. `retry_effect` is
the one command of effects that anybody asks for.

INVARIANT: nobody but this desk says what became of an effect, and only while it is saying it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import apsw
import msgspec

from telesphor.capabilities.contracts.effects import store
from telesphor.capabilities.contracts.effects.entries import (
    EFFECT_DEAD,
    EFFECT_DONE,
    EFFECT_REFUSED,
    EFFECT_RETRIED,
    TRIGGER_SKIPPED,
    EffectDead,
    EffectDone,
    EffectRefused,
    EffectRetried,
    TriggerSkipped,
)
from telesphor.capabilities.contracts.effects.model import (
    CauseRow,
    EffectMalformed,
    EffectMissing,
    EffectNotPermitted,
    EffectRow,
    EffectSettled,
    IndexField,
    Place,
    PositionField,
    SkipCause,
)
from telesphor.capabilities.contracts.model import (
    CONTRACT_STREAM,
    CommandEffect,
    ContractId,
    ContractIdField,
)
from telesphor.capabilities.contracts.service import Authorise, living_contract, permit_by_kind
from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import node_of
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import (
    Actor,
    Body,
    CommandType,
    Decision,
    Draft,
    Receipt,
    RecordedRefusal,
    State,
)
from telesphor.runtime.telemetry import log

DEAD_SHOWN_MAX = 200

PASSING = frozenset({Kind.OVERLOADED, Kind.STORAGE})
"""Refusals that say nothing about what was asked: it is tried again."""

RecordOwnWord = Callable[[CommandType, Body], Receipt]
"""Records one command as the node's own word, without a signed request."""


class RetryEffect(Body, frozen=True, kw_only=True):
    """Have a dead letter sent after all."""

    contract: ContractIdField
    execution: PositionField
    index: IndexField


class _Word(msgspec.Struct, frozen=True):
    """What the desk is about to say."""

    place: Place
    decide: Callable[[Actor, State], Decision]


class _Spoken(Body, frozen=True, kw_only=True):
    """The command by which it says it; what it means is in `EffectDesk._saying`."""

    execution: int
    index: int


class _Skipped(Body, frozen=True, kw_only=True):
    contract: ContractIdField
    trigger: str
    cause: SkipCause


class EffectDesk:
    """Carries out effects and says so. Safe between threads.

    Args:
        commands: those of the closed list, by name.
        open_db: opens a read-only connection to the state tables.
        record: records the node's own word.
        authorise: who may have a dead letter sent.
    """

    def __init__(
        self,
        commands: Mapping[str, CommandType],
        *,
        open_db: Callable[[], apsw.Connection],
        record: RecordOwnWord,
        authorise: Authorise = permit_by_kind,
    ) -> None:
        self._commands = commands
        self._open_db = open_db
        self._record = record
        self._authorise = authorise
        self._guard = threading.Lock()
        self._saying: dict[tuple[int, int], tuple[_Spoken, _Word]] = {}
        self._skipping: set[int] = set()
        self._say = CommandType("effect.say/1", _Spoken, self._decide_word)
        self._skip = CommandType("trigger.skip/1", _Skipped, self._decide_skip)

    def carry_out(self, effect: CommandEffect, place: Place) -> None:
        """Give the command of an effect as the node, and say so; one that is settled already is left alone.

        Raises:
            TelesphorError: of a kind in `PASSING`; it may be asked again, and takes place once at most.
        """
        try:
            command, body = self._read(effect, place)
            self._speak(_Word(place, lambda actor, state: _carry_out(command, body, place, actor, state)))
        except EffectSettled:
            return
        except TelesphorError as error:
            if error.kind in PASSING:
                raise
            self.note_refused(place, code=error.code)

    def note_refused(self, place: Place, *, code: str) -> None:
        """Say that an effect is not carried out; raises as `carry_out`."""
        self._note(place, Decision((_refused(place, code, made=0),)))

    def note_sent(self, place: Place) -> None:
        """Say that a message was sent; raises as `carry_out`."""
        body = EffectDone(**_settled(place), made=0)
        self._note(place, Decision((Draft(EFFECT_DONE.name, _stream(place), body),)))

    def note_dead(self, place: Place, *, code: str, attempts: int) -> None:
        """Say that a message could not be sent; raises as `carry_out`."""
        body = EffectDead(**_settled(place), code=code, attempts=attempts)
        self._note(place, Decision((Draft(EFFECT_DEAD.name, _stream(place), body),)))

    def skip_trigger(self, contract: ContractId, trigger: str, cause: SkipCause) -> None:
        """Say that a trigger is not run, once; raises as `carry_out`."""
        if self.find_skip(contract, trigger) is not None:
            return
        word = _Skipped(contract=contract, trigger=trigger, cause=cause)
        self._skipping.add(id(word))
        try:
            self._record(self._skip, word)
        except EffectSettled:
            pass
        finally:
            self._skipping.discard(id(word))
        log.warning("trigger skipped", code=cause, detail=f"{contract} {trigger}")

    def retry_effect(self, actor: Actor, command: RetryEffect, state: State) -> Decision:
        """Have a dead letter sent after all.

        Raises:
            NotPermitted, ContractMissing, ContractResting, EffectMissing.
        """
        row = living_contract(state, command.contract)
        permit = self._authorise(actor, "administer", row, state)
        found = store.find_effect(state.db, execution=command.execution, index=command.index)
        if found is None or found.state != "dead" or found.contract != command.contract:
            raise EffectMissing(
                f"there is no dead letter `{command.index}` of the run `{command.execution}`",
                hint="`effect.dead/1` names both",
            )
        body = EffectRetried(execution=command.execution, index=command.index)
        draft = Draft(EFFECT_RETRIED.name, stream_of(CONTRACT_STREAM, command.contract), body)
        return Decision((*permit.drafts, draft), documents=permit.documents)

    def find(self, execution: int, index: int) -> EffectRow | None:
        """What became of an effect; None while nothing did."""
        with closing(self._open_db()) as db:
            return store.find_effect(db, execution=execution, index=index)

    def cause_of(self, position: int) -> CauseRow | None:
        """What brought an entry about, if it was an effect."""
        with closing(self._open_db()) as db:
            return store.cause_of(db, position)

    def count_chain(self, root: int) -> int:
        """How many effects a chain has brought about."""
        with closing(self._open_db()) as db:
            return store.count_chain(db, root)

    def find_skip(self, contract: str, trigger: str) -> str | None:
        """Why a trigger was skipped, if it was."""
        with closing(self._open_db()) as db:
            return store.find_skip(db, contract=contract, trigger=trigger)

    def dead_letters(self) -> list[EffectRow]:
        """Dead letters, oldest first, at most `DEAD_SHOWN_MAX`."""
        with closing(self._open_db()) as db:
            return store.dead_effects(db, limit=DEAD_SHOWN_MAX)

    def count_dead(self) -> int:
        """How many dead letters there are."""
        with closing(self._open_db()) as db:
            return store.count_dead(db)

    def _read(self, effect: CommandEffect, place: Place) -> tuple[CommandType, Body]:
        """The command of an effect and its body, prepared as at the edge."""
        command = self._commands.get(effect.type)
        if command is None:
            raise EffectNotPermitted(f"the node gives no command `{effect.type}` for a contract")
        # A command that names a contract names the one that asked, whatever that one says.
        names = "contract" in command.body.__struct_fields__
        said = {**effect.body, "contract": place.contract} if names else effect.body
        try:
            body = command.decode(msgspec.json.encode(said))
        except msgspec.ValidationError:  # Its text may quote the body.
            raise EffectMalformed(f"the body is not one of `{effect.type}`") from None
        if command.prepare is not None:
            command.prepare(body)
        return command, body

    def _note(self, place: Place, decision: Decision) -> None:
        try:
            self._speak(_Word(place, lambda _actor, _state: decision))
        except EffectSettled:
            pass

    def _speak(self, word: _Word) -> None:
        name = (word.place.execution, word.place.number)
        spoken = _Spoken(execution=name[0], index=name[1])
        with self._guard:
            if name in self._saying:
                raise EffectSettled("the effect is being settled")
            self._saying[name] = (spoken, word)
        try:
            self._record(self._say, spoken)
        finally:
            with self._guard:
                del self._saying[name]

    def _decide_word(self, actor: Actor, spoken: _Spoken, state: State) -> Decision:
        said = self._saying.get((spoken.execution, spoken.index))
        _check_own(actor, state, saying=said is not None and said[0] is spoken)
        assert said is not None
        found = store.find_effect(state.db, execution=spoken.execution, index=spoken.index)
        if found is not None and found.state != "retrying":
            raise EffectSettled("the effect was settled already")
        return said[1].decide(actor, state)

    def _decide_skip(self, actor: Actor, word: _Skipped, state: State) -> Decision:
        _check_own(actor, state, saying=id(word) in self._skipping)
        if store.find_skip(state.db, contract=word.contract, trigger=word.trigger) is not None:
            raise EffectSettled("the trigger was skipped already")
        body = TriggerSkipped(trigger=word.trigger, cause=word.cause)
        return Decision((Draft(TRIGGER_SKIPPED.name, stream_of(CONTRACT_STREAM, word.contract), body),))


def _check_own(actor: Actor, state: State, *, saying: bool) -> None:
    require_kind(actor, ActorKind.NODE)
    if actor.id != node_of(state.db)[0] or not saying:
        raise NotPermitted("this is not the node's own word")


def _carry_out(command: CommandType, body: Body, place: Place, actor: Actor, state: State) -> Decision:
    """What the command makes and that it was done; or, where it refuses, that it was not."""
    try:
        made = command.decide(actor, body, state)
    except RecordedRefusal as error:
        refused = _refused(place, error.code, made=len(error.drafts))
        return Decision((*error.drafts, refused), documents=error.documents)
    except TelesphorError as error:
        if error.kind in PASSING:
            raise
        return Decision((_refused(place, error.code, made=0),))
    except apsw.Error:
        raise
    except Exception as error:  # noqa: BLE001  a broken decision must not be tried for ever
        log.error("effect broke", error=type(error).__name__, exc_info=error)
        return Decision((_refused(place, "decision-failed", made=0),))
    done = EffectDone(**_settled(place), made=len(made.drafts))
    drafts = (*made.drafts, Draft(EFFECT_DONE.name, _stream(place), done))
    return Decision(drafts, after=made.after, documents=made.documents)


def _refused(place: Place, code: str, *, made: int) -> Draft:
    return Draft(EFFECT_REFUSED.name, _stream(place), EffectRefused(**_settled(place), code=code, made=made))


def _settled(place: Place) -> dict[str, Any]:
    return {"execution": place.execution, "index": place.number, "depth": place.depth, "root": place.root}


def _stream(place: Place) -> str:
    return stream_of(CONTRACT_STREAM, place.contract)
