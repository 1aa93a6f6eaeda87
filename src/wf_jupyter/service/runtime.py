"""The composition root: store, executors and orchestrator on one event loop in one thread.

The same in the Jupyter server and in a kernel. A thread of its own keeps the engine from holding up
the server's loop, and a busy kernel from holding up the engine.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from wf_jupyter.errors import ServerUnavailable, StoreError
from wf_jupyter.executors.futures import FuturesExecutor
from wf_jupyter.executors.inline import InlineExecutor
from wf_jupyter.executors.local.devices import Devices
from wf_jupyter.executors.local.executor import LocalExecutor
from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Executor, Notifier, ReportSink, Store
from wf_jupyter.service import pools
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.offered_executors import other_executor
from wf_jupyter.service.orchestrator import Orchestrator
from wf_jupyter.service.published.tracing import TRACERS
from wf_jupyter.service.retention import Retention
from wf_jupyter.store.sqlite import SqliteStore

T = TypeVar("T")
_log = logging.getLogger(__name__)
#: An attempt that was handed over to a cluster and waits for a place for so long is none that runs.
REQUEUE_SECONDS = 0.05
_CLOSED = "the orchestrator has been closed"


class Runtime:
    """An orchestrator with its thread. Make one with `open`; methods are callable from any thread.

    `inline` holds the executor that runs tasks in the calling thread, once an execution asked for it.
    """

    def __init__(self, config: RuntimeConfig) -> None:
        self.config = config
        self._devices = Devices(config.gpus)
        self.inline: InlineExecutor | None = None
        self.orchestrator: Orchestrator
        self.retention: Retention
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="wf_jupyter", daemon=True)
        self._is_closed = False

    @classmethod
    def open(cls, config: RuntimeConfig, notifiers: Sequence[Notifier] = ()) -> Runtime:
        """Open the data directory, start the thread, and take over executions that nobody owns.

        Raises:
            StoreError: the data directory cannot be used; nothing was started.
        """
        store = SqliteStore.open(config.data_dir, durability=config.durability)
        runtime = cls(config)
        try:
            runtime._start(store, notifiers)
        except BaseException:
            runtime.close()
            raise
        return runtime

    def call(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine of the orchestrator on its loop; never block on the future from that loop.

        `ServerUnavailable`, here or of the future, when the orchestrator has been closed.
        """
        if self._is_closed:
            coroutine.close()
            raise ServerUnavailable(_CLOSED)
        return asyncio.run_coroutine_threadsafe(self._answer(coroutine), self._loop)

    async def _answer(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            return await coroutine
        except StoreError as error:
            if self._is_closed:  # it came while the store was being closed
                raise ServerUnavailable(_CLOSED) from error
            raise

    def close(self, deadline: float = 5.0) -> None:
        """Stop workers and thread within about `deadline` seconds. Idempotent.

        What was committed stays; executions that are not final are resumed by the next orchestrator.
        """
        if self._is_closed:
            return
        closing = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
        self._is_closed = True
        try:
            closing.result(deadline)
        except concurrent.futures.TimeoutError:
            _log.warning("the orchestrator did not close within %g s", deadline)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(deadline)

    def _start(self, store: Store, notifiers: Sequence[Notifier]) -> None:
        self.orchestrator = Orchestrator(store, self._open_executor, _now, self.config, notifiers)
        self.retention = Retention(
            store,
            self.orchestrator.delete,
            _now,
            days=self.config.retention_days,
            size=self.config.retention_bytes,
        )
        self._thread.start()
        recovered = self.call(self.orchestrator.recover()).result()
        if recovered:
            _log.info("resumed %d executions", len(recovered))
        self.call(self.orchestrator.look_around()).result()
        self._loop.call_soon_threadsafe(self.retention.start)

    async def _close(self) -> None:
        await self.retention.close()
        await self.orchestrator.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._end_what_waits())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _end_what_waits(self) -> None:
        """Questions that wait for an event end here: left alone, nobody would answer them, and what they leave
        in the broker would be put away by the garbage collector, in any thread."""
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _open_executor(self, name: str, environment: Environment, report: ReportSink) -> Executor:
        environment = environment.to_native()
        match name:
            case "local":
                return LocalExecutor(
                    environment,
                    report,
                    max_workers=self.config.max_workers,
                    idle_seconds=self.config.idle_seconds,
                    grace=self.config.grace,
                    devices=self._devices,
                )
            case pools.TRACING:
                return LocalExecutor(
                    environment,
                    report,
                    max_workers=TRACERS,
                    idle_seconds=self.config.idle_seconds,
                    grace=self.config.grace,
                )
            case "inline":
                if self.inline is None:
                    self.inline = InlineExecutor(report)
                return self.inline
            case "dask":
                from wf_jupyter.executors.dask.executor import DaskExecutor

                return DaskExecutor(
                    environment,
                    report,
                    address=self.config.dask_address,
                    max_workers=self.config.max_workers,
                    idle_seconds=self.config.idle_seconds,
                    grace=self.config.grace,
                    losses=self.config.dask_losses,
                    patience=self.config.dask_patience,
                    requeue_after=REQUEUE_SECONDS,
                )
            case _:
                executor, is_ours = other_executor(name, is_server=not self.config.has_inline)
                return FuturesExecutor(
                    executor,
                    report,
                    max_workers=self.config.max_workers,
                    grace=self.config.grace,
                    is_ours=is_ours,
                )


def _now() -> datetime:
    return datetime.now(UTC)
