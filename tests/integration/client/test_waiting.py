"""Who only waits for an execution subscribes to nothing; who looks does, for as long as somebody looks."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest

import wf_jupyter as wf
from tests.jupyter_process import until
from tests.sample_workflows import doubling, failing, gated
from wf_jupyter.client import looking, session

pytestmark = pytest.mark.usefixtures("place")


def followed() -> list[str]:
    gc.collect()
    connection: Any = session.current()
    return list(connection._replicas)


def test_waiting_for_a_result_in_every_way_follows_nothing(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution = gated(gate).submit()
    assert execution.wait(timeout=0) is None
    assert execution.wait(timeout=0.05) is None
    with pytest.raises(TimeoutError, match="waiting is still running after 0.05 s"):
        execution.result(timeout=0.05)
    waiting = threading.Thread(target=execution.result)
    waiting.start()
    gate.touch()
    assert execution.result(timeout=60) == "through"
    waiting.join(60)

    async def awaited() -> object:
        return await execution

    assert asyncio.run(awaited()) == "through"
    assert doubling()(numbers=[1, 2]) == 6
    assert isinstance(failing().submit(b=0).exception(timeout=60), wf.TaskFailed)
    assert followed() == []


def test_many_executions_are_awaited_at_once_and_none_is_followed() -> None:
    async def all_of_them() -> list[int]:
        return list(await asyncio.gather(*[doubling().submit(numbers=[n]) for n in range(40)]))

    assert asyncio.run(all_of_them()) == [2 * n for n in range(40)]
    assert followed() == []


def test_who_was_told_of_the_end_sees_it_in_what_was_looked_at_before(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution = gated(gate).submit()
    tasks = execution.tasks
    until(lambda: tasks["wait"].status == "running", "the task does not start")
    gate.touch()
    assert execution.wait(timeout=60) == "succeeded"
    assert (execution.status, tasks["wait"].status) == ("succeeded", "succeeded")


def test_an_execution_is_followed_until_nobody_has_looked_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "LINGER", 0.0)
    gate = tmp_path / "gate"
    execution = gated(gate).submit()
    tasks = execution.tasks
    assert followed() == [execution.id]
    until(lambda: execution._look._held is None, "it is held although nobody looks")
    assert tasks["wait"].attempts <= 1  # its tasks are held, and are alive
    assert followed() == [execution.id]
    del tasks
    until(lambda: followed() == [], "it is followed although nobody looks")
    assert execution.status in ("pending", "running")
    gate.touch()
    assert execution.result(timeout=60) == "through"
    assert execution.tasks["wait"].status == "succeeded"


def test_a_wait_goes_on_through_a_cancellation_and_a_retry(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution = gated(gate).submit()
    execution.cancel()
    assert execution.wait(timeout=60) == "cancelled"
    execution.retry()
    assert execution.wait(timeout=0.05) is None
    gate.touch()
    assert execution.result(timeout=60) == "through"
    assert followed() == []


def test_waiting_for_an_execution_that_is_deleted_meanwhile_says_so(tmp_path: Path) -> None:
    with pytest.raises(wf.ExecutionNotFound):
        wf.get_execution("01nothing")
