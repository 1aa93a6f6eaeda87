"""The one thread that writes.

Everything that is queued when it wakes becomes one transaction, and it never waits for more: under
load a commit is shared by hundreds of jobs, at rest a job is committed at once. A small one may then
be committed by whoever asks: a commit takes some 80 µs, and handing it to the thread and back 110
more, which is most of what a task costs in a chain.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from wf_jupyter.errors import StoreError
from wf_jupyter.store.database import BUSY_SECONDS
from wf_jupyter.store.jobs import Job, JobThread, settle

T = TypeVar("T")


class Writer(JobThread):
    """Each job is all or nothing, and jobs are committed in order.

    A job's work may be done twice, so it must do nothing but read and write the database.
    """

    _patience = BUSY_SECONDS

    async def run_small(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Like `run`, on the calling thread when nobody else writes just now."""
        with self.idle() as is_idle:
            if is_idle:
                job: Job[Any] = Job(work, asyncio.get_running_loop().create_future(), None)
                error = self._transact([job], patience=0.0)
                if error is None:
                    return cast(T, job.result)
                if not (isinstance(error, StoreError) and error.is_temporary):
                    raise error
        # Another process is writing, or the disk is full: the thread can wait, the caller's loop cannot.
        return await self.run(work)

    def handle(self, group: list[Job[Any]]) -> None:
        """Commit the group; if it fails, give each job a transaction of its own, so that only the culprit fails."""
        error = self._transact(group)
        if error is not None and len(group) > 1:
            for job in group:
                job.error = self._transact([job])
        else:
            for job in group:
                job.error = error
        settle(group)

    def _transact(self, group: list[Job[Any]], patience: float = BUSY_SECONDS) -> Exception | None:
        try:
            self._wait_at_most(patience)
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                job.result = job.work(self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:
            if self._connection.in_transaction:
                # A full disk may already have rolled back; what counts is the first error.
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            return self._told(error)
        return None

    def _wait_at_most(self, seconds: float) -> None:
        """For how long a transaction waits for another process that writes."""
        if seconds != self._patience:
            self._connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
            self._patience = seconds
