"""One turn of an execution: what it decided, on its way to the disk and to people."""

from __future__ import annotations

from dataclasses import dataclass, field

from wf_jupyter.engine.state import ExecutionState
from wf_jupyter.model.events import Event, WorkflowCompleted
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.model.stimuli import Value
from wf_jupyter.model.submission import Expansion, Submission
from wf_jupyter.ports import Batch, CacheEntry
from wf_jupyter.store.events import encode_event


@dataclass
class Turn:
    """Events in order, and what belongs to them: values and expansions by task, entries of the cache.

    `encoded` are the events as JSON, once they are on their way: stored, and sent to everybody.
    """

    events: list[Event] = field(default_factory=list)
    encoded: tuple[bytes, ...] = ()
    values: list[tuple[str, Value]] = field(default_factory=list)
    expansions: list[tuple[str, Expansion]] = field(default_factory=list)
    entries: list[CacheEntry] = field(default_factory=list)

    def batch(self, state: ExecutionState, submission: Submission | None, counts: dict[str, int]) -> Batch:
        """The turn as one transaction. `counts` is the state of one turn ago, which is enough while it runs."""
        last = self.events[-1]
        self.encoded = tuple(map(encode_event, self.events))
        return Batch(
            execution=state.id,
            events=tuple(self.events),
            encoded=self.encoded,
            values=tuple(self.values),
            expansions=tuple(self.expansions),
            cache=tuple(self.entries),
            submission=submission,
            status=state.status,
            counts=_count(state) if state.status.is_final else counts,
            ended=last.time if isinstance(last, WorkflowCompleted) else None,
        )


def _count(state: ExecutionState) -> dict[str, int]:
    counts = {status.value: 0 for status in TaskStatus}
    for key in state.units:
        task = state.task(key)
        if task is not None:
            counts[task.status.value] += 1
    return counts
