"""The tasks of an execution as a mapping of live views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from wf_jupyter.client import calls, log_views, outcome
from wf_jupyter.client.connection import Connection
from wf_jupyter.client.log_views import LogText, Output
from wf_jupyter.client.replica import Replica
from wf_jupyter.errors import StateConflict, TaskFailed, TaskSkipped
from wf_jupyter.model.snapshot import Progress, TaskSnapshot
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.ports import TaskFailure

#: How many similar keys an error names.
_NAMED = 8


class Tasks(Mapping[str, "TaskView"]):
    """Task views by key, in the order in which the tasks were added."""

    def __init__(self, connection: Connection, replica: Replica) -> None:
        self._connection = connection
        self._replica = replica

    def __getitem__(self, key: str) -> TaskView:
        view = TaskView(self._connection, self._replica, key)
        if not self._replica.has(key):
            raise KeyError(self._missing(key))
        return view

    def __iter__(self) -> Iterator[str]:
        return iter(self._replica.keys())

    def __len__(self) -> int:
        return len(self._replica.keys())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._replica.has(key)

    def __repr__(self) -> str:
        count = len(self)
        return f"<{count} {'task' if count == 1 else 'tasks'} of {self._replica.workflow!r}>"

    def _missing(self, key: str) -> str:
        keys = self._replica.keys()
        near = [known for known in keys if known.startswith(f"{key}[")] or list(keys)
        more = ", …" if len(near) > _NAMED else ""
        return f"no task {key!r}; there are: {', '.join(near[:_NAMED])}{more}"


class TaskView:
    """One task, as it stands at the moment of asking."""

    def __init__(self, connection: Connection, replica: Replica, key: str) -> None:
        self._connection = connection
        self._replica = replica
        self.key = key

    @property
    def name(self) -> str:
        """The function's name."""
        return self._now.name

    @property
    def status(self) -> TaskStatus:
        """Where the task stands; equal to the plain string, for example `"failed"`."""
        return self._now.status

    @property
    def attempts(self) -> int:
        """Number of attempts that were started."""
        return self._now.attempts

    @property
    def started(self) -> datetime | None:
        """When the latest attempt was handed to a worker (UTC)."""
        return self._now.started

    @property
    def duration(self) -> float | None:
        """Seconds that the latest attempt took, once it has ended."""
        return self._now.duration

    @property
    def progress(self) -> Progress | None:
        """Progress that the task reported."""
        return self._now.progress

    @property
    def error(self) -> TaskFailed | TaskSkipped | None:
        """Error of the latest attempt, with the traceback in its text; None when it did not fail.

        Of a task that was skipped, or stopped because another one failed, it is a `TaskSkipped`, which
        says why, as in `not taken: is_big was truthy`.
        """
        now = self._now
        if now.reason is not None:
            return TaskSkipped(self.key, now.reason.kind, now.reason.text, now.reason.task)
        failure = now.error
        return None if failure is None else outcome.task_failed(TaskFailure(task=self.key, failure=failure))

    def result(self) -> Any:
        """Value that the task returned; `TaskFailed` when it failed, `StateConflict` when there is no result (yet)."""
        now = self._now
        if now.status is TaskStatus.FAILED and now.error is not None:
            pickled = self._connection.task_error(self._replica.id, self.key)
            raise outcome.task_failed(TaskFailure(task=self.key, failure=now.error, error=pickled))
        if not now.status.has_value:
            why = "" if now.reason is None else f" ({now.reason.text})"
            raise StateConflict(f"task {self.key!r} has no result: it is {now.status}{why}")
        return outcome.value(self._connection.task_value(self._replica.id, self.key))

    def inputs(self) -> dict[str, Any]:
        """The values that the task was called with, by parameter name: `*args` as one tuple, `**kwargs` as one dict.

        Defaults that were not given are left out. A task whose failure is allowed stands there as its `TaskError`.

        Raises:
            StateConflict: the task was not called, or a value or its code is not stored or cannot be loaded here.
        """
        return self._call().arguments()

    def call(self) -> Any:
        """Run the task again, here and now, with the values that it was called with; returns what it returns.

        It runs in this process, with its directory, modules and environment: a `breakpoint()` in it works, and what
        it prints is printed here. An `async def` task is awaited. Nothing of the execution changes.

        Raises:
            StateConflict: as for `inputs`.
            Exception: whatever the task raises.
        """
        return self._call().call()

    def debug(self) -> Any:
        """Run the task again, as `call` does, and when it fails open the debugger at the line that raised.

        That is IPython's debugger in a notebook, pdb elsewhere: `p name` shows a value, `u` and `d` go up and down
        the stack, `q` leaves. Returns what the task returned, or None when it failed.

        Raises:
            StateConflict: as for `inputs`.
        """
        return calls.debug(self._call())

    def _call(self) -> calls.LoadedCall:
        return calls.load_call(self._replica.id, self._connection.task_call(self._replica.id, self.key))

    def logs(self) -> LogText:
        """Everything that the task printed and logged, all attempts together, also where it is megabytes."""
        attempts = range(1, self.attempts + 1)
        texts = (log_views.whole_log(self._connection, self._replica.id, self.key, attempt) for attempt in attempts)
        return LogText("".join(texts))

    def outputs(self) -> list[Output]:
        """Outputs that the task displayed: plots, frames, anything given to `display`."""
        return log_views.read_outputs(log_views.stream(self._connection, self._replica.id, 0, follow=False), self.key)

    def __repr__(self) -> str:
        return f"<task {self.key!r}: {self.status}>"

    @property
    def _now(self) -> TaskSnapshot:
        return self._replica.task(self.key)
