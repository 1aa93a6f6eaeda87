"""The one thread that writes.

Everything that is queued when it wakes becomes one transaction, and it never waits for more: under
load a commit is shared by hundreds of jobs, at rest a job is committed at once.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

from wf_jupyter.store.jobs import Job, JobThread, settle


class Writer(JobThread):
    """Each job is all or nothing, and jobs are committed in order.

    A job's work may be done twice, so it must do nothing but read and write the database.
    """

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

    def _transact(self, group: list[Job[Any]]) -> Exception | None:
        try:
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
