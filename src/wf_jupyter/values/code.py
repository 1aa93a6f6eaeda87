"""A task's function as bytes: the function, the exceptions it is retried on, and its source text.

The source travels because a notebook cell is no file: without it a traceback made in a worker shows
line numbers and no lines. The worker hands it to `linecache`.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

from wf_jupyter.values.codec import Chunk, Reference, decode, encode_bytes

_SOURCES = 50
_SOURCE_LIMIT = 200_000


@dataclass(frozen=True)
class Code:
    """A function that a worker can call, and what it needs to judge and to show its errors."""

    function: Callable[..., object]
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    sources: Mapping[str, str] = field(default_factory=dict)

    def install_sources(self) -> None:
        """Make the source lines known to `traceback` and the debugger of this process."""
        for name, text in self.sources.items():
            if name not in linecache.cache:
                linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)


def encode_code(
    function: Callable[..., object],
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    references: Callable[[object], Reference | None] | None = None,
) -> bytes:
    """The blob of a task's code; `references` is asked about each object inside, as in `encode`."""
    blob = {"function": function, "retry_on": retry_on, "sources": dict(_sources(function))}
    return encode_bytes(blob, references)


def decode_code(buffer: Chunk) -> Code:
    """The code behind a blob, its sources installed."""
    blob = decode(buffer)
    assert isinstance(blob, dict)
    code = Code(blob["function"], blob["retry_on"], blob["sources"])
    code.install_sources()
    return code


def _sources(function: Callable[..., object]) -> Iterator[tuple[str, str]]:
    """Text of every cell that the function or a function it names comes from, as far as it is no file."""
    seen: set[str] = set()
    for code in _codes(function):
        name = code.co_filename
        if name in seen or Path(name).exists():
            continue
        seen.add(name)
        text = "".join(linecache.getlines(name))
        if text and len(text) <= _SOURCE_LIMIT:
            yield name, text


def _codes(function: object) -> Iterator[CodeType]:
    pending, seen = [function], 0
    known: set[int] = set()
    while pending and seen < _SOURCES:
        current = pending.pop()
        code, scope = getattr(current, "__code__", None), getattr(current, "__globals__", None)
        if not isinstance(code, CodeType) or not isinstance(scope, dict) or id(code) in known:
            continue
        known.add(id(code))
        seen += 1
        yield code
        pending.extend(scope[name] for name in code.co_names if name in scope)
