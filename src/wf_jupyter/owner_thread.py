"""Things that belong to one thread say so where they are used, so that misuse fails there and not later elsewhere."""

from __future__ import annotations

import threading


class OwnerThread:
    """Belongs to the first thread that uses it. A check takes some 0.1 µs and is always on."""

    __slots__ = ("_name", "_owner")

    def __init__(self, name: str) -> None:
        self._name = name
        self._owner = 0

    def check(self) -> None:
        """Raise `RuntimeError` in any other thread."""
        thread = threading.get_ident()
        if thread == self._owner:
            return
        if self._owner:
            raise RuntimeError(
                f"{self._name} belongs to one thread and was used in another, {threading.current_thread().name!r}: "
                "hand it over with call_soon_threadsafe"
            )
        self._owner = thread
