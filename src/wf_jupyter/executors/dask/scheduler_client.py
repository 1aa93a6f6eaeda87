"""The connection to a Dask scheduler: places on its workers, and messages to and from the worker hosts there."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from wf_jupyter.executors.dask import worker_host
from wf_jupyter.executors.dask.cluster import CannotConnect, Cluster, Endpoint
from wf_jupyter.executors.dask.messages import (
    PROTOCOL,
    FromHost,
    Settings,
    ToHost,
    decode_from_host,
    encode,
)
from wf_jupyter.model.submission import Environment

_TIMEOUT = 10.0


_log = logging.getLogger(__name__)


class Listener(Protocol):
    """The user of the connection, called on its event loop."""

    def on_messages(self, address: str, messages: Sequence[FromHost]) -> None:
        """Called with messages of a worker host."""
        ...

    def on_workers_left(self, addresses: Sequence[str]) -> None:
        """Called when workers left the cluster."""
        ...

    def on_refused(self, reason: str) -> None:
        """Called when a place could not be had."""
        ...

    def on_scheduler_lost(self) -> None:
        """Called when the scheduler cannot be reached any more."""
        ...


class SchedulerClient:
    """A client of one scheduler, used on one event loop."""

    def __init__(self, client: Any, cluster: Cluster | None) -> None:
        self.client = client
        self.cluster = cluster
        self.topic = f"wf-jupyter-{secrets.token_hex(8)}"
        #: Threads by worker.
        self.threads: dict[str, int] = {}
        self._listener: Listener | None = None
        self._settings = b""
        self._places: dict[str, Any] = {}
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._refresh_again = False

    @classmethod
    async def open(cls, address: str, environment: Environment, workers: int) -> SchedulerClient:
        """Connect to the scheduler of that address, or to a cluster of our own when there is none; `CannotConnect`."""
        try:
            # A second of imports, in a thread: other executions share this loop.
            distributed = await asyncio.to_thread(importlib.import_module, "distributed")
        except ImportError as error:
            raise CannotConnect(f"executor='dask' needs the package distributed: {error}") from error
        cluster = None if address else await Cluster.start(environment, workers)
        client = None
        try:
            place = cluster.endpoint.address if cluster is not None else address
            # A given cluster's security is what the server's own Dask configuration says.
            security = _make_security(distributed, cluster.endpoint) if cluster is not None else None
            client = distributed.Client(
                place,
                asynchronous=True,
                set_as_default=False,
                timeout=_TIMEOUT,
                name="wf_jupyter",
                security=security,
            )
            await client
            scheduler = cls(client, cluster)
            scheduler.threads = dict(await client.nthreads())
        except BaseException as error:
            if client is not None:
                with contextlib.suppress(Exception):
                    await client.close()
            if cluster is not None:
                await cluster.close()
            if isinstance(error, OSError | ValueError | TimeoutError):
                raise CannotConnect(f"the Dask scheduler at {place} cannot be reached: {error}") from error
            raise
        return scheduler

    def listen(self, listener: Listener, environment: Environment, *, grace: float, idle_seconds: float) -> None:
        """Report to the listener from now on."""
        self._listener = listener
        self._settings = encode(
            Settings(
                topic=self.topic,
                environment=environment.to_portable(),
                is_own=self.cluster is not None,
                grace=grace,
                idle_seconds=idle_seconds,
            )
        )
        self.client.subscribe_topic(self.topic, self._on_host_event)
        self.client.subscribe_topic("all", lambda event: self._on_cluster_event(event[1]))

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler is still there."""
        return self.client.status == "running" and (self.cluster is None or self.cluster.is_alive)

    @property
    def places(self) -> int:
        """Places that there are, or that were asked for."""
        return len(self._places)

    def ask_for(self, places: int) -> None:
        """Ask the scheduler for more places."""
        for _ in range(places):
            key = f"wf_jupyter-seat-{self.topic}-{next(self._numbers)}"
            future = self.client.submit(worker_host.hold_place, PROTOCOL, self._settings, key, key=key, pure=False)
            self._places[key] = future
            self.run_in_background(self._watch(key, future))

    def give_up(self, keys: Sequence[str]) -> None:
        """Ask for these places no more. One that a host has ends a moment later."""
        futures = [self._places.pop(key) for key in keys if key in self._places]
        if futures:
            self.run_in_background(self._cancel(futures))

    def unassigned(self, held: set[str]) -> list[str]:
        """Places that were asked for and that no host has."""
        return [key for key in self._places if key not in held]

    async def send(self, address: str, messages: Sequence[ToHost]) -> None:
        """Send messages to the host on that worker; returns when the scheduler has them."""
        await self.client.scheduler.log_event(topic=f"{self.topic}-{address}", msg=encode(messages))

    async def call(self, address: str, function: Callable[..., Any], *args: object) -> Any:
        """Call a quick function in a worker process, beside what it works on."""
        return (await self.client.run(function, *args, workers=[address]))[address]

    def run_in_background(self, work: Any) -> asyncio.Task[None]:
        """Run a coroutine in a task that ends with this client; unexpected errors go to the log."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_background_end)
        return task

    def _on_background_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the connection to the Dask scheduler met an unexpected error", exc_info=error)

    async def close(self) -> None:
        """Leave the scheduler, which ends the hosts, or end our own cluster."""
        self._listener = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_TIMEOUT):
                if self.is_alive and self.cluster is None:
                    await self._cancel(list(self._places.values()))
                await self.client.close(timeout=2)
        if self.cluster is not None:
            await self.cluster.close()

    async def _watch(self, key: str, future: Any) -> None:
        from distributed import wait

        reason = ""
        # However it ended: cancelled here, with the scheduler, or taken back.
        with contextlib.suppress(Exception):
            with self.client.as_current():
                ended = wait([future])  # type: ignore[no-untyped-call]
            await _wait_uncancelled(ended)
            reason = "" if future.status != "error" else _describe_failure(await future.exception())
        wanted = self._places.pop(key, None) is not None
        if self._listener is None:
            return
        if not self.is_alive:
            self._listener.on_scheduler_lost()
        elif wanted and reason:
            self._listener.on_refused(reason)

    async def _cancel(self, futures: list[Any]) -> None:
        with contextlib.suppress(Exception):  # they end with the scheduler
            await self.client.cancel(futures, force=True)

    def _on_cluster_event(self, what: object) -> None:
        if isinstance(what, dict) and "worker" in str(what.get("action")):
            self._refresh_soon()

    def _refresh_soon(self) -> None:
        self._refresh_again = True
        if self._refreshing is None:
            self._refreshing = self.run_in_background(self._refresh())

    async def _refresh(self) -> None:
        """Read which workers there are now, and report those that left."""
        try:
            while self._refresh_again and self.is_alive:
                self._refresh_again = False
                with contextlib.suppress(OSError):  # the places find out by themselves
                    present = dict(await self.client.nthreads())
                    gone = [address for address in self.threads if address not in present]
                    self.threads = present
                    if gone and self._listener is not None:
                        self._listener.on_workers_left(gone)
        finally:
            self._refreshing = None

    def _on_host_event(self, event: tuple[float, tuple[str, bytes]]) -> None:
        address, data = event[1]
        if self._listener is not None:
            self._listener.on_messages(address, decode_from_host(data))


async def _wait_uncancelled(ended: Any) -> None:
    """Wait. A future that Dask cancels raises `OSError`: the task that waits was not cancelled."""
    try:
        await ended
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise OSError("cancelled") from error


def _describe_failure(error: BaseException | None) -> str:
    return f"wf_jupyter cannot be used on the Dask workers: {type(error).__name__}: {error}"


def _make_security(distributed: Any, endpoint: Endpoint) -> Any:
    return distributed.Security(
        require_encryption=True,
        tls_ca_file=endpoint.certificate,
        tls_client_cert=endpoint.certificate,
        tls_client_key=endpoint.key,
    )
