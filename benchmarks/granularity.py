"""How short tasks may be: `python -m benchmarks.granularity [--quick] [--svg docs/images/granularity.svg]`.

For each system the share of the machine's speed that tasks of a length keep, on two workers, and from that the METG:
the smallest length at which half of the speed is kept ("minimum effective task granularity", Slaughter et al., Task
Bench, SC20). The speed of the machine is that of two bare processes (of one, for chains) in the same minute, so that
what else it does counts for every system alike. Each system runs in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.engine import DASK, OURS, POOL, table
from benchmarks.systems import SYSTEMS, WORKERS, Ray, System, spin

ROOT = Path(__file__).resolve().parents[1]
#: Lengths of tasks, in milliseconds; the costs of the first, and of 1, 10 and 100 ms, are told apart.
LENGTHS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
TOLD = (0.0, 1.0, 10.0, 100.0)
SHAPES = ("independent", "chained")
#: Seconds per measurement, and bounds of the number of tasks that these are made of.
SECONDS, FEWEST, MOST = 1.0, 20, 1000
#: The share of the speed that is asked for.
ENOUGH = 0.5

#: By shape and length in milliseconds: the share of the speed, and milliseconds per task beyond its own.
Found = dict[str, dict[str, tuple[float, float]]]

COMPARED = {
    **{name: made for name, made in SYSTEMS.items() if name in (OURS, "wf_jupyter, embedded", POOL, DASK)},
    "Ray": (Ray, "ray"),
}


class Bare:
    """So many bare processes: how many times as long as on an idle machine they need for their work just now."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool = multiprocessing.get_context("spawn").Pool(processes)
        self.slower(0.01)

    def slower(self, seconds: float) -> float:
        """The least that this moment's other work costs."""
        began = time.perf_counter()
        self._pool.starmap(spin, [(0, seconds)] * self._processes, chunksize=1)
        return max(1.0, (time.perf_counter() - began) / seconds)

    def close(self) -> None:
        """End the processes."""
        self._pool.terminate()
        self._pool.join()


def measure(name: str, repeats: int, seconds: float) -> Found:
    """One system; the least disturbed of several runs, as what else a machine does only ever adds."""
    system: System = COMPARED[name][0]()  # type: ignore[operator]
    try:
        return {shape: _measure(system, shape, repeats, seconds) for shape in SHAPES}
    finally:
        system.close()


def _measure(system: System, shape: str, repeats: int, seconds: float) -> dict[str, tuple[float, float]]:
    workers, chained = (WORKERS, False) if shape == "independent" else (1, True)
    bare = Bare(workers)
    found = {}
    try:
        system.busy(FEWEST, 0.0, chained)
        # What a task takes beyond its own work; the slower a system, the fewer tasks make a measurement.
        cost = system.busy(FEWEST, 0.0, chained) / FEWEST
        for length in LENGTHS:
            each = length / 1000
            count = max(FEWEST, min(MOST, round(seconds / (each / workers + cost))))
            tries = []
            for _ in range(repeats):
                slower = bare.slower(seconds / 5)
                took = system.busy(count, each, chained) * workers / count
                tries.append((each * slower / took, (took - each * slower) * 1000))
            found[f"{length:g}"] = (max(share for share, _ in tries), min(beyond for _, beyond in tries))
            cost = max(1e-5, found[f"{length:g}"][1] / 1000 / workers)
    finally:
        bare.close()
    return found


def metg(shares: Mapping[str, tuple[float, float]]) -> float:
    """Milliseconds at which `ENOUGH` of the speed is kept, between two measured lengths; infinite where it never is."""
    points = [(float(length), share) for length, (share, _) in shares.items() if float(length) > 0]
    for (shorter, less), (longer, more) in zip([(points[0][0] / 2, 0.0), *points], points, strict=False):
        if more >= ENOUGH:
            part = (ENOUGH - less) / max(more - less, 1e-9)
            return math.exp(math.log(shorter) + min(1.0, max(0.0, part)) * math.log(longer / shorter))
    return math.inf


