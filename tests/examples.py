"""How many examples a property is tried with."""

from __future__ import annotations

import os

#: `few` for `make fast`, `many` for `make slow`.
EFFORT = os.environ.get("WF_JUPYTER_TEST_EXAMPLES", "")


def examples(usual: int) -> int:
    """`usual`; a tenth of it where an answer is wanted soon, ten times as many where there is time."""
    match EFFORT:
        case "few":
            return max(5, usual // 10)
        case "many":
            return 10 * usual
        case _:
            return usual
