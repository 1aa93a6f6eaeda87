"""Executions as Jupyter events, for other extensions: `execution_event.json` beside this file is their schema.

Jupyter sends every event to every subscriber and validates each, so only the few that make up a life
go this way, never those of tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger

from wf_jupyter.model.events import (
    Event,
    TaskStarted,
    WorkflowCompleted,
    WorkflowRecovered,
    WorkflowRetried,
    WorkflowStarted,
)

SCHEMA = Path(__file__).with_name("execution_event.json")
SCHEMA_ID = "https://schema.jupyter.org/wf_jupyter/execution/v1"

_ENDED = {"succeeded": "completed", "failed": "failed", "cancelled": "cancelled"}
_log = logging.getLogger("wf_jupyter")


class Lifecycle:
    """A `Notifier` that emits on the server's loop, whatever thread it is told on."""

    def __init__(self, logger: EventLogger) -> None:
        self._logger = logger
        self._loop = asyncio.get_running_loop()
        self._idle: set[str] = set()
        if SCHEMA_ID not in logger.schemas.schema_ids:
            logger.register_event_schema(SCHEMA)

    def notify(self, execution: str, workflow: str, events: Sequence[Event]) -> None:
        """Emit the events of `ports.Notifier`; called by the orchestrator's thread only."""
        for event in events:
            match event:
                case WorkflowStarted():
                    self._idle.add(execution)
                    self._tell(execution, workflow, "submitted", event)
                case WorkflowRetried() | WorkflowRecovered():
                    self._idle.add(execution)
                case TaskStarted() if execution in self._idle:
                    self._idle.discard(execution)
                    self._tell(execution, workflow, "running", event)
                case WorkflowCompleted():
                    self._idle.discard(execution)
                    self._tell(execution, workflow, _ENDED[event.status], event, duration=event.duration)
                case _:
                    pass

    def _tell(self, execution: str, workflow: str, status: str, event: Event, **more: float) -> None:
        time = event.time.isoformat().replace("+00:00", "Z")
        data = {"execution_id": execution, "workflow": workflow, "status": status, "time": time, **more}
        # The orchestrator may still be publishing while the server's loop is already closed.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._emit, data)

    def _emit(self, data: dict[str, Any]) -> None:
        try:
            self._logger.emit(schema_id=SCHEMA_ID, data=data)
        except Exception:
            # A listener of somebody else's must not be our failure.
            _log.exception("a lifecycle event could not be emitted")
