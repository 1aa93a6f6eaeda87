"""Attempts in the process and thread of whoever asked, so that breakpoints work.

The orchestrator hands attempts over on its own thread; they run when, and where, `run_pending` is
called. What a task prints is seen by the caller as usual, and reported as well.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wf_jupyter.executors.wire.messages import Final, FromWorker, Progress, Shown, Text, run_of
from wf_jupyter.executors.wire.outcome_mapping import report_of, timeout_failure
from wf_jupyter.executors.worker.thread_interrupt import ThreadInterrupt
from wf_jupyter.model.stimuli import AttemptStopped, Report
from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.ports import Attempt, ReportSink

if TYPE_CHECKING:
    from wf_jupyter.executors.worker.attempt.runner import Runner

_POLL_SECONDS = 0.05
_AHEAD = 8
_SHORT_SECONDS = 0.005
NAME = "inline"


class InlineExecutor:
    """`ports.Executor` without processes: one attempt at a time, and nothing can be killed.

    `stop` and timeouts interrupt Python code only, at its next step. `slots`, `start`, `stop` and
    `close` belong to the orchestrator's loop, `run_pending` to any other thread, one at a time.
    """

    def __init__(self, report: ReportSink) -> None:
        self._report = report
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: deque[Attempt] = deque()
        self._change = threading.Condition()
        self._guard = ThreadInterrupt()
        self._running: tuple[int, Attempt] | None = None
        self._timed_out = False
        self._tokens = itertools.count(1)
        self._runner: Runner | None = None
        self._thread = OwnerThread("the inline executor")
        self._closed = False
        self._is_short = False

    # -- the port ---------------------------------------------------------------------------------

    def slots(self, limit: int) -> Sequence[str]:
        """One place when nothing runs or waits; more, for a while, when attempts turn out to be short."""
        self._thread.check()
        with self._change:
            busy = len(self._pending) + (self._running is not None)
            free = 0 if self._closed else (_AHEAD if self._is_short else 1) - busy
        return [NAME] * min(limit, max(0, free))

    def start(self, attempt: Attempt, worker: str) -> None:
        """Put an attempt where `run_pending` finds it."""
        self._thread.check()
        self._loop = asyncio.get_running_loop()
        with self._change:
            self._pending.append(attempt)
            self._change.notify_all()

    def stop(self, execution: str, task: str, number: int) -> None:
        """Drop a waiting attempt, or interrupt the running one."""
        self._thread.check()
        wanted = (execution, task, number)
        with self._change:
            for attempt in self._pending:
                if _key(attempt) == wanted:
                    self._pending.remove(attempt)
                    self._tell(attempt, AttemptStopped(task=task, attempt=number, duration=0.0))
                    return
            if self._running is not None and _key(self._running[1]) == wanted:
                self._timed_out = False
                self._guard.stop(self._running[0])

    async def close(self) -> None:
        """Forget what waits and interrupt what runs."""
        self._thread.check()
        with self._change:
            self._closed = True
            self._pending.clear()
            if self._running is not None:
                self._guard.stop(self._running[0])
            self._change.notify_all()

    # -- the calling thread -----------------------------------------------------------------------

    def run_pending(self, until: Callable[[], bool]) -> None:
        """Run attempts in this thread, as they come, until `until()` holds (asked about 20 times a second).

        A `KeyboardInterrupt` that hits a task fails the task and is raised again when it came from
        the user and not from `stop`.
        """
        while not until():
            with self._change:
                if not self._pending:
                    if self._closed:
                        return
                    self._change.wait(_POLL_SECONDS)
                if not self._pending:
                    continue
                attempt = self._pending.popleft()
                token = next(self._tokens)
                self._running = (token, attempt)
                self._timed_out = False
            try:
                interrupted = self._run(token, attempt)
            finally:
                with self._change:
                    self._running = None
            if interrupted:
                raise KeyboardInterrupt

    def wake(self) -> None:
        """Let `run_pending` ask at once whether it is over. Any thread."""
        with self._change:
            self._change.notify_all()

    def _run(self, token: int, attempt: Attempt) -> bool:
        from wf_jupyter.executors.worker.attempt.admission import admit
        from wf_jupyter.executors.worker.attempt.runner import Runner
        from wf_jupyter.executors.worker.output.stream import Flusher, Output

        self._runner = self._runner or Runner(owns_figures=False, is_inline=True)

        def emit(messages: Sequence[FromWorker]) -> None:
            for message in messages:
                if isinstance(message, Text | Progress | Shown):
                    self._tell(attempt, report_of(message, attempt))

        sink = Output(token, emit, Flusher(), attempt.log_limit)
        timer = None
        if attempt.timeout is not None:
            timer = threading.Timer(attempt.timeout, self._expire, (token,))
            timer.daemon = True
            timer.start()
        with _capture_output(sink):
            run = run_of(token, attempt, attempt.call_data)
            final: Final = self._runner.run(run, attempt.code_data, attempt.call_data, sink, self._guard)
        if timer is not None:
            timer.cancel()
        # The key holds what this process has in memory, which is what ran.
        final = admit(run, final, sink, None, 0.0)
        emit(sink.close())
        report = report_of(final, attempt)
        self._is_short = final.duration < _SHORT_SECONDS
        if isinstance(report, AttemptStopped) and self._timed_out:
            report = timeout_failure(attempt, report.duration)
        with self._change:
            self._running = None
        self._tell(attempt, report)
        failure = getattr(report, "failure", None)
        return failure is not None and failure.type == "KeyboardInterrupt" and failure.kind == "raised"

    def _expire(self, token: int) -> None:
        with self._change:
            if self._running is not None and self._running[0] == token:
                self._timed_out = True
                self._guard.stop(token)

    def _tell(self, attempt: Attempt, report: Report) -> None:
        loop = self._loop
        if loop is not None and not self._closed and not loop.is_closed():
            loop.call_soon_threadsafe(self._report, attempt.execution, report)


@contextmanager
def _capture_output(sink: object) -> Iterator[None]:
    """Let `print` and `display` reach the task as well as the caller."""
    from wf_jupyter.executors.worker.output.capture import CaptureStream

    out, err = sys.stdout, sys.stderr
    sys.stdout = CaptureStream("stdout", 1, through=out)
    sys.stderr = CaptureStream("stderr", 2, through=err)
    try:
        with _displays():
            yield
    finally:
        sys.stdout, sys.stderr = out, err


@contextmanager
def _displays() -> Iterator[None]:
    """Copy what IPython publishes, if there is an IPython."""
    module = sys.modules.get("IPython.core.interactiveshell")
    shell = module.InteractiveShell._instance if module is not None else None
    if shell is None:
        yield
        return
    from wf_jupyter.executors.worker.output.display import text_bundle
    from wf_jupyter.executors.worker.output.stream import current

    publisher = shell.display_pub
    publish = publisher.publish

    def publish_twice(data: object, *args: object, **options: object) -> None:
        sink = current()
        if sink is not None and isinstance(data, dict):
            sink.display(text_bundle(data))
        publish(data, *args, **options)

    publisher.publish = publish_twice
    try:
        yield
    finally:
        del publisher.publish


def _key(attempt: Attempt) -> tuple[str, str, int]:
    return (attempt.execution, attempt.task, attempt.number)
