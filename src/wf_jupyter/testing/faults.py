"""A store that fails where a test says so."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter, deque
from typing import Any

from wf_jupyter.ports import Store


class Faults:
    """Faults to inject: `fail` arms faults for the next calls of a method, `clear` takes back those not met.

    `calls` counts the calls by method, `injected` the faults that were met by method and kind of error.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.injected: Counter[tuple[str, str]] = Counter()
        self._armed: dict[str, deque[Exception | float]] = {}

    def fail(self, method: str, fault: Exception | float, *, times: int = 1, after: int = 0) -> None:
        """Let `times` calls of `method` fail, after `after` that work; a number makes them slow by so many seconds."""
        armed = self._armed.setdefault(method, deque())
        armed.extend([0.0] * after + [fault] * times)

    def clear(self) -> None:
        """From now on everything works."""
        self._armed.clear()

    @property
    def are_armed(self) -> bool:
        """Whether some fault was not met yet."""
        return any(self._armed.values())

    def met(self, method: str) -> Exception | float:
        """Note a call; the fault that it meets, 0.0 for none."""
        self.calls[method] += 1
        armed = self._armed.get(method)
        fault = armed.popleft() if armed else 0.0
        if fault:
            self.injected[method, "slow" if isinstance(fault, float) else type(fault).__name__] += 1
        return fault


class FaultyStore:
    """Wraps a store (`ports.Store`); every method meets the faults that are armed for its name."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._store, name)
        if not callable(member):
            return member
        if inspect.iscoroutinefunction(member):

            async def slowly(*args: Any, **options: Any) -> Any:
                fault = self._faults.met(name)
                if isinstance(fault, Exception):
                    raise fault
                await asyncio.sleep(fault)
                return await member(*args, **options)

            return slowly

        def at_once(*args: Any, **options: Any) -> Any:
            fault = self._faults.met(name)
            if isinstance(fault, Exception):
                raise fault
            return member(*args, **options)

        return at_once
