"""Endpoints of the operations that do more than to read and answer in JSON.

One function each, by the operation's name. It gets the handler of the request, of an identity that was found to be
allowed, and what stands in the path; it ends the answer.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import msgspec

from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.submission import Submission
from wf_jupyter.ports import Published
from wf_jupyter.protocol.commands import BODIES, command_of
from wf_jupyter.protocol.messages import Execute
from wf_jupyter.protocol.openapi import document
from wf_jupyter.protocol.operations import BYTES
from wf_jupyter.protocol.pages import ResultPage
from wf_jupyter.protocol.rest import HelloQuery, PublishBody, RerunBody, RerunFrom, ResultQuery, UploadQuery
from wf_jupyter.render.stored import stored_bundle
from wf_jupyter.server.api import RestHandler
from wf_jupyter.server.streaming import send_packed
from wf_jupyter.service.queries.answers import workflow_page


async def hello(handler: RestHandler) -> None:
    """The server's greeting; `ready: false` with a message when the orchestrator could not start.

    A kernel that gives its `kernel_id` learns whether it is one of this server's: it may have inherited the
    announcement from another process.
    """
    wanted = handler.query(HelloQuery).kernel_id
    await handler.host.start()
    hello = handler.host.hello()
    if not isinstance(wanted, msgspec.UnsetType):
        hello = msgspec.structs.replace(hello, kernel=wanted in handler.kernel_manager)
    handler.answer(hello)


async def openapi(handler: RestHandler) -> None:
    """The whole HTTP interface, for programs and for people with a viewer."""
    # It takes 100 ms to make: once, and in a thread.
    text = await asyncio.to_thread(_document, handler.base_url, handler.host.version)
    handler.answer(msgspec.Raw(text))


@functools.cache
def _document(base_url: str, version: str) -> bytes:
    return msgspec.json.encode(document(base_url, version))


# -- executions -----------------------------------------------------------------------------------


async def execute(handler: RestHandler) -> None:
    """Start a published workflow by name (JSON), or a submission with its code (MessagePack)."""
    handler.limit_rate()
    await handler.answer_created(
        await (_execute_submitted(handler) if handler.is_packed else _execute_published(handler))
    )


async def _execute_submitted(handler: RestHandler) -> str:
    submission = handler.decode_body(Submission)
    if handler.person:
        submission = msgspec.structs.replace(submission, owner=handler.person)
    return await handler.ask(lambda engine: engine.submit(submission))


async def _execute_published(handler: RestHandler) -> str:
    wanted = handler.body(Execute)
    return await handler.ask(lambda engine: engine.execute(wanted.workflow, wanted.input, owner=handler.person))


async def upload(handler: RestHandler, name: str, digest: str) -> None:
    """Write the body into a file; kernels send parts of a few MiB, which every server and proxy takes."""
    offset, data = handler.query(UploadQuery).offset, handler.request.body
    await handler.ask(lambda engine: engine.uploads.write(name, digest, offset, data))
    handler.answer_nothing()


async def delete(handler: RestHandler, execution: str) -> None:
    """Forget it; 409 while it is not final."""
    await handler.ask(lambda engine: engine.delete(execution))
    handler.answer_nothing()


async def _command(name: str, handler: RestHandler, execution: str) -> None:
    """Cancel, pause, resume or retry; 409 when the execution's state does not allow it."""
    kind = BODIES[name]
    command = command_of(name, handler.body(kind) if handler.request.body.strip() else kind())
    await handler.ask(lambda engine: engine.command(execution, command))
    handler.answer({})


async def rerun(handler: RestHandler, execution: str) -> None:
    """A new execution on the results of an old one; 409 while that has not ended."""
    handler.limit_rate()
    if handler.is_packed:
        wanted = handler.decode_body(RerunBody)
    else:
        wanted = RerunBody(from_=handler.body(RerunFrom).from_) if handler.request.body.strip() else RerunBody()
    again = await handler.ask(
        lambda engine: engine.rerun(execution, wanted.keys, wanted.environment, wanted.submission, handler.person)
    )
    await handler.answer_created(again)


async def picture(handler: RestHandler, execution: str) -> None:
    """MIME types and contents: what a page stores as the output of a cell."""
    snapshot = await handler.ask(lambda engine: engine.snapshot(execution))
    # In a thread: a graph of 10,000 tasks takes a second to draw.
    handler.answer(await asyncio.to_thread(stored_bundle, snapshot, handler.host.server_id))


async def result(handler: RestHandler, execution: str) -> None:
    """The outcome of a final execution: a preview as JSON, or the encoded value as MessagePack."""
    query = handler.query(ResultQuery)
    if not handler.wants_packed:
        handler.answer(_outcome(await handler.ask(lambda engine: engine.snapshot(execution))))
        return
    found = await handler.ask(lambda engine: engine.result(execution))
    await send_packed(handler, found, with_files=query.files)


def _outcome(snapshot: Snapshot) -> ResultPage:
    return ResultPage(status=ExecutionStatus(snapshot.status), result=snapshot.result, failed=list(snapshot.failed))


# -- tasks ----------------------------------------------------------------------------------------


async def task_result(handler: RestHandler, execution: str, key: str) -> None:
    """MessagePack of an `Input`; 409 while there is none."""
    query = handler.query(ResultQuery)
    value = await handler.ask(lambda engine: engine.task_value(execution, key))
    await send_packed(handler, value, with_files=query.files)


async def task_call(handler: RestHandler, execution: str, key: str) -> None:
    """MessagePack of a `TaskCall`: whoever may read a task's result may read this.

    409 when it was not called, or its values are not stored any more.
    """
    query = handler.query(ResultQuery)
    call = await handler.ask(lambda engine: engine.tasks.call(execution, key))
    await send_packed(handler, call, with_files=query.files)


async def task_error(handler: RestHandler, execution: str, key: str) -> None:
    """The pickled exception; 204 when it could not be pickled or the task did not fail."""
    data = await handler.ask(lambda engine: engine.task_error(execution, key))
    if data is None:
        handler.answer_nothing()
    else:
        handler.finish(data, set_content_type=BYTES)


# -- published workflows --------------------------------------------------------------------------


async def publish(handler: RestHandler) -> None:
    """Publish a workflow: MessagePack, with the pickled workflow that only workers read."""
    body = handler.decode_body(PublishBody)
    wanted = Published(
        name=body.name,
        version=0,
        code=body.code,
        environment=body.environment,
        parameters=body.parameters,
        options=body.options,
        description=body.description,
        published=datetime.now(UTC),
    )
    stored = await handler.ask(lambda engine: engine.publish(wanted))
    handler.set_header("Location", f"{handler.base_url}wf-jupyter/api/v1/workflows/{stored.name}")
    handler.answer(workflow_page(stored), status=201)


#: By the name of the operation.
ENDPOINTS: Mapping[str, Callable[..., Awaitable[None]]] = {
    **{name: functools.partial(_command, name) for name in BODIES},
    **{
        function.__name__: function
        for function in (
            hello,
            openapi,
            execute,
            upload,
            delete,
            rerun,
            picture,
            result,
            task_result,
            task_call,
            task_error,
            publish,
        )
    },
}
