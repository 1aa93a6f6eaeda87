"""The files that an attempt reads, and the attempt with other names for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wf_jupyter.ports import Built, Input, Item, Many, Whole


def paths(inputs: Sequence[Input]) -> Iterator[str]:
    """Every file that these inputs refer to."""
    for given in inputs:
        match given:
            case Whole(path=str() as path) | Item(of=Whole(path=str() as path)):
                yield path
            case Many(items=items):
                yield from paths(items)
            case Built(inputs=inner):
                yield from paths(inner)
            case _:
                pass


def rename_paths(given: Input, names: Mapping[str, str]) -> Input:
    """The input with those files under other names."""
    match given:
        case Whole(path=str() as path):
            return Whole(path=names.get(path, path))
        case Item(of=Whole(path=str() as path), index=index):
            return Item(Whole(path=names.get(path, path)), index)
        case Many(items=items):
            return Many(tuple(rename_paths(item, names) for item in items))
        case Built(template=template, inputs=inner):
            return Built(template, tuple(rename_paths(item, names) for item in inner))
        case _:
            return given


def inode(directory: str) -> int:
    """A number that is equal where two processes see the same directory; 0 when there is none."""
    try:
        return Path(directory).stat().st_ino if directory else 0
    except OSError:
        return 0
