"""Short pauses of the garbage collector.

A Jupyter server holds some 300,000 objects that were made while it started and stay for ever. A full
collection looks at each of them: measured, 110 to 160 ms in which no thread runs, the more often the
more events pass through. Set aside once, they are never looked at again.
"""

from __future__ import annotations

import gc

_done = False


def set_startup_aside() -> None:
    """Exempt what exists now from future collections, after one last; once per process."""
    global _done
    if not _done and gc.isenabled():
        _done = True
        gc.collect()
        gc.freeze()
