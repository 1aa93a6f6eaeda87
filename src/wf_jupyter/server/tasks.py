"""REST: one task of an execution: its logs, outputs, result and error."""

from __future__ import annotations

from typing import TypeVar

from tornado import web

from wf_jupyter.errors import ExecutionNotFound
from wf_jupyter.model.events import TaskLog, TaskOutput
from wf_jupyter.protocol.rest import (
    LogLine,
    LogPage,
    LogQuery,
    OutputLine,
    OutputPage,
    ResultQuery,
    SearchQuery,
    TaskQuery,
)
from wf_jupyter.server.access import permitted
from wf_jupyter.server.api import RestHandler, given
from wf_jupyter.server.streaming import send_packed
from wf_jupyter.service.orchestrator import Orchestrator

E = TypeVar("E", TaskLog, TaskOutput)

_PAGE = 1000


class LogsHandler(RestHandler):
    """What a task printed."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str, key: str) -> None:
        """All of it, or what came after event `after`; of one stream, or of all."""
        wanted = self.query(TaskQuery)
        found = await self.ask(lambda engine: _of_task(engine, execution, key, wanted.after, TaskLog))
        lines = [
            LogLine(attempt=event.attempt, stream=event.stream, text=event.text, seq=event.seq, time=event.time)
            for event in found
            if given(wanted.stream) in (None, event.stream)
        ]
        self.answer(LogPage(task=key, logs=lines))


class LogHandler(RestHandler):
    """Everything that one attempt printed, also what was too much for the event log."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str, key: str) -> None:
        """A stretch of it; the next one begins at `end`."""
        wanted = self.query(LogQuery)
        attempt = given(wanted.attempt)
        self.answer(
            await self.ask(lambda engine: engine.tasks.log(execution, key, attempt, wanted.offset, wanted.limit))
        )


class SearchHandler(RestHandler):
    """What is found in everything that one attempt printed."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str, key: str) -> None:
        """The first lines that hold the text, and how many there are."""
        wanted = self.query(SearchQuery)
        attempt = given(wanted.attempt)
        self.answer(
            await self.ask(lambda engine: engine.tasks.search(execution, key, wanted.text, attempt, wanted.limit))
        )


class InputsHandler(RestHandler):
    """What a task is called with."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str, key: str) -> None:
        """Texts, made where the workflow was submitted: no value is looked at here."""
        self.answer(await self.ask(lambda engine: engine.tasks.inputs(execution, key)))


class OutputsHandler(RestHandler):
    """What a task displayed."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str, key: str) -> None:
        """All of it, or what came after event `after`."""
        wanted = self.query(TaskQuery)
        found = await self.ask(lambda engine: _of_task(engine, execution, key, wanted.after, TaskOutput))
        outputs = [
            OutputLine(attempt=event.attempt, data=event.data, seq=event.seq, time=event.time) for event in found
        ]
        self.answer(OutputPage(task=key, outputs=outputs))


class ValueHandler(RestHandler):
    """The encoded result of a task, for kernels."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str, key: str) -> None:
        """MessagePack of an `Input`; 409 while there is none."""
        value = await self.ask(lambda engine: engine.task_value(execution, key))
        await send_packed(self, value, with_files=self.query(ResultQuery).files)


class CallHandler(RestHandler):
    """What a task was called with, for kernels: whoever may read its result may read this."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str, key: str) -> None:
        """MessagePack of a `TaskCall`; 409 when it was not called, or its values are not stored any more."""
        call = await self.ask(lambda engine: engine.tasks.call(execution, key))
        await send_packed(self, call, with_files=self.query(ResultQuery).files)


class ErrorHandler(RestHandler):
    """The pickled exception of a failed task, for kernels."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str, key: str) -> None:
        """The bytes; 204 when the exception could not be pickled or the task did not fail."""
        data = await self.ask(lambda engine: engine.task_error(execution, key))
        if data is None:
            self.set_status(204)
            self.finish()
        else:
            self.finish(data, set_content_type="application/octet-stream")


async def _of_task(engine: Orchestrator, execution: str, key: str, after: int, kind: type[E]) -> list[E]:
    snapshot = await engine.snapshot(execution)
    task = next((task for task in snapshot.tasks if task.key == key), None)
    if task is None:
        raise ExecutionNotFound(f"execution {execution!r} has no task {key!r}")
    found: list[E] = []
    if not (task.logged if kind is TaskLog else task.displayed):
        return found
    while page := await engine.events(execution, after=after, limit=_PAGE):
        found += [event for event in page if isinstance(event, kind) and event.task == key]
        after = page[-1].seq
    return found
