"""Bytes that are on one side and needed on the other: reports too large for an event, values on a worker's own disk.

Where all see one disk, large values are files that everybody maps, and nothing is sent. Where they do not, a value
stays on the disk of the worker that made it, for those there and on other workers, and the executor fetches a
copy: the log refers to it, and it survives the cluster.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from wf_jupyter.executors.dask import worker_host
from wf_jupyter.executors.dask.messages import Reported, Source, report_from
from wf_jupyter.executors.dask.placement import ClusterJob, HostState, Placement
from wf_jupyter.executors.dask.scheduler_client import SchedulerClient
from wf_jupyter.executors.worker.attempt import failures
from wf_jupyter.model.stimuli import AttemptFailed, AttemptSucceeded, Report, Value
from wf_jupyter.values import files

_log = logging.getLogger(__name__)


class Transfers:
    """Fetches and sends the values of one cluster."""

    def __init__(self, scheduler: SchedulerClient, placement: Placement) -> None:
        self._scheduler = scheduler
        self._placement = placement

    async def complete(self, job: ClusterJob, message: Reported, host: HostState) -> Report:
        """The report, with all values where the log can refer to them. Raises whatever Dask does of a lost worker."""
        data = message.report or await self._scheduler.call(
            host.address, worker_host.take_report, self._scheduler.topic, job.token
        )
        report = report_from(message.kind, data)
        if not isinstance(report, AttemptSucceeded | AttemptFailed):
            return report
        values = []
        for value in report.values:
            if value.path is None or _is_here(job, value):
                values.append(value)
                continue
            content = await self._scheduler.call(host.address, worker_host.read_value, value.path)
            try:
                path = await asyncio.to_thread(files.write, job.attempt.directory, [content])
            except OSError as error:
                subject = f"the result of task {job.attempt.task!r} ({value.size:,} bytes)"
                failure = failures.unusable(subject, error)
                return AttemptFailed(
                    task=report.task, attempt=report.attempt, duration=report.duration, failure=failure
                )
            self._placement.remember(path, Source(host.address, value.path))
            values.append(msgspec.structs.replace(value, path=path))
        return msgspec.structs.replace(report, values=tuple(values))

    async def put(self, address: str, path: str) -> str | None:
        """Give a worker a value that it does not see; the file there, None when there is no such value."""
        try:
            data = bytes(await asyncio.to_thread(files.read, path))
            local: str = await self._scheduler.call(address, worker_host.put_value, self._scheduler.topic, path, data)
        except Exception as error:  # the attempt reports that there is no such file
            _log.info("the value %s could not be sent to the Dask worker %s: %s", path, address, error)
            return None
        return local


def is_complete(job: ClusterJob, report: Report) -> bool:
    """Whether all values of the report are where the log can refer to them."""
    values = report.values if isinstance(report, AttemptSucceeded | AttemptFailed) else ()
    return all(value.path is None or _is_here(job, value) for value in values)


def _is_here(job: ClusterJob, value: Value) -> bool:
    return value.path is not None and str(Path(value.path).parent) == job.attempt.directory
