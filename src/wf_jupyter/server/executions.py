"""REST: executions, what happened in them, and commands to them."""

from __future__ import annotations

import asyncio

import msgspec
from tornado import web

from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Cancel, CancelTask, Command, Pause, Resume, Retry
from wf_jupyter.model.submission import Submission
from wf_jupyter.protocol.messages import Execute
from wf_jupyter.protocol.rest import (
    CommandBody,
    EventsQuery,
    ExecutionPage,
    ExecutionsQuery,
    RerunBody,
    RerunFrom,
    ResultPage,
    ResultQuery,
    RetryBody,
    UploadQuery,
)
from wf_jupyter.render.stored import stored_bundle
from wf_jupyter.server.access import permitted
from wf_jupyter.server.api import RestHandler, given
from wf_jupyter.server.streaming import send_packed


class ExecutionsHandler(RestHandler):
    """All executions."""

    @web.authenticated
    @permitted("read")
    async def get(self) -> None:
        """A page of them, newest first."""
        wanted = self.query(ExecutionsQuery)
        found = await self.ask(
            lambda engine: engine.executions(
                status=wanted.status or None,
                workflow=given(wanted.workflow),
                limit=wanted.limit,
                before=given(wanted.before),
            )
        )
        self.answer(ExecutionPage(executions=found))

    @web.authenticated
    @permitted("execute", packed="submit")
    async def post(self) -> None:
        """Start one: a published workflow by name (JSON), or a submission with its code (MessagePack)."""
        self.limit_rate()
        await self.answer_created(await (self._start_submitted() if self.is_packed else self._start_published()))

    async def _start_submitted(self) -> str:
        submission = self.packed_body(Submission)
        if self.person:
            submission = msgspec.structs.replace(submission, owner=self.person)
        return await self.ask(lambda engine: engine.submit(submission))

    async def _start_published(self) -> str:
        wanted = self.body(Execute)
        return await self.ask(lambda engine: engine.execute(wanted.workflow, wanted.input, owner=self.person))


class UploadHandler(RestHandler):
    """Large inputs of a submission that is still to come."""

    @web.authenticated
    @permitted("submit")
    async def put(self, upload: str, digest: str) -> None:
        """Write the body into a file; kernels send parts of a few MiB, which every server and proxy takes."""
        offset, data = self.query(UploadQuery).offset, self.request.body
        await self.ask(lambda engine: engine.uploads.write(upload, digest, offset, data))
        self.set_status(204)
        self.finish()


class ExecutionHandler(RestHandler):
    """One execution."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str) -> None:
        """Everything about it at one `seq`."""
        self.answer(await self.ask(lambda engine: engine.snapshot(execution)))

    @web.authenticated
    @permitted("write")
    async def delete(self, execution: str) -> None:
        """Forget it; 409 while it is not final."""
        await self.ask(lambda engine: engine.delete(execution))
        self.set_status(204)
        self.finish()


class CommandHandler(RestHandler):
    """Cancel, pause, resume, retry."""

    @web.authenticated
    @permitted("write")
    async def post(self, execution: str, name: str) -> None:
        """Ask for it; 409 when the execution's state does not allow it."""
        command = self._command(name)
        await self.ask(lambda engine: engine.command(execution, command))
        self.answer({})

    def _command(self, name: str) -> Command:
        has_body = bool(self.request.body.strip())
        if name == "retry":
            return Retry(tasks=tuple(self.body(RetryBody).keys) if has_body else ())
        body = self.body(CommandBody) if has_body else CommandBody()
        if name == "cancel":
            return CancelTask(task=body.task) if body.task is not None else Cancel(reason=body.reason)
        return Pause() if name == "pause" else Resume()


class RerunHandler(RestHandler):
    """A new execution on the results of an old one."""

    @web.authenticated
    @permitted("write", packed="submit")
    async def post(self, execution: str) -> None:
        """Start it; 409 while the old one has not ended."""
        self.limit_rate()
        if self.is_packed:
            wanted = self.packed_body(RerunBody)
        else:
            wanted = RerunBody(from_=self.body(RerunFrom).from_) if self.request.body.strip() else RerunBody()
        again = await self.ask(
            lambda engine: engine.rerun(execution, wanted.keys, wanted.environment, wanted.submission, self.person)
        )
        await self.answer_created(again)


class EventsHandler(RestHandler):
    """The event log, also as a long poll."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str) -> None:
        """Events after `after`; with `wait`, answers as soon as there is one."""
        wanted = self.query(EventsQuery)
        page = await self.ask(
            lambda engine: engine.following.page(execution, after=wanted.after, limit=wanted.limit, wait=wanted.wait)
        )
        self.answer(page)


class HistoryHandler(RestHandler):
    """How long the tasks usually take."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str) -> None:
        """From earlier executions of the same workflow; no task is named that none of them finished."""
        self.answer(await self.ask(lambda engine: engine.history(execution)))


class PictureHandler(RestHandler):
    """What a notebook keeps of it."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str) -> None:
        """MIME types and contents: what a page stores as the output of a cell."""
        snapshot = await self.ask(lambda engine: engine.snapshot(execution))
        # In a thread: a graph of 10,000 tasks takes a second to draw.
        self.answer(await asyncio.to_thread(stored_bundle, snapshot, self.host.server_id))


class ResultHandler(RestHandler):
    """The outcome of a final execution."""

    @web.authenticated
    @permitted("read")
    async def get(self, execution: str) -> None:
        """A preview as JSON; the encoded value as MessagePack when that is accepted."""
        if not self.wants_packed:
            self.answer(_outcome(await self.ask(lambda engine: engine.snapshot(execution))))
            return
        result = await self.ask(lambda engine: engine.result(execution))
        await send_packed(self, result, with_files=self.query(ResultQuery).files)


def _outcome(snapshot: Snapshot) -> ResultPage:
    return ResultPage(status=ExecutionStatus(snapshot.status), result=snapshot.result, failed=list(snapshot.failed))
