"""Cancelling one part of an execution, and failures around it: without processes, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wf_jupyter.errors import StateConflict, StoreError
from wf_jupyter.model.graph import GraphSpec, Need, NodeSpec, Over, ResultSpec, ScopeSpec
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.policy import ExecutionOptions, TaskOptions
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.stimuli import Cancel, CancelTask, Command, Pause, Resume, Retry
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.orchestrator import Orchestrator
from wf_jupyter.service.subscriptions.mailbox import Mailbox
from wf_jupyter.store.memory import MemoryData, MemoryStore
from wf_jupyter.testing import Faults, FaultyStore, ScriptedExecutor, VirtualLoop
from wf_jupyter.values import container

BLOB = Digest("b")
LIST = container.pack([b"item"] * 3)


def node(key: str, *needs: str, items: int | None = None, **options: Any) -> NodeSpec:
    over = () if items is None else (Over(parameter="x", literal=BLOB, length=items),)
    return NodeSpec(
        key=TaskKey(key),
        name=key.rpartition("/")[2],
        code=BLOB,
        call=BLOB,
        needs=tuple(Need(TaskKey(need)) for need in needs),
        over=over,
        group=key.rpartition("/")[0] or None,
        options=TaskOptions(**options),
    )


def owner_of(orchestrator: Orchestrator) -> Any:
    """What its store holds executions as."""
    faulty: Any = orchestrator._store
    return faulty._store._owner


class Scene:
    """An orchestrator with two scripted workers."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.data = MemoryData()
        self.faults = Faults()
        self.execution = ""
        self.settings: dict[str, Any] = {}
        self.open()

    def open(self, **settings: Any) -> None:
        def factory(name: str, environment: Environment, report: Any) -> ScriptedExecutor:
            self.executor = ScriptedExecutor(report, 2, self.faults)
            return self.executor

        async def opened() -> Orchestrator:
            store: Any = FaultyStore(MemoryStore(self.data), self.faults)
            return Orchestrator(store, factory, self.loop.clock, RuntimeConfig(data_dir=Path(), **settings))

        self.orchestrator = self.loop.run_until_complete(opened())

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def settle(self, seconds: float = 0.0) -> None:
        async def settled() -> None:
            await asyncio.sleep(seconds)
            for _ in range(40):
                await asyncio.sleep(0)

        self.run(settled())

    def submit(self, *nodes: NodeSpec, scopes: tuple[ScopeSpec, ...] = ()) -> str:
        graph = GraphSpec(nodes=nodes, result=ResultSpec(template=BLOB), scopes=scopes)
        environment = Environment(executable="python", directory="/", path=())
        submission = Submission(
            workflow="w", graph=graph, blobs={BLOB: LIST}, environment=environment, options=ExecutionOptions()
        )
        self.execution = self.run(self.orchestrator.submit(submission))
        self.settle()
        return self.execution

    def command(self, command: Command) -> None:
        self.run(self.orchestrator.command(self.execution, command))
        self.settle()

    def cancel(self, task: str) -> None:
        self.command(CancelTask(task=task))

    def key(self, task: str) -> tuple[str, str, int]:
        return next(key for key in self.executor.running if key[1] == task)

    def snapshot(self) -> Snapshot:
        told: Snapshot = self.run(self.orchestrator.snapshot(self.execution))
        return told

    def statuses(self) -> dict[str, str]:
        return {task.key: str(task.status) for task in self.snapshot().tasks}

    def types(self) -> list[str]:
        return [event.type for event in self.data.executions[self.execution].events]

    def die(self) -> None:
        """The orchestrator ends, and another one comes."""
        self.run(self.orchestrator.close())
        self.open(**self.settings)
        self.run(self.orchestrator.recover())
        self.settle()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.run(made.orchestrator.close())
    made.loop.close()


# -- cancelling a part ----------------------------------------------------------------------------


def test_a_cancel_that_was_answered_outlives_the_orchestrator(scene: Scene) -> None:
    scene.submit(node("a"), node("b", "a"))
    scene.executor.stubborn = True
    scene.cancel("a")
    assert scene.snapshot().tasks[0].cancelling and scene.statuses()["a"] == "running"
    scene.die()
    assert scene.statuses() == {"a": "cancelled", "b": "skipped"}
    assert not scene.executor.running and scene.snapshot().status == "failed"


def test_twice_is_once(scene: Scene) -> None:
    scene.submit(node("a"), node("b"))
    scene.executor.stubborn = True
    scene.cancel("a")
    scene.cancel("a")
    assert scene.types().count("task.cancelling") == 1
    scene.executor.stopped(scene.key("a"))
    scene.settle()
    with pytest.raises(StateConflict, match="task 'a' is cancelled"):
        scene.cancel("a")


