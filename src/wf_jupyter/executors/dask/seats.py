"""The workers of a cluster, and how many attempts each can take.

As many as it has threads; and behind each, when attempts have been short, a few sent ahead: the way
there and back takes Dask some milliseconds, however little there is to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wf_jupyter.executors.dask import worker as dask_worker
from wf_jupyter.executors.dask.job import Job
from wf_jupyter.executors.dask.values import Held
from wf_jupyter.model.keys import Digest

#: Attempts per thread, one running and the others sent ahead.
AHEAD = 8
SHORT_SECONDS = 0.02
_KNOWN_CODES = 10_000


@dataclass
class Seat:
    """A worker process, and how many attempts it has."""

    address: str
    about: dask_worker.About
    busy: int = 0

    @property
    def free(self) -> int:
        """Idle threads; negative when attempts wait."""
        return self.about.threads - self.busy


class Seating:
    """Places attempts. `seats` is the link's own mapping, which changes as workers come and go."""

    def __init__(self, seats: Mapping[str, Seat], held: Held) -> None:
        self._seats = seats
        self._held = held
        self._means: dict[Digest, float] = {}
        self._expects_short = False

    def free(self, waiting: int, limit: int) -> Sequence[str]:
        """Addresses, once per attempt that could be placed now beside the `waiting` ones."""
        found = [seat.address for seat in self._seats.values() for _ in range(seat.free)]
        if self._expects_short:
            for seat in self._seats.values():
                room = seat.about.threads * AHEAD - max(seat.busy, seat.about.threads)
                found += [seat.address] * room
        return found[waiting:][:limit]

    def place(self, job: Job) -> Seat | None:
        """The worker for an attempt: of those with room, the one that has most of what it reads."""
        short = self._means.get(job.attempt.code, 1.0) < SHORT_SECONDS
        depth = AHEAD if short else 1
        room = [seat for seat in self._seats.values() if seat.busy < seat.about.threads * depth]
        near: dict[str, int] = {}
        for path in job.paths():
            holding = self._held.find(path)
            if holding is not None:
                near[holding.home] = near.get(holding.home, 0) + holding.size
        chosen = max(room, key=lambda seat: (near.get(seat.address, 0), seat.free), default=None)
        if chosen is not None:
            chosen.busy += 1
            self._expects_short = short
        return chosen

    def learn(self, job: Job, duration: float) -> None:
        """An attempt took so long."""
        mean = self._means.get(job.attempt.code)
        if len(self._means) > _KNOWN_CODES:
            self._means.clear()
        self._means[job.attempt.code] = duration if mean is None else 0.7 * mean + 0.3 * duration
