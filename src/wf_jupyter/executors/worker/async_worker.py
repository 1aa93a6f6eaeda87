"""A worker for `async def` attempts: hundreds at a time on one event loop in the main thread."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec

from wf_jupyter.executors.wire.messages import PROTOCOL, Final, FromWorker, Raised, Ready, Run, Stopped
from wf_jupyter.executors.worker.attempt import failures, stale_modules
from wf_jupyter.executors.worker.attempt.admission import admit
from wf_jupyter.executors.worker.connection import WorkerConnection
from wf_jupyter.executors.worker.interrupts import Interrupts
from wf_jupyter.executors.worker.isolation.leftovers import JOIN_SECONDS
from wf_jupyter.executors.worker.loop import Worker, ending_at_errors
from wf_jupyter.executors.worker.output.children import ChildOutput
from wf_jupyter.executors.worker.output.stream import Output


class AsyncWorker(Worker):
    """Begins every attempt as it comes. Stopping cancels the attempt's asyncio task, and interrupts it
    when it blocks the loop."""

    def __init__(self, connection: WorkerConnection, interrupts: Interrupts) -> None:
        super().__init__(connection, interrupts)
        self._loop = asyncio.new_event_loop()
        self._tasks: dict[int, asyncio.Task[Final]] = {}
        self._tokens: dict[asyncio.Task[Final], int] = {}
        self._quitting = False
        self._children = ChildOutput()
        # The loop would make the same one. It outlives attempts, and is none of the threads that they leave behind.
        self._pool = ThreadPoolExecutor(thread_name_prefix="wf-asyncio")
        self._loop.set_default_executor(self._pool)
        interrupts.on_stack = self._on_stack

    def serve(self) -> None:
        """Run attempts until told to quit. In the main thread."""
        self._loop.call_soon(self._begin_reading)
        while not self._quitting:
            try:
                self._loop.run_forever()
            except (KeyboardInterrupt, SystemExit):
                # asyncio lets these pass after it has ended the task that raised them.
                continue

    def on_run(self, token: int) -> None:
        """An attempt came. In the thread that reads."""
        self._loop.call_soon_threadsafe(self._begin, token)

    def on_stop(self, token: int) -> None:
        """An attempt is to stop. In the thread that reads."""
        self.interrupts.stop(token)  # first: whoever ends the attempt looks there whether a stop was asked for
        self._loop.call_soon_threadsafe(self._cancel, token)

    def on_quit(self) -> None:
        """The process is to end. In the thread that reads."""
        self._quitting = True
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _begin_reading(self) -> None:
        self._children.install(self.watch)
        self.prepare()
        threading.Thread(target=self._listen, name="wf-messages", daemon=True).start()
        self.connection.send([Ready(PROTOCOL)])

    def _listen(self) -> None:
        # The main thread runs the loop, so here a second one always reads.
        with ending_at_errors():
            while True:
                for message in self.connection.read(block=True):
                    self.on_message(message)

    def _begin(self, token: int) -> None:
        assigned = self.take(token)
        if assigned is None:
            return
        run = assigned.run
        if self.declines(run):
            return
        self.install_streams()
        sink = self.output_of(run)
        began, counted = stale_modules.now(), time.perf_counter()
        coroutine = self.runner.run_async(run, assigned.code, assigned.call, sink)
        task = self._loop.create_task(coroutine, name=run.task, context=contextvars.copy_context())
        self._tasks[token] = task
        self._tokens[task] = token
        task.add_done_callback(lambda ended: self._on_ended(ended, run, sink, began, time.perf_counter() - counted))

    def _cancel(self, token: int) -> None:
        task = self._tasks.get(token)
        if task is not None:
            task.cancel()

    def _on_ended(self, task: asyncio.Task[Final], run: Run, sink: Output, began: float, duration: float) -> None:
        token = run.token
        del self._tasks[token], self._tokens[task]
        asked = self.interrupts.is_stopping(token)
        final: Final
        if self.interrupts.forget(token) or (asked and task.cancelled()):
            final = Stopped(token, duration)
        elif task.cancelled():
            final = Raised(token, duration, failures.raised_failure(asyncio.CancelledError(), (Exception,)))
        elif (error := task.exception()) is not None:
            final = Raised(token, duration, failures.raised_failure(error, (Exception,)))
        else:
            final = task.result()
        self.loaded_modules.note(began)
        final = msgspec.structs.replace(final, began=began)
        final = admit(run, final, sink, self.loaded_modules, began)
        self._children.drain(sink)
        self.conclude(sink, final, is_last=not self._tasks)

    def put_back(self, sink: Output) -> list[FromWorker]:
        """Put the process back, and end what attempts left on the loop and in its pool, as `asyncio.run` does."""
        for left in asyncio.all_tasks(self._loop):
            left.cancel()
        if not self._is_pool_idle():
            self.dirty.append("a call in a thread of the loop's pool")
        return super().put_back(sink)

    def reports_first(self) -> bool:
        """Never: what is cancelled may still have something to say."""
        return False

    def _is_pool_idle(self) -> bool:
        # A thread says that it is idle a moment after the result of its call is there.
        until = time.monotonic() + JOIN_SECONDS
        while self._pool._idle_semaphore._value < len(self._pool._threads):
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        return True

    def _on_stack(self) -> int | None:
        task = asyncio.current_task(self._loop)
        return None if task is None else self._tokens.get(task)
