"""When to try again: exponential back-off with full jitter, for ever. Pure: the caller brings the luck.

A server that was restarted is met by all its clients at once; full jitter spreads them evenly over
the wait, which a fixed back-off (or a small jitter on top of one) does not.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 0.5
LONGEST = 15.0
#: Even the luckiest client leaves a server that just refused it this long in peace.
SHORTEST = 0.05


@dataclass
class Backoff:
    """Counts the failures since the last success."""

    failures: int = 0

    def next_delay(self, jitter: float) -> float:
        """Seconds to wait after one more failure; `jitter` is uniform in [0, 1)."""
        ceiling: float = min(LONGEST, FIRST * 2 ** min(self.failures, 16))
        self.failures += 1
        return max(SHORTEST, ceiling * jitter)

    def reset(self) -> None:
        """The next failure starts from the shortest wait again."""
        self.failures = 0
