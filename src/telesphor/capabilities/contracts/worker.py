"""The inside of a worker: one confined process that runs contracts, one after the other.

It gets a `Job` as JSON over a pipe and sends back an `Answer`; whatever it sends is read as data, never as objects.
Nothing passes from one run to the next but parsed modules, which are frozen.

What strikes here strikes this process alone: memory beyond the limit ends it, and so does the time that
`RLIMIT_CPU` leaves a run. Start at `serve`; `evaluate` is the run itself.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections import OrderedDict
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import starlark

from telesphor.capabilities.contracts.confinement import confine
from telesphor.capabilities.contracts.host import (
    CASES_END,
    CASES_PRELUDE,
    PRELUDE,
    Meter,
    Stopped,
    host_functions,
)
from telesphor.capabilities.contracts.language import check_source
from telesphor.capabilities.contracts.model import (
    OUTPUT_BYTES_MAX,
    STATE_BYTES_MAX,
    Answer,
    Cause,
    Job,
    Limits,
    SourceRefused,
)
from telesphor.kernel import canonical
from telesphor.kernel.canonical import NotCanonical

CALLS_DEEP_MAX = 64
"""Calls inside each other: Starlark has no recursion worth the name."""

CPU_SECONDS = 5
"""Of one run. Fifty million steps take four; what no step counts ends here."""

MEMORY_BYTES_MAX = 256 * 1024 * 1024
"""The most that any manifest may ask for."""

MODULES_REMEMBERED = 64
MESSAGE_CHARS_MAX = 2_000
JOB_BYTES_MAX = 2 * 1024 * 1024

_STATM = Path("/proc/self/statm")
_DEPTH_MARK = "error: Starlark call stack overflow"


def serve(pipe: Connection, errors: Connection) -> None:
    """Confine this process and answer jobs until the pipe closes.

    Args:
        errors: where the last words of a dying worker go, for its parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes the pipe.
    # A panic that prints its stack takes the allocator's lock again, and hangs.
    os.unsetenv("RUST_BACKTRACE")
    os.dup2(errors.fileno(), 2)
    os.set_blocking(2, False)
    machine = Machine()
    machine.warm_up()
    held = confine()
    pipe.send_bytes(held.encode())
    while True:
        try:
            data = pipe.recv_bytes(JOB_BYTES_MAX)
        except EOFError:
            return
        pipe.send_bytes(msgspec.json.encode(machine.answer(msgspec.json.decode(data, type=Job))))


class Machine:
    """Starlark with the host's functions and a meter, in this process.

    Args:
        limited: whether memory and time are bounded by the process's own limits.
    """

    def __init__(self, *, limited: bool = True) -> None:
        self._meter = Meter()
        self._functions = host_functions(self._meter)
        self._globals = starlark.Globals.extended_by([starlark.LibraryExtension.StructType])
        self._dialect = starlark.Dialect.extended()
        self._dialect.enable_load = False
        self._dialect.enable_f_strings = False
        self._dialect.enable_types = starlark.DialectTypes.DISABLE
        self._modules: OrderedDict[bytes, tuple[starlark.FrozenModule, int, tuple[str, ...]]] = OrderedDict()
        self._limited = limited
        self._statm = os.open(_STATM, os.O_RDONLY) if _STATM.exists() else -1

    def warm_up(self) -> None:
        """Run once, so that what is loaded lazily is there before files are gone."""
        job = Job(source=_WARM_UP, state="{}", trigger="{}", limits=Limits())
        evaluate(self, job)
        if self._limited:
            self._bound_memory(MEMORY_BYTES_MAX, hard=True)

    def answer(self, job: Job) -> Answer:
        """Run a job within its limits."""
        if self._limited:
            self._bound_memory(job.limits.memory_mib * 1024 * 1024)
            used = int(time.process_time()) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (used + CPU_SECONDS, resource.RLIM_INFINITY))
        return evaluate(self, job)

    def _bound_memory(self, more: int, *, hard: bool = False) -> None:
        if self._statm < 0:
            return
        now = int(os.pread(self._statm, 64, 0).split()[0]) * resource.getpagesize()
        most = now + more if hard else resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (min(now + more, most), most))

    def load(self, source: str, limit: int, *, cases: bool = False) -> starlark.FrozenModule:
        """The frozen module of a source; what loading it cost is charged each time.

        Args:
            cases: whether it is a file of examples, which has words of its own.

        Raises:
            SourceRefused, starlark.StarlarkError, Stopped.
        """
        # The limit belongs to it: what is printed before a limit strikes must not hang on what ran before.
        name = sha256(source.encode()).digest() + limit.to_bytes(8, "big") + bytes([cases])
        self._meter.begin(limit)
        if name in self._modules:
            self._modules.move_to_end(name)
            module, gas, printed = self._modules[name]
            self._meter.gas, self._meter.printed = gas, list(printed)
            return module
        check_source(source)
        module = self._build(source, cases)
        self._modules[name] = (module, self._meter.gas, tuple(self._meter.printed))
        if len(self._modules) > MODULES_REMEMBERED:
            self._modules.popitem(last=False)
        return module

    def _build(self, source: str, cases: bool) -> starlark.FrozenModule:
        module = starlark.Module()
        for name, function in self._functions.items():
            module.add_callable(name, function)
        for part in (*PRELUDE, CASES_PRELUDE) if cases else PRELUDE:
            starlark.eval(module, starlark.parse("host.star", part, self._dialect), self._globals)
        self._meter.begin(self._meter.limit)  # The prelude is on the house.
        ast = starlark.parse("contract.star", source + CASES_END * cases, self._dialect)
        starlark.eval_with(self.options(), module, ast, self._globals)
        return module.freeze()

    def options(self) -> starlark.EvalOptions:
        """Count steps and bound the depth of calls."""
        return starlark.EvalOptions(check_cancelled=self._meter.tick, max_callstack_size=CALLS_DEEP_MAX)

    @property
    def meter(self) -> Meter:
        """Of the run at hand."""
        return self._meter


