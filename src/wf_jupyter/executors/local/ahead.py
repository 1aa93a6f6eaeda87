"""Limits on the attempts that a worker holds: those that are known to be short are sent ahead."""

from __future__ import annotations

from wf_jupyter.model.keys import Digest

#: Only attempts that take less than this are sent ahead, in seconds ...
SHORT_SECONDS = 0.005
#: ... and as many as a worker needs so long for; no more than `AHEAD`.
AHEAD_SECONDS = 0.02
AHEAD = 64
_KNOWN_CODES = 10_000


class Durations:
    """Durations of attempts, by their code."""

    def __init__(self) -> None:
        self._means: dict[Digest, float] = {}

    def learn(self, code: Digest, duration: float) -> None:
        """An attempt took so long."""
        mean = self._means.get(code)
        self._means[code] = duration if mean is None else 0.7 * mean + 0.3 * duration
        if len(self._means) > _KNOWN_CODES:
            self._means.clear()

    def ahead(self, code: Digest) -> int:
        """Number of such attempts that one worker may hold: the shorter they are, the more of them share a turn."""
        mean = self._means.get(code, 1.0)
        return 1 if mean >= SHORT_SECONDS else int(min(AHEAD_SECONDS / max(mean, 1e-6), AHEAD))
