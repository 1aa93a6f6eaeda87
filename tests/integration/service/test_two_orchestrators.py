"""Orchestrators on one data directory: followers of either see what happens, and one takes over what another leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.integration.service.conftest import PATIENCE, Reader, packed, seqs
from tests.jupyter_process import until
from tests.sample_workflows import doubling, gated
from wf_jupyter.engine.fold import Picture
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.events import Event, TaskStarted, WorkflowCompleted, WorkflowRecovered, WorkflowStarted
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.stimuli import Cancel, Pause, Retry
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.runtime import Runtime

Open = Callable[..., Runtime]


def ask(runtime: Runtime, question: Any) -> Any:
    return runtime.call(question).result(PATIENCE)


def submit(runtime: Runtime, workflow: Any) -> str:
    return str(ask(runtime, runtime.orchestrator.submit(packed(workflow))))


def state(reader: Reader) -> Snapshot:
    assert reader.picture is not None
    return reader.picture.snapshot


def is_final(reader: Reader) -> bool:
    return state(reader).status.is_final


def is_running(reader: Reader) -> bool:
    return state(reader).counts["running"] == 1


def truth(runtime: Runtime, execution: str) -> list[Event]:
    events: list[Event] = ask(runtime, runtime.orchestrator.events(execution))
    return events


def unbroken(reader: Reader) -> bool:
    """Whether what came is one event after the other, without any snapshot on the way."""
    return reader.lagged == 0 and seqs(reader) == list(range(seqs(reader)[0], seqs(reader)[-1] + 1))


def test_an_execution_of_another_orchestrator_is_followed_to_its_end(open_runtime: Open, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    ours, theirs = open_runtime(), open_runtime()
    execution = submit(theirs, gated(gate))
    near, far, late = Reader(theirs), Reader(ours), Reader(ours)
    for reader in (near, far):
        reader.follow(execution)
    for reader in (near, far):
        reader.until(is_running)
    late.follow(execution)
    gate.touch()
    for reader in (near, far, late):
        reader.until(is_final)
        assert unbroken(reader)
        assert msgspec.json.encode(state(reader)) == msgspec.json.encode(state(near))


def test_what_is_asked_of_it_elsewhere_is_as_fresh_as_its_log(open_runtime: Open, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    theirs, ours = open_runtime(), open_runtime()
    execution = submit(theirs, gated(gate))
    near, far = Reader(theirs), Reader(ours)
    near.follow(execution)
    near.until(is_running)
    far.follow(execution)
    seq = state(near).seq
    assert ask(ours, ours.orchestrator.snapshot(execution)).seq == seq
    # A long poll waits for what the other one commits, and tells it.
    waiting = ours.call(ours.orchestrator.events(execution, after=seq, wait=PATIENCE))
    gate.touch()
    assert waiting.result(PATIENCE)[0].seq == seq + 1
    far.until(is_final)
    assert ask(ours, ours.orchestrator.result(execution)).status == "succeeded"


def test_a_follower_that_comes_over_from_the_other_gets_exactly_what_it_misses(
    open_runtime: Open, tmp_path: Path
) -> None:
    theirs, ours = open_runtime(), open_runtime()
    execution = submit(theirs, gated(tmp_path / "gate"))
    near, earlier, far = Reader(theirs), Reader(ours), Reader(ours)
    near.follow(execution)
    earlier.follow(execution)
    near.until(is_running)
    answer = far.follow(execution, after=state(near).seq, epoch=state(near).epoch)
    assert answer.recovered
    (tmp_path / "gate").touch()
    far.picture = Picture(ask(theirs, theirs.orchestrator.snapshot(execution)))
    far.until(lambda reader: any(isinstance(event, WorkflowCompleted) for event in reader.events))
    assert seqs(far)[0] == answer.seq + 1
    assert unbroken(far)


@pytest.mark.parametrize("command", [Cancel(), Pause()])
def test_a_command_for_it_is_refused_and_says_why(open_runtime: Open, tmp_path: Path, command: Any) -> None:
    theirs, ours = open_runtime(), open_runtime()
    execution = submit(theirs, gated(tmp_path / "gate"))
    with pytest.raises(StateConflict, match="another Jupyter server or kernel, which runs"):
        ask(ours, ours.orchestrator.command(execution, command))
    (tmp_path / "gate").touch()


def test_those_who_follow_all_hear_of_it_once(open_runtime: Open, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    theirs, ours = open_runtime(), open_runtime()
    old = submit(theirs, gated(gate))
    everything = Reader(ours)
    everything.follow("*")
    gate.touch()
    new = [submit(theirs, doubling().bind(numbers=[n])) for n in range(3)]
    mine = submit(ours, doubling().bind(numbers=[1]))

    def have_ended(reader: Reader) -> bool:
        return sum(isinstance(event, WorkflowCompleted) for event in reader.events) == 5

    everything.until(have_ended)
    told = [(delivery, type(event), event.seq) for delivery, event in everything.told]
    assert len(told) == len(set(told))
    for execution in (*new, mine):
        kinds = [kind for name, kind, _ in told if name == execution]
        assert kinds == [WorkflowStarted, WorkflowCompleted]
    assert [kind for name, kind, _ in told if name == old][-1] is WorkflowCompleted


def test_a_retry_elsewhere_is_seen_by_those_who_follow_a_finished_execution(open_runtime: Open, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    theirs, ours = open_runtime(), open_runtime()
    execution = submit(theirs, gated(gate))
    ask(theirs, theirs.orchestrator.command(execution, Cancel()))
    near = Reader(theirs)
    near.follow(execution)
    near.until(is_final)
    far = Reader(ours)
    far.follow(execution)
    assert state(far).status == "cancelled"
    gate.touch()
    ask(theirs, theirs.orchestrator.command(execution, Retry()))
    far.until(lambda reader: state(reader).status == "succeeded")
    assert state(far).seq == truth(theirs, execution)[-1].seq
    assert ask(ours, ours.orchestrator.snapshot(execution)).status == "succeeded"


def test_what_an_orchestrator_leaves_when_it_closes_goes_on_with_another_that_is_there(
    open_runtime: Open, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    theirs, ours = open_runtime(), open_runtime(takeover_interval=0.2)
    execution = submit(theirs, gated(gate))
    reader, everything = Reader(ours), Reader(ours)
    reader.follow(execution)
    everything.follow("*")
    reader.until(is_running)
    theirs.close(10)
    reader.until(lambda reader: any(isinstance(event, WorkflowRecovered) for event in reader.events))
    gate.touch()
    reader.until(is_final)
    assert state(reader).status == "succeeded"
    assert unbroken(reader)
    assert sum(isinstance(event, TaskStarted) for event in truth(ours, execution)) == 2
    everything.until(lambda reader: any(isinstance(event, WorkflowCompleted) for event in reader.events))
    assert any(isinstance(event, WorkflowRecovered) for event in everything.events)


def test_where_the_policy_says_so_it_is_left_interrupted_and_followers_are_told(
    open_runtime: Open, tmp_path: Path
) -> None:
    theirs, ours = open_runtime(), open_runtime(takeover_interval=0.2, recovery="interrupt")
    execution = submit(theirs, gated(tmp_path / "gate"))
    reader = Reader(ours)
    reader.follow(execution)
    reader.until(is_running)
    theirs.close(10)
    reader.until(lambda reader: state(reader).status == "interrupted")
    assert unbroken(reader)
    ask(ours, ours.orchestrator.command(execution, Cancel()))
    reader.until(is_final)
    assert unbroken(reader)


def test_a_command_and_a_takeover_at_the_same_time_both_happen(open_runtime: Open, tmp_path: Path) -> None:
    theirs, ours = open_runtime(), open_runtime(takeover_interval=0.1)
    executions = [submit(theirs, gated(tmp_path / "never")) for _ in range(8)]
    theirs.close(10)
    # Some of these are taken over while they are being cancelled.
    commands = [ours.call(ours.orchestrator.command(execution, Cancel())) for execution in executions]
    for command in commands:
        command.result(PATIENCE)
    for execution in executions:
        reader = Reader(ours)
        reader.follow(execution)
        reader.until(is_final)
        assert state(reader).status == "cancelled"
        assert sum(isinstance(event, WorkflowRecovered) for event in truth(ours, execution)) == 1


def test_what_ended_after_it_was_found_without_an_owner_is_not_taken_over(open_runtime: Open, tmp_path: Path) -> None:
    theirs, ours = open_runtime(), open_runtime(takeover_interval=1e6)
    execution = submit(theirs, gated(tmp_path / "never"))
    theirs.close(10)
    assert ask(ours, ours.orchestrator._store.orphans()) == [execution]
    ask(ours, ours.orchestrator.command(execution, Cancel()))
    reader = Reader(ours)
    reader.follow(execution)
    reader.until(is_final)
    before = truth(ours, execution)
    # A look around that found the list before the command comes to it now.
    assert ask(ours, ours.orchestrator._recovery._take_over(execution)) is False
    assert truth(ours, execution) == before


def test_only_one_of_several_takes_over(open_runtime: Open, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    theirs = open_runtime()
    others = [open_runtime(takeover_interval=0.1) for _ in range(3)]
    executions = [submit(theirs, gated(gate)) for _ in range(4)]
    readers = [Reader(others[0]) for _ in executions]
    for reader, execution in zip(readers, executions, strict=True):
        reader.follow(execution)
    theirs.close(10)
    gate.touch()
    for reader, execution in zip(readers, executions, strict=True):
        reader.until(is_final)
        assert state(reader).status == "succeeded"
        recovered = [event for event in truth(others[0], execution) if isinstance(event, WorkflowRecovered)]
        assert len(recovered) == 1


CHILD = """
import sys
from pathlib import Path
from tests.integration.service.conftest import packed
from tests.sample_workflows import gated
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.runtime import Runtime
runtime = Runtime.open(RuntimeConfig(data_dir=Path(sys.argv[1]), max_workers=1))
submission = packed(gated(Path(sys.argv[2])))
print(runtime.call(runtime.orchestrator.submit(submission)).result(60), flush=True)
sys.stdin.read()
"""


def test_what_a_killed_orchestrator_ran_is_taken_over_within_seconds(
    open_runtime: Open, data_dir: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    ours = open_runtime(takeover_interval=0.5)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    command = [sys.executable, "-c", CHILD, str(data_dir), str(gate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        execution = child.stdout.readline().strip()
        reader = Reader(ours)
        reader.follow(execution)
        reader.until(is_running)
        os.kill(child.pid, signal.SIGKILL)
    died = time.monotonic()
    reader.until(lambda reader: any(isinstance(event, WorkflowRecovered) for event in reader.events))
    print(f"taken over after {time.monotonic() - died:.2f} s")
    gate.touch()
    reader.until(is_final)
    assert state(reader).status == "succeeded"
    assert unbroken(reader)


def test_a_look_that_fails_is_said_once_and_the_next_one_works(
    open_runtime: Open, data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = open_runtime(takeover_interval=0.05)
    (data_dir / "owners").rename(data_dir / "elsewhere")
    (data_dir / "owners").touch()
    until(lambda: "cannot be seen" in caplog.text, "nothing is said")
    (data_dir / "owners").unlink()
    (data_dir / "elsewhere").rename(data_dir / "owners")
    theirs = open_runtime()
    execution = submit(theirs, gated(tmp_path / "gate"))
    theirs.close(10)
    (tmp_path / "gate").touch()
    reader = Reader(ours)
    reader.follow(execution)
    reader.until(is_final)
    assert caplog.text.count("cannot be seen") == 1


def test_notifiers_hear_only_of_what_runs_with_them(data_dir: Path, tmp_path: Path) -> None:
    class Ear:
        def __init__(self) -> None:
            self.heard: list[str] = []

        def notify(self, execution: str, workflow: str, events: object) -> None:
            self.heard.append(workflow)

    ears = Ear(), Ear()
    runtimes = [Runtime.open(RuntimeConfig(data_dir=data_dir, max_workers=1), [ear]) for ear in ears]
    try:
        gate = tmp_path / "gate"
        gate.touch()
        execution = submit(runtimes[0], gated(gate))
        reader = Reader(runtimes[1])
        reader.follow(execution)
        reader.until(is_final)
    finally:
        for runtime in runtimes:
            runtime.close(10)
    assert ears[0].heard and not ears[1].heard
