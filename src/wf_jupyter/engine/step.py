"""One turn of the engine: a stimulus, and everything that follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from wf_jupyter.engine.apply import apply
from wf_jupyter.engine.decide import decide
from wf_jupyter.engine.propagate import settle
from wf_jupyter.engine.state import ExecutionState, Subgraph
from wf_jupyter.model.events import Event
from wf_jupyter.model.stimuli import AttemptExpanded, NotFound, RetryDue, Stimulus
from wf_jupyter.model.submission import Expansion


def step(state: ExecutionState, stimulus: Stimulus, now: datetime, jitter: float = 0.5) -> list[Event]:
    """Feed one stimulus and return the events it caused, already applied, in order.

    The caller makes them durable before it tells anybody or acts on them.

    Raises:
        StateConflict: the command does not fit the state; nothing changed.
    """
    if isinstance(stimulus, AttemptExpanded):
        task = state.running.get(stimulus.task)
        if task is not None and task.attempt == stimulus.attempt and task.expansion is None:
            register_expansion(state, stimulus.task, stimulus.expansion)
    happened: list[Event] = list(decide(state, stimulus, now, jitter))
    for event in happened:
        apply(state, event)
    if isinstance(stimulus, RetryDue):
        _make_due(state, stimulus)
    elif isinstance(stimulus, NotFound):
        asked = state.asking.pop(stimulus.task, None)
        if asked is not None:
            asked.lane.ready[asked] = None
    happened.extend(settle_all(state, now))
    return happened


def settle_all(state: ExecutionState, now: datetime) -> list[Event]:
    """Everything that follows from the state alone, applied."""
    happened: list[Event] = []
    while events := settle(state, now):
        for event in events:
            apply(state, event)
        happened.extend(events)
    return happened


def rebuild(state: ExecutionState, expansions: Iterable[tuple[str, Expansion]], events: Iterable[Event]) -> None:
    """Replay a log onto the state of a fresh execution."""
    for key, expansion in expansions:
        register_expansion(state, key, expansion)
    for event in events:
        apply(state, event)


def register_expansion(state: ExecutionState, key: str, expansion: Expansion) -> None:
    """Make an expansion's graph known under the key of the task that returned it."""
    state.register(Subgraph(prefix=key, graph=expansion.graph))


def _make_due(state: ExecutionState, due: RetryDue) -> None:
    """The wait is over: queue the task again. Derived data, so there is no event; recovery arms timers anew."""
    task = state.retrying.get(due.task)
    if task is None or task.attempt != due.attempt:
        return
    task.lane.ready[task] = None
