"""Queries and bodies of the HTTP interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from wf_jupyter.errors import InputError
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.protocol.messages import MAX_WAIT
from wf_jupyter.protocol.problems import input_error

PREFIX = "wf-jupyter/api/v1"
MSGPACK = "application/msgpack"
JSON = "application/json"
#: How kernels authenticate: `Authorization: wf-jupyter <secret>`.
AUTH_SCHEME = "wf-jupyter"
#: Which of the programs with one credential asks: each has a rate limit of its own.
PROGRAM_HEADER = "X-WF-Jupyter-Program"

MAX_PAGE = 1000
#: Where in a file a part of an upload may begin: beyond what fits anywhere, and within what file systems take.
MAX_OFFSET = 1 << 40

T = TypeVar("T", bound=msgspec.Struct)

# What the checks below demand, as `openapi.json` tells it.
_Seq = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": 2**53})]
_Limit = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": MAX_PAGE})]
_Attempt = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": 2**31})]
_Text = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1})]
_Bytes = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": 8 << 20})]
_Wait = Annotated[float, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": MAX_WAIT})]


def _as_list(named: str | list[str] | None) -> list[str]:
    if named is None:
        return []
    return [named] if isinstance(named, str) else named


def _within(field: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise ValueError(f"{field} must be between {low:g} and {high:g}, not {value:g}")


# -- queries ----------------------------------------------------------------------------------


class HelloQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`GET hello`: a kernel may ask whether it is this server's."""

    kernel_id: str | msgspec.UnsetType = msgspec.UNSET


class ExecutionsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions`: newest first; `before` is the id of the last one of the previous page."""

    status: ExecutionStatus | msgspec.UnsetType = msgspec.UNSET
    workflow: str | msgspec.UnsetType = msgspec.UNSET
    limit: _Limit = 50
    before: str | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        _within("limit", self.limit, 1, MAX_PAGE)


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions/{id}/events`: those after `after`; waits up to `wait` seconds for the first."""

    after: _Seq = 0
    wait: _Wait = 0.0
    limit: _Limit = MAX_PAGE

    def __post_init__(self) -> None:
        _within("after", self.after, 0, 2**53)
        _within("wait", self.wait, 0, MAX_WAIT)
        _within("limit", self.limit, 1, MAX_PAGE)


class EndingQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions/{id}/ending`: waits up to `wait` seconds for the end."""

    wait: _Wait = 0.0

    def __post_init__(self) -> None:
        _within("wait", self.wait, 0, MAX_WAIT)


class UploadQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`PUT uploads/{upload}/{digest}`: where in the file the body stands."""

    offset: Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": MAX_OFFSET})] = 0

    def __post_init__(self) -> None:
        _within("offset", self.offset, 0, 2**53)


class TaskQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tasks/{key}/logs|outputs`: of one stream, and those after event `after`."""

    stream: str | msgspec.UnsetType = msgspec.UNSET
    after: _Seq = 0

    def __post_init__(self) -> None:
        _within("after", self.after, 0, 2**53)


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tasks/{key}/log`: of one attempt (by default the last), up to `limit` bytes from byte `offset` on."""

    attempt: _Attempt | msgspec.UnsetType = msgspec.UNSET
    offset: _Seq = 0
    limit: _Bytes = 1 << 20

    def __post_init__(self) -> None:
        _within("attempt", 1 if self.attempt is msgspec.UNSET else self.attempt, 1, 2**31)
        _within("offset", self.offset, 0, 2**53)
        _within("limit", self.limit, 1, 8 << 20)


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tasks/{key}/search`: lines of one attempt (by default the last) that hold `text`, at most `limit`."""

    text: _Text
    attempt: _Attempt | msgspec.UnsetType = msgspec.UNSET
    limit: _Limit = 500

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError("text must not be empty")
        _within("attempt", 1 if self.attempt is msgspec.UNSET else self.attempt, 1, 2**31)
        _within("limit", self.limit, 1, MAX_PAGE)


class ResultQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/result`: `files=0` for readers on another host, who get bytes instead of paths."""

    files: bool = True


def read_query(arguments: Mapping[str, Sequence[bytes]], kind: type[T]) -> T:
    """A query string as a struct; `InputError` naming the field. Unknown arguments are ignored."""
    known = kind.__struct_fields__
    for name, values in arguments.items():
        if name in known and len(values) > 1:
            raise InputError(f"{name} is given {len(values)} times", name)
    try:
        given = {name: arguments[name][0].decode() for name in known if arguments.get(name)}
        return msgspec.convert(given, kind, strict=False)
    except (msgspec.ValidationError, UnicodeError) as error:
        found = input_error(error, "query")
        if found.field == "status":
            allowed = ", ".join(ExecutionStatus)
            found = InputError(f"status={given['status']!r} is not allowed: it must be one of {allowed}", "status")
        raise found from None


# -- bodies -----------------------------------------------------------------------------------


class CommandBody(msgspec.Struct, frozen=True, kw_only=True):
    """`POST executions/{id}/cancel` and its like; may be left out."""

    reason: str = ""
    task: str | None = None


class RetryBody(msgspec.Struct, frozen=True, kw_only=True):
    """`POST executions/{id}/retry`; may be left out. `task` names the task, or several, to run again."""

    task: str | list[str] | None = None

    @property
    def keys(self) -> list[str]:
        """The tasks to run again; none stands for all that did not succeed."""
        return _as_list(self.task)


class RerunFrom(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST executions/{id}/rerun`; may be left out.

    `from` names the tasks or mapped tasks to compute anew with all that follows. Anything else, as
    `inputs`, is refused: what was asked for would not be what runs.
    """

    from_: str | list[str] | None = msgspec.field(default=None, name="from")

    @property
    def keys(self) -> list[str]:
        """The tasks to compute anew."""
        return _as_list(self.from_)


class RerunBody(RerunFrom, frozen=True, kw_only=True):
    """Rerun from kernels (MessagePack), who may say where to run, and send the workflow traced with other inputs."""

    environment: Environment | None = None
    submission: Submission | None = None


class PublishBody(msgspec.Struct, frozen=True, kw_only=True):
    """`POST workflows` (MessagePack): a workflow to be executed by name."""

    name: str
    code: bytes
    environment: Environment
    parameters: Mapping[str, Any] = {}
    options: ExecutionOptions = ExecutionOptions()
    description: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name must not be empty")


def read_json(body: bytes, kind: type[T]) -> T:
    """A JSON body as a struct; `InputError` naming the field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise input_error(error) from None


def read_msgpack(body: bytes, kind: type[T]) -> T:
    """A MessagePack body as a struct; `InputError` naming the field."""
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except InputError:
        raise
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise input_error(error) from None
