"""Executions on a real store with real workers, without any server."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import msgspec
import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, Reader, ended, packed, seqs
from tests.sample_workflows import doubling, failing, gated
from wf_jupyter.errors import (
    ExecutionNotFound,
    InputError,
    StateConflict,
    WorkflowDefinitionError,
    WorkflowNotFound,
)
from wf_jupyter.model.events import TaskCompleted, TasksAdded, TaskStarted, WorkflowCompleted, WorkflowStarted
from wf_jupyter.model.graph import Need
from wf_jupyter.model.stimuli import Cancel, CancelTask, Pause, Resume, Retry
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.service.subscriptions.mailbox import Events, Mailbox


def submit(runtime: Runtime, bound, **options) -> str:
    return runtime.call(runtime.orchestrator.submit(packed(bound, **options))).result(PATIENCE)


def command(runtime: Runtime, execution: str, what) -> None:
    runtime.call(runtime.orchestrator.command(execution, what)).result(PATIENCE)


def test_events_come_in_order_from_start_to_completion(runtime: Runtime) -> None:
    execution = submit(runtime, doubling().bind(numbers=[1, 2, 3]))
    reader = Reader(runtime)
    reader.follow(execution, after=0, epoch=runtime.orchestrator.epoch)
    reader.until(lambda r: r.events and isinstance(r.events[-1], WorkflowCompleted))
    assert seqs(reader) == list(range(1, len(reader.events) + 1))
    assert isinstance(reader.events[0], WorkflowStarted)
    assert isinstance(reader.events[1], TasksAdded)
    started = {event.task: event.seq for event in reader.events if isinstance(event, TaskStarted)}
    completed = {event.task: event.seq for event in reader.events if isinstance(event, TaskCompleted)}
    assert set(started) == set(completed) == {"double[0]", "double[1]", "double[2]", "add"}
    assert all(started[key] < completed[key] for key in started)
    assert all(completed[f"double[{n}]"] < started["add"] for n in range(3))


def test_two_subscribers_who_came_at_different_times_agree(runtime: Runtime, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution = submit(runtime, gated(gate))
    early, late = Reader(runtime), Reader(runtime)
    early.follow(execution)
    early.until(lambda r: r.snapshot.counts["running"] == 1)
    late.follow(execution)
    gate.touch()
    for reader in (early, late):
        reader.until(lambda r: r.snapshot.status.is_final)
    assert msgspec.json.encode(early.snapshot) == msgspec.json.encode(late.snapshot)


def test_what_every_subscriber_is_sent_are_the_bytes_on_disk(runtime: Runtime, data_dir: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution = submit(runtime, gated(gate))
    over = [threading.Event(), threading.Event()]
    mailboxes = [Mailbox(event.set) for event in over]
    for mailbox in mailboxes:
        seq = runtime.call(runtime.orchestrator.subscribe(execution, mailbox)).result(PATIENCE).seq
    gate.touch()
    snapshot = ended(runtime, execution)
    first, second = (mailbox.take() for mailbox in mailboxes)
    # What came before the second subscription only the first one was sent.
    assert [id(delivery) for delivery in second] == [id(delivery) for delivery in first][-len(second) :]
    database = sqlite3.connect(data_dir / "wf_jupyter.sqlite3")
    bodies = [body for (body,) in database.execute("SELECT body FROM events WHERE seq > ? ORDER BY seq", (seq,))]
    database.close()
    assert len(bodies) == snapshot.seq - seq > 0
    assert [each for delivery in second if isinstance(delivery, Events) for each in delivery.encoded] == bodies


def test_the_end_is_told_to_who_waits_for_it_and_to_who_comes_late(runtime: Runtime, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution = submit(runtime, gated(gate))
    following = runtime.orchestrator.following
    assert not runtime.call(following.ending(execution)).result(PATIENCE).status.is_final
    assert not runtime.call(following.ending(execution, 0.01)).result(PATIENCE).status.is_final
    waiting = runtime.call(following.ending(execution, 30.0))
    given_up = runtime.call(following.ending(execution, 30.0))
    given_up.cancel()
    gate.touch()
    told = waiting.result(PATIENCE)
    snapshot = ended(runtime, execution)
    assert (told.status, told.seq, told.epoch) == (snapshot.status, snapshot.seq, snapshot.epoch)
    assert runtime.call(following.ending(execution, 30.0)).result(PATIENCE) == told
    with pytest.raises(ExecutionNotFound):
        runtime.call(following.ending("unknown", 30.0)).result(PATIENCE)


def test_a_subscriber_who_names_where_it_was_gets_exactly_what_it_missed(runtime: Runtime) -> None:
    execution = submit(runtime, doubling().bind(numbers=[1, 2]))
    epoch = ended(runtime, execution).epoch
    reader = Reader(runtime)
    answer = reader.follow(execution, after=3, epoch=epoch)
    assert answer.recovered and answer.snapshot is None
    reader.read()
    assert seqs(reader)[0] == 4
    assert isinstance(reader.events[-1], WorkflowCompleted)


@pytest.mark.parametrize(("after", "epoch"), [(3, "another"), (10_000, None), (None, None)])
def test_a_subscriber_whose_place_is_unknown_gets_a_snapshot(runtime: Runtime, after, epoch) -> None:
    execution = submit(runtime, doubling().bind(numbers=[1]))
    final = ended(runtime, execution)
    answer = Reader(runtime).follow(execution, after=after, epoch=epoch or final.epoch)
    assert not answer.recovered
    assert answer.snapshot == final and answer.seq == final.seq


def test_a_subscriber_who_does_not_read_lags_and_is_right_again_after_a_snapshot(runtime: Runtime) -> None:
    execution = submit(runtime, doubling().bind(numbers=list(range(40))))
    slow = Reader(runtime, limit=20)
    slow.follow(execution)
    final = ended(runtime, execution)
    slow.until(lambda r: r.snapshot.status.is_final)
    assert slow.lagged
    assert slow.snapshot == final


def test_nothing_arrives_after_unsubscribing(runtime: Runtime, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution = submit(runtime, gated(gate))
    reader = Reader(runtime)
    reader.follow(execution)
    runtime.call(runtime.orchestrator.unsubscribe(execution, reader.mailbox)).result(PATIENCE)
    gate.touch()
    ended(runtime, execution)
    assert reader.mailbox.take() == []


def test_the_subscriber_to_all_gets_workflow_events_of_all(runtime: Runtime) -> None:
    reader = Reader(runtime)
    reader.follow("*")
    ids = {submit(runtime, doubling().bind(numbers=[n])) for n in range(3)}
    reader.until(lambda r: sum(isinstance(event, WorkflowCompleted) for event in r.events) == len(ids))
    assert {type(event) for event in reader.events} == {WorkflowStarted, WorkflowCompleted}


def test_many_executions_run_at_once_and_none_starves(runtime: Runtime, tmp_path: Path) -> None:
    big = submit(runtime, doubling().bind(numbers=list(range(600))))
    small = [submit(runtime, doubling().bind(numbers=[1, 2])) for _ in range(3)]
    reader = Reader(runtime)
    reader.follow("*")
    for execution in small:
        assert ended(runtime, execution).status == "succeeded"
    assert ended(runtime, big).status == "succeeded"


def test_a_failed_task_skips_what_needs_it_and_can_be_retried(runtime: Runtime) -> None:
    execution = submit(runtime, failing().bind(b=0))
    final = ended(runtime, execution)
    assert {task.key: str(task.status) for task in final.tasks} == {"divide": "failed", "after": "skipped"}
    assert final.status == "failed" and final.failed == ("divide",)
    command(runtime, execution, Retry())
    again = ended(runtime, execution)
    assert {task.key: task.attempts for task in again.tasks} == {"divide": 2, "after": 0}
    assert again.seq > final.seq


def test_cancel_stops_what_runs_and_starts_nothing_more(runtime: Runtime, tmp_path: Path) -> None:
    execution = submit(runtime, gated(tmp_path / "never"))
    reader = Reader(runtime)
    reader.follow(execution)
    reader.until(lambda r: r.snapshot.counts["running"] == 1)
    command(runtime, execution, Cancel(reason="enough"))
    final = ended(runtime, execution)
    assert final.status == "cancelled" and final.counts["cancelled"] == 1
    with pytest.raises(StateConflict, match="cancelled"):
        command(runtime, execution, Cancel())


def test_one_task_can_be_cancelled(runtime: Runtime, tmp_path: Path) -> None:
    execution = submit(runtime, gated(tmp_path / "never"))
    reader = Reader(runtime)
    reader.follow(execution)
    reader.until(lambda r: r.snapshot.counts["running"] == 1)
    command(runtime, execution, CancelTask(task="wait"))
    assert ended(runtime, execution).counts["cancelled"] == 1


def test_a_paused_execution_starts_nothing_until_resumed(runtime: Runtime, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    @wf.task
    def wait(path):
        import time

        while not path.exists():
            time.sleep(0.01)

    @wf.workflow
    def two(path):
        return wait(path).after(wait(path))

    execution = submit(runtime, two.bind(path=gate), max_parallel=1)
    reader = Reader(runtime)
    reader.follow(execution)
    reader.until(lambda r: r.snapshot.counts["running"] == 1)
    command(runtime, execution, Pause())
    gate.touch()
    reader.until(lambda r: r.snapshot.counts["succeeded"] == 1)
    assert reader.snapshot.status == "paused"
    assert reader.snapshot.counts["pending"] == 1
    command(runtime, execution, Resume())
    assert ended(runtime, execution).status == "succeeded"


def test_a_task_that_fails_at_first_is_run_again_after_its_delay(runtime: Runtime, tmp_path: Path) -> None:
    @wf.task(retries=3, retry_delay=0.01)
    def flaky(marker):
        if not marker.exists():
            marker.touch()
            raise OSError("not yet")
        return "done"

    @wf.workflow
    def trying(marker):
        return flaky(marker)

    final = ended(runtime, submit(runtime, trying.bind(marker=tmp_path / "marker")))
    assert final.status == "succeeded" and final.tasks[0].attempts == 2


def test_a_finished_execution_is_read_from_disk_by_the_next_orchestrator(open_runtime) -> None:
    first = open_runtime()
    execution = submit(first, doubling().bind(numbers=[1, 2]))
    final, epoch = ended(first, execution), first.orchestrator.epoch
    first.close(10)
    second = open_runtime()
    assert second.orchestrator.epoch == epoch
    assert second.call(second.orchestrator.snapshot(execution)).result(PATIENCE) == final
    assert second.call(second.orchestrator.result(execution)).result(PATIENCE).status == "succeeded"


def test_an_execution_that_was_cut_off_goes_on_in_the_next_orchestrator(open_runtime, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = open_runtime()
    execution = submit(first, gated(gate))
    reader = Reader(first)
    reader.follow(execution)
    reader.until(lambda r: r.snapshot.counts["running"] == 1)
    seen, epoch = reader.snapshot.seq, reader.snapshot.epoch
    first.close(10)
    gate.touch()
    second = open_runtime()
    final = ended(second, execution)
    assert final.status == "succeeded"
    assert final.tasks[0].attempts == 2, "the attempt in flight is counted and run again"
    follower = Reader(second)
    assert follower.follow(execution, after=seen, epoch=epoch).recovered
    follower.read()
    assert seqs(follower) == list(range(seen + 1, final.seq + 1))


def test_unknown_ids_are_named(runtime: Runtime) -> None:
    engine = runtime.orchestrator
    for question in (
        engine.snapshot("nobody"),
        engine.events("nobody"),
        engine.result("nobody"),
        engine.command("nobody", Cancel()),
        engine.subscribe("nobody", Mailbox(lambda: None)),
        engine.delete("nobody"),
    ):
        with pytest.raises(ExecutionNotFound, match="nobody"):
            runtime.call(question).result(PATIENCE)
    for name in ("", "  "):
        with pytest.raises(InputError, match="empty"):
            runtime.call(engine.execute(name, {})).result(PATIENCE)
    with pytest.raises(WorkflowNotFound, match="nobody"):
        runtime.call(engine.execute("nobody", {})).result(PATIENCE)


def test_a_submission_with_a_cycle_or_without_a_name_is_refused(runtime: Runtime) -> None:
    submission = packed(failing().bind(b=1))
    first, second = submission.graph.nodes
    cycle = msgspec.structs.replace(
        submission.graph, nodes=(msgspec.structs.replace(first, needs=(Need(second.key),)), second)
    )
    with pytest.raises(WorkflowDefinitionError, match="cycle"):
        runtime.call(runtime.orchestrator.submit(msgspec.structs.replace(submission, graph=cycle))).result(PATIENCE)
    with pytest.raises(InputError, match="name"):
        runtime.call(runtime.orchestrator.submit(msgspec.structs.replace(submission, workflow=" "))).result(PATIENCE)
    with pytest.raises(InputError, match="blob"):
        runtime.call(runtime.orchestrator.submit(msgspec.structs.replace(submission, blobs={}))).result(PATIENCE)
    assert runtime.orchestrator.active_count() == 0


def test_the_long_poll_answers_when_something_happens(runtime: Runtime, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution = submit(runtime, gated(gate))
    engine = runtime.orchestrator
    reader = Reader(runtime)
    reader.follow(execution)
    reader.until(lambda r: r.snapshot.counts["running"] == 1)
    asked = runtime.call(engine.events(execution, after=reader.snapshot.seq, wait=PATIENCE))
    threading.Timer(0.05, gate.touch).start()
    assert asked.result(PATIENCE)
    assert runtime.call(engine.events(execution, after=10_000, wait=0.01)).result(PATIENCE) == []


def test_a_notifier_that_fails_disturbs_nobody(data_dir: Path) -> None:
    from wf_jupyter.service.config import RuntimeConfig

    told: list[str] = []

    class Loud:
        def notify(self, execution, workflow, events) -> None:
            told.append(workflow)
            raise RuntimeError("no")

    runtime = Runtime.open(RuntimeConfig(data_dir=data_dir), [Loud()])
    try:
        assert ended(runtime, submit(runtime, doubling().bind(numbers=[1]))).status == "succeeded"
        assert "doubled" in told
    finally:
        runtime.close(10)


def test_an_empty_workflow_and_an_empty_map_end_at_once(runtime: Runtime) -> None:
    @wf.workflow
    def nothing():
        return 7

    assert ended(runtime, submit(runtime, nothing.bind())).status == "succeeded"
    final = ended(runtime, submit(runtime, doubling().bind(numbers=[])))
    assert [task.key for task in final.tasks] == ["add"] and final.status == "succeeded"


def test_an_execution_that_must_not_resume_by_itself_is_marked_and_goes_on_when_asked(
    open_runtime, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = open_runtime()
    execution = submit(first, gated(gate))
    reader = Reader(first)
    reader.follow(execution)
    reader.until(lambda r: r.snapshot.counts["running"] == 1)
    first.close(10)
    second = open_runtime(recovery="interrupt")
    assert second.call(second.orchestrator.snapshot(execution)).result(PATIENCE).status == "interrupted"
    gate.touch()
    command(second, execution, Resume())
    final = ended(second, execution)
    assert final.status == "succeeded" and final.tasks[0].attempts == 2


def test_a_tolerated_failure_is_still_known_after_the_orchestrator_died(open_runtime, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    @wf.task
    def bad():
        raise ValueError("no")

    @wf.task
    def wait(path):
        import time

        while not path.exists():
            time.sleep(0.01)

    @wf.task
    def look(error, waited):
        return str(error.kind)

    @wf.workflow
    def tolerant(path):
        return look(wf.allow_failure(bad()), wait(path))

    first = open_runtime()
    execution = submit(first, tolerant.bind(path=gate))
    reader = Reader(first)
    reader.follow(execution)
    reader.until(lambda r: r.snapshot.counts["failed"] == 1 and r.snapshot.counts["running"] == 1)
    first.close(10)
    gate.touch()
    final = ended(open_runtime(), execution)
    assert final.status == "succeeded" and final.result is not None and "ValueError" in final.result.text


def test_who_subscribes_while_an_execution_ends_and_is_retried_misses_nothing(runtime: Runtime) -> None:
    engine = runtime.orchestrator
    execution = submit(runtime, failing().bind(b=0))
    ended(runtime, execution)

    async def subscribe_all_the_time(done: asyncio.Event) -> list[tuple[int, Mailbox]]:
        made = []
        while not done.is_set():
            mailbox = Mailbox(lambda: None, 100_000)
            made.append(((await engine.subscribe(execution, mailbox, encoded=True)).seq, mailbox))
            await asyncio.sleep(0)
        return made

    async def retry_often() -> tuple[list[tuple[int, Mailbox]], int]:
        done = asyncio.Event()
        crowd = [asyncio.create_task(subscribe_all_the_time(done)) for _ in range(4)]
        for _ in range(30):
            await engine.command(execution, Retry())
            while not (await engine.snapshot(execution)).status.is_final or engine.active_count():
                await asyncio.sleep(0)
        done.set()
        made = [subscription for part in await asyncio.gather(*crowd) for subscription in part]
        return made, (await engine.snapshot(execution)).seq

    made, last = runtime.call(retry_often()).result(PATIENCE)
    for seq, mailbox in made:
        told = [delivery for delivery in mailbox.take() if isinstance(delivery, Events)]
        heard = [event.seq for delivery in told for event in delivery.events if event.seq > seq]
        assert heard == list(range(seq + 1, last + 1))


def test_the_orchestrator_is_refused_to_all_but_its_own_thread(runtime: Runtime) -> None:
    execution = submit(runtime, doubling().bind(numbers=[1]))
    ended(runtime, execution)
    engine = runtime.orchestrator
    for question in (
        engine.snapshot(execution),
        engine.subscribe(execution, Mailbox(lambda: None)),
        engine.command(execution, Pause()),
        engine.delete(execution),
    ):
        with pytest.raises(RuntimeError, match="belongs to one thread"):
            asyncio.run(question)
    assert engine.active_count() == 0, "what any thread may ask"
