"""A task's function as bytes: the function, the exceptions it is retried on, and how logging is set up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wf_jupyter.values.codec import Chunk, Reference, decode, encode
from wf_jupyter.values.setup import Setup, read_setup


@dataclass(frozen=True)
class Code:
    """A function that a worker can call, what it needs to judge its errors, and the set-up to call it in."""

    function: Callable[..., object]
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    setup: Setup = field(default_factory=Setup)


def encode_code(
    function: Callable[..., object],
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    references: Callable[[object], Reference | None] | None = None,
) -> bytes:
    """The blob of a task's code; `references` is asked about each object inside, as in `encode`."""
    return b"".join(code_pieces(function, retry_on, references))


def code_pieces(
    function: Callable[..., object],
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    references: Callable[[object], Reference | None] | None = None,
) -> list[Chunk]:
    """Encode code in pieces, which share the memory of arrays that the function refers to."""
    return encode({"function": function, "retry_on": retry_on, "setup": read_setup()}, references)


def decode_code(buffer: Chunk) -> Code:
    """The code behind a blob."""
    blob = decode(buffer)
    assert isinstance(blob, dict)
    return Code(blob["function"], blob["retry_on"], blob.get("setup") or Setup())
