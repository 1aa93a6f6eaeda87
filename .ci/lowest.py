"""Prints constraints that pin every declared dependency to its lowest version; test tools keep theirs.

JupyterHub is no tool: the tests run in it, and its newest version needs newer ones of what it shares with us.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[[^\]]*\])?>=(?P<lowest>[\w.]+)")


def main() -> None:
    """Write the constraints to standard output."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *(entry for name in extras if name != "test" for entry in extras[name])]
    declared += [entry for entry in extras["test"] if entry.startswith("jupyterhub")]
    lowest = {match["name"].lower(): match["lowest"] for entry in declared if (match := REQUIREMENT.match(entry))}
    known = (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()
    tools = {REQUIREMENT.match(entry)["name"].lower() for entry in extras["test"]} - set(lowest)  # type: ignore[index]
    for name, version in sorted(lowest.items()):
        print(f"{name}=={version}")
    for line in known:
        if line.partition("==")[0].lower().replace("_", "-") in tools:
            print(line)


if __name__ == "__main__":
    main()
