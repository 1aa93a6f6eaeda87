"""What the README says is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"(?:\]\(|(?:src|srcset)=\")([^)\"#]+)[)\"]|`((?:docs|notebooks|benchmarks)/[\w./-]+)`")


def test_the_python_in_the_readme_runs_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WF_JUPYTER_MODE", "embedded")
    cells = BLOCK.findall((ROOT / "README.md").read_text())
    assert len(cells) >= 3
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        exec(compile(cell, "<README>", "exec"), space)
    assert space["execution"].status == "succeeded"
    assert space["warmest"]([1.0, 3.0]) == 3.0


@pytest.mark.parametrize("page", ["README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))])
def test_pages_link_only_to_what_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    for link, path in LINK.findall(text):
        target = link or path
        if "://" in target:
            continue
        base = ROOT if path or page == "README.md" else (ROOT / page).parent
        assert (base / target).exists(), f"{page} names {target}, which does not exist"
