"""How many examples a property is tried with."""

from __future__ import annotations

import os

#: `few` for `make fast`.
EFFORT = os.environ.get("WF_JUPYTER_TEST_EXAMPLES", "")


def examples(usual: int) -> int:
    """`usual`, or a tenth of it where an answer is wanted soon."""
    return max(5, usual // 10) if EFFORT == "few" else usual