def test_a_success_that_comes_first_counts(scene: Scene) -> None:
    scene.submit(node("a"))
    scene.executor.stubborn = True
    scene.cancel("a")
    scene.executor.succeed(scene.key("a"))
    scene.settle()
    assert scene.statuses() == {"a": "succeeded"}


def test_a_failure_that_comes_first_is_not_retried(scene: Scene) -> None:
    scene.submit(node("a", retries=3))
    scene.executor.stubborn = True
    scene.cancel("a")
    scene.executor.fail(scene.key("a"))
    scene.settle(600)
    assert scene.statuses() == {"a": "failed"} and "task.retrying" not in scene.types()


def test_a_task_that_waits_for_its_next_attempt_ends_at_once(scene: Scene) -> None:
    scene.submit(node("a", retries=3, retry_delay=60.0))
    scene.executor.fail(scene.key("a"))
    scene.settle()
    assert scene.statuses() == {"a": "retrying"}
    scene.cancel("a")
    assert scene.statuses() == {"a": "cancelled"}
    scene.settle(600)
    assert not scene.executor.running


def test_one_item_and_all_items_of_a_mapped_task(scene: Scene) -> None:
    scene.submit(node("m", items=3), node("after", "m"))
    scene.cancel("m[1]")
    assert scene.statuses()["m[1]"] == "cancelled"
    scene.cancel("m")
    assert set(scene.statuses().values()) == {"cancelled", "skipped"}


def test_a_sub_workflow_as_a_whole(scene: Scene) -> None:
    scene.submit(node("sub/a"), node("sub/b", "sub/a"), node("other"), scopes=(ScopeSpec(key="sub", name="sub"),))
    scene.cancel("sub")
    assert scene.statuses() == {"sub/a": "cancelled", "sub/b": "cancelled", "other": "running"}


def test_what_a_task_returned_is_cancelled_with_it_also_after_a_restart(scene: Scene) -> None:
    scene.submit(node("a"))
    inner = GraphSpec(nodes=(node("x"), node("y", "x")), result=ResultSpec(template=BLOB))
    scene.executor.expand(scene.key("a"), inner, {"b": LIST})
    scene.settle()
    scene.executor.stubborn = True
    scene.cancel("a")
    assert scene.statuses() == {"a": "running", "a/x": "running", "a/y": "cancelled"}
    scene.die()
    assert scene.statuses() == {"a": "cancelled", "a/x": "cancelled", "a/y": "cancelled"}


def test_while_paused_and_with_a_cancel_of_everything(scene: Scene) -> None:
    scene.submit(node("a"), node("b"), node("c", "a"))
    scene.command(Pause())
    scene.cancel("c")
    scene.cancel("a")
    assert scene.statuses() == {"a": "cancelled", "b": "running", "c": "cancelled"}
    scene.command(Cancel())
    assert set(scene.statuses().values()) == {"cancelled"} and scene.snapshot().status == "cancelled"


def test_it_can_be_retried(scene: Scene) -> None:
    scene.submit(node("a"))
    scene.cancel("a")
    scene.command(Retry())
    scene.executor.succeed(scene.key("a"))
    scene.settle()
    assert scene.statuses() == {"a": "succeeded"} and scene.snapshot().tasks[0].attempts == 2


def test_a_retried_task_takes_along_what_failed_in_a_graph_that_one_after_it_returned(scene: Scene) -> None:
    scene.submit(node("a"), node("b", "a", trigger_rule="all_done"))
    scene.executor.fail(scene.key("a"))
    scene.settle()
    inner = GraphSpec(nodes=(node("c"),), result=ResultSpec(template=BLOB))
    scene.executor.expand(scene.key("b"), inner, {"b": LIST})
    scene.settle()
    scene.executor.fail(scene.key("b/c"))
    scene.settle()
    assert scene.statuses() == {"a": "failed", "b": "failed", "b/c": "failed"}
    scene.command(Retry(tasks=("a",)))
    scene.executor.succeed(scene.key("a"))
    scene.settle()
    scene.executor.succeed(scene.key("b/c"))
    scene.settle()
    assert scene.snapshot().status == "succeeded", scene.statuses()


# -- failures -------------------------------------------------------------------------------------


