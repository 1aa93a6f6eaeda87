"""A task's function as bytes: the function, and the exceptions it is retried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wf_jupyter.values.codec import Chunk, Reference, decode, encode_bytes


@dataclass(frozen=True)
class Code:
    """A function that a worker can call, and what it needs to judge its errors."""

    function: Callable[..., object]
    retry_on: tuple[type[BaseException], ...] = (Exception,)


def encode_code(
    function: Callable[..., object],
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    references: Callable[[object], Reference | None] | None = None,
) -> bytes:
    """The blob of a task's code; `references` is asked about each object inside, as in `encode`."""
    return encode_bytes({"function": function, "retry_on": retry_on}, references)


def decode_code(buffer: Chunk) -> Code:
    """The code behind a blob."""
    blob = decode(buffer)
    assert isinstance(blob, dict)
    return Code(blob["function"], blob["retry_on"])
