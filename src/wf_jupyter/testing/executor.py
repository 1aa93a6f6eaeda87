"""An executor whose attempts end when, and how, a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from wf_jupyter.model.events import Failure, ResultInfo
from wf_jupyter.model.graph import GraphSpec
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptStopped,
    AttemptSucceeded,
    Printed,
    Report,
    Value,
)
from wf_jupyter.model.submission import Expansion
from wf_jupyter.ports import Attempt, ReportSink
from wf_jupyter.testing.faults import Faults
from wf_jupyter.values import container

Key = tuple[str, str, int]


class ScriptedExecutor:
    """`ports.Executor` with `places` workers. `running` holds the attempts by execution, task and number.

    An attempt that is asked to stop stops at the next turn of the loop, unless it is `stubborn`. Faults
    armed for `start`, `stop` and `slots` are met here.
    """

    def __init__(self, report: ReportSink, places: int = 2, faults: Faults | None = None) -> None:
        self._report = report
        self._faults = faults or Faults()
        self._workers = [f"worker-{number + 1}" for number in range(places)]
        self._busy: dict[Key, str] = {}
        self._is_closed = False
        self.running: dict[Key, Attempt] = {}
        self.stubborn = False

    # -- the port -----------------------------------------------------------------------------

    def slots(self, limit: int) -> Sequence[str]:
        """Workers that have nothing to do."""
        self._meet("slots")
        busy = set(self._busy.values())
        return [worker for worker in self._workers if worker not in busy][: max(limit, 0)]

    def start(self, attempt: Attempt, worker: str) -> None:
        """Take an attempt."""
        self._meet("start")
        assert worker not in self._busy.values(), f"{worker} has two attempts"
        key = (attempt.execution, attempt.task, attempt.number)
        assert key not in self.running, f"{key} was started twice"
        self._busy[key], self.running[key] = worker, attempt

    def stop(self, execution: str, task: str, number: int) -> None:
        """Stop an attempt soon."""
        self._meet("stop")
        key = (execution, task, number)
        if key in self.running and not self.stubborn:
            asyncio.get_running_loop().call_soon(self.stopped, key)

    async def close(self) -> None:
        """Report nothing more."""
        self._is_closed = True
        self.running.clear()
        self._busy.clear()

    # -- the script ---------------------------------------------------------------------------

    def succeed(self, key: Key, length: int | None = None, data: bytes = b"value") -> None:
        """An attempt returns a value; with `length`, a list of so many items."""
        values = [Value(data=data, size=len(data))]
        if length is not None:
            items = container.pack([data] * length)
            values.append(Value(part="items:", data=items, size=len(items)))
        self._end(
            key,
            AttemptSucceeded(
                task=key[1],
                attempt=key[2],
                duration=1.0,
                result=ResultInfo(type="list" if length is not None else "bytes"),
                values=tuple(values),
                lengths={} if length is None else {"": length},
                truth=True,
            ),
        )

    def fail(self, key: Key, *, retriable: bool = True) -> None:
        """An attempt raises."""
        failure = Failure(kind="raised", type="ValueError", message="as the script says", retriable=retriable)
        self._end(key, AttemptFailed(task=key[1], attempt=key[2], duration=1.0, failure=failure))

    def expand(self, key: Key, graph: GraphSpec, blobs: dict[str, bytes]) -> None:
        """An attempt returns a graph."""
        expansion = Expansion(graph=graph, blobs=blobs)  # type: ignore[arg-type]
        self._end(key, AttemptExpanded(task=key[1], attempt=key[2], duration=1.0, expansion=expansion))

    def say(self, key: Key, text: str) -> None:
        """An attempt prints."""
        if key in self.running:
            self._report(key[0], Printed(task=key[1], attempt=key[2], stream="stdout", text=text))

    def stopped(self, key: Key) -> None:
        """An attempt has stopped; nothing happens when it ended before."""
        self._end(key, AttemptStopped(task=key[1], attempt=key[2], duration=1.0))

    def _end(self, key: Key, report: Report) -> None:
        if self.running.pop(key, None) is not None and not self._is_closed:
            del self._busy[key]
            self._report(key[0], report)

    def _meet(self, method: str) -> None:
        fault = self._faults.met(method)
        if isinstance(fault, Exception):
            raise fault
