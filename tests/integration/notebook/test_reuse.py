"""Only what changed runs, and what is shown is what a run in order shows."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

import wf_jupyter as wf
from wf_jupyter.notebooks import execute
from wf_jupyter.notebooks.rules import rules_of
from wf_jupyter.notebooks.source import Cell

from .conftest import by_nbclient, outputs, run, write
from .driver import Driver, plain

#: Two branches from one table, with a setting between them.
CELLS = [
    "import numpy as np\nimport pandas as pd",
    "df = pd.DataFrame({'a': np.arange(6), 'b': list('xxyyzz')})",
    "means = df.groupby('b')['a'].mean()\nmeans",
    "pd.set_option('display.max_rows', 4)",
    "total = df['a'].sum()\nprint(total)",
    "df",
    "print(means.max() + total)",
]


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    return Driver(tmp_path)


def edited(cells: list[str], number: int, text: str) -> list[str]:
    return [text if index == number else cell for index, cell in enumerate(cells, 1)]


def test_unchanged_nothing_runs_and_after_an_edit_only_what_depends_on_it_does(driver: Driver) -> None:
    first = driver.run(CELLS)
    assert driver.ran == [1, 2, 3, 4, 5, 6, 7]
    assert driver.run(CELLS) == first
    assert driver.ran == []
    changed = edited(CELLS, 3, "means = df.groupby('b')['a'].sum()\nmeans")
    found = driver.run(changed)
    assert driver.ran == [3, 7]
    assert driver.reasons[6] == "means comes from In [3], which ran"
    assert found == driver.run(changed, "in-order")
    assert driver.run(edited(CELLS, 6, "df.head(1)"))[5] != first[5]
    assert driver.ran == [6]
    driver.run(edited(CELLS, 4, "pd.set_option('display.max_rows', 3)"))
    assert driver.ran == [4, 5, 6, 7], "any cell may depend on a setting"
    assert driver.reasons[4] == "pandas' options may differ: In [4] ran"


def test_a_file_that_changed_makes_those_run_that_read_it(driver: Driver) -> None:
    data = driver.home / "data.csv"
    data.write_text("a\n1\n2\n")
    cells = ["import pandas as pd", "df = pd.read_csv('data.csv')", "print(df['a'].sum())", "print('other')"]
    driver.run(cells)
    driver.run(cells)
    assert driver.ran == []
    data.write_text("a\n1\n3\n")
    assert driver.run(cells)[2] == [("stdout", "4\n")]
    assert driver.ran == [2, 3]
    assert driver.reasons[1] == "the file data.csv changed"


def test_a_module_beside_the_notebook_counts_with_its_text(driver: Driver) -> None:
    module = driver.home / "neighbour_of_it.py"
    module.write_text("def f():\n    return 1\n")
    cells = ["from neighbour_of_it import f", "print(f())"]
    assert driver.run(cells)[1] == [("stdout", "1\n")]
    driver.run(cells)
    assert driver.ran == []
    module.write_text("def f():\n    return 22\n")
    assert driver.run(cells)[1] == [("stdout", "22\n")]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("import time\nt = time.time()", "the time"),
        ("from datetime import datetime as d\nprint(d.now().year > 2000)", "the time"),
        ("import pandas as pd\nx = pd.Timestamp('now')", "the time"),
        ("import numpy as np\nx = np.random.rand()", "nothing seeds"),
        ("from scipy import stats\nx = stats.norm().rvs()", "nothing seeds"),
        ("import random\nx = random.random()", "nothing seeds"),
        ("import numpy as np\nx = np.random.default_rng().normal()", "nothing seeds"),
        ("import subprocess\nx = subprocess.run(['true'])", "another program"),
        ("!true", "another program"),
        ("%%bash\ntrue", "another program"),
        ("import os\nx = os.path.exists('nothing')", "about files"),
        ("x = [hash('a')]", "differs from run to run"),
    ],
)
def test_what_differs_from_run_to_run_always_runs(cell: str, why: str, driver: Driver) -> None:
    cells = ["y = 1", cell, "print(y)"]
    driver.run(cells)
    driver.run(cells)
    assert 1 not in driver.ran and 2 in driver.ran
    assert why in driver.reasons[1] and driver.reasons[1].endswith("so it runs each time")


def test_what_the_kernel_draws_for_itself_is_no_draw_of_the_notebook(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = execute._wait_for_welcome

    async def ask_who_it_is(kernel: Any) -> None:
        await wait(kernel)
        await kernel.kernel_info(reply=True, timeout=90)  # its banner has a tip by chance

    monkeypatch.setattr(execute, "_wait_for_welcome", ask_who_it_is)
    found = driver.run(["import random\nrandom.seed(49)", "x = 1", "print(random.random())"])
    assert found[2] == [("stdout", f"{random.Random(49).random()}\n")]


def test_what_reads_a_cell_that_shows_the_time_runs_again_if_that_left_something_else(driver: Driver) -> None:
    cells = ["import time", "k = 3\nprint(time.time())\nx = [{}]", "print(x)"]
    driver.run([cells[0], cells[1].format("k"), cells[2]])
    driver.run([cells[0], cells[1].format("k"), cells[2]])
    assert driver.ran == [2]
    assert driver.run([cells[0], cells[1].format("time.time() > 5"), cells[2]])[2] == [("stdout", "[True]\n")]
    assert driver.ran == [2, 3]


def test_a_comment_more_makes_its_cell_run_and_none_below(driver: Driver) -> None:
    driver.run(CELLS)
    driver.run(edited(CELLS, 2, CELLS[1] + "\n# the same"))
    assert driver.ran == [2]


def test_tags_override(driver: Driver) -> None:
    cells = ["a = []", ("wf:always", "b = 1"), ("wf:order", "c = 1"), "print(a, c)"]
    driver.run(cells)
    driver.run(cells)
    assert driver.ran == [2, 3, 4], "what always runs is above the cell that is to run in order, and all below it"
    assert "it is tagged wf:order" in driver.reasons[3]
    assert "it is tagged wf:always" in driver.reasons[1]


def test_nothing_below_a_leaf_runs_for_it(driver: Driver) -> None:
    leaf = "import calendar\ncalendar.setfirstweekday(6)\na.append(2)\nprint({})"
    cells = ["a = [1]", ("wf:leaf", leaf.format(1)), "print(a)"]
    driver.run(cells)
    driver.run([cells[0], ("wf:leaf", leaf.format(2)), cells[2]])
    assert driver.ran == [2]


def test_an_error_is_told_with_the_number_of_its_cell_in_a_run_in_order(driver: Driver) -> None:
    driver.run(["x = 1", "y = 2", ("raises-exception", "1/0")])
    driver.run(["x = 1", "y = 2", ("raises-exception", "2/0")])
    assert driver.ran == [3]
    assert ["Cell In[3], line 1" in plain(each) for each in driver.tracebacks] == [True]


def test_a_value_that_took_long_is_loaded_and_not_made_again(driver: Driver) -> None:
    count = driver.home / "count"
    slow = "import time, pandas as pd\ntime.sleep(0.5)\ndf = pd.DataFrame({'a': [1, 2]})"
    cells = ["from pathlib import Path", slow, f"df['b'] = 3\nprint(len(df))\nPath({str(count)!r}).write_text('1')"]
    driver.run(cells)
    driver.run(edited(cells, 3, "print(df['a'].sum())"))
    assert driver.ran == [3]
    steps = sorted(driver._folder.glob("session-2/steps.json"))
    assert steps


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("exec('x = 1')", "exec"),
        ("from math import *", "import *"),
        ("globals()['x'] = 1", "globals"),
        ("%run other.py", "%run"),
        ("x = 1 +", "not read as Python"),
    ],
)
def test_what_can_reach_any_name_is_in_order_and_says_so(source: str, why: str) -> None:
    assert why in rules_of(Cell(1, 0, source, "", "")).in_order


def test_an_execution_reuses_and_says_so_in_the_view_and_in_the_notebook(tmp_path: Path) -> None:
    path = write(tmp_path / "book.ipynb", CELLS)
    notebook = wf.notebook(path)
    run(notebook)
    plan = notebook.plan()
    assert [cell.decision for cell in plan] == ["reused"] * 7
    execution = notebook.submit()
    result = execution.result(timeout=240)
    assert repr(result) == "<executed notebook book.ipynb: 7 cells, 7 reused>"
    assert outputs(result.notebook) == outputs(by_nbclient(path))
    kept = nbformat.read(result.save(tmp_path / "out.ipynb"), 4)
    assert kept.cells[2].metadata.wf_jupyter == {
        "reused": True, "reason": "its text and all that it reads are as they were",
    }  # fmt: skip
    shown = execution.tasks["3: means = df.groupby('b')('a').mean()"]
    assert [set(output.data) for output in shown.outputs()] == [{"text/plain"}]
    assert "reused" in str(shown.result())
    write(path, edited(CELLS, 5, "total = df['a'].max()\nprint(total)"))
    decisions = [cell.decision for cell in notebook.plan()]
    assert decisions == ["reused", "reused", "reused", "reused", "runs", "reused", "runs"]
    assert [cell.again_for for cell in notebook.plan()][:2] == [(5,), (5,)]
    assert notebook.plan()[6].sentence == "runs: total comes from In [5], which ran"
    assert outputs(run(notebook).notebook) == outputs(by_nbclient(path))
    assert [cell.decision for cell in notebook.with_mode("fresh").plan()] == ["runs"] * 7


def test_the_command_line_plans_and_checks(tmp_path: Path) -> None:
    write(tmp_path / "book.ipynb", ["x = 1", "print(x)"])

    def wf_(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wf_jupyter.cli.main", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)

    assert "runs: its text is new" in wf_("plan", "book.ipynb").stdout
    done = wf_("run", "book.ipynb", "--check")
    assert (done.returncode, "all 2 cells show the same" in done.stderr) == (0, True), done.stderr
    assert "2 cells, 2 reused" in wf_("plan", "book.ipynb").stdout
    assert json.loads((tmp_path / "book.ipynb").read_text())["cells"][1]["outputs"] == []
