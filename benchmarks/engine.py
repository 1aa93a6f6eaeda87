"""The execution engine beside its peers: `python -m benchmarks.engine [--quick] [--largest 100000]`.

Prints one table of ratios from one run on one machine, and the bars of the project below it. Each
system runs in a process of its own. Absolute times depend on the machine, and on what else it does
just now; ratios less so.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.systems import ARRAY, LAYERS, READERS, SYSTEMS, WIDTH, Workflows, array

ROOT = Path(__file__).resolve().parents[1]
OURS = "wf_jupyter, server"
POOL, DASK = "ProcessPoolExecutor", "dask.distributed"
SHAPES = ("1,000 independent", "chain", "10 × 100, 3 each", "100 MB to 4 readers", "its memory")
#: After so long the server has let go of what it keeps of a finished execution for those who ask at once.
LET_GO_SECONDS = 75
COUNTS = (10, 100, 1_000, 10_000, 100_000)


# -- measured in processes of their own -----------------------------------------------------------


def compare(name: str, repeats: int) -> dict[str, float]:
    """Seconds per task and shape; for the array seconds, and the peak of memory as a multiple of its size."""
    system = SYSTEMS[name][0]()
    try:
        system.independent(50)
        system.chain(20)
        system.data()  # also imports numpy where it will be needed
        found = {
            SHAPES[0]: best(repeats, lambda: system.independent(1000) / 1000),
            SHAPES[1]: best(repeats, lambda: system.chain(system.chain_length) / system.chain_length),
            SHAPES[2]: best(repeats, lambda: system.layers() / (LAYERS * WIDTH)),
            SHAPES[3]: best(repeats, system.data),
        }
        with Memory() as memory:
            system.data()
        return {**found, SHAPES[4]: memory.peak / (ARRAY * 8)}
    finally:
        system.close()


def scale(place: str, largest: int) -> dict[str, float]:
    """Seconds per task by number of tasks."""
    system = Workflows(place)
    try:
        system.independent(50)
        counts = [count for count in COUNTS if count <= largest]
        return {f"{n}": best(5 if n <= 1000 else 1, lambda n=n: system.independent(n) / n) for n in counts}
    finally:
        system.close()


def growth(executions: int = 10) -> dict[str, float]:
    """How much the server's memory grows, in bytes per finished execution of 10,000 tasks."""
    import psutil

    import wf_jupyter as wf
    from wf_jupyter.client import session

    system = Workflows("server")
    try:
        server = psutil.Process(system.server.process.pid)
        sizes = []
        # The first ones are for the allocator, whose arenas grow to what one execution needs at its peak.
        for count in (9, executions):
            for _ in range(count):
                system.independent(10_000)
            gc.collect()
            session.close()  # what is watched may be in memory
            wf.connect(url=system.server.url, token=system.server.token)
            time.sleep(LET_GO_SECONDS)
            sizes.append(server.memory_full_info().uss)
        first, last = sizes
        return {"bytes": (last - first) / executions, "first": first, "last": last}
    finally:
        system.close()


def first(place: str) -> dict[str, float]:
    """Seconds from `submit` to the result where nothing has run before."""
    system = Workflows(place)
    try:
        return {"seconds": system.independent(1)}
    finally:
        system.close()


def by_hand() -> dict[str, float]:
    """Seconds for the array through the server, and to make it, write it once and read it four times by memory map.

    By turns, and no file is removed before the end: how long the disk takes depends on what it did before.
    """
    import numpy as np

    system = Workflows("server")
    try:
        with tempfile.TemporaryDirectory() as folder:

            def once(number: int) -> float:
                began = time.perf_counter()
                path = Path(folder) / f"array-{number}"
                path.write_bytes(memoryview(array()).cast("B"))
                for _ in range(READERS):
                    np.memmap(path, dtype=np.float64, mode="c").sum()
                return time.perf_counter() - began

            system.data()
            pairs = [(system.data(), once(number)) for number in range(7)]
        ours, hand = (statistics.median(column) for column in zip(*pairs, strict=True))
        return {"ours": ours, "by_hand": hand}
    finally:
        system.close()


def importing() -> dict[str, float]:
    """Seconds for `import wf_jupyter`."""
    code = "import time; t = time.perf_counter(); import wf_jupyter; print(time.perf_counter() - t)"
    return {"seconds": best(7, lambda: float(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)))}


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    "compare": compare,
    "scale": scale,
    "growth": growth,
    "first": first,
    "by_hand": by_hand,
    "importing": importing,
}


