"""The table of places in the page for administrators says what tests show, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "administrators.md"
COLUMNS = ("kernel", "Lab", "page", "REST", "restart")
MARK = re.compile(r"@pytest\.mark\.place\(\s*([^)]*(?:\([^)]*\)[^)]*)*?),?\s*\)\n")


def test_each_cell_of_the_table_is_filled_by_a_test() -> None:
    shown = set()
    for path in TESTS.rglob("test_*.py"):
        for found in MARK.finditer(path.read_text("utf-8")):
            setting, *columns = re.findall(r'"([^"]*)"', found[1])
            shown |= {(setting, column) for column in columns}
    table = DOCUMENT.read_text("utf-8").partition("## Where it was tried")[2].partition("\n## ")[0]
    said = set()
    for line in table.splitlines():
        setting, *cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| ") else [""]
        said |= {(setting, column) for column, cell in zip(COLUMNS, cells) if cell == "✓"}
    assert said == shown
