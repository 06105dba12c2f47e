"""The node's own word about contracts: it runs one, keeps what went in and came out, and says so once.

1. `ContractDesk.call_contract` notes a call; once the note is durable, it is run and the caller gets the result.
2. `ContractDesk.perform` runs any trigger: a call, an entry, a schedule. One run at a time for each contract and
   key, each on the state that the one before left.
3. What comes of it is `contract.executed/1` or `contract.failed/1`, once for each trigger, with its documents.

`runner` stands above this desk: it finds triggers in the log, asks `perform` in the log's order, repeats it after a
crash without harm, and carries out the effects from the output document.

INVARIANT: that a contract ran is no command that anyone can send: the desk alone has it, and it takes no words but
those the desk itself is saying at that moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Literal, NamedTuple

import apsw
import msgspec

from telesphor.capabilities.contracts import store
from telesphor.capabilities.contracts.documents import (
    Sealed,
    open_failure,
    open_input,
    open_output,
    open_state,
    seal_output,
    seal_state,
)
from telesphor.capabilities.contracts.entries import (
    CONTRACT_EXECUTED,
    CONTRACT_FAILED,
    ContractExecuted,
    ContractFailed,
)
from telesphor.capabilities.contracts.execution import ENGINE, Run, execute, failed_key, key_of
from telesphor.capabilities.contracts.manifest import Manifest, parse_manifest
from telesphor.capabilities.contracts.model import (
    CONTRACT_STREAM,
    CallId,
    ContractId,
    ContractIdField,
    ContractMissing,
    ContractResting,
    ContractRow,
    DocumentForgotten,
    Execution,
    RunDecided,
    RunRow,
    RunStale,
    TriggerKind,
    WorkersBusy,
)
from telesphor.capabilities.contracts.service import CallContract, Contracts
from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import node_of
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import (
    Actor,
    Body,
    CommandType,
    Decision,
    Draft,
    EntryType,
    Receipt,
    State,
)
from telesphor.runtime.telemetry import log

STALE_MAX = 3
"""Runs of one trigger before it is left for later: an upgrade in between makes one stale, and upgrades are rare."""

CALLERS_MAX = 4
"""Callers that wait for their run: each holds a thread of the edge, which has few, and others need them."""

_LATER = "too many calls run now; ask again in the same words"

RecordOwnWord = Callable[[CommandType, Body], Receipt]
"""Records one command as the node's own word, without a signed request."""

ReadDocument = Callable[[str], bytes | None]
"""Reads a kept document by its digest."""


class Ready(NamedTuple):
    """A trigger that is to be run: its name, its kind, and the document that says what it is."""

    contract: ContractId
    trigger: str
    kind: TriggerKind
    input: Sealed


class CallAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller is told: `result` is JSON text. A pending call is run later; ask for it by its id."""

    call: CallId
    outcome: Literal["executed", "failed", "pending"]
    result: str = "null"
    cause: str = ""
    message: str = ""
    position: int | None = None


class SayExecuted(ContractExecuted, frozen=True, kw_only=True):
    """The node's word that a contract ran."""

    contract: ContractIdField
    documents: tuple[bytes, ...]


class SayFailed(ContractFailed, frozen=True, kw_only=True):
    """The node's word that a run gave nothing."""

    contract: ContractIdField
    documents: tuple[bytes, ...]


_Word = SayExecuted | SayFailed


