"""Limits of an attempt on its machine: memory that is watched, and threads that numeric libraries start.

Memory is watched rather than limited by the system (`RLIMIT_AS`): that limit counts addresses, of which CUDA and
memory-mapped results take tens of gigabytes without using memory, and a library that meets it fails anywhere, or
ends the process without a word. What counts is what nobody else holds: anonymous and shared memory of the worker and of
its children, and no pages of mapped files. An attempt may exceed its amount for the time between two looks.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from wf_jupyter.executors.local.devices import VARIABLE, Devices
from wf_jupyter.executors.local.worker_queue import Job, WorkerQueue
from wf_jupyter.model.events import Failure
from wf_jupyter.model.stimuli import AttemptFailed

#: For how long an attempt waits for a GPU that somebody else's process has.
DEVICE_SECONDS, DEVICE_LOOK = 30.0, 0.2
#: Seconds between two looks at an attempt's memory.
LOOK_SECONDS = 0.1
#: What numeric libraries read when they are imported.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)
_KIB = ("RssAnon:", "RssShmem:")


def threads_for(workers: int, given: Mapping[str, str]) -> dict[str, str]:
    """Variables by which so many workers do not start more threads than there are cores; none that was `given`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = str(max(1, cores // workers))
    return {name: share for name in THREAD_VARIABLES if name not in given} if workers > 1 else {}


def memory_of(pid: int) -> int:
    """Bytes of memory that the process and its children hold; 0 where the system does not tell."""
    total, waiting = 0, [pid]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        try:
            lines = (folder / "status").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(_KIB))
            for task in (folder / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, ValueError):
            continue
    return total


def size_text(size: float) -> str:
    """Bytes as people say them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


class Limits:
    """Gives attempts what they asked for, in the pool of one machine."""

    def __init__(self, devices: Devices | None) -> None:
        self._devices = devices

    def has_devices_for(self, job: Job) -> bool:
        """Whether the attempt can have its GPUs now; they are its from then on."""
        count = job.attempt.devices
        if count and not job.devices and self._devices is not None and self._devices.names:
            taken = self._devices.take(count)
            if taken is None:
                job.waits_since = job.waits_since or time.monotonic()
                return False
            job.devices = taken
        return True

    def has_waited(self, job: Job) -> bool:
        """Whether the attempt has waited for its GPUs for long enough, or would for ever."""
        is_vain = job.attempt.devices > self._count
        return bool(job.waits_since) and (is_vain or time.monotonic() - job.waits_since > DEVICE_SECONDS)

    @property
    def _count(self) -> int:
        return 0 if self._devices is None else len(self._devices.names)

    def variables(self, job: Job) -> dict[str, str]:
        """Variables for the environment of the attempt's process."""
        attempt = job.attempt
        found = dict.fromkeys(THREAD_VARIABLES, str(attempt.threads)) if attempt.threads else {}
        return {**found, VARIABLE: ",".join(job.devices)} if job.devices else found

    def give_back(self, holder: Job | WorkerQueue) -> None:
        """The GPUs are free again."""
        if holder.devices and self._devices is not None:
            self._devices.give_back(holder.devices)
        holder.devices = ()

    def no_devices(self, job: Job) -> AttemptFailed:
        """The attempt waited in vain."""
        attempt = job.attempt
        message = f"the task asks for {attempt.devices} GPUs, and its machine has {self._count}"
        if attempt.devices <= self._count:
            trouble = "" if self._devices is None else self._devices.trouble
            taken = f"for {DEVICE_SECONDS:g} s another server, kernel or Dask worker has had them"
            message += f": {trouble or taken}"
        failure = Failure(kind="worker_lost", type="NoDevice", message=message)
        return AttemptFailed(task=attempt.task, attempt=attempt.number, duration=0.0, failure=failure)

    def watch(self, job: Job, end: Callable[[], object]) -> None:
        """Look at the attempt's memory while it runs; `end` is called when it holds more than it may."""
        queue = job.queue
        if queue is None or queue.process is None or job.token not in queue.jobs:
            return
        used = memory_of(queue.process.pid)
        if used > job.attempt.memory:
            job.exceeded = used
            end()
            return
        asyncio.get_running_loop().call_later(LOOK_SECONDS, self.watch, job, end)


def memory_failure(job: Job, duration: float, began: float | None) -> AttemptFailed:
    """The attempt was ended because of the memory that it held."""
    attempt = job.attempt
    message = f"the task held {size_text(job.exceeded)} of memory, and its resources allow {size_text(attempt.memory)}"
    failure = Failure(kind="worker_lost", type="MemoryExceeded", message=message)
    return AttemptFailed(task=attempt.task, attempt=attempt.number, duration=duration, failure=failure, began=began)