def test_a_full_disk_is_waited_for_and_nothing_runs_twice(scene: Scene) -> None:
    scene.submit(node("a"), node("b", "a"))
    scene.faults.fail("append", StoreError("the disk is full", is_temporary=True), times=5)
    scene.executor.succeed(scene.key("a"))
    scene.settle()
    parked = scene.snapshot().parked
    assert parked is not None and (parked.kind, parked.reason) == ("waiting", "the disk is full")
    with pytest.raises(StoreError, match="the disk is full"):
        scene.command(Pause())
    scene.settle(60)
    assert scene.snapshot().parked is None and scene.statuses() == {"a": "succeeded", "b": "running"}
    assert scene.snapshot().tasks[0].attempts == 1


@pytest.mark.parametrize("method", ["append", "start", "stop", "slots", "directory"])
def test_a_bug_anywhere_parks_answers_everybody_and_loses_no_slot(scene: Scene, method: str) -> None:
    first = scene.submit(node("a"))
    scene.faults.fail(method, RuntimeError("a bug"))
    second = ""
    try:
        second = scene.submit(node("x"), node("y"), node("z"))
        scene.cancel("x")
    except (StoreError, StopIteration):
        pass
    lines = {line.id: line for line in scene.run(scene.orchestrator.executions())}
    stopped = [line for line in lines.values() if line.parked is not None]
    assert all(line.parked.kind == "stopped" and "a bug" in line.parked.reason for line in stopped)
    for line in stopped:
        with pytest.raises(StateConflict, match="a bug"):
            scene.run(scene.orchestrator.result(line.id))
        scene.execution = line.id
        scene.command(Resume())
    for _ in range(9):
        for key in list(scene.executor.running):
            scene.executor.succeed(key)
        scene.settle(1)
    lines = {line.id: line for line in scene.run(scene.orchestrator.executions())}
    assert all(line.status.is_final and line.parked is None for line in lines.values()), lines
    assert first in lines and (not second or second in lines)
    assert len(scene.executor.slots(9)) == 2 and not scene.orchestrator._active._handed_over._held


def test_a_submission_that_cannot_be_made_durable_is_answered_and_leaves_nothing(scene: Scene) -> None:
    for error in (StoreError("the disk is full", is_temporary=True), OSError(28, "No space left"), TypeError("a bug")):
        scene.faults.fail("append", error)
        with pytest.raises((StoreError, OSError)):
            scene.submit(node("a"))
        assert scene.run(scene.orchestrator.executions()) == [] and scene.orchestrator.active_count() == 0


def test_what_is_parked_can_be_deleted(scene: Scene) -> None:
    scene.submit(node("a"))
    scene.faults.fail("append", StoreError("the disk is full", is_temporary=True), times=100)
    scene.executor.succeed(scene.key("a"))
    scene.settle()
    scene.run(scene.orchestrator.delete(scene.execution))
    assert scene.run(scene.orchestrator.executions()) == []
    scene.settle(60)
    assert scene.orchestrator.active_count() == 0


def test_what_was_made_durable_is_answered_so_although_no_task_can_start(scene: Scene) -> None:
    scene.faults.fail("directory", OSError(28, "No space left on device"), times=3)
    scene.submit(node("a"))
    parked = scene.snapshot().parked
    assert parked is not None and (parked.kind, "No space left" in parked.reason) == ("waiting", True)
    scene.settle(60)
    assert scene.snapshot().parked is None and scene.statuses() == {"a": "running"}


@pytest.mark.parametrize("method", ["claim", "events", "record", "append"])
@pytest.mark.parametrize("recovery, then", [("resume", "running"), ("interrupt", "interrupted")])
def test_a_takeover_that_a_full_disk_hinders_happens_when_there_is_room(
    scene: Scene, method: str, recovery: str, then: str
) -> None:
    scene.submit(node("a"))
    scene.settings["recovery"] = recovery
    scene.faults.fail(method, StoreError("the disk is full", is_temporary=True), times=4)
    scene.die()
    (line,) = scene.run(scene.orchestrator.executions())
    assert line.parked is not None and line.parked.kind == "waiting"
    scene.settle(60)
    snapshot = scene.snapshot()
    assert snapshot.status == then and (snapshot.parked is not None) == (then == "interrupted")
    assert scene.types().count("task.started") == (2 if recovery == "resume" else 1)


def test_who_cannot_take_over_leaves_it_to_another_orchestrator(scene: Scene) -> None:
    scene.submit(node("a"))
    scene.faults.fail("claim", StoreError("the disk is full", is_temporary=True))
    scene.die()
    slow, executor = scene.orchestrator, scene.executor
    scene.open()
    assert scene.run(scene.orchestrator.recover()) == [scene.execution]
    scene.settle(60)
    assert scene.run(slow.snapshot(scene.execution)).parked is None and not executor.running
    assert slow.active_count() == 0 and scene.statuses() == {"a": "running"}
    scene.run(slow.close())


