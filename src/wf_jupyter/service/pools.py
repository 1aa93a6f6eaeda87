"""One executor per kind and environment, opened at first use and shared by all executions there."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec

from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Executor, ExecutorFactory, ReportSink
from wf_jupyter.service.execution.slots import SlotPool

#: Not one of the names that a submission may give.
TRACING = "tracing"


class Pools:
    """Owns the executors."""

    def __init__(self, factory: ExecutorFactory, report: ReportSink) -> None:
        self._factory = factory
        self._report = report
        self._pools: dict[tuple[str, bytes], SlotPool] = {}

    def get(self, executor: str, environment: Environment) -> SlotPool:
        """The slots of that executor for that environment."""
        key = (executor, _digest(environment))
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = SlotPool(self._factory(executor, environment, self._report))
        return pool

    def tracer(self, environment: Environment) -> Executor:
        """Where published workflows of that environment become graphs: processes of their own."""
        return self.get(TRACING, environment).executor

    def tell_waiting(self) -> None:
        """A slot became free without a report: let everyone who waits ask again."""
        for pool in self._pools.values():
            pool.tell_waiting()

    async def close(self) -> None:
        """Close every executor."""
        pools, self._pools = list(self._pools.values()), {}
        await asyncio.gather(*(pool.executor.close() for pool in pools))


def _digest(environment: Environment) -> bytes:
    # Digests instead of the environment itself as key: variables may be secrets and should not live
    # longer than the executor that needs them.
    return hashlib.blake2b(msgspec.msgpack.encode(environment, order="deterministic"), digest_size=16).digest()
