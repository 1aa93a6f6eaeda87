"""Bytes that are on one side and needed on the other: reports too large to be told, and values on a worker's own disk.

Where all see one disk, large values are files that everybody maps, and nothing is sent. Where they do not, a value
stays on the disk of the worker that made it, for those there and on other workers, and the executor fetches a
copy: the log refers to it, and it survives the cluster.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from wf_jupyter.executors.dask import station as dask_station
from wf_jupyter.executors.dask.messages import Said, Source, report_from
from wf_jupyter.executors.dask.placement import Job, Post, Posts
from wf_jupyter.executors.dask.scheduler_client import Link
from wf_jupyter.executors.worker.attempt import failures
from wf_jupyter.model.stimuli import AttemptFailed, AttemptSucceeded, Report, Value
from wf_jupyter.values import files

_log = logging.getLogger(__name__)


class Transfers:
    """On one cluster."""

    def __init__(self, link: Link, posts: Posts) -> None:
        self._link = link
        self._posts = posts

    async def completed(self, job: Job, message: Said, post: Post) -> Report:
        """The report, with all values where the log can refer to them. Raises whatever Dask does of a lost worker."""
        data = message.report or await self._link.call(post.address, dask_station.untold, self._link.topic, job.token)
        report = report_from(message.kind, data)
        if not isinstance(report, AttemptSucceeded | AttemptFailed):
            return report
        values = []
        for value in report.values:
            if value.path is None or _is_here(job, value):
                values.append(value)
                continue
            content = await self._link.call(post.address, dask_station.read_here, value.path)
            try:
                path = await asyncio.to_thread(files.write, job.attempt.directory, [content])
            except OSError as error:
                told = f"the result of task {job.attempt.task!r} ({value.size:,} bytes)"
                failure = failures.unusable(told, error)
                return AttemptFailed(
                    task=report.task, attempt=report.attempt, duration=report.duration, failure=failure
                )
            self._posts.remember(path, Source(post.address, value.path))
            values.append(msgspec.structs.replace(value, path=path))
        return msgspec.structs.replace(report, values=tuple(values))

    async def put(self, address: str, path: str) -> str | None:
        """Give a worker a value that it does not see; the file there, None when there is no such value."""
        try:
            data = bytes(await asyncio.to_thread(files.read, path))
            local: str = await self._link.call(address, dask_station.put_value, self._link.topic, path, data)
        except Exception as error:  # the attempt tells that there is no such file
            _log.info("the value %s could not be sent to the Dask worker %s: %s", path, address, error)
            return None
        return local


def is_complete(job: Job, report: Report) -> bool:
    """Whether all values of the report are where the log can refer to them."""
    values = report.values if isinstance(report, AttemptSucceeded | AttemptFailed) else ()
    return all(value.path is None or _is_here(job, value) for value in values)


def _is_here(job: Job, value: Value) -> bool:
    return value.path is not None and str(Path(value.path).parent) == job.attempt.directory
