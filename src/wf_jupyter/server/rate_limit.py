"""Token buckets, one per program that asks. Pure: the time is an argument.

Two kernels of one person have a bucket each: one that submits in a loop costs the other nothing. What a program
calls itself proves nothing, so all programs of one person together have a bucket as well, a larger one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from wf_jupyter.errors import RateLimited

#: All programs of one person together may do as much as so many of them.
TOGETHER = 5
#: Beyond this many buckets, those that are full again are forgotten.
_REMEMBERED = 1024


class Identity(NamedTuple):
    """A credential, and which of the programs that use it; those of a trusted one are counted apart."""

    person: str
    program: str = ""
    is_trusted: bool = False


class _Bucket(NamedTuple):
    left: float
    at: float
    times: int


class RateLimiter:
    """Allows `burst` at once and `rate` per second after that, to each program by itself."""

    def __init__(self, burst: float, rate: float, what: str = "executions") -> None:
        self.what = what
        self.burst = max(1.0, burst)
        self.rate = rate
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, identity: Identity, now: float) -> None:
        """Use one token; `RateLimited` with the seconds until there is one. `rate` 0 or less: no limit."""
        if self.rate <= 0:
            return
        names = {(identity.person, identity.program): 1}
        if identity.program and not identity.is_trusted:
            names[identity.person, ""] = TOGETHER
        found = {name: self._refill(self._buckets.get(name), now, times) for name, times in names.items()}
        for bucket in found.values():
            if bucket.left < 1:
                self._refuse(bucket)
        for name, bucket in found.items():
            self._buckets[name] = bucket._replace(left=bucket.left - 1)
        if len(self._buckets) > _REMEMBERED:
            self._forget_idle(now)

    def _refuse(self, bucket: _Bucket) -> None:
        # Rounded up, so that a client that waits exactly this long is let through.
        wait = math.ceil((1 - bucket.left) / (self.rate * bucket.times) * 1000) / 1000
        raise RateLimited(
            f"too many {self.what}: {self.burst * bucket.times:g} at once and {self.rate * bucket.times:g} per second "
            f"are allowed; try again in {wait:g} seconds",
            wait,
        )

    def _refill(self, bucket: _Bucket | None, now: float, times: int) -> _Bucket:
        if bucket is None:
            return _Bucket(self.burst * times, now, times)
        # A clock that jumps back refills nothing and takes nothing.
        left = bucket.left + max(0.0, now - bucket.at) * self.rate * times
        return _Bucket(min(self.burst * times, left), now, times)

    def _forget_idle(self, now: float) -> None:
        for name, bucket in list(self._buckets.items()):
            if self._refill(bucket, now, bucket.times).left >= self.burst * bucket.times:
                del self._buckets[name]
