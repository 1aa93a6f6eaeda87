"""The version of the package, for everybody who has to tell it."""

from __future__ import annotations

VERSION = "0.1.0"
