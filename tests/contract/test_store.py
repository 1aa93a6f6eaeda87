"""What every store promises, checked on SQLite and on its twin in memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from wf_jupyter.errors import ExecutionNotFound, StateConflict, StoreError, WorkflowNotFound
from wf_jupyter.model.directory import Peers
from wf_jupyter.model.events import (
    Event,
    ResultInfo,
    TaskCompleted,
    TaskLog,
    TasksAdded,
    TaskStarted,
    WorkflowCompleted,
    WorkflowStarted,
)
from wf_jupyter.model.graph import GraphSpec, NodeSpec, ResultSpec
from wf_jupyter.model.history import Durations, Experience
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.model.stimuli import Value
from wf_jupyter.model.submission import Environment, Expansion, Reuse, Submission
from wf_jupyter.ports import Batch, CacheEntry, Published, Store
from wf_jupyter.store.memory import MemoryData, MemoryStore
from wf_jupyter.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ENVIRONMENT = Environment(executable="python", directory="/", path=("lib",), variables={"SECRET": "s3cret"})
Open = Callable[[], Store]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite", "memory"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one more store over the same data each time it is called."""
    opened: list[Store] = []
    data = MemoryData()

    def open_one() -> Store:
        store = SqliteStore.open(tmp_path / "data") if request.param == "sqlite" else MemoryStore(data)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        asyncio.run(store.close())


@pytest.fixture
def store(open_store: Open) -> Store:
    return open_store()


def graph(*keys: str) -> GraphSpec:
    nodes = tuple(NodeSpec(key=TaskKey(key), name=key, code=Digest("c"), call=Digest("a")) for key in keys)
    return GraphSpec(nodes=nodes, result=ResultSpec(template=Digest("t")))


def submission(workflow: str = "flow", **blobs: bytes) -> Submission:
    return Submission(
        workflow=workflow,
        graph=graph("one", "two"),
        blobs={Digest(digest): data for digest, data in blobs.items()},
        environment=ENVIRONMENT,
        inputs={"x": "1"},
        owner="ada",
    )


def first(
    execution: str, workflow: str = "flow", status: ExecutionStatus = ExecutionStatus.RUNNING, **blobs: bytes
) -> Batch:
    return Batch(
        execution=execution,
        events=(
            WorkflowStarted(seq=1, time=START, workflow=workflow, task_count=2),
            TasksAdded(seq=2, time=START),
        ),
        submission=submission(workflow, **blobs),
        status=status,
        counts={"pending": 2},
    )


def more(execution: str, *events: Event, status: ExecutionStatus = ExecutionStatus.RUNNING, **rest: object) -> Batch:
    return Batch(execution=execution, events=events, status=status, **rest)  # type: ignore[arg-type]


def started(seq: int) -> TaskStarted:
    return TaskStarted(seq=seq, time=START + timedelta(microseconds=seq), task="one", attempt=1, worker="w1")


async def test_events_come_back_as_they_were_appended(store: Store) -> None:
    batch = first("e1")
    log = TaskLog(seq=4, time=START, task="one", attempt=1, stream="stdout", text="zwei\x00\n€")
    await store.append(batch)
    await store.append(more("e1", started(3), log))
    assert await store.events("e1") == [*batch.events, started(3), log]


async def test_events_are_read_after_a_seq_and_up_to_a_limit(store: Store) -> None:
    await store.append(first("e1"))
    await store.append(more("e1", *(started(seq) for seq in range(3, 10))))
    assert [event.seq for event in await store.events("e1", after=4, limit=3)] == [5, 6, 7]
    assert [event.seq for event in await store.events("e1", after=8)] == [9]
    assert await store.events("e1", after=99) == []
    assert await store.events("e1", limit=0) == []


async def test_a_gap_in_seq_is_refused_and_nothing_of_the_batch_is_stored(store: Store) -> None:
    await store.append(first("e1"))
    value = ("one", Value(data=b"v", size=1))
    for seq in (2, 4):
        with pytest.raises(StoreError, match=f"event {seq} of execution 'e1' came where 3 was expected"):
            await store.append(more("e1", started(seq), values=(value,), status=ExecutionStatus.FAILED))
    with pytest.raises(StoreError, match="event 5"):
        await store.append(more("e1", started(3), started(5)))
    assert len(await store.events("e1")) == 2
    assert await store.values("e1", [("one", "")]) == {}
    assert [line.status for line in await store.summaries()] == [ExecutionStatus.RUNNING]


