"""Notebooks of a folder as workflows: outputs against nbclient's, what an edit makes run, and the time.

    python -m benchmarks.notebooks FOLDER [--edits 100] [--only NAME] [--seed 1]

Of each notebook, in a copy of its folder: nbclient twice (cells that differ between the two are left out of every
comparison), papermill if it is installed, then as a workflow fresh, unchanged, and after edits of one cell each by
chance. After an edit the outputs must be those of a fresh run in order of the edited notebook. Nothing of this is
committed with the notebooks: bring your own.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from wf_jupyter.client import session

_ADDRESS = re.compile(r"(?<=0x)[0-9a-f]{6,}|ipykernel_\d+/\d+\.py|/tmp/[\w./-]+")
_SECONDS = 1_200


@dataclass
class Row:
    name: str
    cells: int = 0
    equal: int = 0
    steady: int = 0
    reused: list[float] = field(default_factory=list)
    wrong: int = 0
    edits: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    trouble: str = ""


def main() -> None:
    asked = _asked()
    os.environ["WF_JUPYTER_MODE"] = "embedded"
    rows = []
    chance = random.Random(asked.seed)
    paths = [path for path in sorted(asked.folder.rglob("*.ipynb")) if asked.only in path.name]
    for count, path in enumerate(paths):
        edits = asked.edits // len(paths) + (count < asked.edits % len(paths))
        with tempfile.TemporaryDirectory(prefix="wf-notebooks-") as place:
            os.environ["WF_JUPYTER_DATA_DIR"] = str(Path(place, "data"))
            home = Path(place, "home")
            shutil.copytree(path.parent, home, ignore=shutil.ignore_patterns("*.ipynb"))
            shutil.copy(path, home)
            row = Row(path.name)
            rows.append(row)
            try:
                _measure(row, home / path.name, edits, chance)
            except Exception as error:  # told, and the next one is measured
                row.trouble = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:100]
            finally:
                session.close()  # the next one has a data directory of its own
            _show(row)
    _sum(rows)


def _asked() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--edits", type=int, default=100, help="edits of one cell, over all notebooks")
    parser.add_argument("--only", default="", help="part of a file's name")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _measure(row: Row, path: Path, edits: int, chance: random.Random) -> None:
    with _timed(row, "nbclient"):
        first = _by_nbclient(path)
    second = _by_nbclient(path)
    steady = [n for n, (one, other) in enumerate(zip(first, second, strict=True)) if one == other]
    row.cells, row.steady = len(first), len(steady)
    if importlib.util.find_spec("papermill"):
        with _timed(row, "papermill"):
            command = [sys.executable, "-m", "papermill", path.name, os.devnull, "--no-progress-bar"]
            # It ends at a cell that raises, as a workflow does.
            subprocess.run(command, cwd=path.parent, check=False, capture_output=True, timeout=_SECONDS)
    with _timed(row, "fresh"):
        fresh, _ = _as_workflow(path, "fresh")
    row.equal = sum(first[n] == fresh[n] for n in steady)
    with _timed(row, "again"):
        again, reused = _as_workflow(path, "reuse")
    if any(again[n] != fresh[n] for n in steady):
        row.wrong += 1
    row.seconds["reused"] = sum(reused) / max(1, len(reused))
    text = path.read_text()
    for _ in range(edits):
        _edit(path, chance)
        found, reused = _as_workflow(path, "reuse")
        in_order, _ = _as_workflow(path, "in-order")
        row.edits += 1
        row.wrong += any(found[n] != in_order[n] for n in steady if n < len(found))
        row.reused.append(sum(reused) / max(1, len(reused)))
        path.write_text(text)


def _edit(path: Path, chance: random.Random) -> None:
    """Change one cell by chance: a number of it where it has one, else a comment more."""
    notebook = nbformat.read(path, 4)
    cell = chance.choice([cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()])
    numbers = list(re.finditer(r"(?<![\w.\"'])\d+(?![\w.\"'])", cell.source))
    if numbers and chance.random() < 0.5 and not cell.source.lstrip().startswith("%%"):
        found = chance.choice(numbers)
        cell.source = f"{cell.source[: found.start()]}{int(found[0]) + 1}{cell.source[found.end() :]}"
    else:
        cell.source += "\n# edited"
    nbformat.write(notebook, path)


@contextlib.contextmanager
def _timed(row: Row, name: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    row.seconds[name] = time.perf_counter() - begin


def _by_nbclient(path: Path) -> list[Any]:
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, resources=place, timeout=_SECONDS, allow_errors=True, kernel_name="python3").execute()
    return [_plain(c.outputs) for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def _as_workflow(path: Path, mode: Any) -> tuple[list[Any], list[bool]]:
    """The outputs up to a cell that raises, and which cells were reused."""
    import wf_jupyter as wf

    execution = wf.notebook(path, mode=mode).submit()
    execution.wait(timeout=_SECONDS)
    found, reused = [], []
    for task in execution.tasks.values():
        try:
            outcome = task.result()
        except wf.WorkflowError as error:
            outcome = getattr(error.__cause__, "outcome", None)
            if outcome is None:
                found.append(None)
                continue
        found.append(_plain(outcome.outputs))
        reused.append(outcome.is_reused)
    return found, reused


def _plain(outputs: Sequence[Any]) -> list[Any]:
    """Outputs without what differs between any two runs: addresses, counts, in how many pieces a text came."""
    streams: dict[str, str] = {}
    others = []
    for output in outputs:
        if output["output_type"] == "stream":
            streams[output["name"]] = streams.get(output["name"], "") + output["text"]
        elif output["output_type"] == "error":
            others.append([output["ename"], output["evalue"]])
        else:
            others.append(sorted((kind, str(data)) for kind, data in output["data"].items()))
    return [sorted((name, _ADDRESS.sub("", text)) for name, text in streams.items()), _ADDRESS.sub("", str(others))]


def _show(row: Row) -> None:
    seconds = row.seconds
    ratio = seconds["fresh"] / seconds["nbclient"] if "fresh" in seconds else float("nan")
    print(
        f"{row.name[:44]:<44} {row.cells:>3} cells  equal {row.equal}/{row.steady}  "
        f"edits {row.edits - row.wrong}/{row.edits}  reused {statistics.median(row.reused or [0]):>4.0%}  "
        f"fresh {ratio:.2f}  again {seconds.get('again', 0):.2f} s ({seconds.get('reused', 0):.0%})  "
        + "  ".join(f"{name} {seconds[name]:.1f} s" for name in ("nbclient", "papermill", "fresh") if name in seconds)
        + (f"  {row.trouble}" if row.trouble else ""),
        flush=True,
    )


def _sum(rows: Sequence[Row]) -> None:
    good = [row for row in rows if not row.trouble]
    reused = [each for row in good for each in row.reused]
    ratios = [row.seconds["fresh"] / row.seconds["nbclient"] for row in good]
    print(
        f"\n{len(rows)} notebooks, {sum(row.cells for row in rows)} cells; equal {sum(row.equal for row in good)} of "
        f"{sum(row.steady for row in good)}; {sum(row.edits for row in good)} edits, "
        f"{sum(row.wrong for row in good)} wrong; ran after an edit {1 - statistics.median(reused or [0]):.0%} at the "
        f"median; fresh / nbclient {statistics.median(ratios or [0]):.2f} at the median; again "
        f"{max((row.seconds['again'] for row in good), default=0):.2f} s at most"
    )


if __name__ == "__main__":
    main()
