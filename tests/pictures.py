"""Screenshots for people to look at, in `test-results/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "test-results"


def picture(page: Any, name: str) -> None:
    """What a browser page shows at this moment."""
    FOLDER.mkdir(exist_ok=True)
    page.screenshot(path=str(FOLDER / f"{name}.png"))
