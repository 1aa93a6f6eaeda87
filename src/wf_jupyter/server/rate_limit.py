"""Token buckets, one per identity. Pure: the time is an argument."""

from __future__ import annotations

import math

from wf_jupyter.errors import RateLimited

#: Beyond this many identities, those whose bucket is full again are forgotten.
_REMEMBERED = 1024


class RateLimiter:
    """Allows `burst` at once and `rate` per second after that, to each identity by itself."""

    def __init__(self, burst: float, rate: float, what: str = "executions") -> None:
        self.what = what
        self.burst = max(1.0, burst)
        self.rate = rate
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, identity: str, now: float) -> None:
        """Use one token; `RateLimited` with the seconds until there is one. `rate` 0 or less: no limit."""
        if self.rate <= 0:
            return
        left = self._left(identity, now)
        if left < 1:
            # Rounded up, so that a client that waits exactly this long is let through.
            wait = math.ceil((1 - left) / self.rate * 1000) / 1000
            raise RateLimited(
                f"too many {self.what}: {self.burst:g} at once and {self.rate:g} per second are allowed; "
                f"try again in {wait:g} seconds",
                wait,
            )
        self._buckets[identity] = (left - 1, now)
        if len(self._buckets) > _REMEMBERED:
            self._forget_idle(now)

    def _left(self, identity: str, now: float) -> float:
        left, at = self._buckets.get(identity, (self.burst, now))
        # A clock that jumps back refills nothing and takes nothing.
        return min(self.burst, left + max(0.0, now - at) * self.rate)

    def _forget_idle(self, now: float) -> None:
        for identity in [name for name in self._buckets if self._left(name, now) >= self.burst]:
            del self._buckets[identity]
