"""Slots of workers: reserved between planning and the commit, and shared fairly.

An executor only knows attempts that were handed to it. Between `plan` and the hand-over lies a
commit, so another execution could plan for the same slot: hence the reservations. While others wait,
an execution holds no more than its equal share, so that one with 10,000 ready tasks does not starve
the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable

from wf_jupyter.ports import Executor


class SlotPool:
    """The slots of one executor.

    A holder is whoever asks (the id of an execution); its `on_capacity` is called when it should ask again.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._reserved: Counter[str] = Counter()
        self._held: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, Callable[[], None]] = {}

    def take(self, holder: Hashable, on_capacity: Callable[[], None], count: int) -> list[str]:
        """Reserve up to `count` slots; `start` or `give_back` each of them."""
        self._waiting.pop(holder, None)
        if count <= 0:
            return []
        free = self._free(count)
        granted = min(count, len(free))
        if self._waiting:
            total = sum(self._held.values()) + len(free)
            share = -(-total // (len(self._waiting) + 1))
            granted = min(granted, max(0, share - self._held[holder]))
        if granted < count:
            self._waiting[holder] = on_capacity
        taken = free[:granted]
        self._reserved.update(taken)
        if taken:
            self._held[holder] += len(taken)
        return taken

    def wait(self, holder: Hashable, on_capacity: Callable[[], None]) -> None:
        """Tell the holder when anything ends: it has work that did not fit."""
        self._waiting.setdefault(holder, on_capacity)

    def give_back(self, holder: Hashable, worker: str) -> None:
        """Return a reserved slot unused."""
        self.on_started(worker)
        self.on_ended(holder)

    def on_started(self, worker: str) -> None:
        """Note that a reserved slot was handed to the executor."""
        self._reserved[worker] -= 1
        if self._reserved[worker] <= 0:
            del self._reserved[worker]

    def on_ended(self, holder: Hashable) -> None:
        """Free the place of one of the holder's attempts, which ended."""
        self._held[holder] -= 1
        if self._held[holder] <= 0:
            del self._held[holder]
        self.tell_waiting()

    def tell_waiting(self) -> None:
        """Let everyone who waits ask again."""
        for on_capacity in list(self._waiting.values()):
            on_capacity()

    def leave(self, holder: Hashable) -> None:
        """The holder asks no more. What it holds is counted until it is returned."""
        self._waiting.pop(holder, None)

    def _free(self, count: int) -> list[str]:
        missing = Counter(self._reserved)
        free: list[str] = []
        for worker in self.executor.slots(count + missing.total()):
            if missing[worker] > 0:
                missing[worker] -= 1
            else:
                free.append(worker)
        return free
