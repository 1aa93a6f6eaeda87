"""One background event loop per process: the only bridge between blocking callers and network code.

Everything that must go on while the main thread is busy (reading a WebSocket, folding events,
relaying to a page) runs here. Code on this loop must never block and never print: a notebook shows
background output in whatever cell happens to run.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """A daemon thread with one asyncio loop that runs until the process ends."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the loop and block for its result; any thread but the loop's own.

        An interrupt (^C, or the kernel's stop button) or a timeout cancels the coroutine.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("a blocking call was made on the background loop of wf_jupyter")
        future = self.spawn(coroutine)
        try:
            return future.result(timeout)
        except BaseException:
            future.cancel()
            raise

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop, from any thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)


_lock = threading.Lock()
_shared: LoopThread | None = None


def background() -> LoopThread:
    """The process's background loop, started at the first call."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = LoopThread("wf_jupyter-client")
        return _shared


def _forget() -> None:
    # Threads do not survive a fork: the child starts its own loop when it first needs one.
    global _lock, _shared
    _lock = threading.Lock()
    _shared = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
