"""Task keys: how a task is named inside an execution.

`fetch`, a second call in the same scope `fetch-2`, a mapped item `fetch[3]`, inside a sub-workflow
or an expansion `train/fit[3]`.
"""

from __future__ import annotations

from typing import NewType

ExecutionId = NewType("ExecutionId", str)
TaskKey = NewType("TaskKey", str)
Digest = NewType("Digest", str)


def number_key(name: str, count: int) -> str:
    """The key of the `count`-th call (from 1) of `name` in one scope."""
    return name if count == 1 else f"{name}-{count}"


def item_key(group: str, index: int) -> TaskKey:
    """The key of item `index` (from 0) of the mapped group `group`."""
    return TaskKey(f"{group}[{index}]")


def inside(scope: str, key: str) -> TaskKey:
    """`key` as seen from outside the scope; the outermost scope is the empty string."""
    return TaskKey(f"{scope}/{key}" if scope else key)
