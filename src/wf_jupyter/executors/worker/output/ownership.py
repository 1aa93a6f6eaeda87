"""Work belongs to the attempt that asked for it: threads and pools of threads speak for whoever gave them the work.

A thread has a context of its own, and a thread of a pool serves many attempts, so each piece of work
carries its attempt along. Only our two variables travel: everything else that a context holds (the
precision of `decimal`, the user's own variables) is as empty in a new thread as in plain Python.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from wf_jupyter import context
from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.executors.worker.output import stream as output


def carry(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, speaking for the present attempt wherever it is called; unchanged outside of an attempt."""
    sink = output.current()
    if sink is None:
        return function
    task = context.active.get()

    @functools.wraps(function, assigned=(), updated=())
    def carried(*args: Any, **kwargs: Any) -> Any:
        speaking, running = output.speak_for(sink), context.active.set(task)
        try:
            return function(*args, **kwargs)
        finally:
            context.active.reset(running)
            output.speak_no_more(speaking)

    return carried


def install(watch: ImportWatch) -> None:
    """Let threads and pools of this process carry attempts."""
    _let_threads_carry()
    watch.on_import("concurrent.futures.thread", _let_executors_carry)
    watch.on_import("multiprocessing.pool", _let_pools_carry)


def _let_threads_carry() -> None:
    start: Callable[[threading.Thread], None] = threading.Thread.start

    @functools.wraps(start)
    def start_for_attempt(self: threading.Thread) -> None:
        run = self.run
        carried = carry(run)
        if carried is not run:
            self.run = carried  # type: ignore[method-assign]
        start(self)

    threading.Thread.start = start_for_attempt  # type: ignore[method-assign]


def _let_executors_carry(module: ModuleType) -> None:
    submit = module.ThreadPoolExecutor.submit

    @functools.wraps(submit)
    def submit_for_attempt(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, carry(fn), *args, **kwargs)

    module.ThreadPoolExecutor.submit = submit_for_attempt


def _let_pools_carry(module: ModuleType) -> None:
    # `map` and its relatives end in these. Only threads: what goes to another process is pickled.
    for name in ("_map_async", "apply_async", "imap", "imap_unordered"):
        setattr(module.ThreadPool, name, _carrying(getattr(module.Pool, name)))


def _carrying(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def for_attempt(self: Any, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return method(self, carry(func), *args, **kwargs)

    return for_attempt
