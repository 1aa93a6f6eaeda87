"""Results for readers that share no file system with this server: bytes in the place of paths."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

import msgspec

from wf_jupyter.errors import StoreError
from wf_jupyter.ports import ExecutionResult, Input, Item, Many, Whole
from wf_jupyter.protocol.task_call import TaskCall
from wf_jupyter.values import container

T = TypeVar("T", Input, ExecutionResult, TaskCall)


async def without_files(value: T) -> T:
    """The same value with every file read in, off the server's loop; `StoreError` when one is gone."""
    return await asyncio.to_thread(_inlined, value)


def _inlined(value: T) -> T:
    if isinstance(value, ExecutionResult | TaskCall):
        return msgspec.structs.replace(value, inputs=tuple(_inlined_input(item) for item in value.inputs))
    return _inlined_input(value)


def _inlined_input(value: Input) -> Input:
    match value:
        case Whole(path=str(path)):
            return Whole(data=_read(path))
        case Item(of=of, index=index):
            # Only the item travels: the list it belongs to may be a thousand times as large.
            whole = of.data if of.path is None else _read(of.path)
            return Whole(data=bytes(container.item(whole or b"", index)))
        case Many(items=items):
            return Many(tuple(_inlined_input(item) for item in items))
        case _:
            return value


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise StoreError(f"the stored value {Path(path).name} cannot be read: {error.strerror}") from None
