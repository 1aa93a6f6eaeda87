"""The orchestrator as the Jupyter server sees it: started once, asked from the server's loop, closed.

When it cannot start (a corrupt database, a full disk), the Jupyter server goes on, `hello` says why,
and every request gets the same answer instead of a hang. It tries again until it can.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from wf_jupyter.errors import ServerUnavailable, WorkflowError
from wf_jupyter.ports import Notifier
from wf_jupyter.protocol.messages import Hello
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.orchestrator import Orchestrator
from wf_jupyter.service.runtime import Runtime

T = TypeVar("T")

#: Seconds until the next attempt to start: after the first one, and at most.
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
#: Seconds for which whoever asks waits for a start: another process may hold the data directory.
PATIENCE = 10.0

_log = logging.getLogger("wf_jupyter")


class OrchestratorHost:
    """Owns the runtime. All methods are called on the Jupyter server's loop.

    `notifiers` is called once, on that loop, when the orchestrator starts.
    """

    def __init__(
        self,
        config: RuntimeConfig,
        *,
        version: str,
        heartbeat: float,
        notifiers: Callable[[], Sequence[Notifier]] = tuple,
    ) -> None:
        self._config = config
        self.version = version
        self._heartbeat = heartbeat
        self._runtime: Runtime | None = None
        self._starting: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._wait = FIRST_WAIT
        self._closed = False
        self._message = "the orchestrator has not been started"
        self._asked: set[asyncio.Future[Any]] = set()
        self._notifiers = notifiers
        #: Names this start of the server, whether or not the orchestrator runs yet.
        self.server_id = secrets.token_hex(8)

    async def start(self) -> None:
        """Start unless started; returns when it runs, is known not to, or takes longer. Never raises."""
        if self._closed or self._runtime is not None:
            return
        if self._starting is None:
            self._message = "the orchestrator is starting"
            self._begin()
        assert self._starting is not None
        # Not cancelled with the request: the start belongs to everybody who waits for it.
        await asyncio.wait([self._starting], timeout=PATIENCE)

    def _begin(self) -> None:
        self._again = None
        self._starting = asyncio.get_running_loop().create_task(self._start(), name="wf_jupyter start")

    async def _start(self) -> None:
        try:
            runtime = await asyncio.to_thread(Runtime.open, self._config, self._notifiers())
        except (WorkflowError, OSError) as error:
            self._refuse(f"the orchestrator could not start: {error}")
        except Exception as error:
            self._refuse("the orchestrator could not start: the server's log says more", error)
        else:
            if self._closed:
                await asyncio.to_thread(runtime.close, 1.0)
            else:
                self._runtime = runtime

    def _refuse(self, message: str, error: Exception | None = None) -> None:
        """Tell the cause, once however often it comes up, and try again: whatever it is, somebody may remove it."""
        if self._closed:
            return
        if message != self._message:
            self._message = message
            _log.error("%s", message, exc_info=error)
        self._again = asyncio.get_running_loop().call_later(self._wait, self._begin)
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    async def close(self, deadline: float) -> None:
        """Stop within `deadline` seconds; running executions are resumed by the next server. Idempotent."""
        self._closed = True
        self._message = "the server is shutting down"
        if self._again is not None:
            self._again.cancel()
        runtime, self._runtime = self._runtime, None
        if runtime is None:
            return
        try:
            async with asyncio.timeout(deadline + 0.5):
                await asyncio.to_thread(runtime.close, deadline)
        except TimeoutError:
            _log.warning("the orchestrator did not stop within %g seconds", deadline)
        # Its loop is gone: these would never be answered.
        for question in list(self._asked):
            question.cancel()

    @property
    def mailbox_limit(self) -> int:
        """Number of events that may wait for one subscriber."""
        return self._config.mailbox_limit

    def hello(self) -> Hello:
        """The greeting, and whether this server can answer: its data directory may be taken away while it runs."""
        runtime = self._runtime
        message = runtime.orchestrator.trouble() if runtime else self._message
        return Hello(
            server_id=self.server_id,
            version=self.version,
            heartbeat=self._heartbeat,
            epoch=runtime.orchestrator.epoch if runtime else "",
            ready=message is None,
            message=message,
        )

    def active(self) -> int:
        """Number of executions that are not final; 0 when not running."""
        return self._runtime.orchestrator.active_count() if self._runtime else 0

    async def ask(self, question: Callable[[Orchestrator], Coroutine[Any, Any, T]]) -> T:
        """Let the orchestrator answer on its own loop; cancelling the caller cancels the question."""
        await self.start()
        runtime = self._runtime
        if runtime is None:
            raise ServerUnavailable(self._message)
        answer = asyncio.wrap_future(runtime.call(question(runtime.orchestrator)))
        self._asked.add(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                raise ServerUnavailable(self._message) from None
            raise
        finally:
            self._asked.discard(answer)
