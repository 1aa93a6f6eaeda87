"""Retry of commits that the store refuses for a cause that may pass.

Nothing is given up meanwhile: attempts run on, and what they report is committed as soon as that is possible.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from wf_jupyter.errors import StoreError

T = TypeVar("T")

FIRST_WAIT = 0.25
LONGEST_WAIT = 10.0


async def until_it_works(work: Callable[[], Awaitable[T]], hindered: Callable[[StoreError], None]) -> T:
    """Do `work`; again, after longer and longer waits, for as long as it fails for a cause that may pass.

    `hindered` is called with each such error. Any other error is raised.
    """
    wait = FIRST_WAIT
    while True:
        try:
            return await work()
        except (StoreError, OSError) as error:
            cause = as_store_error(error)
            if not cause.is_temporary:
                raise
            hindered(cause)
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)


def as_store_error(error: BaseException) -> StoreError:
    """Turn what stops an execution into the error for everybody who waits for it.

    What the operating system refuses may pass: nothing but a change outside can end it.
    """
    if isinstance(error, StoreError):
        return error
    if isinstance(error, OSError):
        name = f" ({error.filename})" if error.filename else ""
        reported = StoreError(f"the data directory cannot be used: {error.strerror or error}{name}", is_temporary=True)
    else:
        reported = StoreError(f"internal error: {type(error).__name__}: {error}")
    reported.__cause__ = error
    return reported
