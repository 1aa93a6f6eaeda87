"""The embedded orchestrator: that of the server, in a background thread of this process.

What a notebook runs on when there is no server: under nbval and papermill, in scripts, and for
`executor="inline"`. It ends with the process; executions that were under way are resumed by the next
orchestrator that opens the same data directory.

The service is imported inside functions only: a kernel that talks to a server never loads it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import WeakValueDictionary

import msgspec

from wf_jupyter.client.loop import background
from wf_jupyter.client.replica import Replica
from wf_jupyter.client.uploading import upload_blobs
from wf_jupyter.errors import ExecutionNotFound, ServerUnavailable
from wf_jupyter.model.snapshot import is_at_rest
from wf_jupyter.model.stimuli import Resume, Retry
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.ports import ExecutionResult, Input, Published
from wf_jupyter.protocol.codec import DecodedPage
from wf_jupyter.protocol.commands import Command
from wf_jupyter.protocol.messages import MAX_WAIT
from wf_jupyter.protocol.operations import Operation
from wf_jupyter.protocol.pages import Standing
from wf_jupyter.protocol.task_call import TaskCall
from wf_jupyter.version import VERSION

if TYPE_CHECKING:
    from wf_jupyter.service.runtime import Runtime
    from wf_jupyter.service.subscriptions.mailbox import Mailbox

A = TypeVar("A")
T = TypeVar("T")

_CLOSED = "the orchestrator was closed before it answered"
#: Seconds that the end of the process waits for the orchestrator to stop its workers.
_CLOSING = 5.0
#: Bytes written between two looks for an interrupt.
_PART = 64 << 20
#: Seconds between two looks of a replica into its mailbox.
_PAUSE = 0.004


def data_directory() -> Path:
    """Where executions are kept: `WF_JUPYTER_DATA_DIR`, else beside Jupyter's other data."""
    if named := os.environ.get("WF_JUPYTER_DATA_DIR", "").strip():
        return Path(named).expanduser().absolute()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "wf_jupyter"


class EmbeddedConnection:
    """One orchestrator in this process."""

    server_id = ""
    version = VERSION
    url = ""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._orchestrator = runtime.orchestrator
        self._replicas: WeakValueDictionary[str, Replica] = WeakValueDictionary()
        self._lock = threading.Lock()

    @classmethod
    def open(cls, directory: Path | None = None, *, is_observer: bool = False) -> EmbeddedConnection:
        """Start the orchestrator; `StoreError` when the data directory cannot be used.

        An observer does not go on with what other processes left.
        """
        from wf_jupyter.service.config import RuntimeConfig
        from wf_jupyter.service.runtime import Runtime

        recovery: Literal["resume", "leave"] = "leave" if is_observer else "resume"
        return cls(Runtime.open(RuntimeConfig(data_dir=directory or data_directory(), recovery=recovery)))

    # -- asking -----------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> str:
        return self._call(self._orchestrator.submit(self._store_inputs(submission)))

    def submit_inline(self, submission: Submission) -> str:
        """Run an execution in the calling thread, task after task; returns its id when it has ended."""
        execution = self.submit(submission)
        self._run_inline(execution)
        return execution

    def _run_inline(self, execution: str) -> None:
        """If the execution is an inline one, run its tasks here and now, until it has ended."""
        inline = self._runtime.inline
        if self._call(self._orchestrator.options(execution)).executor == "inline" and inline is not None:
            ending = self.ending(execution)
            ending.add_done_callback(lambda _: inline.wake())
            try:
                inline.run_pending(ending.done)
            finally:
                ending.cancel()

    def execute(self, name: str, inputs: Mapping[str, object]) -> str:
        return self._call(self._orchestrator.execute(name, inputs))

    def rerun(
        self, execution: str, from_: Sequence[str], environment: Environment, submission: Submission | None
    ) -> str:
        kept = None if submission is None else self._store_inputs(submission)
        again = self._call(self._orchestrator.rerun(execution, from_, environment, kept))
        self._run_inline(again)
        return again

    def command(self, execution: str, command: Command) -> None:
        self._call(self._orchestrator.command(execution, command))
        if isinstance(command, Resume | Retry):
            self._run_inline(execution)

    def ask(self, operation: Operation[A], *path: str, query: msgspec.Struct | None = None) -> A:
        from wf_jupyter.service.queries.answers import answer

        return self._call(answer(self._orchestrator, operation, path, query))

    def events(self, execution: str, after: int = 0, limit: int | None = None, wait: float = 0.0) -> DecodedPage:
        page = self._call(self._orchestrator.following.page(execution, after, limit, wait))
        return DecodedPage(page.epoch, list(page.events))

    def result(self, execution: str) -> ExecutionResult:
        return self._call(self._orchestrator.result(execution))

    def task_value(self, execution: str, key: str) -> Input:
        return self._call(self._orchestrator.task_value(execution, key))

    def task_call(self, execution: str, key: str) -> TaskCall:
        return self._call(self._orchestrator.tasks.call(execution, key))

    def task_error(self, execution: str, key: str) -> bytes | None:
        return self._call(self._orchestrator.task_error(execution, key))

    def publish(self, workflow: Published) -> None:
        self._call(self._orchestrator.publish(workflow))

    # -- waiting and following --------------------------------------------------------------------

    def ending(self, execution: str, timeout: float | None = None) -> concurrent.futures.Future[Standing]:
        return background().spawn(self._ending(execution, timeout))

    async def _ending(self, execution: str, timeout: float | None) -> Standing:
        began = time.monotonic()
        while True:
            left = MAX_WAIT if timeout is None else max(0.0, began + timeout - time.monotonic())
            answer = asyncio.wrap_future(self._runtime.call(self._orchestrator.following.ending(execution, left)))
            try:
                found = await answer
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and not task.cancelling():
                    raise ServerUnavailable(_CLOSED) from None
                raise
            if is_at_rest(found) or (timeout is not None and left <= 0):
                return found

    def follow(self, execution: str) -> Replica:
        with self._lock:
            replica = self._replicas.get(execution)
            if replica is None:
                replica = self._replicas[execution] = _Feed(self._runtime, execution).open()
            return replica

    def refresh(self, replica: Replica) -> None:
        replica.replace(self._call(self._orchestrator.snapshot(replica.id)))

    def unfinished(self) -> list[tuple[str, str]]:
        """Id and workflow of each execution that runs here and would end with this process."""
        return self._orchestrator.unfinished()

    def close(self) -> None:
        self._runtime.close(_CLOSING)

    def _store_inputs(self, submission: Submission) -> Submission:
        """The submission without its large inputs, which are files in the data directory now."""
        write = self._orchestrator.uploads.write
        return upload_blobs(submission, lambda *part: self._call(write(*part)), part=_PART)

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return run_blocking(self._runtime, coroutine)


