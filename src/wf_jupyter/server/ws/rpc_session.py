"""One socket's JSON-RPC conversation: a frame in, a reply out. Knows nothing of tornado.

Requests are answered in order, except `execute` and `ending`: tracing a workflow takes a worker's time and
an execution ends when it ends, and the other views that share the socket must not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from wf_jupyter.errors import InputError, RateLimited, ValueTooLarge, WorkflowError
from wf_jupyter.protocol import jsonrpc, messages, problems
from wf_jupyter.protocol.commands import command_in
from wf_jupyter.protocol.messages import Action, EncodedSubscription, Executed, Params
from wf_jupyter.protocol.operations import METHODS
from wf_jupyter.server.host import OrchestratorHost
from wf_jupyter.server.rate_limit import Identity, RateLimiter
from wf_jupyter.service.subscriptions.mailbox import Mailbox

_log = logging.getLogger("wf_jupyter")
#: How many `execute` requests of one socket may be under way: more are told to come again.
_EXECUTING = 256
_AGAIN_SECONDS = 1.0

Write = Callable[[bytes], Awaitable[None]]


class FrameSender(Protocol):
    """Where frames go out, one after the other."""

    async def send(self, frame: bytes) -> None:
        """Send a frame after those that are being sent."""
        ...

    def hold(self) -> AbstractAsyncContextManager[Write]:
        """Keep everything else back; only the given function sends meanwhile."""
        ...


class Caller(Protocol):
    """The client of the session."""

    @property
    def identity(self) -> Identity:
        """The identity that rate limits go by."""
        ...

    @property
    def person(self) -> str:
        """The owner of what is started."""
        ...

    async def require(self, action: Action) -> None:
        """Raise `NotPermitted` unless allowed."""
        ...


class RpcSession:
    """Answers what one socket asks. `subscription_limit` and `message_limit` bound what it may cost."""

    def __init__(
        self,
        *,
        host: OrchestratorHost,
        mailbox: Mailbox,
        sender: FrameSender,
        caller: Caller,
        limiter: RateLimiter,
        message_limit: int,
        subscription_limit: int,
    ) -> None:
        self._host = host
        self._mailbox = mailbox
        self._sender = sender
        self._caller = caller
        self._limiter = limiter
        self._message_limit = message_limit
        self._subscription_limit = subscription_limit
        self._subscribed: set[str] = set()
        self._beside: dict[str, set[asyncio.Task[None]]] = {"execute": set(), "ending": set()}

    async def receive(self, frame: str | bytes) -> None:
        """Handle one frame. Raises only what sending raises when the socket is gone."""
        read = jsonrpc.parse(frame, self._message_limit)
        if isinstance(read, jsonrpc.Refusal):
            await self._sender.send(jsonrpc.failure(read.id, read.error))
        elif read.method in self._beside:
            await self._serve_beside(read)
        else:
            await self._serve(read)

    async def end(self) -> None:
        """The socket is gone: stop listening for it. Executions that it started go on."""
        under_way = [task for tasks in self._beside.values() for task in tasks]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for execution in list(self._subscribed):
            try:
                await self._unsubscribe(execution)
            except WorkflowError as error:
                _log.debug("while ending a conversation: %s", error)
                return

    # -- one request ------------------------------------------------------------------------------

    async def _serve_beside(self, read: jsonrpc.Call | jsonrpc.Notice) -> None:
        tasks = self._beside[read.method]
        if (refusal := self._refusal(read.method, len(tasks))) is not None:
            # Refused, not waited for: the next frame may be a `cancel`.
            await self._reply(self._sender.send, read, refusal)
            return
        task = asyncio.get_running_loop().create_task(self._serve(read), name=f"wf_jupyter {read.method}")
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(self._on_served)

    def _refusal(self, method: str, under_way: int) -> WorkflowError | None:
        if method == "execute" and under_way >= _EXECUTING:
            message = f"{_EXECUTING} executions of this socket are being started: try again in {_AGAIN_SECONDS:g} s"
            return RateLimited(message, _AGAIN_SECONDS)
        if method == "ending" and under_way >= self._subscription_limit:
            return ValueTooLarge(
                f"this socket waits for {under_way} executions, as many as are allowed", "execution_id"
            )
        return None

    def _on_served(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.debug("a reply could not be sent: %s", task.exception())

    async def _serve(self, read: jsonrpc.Call | jsonrpc.Notice) -> None:
        try:
            params = await self._admit(read)
        except Exception as error:
            await self._reply(self._sender.send, read, error)
            return
        if isinstance(params, messages.Subscribe):
            # What happens from here on may reach the mailbox before the reply is out.
            async with self._sender.hold() as write:
                await self._carry_out(write, read, params)
        else:
            await self._carry_out(self._sender.send, read, params)

    async def _admit(self, read: jsonrpc.Call | jsonrpc.Notice) -> Params:
        operation = METHODS.get(read.method)
        if operation is None or operation.method is None:
            raise _UnknownMethod(read.method)
        params = messages.read_params(operation.method, read.params)
        await self._caller.require(operation.action)
        return params

    async def _carry_out(self, write: Write, read: jsonrpc.Call | jsonrpc.Notice, params: Params) -> None:
        try:
            outcome: object = await self._answer(params)
        except Exception as error:
            outcome = error
        await self._reply(write, read, outcome)

    async def _reply(self, write: Write, read: jsonrpc.Call | jsonrpc.Notice, outcome: object) -> None:
        if isinstance(outcome, Exception) and not isinstance(outcome, WorkflowError | _UnknownMethod):
            _log.error("%r failed", read.method, exc_info=outcome)
        if isinstance(read, jsonrpc.Notice):
            return
        if isinstance(outcome, _UnknownMethod):
            await write(jsonrpc.failure(read.id, outcome.to_error_object()))
        elif isinstance(outcome, Exception):
            await write(jsonrpc.failure(read.id, problems.error_object(outcome)))
        else:
            await write(jsonrpc.result(read.id, outcome))

    # -- the methods ------------------------------------------------------------------------------

    async def _answer(self, params: Params) -> object:
        match params:
            case messages.Execute():
                return await self._execute(params)
            case messages.Subscribe():
                return await self._subscribe(params)
            case messages.Cancel() | messages.Pause() | messages.Resume() | messages.Retry():
                command = command_in(params)
                await self._host.ask(lambda engine: engine.command(params.execution_id, command))
                return {}
            case messages.Ending():
                wait = params.wait
                return await self._host.ask(lambda engine: engine.following.ending(params.execution_id, wait))
            case messages.Unsubscribe():
                await self._unsubscribe(params.execution_id)
                return {}

    async def _execute(self, params: messages.Execute) -> Executed:
        self._limiter.take(self._caller.identity, time.monotonic())
        owner = self._caller.person
        execution = await self._host.ask(lambda engine: engine.execute(params.workflow, params.input, owner=owner))
        return Executed(execution_id=execution)

    async def _subscribe(self, params: messages.Subscribe) -> EncodedSubscription:
        wanted = params.execution_id
        if params.encoding != "json":
            raise InputError(f"encoding={params.encoding!r} is not allowed: it must be json", "encoding")
        if wanted not in self._subscribed and len(self._subscribed) >= self._subscription_limit:
            raise ValueTooLarge(
                f"this socket has {len(self._subscribed)} subscriptions, as many as are allowed", "execution_id"
            )
        if wanted in self._subscribed:
            await self._unsubscribe(wanted)
        made = await self._host.ask(
            lambda engine: engine.subscribe(wanted, self._mailbox, after=params.after, epoch=params.epoch, encoded=True)
        )
        self._subscribed.add(wanted)
        return EncodedSubscription(
            execution_id=made.execution_id,
            epoch=made.epoch,
            seq=made.seq,
            recovered=made.recovered,
            snapshot=msgspec.UNSET if made.json is None else msgspec.Raw(made.json),
        )

    async def _unsubscribe(self, execution: str) -> None:
        self._subscribed.discard(execution)
        await self._host.ask(lambda engine: engine.unsubscribe(execution, self._mailbox))


class _UnknownMethod(Exception):
    def to_error_object(self) -> jsonrpc.ErrorObject:
        """The standard error, with the methods that there are."""
        known = ", ".join(sorted(METHODS))
        return jsonrpc.ErrorObject(
            jsonrpc.METHOD_NOT_FOUND, f"there is no method {self.args[0][:100]!r}; there are {known}"
        )
