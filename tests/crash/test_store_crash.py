"""A process that is killed while it writes leaves whole batches and no gap."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from wf_jupyter.store.owners import is_held
from wf_jupyter.store.sqlite import SqliteStore

KILLS = 12
BATCH = 7
WRITER = textwrap.dedent(
    f"""
    import asyncio, os, sys
    from datetime import UTC, datetime
    from wf_jupyter.model.events import TaskLog
    from wf_jupyter.model.graph import GraphSpec, ResultSpec
    from wf_jupyter.model.status import ExecutionStatus
    from wf_jupyter.model.submission import Environment, Submission
    from wf_jupyter.model.stimuli import Value
    from wf_jupyter.ports import Batch
    from wf_jupyter.store.sqlite import SqliteStore

    SUBMISSION = Submission(
        workflow="flow", graph=GraphSpec(nodes=(), result=ResultSpec(template="t")), blobs={{"t": b"template"}},
        environment=Environment(executable="", directory="", path=(), variables={{"TOKEN": "very-s3cret"}}),
    )

    async def write(store, name):
        summaries = {{line.id: line.seq for line in await store.summaries()}}
        last = summaries.get(name)
        if last is not None:
            assert store.claim(name), "the previous owner was killed"
        while True:
            first = (last or 0) + 1
            events = tuple(
                TaskLog(seq=seq, time=datetime.now(UTC), task="t", attempt=1, stream="stdout", text="x" * 100)
                for seq in range(first, first + {BATCH})
            )
            await store.append(Batch(
                execution=name, events=events, status=ExecutionStatus.RUNNING,
                submission=SUBMISSION if last is None else None,
                values=((f"t{{first}}", Value(data=b"v", size=1)),),
            ))
            last = events[-1].seq
            os.write(1, f"{{name}} {{last}}\\n".encode())

    async def main():
        store = SqliteStore.open(sys.argv[1])
        await asyncio.gather(*(write(store, name) for name in "abc"))

    asyncio.run(main())
    """
)


def test_a_killed_writer_leaves_whole_batches_without_a_gap(tmp_path: Path) -> None:
    jitter = random.Random(7)
    data_dir = tmp_path / "data"
    for _ in range(KILLS):
        told = write_until_killed(data_dir, jitter.uniform(0.0, 0.15))
        asyncio.run(check(data_dir, told))


def test_environment_variables_are_nowhere_on_disk(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    write_until_killed(data_dir, 0.1)
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    assert any(b"template" in path.read_bytes() for path in files)
    assert not any(b"very-s3cret" in path.read_bytes() for path in files)


def write_until_killed(data_dir: Path, seconds: float) -> dict[str, int]:
    """Kill a writer so many seconds after its first commit; the last seq that it told of, per execution."""
    command = [sys.executable, "-c", WRITER, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=importing_from_here()) as child:
        assert child.stdout is not None
        output = child.stdout.readline()
        deadline = time.monotonic() + seconds
        os.set_blocking(child.stdout.fileno(), False)
        while time.monotonic() < deadline:
            output += child.stdout.read() or b""
        child.send_signal(signal.SIGKILL)
        child.wait()
        os.set_blocking(child.stdout.fileno(), True)
        output += child.stdout.read()
    assert output, "the writer never committed"
    told: dict[str, int] = {}
    for line in output.decode().splitlines():
        name, seq = line.split()
        told[name] = max(told.get(name, 0), int(seq))
    return told


async def check(data_dir: Path, told: dict[str, int]) -> None:
    store = SqliteStore.open(data_dir)
    try:
        lines = {line.id: line.seq for line in await store.summaries()}
        assert lines.keys() >= told.keys()
        assert await store.orphans() == sorted(lines)
        for name, seq in lines.items():
            assert [event.seq for event in await store.events(name)] == list(range(1, seq + 1))
            assert seq % BATCH == 0
            assert seq >= told.get(name, 0)
            starts = [(f"t{first}", "") for first in range(1, seq + 1, BATCH)]
            assert (await store.values(name, starts)).keys() == set(starts)
            assert await store.blobs(name) == {"t": b"template"}
    finally:
        await store.close()


def importing_from_here() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}


FILLER = textwrap.dedent(
    """
    import asyncio, resource, sys
    exec(sys.stdin.read().split("async def write")[0])
    from wf_jupyter.errors import StoreError

    def event(seq, size):
        return TaskLog(seq=seq, time=datetime.now(UTC), task="t", attempt=1, stream="stdout", text="x" * size)

    def batch(seq, size=10, submission=None):
        return Batch(execution="e", events=(event(seq, size),), status=ExecutionStatus.RUNNING, submission=submission)

    async def main():
        store = SqliteStore.open(sys.argv[1])
        await store.append(batch(1, submission=SUBMISSION))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        outcomes = await asyncio.gather(
            store.append(batch(2, 4 << 20)), store.append(batch(2)), return_exceptions=True
        )
        print([type(outcome).__name__ for outcome in outcomes], outcomes[0])
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await store.append(batch(3, 4 << 20))
        print([event.seq for event in await store.events("e")])
        await store.close()

    asyncio.run(main())
    """
)


def test_a_file_that_cannot_grow_fails_the_append_and_nothing_else(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(data_dir)],
        input=WRITER,
        capture_output=True,
        text=True,
        env=importing_from_here(),
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    assert done.returncode == 0, done.stderr
    outcomes, events = done.stdout.splitlines()
    assert outcomes.startswith("['StoreError', 'NoneType']")
    assert str(data_dir / "wf_jupyter.sqlite3") in outcomes
    assert events == "[1, 2, 3]"
    # The file of an owner that left stays, unlocked, until somebody sweeps.
    assert not [path for path in (data_dir / "owners").iterdir() if is_held(path.parent, path.stem)]
