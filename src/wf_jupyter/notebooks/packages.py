"""Imports of cells, and what stands for them: files, versions of packages, and modules that are not there."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Iterator
from importlib.machinery import all_suffixes
from pathlib import Path

from wf_jupyter.notebooks.libraries import is_users
from wf_jupyter.notebooks.stamps import DESCRIBED, stamp


def files_of(names: set[str]) -> dict[str, dict[str, str]]:
    """Stamps of modules that were loaded, by package: all of the user's own, the first of others, and their version."""
    packages: dict[str, dict[str, str]] = {}
    for name in names:
        path = getattr(sys.modules.get(name), "__file__", None)
        if not isinstance(path, str) or not Path(path).is_absolute():
            continue
        found = packages.setdefault(name.partition(".")[0], {})
        is_installed = "." not in name and "site-packages" in path
        if is_users(sys.modules[name]) or is_installed:
            found[path] = stamp(path)
        if is_installed and (distribution := _distribution(name, path)):
            found[distribution] = stamp(distribution)
    return packages


def places_of(name: str) -> Iterator[str]:
    """Where a module that was not found would be, once somebody installs it."""
    package, _, last = name.rpartition(".")
    places = getattr(sys.modules.get(package), "__path__", ()) if package else sys.path
    for place in places:
        for suffix in ("", *all_suffixes()):
            yield os.path.join(os.path.abspath(place), last + suffix)  # noqa: PTH100


def _distribution(name: str, path: str) -> str:
    """The directories, named after versions, in which an installed package is described."""
    folder = path[: path.rindex("site-packages") + len("site-packages")]
    return _find_description(name, folder, os.stat(folder).st_mtime_ns)  # noqa: PTH116


@functools.lru_cache(maxsize=1024)
def _find_description(name: str, folder: str, changed: int) -> str:
    known = _descriptions(folder, changed)
    if name.lower() in known:
        return _any_version(known[name.lower()])
    # Its name is not the package's: the list of its files tells.
    starts = [f"\n{name}{rest}" for rest in ("/", *(f"{suffix}," for suffix in all_suffixes()))]
    return next((_any_version(each) for each in known.values() if any(s in _record(each) for s in starts)), "")


@functools.lru_cache(maxsize=16)
def _descriptions(folder: str, changed: int) -> dict[str, Path]:
    found = sorted(Path(folder).glob("*.dist-info"))
    return {re.sub(r"[-_.]+", "_", each.name.partition("-")[0]).lower(): each for each in found}


def _any_version(distribution: Path) -> str:
    return str(distribution.with_name(distribution.name.partition("-")[0])) + DESCRIBED


@functools.lru_cache(maxsize=1024)
def _record(distribution: Path) -> str:
    try:
        return "\n" + (distribution / "RECORD").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