async def test_an_execution_begins_once_and_at_seq_1(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.append(msgspec.structs.replace(first("e1"), events=(started(2),)))
    await store.append(first("e1"))
    with pytest.raises(StoreError, match="exists already"):
        await store.append(first("e1"))
    with pytest.raises(ExecutionNotFound, match="'e2'"):
        await store.append(more("e2", started(1)))


async def test_batches_given_at_once_are_committed_in_order_and_a_bad_one_fails_alone(store: Store) -> None:
    await store.append(first("e1"))
    batches = [more("e1", started(3)), more("e1", started(9)), more("e1", started(4)), first("e2")]
    outcomes = await asyncio.gather(*(store.append(batch) for batch in batches), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), StoreError, type(None), type(None)]
    assert [event.seq for event in await store.events("e1")] == [1, 2, 3, 4]
    assert len(await store.events("e2")) == 2


async def test_a_record_is_the_submission_without_blobs_and_variables(store: Store) -> None:
    batch = first("e1", c=b"code", a=b"call")
    grown = Expansion(graph=graph("x"), blobs={Digest("g"): b"grown"})
    await store.append(batch)
    await store.append(more("e1", started(3), expansions=(("one", grown), ("two", grown))))
    record = await store.record("e1")
    assert record.created == START
    assert record.submission.graph == graph("one", "two")
    assert record.submission.owner == "ada"
    assert record.submission.blobs == {}
    assert record.submission.environment == msgspec.structs.replace(ENVIRONMENT, variables={})
    assert [(task, expansion.graph, expansion.blobs) for task, expansion in record.expansions] == [
        ("one", graph("x"), {}),
        ("two", graph("x"), {}),
    ]
    assert await store.blobs("e1") == {"c": b"code", "a": b"call", "g": b"grown"}
    assert await store.blob("e1", Digest("g")) == b"grown"
    assert await store.blob("e1", Digest("x")) is None


async def test_values_are_found_by_task_and_part(store: Store) -> None:
    await store.append(first("e1"))
    path = str(store.directory("e1") / "big")
    small, items = Value(data=b"small", size=5), Value(part="items:", path=path, size=1 << 20)
    elsewhere = Value(path="/elsewhere/big", size=3)
    await store.append(more("e1", started(3), values=(("a/b[3]", small), ("a/b[3]", items), ("c", elsewhere))))
    wanted = [("a/b[3]", ""), ("a/b[3]", "items:"), ("a/b[3]", "error"), ("c", ""), ("d", "")]
    assert await store.values("e1", wanted) == {
        ("a/b[3]", ""): small,
        ("a/b[3]", "items:"): items,
        ("c", ""): elsewhere,
    }
    assert await store.values("nobody", wanted) == {}


async def test_a_newer_value_replaces_the_older_one(store: Store) -> None:
    await store.append(first("e1"))
    await store.append(more("e1", started(3), values=(("one", Value(data=b"old", size=3)),)))
    await store.append(more("e1", started(4), values=(("one", Value(data=b"newer", size=5)),)))
    assert await store.values("e1", [("one", "")]) == {("one", ""): Value(data=b"newer", size=5)}


async def test_the_directory_of_an_execution_exists_and_is_its_own(store: Store) -> None:
    assert store.directory("e1").is_dir()
    assert store.directory("e1").is_absolute()
    assert store.directory("e1") != store.directory("e2")
    for bad in ("..", "a/b", "", "a\0"):
        with pytest.raises(ExecutionNotFound):
            store.directory(bad)


async def test_summaries_are_newest_first_and_page_without_loss(store: Store) -> None:
    for number in range(25):
        await store.append(first(f"e{number:03}"))
    seen: list[str] = []
    before = None
    while page := await store.summaries(limit=10, before=before):
        seen += [line.id for line in page]
        before = page[-1].id
    assert seen == [f"e{number:03}" for number in reversed(range(25))]


