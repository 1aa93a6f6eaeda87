"""One task looked at closely: what it was called with, all that it printed, and what is found in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wf_jupyter.engine.fold import Picture
from wf_jupyter.errors import InputError
from wf_jupyter.model.arguments import decode_arguments
from wf_jupyter.ports import Store
from wf_jupyter.protocol.pages import FoundPage, InputPage, LogStretch
from wf_jupyter.protocol.task_call import TaskCall
from wf_jupyter.service.queries.execution_reader import Ended
from wf_jupyter.service.queries.log_search import search_log
from wf_jupyter.service.queries.logs import read_log
from wf_jupyter.service.queries.task_call import read_call
from wf_jupyter.service.queries.task_inputs import find_call

#: What a running attempt printed so far, by execution, task and attempt; None when that is on disk.
Printed = Callable[[str, str, int], str | None]
#: An execution as it is on disk.
Reopen = Callable[[str], Awaitable[Ended]]


class TaskDetails:
    """Reads what belongs to one task. `picture` gives the present picture of an execution."""

    def __init__(
        self, store: Store, picture: Callable[[str], Awaitable[Picture]], printed: Printed, reopen: Reopen
    ) -> None:
        self._store = store
        self._picture = picture
        self._printed = printed
        self._reopen = reopen

    async def log(
        self, execution: str, key: str, attempt: int | None = None, offset: int = 0, limit: int = 1 << 20
    ) -> LogStretch:
        """Text that an attempt (by default the last) printed, whole: up to `limit` bytes from byte `offset` on."""
        number = await self._attempt(execution, key, attempt)
        head = self._printed(execution, key, number)
        return await read_log(self._store, execution, key, number, offset, limit, head)

    async def search(
        self, execution: str, key: str, text: str, attempt: int | None = None, limit: int = 500
    ) -> FoundPage:
        """The lines of an attempt that hold the text, whatever its case: the first `limit`, and how many there are."""
        number = await self._attempt(execution, key, attempt)
        head = self._printed(execution, key, number)
        lines, count = await search_log(self._store, execution, key, number, text, limit, head)
        return FoundPage(task=key, attempt=number, lines=lines, count=count)

    async def call(self, execution: str, key: str) -> TaskCall:
        """Read the call of a task (`read_call`)."""
        return await read_call(await self._reopen(execution), self._store, key)

    async def inputs(self, execution: str, key: str) -> InputPage:
        """Arguments of the task, and which tasks they come from."""
        if key not in (await self._picture(execution)).tasks:
            raise InputError(f"execution {execution} has no task {key!r}", "task")
        call = find_call(await self._store.record(execution), key)
        if call is None or call.graph.arguments is None:
            return InputPage(task=key, inputs=[])
        blob = await self._store.blob(execution, call.graph.arguments)
        # In a thread: that of a large graph takes milliseconds to decode.
        arguments = {} if blob is None else await asyncio.to_thread(decode_arguments, blob)
        return InputPage(task=key, inputs=call.inputs(arguments))

    async def _attempt(self, execution: str, key: str, attempt: int | None) -> int:
        task = (await self._picture(execution)).tasks.get(key)
        if task is None:
            raise InputError(f"execution {execution} has no task {key!r}", "task")
        return attempt or task.attempts
