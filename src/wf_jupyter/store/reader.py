"""The thread that reads: each job sees one state of the database, and never waits for the writer."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

from wf_jupyter.store.jobs import Job, JobThread, settle


class Reader(JobThread):
    """Jobs are answered one by one; what was committed before a job was given, it sees."""

    def handle(self, group: list[Job[Any]]) -> None:
        """Do each job in a read transaction."""
        connection = self.connection
        for job in group:
            try:
                connection.execute("BEGIN")
                job.result = job.work(connection)
            except Exception as error:
                job.error = self._to_store_error(error)
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            settle((job,))
