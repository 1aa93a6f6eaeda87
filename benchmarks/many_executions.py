"""A server whose data directory holds many executions: `python -m benchmarks.many_executions [executions]`.

How much later than with none it answers after its start, and how long the first list of executions takes.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess

HELLO, LIST = "wf-jupyter/api/v1/hello", "wf-jupyter/api/v1/executions?limit=50"
STARTS = 3


def one(server: JupyterProcess) -> None:
    """Run an execution of twenty tasks."""

    @wf.task
    def same(value: int) -> int:
        return value

    @wf.workflow
    def twenty() -> object:
        return same.map(range(20))

    wf.connect(url=server.url, token=server.token)
    twenty.submit().result(timeout=60)


def multiply(database: Path, count: int) -> None:
    """Copy what belongs to the one execution, under other ids, until there are so many."""
    connection = sqlite3.connect(database)
    columns = "workflow, status, seq, created, ended, counts, size, builds_on, asked_by, owned_by"
    with connection:
        (first, name) = connection.execute("SELECT number, id FROM executions").fetchone()
        for number in range(1, count):
            new = connection.execute(
                f"INSERT INTO executions (id, {columns}) SELECT ?, {columns} FROM executions WHERE number = ?",
                (f"{name}-{number:06}", first),
            ).lastrowid
            connection.execute(
                "INSERT INTO events SELECT ?, seq, body FROM events WHERE execution = ?",
                (new, first),
            )
            connection.execute(
                "INSERT INTO submissions SELECT ?, body FROM submissions WHERE execution = ?", (new, first)
            )
    connection.close()


def started(folder: Path) -> tuple[float, float]:
    """Seconds until the orchestrator of a new server answers, and milliseconds of its first list."""
    server = JupyterProcess(folder)
    began = time.perf_counter()
    server.start()
    try:
        while not server.ask("GET", HELLO)["ready"]:
            time.sleep(0.005)
        ready = time.perf_counter() - began
        asked = time.perf_counter()
        server.ask("GET", LIST)
        return ready, (time.perf_counter() - asked) * 1000
    finally:
        server.stop()


def main(count: int) -> None:
    """Measure and print; by turns, so that what else the machine does counts for both."""
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        server = JupyterProcess(Path(many)).start()
        one(server)
        data = Path(server.environment["WF_JUPYTER_DATA_DIR"])
        server.stop()
        multiply(data / "wf_jupyter.sqlite3", count)
        found = [(started(Path(few)), started(Path(many))) for _ in range(STARTS)]
    later = statistics.median(with_many[0] - with_few[0] for with_few, with_many in found)
    print(f"{count:,} executions: ready {later:+.2f} s later than with none")
    for told, column in (("none", 0), (f"{count:,}", 1)):
        lists = sorted(pair[column][1] for pair in found)
        print(f"first list of 50, of {told}: {', '.join(f'{each:.0f}' for each in lists)} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