def evaluate(machine: Machine, job: Job) -> Answer:
    """Run a contract's `handle(state, trigger)`, or take a file's `cases`; never raises for what is the contract's."""
    meter = machine.meter
    loaded = False
    try:
        module = machine.load(job.source, job.limits.steps, cases=job.cases)
        loaded = True
        state, trigger = msgspec.json.decode(job.state), msgspec.json.decode(job.trigger)
        found = module.call_with(machine.options(), "handle", state, trigger).value
        return _answered(meter, found)
    except SourceRefused as error:
        return _ended(meter, Cause.SOURCE, error.message)
    except Stopped as stop:
        return _ended(meter, Cause.FAILED, str(stop))
    except starlark.StarlarkError as error:
        return _ended(meter, _cause_of(str(error), loaded=loaded), str(error).strip()[-MESSAGE_CHARS_MAX:])
    except NotCanonical as error:
        return _ended(meter, Cause.ANSWER, f"the answer: {error.message}")
    except MemoryError:
        return _ended(meter, Cause.MEMORY, "more memory than the manifest allows")


def _answered(meter: Meter, found: object) -> Answer:
    """Check the form of what `handle` returned: `(state, effects)` or `(state, effects, result)`."""
    if not isinstance(found, list | tuple) or len(found) not in (2, 3):
        return _ended(
            meter, Cause.ANSWER, "`handle` returns `(state, effects)` or `(state, effects, result)`"
        )
    state, effects, result = (*found, None)[:3]
    if not isinstance(state, dict) or not isinstance(effects, list | tuple):
        return _ended(meter, Cause.ANSWER, "the state is a dict, and the effects are a list")
    texts = [canonical.encode(part).decode() for part in (state, effects, result)]
    if len(texts[0].encode()) > STATE_BYTES_MAX:
        return _ended(meter, Cause.ANSWER_SIZE, f"a state of more than {STATE_BYTES_MAX} bytes")
    if sum(len(text.encode()) for text in texts[1:]) > OUTPUT_BYTES_MAX:
        return _ended(meter, Cause.ANSWER_SIZE, f"effects and result of more than {OUTPUT_BYTES_MAX} bytes")
    meter.gas += sum(map(len, texts)) // 64
    if meter.gas > meter.limit:
        return _ended(meter, Cause.STEPS, f"more than {meter.limit} steps")
    return Answer(
        state=texts[0], effects=texts[1], result=texts[2], printed=tuple(meter.printed), gas=meter.gas
    )


def _ended(meter: Meter, cause: Cause, message: str) -> Answer:
    """The meter knows best: what it stopped shows itself as some other error on its way out."""
    if meter.cause is not None:
        cause, message = meter.cause, meter.message
    gas = min(meter.gas, meter.limit)
    return Answer(printed=tuple(meter.printed), gas=gas, cause=cause, message=message[:MESSAGE_CHARS_MAX])


def _cause_of(text: str, *, loaded: bool) -> Cause:
    if _DEPTH_MARK in text:
        return Cause.DEPTH
    if not loaded:
        return Cause.SOURCE
    return Cause.ANSWER if "serde::serialize" in text or "recursion limit" in text.lower() else Cause.RAISED


_WARM_UP = "def handle(state, trigger):\n    return state, [command('x', {'a': json.decode('[1]')})]\n"
