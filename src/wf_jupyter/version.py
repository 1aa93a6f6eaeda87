"""The version of the package and where it is, for everybody who has to tell it."""

from __future__ import annotations

from pathlib import Path

VERSION = "0.1.0"
#: The folder of the package itself.
FOLDER = Path(__file__).parent
