"""One attempt as one Dask task: from its inputs on the cluster to its report."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from wf_jupyter.executors.dask import values as dask_values
from wf_jupyter.executors.dask import worker as dask_worker
from wf_jupyter.executors.dask.values import Held, Holding
from wf_jupyter.executors.wire.messages import (
    Done,
    Expanded,
    Final,
    Progress,
    Raised,
    Shown,
    Stopped,
    Text,
    decode_from_worker,
    run_of,
)
from wf_jupyter.executors.wire.reports import report_of
from wf_jupyter.model.stimuli import Report, Value
from wf_jupyter.ports import Attempt
from wf_jupyter.values import files
from wf_jupyter.values.digest import digest

if TYPE_CHECKING:
    from wf_jupyter.executors.dask.link import Link
    from wf_jupyter.executors.dask.seats import Seat

#: Code and arguments larger than this are sent to the cluster once, not once per attempt.
_SHARED = 16_384
_encode = msgspec.msgpack.Encoder().encode


class Lost(Exception):
    """The Dask task came to nothing; the text says why."""


class Job:
    """An attempt in the hands of the executor. `began` is the loop's time, None before."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.key = (attempt.execution, attempt.task, attempt.number)
        self.token = 0
        self.tries = 0
        self.seat: Seat | None = None
        self.began: float | None = None
        self.stopping: Literal["cancel", "timeout"] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.running: asyncio.Task[None] | None = None
        self.homes: set[str] = set()
        self._final: Final | None = None
        self._size_of_inputs: dict[str, int] = {}

    def paths(self) -> list[str]:
        """The files that its inputs are in."""
        return list(dict.fromkeys(dask_values.paths(self.attempt.inputs)))

    def held(self) -> list[str]:
        """Names of all that it takes from the cluster: its inputs, and its code and call when they are large."""
        blobs = [data for data in (self.attempt.code_data, self.attempt.call_data) if len(data) > _SHARED]
        return [*self.paths(), *map(_blob_name, blobs)]

    def hear(self, messages: list[bytes]) -> Iterator[Report]:
        """Take what the attempt says; gives what is to be reported at once."""
        for data in messages:
            message = decode_from_worker(data)
            if isinstance(message, Done | Expanded | Raised | Stopped):
                self._final = message
            elif isinstance(message, Text | Progress | Shown):
                yield report_of(message, self.attempt)
            else:
                # The other two speak of a worker process of our own, and there is none.
                raise AssertionError(f"an attempt on Dask sent {message!r}")

    async def run(self, link: Link, seat: Seat, held: Held) -> Report:
        """Run it on that worker, and wait for its end; `Lost`."""
        from distributed import wait

        try:
            future = await self._submit(link, seat, held)
            with link.client.as_current():
                ended = wait([future])  # type: ignore[no-untyped-call]
            await ended
            if future.status != "finished":
                raise Lost(await _reason(future, link))
            return report_of(await self._conclude(link, seat, held, future), self.attempt)
        except (OSError, TimeoutError) as error:
            raise Lost(f"the connection to the Dask scheduler was lost: {error}") from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Dask's way to say that a future came to nothing, as when its scheduler has gone.
            raise Lost("the connection to the Dask scheduler was lost") from None

    async def _submit(self, link: Link, seat: Seat, held: Held) -> Any:
        attempt = self.attempt
        self._final = None
        places: dict[str, tuple[int, str]] = {}
        futures: list[Any] = []
        unknown = [path for path in self.paths() if held.find(path) is None]
        for path in await self._out_of_sight(link, seat, unknown):
            data = await asyncio.to_thread(files.read, path)
            future = await _scattered(link, path, ("", {"": bytes(data)}), [seat.address])
            held.add(path, Holding(future, "", len(data), seat.address))
        self.homes = set()
        for path in self.paths():
            holding = held.find(path)
            if holding is not None:
                places[path] = (len(futures), holding.part)
                futures.append(holding.future)
                self.homes.add(holding.home)
        message = run_of(self.token, attempt, b"")
        message = msgspec.structs.replace(
            message, inputs=tuple(dask_values.referring(given, places) for given in attempt.inputs)
        )
        code = await self._shared(link, held, attempt.code_data)
        call = await self._shared(link, held, attempt.call_data)
        inode = dask_values.inode(attempt.directory)
        return link.client.submit(
            dask_worker.run_attempt,
            *(seat.about.identity, link.topic, inode, attempt.is_async, _encode(message), code, call),
            *futures,
            key=f"{attempt.name}-{link.topic}-{self.token}",
            workers=[seat.address],
            pure=False,
            retries=0,
        )

    async def _out_of_sight(self, link: Link, seat: Seat, paths: list[str]) -> list[str]:
        """Those files that are here and that the worker does not see."""
        here = [path for path in paths if os.access(path, os.R_OK)]
        if not here or link.cluster is not None:
            return []
        seen = await link.call(seat.address, dask_worker.sees, here)
        return [path for path, is_seen in zip(here, seen, strict=True) if not is_seen]

    async def _shared(self, link: Link, held: Held, data: bytes) -> Any:
        if len(data) <= _SHARED:
            return data
        name = _blob_name(data)
        holding = held.find(name)
        if holding is None:
            holding = Holding(await _scattered(link, name, data, None), "", len(data), "")
            held.add(name, holding)
        return holding.future

    async def _conclude(self, link: Link, seat: Seat, held: Held, future: Any) -> Final:
        final = self._final
        if final is None:
            message = decode_from_worker(await _fetched(link, seat, dask_worker.final_of, future))
            assert isinstance(message, Done | Expanded | Raised | Stopped)
            final = message
        if not isinstance(final, Done):
            return final
        values = []
        for value in final.values:
            if value.data is None and value.path is None:
                data = await _fetched(link, seat, dask_worker.part_of, future, value.part)
                try:
                    path = await asyncio.to_thread(files.write, self.attempt.directory, [data])
                except OSError as error:
                    failure = dask_values.unwritable(self.attempt.task, value.size, error)
                    return Raised(final.token, final.duration, failure)
                value = Value(part=value.part, path=path, size=value.size)
            if value.path is not None:
                held.add(value.path, Holding(future, value.part, value.size, seat.address))
            values.append(value)
        return msgspec.structs.replace(final, values=tuple(values))


def _blob_name(data: bytes) -> str:
    return f"blob-{digest(data)}"


async def _scattered(link: Link, name: str, data: object, workers: list[str] | None) -> Any:
    key = f"{name}-{secrets.token_hex(8)}"
    return (await link.client.scatter({key: data}, workers=workers))[key]


async def _fetched(link: Link, seat: Seat, function: Any, future: Any, *args: object) -> bytes:
    found: bytes = await link.client.submit(function, future, *args, workers=[seat.address], pure=False)
    return found


async def _reason(future: Any, link: Link) -> str:
    if not link.is_alive:
        return "the connection to the Dask scheduler was lost"
    if future.status != "error":
        return f"Dask gave the task up: its state is {future.status!r}"
    error = await future.exception()
    return f"the Dask worker was lost, or could not run the task: {type(error).__name__}: {error}"
