"""The connection to a Dask scheduler: who works there, what they say, and how to hand them something."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from wf_jupyter.executors.dask import worker as dask_worker
from wf_jupyter.executors.dask.cluster import CannotConnect, Cluster, Door
from wf_jupyter.executors.dask.seats import Seat
from wf_jupyter.executors.wire.messages import PROTOCOL
from wf_jupyter.model.submission import Environment

_TIMEOUT = 10.0
_about = msgspec.msgpack.Decoder(dask_worker.About).decode


class Link:
    """A client of one scheduler, used on one event loop."""

    def __init__(self, client: Any, cluster: Cluster | None) -> None:
        self.client = client
        self.cluster = cluster
        self.seats: dict[str, Seat] = {}
        #: Why workers that are there cannot be used.
        self.complaint = ""
        self.topic = f"wf-jupyter-{secrets.token_hex(8)}"
        self._heard: Callable[[int, list[bytes] | None], None] = lambda token, what: None
        self._gone: Callable[[Sequence[str]], None] = lambda addresses: None
        self._came: Callable[[], None] = lambda: None
        self._refreshing: asyncio.Task[None] | None = None
        self._again = False

    @classmethod
    async def open(cls, address: str, environment: Environment, workers: int) -> Link:
        """Connect to the scheduler of that address, or to a cluster of our own when there is none; `CannotConnect`."""
        try:
            # A second of imports, in a thread: other executions share this loop.
            distributed = await asyncio.to_thread(importlib.import_module, "distributed")
        except ImportError as error:
            raise CannotConnect(f"executor='dask' needs the package distributed: {error}") from error
        cluster = None if address else await Cluster.start(environment, workers)
        client = None
        try:
            place = cluster.door.address if cluster is not None else address
            # A given cluster's security is what the server's own Dask configuration says.
            security = _security(distributed, cluster.door) if cluster is not None else None
            client = distributed.Client(
                place,
                asynchronous=True,
                set_as_default=False,
                timeout=_TIMEOUT,
                name="wf_jupyter",
                security=security,
            )
            await client
            link = cls(client, cluster)
            client.subscribe_topic(link.topic, link._on_event)
            client.subscribe_topic("all", lambda event: link.refresh_soon())
            await link.refresh()
        except BaseException as error:
            if client is not None:
                with contextlib.suppress(Exception):
                    await client.close()
            if cluster is not None:
                await cluster.close()
            if isinstance(error, OSError | ValueError | TimeoutError):
                raise CannotConnect(f"the Dask scheduler at {place} cannot be reached: {error}") from error
            raise
        return link

    def listen(
        self,
        heard: Callable[[int, list[bytes] | None], None],
        gone: Callable[[Sequence[str]], None],
        came: Callable[[], None],
    ) -> None:
        """Tell what attempts say (`heard(token, None)` when one begins, else encoded messages), and of workers
        that left or came."""
        self._heard, self._gone, self._came = heard, gone, came

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler is still there."""
        return self.client.status == "running" and (self.cluster is None or self.cluster.is_alive)

    async def refresh(self) -> None:
        """Look who works there now, and make newcomers ready."""
        present = await self.client.nthreads()
        gone = [address for address in self.seats if address not in present]
        for address in gone:
            del self.seats[address]
        if gone:
            self._gone(gone)
        new = [address for address in present if address not in self.seats]
        if not new:
            return
        own = self.cluster is not None
        found = await self.client.run(dask_worker.prepare, own, workers=new, on_error="return")
        for address, about in found.items():
            self._seat(address, about)
        if self.seats:
            self._came()

    def refresh_soon(self) -> None:
        """The same as a reaction to an event."""
        self._again = True
        if self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh())

    async def call(self, address: str, function: Callable[..., Any], *args: object) -> Any:
        """Call a quick function in a worker process, beside what it works on."""
        return (await self.client.run(function, *args, workers=[address]))[address]

    async def close(self) -> None:
        """Leave the scheduler, or end our own cluster."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_TIMEOUT):
                await self.client.close(timeout=2)
        if self.cluster is not None:
            await self.cluster.close()

    async def _refresh(self) -> None:
        try:
            while self._again and self.is_alive:
                self._again = False
                with contextlib.suppress(OSError):  # the attempts find out by themselves
                    await self.refresh()
        finally:
            self._refreshing = None

    def _seat(self, address: str, about: object) -> None:
        if isinstance(about, bytes):
            known = _about(about)
            if known.protocol == PROTOCOL:
                self.seats[address] = Seat(address, known)
                return
            self.complaint = "the Dask workers have another version of wf_jupyter: install the same one there"
        else:
            self.complaint = f"wf_jupyter cannot be used on the Dask workers: {about}"

    def _on_event(self, event: tuple[float, tuple[int, list[bytes] | None]]) -> None:
        token, what = event[1]
        self._heard(token, what)


def _security(distributed: Any, door: Door) -> Any:
    return distributed.Security(
        require_encryption=True,
        tls_ca_file=door.certificate,
        tls_client_cert=door.certificate,
        tls_client_key=door.key,
    )