def test_what_is_parked_and_cannot_be_deleted_goes_on(scene: Scene) -> None:
    scene.submit(node("a"), node("b", "a"))
    full = StoreError("the disk is full", is_temporary=True)
    scene.faults.fail("append", full, times=2)
    scene.faults.fail("delete", full)
    scene.executor.succeed(scene.key("a"))
    scene.settle()
    with pytest.raises(StoreError, match="the disk is full"):
        scene.run(scene.orchestrator.delete(scene.execution))
    assert scene.snapshot().parked is not None
    scene.settle(60)
    assert scene.snapshot().parked is None and scene.statuses()["a"] == "running"


def test_one_that_could_neither_be_taken_over_nor_be_deleted_is_taken_over_when_that_has_passed(scene: Scene) -> None:
    scene.submit(node("a"), node("b", "a"))
    scene.data.living.clear()
    scene.run(scene.orchestrator.close())
    scene.open()
    full = StoreError("the disk is full", is_temporary=True)
    scene.faults.fail("claim", full, times=2)
    scene.faults.fail("delete", full)
    assert scene.run(scene.orchestrator.recover()) == []
    with pytest.raises(StoreError, match="the disk is full"):
        scene.run(scene.orchestrator.delete(scene.execution))
    assert scene.snapshot().parked is not None
    scene.settle(60)
    assert scene.snapshot().parked is None and scene.key("a") in scene.executor.running


def test_what_another_orchestrator_has_taken_over_is_not_taken_up_when_its_cause_has_passed(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.submit(node("a"), node("b", "a"))
    slow, full = scene.orchestrator, StoreError("the disk is full", is_temporary=True)
    scene.faults.fail("append", full, times=2)
    scene.faults.fail("delete", full)
    scene.executor.succeed(scene.key("a"))
    scene.settle()
    with pytest.raises(StoreError, match="the disk is full"):
        scene.run(slow.delete(scene.execution))
    scene.faults.clear()
    scene.data.living.discard(scene.data.executions[scene.execution].owned_by)
    scene.open()
    assert scene.run(scene.orchestrator.recover()) == [scene.execution]
    scene.data.living.add(owner_of(slow))
    caplog.clear()
    scene.settle(60)
    assert slow.active_count() == 0 and scene.run(slow.snapshot(scene.execution)).parked is None
    assert not caplog.records, "nobody else's log is touched"
    assert scene.statuses()["a"] == "running"
    scene.run(slow.close())


def test_another_orchestrator_shows_why_an_execution_does_not_move_and_that_it_goes_on(scene: Scene) -> None:
    scene.submit(node("a"), node("b", "a"))
    slow, executor = scene.orchestrator, scene.executor
    scene.run(slow.look_around())
    scene.open()
    other = scene.orchestrator
    scene.run(other.look_around())
    mailbox = Mailbox(lambda: None)
    scene.run(other.subscribe(scene.execution, mailbox))
    scene.faults.fail("append", StoreError("the disk is full", is_temporary=True), times=8)
    executor.succeed(next(iter(executor.running)))
    scene.settle(5)
    (line,) = scene.run(other.executions())
    assert line.parked is not None and "the disk is full" in line.parked.reason
    assert scene.run(other.snapshot(scene.execution)).parked == line.parked
    assert [type(message).__name__ for message in mailbox.take()] == ["Lagged"], "who follows it there starts over"
    scene.settle(60)
    (line,) = scene.run(other.executions())
    assert line.parked is None and scene.run(other.snapshot(scene.execution)).parked is None
    scene.run(slow.close())


def test_an_execution_that_was_taken_over_meanwhile_is_shown_as_it_is_there(scene: Scene) -> None:
    scene.submit(node("a"), node("b", "a"))
    slept, executor = scene.orchestrator, scene.executor
    # Its lock file was missing for so long that it was taken for gone.
    scene.data.living.discard(scene.data.executions[scene.execution].owned_by)
    scene.open()
    assert scene.run(scene.orchestrator.recover()) == [scene.execution]
    scene.data.living.add(owner_of(slept))
    executor.succeed(next(iter(executor.running)))
    scene.settle(1)
    assert slept.active_count() == 0 and not executor.running
    scene.executor.succeed(scene.key("a"))
    scene.settle(1)
    shown = scene.run(slept.snapshot(scene.execution))
    assert shown.parked is None and [str(task.status) for task in shown.tasks] == ["succeeded", "running"]
    scene.run(slept.close())
