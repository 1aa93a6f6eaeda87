"""Traps: whatever is edited, what is shown is what a run in order shows."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from .driver import Driver
from .random_notebooks import Chance, printed

HAZARDS = json.loads(Path(__file__).with_name("hazards.json").read_text())
#: What cells leave where no name of the notebook shows it: in libraries, in files, behind numbers and references.
HIDDEN = json.loads(Path(__file__).with_name("hidden.json").read_text())
#: Those that always run.
_QUICK = ("flatiter_large", "patched_by_function_that_patches", "pickle_of_class_by_name")
_NUMBER = re.compile(r"(?<![\w.])\d+(?!\w)|(?<=[a-zA-Z_])\d(?=['\" ])")
#: Imports that take a second or more, in each of the kernels.
_HEAVY = ("pandas", "matplotlib", "scipy", "sklearn")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long) if any(each in " ".join(cells) for each in _HEAVY) else name
        for name, cells in sorted(HAZARDS.items())
    ],
)
def test_a_trap_is_not_fallen_into_when_a_cell_is_edited(name: str, tmp_path: Path) -> None:
    cells = HAZARDS[name]
    driver = Driver(tmp_path)
    expected = driver.run(cells, "fresh")
    edited = random.Random(name).randrange(len(cells))
    changed = [f"{cell}\n# edited" if index == edited else cell for index, cell in enumerate(cells)]
    assert driver.run(changed) == expected, f"In [{edited + 1}] was edited: {driver.reasons}"


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(HAZARDS))
def test_a_trap_is_not_fallen_into_whichever_cell_is_edited(name: str, tmp_path: Path) -> None:
    cells = HAZARDS[name]
    driver = Driver(tmp_path)
    expected = driver.run(cells, "fresh")
    assert driver.run(cells) == expected, "unchanged"
    for edited in range(len(cells)):
        changed = [f"{cell}\n# edited" if index == edited else cell for index, cell in enumerate(cells)]
        assert driver.run(changed) == expected, f"In [{edited + 1}] was edited: {driver.reasons}"


def with_another_number(cell: Any) -> Any:
    """The cell, or the pair of its tag and its text, with its first number raised."""
    if isinstance(cell, tuple):
        return cell[0], with_another_number(cell[1])
    return _NUMBER.sub(lambda found: str(int(found[0]) + 1), cell, count=1)


@pytest.mark.parametrize(
    "name", [name if name in _QUICK else pytest.param(name, marks=pytest.mark.long) for name in sorted(HIDDEN)]
)
def test_what_no_name_shows_is_not_forgotten_whichever_cell_does_something_else(name: str, tmp_path: Path) -> None:
    cells = [tuple(cell) if isinstance(cell, list) else cell for cell in HIDDEN[name]]
    driver = Driver(tmp_path)
    expected = driver.run(cells, "fresh")
    files = set(driver.home.rglob("*"))
    for edited, cell in enumerate(cells):
        noted = (cell[0], f"{cell[1]}\n# edited") if isinstance(cell, tuple) else f"{cell}\n# edited"
        assert driver.run([*cells[:edited], noted, *cells[edited + 1 :]]) == expected, f"{edited + 1}: {driver.reasons}"
        changed = [*cells[:edited], with_another_number(cell), *cells[edited + 1 :]]
        if changed != cells:
            driver.run(cells)
            found, reasons = driver.run(changed), driver.reasons
            assert found == driver.run(changed, "in-order"), f"In [{edited + 1}] does something else: {reasons}"
            for path in driver.home.rglob("*"):
                if path not in files and path.is_file():
                    path.unlink()  # of the other text alone


def check_edits(seed: int, edits: int, size: int, folder: Path) -> None:
    """Run a notebook by chance, edit one cell after another, and compare each time with plain Python."""
    chance = Chance(seed)
    driver = Driver(folder)
    cells = chance.notebook(size)
    for count in range(edits + 1):
        expected = printed(cells, folder / "plain")
        found = driver.run(cells)
        assert found == expected, (
            f"seed {seed}, edit {count}\n"
            + "\n\n".join(f"[{n}] {cell}" for n, cell in enumerate(cells, 1))
            + f"\n{driver.ran} {driver.reasons}"
        )
        cells = chance.edit(cells)
        for file in driver.home.glob("*.txt"):
            # Plain Python finds no files of an earlier run, and a cell that asks for one must not either.
            file.unlink()
    shutil.rmtree(folder / "plain")


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 4))])
def test_after_any_edit_the_outputs_are_those_of_plain_python(seed: int, tmp_path: Path) -> None:
    check_edits(seed, 5, 9, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
def test_after_many_edits_the_outputs_are_those_of_plain_python(seed: int, tmp_path: Path) -> None:
    check_edits(seed, 10, 14, tmp_path)
