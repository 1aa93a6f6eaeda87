"""Packages that cells install: what is imported below them is what a run in order imports."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from .driver import Driver

_PLACE = """import sys
from pathlib import Path
Path("site-packages").mkdir(exist_ok=True)
sys.path.insert(0, str(Path("site-packages").resolve()))"""
_INSTALL = "-q --disable-pip-version-check --no-deps --no-index --upgrade --target site-packages"


def wheel(folder: Path, version: int) -> Path:
    """A package whose first file is the same in every version."""
    described = f"gadget-{version}.dist-info"
    files = {
        "gadget/__init__.py": "from gadget.core import answer\n",
        "gadget/core.py": f"def answer():\n    return {version}\n",
        f"{described}/METADATA": f"Metadata-Version: 2.1\nName: gadget\nVersion: {version}\n",
        f"{described}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{described}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{described}/RECORD"])
    path = folder / f"gadget-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def cells(installs: str, package: Path) -> list[str]:
    return [
        _PLACE,
        "try:\n    import gadget\n    print('there')\nexcept ImportError:\n    print('missing')",
        f"{installs} install {_INSTALL} {package}",
        "import gadget\nprint(gadget.answer())",
        "n = gadget.answer() + 1\nprint(n)",
    ]


def test_what_a_cell_installs_is_imported_below_it_and_found_from_the_beginning_next_time(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    book = cells("%pip", wheel(tmp_path, 1))
    found = driver.run(book)
    assert found[1] == [("stdout", "missing\n")]
    assert found[3:] == [[("stdout", "1\n")], [("stdout", "2\n")]]
    found = driver.run(book)
    assert "runs each time" in driver.reasons[2]
    assert found[1] == [("stdout", "there\n")]
    assert found[3:] == [[("stdout", "1\n")], [("stdout", "2\n")]]


@pytest.mark.long
@pytest.mark.parametrize("installs", ["%pip", "!{sys.executable} -m pip"])
def test_another_version_makes_run_what_imports_it(installs: str, tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    book = cells(installs, wheel(tmp_path, 1))
    driver.run(book)
    found = driver.run(book)
    assert found == driver.run(book, "in-order")
    other = cells(installs, wheel(tmp_path, 2))
    driver.run(other)
    found = driver.run(other)
    assert found == driver.run(other, "in-order")
    assert found[3:] == [[("stdout", "2\n")], [("stdout", "3\n")]]


@pytest.mark.long
def test_what_is_taken_away_again_is_missed(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    book = cells("%pip", wheel(tmp_path, 1))
    asks = "import importlib.util\nprint(importlib.util.find_spec('gadget') is not None)"
    driver.run([book[0], asks, book[2]])
    assert driver.run([book[0], asks, "pass"])[1] == [("stdout", "True\n")]
    (driver.home / "site-packages" / "gadget").rename(driver.home / "elsewhere")
    assert driver.run([book[0], asks, "pass"])[1] == [("stdout", "False\n")]