class ContractDesk:
    """Runs contracts and says so. Safe between threads.

    Args:
        contracts: the decisions, which note calls.
        run: runs a job in a worker.
        open_db: opens a read-only connection to the state tables.
        read_document: reads a kept document.
        record: records the node's own word.
    """

    def __init__(
        self,
        contracts: Contracts,
        *,
        run: Run,
        open_db: Callable[[], apsw.Connection],
        read_document: ReadDocument,
        record: RecordOwnWord,
    ) -> None:
        self.contracts = contracts
        self._run = run
        self._open_db = open_db
        self._read_document = read_document
        self._record = record
        self._locks: dict[tuple[str, str], tuple[threading.Lock, int]] = {}
        self._guard = threading.Lock()
        self._callers = threading.BoundedSemaphore(CALLERS_MAX)
        self._saying: dict[tuple[str, str], _Word] = {}
        self._executed = CommandType("contract.say-executed/1", SayExecuted, self._say_executed)
        self._failed = CommandType("contract.say-failed/1", SayFailed, self._say_failed)

    def call_contract(self, actor: Actor, command: CallContract, state: State) -> Decision:
        """Note a call, and run it once the note is durable; raises as `Contracts.note_call`."""
        decision, row = self.contracts.note_call(actor, command, state)

        def answer(_receipt: Receipt) -> CallAnswer:
            return self.answer_call(row.contract, command.call)

        return decision._replace(after=answer)

    def answer_call(self, contract: ContractId, call: CallId) -> CallAnswer:
        """Run a noted call, unless it was run before, and say what came of it; never raises for a run's sake."""
        if not self._callers.acquire(blocking=False):
            return CallAnswer(call=call, outcome="pending", cause=WorkersBusy.code, message=_LATER)
        try:
            found = self.perform(self.ready_call(call))
            return self._told(call, found)
        except (WorkersBusy, RunStale, ContractResting) as error:
            log.warning("contract call pending", contract=contract, code=error.code)
            return CallAnswer(call=call, outcome="pending", cause=error.code, message=error.message)
        finally:
            self._callers.release()

    def ready_call(self, call: CallId) -> Ready:
        """A noted call as a trigger; raises `ContractMissing`, `DocumentForgotten`."""
        with closing(self._open_db()) as db:
            row = store.find_call(db, call)
        if row is None:
            raise ContractMissing(f"no call `{call}` was made")
        return Ready(row.contract, f"call:{call}", "call", Sealed(self._document(row.input), row.input))

    def open_calls(self, *, limit: int) -> list[CallId]:
        """Calls that were noted and not run: what a crash left behind, oldest first."""
        with closing(self._open_db()) as db:
            return [row.call for row in store.open_calls(db, limit=limit)]

    def perform(self, ready: Ready) -> RunRow:
        """Run a trigger and record what comes of it; what was run before is not run again.

        1. Nobody else runs this contract under this key at the same time.
        2. It was not run before, and the contract runs.
        3. It is run on the state that the ledger names, in a worker.
        4. The node says so, if contract and state are still the same; else it is run again.

        Raises:
            ContractMissing, ContractResting: it does not run now.
            DocumentForgotten: its source, its state or what triggered it is not kept any more.
            WorkersBusy, QueueFull, NodeStopping: it was not run, and may be asked for again.
            RunStale: it was run, and changed meanwhile, too often.
        """
        trigger = msgspec.json.decode(open_input(ready.input.data).trigger)
        manifest = self._manifest(self._contract(ready.contract))
        key = key_of(manifest, trigger)
        with self._alone(ready.contract, key or ""):
            for _ in range(STALE_MAX):
                decided = self.find_run(ready)
                if decided is not None:
                    return decided
                try:
                    return self._perform_once(ready, trigger)
                except RunStale:
                    continue
                except RunDecided:
                    break
            decided = self.find_run(ready)
            if decided is not None:
                return decided
        raise RunStale("the contract changed while it ran", hint="it is run again later")

    def find_run(self, ready: Ready) -> RunRow | None:
        """What a trigger came to, if it was run."""
        with closing(self._open_db()) as db:
            return store.find_run(db, contract=ready.contract, trigger=ready.trigger)

    def _perform_once(self, ready: Ready, trigger: dict[str, object]) -> RunRow:
        row = self._contract(ready.contract)
        if row.state != "deployed":
            raise ContractResting(f"the contract `{row.name}` is {row.state}")
        manifest = self._manifest(row)
        key = key_of(manifest, trigger)
        with closing(self._open_db()) as db:
            before = store.state_of(db, contract=row.contract, key=key or "")
        state = open_state(self._document(before)).state if before else "{}"
        source = self._document(row.source).decode()
        said = open_input(ready.input.data)
        if key is None:
            execution = failed_key(manifest)
        else:
            execution = execute(manifest, source, state=state, trigger=said.trigger, run=self._run)
        word = _word(row, ready, execution, key=key or "", before=before, state=state, salt=said.salt)
        output = word.output if isinstance(word, SayExecuted) else word.failure
        return RunRow(self._say(word).first, execution.cause.value if execution.cause else "", output)

    def _say(self, word: _Word) -> Receipt:
        name = (word.contract, word.trigger)
        self._saying[name] = word
        try:
            return self._record(self._executed if isinstance(word, SayExecuted) else self._failed, word)
        finally:
            del self._saying[name]

    def _say_executed(self, actor: Actor, word: SayExecuted, state: State) -> Decision:
        """Note a run; raises `NotPermitted`, `RunStale`, `RunDecided`."""
        self._check_word(actor, word, state)
        return _noted(CONTRACT_EXECUTED, word)

    def _say_failed(self, actor: Actor, word: SayFailed, state: State) -> Decision:
        """Note a run that gave nothing; raises as `_say_executed`."""
        self._check_word(actor, word, state)
        return _noted(CONTRACT_FAILED, word)

    def _check_word(self, actor: Actor, word: _Word, state: State) -> None:
        require_kind(actor, ActorKind.NODE)
        if actor.id != node_of(state.db)[0] or self._saying.get((word.contract, word.trigger)) is not word:
            raise NotPermitted("this is not the node's own word")
        if store.find_run(state.db, contract=word.contract, trigger=word.trigger) is not None:
            raise RunDecided("this trigger was run already")
        row = store.find_contract(state.db, word.contract)
        if row is None or (row.state, row.manifest, row.source) != ("deployed", word.manifest, word.source):
            raise RunStale("the contract changed while it ran")
        if store.state_of(state.db, contract=word.contract, key=word.key) != word.before:
            raise RunStale("the state changed while the contract ran")

    def _told(self, call: CallId, found: RunRow) -> CallAnswer:
        """What the ledger says of a run, in words for its caller."""
        data = self._document(found.output)
        if found.cause:
            message = open_failure(data).message
            return CallAnswer(
                call=call, outcome="failed", cause=found.cause, message=message, position=found.position
            )
        result = open_output(data).result
        return CallAnswer(call=call, outcome="executed", result=result, position=found.position)

    def _contract(self, contract: str) -> ContractRow:
        with closing(self._open_db()) as db:
            row = store.find_contract(db, contract)
        if row is None:
            raise ContractMissing(f"no contract `{contract}` was deployed")
        return row

    def _manifest(self, row: ContractRow) -> Manifest:
        return parse_manifest(self._document(row.manifest))

    def _document(self, digest: str) -> bytes:
        data = self._read_document(digest)
        if data is None:
            raise DocumentForgotten(f"the document `{digest}` is not kept any more")
        return data

    @contextmanager
    def _alone(self, contract: str, key: str) -> Iterator[None]:
        """Run the block while nobody else runs this contract under this key."""
        name = (contract, key)
        with self._guard:
            lock, waiting = self._locks.get(name, (threading.Lock(), 0))
            self._locks[name] = (lock, waiting + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, waiting = self._locks[name]
                if waiting == 1:
                    del self._locks[name]
                else:
                    self._locks[name] = (lock, waiting - 1)


def _word(
    row: ContractRow, ready: Ready, execution: Execution, *, key: str, before: str, state: str, salt: str
) -> _Word:
    """The node's word about a run, with the documents that it names."""
    output = seal_output(execution, salt=salt)
    said = {
        "contract": row.contract,
        "trigger": ready.trigger,
        "kind": ready.kind,
        "version": row.version,
        "manifest": row.manifest,
        "source": row.source,
        "key": key,
        "input": ready.input.digest,
        "before": before,
        "gas": execution.gas,
        "engine": ENGINE,
    }
    kept = (ready.input.data, output.data)
    if execution.cause is not None:
        return SayFailed(
            **said,  # type: ignore[arg-type]
            failure=output.digest,
            cause=execution.cause,
            repeatable=execution.repeatable,
            documents=kept,
        )
    after, changed = state_after(execution, before=before, state=state, salt=salt)
    return SayExecuted(
        **said,  # type: ignore[arg-type]
        after=after,
        output=output.digest,
        effects=len(execution.effects),
        documents=(*kept, *changed),
    )


def state_after(execution: Execution, *, before: str, state: str, salt: str) -> tuple[str, tuple[bytes, ...]]:
    """The digest of the state after a run, and its document unless the state is as it was."""
    if execution.state == state:
        return before, ()
    sealed = seal_state(execution.state, salt=salt)
    return sealed.digest, (sealed.data,)


def _noted(kind: EntryType, word: _Word) -> Decision:
    """The entry, checked as if it came from outside: what cannot be read again must not be written."""
    said = {name: getattr(word, name) for name in kind.body.__struct_fields__}
    body: Body = msgspec.convert(msgspec.to_builtins(said), kind.body)
    draft = Draft(kind.name, stream_of(CONTRACT_STREAM, word.contract), body)
    return Decision((draft,), documents=word.documents)
