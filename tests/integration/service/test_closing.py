"""The end of an orchestrator: whoever still waits for an answer gets one."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, Reader, packed
from wf_jupyter.client.embedded import run_blocking
from wf_jupyter.errors import ServerUnavailable
from wf_jupyter.model.events import TaskStarted
from wf_jupyter.protocol.operations import EVENTS
from wf_jupyter.protocol.rest import EventsQuery
from wf_jupyter.service.queries.answers import answer
from wf_jupyter.service.runtime import Runtime


@wf.task
def wait_for(path: str) -> None:
    import time

    while not Path(path).exists():
        time.sleep(0.01)


def test_a_question_that_waits_for_an_event_ends_with_the_orchestrator(runtime: Runtime, tmp_path: Path) -> None:
    flow = wf.workflow(name="flow")(lambda path: wait_for(path))
    engine = runtime.orchestrator
    execution = runtime.call(engine.submit(packed(flow.bind(path=str(tmp_path / "never"))))).result(PATIENCE)
    reader = Reader(runtime)
    reader.follow(execution, after=0, epoch=engine.epoch)
    reader.until(lambda r: any(isinstance(event, TaskStarted) for event in r.events))
    query = EventsQuery(after=runtime.call(engine.snapshot(execution)).result(PATIENCE).seq, wait=30.0)
    waiting = [runtime.call(answer(engine, EVENTS, (execution,), query)) for _ in range(3)]
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            run_blocking(runtime, answer(engine, EVENTS, (execution,), query))
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    runtime.close(PATIENCE)
    for question in waiting:
        # Whichever comes first: its loop ends, or the store that it asks is closed.
        with pytest.raises((CancelledError, ServerUnavailable)):
            question.result(PATIENCE)
    thread.join(PATIENCE)
    assert isinstance(caught[0], ServerUnavailable)
    gc.collect()
