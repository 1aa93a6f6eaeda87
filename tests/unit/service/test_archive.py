from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from wf_jupyter.model.events import WorkflowCompleted, WorkflowRetried, WorkflowStarted
from wf_jupyter.model.graph import GraphSpec, ResultSpec
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.ports import Batch
from wf_jupyter.service.queries.execution_reader import ExecutionReader
from wf_jupyter.store.memory import MemoryStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SUBMISSION = Submission(
    workflow="w",
    graph=GraphSpec(nodes=(), result=ResultSpec(template=Digest("t"))),
    blobs={},
    environment=Environment(executable="", directory="", path=()),
)


@pytest.mark.parametrize("readers", [1, 3])
def test_what_ends_between_the_reading_of_a_log_and_its_readers_is_in_their_picture(readers: int) -> None:
    """Who came in that moment took a picture of before for the present one, and was told twice what followed."""

    async def scene() -> list[int]:
        store = MemoryStore()
        archive = ExecutionReader(store)
        started = WorkflowStarted(seq=1, time=NOW, workflow="w", epoch="a.1")
        await store.append(
            Batch(execution="e", events=(started,), status=ExecutionStatus.RUNNING, submission=SUBMISSION)
        )

        def goes_on_and_ends(_: object) -> None:
            again = WorkflowRetried(seq=2, time=NOW)
            over = WorkflowCompleted(seq=3, time=NOW, status=ExecutionStatus.SUCCEEDED)
            store._data.executions["e"].events += [again, over]
            archive.forget("e")

        asked = [asyncio.create_task(archive.picture("e")) for _ in range(readers)]
        while "e" not in archive._readings:
            await asyncio.sleep(0)
        # As the last of the callbacks: the picture has been read, and its readers are yet to run.
        while archive._readings["e"].readers < readers:
            await asyncio.sleep(0)
        archive._readings["e"].task.add_done_callback(goes_on_and_ends)
        seqs = [(await each).snapshot.seq for each in asked]
        assert not archive._readings
        return seqs

    assert asyncio.run(scene()) == [3] * readers
