"""Attempts on a Dask cluster, for work that outgrows one machine.

The engine decides what runs when, as everywhere; Dask gives the workers, and carries data between
them. Each attempt is one Dask task bound to one worker, so that what a lost worker was doing is told
to the engine and retried by it, and nothing runs twice behind its back.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence

from wf_jupyter.errors import InputError
from wf_jupyter.executors.dask.board import Board
from wf_jupyter.executors.dask.cluster import CannotConnect
from wf_jupyter.executors.dask.job import Job
from wf_jupyter.executors.dask.link import Link
from wf_jupyter.executors.wire.reports import worker_lost
from wf_jupyter.model.submission import Environment
from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.ports import Attempt, ReportSink

#: Where the submitting process says which cluster it means; the setting of the server stands between the two.
OWN_VARIABLE = "WF_JUPYTER_DASK_ADDRESS"
COMMON_VARIABLE = "DASK_SCHEDULER_ADDRESS"
#: For how long a failed connection is believed to fail again.
_BROKEN_SECONDS = 3.0


class DaskExecutor:
    """`ports.Executor` on a Dask scheduler: one whose address is given, else a cluster of our own.

    Stopping interrupts Python code at its next step, and cancels an `async def` task where it waits.
    What does not react is killed with its worker after the grace on a cluster of our own. On a given
    one nothing is killed: the attempt keeps its state and its place until it ends. Text that C code
    writes to the descriptors goes to the workers' own output. An `async def` task takes a thread.
    """

    def __init__(
        self,
        environment: Environment,
        report: ReportSink,
        *,
        address: str = "",
        max_workers: int,
        idle_seconds: float = 60.0,
        grace: float = 2.0,
    ) -> None:
        if importlib.util.find_spec("distributed") is None:
            raise InputError("executor='dask' needs more packages: pip install 'wf-jupyter[dask]'", "executor")
        variables = environment.variables
        self._address = variables.get(OWN_VARIABLE) or address or variables.get(COMMON_VARIABLE) or ""
        self._environment = environment
        self._report = report
        self._max_workers = max_workers
        self._idle_seconds = idle_seconds
        self._grace = grace
        self._loop = asyncio.get_running_loop()
        self._thread = OwnerThread("the Dask executor")
        self._jobs: dict[tuple[str, str, int], Job] = {}
        self._waiting: list[Job] = []
        self._board: Board | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._broken = (0.0, "")
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    def slots(self, limit: int) -> Sequence[str]:
        """Free threads of the workers; before there is a cluster, as many as ours would have."""
        if self._closed:
            return []
        if self._board is not None and self._board.is_alive:
            return self._board.free(limit)
        return ["dask"] * min(limit, max(0, self._max_workers - len(self._jobs)))

    def start(self, attempt: Attempt, worker: str) -> None:
        """Hand an attempt over. `worker` is a wish: one that has the inputs is better."""
        self._thread.check()
        job = Job(attempt)
        self._jobs[job.key] = job
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self._loop.call_soon(self._place, job)

    def stop(self, execution: str, task: str, number: int) -> None:
        """Interrupt an attempt, or drop it when it has not begun."""
        self._thread.check()
        job = self._jobs.get((execution, task, number))
        if job is None:
            return
        job.stopping = job.stopping or "cancel"
        if self._board is not None:
            self._board.stop(job)

    async def close(self) -> None:
        """End our own cluster; on a given one, ask what runs to stop, and leave."""
        self._closed = True
        self._jobs.clear()
        if self._idle is not None:
            self._idle.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        self._leave()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _place(self, job: Job) -> None:
        if self._closed:
            return
        if self._board is not None and not self._board.is_alive:
            self._leave()
        if self._board is not None:
            self._board.take(job)
            return
        self._waiting.append(job)
        if self._connecting is None:
            self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        until, told = self._broken
        try:
            if self._loop.time() < until:
                raise CannotConnect(told)
            link = await Link.open(self._address, self._environment, self._max_workers)
            self._board = Board(link, self._report, self._ended, self._grace)
            for job in self._waiting:
                self._board.take(job)
        except CannotConnect as error:
            self._broken = (self._loop.time() + _BROKEN_SECONDS, str(error))
            for job in self._waiting:
                self._ended(job)
                self._report(job.attempt.execution, worker_lost(job.attempt, 0.0, str(error)))
        finally:
            self._waiting.clear()
            self._connecting = None

    def _ended(self, job: Job) -> None:
        """An attempt is about to be reported: it is ours no more."""
        self._jobs.pop(job.key, None)
        if not self._jobs and not self._closed:
            self._idle = self._loop.call_later(self._idle_seconds, self._leave)

    def _leave(self) -> None:
        """Give the cluster up, with all values on it; the next attempt gets another one."""
        board, self._board = self._board, None
        if board is not None:
            leaving = self._loop.create_task(board.close())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
