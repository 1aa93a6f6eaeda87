"""Values of gigabytes: a cell that has one ends soon, in a process that is little larger than the value."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .driver import Driver

_MEGABYTES = 2048


def book(made: str) -> list[str]:
    return [
        "import numpy as np\nimport pandas as pd\nimport resource",
        f"size = {_MEGABYTES} << 20\na = {made}",
        "n = 2",
        "print(a.sum() + n)",
        "a[0] = 7",
        "print(a.sum())",
        # The interpreter with its libraries has some 200 MB; the value itself, and pieces of it.
        f"print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10 < {_MEGABYTES + 700})",
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    "made",
    ["np.ones(size // 8)", "np.zeros(size // 8)", "np.ones((size // 8 // 64, 64)).T", "np.ones(size // 8)[::2]"],
)
def test_a_large_array_is_right_soon_and_without_a_copy(made: str, tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    cells = book(made)
    begun = time.monotonic()
    found = driver.run(cells)
    observed = time.monotonic() - begun
    assert found == driver.run(cells, "in-order")
    assert found[-1] == [("stdout", "True\n")]
    assert observed < 160
    cells[2] = "n = 3"
    assert driver.run(cells) == driver.run(cells, "in-order")
    print(f"{made}: {observed:.1f} s observed")


@pytest.mark.long
@pytest.mark.parametrize(
    "made", ["['x' * 1000 + str(n) for n in range(1 << 21)]", "list(range(50_000_000))", "'x' * (1 << 31)"]
)
def test_a_large_list_or_text_is_right_soon(made: str, tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    cells = [
        "import sys",
        f"a = {made}",
        "n = 2",
        "print(len(a) + n)",
        "print(a[-1][-3:] if type(a[-1]) is str else a[-1])",
    ]
    begun = time.monotonic()
    found = driver.run(cells)
    observed = time.monotonic() - begun
    assert found == driver.run(cells, "in-order")
    cells[2] = "n = 3"
    assert driver.run(cells) == driver.run(cells, "in-order")
    assert observed < 160
    print(f"{made}: {observed:.1f} s observed")
