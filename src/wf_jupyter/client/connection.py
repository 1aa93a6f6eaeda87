"""What an `Execution` needs from an orchestrator, wherever that runs.

All methods may be called from any thread but the background loop's, block until done, and raise the
errors of `wf_jupyter.errors`. Every interrupt (^C) is let through at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from wf_jupyter.client.mirror import Mirror
from wf_jupyter.model.snapshot import Summary
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Cancel, CancelTask, Pause, Resume, Retry
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.ports import ExecutionResult, Input, Published
from wf_jupyter.protocol.codec import DecodedPage
from wf_jupyter.protocol.rest import FoundPage, HistoryPage, InputPage, LogStretch
from wf_jupyter.protocol.task_call import TaskCall

#: What a person may ask of an execution.
Action = Cancel | CancelTask | Pause | Resume | Retry


#: Bytes of a log in one answer.
LOG_LIMIT = 1 << 20


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

    def follow(self, execution: str) -> Mirror:
        """The shared mirror of an execution, kept up to date for as long as somebody holds it."""
        ...

    def refresh(self, mirror: Mirror) -> None:
        """Bring a mirror up to what the orchestrator knows at this moment."""
        ...

    def rerun(
        self, execution: str, from_: Sequence[str], environment: Environment, submission: Submission | None
    ) -> str:
        """Start a new execution on the results of an old one; returns its id."""
        ...

    def command(self, execution: str, action: Action) -> None:
        """Ask something of an execution; `StateConflict` when its state does not allow that."""
        ...

    def executions(
        self,
        *,
        status: ExecutionStatus | None = None,
        workflow: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Summary]:
        """Executions, newest first."""
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
        """What a task was called with, as bytes; `StateConflict` when it was not called, or that is not stored."""
        ...

    def task_error(self, execution: str, key: str) -> bytes | None:
        """The pickled exception of a failed task, when it could be pickled."""
        ...

    def log_text(
        self, execution: str, key: str, attempt: int | None, offset: int = 0, limit: int = LOG_LIMIT
    ) -> LogStretch:
        """What one attempt (by default the last) printed: up to `limit` bytes from byte `offset` on."""
        ...

    def search_log(self, execution: str, key: str, text: str, attempt: int | None, limit: int) -> FoundPage:
        """Lines of what one attempt (by default the last) printed that hold the text."""
        ...

    def task_inputs(self, execution: str, key: str) -> InputPage:
        """What a task is called with, as texts, and which tasks that comes from."""
        ...

    def history(self, execution: str) -> HistoryPage:
        """How long its tasks usually take."""
        ...

    def workflows(self) -> list[str]:
        """The names of the published workflows."""
        ...

    def publish(self, workflow: Published) -> None:
        """Publish a workflow under its name."""
        ...

    def close(self) -> None:
        """Let go of the orchestrator. Idempotent."""
        ...