async def test_summaries_are_filtered_by_status_and_workflow(store: Store) -> None:
    for number in range(8):
        status = ExecutionStatus.FAILED if number % 2 else ExecutionStatus.RUNNING
        await store.append(first(f"e{number}", workflow="ab"[number % 4 // 2], status=status))
    failed = await store.summaries(status=ExecutionStatus.FAILED)
    assert [line.id for line in failed] == ["e7", "e5", "e3", "e1"]
    both = await store.summaries(status=ExecutionStatus.FAILED, workflow="a", before="e5")
    assert [line.id for line in both] == ["e1"]
    assert await store.summaries(workflow="nobody") == []


async def test_a_summary_follows_the_latest_batch(store: Store) -> None:
    ended = START + timedelta(seconds=3)
    done = WorkflowCompleted(seq=3, time=ended, status=ExecutionStatus.SUCCEEDED)
    await store.append(first("e1"))
    await store.append(more("e1", done, status=ExecutionStatus.SUCCEEDED, counts={"succeeded": 2}, ended=ended))
    (line,) = await store.summaries()
    assert (line.id, line.workflow, line.owner) == ("e1", "flow", "ada")
    assert (line.seq, line.status, dict(line.counts)) == (3, ExecutionStatus.SUCCEEDED, {"succeeded": 2})
    assert (line.created, line.ended) == (START, ended)
    await store.append(more("e1", started(4)))
    (line,) = await store.summaries()
    assert (line.status, line.ended) == (ExecutionStatus.RUNNING, None)


async def test_a_line_of_the_list_has_the_inputs_in_short(store: Store) -> None:
    many = {f"x{number}": "1" * 100 for number in range(10)}
    begun = first("e1")
    started_event = msgspec.structs.replace(begun.events[0], inputs={"day": "'Monday'", **many})
    await store.append(msgspec.structs.replace(begun, events=(started_event, *begun.events[1:])))
    (line,) = await store.summaries()
    assert list(line.inputs)[:2] == ["day", "x0"] and line.inputs["day"] == "'Monday'"
    assert len(line.inputs) == 6 and len(line.inputs["x0"]) == 60


async def test_deleting_forgets_everything_of_one_execution_only(store: Store) -> None:
    await store.append(first("e1", shared=b"both", own=b"mine"))
    await store.append(first("e2", shared=b"both"))
    await store.append(more("e1", started(3), values=(("one", Value(data=b"v", size=1)),)))
    folder = store.directory("e1")
    (folder / "big").write_bytes(b"x")
    kept = store.directory("e2") / "big"
    kept.write_bytes(b"x")

    await store.delete("e1")

    assert not folder.exists()
    assert kept.exists()
    assert await store.values("e1", [("one", "")]) == {}
    assert [line.id for line in await store.summaries()] == ["e2"]
    assert await store.blobs("e2") == {"shared": b"both"}
    for call in (store.events, store.record, store.blobs, store.delete):
        with pytest.raises(ExecutionNotFound, match="'e1'"):
            await call("e1")


async def test_what_was_deleted_may_come_back_empty(store: Store) -> None:
    await store.append(first("e1", c=b"code"))
    await store.append(more("e1", started(3), values=(("one", Value(data=b"v", size=1)),)))
    await store.delete("e1")
    await store.append(first("e1", c=b"code"))
    assert len(await store.events("e1")) == 2
    assert await store.blobs("e1") == {"c": b"code"}
    assert await store.values("e1", [("one", "")]) == {}


async def test_publishing_counts_versions_and_keeps_all(store: Store) -> None:
    one = published("etl", b"one")
    stored = await store.publish(one)
    assert stored.version == 1
    assert stored.environment.variables == {}
    assert await store.publish(one) == stored
    later = await store.publish(published("etl", b"two"))
    assert later.version == 2
    await store.publish(published("alpha", b"a"))
    assert await store.workflow("etl") == later
    assert await store.workflow("etl", 1) == stored
    assert [(line.name, line.version) for line in await store.workflows()] == [("alpha", 1), ("etl", 2)]
    assert (await store.publish(published("etl", b"one"))).version == 3
    for name, version in (("nobody", None), ("etl", 9)):
        with pytest.raises(WorkflowNotFound, match=name):
            await store.workflow(name, version)


def published(name: str, code: bytes) -> Published:
    return Published(
        name=name,
        version=0,
        code=code,
        environment=ENVIRONMENT,
        parameters={"type": "object", "properties": {"n": {"type": "integer"}}},
        published=START,
    )


async def test_only_one_store_owns_an_execution(open_store: Open) -> None:
    mine, other = open_store(), open_store()
    await mine.append(first("e1"))
    assert mine.claim("e1")
    assert not other.claim("e1")
    assert await other.events("e1") == await mine.events("e1")
    with pytest.raises(StoreError, match="owned by another"):
        await other.append(more("e1", started(3)))
    with pytest.raises(ExecutionNotFound):
        mine.claim("nobody")


async def test_executions_of_a_closed_store_are_orphans_until_claimed(open_store: Open) -> None:
    gone, one, two = open_store(), open_store(), open_store()
    for execution in ("e2", "e1", "e3"):
        await gone.append(first(execution))
    await gone.append(more("e3", started(3), status=ExecutionStatus.SUCCEEDED))
    await one.append(first("e0"))
    assert await one.orphans() == []
    await gone.close()
    assert await one.orphans() == ["e1", "e2"]
    assert one.claim("e1")
    assert not two.claim("e1")
    assert two.claim("e3")
    assert await two.orphans() == ["e2"]
    await one.append(more("e1", started(3)))


async def test_of_many_stores_that_claim_at_once_one_wins(open_store: Open) -> None:
    gone = open_store()
    await gone.append(first("e1"))
    await gone.close()
    stores = [open_store() for _ in range(6)]
    won: list[bool] = []
    threads = [threading.Thread(target=lambda store=store: won.append(store.claim("e1"))) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]


async def test_a_store_sees_others_come_and_go(open_store: Open) -> None:
    mine = open_store()
    mine.peers()
    assert mine.peers() == Peers(living=frozenset(), are_changed=False)
    other = open_store()
    seen = mine.peers()
    assert (len(seen.living), seen.are_changed) == (1, True)
    assert mine.peers() == Peers(living=seen.living, are_changed=False)
    await other.close()
    assert mine.peers() == Peers(living=frozenset(), are_changed=True)
    await open_store().close()  # came and went between two looks
    assert mine.peers() == Peers(living=frozenset(), are_changed=True)


async def test_executions_of_others_are_found_while_they_go_on_or_are_new_or_known(open_store: Open) -> None:
    mine, other = open_store(), open_store()
    assert await mine.elsewhere(0, []) == ([], 0)
    await mine.append(first("e1"))
    await other.append(first("e2"))
    await other.append(first("e3", status=ExecutionStatus.SUCCEEDED))
    summaries, newest = await mine.elsewhere(0, [])
    assert [(summary.id, summary.seq) for summary in summaries] == [("e3", 2), ("e2", 2)]
    await other.append(more("e2", started(3)))
    summaries, newest = await mine.elsewhere(newest, [])
    assert [(summary.id, summary.seq) for summary in summaries] == [("e2", 3)]
    summaries, newest = await mine.elsewhere(newest, ["e3", "e1", "e9"])
    assert [summary.id for summary in summaries] == ["e3", "e2"]
    assert await mine.positions(["e1", "e2", "e9"]) == {"e1": 2, "e2": 3}
    assert len(await mine.positions([f"e{number}" for number in range(2_000)])) == 3


async def test_stores_over_the_same_data_share_its_epoch(open_store: Open) -> None:
    assert open_store().epoch == open_store().epoch != ""


async def test_closing_commits_what_was_queued_and_may_be_repeated(open_store: Open) -> None:
    store = open_store()
    await store.append(first("e1"))
    appends = [asyncio.ensure_future(store.append(more("e1", started(seq)))) for seq in range(3, 100)]
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    await asyncio.gather(*appends)
    assert len(await open_store().events("e1")) == 99
    with pytest.raises(StoreError, match="closed"):
        await store.append(more("e1", started(100)))
    with pytest.raises(StoreError, match="closed"):
        await store.events("e1")


async def test_a_cancelled_wait_does_not_undo_the_append(store: Store) -> None:
    await store.append(first("e1"))
    waiting = asyncio.ensure_future(store.append(more("e1", started(3))))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await store.append(more("e1", started(4)))
    assert [event.seq for event in await store.events("e1")] == [1, 2, 3, 4]


async def test_two_event_loops_may_use_one_store(store: Store) -> None:
    await store.append(first("e1"))

    async def elsewhere() -> None:
        await store.append(first("e2"))

    thread = threading.Thread(target=asyncio.run, args=(elsewhere(),))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert [line.id for line in await store.summaries()] == ["e2", "e1"]


async def test_a_task_completion_keeps_every_field(store: Store) -> None:
    await store.append(first("e1"))
    done = TaskCompleted(
        seq=3,
        time=START,
        task="one",
        attempt=2,
        status=TaskStatus.SUCCEEDED,
        duration=0.25,
        lengths={"": 3},
        truth=False,
    )
    await store.append(more("e1", done))
    assert (await store.events("e1", after=2)) == [done]


def entry(key: str, task: str = "one", minutes: int = 0) -> CacheEntry:
    return CacheEntry(
        key=key,
        task=task,
        result=ResultInfo(type="list", text="[1]", size=5),
        lengths={"": 1},
        truth=True,
        created=START + timedelta(minutes=minutes),
    )


def large(store: Store, execution: str, name: str = "big.value") -> Value:
    path = store.directory(execution) / name
    path.write_bytes(b"large")
    return Value(path=str(path), size=5)


async def computed(store: Store, execution: str, *entries: CacheEntry, value: Value | None = None) -> None:
    await store.append(first(execution))
    values = tuple((line.task, value or large(store, execution)) for line in entries)
    await store.append(more(execution, started(3), values=values, cache=entries, status=ExecutionStatus.SUCCEEDED))


async def test_a_cached_result_comes_back_with_values_that_outlive_its_execution(store: Store) -> None:
    await computed(store, "e1", entry("k"))
    await store.append(first("e2"))
    found = await store.cached("k", "e2")
    assert found is not None
    told, source, (value,) = found
    assert (told, source, value.size) == (entry("k"), "e1", 5)
    assert value.path is not None and Path(value.path).parent == store.directory("e2")
    assert await store.cached("k", "e2") == found
    await store.append(more("e2", started(3), values=(("one", value),)))
    await store.delete("e1")
    assert Path(value.path).read_bytes() == b"large"
    assert await store.values("e2", [("one", "")]) == {("one", ""): value}
    assert await store.cached("k", "e2") is None


async def test_the_newest_cached_result_is_found_and_no_other_key_s(store: Store) -> None:
    await computed(store, "e1", entry("k", minutes=2), value=Value(data=b"new", size=3))
    await computed(store, "e2", entry("k", minutes=1), value=Value(data=b"old", size=3))
    found = await store.cached("k", "e3")
    assert found is not None and (found[1], found[2][0].data) == ("e1", b"new")
    assert await store.cached("other", "e3") is None
    await store.delete("e1")
    found = await store.cached("k", "e3")
    assert found is not None and found[1] == "e2"


async def test_a_cached_result_without_its_file_or_its_values_is_none(store: Store) -> None:
    await computed(store, "e1", entry("k"))
    (store.directory("e1") / "big.value").unlink()
    assert await store.cached("k", "e2") is None
    await store.append(first("e3"))
    await store.append(more("e3", started(3), cache=(entry("k3"),)))
    assert await store.cached("k3", "e2") is None
    await computed(store, "e4", entry("k4"), value=Value(path="elsewhere:4", size=1))
    assert await store.cached("k4", "e2") is None


async def test_all_parts_of_a_result_are_cached_but_not_its_error(store: Store) -> None:
    await store.append(first("e1"))
    parts = ("", "items:", "error")
    values = tuple(("one", Value(part=part, data=b"v", size=1)) for part in parts)
    await store.append(more("e1", started(3), values=values, cache=(entry("k"),)))
    found = await store.cached("k", "e2")
    assert found is not None and sorted(value.part for value in found[2]) == ["", "items:"]


async def test_adopted_values_are_files_of_their_own(store: Store) -> None:
    value = large(store, "e1")
    small = Value(part="items:", data=b"s", size=1)
    adopted = await store.adopt([value, small], "e2")
    assert adopted is not None and adopted[1] == small
    assert adopted[0].path == str(store.directory("e2") / "big.value")
    assert Path(str(adopted[0].path)).samefile(str(value.path))
    Path(str(value.path)).unlink()
    assert await store.adopt([value], "e3") is None
    assert await store.adopt(adopted, "e2") == adopted


async def test_holdings_tell_what_every_execution_occupies(store: Store) -> None:
    await store.append(first("e1", c=b"x" * 5000))
    before = {held.id: held for held in await store.holdings()}["e1"]
    assert 5000 < before.size < 7000 and before.ended is None and not before.files
    value = large(store, "e1")
    await store.append(more("e1", started(3), values=(("one", value), ("two", Value(data=b"y" * 3000, size=3000)))))
    done = WorkflowCompleted(seq=4, time=START, status=ExecutionStatus.SUCCEEDED)
    await store.append(more("e1", done, status=ExecutionStatus.SUCCEEDED, ended=START))
    store.logs("e1").mkdir(parents=True)
    (store.logs("e1") / "one.1.log").write_bytes(b"z" * 700)
    (after,) = await store.holdings()
    assert before.size + 3000 < after.size < before.size + 5000
    assert after.ended == START and sorted(after.files.values()) == [5, 700]
    await store.delete("e1")
    assert await store.holdings() == [] and not store.logs("e1").exists()


async def test_holdings_tell_which_files_are_shared(store: Store) -> None:
    for execution in ("e1", "e2"):
        await store.append(first(execution))
    assert await store.adopt([large(store, "e1")], "e2") is not None
    one, two = sorted(await store.holdings(), key=lambda held: held.id)
    assert one.files == two.files and list(one.files.values()) == [5]


async def test_an_execution_is_needed_while_one_that_builds_on_it_runs(store: Store) -> None:
    ended = ExecutionStatus.FAILED
    await store.append(first("e1", status=ended))
    again = first("e2")
    assert again.submission is not None
    builds = msgspec.structs.replace(again.submission, reuse=Reuse(execution="e1"))
    await store.append(msgspec.structs.replace(again, submission=builds))
    assert {held.id: held.is_needed for held in await store.holdings()} == {"e1": True, "e2": False}
    await store.append(more("e2", started(3), status=ended, ended=START))
    assert not any(held.is_needed for held in await store.holdings())
    assert {held.id: held.ended for held in await store.holdings()} == {"e1": START, "e2": START}


async def test_what_runs_in_another_process_is_not_deleted(open_store: Open) -> None:
    one, two = open_store(), open_store()
    await one.append(first("e1"))
    with pytest.raises(StateConflict, match="cancel it first"):
        await two.delete("e1")
    assert len(await one.events("e1")) == 2
    await one.append(more("e1", started(3), status=ExecutionStatus.CANCELLED))
    await two.delete("e1")
    await one.append(first("e2"))
    await one.close()
    await two.delete("e2")
    assert await two.summaries() == []


async def test_histories_are_those_of_older_executions_of_the_workflow_and_go_with_them(store: Store) -> None:
    for key, workflow in (("01", "flow"), ("02", "other"), ("03", "flow"), ("04", "flow")):
        await store.append(first(key, workflow, ExecutionStatus.SUCCEEDED))
        await store.write_history(key, Experience(tasks={"a": Durations(count=1, points=(float(key),))}))
    assert [found.tasks["a"].points[0] for found in await store.histories("flow", "04", 10)] == [3.0, 1.0]
    assert [found.tasks["a"].points[0] for found in await store.histories("flow", "04", 1)] == [3.0]
    await store.delete("03")
    assert [found.tasks["a"].points[0] for found in await store.histories("flow", "04", 10)] == [1.0]
    with pytest.raises(ExecutionNotFound):
        await store.write_history("03", Experience())