def run_blocking(runtime: Runtime, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the orchestrator and block for it; an interrupt cancels it.

    `ServerUnavailable` when the orchestrator is closed meanwhile.
    """
    future = runtime.call(coroutine)
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        raise ServerUnavailable(_CLOSED) from None
    except BaseException:
        future.cancel()
        raise


class _Feed:
    """Carries one execution's events from the orchestrator's thread to a replica on the background loop."""

    def __init__(self, runtime: Runtime, execution: str) -> None:
        from wf_jupyter.service.subscriptions.mailbox import Mailbox

        self._runtime = runtime
        self._execution = execution
        self._loop = background().loop
        self._mailbox: Mailbox = Mailbox(self._wake)
        self._replica: Callable[[], Replica | None] = lambda: None
        self._resyncing: asyncio.Future[None] | None = None
        self._is_resyncing = False
        self._drained = 0.0

    def open(self) -> Replica:
        """Subscribe; the replica keeps the feed alive until it is dropped itself."""
        orchestrator = self._runtime.orchestrator
        found = run_blocking(self._runtime, orchestrator.subscribe(self._execution, self._mailbox))
        if found.snapshot is None:
            raise ExecutionNotFound(f"no execution {self._execution!r}")
        replica = Replica(found.snapshot)
        weakref.finalize(replica, self._close).atexit = False
        self._replica = weakref.ref(replica)
        # What arrived before the replica existed is still in the mailbox, and woke nobody.
        self._wake()
        return replica

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._drain_soon)

    def _drain_soon(self) -> None:
        # At most every few milliseconds: a replica that follows each event takes the interpreter lock
        # from the orchestrator's thread just when that has attempts to hand over.
        self._loop.call_at(max(self._loop.time(), self._drained + _PAUSE), self._drain)

    def _drain(self) -> None:
        self._drained = self._loop.time()
        replica = self._replica()
        # While a snapshot is on its way, what follows it waits in the mailbox.
        if replica is None or self._is_resyncing:
            return
        from wf_jupyter.service.subscriptions.mailbox import Events

        is_whole = True
        for delivery in self._mailbox.take():
            is_whole = isinstance(delivery, Events) and replica.fold(delivery.events) and is_whole
        if not is_whole:
            self._is_resyncing = True
            self._resyncing = asyncio.ensure_future(self._resync(replica))

    async def _resync(self, replica: Replica) -> None:
        resync = self._runtime.orchestrator.resync(self._execution, self._mailbox)
        try:
            replica.replace(await asyncio.wrap_future(self._runtime.call(resync)))
        except (ExecutionNotFound, ServerUnavailable):
            return
        finally:
            self._is_resyncing = False
            self._drain_soon()

    def _close(self) -> None:
        # Called by the garbage collector, possibly after the orchestrator's own end.
        with contextlib.suppress(ServerUnavailable):
            self._runtime.call(self._runtime.orchestrator.unsubscribe(self._execution, self._mailbox))