class Memory:
    """The peak of what this process and its descendants use together, beyond what they use at the beginning."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._before = self._now()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.peak = 0

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self.peak = max(self.peak, self._now() - self._before)

    def _now(self) -> int:
        import psutil

        found = 0
        for process in [self._process, *self._process.children(recursive=True)]:
            try:
                # Of pages that several share, each counts its part.
                found += getattr(process.memory_full_info(), "pss", 0)
            except psutil.Error:
                continue
        return found


def best(times: int, measure: Callable[[], float]) -> float:
    """The least disturbed of several runs: what else a machine does only ever adds."""
    return min(measure() for _ in range(times))


# -- the run --------------------------------------------------------------------------------------


def measured(name: str, *arguments: Any) -> dict[str, float]:
    """A measure in a process of its own."""
    print(".", end="", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.engine", "--measure", json.dumps([name, *arguments])]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="each shape twice, and nothing above 1,000 tasks")
    parser.add_argument("--largest", type=int, default=COUNTS[-1], help="the largest number of tasks")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, *arguments = json.loads(options.measure)
        print(json.dumps(MEASURES[name](*arguments)))
        return 0
    repeats, largest = (2, 1000) if options.quick else (5, options.largest)
    there = [name for name, (_, package) in SYSTEMS.items() if not package or importlib.util.find_spec(package)]
    results = {name: measured("compare", name, repeats) for name in there}
    ours = results[OURS]
    rows = [["µs per task (× of wf_jupyter through the server)", *SHAPES]]
    for name, found in results.items():
        cells = [f"{found[shape] * 1e6:,.0f} ({found[shape] / ours[shape]:.1f}×)" for shape in SHAPES[:3]]
        cells.append(f"{found[SHAPES[3]] * 1e3:,.0f} ms ({found[SHAPES[3]] / ours[SHAPES[3]]:.1f}×)")
        rows.append([name, *cells, f"{found[SHAPES[4]]:.1f}× array"])
    print(f"\n{table(rows)}")
    for name in SYSTEMS.keys() - set(there):
        print(f"{name}: not installed (pip install {SYSTEMS[name][1]}), left out")
    missed = bars(results, largest, quick=options.quick)
    return 1 if missed else 0


def bars(results: dict[str, dict[str, float]], largest: int, *, quick: bool) -> int:
    """Print each bar with what was measured; how many were missed."""
    ours, pool, dask = results[OURS], results[POOL], results.get(DASK)
    checks: list[tuple[str, float, float, str]] = []
    for shape in SHAPES[:2]:
        checks.append((f"{shape}: time beside ProcessPoolExecutor", ours[shape] / pool[shape], 1.0, "×"))
    if dask is not None:
        for shape, factor in zip(SHAPES[:3], (20, 20, 15), strict=True):
            checks.append((f"{shape}: time beside dask.distributed", ours[shape] / dask[shape], 1 / factor, "×"))
    hand = measured("by_hand")
    ratio = hand["ours"] / hand["by_hand"]
    checks.append((f"{SHAPES[3]}: time beside one write and four memory maps", ratio, 1.3, "×"))
    checks.append((f"{SHAPES[3]}: peak memory beside the array's", ours[SHAPES[4]], 2.5, "×"))
    for place in ("server", "embedded"):
        costs = measured("scale", place, largest)
        print(f"µs per task, {place}: " + ", ".join(f"{int(n):,}: {cost * 1e6:,.0f}" for n, cost in costs.items()))
        flat = costs[max(costs, key=int)] / costs["1000"]
        checks.append((f"cost per task at {max(map(int, costs)):,} beside 1,000, {place}", flat, 1.5, "×"))
    checks.append(("first result on a cold server", measured("first", "server")["seconds"], 1.0, " s"))
    checks.append(("first result in a cold process", measured("first", "embedded")["seconds"], 1.0, " s"))
    checks.append(("import wf_jupyter", measured("importing")["seconds"], 0.1, " s"))
    if not quick:
        checks.append(("server memory per 10,000 tasks that ended", measured("growth")["bytes"] / 1e6, 1.0, " MB"))
    rows = [["bar", "measured", "at most", ""]]
    for told, found, most, unit in checks:
        rows.append([told, f"{found:.2f}{unit}", f"{most:.2f}{unit}", "" if found <= most else "missed"])
    print(f"\n{table(rows)}")
    return sum(found > most for _, found, most, _ in checks)


if __name__ == "__main__":
    sys.exit(main())
