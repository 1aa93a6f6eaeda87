"""Small notebooks with one trap each: whatever is edited, what is shown is what a run in order shows."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from .driver import Driver

HAZARDS = json.loads(Path(__file__).with_name("hazards.json").read_text())


@pytest.mark.parametrize("name", sorted(HAZARDS))
def test_a_trap_is_never_fallen_into(name: str, tmp_path: Path) -> None:
    cells = HAZARDS[name]
    driver = Driver(tmp_path)
    expected = driver.run(cells, "fresh")
    assert driver.run(cells) == expected, "unchanged"
    edited = random.Random(name).randrange(len(cells))
    changed = [f"{cell}\n# edited" if index == edited else cell for index, cell in enumerate(cells)]
    assert driver.run(changed) == expected, f"In [{edited + 1}] was edited: {driver.reasons}"
