"""Time that has passed for a data directory, measured without trusting a clock that jumps.

A clock that is wrong by a hundred days, once, looks like a machine that was switched off for as long. So time
is counted as far as a running process saw it pass on a clock that cannot jump; what the wall clock says beyond
that (the machine slept, or nothing ran) counts only up to a limit each time, and is taken back when the clock
goes back.
"""

from __future__ import annotations

import msgspec

#: Seconds by which clocks of several machines may differ.
_SKEW = 3600.0


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """`passed`: seconds that passed for the directory. `wall`: what the clock said at the last look, in seconds.

    `credited` is what of `passed` nobody but the wall clock saw.
    """

    passed: float = 0.0
    wall: float
    credited: float = 0.0


def advance(known: Observed, wall: float, elapsed: float, limit: float) -> Observed:
    """Advance the observed time to another look.

    Args:
        known: as it was at the last look, of whatever process.
        wall: what the wall clock says now, in seconds.
        elapsed: seconds since the last look of this process, by a clock that cannot jump; 0 at the first.
        limit: seconds that the wall clock alone may add.
    """
    said = wall - known.wall
    if said < -_SKEW:
        back = min(known.credited, -said)
        return Observed(passed=known.passed - back, wall=wall, credited=known.credited - back)
    if said <= 0:
        return known
    seen = min(said, elapsed)
    credited = min(said - seen, limit)
    return Observed(passed=known.passed + seen + credited, wall=wall, credited=known.credited + credited)
