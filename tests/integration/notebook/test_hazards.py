"""Traps: whatever is edited, what is shown is what a run in order shows."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from .driver import Driver
from .random_notebooks import Chance, printed

HAZARDS = json.loads(Path(__file__).with_name("hazards.json").read_text())
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


@pytest.mark.parametrize("seed", range(4))
def test_after_any_edit_the_outputs_are_those_of_plain_python(seed: int, tmp_path: Path) -> None:
    check_edits(seed, 5, 9, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
def test_after_many_edits_the_outputs_are_those_of_plain_python(seed: int, tmp_path: Path) -> None:
    check_edits(seed, 10, 14, tmp_path)