def report(results: Mapping[str, Found]) -> str:
    """The table."""
    head = ["", *(f"METG, {shape}" for shape in SHAPES)]
    head += [f"{length:g} ms, {shape}" for shape in SHAPES for length in TOLD]
    rows = [head]
    for name, found in results.items():
        limits = [metg(found[shape]) for shape in SHAPES]
        beside = [limit / metg(results[POOL][shape]) for limit, shape in zip(limits, SHAPES, strict=True)]
        row = [name, *(f"{limit:.2f} ms ({times:.1f}×)" for limit, times in zip(limits, beside, strict=True))]
        row += [f"+{found[shape][f'{length:g}'][1]:.2f} ms" for shape in SHAPES for length in TOLD]
        rows.append(row)
    return table(rows)


# -- the picture ----------------------------------------------------------------------------------

_COLORS = ("#1f6feb", "#54aeff", "#57606a", "#d4731c", "#8250df")
_WIDTH, _HEIGHT, _LEFT, _TOP = 360, 220, 44, 34


def svg(results: Mapping[str, Found]) -> str:
    """Shares by length, a panel per shape."""
    parts = [_panel(shape, results, _LEFT + number * (_WIDTH + 60)) for number, shape in enumerate(SHAPES)]
    legend = [
        f'<circle cx="{_LEFT + 8 + number * 170}" cy="{_TOP + _HEIGHT + 52}" r="4" fill="{color}"/>'
        f'<text x="{_LEFT + 18 + number * 170}" y="{_TOP + _HEIGHT + 56}">{name}</text>'
        for number, (name, color) in enumerate(zip(results, _COLORS, strict=False))
    ]
    width, height = 2 * _WIDTH + 60 + _LEFT + 20, _TOP + _HEIGHT + 72
    background = f'<rect width="{width}" height="{height}" fill="white"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#24292f">{"".join([background, *parts, *legend])}</svg>\n'
    )


def _panel(shape: str, results: Mapping[str, Found], left: int) -> str:
    lengths = [length for length in LENGTHS if length > 0]

    def x(length: float) -> float:
        return left + _WIDTH * math.log(length / lengths[0]) / math.log(lengths[-1] / lengths[0])

    def y(share: float) -> float:
        return _TOP + _HEIGHT * (1 - min(share, 1.0))

    lines = [f'<text x="{left}" y="{_TOP - 14}" font-weight="bold">{shape} tasks on two workers</text>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        dashes = ' stroke-dasharray="4 3"' if share == ENOUGH else ""
        color = "#8c959f" if share == ENOUGH else "#d8dee4"
        lines.append(f'<path d="M{left} {y(share):.1f}h{_WIDTH}" stroke="{color}"{dashes}/>')
        lines.append(f'<text x="{left - 6}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for length in (0.1, 1.0, 10.0, 100.0):
        lines.append(f'<text x="{x(length):.1f}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{length:g} ms</text>')
    for found, color in zip(results.values(), _COLORS, strict=False):
        points = [(x(length), y(found[shape][f"{length:g}"][0])) for length in lengths]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
    return "".join(lines)


# -- the run --------------------------------------------------------------------------------------


def measured(name: str, *options: float) -> Found:
    """A system in a process of its own."""
    print(".", end="", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.granularity", "--measure", json.dumps([name, *options])]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, check=True)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="each length once, and with fewer tasks")
    parser.add_argument("--svg", type=Path, help="where to write the picture")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure(*json.loads(options.measure))))
        return 0
    there = [name for name, (_, package) in COMPARED.items() if not package or importlib.util.find_spec(package)]
    results = {name: measured(name, *((1, SECONDS / 3) if options.quick else (3, SECONDS))) for name in there}
    print(f"\n{report(results)}")
    for name in COMPARED.keys() - set(there):
        print(f"{name}: not installed (pip install {COMPARED[name][1]}), left out")
    if options.svg:
        options.svg.write_text(svg(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
