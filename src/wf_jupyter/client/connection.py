"""The port between an `Execution` and an orchestrator, wherever that runs.

All methods may be called from any thread but the background loop's, block until done, and raise the
errors of `wf_jupyter.errors`. Every interrupt (^C) is let through at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from msgspec import Struct

from wf_jupyter.client.replica import Replica
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.ports import ExecutionResult, Input, Published
from wf_jupyter.protocol.codec import DecodedPage
from wf_jupyter.protocol.commands import Command
from wf_jupyter.protocol.operations import Operation
from wf_jupyter.protocol.pages import Standing
from wf_jupyter.protocol.task_call import TaskCall

A = TypeVar("A")


class Connection(Protocol):
    """One orchestrator, remote or embedded."""

    #: The server's identity, which a page compares with its own server's; empty when embedded.
    server_id: str
    #: The version of wf_jupyter that runs the orchestrator.
    version: str
    #: The Jupyter server's address as people know it; empty when embedded.
    url: str

    def submit(self, submission: Submission) -> str:
        """Start an execution; returns its id."""
        ...

    def execute(self, name: str, inputs: Mapping[str, object]) -> str:
        """Start a published workflow by name; returns the execution's id."""
        ...

    def ending(self, execution: str, timeout: float | None = None) -> Future[Standing]:
        """Where an execution stands, as soon as it is at rest or after `timeout` seconds; returns at once.

        It costs nothing while the execution runs. Cancel it to wait no more. Callable from a running event loop, too.
        """
        ...

    def follow(self, execution: str) -> Replica:
        """The shared replica of an execution, kept up to date for as long as somebody holds it."""
        ...

    def refresh(self, replica: Replica) -> None:
        """Bring a replica up to what the orchestrator knows at this moment."""
        ...

    def rerun(
        self, execution: str, from_: Sequence[str], environment: Environment, submission: Submission | None
    ) -> str:
        """Start a new execution on the results of an old one; returns its id."""
        ...

    def command(self, execution: str, command: Command) -> None:
        """Ask something of an execution; `StateConflict` when its state does not allow that."""
        ...

    def ask(self, operation: Operation[A], *path: str, query: Struct | None = None) -> A:
        """The answer to a question of `protocol.operations` that is answered in JSON.

        Args:
            path: what stands for the operation's `parameters`, in order.
            query: of the operation's own type; None for one with all defaults.
        """
        ...

    def events(self, execution: str, after: int = 0, limit: int | None = None, wait: float = 0.0) -> DecodedPage:
        """Events with `seq > after`, and the epoch at `after`; blocks up to `wait` seconds while there are none."""
        ...

    def result(self, execution: str) -> ExecutionResult:
        """The outcome of a final execution."""
        ...

    def task_value(self, execution: str, key: str) -> Input:
        """The encoded result of one task."""
        ...

    def task_call(self, execution: str, key: str) -> TaskCall:
        """The call of a task, as bytes; `StateConflict` when it was not called, or that is not stored."""
        ...

    def task_error(self, execution: str, key: str) -> bytes | None:
        """The pickled exception of a failed task, when it could be pickled."""
        ...

    def publish(self, workflow: Published) -> None:
        """Publish a workflow under its name."""
        ...

    def close(self) -> None:
        """Let go of the orchestrator. Idempotent."""
        ...
