"""Executions of ours that are not final and that nobody runs: why, and whether they go on by themselves.

That is a fact about this orchestrator and stands in no log: a log that cannot be written is the usual reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from wf_jupyter.errors import ExecutionNotFound, Unreadable
from wf_jupyter.model.snapshot import Parked
from wf_jupyter.ports import Clock
from wf_jupyter.service.execution.commit import FIRST_WAIT, LONGEST_WAIT, as_store_error

#: Takes up an execution, by its id.
TakeUp = Callable[[str], Awaitable[object]]

_log = logging.getLogger(__name__)


class Parking:
    """Remembers why executions stand still; takes those up again whose cause may pass. `show` tells their followers."""

    def __init__(self, take_up: TakeUp, show: Callable[[str], None], clock: Clock) -> None:
        self._take_up = take_up
        self._show = show
        self._clock = clock
        self._parked: dict[str, Parked] = {}
        self._ways: dict[str, TakeUp] = {}
        self._attempts: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._parked)

    def get(self, execution: str) -> Parked | None:
        """Reason why it stands still, or None."""
        return self._parked.get(execution)

    def all(self) -> Mapping[str, Parked]:
        """Every one that stands still."""
        return self._parked

    def park(self, execution: str, failure: BaseException, again: TakeUp | None = None) -> None:
        """Note that it could not go on, and try again by itself if the cause may pass.

        `again` is what failed, when that is not `take_up`.
        """
        if again is not None:
            self._ways[execution] = again
        error = as_store_error(failure)
        known = self._parked.get(execution)
        since = self._clock() if known is None else known.since
        if isinstance(error, Unreadable):
            parked = Parked(kind="unreadable", reason=str(error), since=since)
        else:
            parked = Parked(kind="waiting" if error.is_temporary else "stopped", reason=str(error), since=since)
        self.keep(execution, parked)

    def keep(self, execution: str, parked: Parked) -> None:
        """Park an execution with the words for it."""
        known = self._parked.get(execution)
        self._parked[execution] = parked
        if known is None or known.reason != parked.reason:
            _log.error("execution %s is parked (%s): %s", execution, parked.kind, parked.reason)
            self._show(execution)
        trying = self._attempts.get(execution)
        if parked.kind == "waiting" and (trying is None or trying.done()):
            attempt = asyncio.get_running_loop().create_task(self._try_again(execution), name=f"take up {execution}")
            self._attempts[execution] = attempt
            attempt.add_done_callback(lambda ended: self._forget(execution, ended))

    def leave(self, execution: str) -> TakeUp | None:
        """Forget an execution that goes on, or is gone; returns the `again` that it was parked with."""
        self._parked.pop(execution, None)
        return self._ways.pop(execution, None)

    async def close(self) -> None:
        """Try no more."""
        attempts = list(self._attempts.values())
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)

    def _forget(self, execution: str, ended: asyncio.Task[None]) -> None:
        # It may have been parked anew in the moment in which this one ended.
        if self._attempts.get(execution) is ended:
            del self._attempts[execution]

    async def _try_again(self, execution: str) -> None:
        wait = FIRST_WAIT
        while (parked := self._parked.get(execution)) is not None and parked.kind == "waiting":
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
            if execution not in self._parked:
                return
            try:
                await self._ways.get(execution, self._take_up)(execution)
            except ExecutionNotFound:
                self.leave(execution)
            except Exception as failure:
                if execution in self._parked:
                    self.park(execution, failure)
