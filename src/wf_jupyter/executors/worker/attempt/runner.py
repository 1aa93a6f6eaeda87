"""One attempt from bytes to bytes: load code and arguments, call, encode the result.

The same for a worker process, its asyncio host and the inline executor; they differ in how an
attempt is interrupted and where its output goes, which they hand in.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from wf_jupyter import context
from wf_jupyter.executors.wire.messages import Done, Expanded, Final, Raised, Run, Stopped
from wf_jupyter.executors.worker.attempt import failures
from wf_jupyter.executors.worker.attempt.codes import Codes
from wf_jupyter.executors.worker.attempt.meter import Meter
from wf_jupyter.executors.worker.attempt.results import Refused, discard, store
from wf_jupyter.executors.worker.output import stream as output
from wf_jupyter.executors.worker.output.display import show_figures
from wf_jupyter.model.graph import Coverage
from wf_jupyter.model.submission import Expansion, split_large
from wf_jupyter.values import files, known_secrets
from wf_jupyter.values.code import Code
from wf_jupyter.values.coroutines import complete
from wf_jupyter.values.inputs import load_arguments
from wf_jupyter.values.known_secrets import KnownSecrets

#: Called with the code and the arguments of an attempt when they have been loaded.
Prepare = Callable[[Code, Sequence[object]], object]


class Guard(Protocol):
    """Delimits what may be interrupted."""

    def begin(self, token: int) -> None:
        """The attempt may be interrupted by `KeyboardInterrupt` from here on."""
        ...

    def end(self) -> None:
        """Stop allowing interrupts for the current attempt."""
        ...

    def forget(self, token: int) -> bool:
        """The attempt is over; whether it had been interrupted."""
        ...


class Runner:
    """Runs attempts in this process.

    `owns_figures`: figures that a task leaves open are shown and closed. `prepare` is called just before the task.
    `is_inline`: this is the process that submits as well. `is_alone`: one attempt at a time has the process.
    """

    def __init__(
        self,
        *,
        owns_figures: bool,
        prepare: Prepare = lambda code, arguments: None,
        is_inline: bool = False,
        is_alone: bool = False,
    ) -> None:
        self._is_alone = is_alone
        self._is_inline = is_inline
        self._codes = Codes()
        self._owns_figures = owns_figures
        self._prepare = prepare

    def run(self, run: Run, code: bytes, call: bytes, sink: output.Output, guard: Guard) -> Final:
        """Run an attempt in this thread; never raises. The caller closes `sink` and sends what this returns."""
        meter, began = Meter(self._is_alone), time.time()
        final = contextvars.copy_context().run(self._run, run, code, call, sink, guard)
        return msgspec.structs.replace(final, usage=meter.usage(), began=began)

    async def run_async(self, run: Run, code: bytes, call: bytes, sink: output.Output) -> Final:
        """Run an `async def` task, inside a context of its own. Raises `CancelledError` when cancelled."""
        started = time.perf_counter()
        retry_on: tuple[type[BaseException], ...] = (Exception,)
        known = _enter(run, sink, self._is_inline)
        try:
            loaded = self._load(run, code, alone=False)
            retry_on = loaded.retry_on
            args, kwargs = _arguments(run, call)
            self._prepare(loaded, [*args, *kwargs.values()])
            value = loaded.function(*args, **kwargs)
            if inspect.isawaitable(value):
                value = await value
            return self._conclude(run, value, started, known)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # sys.exit and interrupts included: the worker goes on
            return _report_failure(run, error, retry_on, started, known)
        finally:
            output.leave(sink)

    def _run(self, run: Run, code: bytes, call: bytes, sink: output.Output, guard: Guard) -> Final:
        started = time.perf_counter()
        retry_on: tuple[type[BaseException], ...] = (Exception,)
        caught: BaseException | None = None
        final: Final | None = None
        known = _enter(run, sink, self._is_inline)
        try:
            try:
                guard.begin(run.token)
                loaded = self._load(run, code)
                retry_on = loaded.retry_on
                args, kwargs = _arguments(run, call)
                self._prepare(loaded, [*args, *kwargs.values()])
                value = loaded.function(*args, **kwargs)
                if inspect.iscoroutine(value):
                    value = complete(value)
                final = self._conclude(run, value, started, known)
            finally:
                guard.end()
        except BaseException as error:  # sys.exit and interrupts included: the worker goes on
            caught = error
        output.leave(sink)
        if guard.forget(run.token):
            if isinstance(final, Done):
                discard(final.values)
            return Stopped(run.token, time.perf_counter() - started)
        if final is not None and caught is None:
            return final
        return _report_failure(run, caught or KeyboardInterrupt(), retry_on, started, known)

    def _conclude(self, run: Run, value: object, started: float, known: KnownSecrets) -> Done | Expanded:
        if self._owns_figures:
            show_figures()
        if getattr(type(value), "__wf_bound__", False) is True:
            return _expand(run, value, started, self._is_inline)
        return store(run, value, started, known)

    def _load(self, run: Run, code: bytes, alone: bool = True) -> Code:
        try:
            return self._codes.load(run.code, code, alone=alone)
        except Exception as error:
            subject = f"the code of task {run.task!r} cannot be loaded by the worker"
            raise Refused(failures.unusable(subject, error)) from error


def _enter(run: Run, sink: output.Output, is_inline: bool) -> KnownSecrets:
    output.enter(sink)
    known = sink.known = KnownSecrets()
    known_secrets.collect(known)
    context.active.set(
        context.TaskContext(
            execution=run.execution,
            key=run.task,
            name=run.name,
            attempt=run.number,
            index=run.index,
            report_progress=sink.progress,
            is_inline=is_inline,
        )
    )
    return known


def _arguments(run: Run, call: bytes) -> tuple[Sequence[object], dict[str, object]]:
    try:
        return load_arguments(call, run.inputs, run.over)
    except Exception as error:
        raise Refused(failures.unusable(f"an input of task {run.task!r} cannot be loaded", error)) from error


def _report_failure(
    run: Run, error: BaseException, retry_on: tuple[type[BaseException], ...], started: float, known: KnownSecrets
) -> Raised:
    duration = time.perf_counter() - started
    if isinstance(error, Refused):
        return Raised(run.token, duration, failures.mask_failure(error.failure, known))
    failure = failures.mask_failure(failures.raised_failure(error, retry_on), known)
    return Raised(run.token, duration, failure, failures.pickle_exception(error, known))


def _expand(run: Run, bound: Any, started: float, is_inline: bool) -> Expanded:
    from wf_jupyter.values.packaging import pack_expansion

    try:
        above = msgspec.msgpack.decode(run.coverage, type=Coverage) if run.coverage else None
        expansion = pack_expansion(bound.draft, run.splits, wants_truth=run.wants_truth, above=above, inline=is_inline)
        if run.directory:
            blobs, large = split_large(expansion.graph, expansion.blobs)
            for digest, data in large.items():
                files.write(run.directory, [data], digest)
            expansion = Expansion(graph=expansion.graph, blobs=blobs)
    except Exception as error:
        subject = f"the workflow that task {run.task!r} returned cannot be run"
        raise Refused(failures.unusable(subject, error)) from error
    return Expanded(run.token, time.perf_counter() - started, expansion)
