"""Golden vectors: after each of the same events the same snapshot in Python and in the browser.

`python -m tests.golden.vectors` writes `fold/*.json` anew; a test says when they are stale.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.engine.plan import plan
from wf_jupyter.engine.state import new_state
from wf_jupyter.engine.step import step
from wf_jupyter.model.events import Event, Failure, ResultInfo, TaskCompleted, TaskLog, TaskProgress
from wf_jupyter.model.graph import GraphSpec, Need, NodeSpec, Over, ResultSpec, ScopeSpec
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.policy import ExecutionOptions, TaskOptions
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptRequeued,
    AttemptStopped,
    AttemptSucceeded,
    Cancel,
    CancelTask,
    Displayed,
    Pause,
    Printed,
    Progressed,
    Recover,
    Resume,
    Retry,
    RetryDue,
    Start,
    Stimulus,
)
from wf_jupyter.model.submission import Environment, Expansion, Submission

FOLDER = Path(__file__).parent / "fold"
BLOB = Digest("b")
BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Script:
    """Plays one execution; every step takes a quarter of a second."""

    def __init__(self, *nodes: NodeSpec, options: ExecutionOptions | None = None, scopes: tuple[ScopeSpec, ...] = ()):
        needs = (Need(nodes[-1].key),) if nodes else ()
        result = ResultSpec(template=BLOB, needs=needs, is_alias=bool(needs))
        graph = GraphSpec(nodes=nodes, result=result, scopes=scopes)
        environment = Environment(executable="python", directory="/", path=())
        submission = Submission(
            workflow="demo",
            graph=graph,
            blobs={},
            environment=environment,
            inputs={"n": "3"},
            options=options or ExecutionOptions(),
        )
        self.state = new_state("01golden", submission)
        self.now = BEGIN
        self.events: list[Event] = []
        self.feed(Start(epoch="epoch.1"))

    def feed(self, stimulus: Stimulus) -> None:
        self.now += timedelta(milliseconds=250)
        self.events += step(self.state, stimulus, self.now, 0.5)

    def start(self, count: int = 99) -> None:
        for start in plan(self.state, [f"local-{n % 2 + 1}" for n in range(count)], {}):
            self.feed(start)

    def succeed(self, key: str, length: int | None = None, **more: object) -> None:
        info = ResultInfo(type="int", text="42", size=12, **more)  # type: ignore[arg-type]
        lengths = {} if length is None else {"": length}
        self.feed(AttemptSucceeded(task=key, attempt=self.attempt(key), duration=0.125, result=info, lengths=lengths))

    def fail(self, key: str) -> None:
        failure = Failure(kind="raised", type="ValueError", message="14 rows with null id", traceback="Traceback …")
        self.feed(AttemptFailed(task=key, attempt=self.attempt(key), duration=0.5, failure=failure))

    def attempt(self, key: str) -> int:
        return self.state.running[key].attempt


def node(key: str, *needs: str, over: tuple[Over, ...] = (), group: str | None = None, **options: object) -> NodeSpec:
    return NodeSpec(
        key=TaskKey(key),
        name=key.rpartition("/")[2],
        code=BLOB,
        call=BLOB,
        needs=tuple(Need(TaskKey(need)) for need in needs),
        over=over,
        group=group,
        options=TaskOptions(**options),  # type: ignore[arg-type]
    )


def over(source: str) -> tuple[Over, ...]:
    return (Over(parameter="x", source=TaskKey(source)),)


def chain() -> Script:
    script = Script(node("fetch"), node("clean", "fetch"), node("report", "clean"))
    script.start()
    script.feed(Progressed(task="fetch", attempt=1, done=1, total=4, text="rows"))
    script.feed(Printed(task="fetch", attempt=1, stream="stdout", text="hello\n"))
    script.feed(Displayed(task="fetch", attempt=1, data={"text/plain": "plot"}))
    script.succeed("fetch", shape=(3, 2), length=3)
    script.start()
    script.succeed("clean")
    script.start()
    script.succeed("report")
    return script


def mapped() -> Script:
    literal = (Over(parameter="x", literal=BLOB, length=3),)
    script = Script(node("fetch", over=literal), node("clean", over=over("fetch")), node("report", "clean"))
    for _ in range(9):
        script.start(2)
        for key in list(script.state.running):
            script.succeed(key)
    return script


def mapped_over_a_result() -> Script:
    script = Script(node("list"), node("each", over=over("list")), node("empty", over=over("each")))
    script.start()
    script.succeed("list", length=2)
    script.start()
    script.succeed("each[0]")
    return script


def failed_and_retried() -> Script:
    script = Script(
        node("good"), node("bad", retries=1), node("items", over=over("bad")), node("report", "items", "good")
    )
    script.start()
    script.succeed("good")
    script.fail("bad")
    script.feed(RetryDue(task="bad", attempt=1))
    script.start()
    script.fail("bad")
    script.feed(Retry(epoch="epoch.2"))
    script.start()
    script.succeed("bad", length=0)
    script.start()
    script.succeed("report")
    return script


def cancelled() -> Script:
    script = Script(node("a"), node("b"), node("c", "a"))
    script.start(1)
    script.feed(Pause())
    script.feed(Resume())
    script.feed(Cancel(reason="enough"))
    script.feed(AttemptStopped(task="a", attempt=1, duration=0.25))
    return script


def some_tasks_cancelled() -> Script:
    literal = (Over(parameter="x", literal=BLOB, length=3),)
    script = Script(node("stubborn", retries=1), node("items", over=literal), node("last", "items"))
    script.start(3)
    script.feed(CancelTask(task="stubborn"))
    script.feed(CancelTask(task="items"))
    script.feed(AttemptStopped(task="items[0]", attempt=1, duration=0.25))
    script.feed(Recover())
    script.feed(Retry(tasks=("stubborn", "items")))
    script.start(1)
    script.feed(CancelTask(task="stubborn"))
    script.fail("stubborn")
    return script


def expanded_and_recovered() -> Script:
    script = Script(
        node("train/fit", group="train"),
        node("after", "train/fit"),
        scopes=(ScopeSpec(key="train", name="train"),),
    )
    script.start()
    inner = GraphSpec(
        nodes=(node("step"), node("last", "step")),
        result=ResultSpec(template=BLOB, needs=(Need(TaskKey("last")),), is_alias=True),
    )
    expansion = Expansion(graph=inner, blobs={})
    script.feed(AttemptExpanded(task="train/fit", attempt=1, duration=0.1, expansion=expansion))
    script.start()
    script.feed(Recover(epoch="epoch.3"))
    script.start()
    script.succeed("train/fit/step")
    script.start()
    script.succeed("train/fit/last")
    return script


def unknown_tasks() -> Script:
    script = Script(node("known"))
    after = script.state.seq
    script.events.append(TaskProgress(seq=after + 1, time=script.now, task="nobody", done=1))
    script.events.append(TaskLog(seq=after + 2, time=script.now, task="nobody", attempt=1, stream="stdout", text="x"))
    return script


def conditional() -> Script:
    check = Need(TaskKey("check"), "truthy")
    other = Need(TaskKey("check"), "falsy")
    script = Script(
        node("check"),
        msgspec.structs.replace(node("big"), needs=(check,)),
        msgspec.structs.replace(node("small"), needs=(other,)),
        node("after", "small"),
        node("each", over=over("after")),
        node("cleanup", "check", trigger_rule="one_failed"),
        node("bad", "big"),
        node("last", "bad"),
    )
    script.start()
    info = ResultInfo(type="bool", text="True")
    script.feed(AttemptSucceeded(task="check", attempt=1, duration=0.125, result=info, truth=True))
    script.start()
    script.succeed("big")
    script.start()
    script.fail("bad")
    script.feed(Retry(tasks=("after",)))
    return script


def told_as_errors() -> Script:
    """A log of version 0.1.0: a skipped task carries an error that says why."""
    script = Script(node("a"), node("b", "a"), node("c", "a"), node("d", "a"), node("e", "a"))
    told = {
        "a": ("Skipped", "check was truthy"),
        "b": ("UpstreamFailed", "fetch[3] failed"),
        "c": ("UpstreamFailed", "fetch cancelled"),
        "d": ("UpstreamFailed", "b skipped"),
        "e": ("Skipped", "nothing before it failed"),
    }
    for seq, (key, (kind, message)) in enumerate(told.items(), start=script.state.seq + 1):
        error = Failure(kind="upstream", type=kind, message=message)
        skipped = TaskStatus.SKIPPED
        script.events.append(TaskCompleted(seq=seq, time=script.now, task=key, attempt=0, status=skipped, error=error))
    return script


def requeued_and_begun_later() -> Script:
    """What was sent ahead and had not begun waits again; of what began late, the events that end it say when."""
    script = Script(node("short", retries=1), node("long"), node("behind"), node("stopped"))
    script.start()
    script.feed(AttemptRequeued(task="behind", attempt=1))
    script.feed(AttemptRequeued(task="behind", attempt=1))
    script.feed(CancelTask(task="stopped"))
    script.feed(AttemptRequeued(task="stopped", attempt=1))
    late: dict[str, Any] = {"duration": 0.125, "began": script.now.timestamp() - 0.125}
    failure = Failure(kind="raised", type="ValueError", message="no")
    script.feed(AttemptFailed(task="short", attempt=1, failure=failure, **late))
    script.feed(AttemptSucceeded(task="long", attempt=1, result=ResultInfo(type="int"), **late))
    script.start()
    script.feed(RetryDue(task="short", attempt=1))
    script.start()
    script.feed(AttemptRequeued(task="short", attempt=2))
    script.start()
    script.succeed("short")
    script.succeed("behind")
    return script


SCRIPTS: tuple[Callable[[], Script], ...] = (
    chain,
    mapped,
    mapped_over_a_result,
    failed_and_retried,
    cancelled,
    some_tasks_cancelled,
    expanded_and_recovered,
    unknown_tasks,
    conditional,
    told_as_errors,
    requeued_and_begun_later,
)


def vector(script: Script) -> bytes:
    """Events, each with the snapshot that it leads to, as the wire would carry them."""
    first = empty("01golden", "epoch", BEGIN)
    before = msgspec.Raw(msgspec.json.encode(first))
    picture = Picture(first)
    steps = []
    for event in script.events:
        picture.fold(event)
        steps.append({"event": event, "snapshot": msgspec.Raw(msgspec.json.encode(picture.snapshot))})
    return msgspec.json.format(msgspec.json.encode({"before": before, "steps": steps}), indent=1) + b"\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for make in SCRIPTS:
        (FOLDER / f"{make.__name__}.json").write_bytes(vector(make()))
