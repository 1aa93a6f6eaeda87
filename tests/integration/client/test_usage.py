"""What tasks used of the machine, measured where they ran."""

from __future__ import annotations

import time

import wf_jupyter as wf

MIB = 1 << 20


@wf.task
def work() -> int:
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    return len(bytearray(300 * MIB))


@wf.task
def wait(size: int) -> int:
    time.sleep(0.05)
    return size


@wf.task(retries=1, retry_delay=0)
def fails(size: int) -> None:
    raise ValueError("always")


@wf.workflow
def used():
    size = work()
    return wf.coalesce(fails(size), wait(size))


def test_processor_and_memory_are_told_per_task_and_in_all(place):
    execution = used.submit()
    execution.wait(timeout=60)
    usage = execution.usage()
    tasks = {task.task: task for task in usage.tasks}
    assert 0.2 <= tasks["work"].cpu < 5
    # The process at its peak, the interpreter included; another task's peak is not its own.
    assert 300 * MIB < (tasks["work"].memory or 0) < 700 * MIB
    assert 0 < (tasks["wait"].memory or 0) < 300 * MIB
    assert tasks["wait"].cpu < tasks["work"].cpu
    assert (tasks["fails"].attempts, tasks["work"].attempts) == (2, 1)
    assert usage.cpu == round(sum(task.cpu for task in usage.tasks), 6)
    assert usage.memory == (tasks["work"].memory or 0)


def test_what_came_from_the_cache_used_nothing(place):
    cached = work.with_options(cache=True, name="cached")
    flow = wf.workflow(name="twice")(lambda: cached())
    flow.submit().wait(timeout=60)
    again = flow.submit()
    again.wait(timeout=60)
    assert (again.usage().tasks, again.usage().cpu, again.usage().memory) == ([], 0, None)
