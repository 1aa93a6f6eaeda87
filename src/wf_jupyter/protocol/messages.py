"""Parameters and answers of the WebSocket's methods, and the notifications of the server.

Unknown members are ignored in both directions, so that an older peer understands a newer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.protocol.problems import input_error

PROTOCOL = 1
ALL = "*"
#: Seconds that a question may wait for its answer.
MAX_WAIT = 30.0

#: What an identity may be allowed to do with workflows: look; start what is published; run code of its own
#: (submit, publish); change what exists (cancel, pause, resume, retry, rerun, delete).
Action = Literal["read", "execute", "submit", "write"]


def _check_filled(value: str, field: str) -> None:
    if not value.strip():
        raise ValueError(f"{field} must not be empty")


# -- client → server --------------------------------------------------------------------------


class Execute(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Run the published workflow `workflow` with JSON inputs."""

    workflow: Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"\S"})]
    input: Mapping[str, Any] = {}

    def __post_init__(self) -> None:
        _check_filled(self.workflow, "workflow")


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Follow an execution from `after` (in the stretch of its log named `epoch`), or all of them with `"*"`."""

    execution_id: str
    after: int | None = None
    epoch: str | None = None
    encoding: str = "json"

    def __post_init__(self) -> None:
        _check_filled(self.execution_id, "execution_id")
        if self.after is not None and self.after < 0:
            raise ValueError(f"after must be 0 or more, not {self.after}")


class Unsubscribe(msgspec.Struct, frozen=True, kw_only=True):
    """Follow it no longer; unknown subscriptions are fine."""

    execution_id: str

    def __post_init__(self) -> None:
        _check_filled(self.execution_id, "execution_id")


class Ending(Unsubscribe, frozen=True, kw_only=True, omit_defaults=True):
    """Say where it stands as soon as it has ended, or after `wait` seconds (up to 30) in any case."""

    wait: float = 0.0

    def __post_init__(self) -> None:
        _check_filled(self.execution_id, "execution_id")
        if not 0 <= self.wait <= MAX_WAIT:
            raise ValueError(f"wait must be between 0 and {MAX_WAIT:g}, not {self.wait:g}")


class Cancel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stop an execution, or only one `task` of it."""

    execution_id: str
    reason: str = ""
    task: str | None = None

    def __post_init__(self) -> None:
        _check_filled(self.execution_id, "execution_id")


class Pause(Unsubscribe, frozen=True, kw_only=True):
    """Start nothing more until resumed."""


class Resume(Unsubscribe, frozen=True, kw_only=True):
    """Undo a pause."""


class Retry(Unsubscribe, frozen=True, kw_only=True, omit_defaults=True):
    """Run failed, skipped and cancelled tasks again, or only one `task` (or several) and what waits for it."""

    task: str | list[str] | None = None


Params = Execute | Subscribe | Unsubscribe | Ending | Cancel | Pause | Resume | Retry


def read_params(kind: type[Params], params: bytes) -> Params:
    """The typed parameters; `InputError` naming the field when they do not fit."""
    try:
        return msgspec.json.decode(params, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise input_error(error, "params") from None


# -- server → client --------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The server's greeting. `heartbeat` is in seconds; while `ready` is false, `message` says what is wrong.

    `kernel` answers a `kernel_id`: whether that kernel belongs to this server.
    """

    server_id: str
    version: str
    heartbeat: float
    epoch: str
    protocol: int = PROTOCOL
    ready: bool = True
    message: str | None = None
    kernel: bool | msgspec.UnsetType = msgspec.UNSET


class Executed(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `execute`."""

    execution_id: str


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `subscribe`.

    When `recovered`, the events after the caller's `after` follow; otherwise `snapshot` stands for
    everything up to `seq`, and the events after that follow.
    """

    execution_id: str
    epoch: str
    seq: int
    recovered: bool
    snapshot: Snapshot | msgspec.UnsetType = msgspec.UNSET


class SnapshotNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Replaces everything the subscriber knew: it had fallen too far behind for events."""

    execution_id: str
    epoch: str
    seq: int
    snapshot: Snapshot


class EncodedSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """`Subscription`, as a server writes it that has the snapshot's JSON at hand."""

    execution_id: str
    epoch: str
    seq: int
    recovered: bool
    snapshot: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class EncodedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """`SnapshotNotice`, likewise."""

    execution_id: str
    epoch: str
    seq: int
    snapshot: msgspec.Raw


class ListChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A `snapshot` for `"*"`: events were left out, so the list of executions must be read again."""

    epoch: str
    execution_id: str = ALL
    seq: int = 0
    snapshot: None = None


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The server is there; `time` is its clock, for pages that show elapsed times."""

    time: datetime
