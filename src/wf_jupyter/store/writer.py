"""The one thread that writes.

Everything that is queued when it wakes becomes one transaction, and it never waits for more: under
load a commit is shared by hundreds of jobs, at rest a job is committed at once. A small one may then
be committed by whoever asks: a commit takes some 80 µs, and handing it to the thread and back 110
more, which is most of what a task costs in a chain.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from wf_jupyter.errors import StoreError
from wf_jupyter.store.database import BUSY_SECONDS
from wf_jupyter.store.jobs import Job, JobThread, settle
from wf_jupyter.store.open_files import OpenFiles

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Writer(JobThread):
    """Each job is all or nothing, and jobs are committed in order.

    A job's work may be done twice, so it must do nothing but read and write the database.
    """

    _patience = BUSY_SECONDS

    def __init__(self, name: str, connection: sqlite3.Connection, path: Path, files: OpenFiles) -> None:
        self._files = files
        self._trouble = ""
        self._refused = 0
        super().__init__(name, connection, path)

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
        connection = self.connection
        try:
            self._files.check()
            self._wait_at_most(patience)
            connection.execute("BEGIN IMMEDIATE")
            for job in group:
                job.result = job.work(connection)
            connection.execute("COMMIT")
            # It may have been taken away meanwhile: nobody is told of what is nowhere.
            self._files.note_wal()
            self._files.check()
        except Exception as error:
            if connection.in_transaction:
                # A full disk may already have rolled back; what counts is the first error.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            converted = self._to_store_error(error)
            if patience and isinstance(converted, StoreError) and converted.is_temporary:
                self._complain(converted)
            return converted
        if self._trouble:
            _log.warning("%s can be written again; %d transactions were refused", self.path, self._refused)
            self._trouble, self._refused = "", 0
        return None

    def _complain(self, error: StoreError) -> None:
        # Once for each cause: what waits for it tries again and again, and there may be thousands.
        self._refused += 1
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.warning("nothing can be written, trying again: %s", error)

    def _wait_at_most(self, seconds: float) -> None:
        """For how long a transaction waits for another process that writes."""
        if seconds != self._patience:
            self.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
            self._patience = seconds
