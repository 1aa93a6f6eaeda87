"""Values on a Dask cluster: encoded bytes in the workers' memory, named by the files that back them.

What a large result is worth to dependent tasks is that it is already there; what it is worth to the
execution is that it survives the cluster. So it is kept twice: as the result of its Dask task, which
dependent tasks get, and as a file, which the log refers to. Losing the first costs time only.

The bytes are those of the encoded value, not the object: each reader decodes its own copy, so that a
task that changes its input in place changes it for nobody else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from wf_jupyter.executors.wire.messages import Done, Final, Raised, Run
from wf_jupyter.executors.worker.attempt import failures
from wf_jupyter.model.stimuli import Value
from wf_jupyter.ports import Built, Input, Item, Many, Whole
from wf_jupyter.values import files

#: The result of a Dask task: its final message unless that was told already, and its large parts.
Kept = tuple[bytes, dict[str, bytes]]
_HELD = "held:"


@dataclass(frozen=True)
class Holding:
    """A value on the cluster. `home` is the worker that made it."""

    future: Any
    part: str
    size: int
    home: str


class Held:
    """What is on the cluster, by the path of the file that backs it; the least recently used goes first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._holdings: OrderedDict[str, Holding] = OrderedDict()
        self._size = 0

    def add(self, path: str, holding: Holding) -> None:
        """Remember it, and forget others when there is too much."""
        self.drop(path)
        self._holdings[path] = holding
        self._size += holding.size
        while self._size > self.limit and len(self._holdings) > 1:
            self.drop(next(iter(self._holdings)))

    def find(self, path: str) -> Holding | None:
        """The value of that file, if it is on the cluster."""
        found = self._holdings.get(path)
        if found is None:
            return None
        if found.future.status in ("lost", "cancelled"):
            # It went with the workers that had it.
            self.drop(path)
            return None
        self._holdings.move_to_end(path)
        return found

    def drop(self, path: str) -> None:
        """Forget it; Dask frees what nobody refers to."""
        gone = self._holdings.pop(path, None)
        if gone is not None:
            self._size -= gone.size

    def drop_home(self, home: str) -> None:
        """Forget what that worker held."""
        for path in [path for path, holding in self._holdings.items() if holding.home == home]:
            self.drop(path)

    def clear(self) -> None:
        """Forget everything."""
        self._holdings.clear()
        self._size = 0


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


def referring(given: Input, places: dict[str, tuple[int, str]]) -> Input:
    """The input with references to held values (position, part) in place of the files in `places`."""
    return _changed(given, lambda path: Whole(path=_reference(places[path])) if path in places else None)


def filled(given: Input, held: Sequence[Kept]) -> Input:
    """The input with the bytes of held values in place of references. On the worker."""

    def fill(path: str) -> Whole | None:
        if not path.startswith(_HELD):
            return None
        position, _, part = path.removeprefix(_HELD).partition(":")
        return Whole(data=held[int(position)][1][part])

    return _changed(given, fill)


def kept(final: Final, run: Run, inode: int) -> tuple[Final, dict[str, bytes]]:
    """The final message without its large values, and these by part. On the worker.

    A worker that sees the directory (it has the given inode) writes them as files too. Otherwise the
    values are left without a place, and the executor fetches and writes them.
    """
    if not isinstance(final, Done) or inode < 0:
        return final, {}
    parts: dict[str, bytes] = {}
    values: list[Value] = []
    shares = _inode(run.directory) == inode
    for value in final.values:
        if value.data is None or value.size <= run.inline_limit:
            values.append(value)
            continue
        parts[value.part] = value.data
        try:
            path = files.write(run.directory, [value.data]) if shares else None
        except OSError as error:
            return Raised(final.token, final.duration, unwritable(run.task, value.size, error)), {}
        values.append(Value(part=value.part, path=path, size=value.size))
    return msgspec.structs.replace(final, values=tuple(values)), parts


def unwritable(task: str, size: int, error: OSError) -> Any:
    """The failure of an attempt whose result could not be written."""
    return failures.unusable(f"the result of task {task!r} ({size:,} bytes)", error)


def inode(directory: str) -> int:
    """What tells that a worker sees the same directory; -1 when there is none, 0 when it cannot be found."""
    return -1 if not directory else _inode(directory) or 0


def _inode(directory: str) -> int | None:
    try:
        return Path(directory).stat().st_ino
    except OSError:
        return None


def _reference(place: tuple[int, str]) -> str:
    return f"{_HELD}{place[0]}:{place[1]}"


def _changed(given: Input, change: Callable[[str], Whole | None]) -> Input:
    match given:
        case Whole(path=str() as path):
            return change(path) or given
        case Item(of=Whole(path=str() as path) as of, index=index):
            return Item(change(path) or of, index)
        case Many(items=items):
            return Many(tuple(_changed(item, change) for item in items))
        case Built(template=template, inputs=inner):
            return Built(template, tuple(_changed(item, change) for item in inner))
        case _:
            return given
