"""Executors at work in tests: attempts made from functions, reports gathered, waits with a deadline."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any

from wf_jupyter.executors.futures import FuturesExecutor
from wf_jupyter.executors.inline import InlineExecutor
from wf_jupyter.executors.local.executor import LocalExecutor
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptStopped,
    AttemptSucceeded,
    Displayed,
    Printed,
    Progressed,
    Report,
)
from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Attempt, Input, Whole
from wf_jupyter.values.code import encode_code
from wf_jupyter.values.codec import decode, encode_bytes
from wf_jupyter.values.digest import digest
from wf_jupyter.values.inputs import load

DEADLINE = 90.0
#: Executors of others, as somebody would make them.
POOLS: dict[str, Callable[[], Executor]] = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")),
    "loky": lambda: importlib.import_module("loky").ProcessPoolExecutor(2),
}
FINAL = (AttemptSucceeded, AttemptFailed, AttemptExpanded, AttemptStopped)


def environment(**changes: Any) -> Environment:
    """This process's own."""
    fields = {
        "executable": sys.executable,
        "directory": os.getcwd(),
        "path": tuple(os.path.abspath(entry) for entry in sys.path),
        "variables": dict(os.environ),
    }
    return Environment(**{**fields, **changes})


def attempt_of(
    function: Callable[..., object],
    *args: object,
    task: str = "task",
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    call: bytes | None = None,
    inputs: tuple[Input, ...] = (),
    **fields: Any,
) -> Attempt:
    """An attempt that calls `function(*args)`."""
    code = encode_code(function, retry_on)
    return Attempt(
        execution=fields.pop("execution", "execution"),
        task=task,
        number=fields.pop("number", 1),
        name=function.__name__,
        code=digest(code),
        code_data=code,
        call_data=encode_bytes((args, {})) if call is None else call,
        inputs=inputs,
        log_limit=fields.pop("log_limit", 1 << 20),
        **fields,
    )


def whole(value: object) -> Whole:
    """A value as an input."""
    return Whole(data=encode_bytes(value))


def value_of(report: Report, part: str = "") -> Any:
    """What a succeeded attempt returned."""
    assert isinstance(report, AttemptSucceeded), report
    (stored,) = [value for value in report.values if value.part == part]
    return load(Whole(data=stored.data, path=stored.path))


class Bench:
    """An executor on a loop in a thread of its own; everything it reported, by task."""

    def __init__(self, kind: str = "local", **options: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._change = threading.Condition()
        self.reports: dict[str, list[Report]] = {}
        self.pokes = 0
        self.pool: Executor | None = None
        self.executor: Any = self.call(lambda: self._open(kind, **options))

    def _open(self, kind: str, **options: Any) -> Any:
        if kind == "inline":
            return InlineExecutor(self._report)
        chosen = options.pop("environment", None) or environment()
        if kind in POOLS:
            self.pool = POOLS[kind]()
            return FuturesExecutor(self.pool, self._report, max_workers=2, grace=0.5)
        if kind == "dask":
            from wf_jupyter.executors.dask.executor import DaskExecutor

            return DaskExecutor(chosen, self._report, **{"max_workers": 2, "grace": 0.5, **options})
        return LocalExecutor(chosen, self._report, **{"max_workers": 2, "grace": 5.0, **options})

    def call(self, action: Callable[[], Any]) -> Any:
        """Do something on the loop and return what it returns."""

        async def act() -> Any:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self.loop).result(DEADLINE)

    def _report(self, execution: str, report: Report | None) -> None:
        with self._change:
            if report is None:
                self.pokes += 1
            else:
                self.reports.setdefault(report.task, []).append(report)
            self._change.notify_all()

    def start(self, *attempts: Attempt) -> None:
        """Start each attempt when there is a slot for it."""
        for attempt in attempts:
            self.until(partial(self.call, partial(self._try_start, attempt)))

    def _try_start(self, attempt: Attempt) -> bool:
        slots = self.executor.slots(1)
        if slots:
            self.executor.start(attempt, slots[0])
        return bool(slots)

    def stop(self, attempt: Attempt) -> None:
        """Ask for a stop."""
        self.call(lambda: self.executor.stop(attempt.execution, attempt.task, attempt.number))

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; run pending attempts meanwhile when the executor is inline."""
        deadline = time.monotonic() + DEADLINE
        if isinstance(self.executor, InlineExecutor):
            held = False

            def enough() -> bool:
                nonlocal held
                held = held or holds()
                return held or time.monotonic() > deadline

            self.executor.run_pending(enough)
            assert held, f"not within {DEADLINE} s: {self.reports}"
            return
        while not holds():
            assert time.monotonic() < deadline, f"not within {DEADLINE} s: {self.reports}"
            with self._change:
                self._change.wait(0.01)

    def final(self, attempt: Attempt) -> Report:
        """Wait for the last report of an attempt."""

        def found() -> list[Report]:
            with self._change:
                reports = self.reports.get(attempt.task, [])
                return [r for r in reports if isinstance(r, FINAL) and r.attempt == attempt.number]

        self.until(lambda: bool(found()))
        (report,) = found()
        return report

    def run(self, function: Callable[..., object], *args: object, **fields: Any) -> Report:
        """Run one attempt to its end."""
        attempt = attempt_of(function, *args, **fields)
        self.start(attempt)
        return self.final(attempt)

    def of(self, kind: type, task: str = "task") -> list[Any]:
        """All reports of that kind about a task, so far."""
        with self._change:
            return [report for report in self.reports.get(task, []) if isinstance(report, kind)]

    def text(self, stream: str = "stdout", task: str = "task") -> str:
        """What a task printed so far."""
        return "".join(report.text for report in self.of(Printed, task) if report.stream == stream)

    def displays(self) -> list[Any]:
        """What the task displayed so far."""
        return self.of(Displayed)

    def progress(self) -> list[Any]:
        """The progress it told."""
        return self.of(Progressed)

    def close(self) -> None:
        """Close the executor and end the loop."""
        asyncio.run_coroutine_threadsafe(self.executor.close(), self.loop).result(DEADLINE)
        if self.pool is not None:
            self.pool.shutdown(wait=True, cancel_futures=True)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(DEADLINE)
        self.loop.close()


__all__ = ["Bench", "attempt_of", "decode", "environment", "value_of", "whole"]
