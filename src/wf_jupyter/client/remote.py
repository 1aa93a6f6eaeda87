"""An orchestrator inside a Jupyter server: REST for questions, one WebSocket for events."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import quote, urlencode
from weakref import WeakValueDictionary

import msgspec

from wf_jupyter.client.discovery import PROTOCOL, Endpoint
from wf_jupyter.client.endings import Endings
from wf_jupyter.client.http import HttpSession
from wf_jupyter.client.loop import background
from wf_jupyter.client.polling import Poller
from wf_jupyter.client.replica import Replica
from wf_jupyter.client.socket import EventSocket
from wf_jupyter.client.uploading import explain_refusal, upload_blobs
from wf_jupyter.errors import ProtocolMismatch, ServerUnavailable, WorkflowError
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.ports import ExecutionResult, Input, Published
from wf_jupyter.protocol.codec import DecodedPage, decode_event_page
from wf_jupyter.protocol.commands import Command, encode_command
from wf_jupyter.protocol.messages import Hello
from wf_jupyter.protocol.operations import Operation
from wf_jupyter.protocol.pages import Created, Standing
from wf_jupyter.protocol.rest import JSON, MAX_PAGE, MSGPACK, EventsQuery, PublishBody, RerunBody
from wf_jupyter.protocol.task_call import TaskCall

A = TypeVar("A")


class RemoteConnection:
    """One Jupyter server. Blocking methods for any thread; the network lives on the background loop."""

    def __init__(self, locate: Callable[[], Endpoint], hello: Hello) -> None:
        self.server_id = hello.server_id
        self.version = hello.version
        self.url = locate().name
        self._locate = locate
        self._http = HttpSession(locate)
        self._socket = EventSocket(self._http.dial, Poller(self._news, self._afresh))
        self._endings = Endings(self._socket, self.follow)
        self._replicas: WeakValueDictionary[str, Replica] = WeakValueDictionary()
        self._lock = threading.Lock()

    @classmethod
    def open(cls, locate: Callable[[], Endpoint]) -> RemoteConnection:
        """Greet the server once; `ServerUnavailable`, `NotPermitted` or `ProtocolMismatch` when it will not do."""
        http = HttpSession(locate)
        body = background().run(http.request("GET", "hello", patience=0.0))
        try:
            hello = msgspec.json.decode(body, type=Hello)
        except msgspec.MsgspecError as error:
            raise ServerUnavailable(f"the server at {locate().name} is no wf_jupyter server: {error}") from error
        if hello.protocol != PROTOCOL:
            raise ProtocolMismatch(
                f"the server has wf_jupyter {hello.version} (protocol {hello.protocol}), this process speaks protocol "
                f"{PROTOCOL}: install the same version in both environments"
            )
        if not hello.ready:
            raise ServerUnavailable(f"wf_jupyter could not start inside the server: {hello.message or 'see its log'}")
        return cls(locate, hello)

    # -- asking -----------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> str:
        body = self._post(
            "executions", msgspec.msgpack.encode(self._upload_inputs(submission)), "what is submitted has"
        )
        return msgspec.json.decode(body, type=Created).execution_id

    def execute(self, name: str, inputs: Mapping[str, object]) -> str:
        sent = msgspec.json.encode({"workflow": name, "input": inputs})
        body = self._post("executions", sent, f"the inputs of {name!r} have", JSON)
        return msgspec.json.decode(body, type=Created).execution_id

    def rerun(
        self, execution: str, from_: Sequence[str], environment: Environment, submission: Submission | None
    ) -> str:
        again = None if submission is None else self._upload_inputs(submission)
        sent = RerunBody(from_=list(from_), environment=environment, submission=again)
        body = self._post(f"{_execution(execution)}/rerun", msgspec.msgpack.encode(sent), "what is submitted has")
        return msgspec.json.decode(body, type=Created).id

    def command(self, execution: str, command: Command) -> None:
        name, sent = encode_command(command)
        self._call("POST", f"{_execution(execution)}/{name}", body=msgspec.json.encode(sent))

    def ask(self, operation: Operation[A], *path: str, query: msgspec.Struct | None = None) -> A:
        body = self._call("GET", _path(operation, path) + _query(query))
        found: A = msgspec.json.decode(body, type=operation.answer)
        return found

    def events(self, execution: str, after: int = 0, limit: int | None = None, wait: float = 0.0) -> DecodedPage:
        query = _query(EventsQuery(after=after, limit=min(limit or MAX_PAGE, MAX_PAGE)))
        return decode_event_page(self._call("GET", f"{_execution(execution)}/events{query}", wait=wait))

    def result(self, execution: str) -> ExecutionResult:
        path = f"{_execution(execution)}/result"
        result: ExecutionResult = self._value(path, ExecutionResult)
        return result

    def task_value(self, execution: str, key: str) -> Input:
        path = f"{_execution(execution)}/tasks/{quote(key)}/result"
        value: Input = self._value(path, Input)
        return value

    def task_call(self, execution: str, key: str) -> TaskCall:
        path = f"{_execution(execution)}/tasks/{quote(key)}/call"
        call: TaskCall = self._value(path, TaskCall)
        return call

    def task_error(self, execution: str, key: str) -> bytes | None:
        path = f"{_execution(execution)}/tasks/{quote(key)}/error"
        return self._call("GET", path, accept="*/*") or None

    def publish(self, workflow: Published) -> None:
        sent = PublishBody(
            name=workflow.name,
            code=workflow.code,
            environment=workflow.environment,
            parameters=workflow.parameters,
            options=workflow.options,
            description=workflow.description,
        )
        self._post("workflows", msgspec.msgpack.encode(sent), f"the code of {workflow.name!r} has")

    # -- waiting and following --------------------------------------------------------------------

    def ending(self, execution: str, timeout: float | None = None) -> Future[Standing]:
        return background().spawn(self._endings.of(execution, timeout))

    def follow(self, execution: str) -> Replica:
        with self._lock:
            replica = self._replicas.get(execution)
            if replica is None:
                replica = Replica(self._snapshot(execution))
                self._replicas[replica.id] = replica
                loop = background().loop
                weakref.finalize(replica, loop.call_soon_threadsafe, self._socket.drop, replica.id).atexit = False
                loop.call_soon_threadsafe(self._socket.add, replica)
            return replica

    def refresh(self, replica: Replica) -> None:
        replica.replace(self._snapshot(replica.id))

    def close(self) -> None:
        background().run(self._socket.close())
        background().loop.call_soon_threadsafe(self._http.close)

    # -- plumbing ---------------------------------------------------------------------------------

    async def _news(self, execution: str, after: int) -> DecodedPage:
        path = f"{_execution(execution)}/events?after={after}&limit={MAX_PAGE}"
        return decode_event_page(await self._http.request("GET", path, patience=0.0))

    async def _afresh(self, execution: str) -> Snapshot:
        body = await self._http.request("GET", _execution(execution), patience=0.0)
        return msgspec.json.decode(body, type=Snapshot)

    def _snapshot(self, execution: str) -> Snapshot:
        return msgspec.json.decode(self._call("GET", _execution(execution)), type=Snapshot)

    def _value(self, path: str, kind: Any) -> Any:
        """Large values come as the path of a file where that can be read, and as bytes otherwise."""
        inline = "" if self._locate().same_host else "?files=0"
        return msgspec.msgpack.decode(self._call("GET", path + inline, accept=MSGPACK), type=kind)

    def _upload_inputs(self, submission: Submission) -> Submission:
        """The submission without its large inputs, which the server has now."""
        return upload_blobs(submission, self._upload)

    def _upload(self, upload: str, digest: str, offset: int, data: memoryview) -> None:
        path = f"uploads/{upload}/{digest}?offset={offset}"
        self._call("PUT", path, body=bytes(data), content_type="application/octet-stream")

    def _post(self, path: str, body: bytes, what: str, content_type: str = MSGPACK) -> bytes:
        try:
            return self._call("POST", path, body=body, content_type=content_type)
        except WorkflowError as error:
            refusal = explain_refusal(error, len(body), what, self._locate().url)
            if refusal is error:
                raise
            raise refusal from error

    def _call(self, method: str, path: str, **options: Any) -> bytes:
        return background().run(self._http.request(method, path, **options))


def _execution(execution: str) -> str:
    return f"executions/{quote(execution, safe='')}"


def _path(operation: Operation[A], path: tuple[str, ...]) -> str:
    # Slashes of task keys stay: some proxies refuse `%2F` in a path.
    given = dict(zip(operation.parameters, path, strict=True))
    return operation.path.format(**{name: quote(part, safe="/" * (name == "key")) for name, part in given.items()})


def _query(asked: msgspec.Struct | None) -> str:
    """The query string of what differs from the defaults."""
    if asked is None:
        return ""
    usual = {field.name: field.default for field in msgspec.structs.fields(asked)}
    changed = {name: value for name, value in msgspec.to_builtins(asked).items() if value != usual[name]}
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in changed.items()}
    return f"?{urlencode(texts)}" if texts else ""
