"""How many attempts a worker may hold: those that are known to be short are sent ahead."""

from __future__ import annotations

from collections.abc import Callable

from wf_jupyter.model.keys import Digest

#: Only attempts that take less than this are sent ahead, in seconds ...
SHORT_SECONDS = 0.005
#: ... and as many as a worker needs so long for; no more than `AHEAD`.
AHEAD_SECONDS = 0.02
AHEAD = 64
#: For how long nothing is sent ahead after attempts went back that had been.
CAREFUL_SECONDS = 1.0
_KNOWN_CODES = 10_000


class Durations:
    """How long attempts took, by their code. `now` is the clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._means: dict[Digest, float] = {}
        self._careful_until = 0.0

    def learn(self, code: Digest, duration: float) -> None:
        """An attempt took so long."""
        mean = self._means.get(code)
        self._means[code] = duration if mean is None else 0.7 * mean + 0.3 * duration
        if len(self._means) > _KNOWN_CODES:
            self._means.clear()

    def be_careful(self) -> None:
        """Promise less for a while: attempts that were sent ahead could not begin."""
        self._careful_until = self._now() + CAREFUL_SECONDS

    def ahead(self, code: Digest) -> int:
        """How many such attempts one worker may hold: the shorter they are, the more of them share a turn."""
        mean = self._means.get(code, 1.0)
        if mean >= SHORT_SECONDS or self._now() < self._careful_until:
            return 1
        return int(min(AHEAD_SECONDS / max(mean, 1e-6), AHEAD))
