"""The systems that `benchmarks.engine` and `benchmarks.granularity` compare, each with the same small workloads.

Every system has two workers and runs in a process of its own. A method returns the seconds from
asking for the work to having its result in hand, with workers that are already there.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Protocol

WORKERS = 2
LAYERS, WIDTH, DEPENDENCIES = 10, 100, 3
ARRAY = 12_500_000
READERS = 4


class System(Protocol):
    """What can be compared. `chain_length` is 200 where 1,000 would take too long."""

    chain_length: int

    def independent(self, count: int) -> float:
        """So many tasks that return their argument."""
        ...

    def chain(self, count: int) -> float:
        """So many tasks, each on the result of the one before."""
        ...

    def layers(self) -> float:
        """Ten layers of a hundred tasks, each on three results of the layer before."""
        ...

    def data(self) -> float:
        """A task makes an array of 100 MB, four sum it, one adds up."""
        ...

    def busy(self, count: int, seconds: float, chained: bool) -> float:
        """So many tasks that keep a processor busy for so long each, all at once or each on the one before."""
        ...

    def close(self) -> None:
        """Stop the workers."""
        ...


def same(value: Any) -> Any:
    return value


def spin(value: Any, seconds: float) -> Any:
    import time

    # The processor's time and not the clock's: what else the machine does must not do the task's work.
    over = time.thread_time() + seconds
    while time.thread_time() < over:
        pass
    return value


def joined(*values: int) -> int:
    return values[0]


def array() -> Any:
    import numpy as np

    return np.arange(float(ARRAY))


def total(numbers: Any, factor: int) -> float:
    return float(numbers.sum()) * factor


def added(*numbers: float) -> float:
    return sum(numbers)


def before(position: int) -> list[int]:
    """Which tasks of the layer before a task depends on."""
    return [(position * 7 + step * 31) % WIDTH for step in range(DEPENDENCIES)]


def timed(work: Callable[[], Any], expected: Any) -> float:
    began = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - began
    assert found == expected, (found, expected)
    return seconds


def expected_total() -> float:
    return sum(range(1, READERS + 1)) * (ARRAY - 1) * ARRAY / 2


class Workflows:
    """wf_jupyter in this process (embedded), or through a Jupyter server as a kernel would use it."""

    chain_length = 1000

    def __init__(self, place: str = "embedded", executor: str = "local") -> None:
        import wf_jupyter as wf

        self._wf = wf
        self._executor = executor
        self._folder = tempfile.TemporaryDirectory(prefix="wf_jupyter-benchmark-")
        self.server: Any = None
        if place == "server":
            from tests.jupyter_process import JupyterProcess

            options = [f"--WorkflowExtension.max_workers={WORKERS}"]
            self.server = JupyterProcess(Path(self._folder.name), options=options).start()
            wf.connect(url=self.server.url, token=self.server.token)
        else:
            import os

            os.environ["WF_JUPYTER_DATA_DIR"] = self._folder.name
            wf.connect(mode="embedded")
        task = {function: wf.task(function) for function in (same, spin, joined, array, total, added)}

        @wf.workflow
        def busy(count: int, seconds: float, chained: bool) -> Any:
            if not chained:
                return task[spin].partial(seconds=seconds).map(range(count))
            value: Any = 0
            for _ in range(count):
                value = task[spin](value, seconds)
            return value

        @wf.workflow
        def independent(count: int) -> Any:
            return task[same].map(range(count))

        @wf.workflow
        def chain(count: int) -> Any:
            value: Any = 0
            for _ in range(count):
                value = task[same](value)
            return value

        @wf.workflow
        def layers() -> Any:
            row: list[Any] = [task[same](position) for position in range(WIDTH)]
            for _ in range(1, LAYERS):
                row = [task[joined](*[row[earlier] for earlier in before(position)]) for position in range(WIDTH)]
            return row

        @wf.workflow
        def data() -> Any:
            made = task[array]()
            return task[added](*[task[total](made, factor) for factor in range(1, READERS + 1)])

        self._independent, self._chain, self._layers, self._data = independent, chain, layers, data
        self._busy = busy

    def _run(self, workflow: Any, **inputs: Any) -> Any:
        return workflow.with_options(executor=self._executor).submit(**inputs).result(timeout=1800)

    def independent(self, count: int) -> float:
        return timed(lambda: len(self._run(self._independent, count=count)), count)

    def chain(self, count: int) -> float:
        return timed(lambda: self._run(self._chain, count=count), 0)

    def layers(self) -> float:
        return timed(lambda: len(self._run(self._layers)), WIDTH)

    def data(self) -> float:
        return timed(lambda: self._run(self._data), expected_total())

    def busy(self, count: int, seconds: float, chained: bool) -> float:
        inputs = {"count": count, "seconds": seconds, "chained": chained}
        return timed(lambda: self._run(self._busy, **inputs), 0 if chained else list(range(count)))

    def close(self) -> None:
        if self.server is not None:
            self.server.stop()
        else:
            from wf_jupyter.client import session

            session.close()
        self._folder.cleanup()


class Pool:
    """concurrent.futures.ProcessPoolExecutor: no dependencies, nothing kept."""

    chain_length = 1000

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(WORKERS)

    def independent(self, count: int) -> float:
        def work() -> int:
            futures = [self._pool.submit(same, number) for number in range(count)]
            return len([future.result() for future in futures])

        return timed(work, count)

    def chain(self, count: int) -> float:
        def work() -> Any:
            value: Any = 0
            for _ in range(count):
                value = self._pool.submit(same, value).result()
            return value

        return timed(work, 0)

    def layers(self) -> float:
        def work() -> int:
            row = [future.result() for future in [self._pool.submit(same, number) for number in range(WIDTH)]]
            for _ in range(1, LAYERS):
                asked = [
                    self._pool.submit(joined, *[row[earlier] for earlier in before(position)])
                    for position in range(WIDTH)
                ]
                row = [future.result() for future in asked]
            return len(row)

        return timed(work, WIDTH)

    def data(self) -> float:
        def work() -> float:
            made = self._pool.submit(array).result()
            sums = [self._pool.submit(total, made, factor) for factor in range(1, READERS + 1)]
            return self._pool.submit(added, *[future.result() for future in sums]).result()

        return timed(work, expected_total())

    def busy(self, count: int, seconds: float, chained: bool) -> float:
        def work() -> Any:
            if not chained:
                futures = [self._pool.submit(spin, number, seconds) for number in range(count)]
                return [future.result() for future in futures]
            value: Any = 0
            for _ in range(count):
                value = self._pool.submit(spin, value, seconds).result()
            return value

        return timed(work, 0 if chained else list(range(count)))

    def close(self) -> None:
        self._pool.shutdown()


class Dask:
    """dask.distributed with a local cluster."""

    chain_length = 200

    def __init__(self) -> None:
        from distributed import Client

        self._client = Client(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
        )

    def independent(self, count: int) -> float:
        client = self._client
        return timed(lambda: len(client.gather(client.map(same, range(count), pure=False))), count)

    def chain(self, count: int) -> float:
        def work() -> Any:
            value: Any = 0
            for _ in range(count):
                value = self._client.submit(same, value, pure=False)
            return value.result()

        return timed(work, 0)

    def layers(self) -> float:
        def work() -> int:
            row = self._client.map(same, range(WIDTH), pure=False)
            for _ in range(1, LAYERS):
                row = [
                    self._client.submit(joined, *[row[earlier] for earlier in before(position)], pure=False)
                    for position in range(WIDTH)
                ]
            return len(self._client.gather(row))

        return timed(work, WIDTH)

    def data(self) -> float:
        def work() -> Any:
            submit = self._client.submit
            made = submit(array, pure=False)
            sums = [submit(total, made, factor, pure=False) for factor in range(1, READERS + 1)]
            return submit(added, *sums, pure=False).result()

        return timed(work, expected_total())

    def busy(self, count: int, seconds: float, chained: bool) -> float:
        submit = self._client.submit

        def work() -> Any:
            if not chained:
                return self._client.gather(self._client.map(spin, range(count), seconds=seconds, pure=False))
            value: Any = 0
            for _ in range(count):
                value = submit(spin, value, seconds, pure=False)
            return value.result()

        return timed(work, 0 if chained else list(range(count)))

    def close(self) -> None:
        self._client.close()


class Ray:
    """Ray on this machine; only what `benchmarks.granularity` needs."""

    def __init__(self) -> None:
        import ray

        self._ray = ray
        ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        self._spin = ray.remote(spin)

    def busy(self, count: int, seconds: float, chained: bool) -> float:
        def work() -> Any:
            if not chained:
                return self._ray.get([self._spin.remote(number, seconds) for number in range(count)])
            value: Any = 0
            for _ in range(count):
                value = self._spin.remote(value, seconds)
            return self._ray.get(value)

        return timed(work, 0 if chained else list(range(count)))

    def close(self) -> None:
        self._ray.shutdown()


class Dbos:
    """DBOS on SQLite: durable steps of one workflow, one after the other in this process."""

    chain_length = 200

    def __init__(self) -> None:
        from dbos import DBOS

        self._folder = tempfile.TemporaryDirectory(prefix="dbos-benchmark-")
        database = f"sqlite:///{self._folder.name}/system.sqlite"
        config = {"name": "benchmark", "system_database_url": database, "log_level": "ERROR"}
        self._dbos = DBOS
        DBOS(config=config)
        step = {function: DBOS.step()(function) for function in (same, joined, array, total, added)}

        @DBOS.workflow()
        def independent(count: int) -> int:
            return len([step[same](number) for number in range(count)])

        @DBOS.workflow()
        def chain(count: int) -> int:
            value = 0
            for _ in range(count):
                value = step[same](value)
            return value

        @DBOS.workflow()
        def layers() -> int:
            row = [step[same](position) for position in range(WIDTH)]
            for _ in range(1, LAYERS):
                row = [step[joined](*[row[earlier] for earlier in before(position)]) for position in range(WIDTH)]
            return len(row)

        @DBOS.workflow()
        def data() -> float:
            made = step[array]()
            return float(step[added](*[step[total](made, factor) for factor in range(1, READERS + 1)]))

        self._independent, self._chain, self._layers, self._data = independent, chain, layers, data
        DBOS.launch()

    def independent(self, count: int) -> float:
        return timed(lambda: self._independent(count), count)

    def chain(self, count: int) -> float:
        return timed(lambda: self._chain(count), 0)

    def layers(self) -> float:
        return timed(self._layers, WIDTH)

    def data(self) -> float:
        return timed(self._data, expected_total())

    def busy(self, count: int, seconds: float, chained: bool) -> float:
        raise NotImplementedError("its steps run one after the other in one process")

    def close(self) -> None:
        self._dbos.destroy()
        self._folder.cleanup()


#: Name, what makes it, and the package it needs that is not one of ours.
SYSTEMS: dict[str, tuple[Callable[[], System], str]] = {
    "wf_jupyter, server": (lambda: Workflows("server"), ""),
    "wf_jupyter, embedded": (Workflows, ""),
    "wf_jupyter, Dask": (lambda: Workflows(executor="dask"), "distributed"),
    "ProcessPoolExecutor": (Pool, ""),
    "dask.distributed": (Dask, "distributed"),
    "DBOS on SQLite": (Dbos, "dbos"),
}
