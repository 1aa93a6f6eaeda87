"""State of the process that a task may have changed: it is put back, so that the next attempt runs as if alone.

The process as it was before its first attempt is remembered. After each attempt it is compared, which takes
a fraction of a microsecond for each aspect and some ten for all, and put back where it differs. What cannot
be put back makes the worker dirty, and it is replaced. What an *import* changes (`six` adds a finder, numpy
adds warning filters) is kept: the module is not imported again, so the next attempt could not get it anew.

What consists of dicts is read only when their versions say that somebody changed them (`dict_versions`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from wf_jupyter.executors.worker.isolation.dict_versions import ARE_COUNTED, DictVersions
from wf_jupyter.executors.worker.isolation.imports import ImportWatch


class CannotRestore(Exception):
    """The process differs from what it was in a way that cannot be undone; says which."""


class Aspect(NamedTuple):
    """One thing that a task can change.

    `read` gives it, possibly the live object; `keep` makes of that a copy which later ones are compared with by
    `==`; `restore` puts a copy back and raises `CannotRestore`. With `module` it exists once that is imported. With
    `renews` what `restore` returns is compared with from then on. `dicts` gives those that alone decide what is read.
    """

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object]
    keep: Callable[[Any], Any] = lambda value: value
    module: str = ""
    renews: bool = False
    dicts: Callable[[], Sequence[dict[Any, Any]]] | None = None


class ProcessState:
    """The remembered state of this process. For the main thread, but that imports happen in any."""

    def __init__(self, aspects: Sequence[Aspect], watch: ImportWatch) -> None:
        self._waiting = list(aspects)
        self._known: list[tuple[Callable[[], Any], list[Any], Aspect]] = []
        #: Those that are read after each attempt, and the versions of the dicts that the others are made of.
        self._read: list[tuple[Callable[[], Any], list[Any]]] = []
        self._dicts = DictVersions()
        self._versions: list[int] | None = None
        watch.before, watch.after = self._before, self._after

    def add(self, aspect: Aspect) -> None:
        """Remember one more, from the end of the present import on."""
        self._waiting.append(aspect)

    def remember(self) -> None:
        """Take the present state for that of a fresh process."""
        self._look_for_new()
        for read, known, aspect in self._known:
            known[0] = aspect.keep(read())

    def restore(self) -> list[str]:
        """Put back what differs; returns what could not be."""
        try:
            # The usual case, without a call of `differ` for each: it would double the cost.
            if self._dicts.read() == self._versions:
                for read, known in self._read:
                    if read() != known[0]:
                        break
                else:
                    return []
        except Exception:
            pass
        return self._put_back()

    def _put_back(self) -> list[str]:
        dirty: list[str] = []
        versions = self._note_dicts()  # before they are compared: a thread may go on changing them
        for read, known, aspect in self._known:
            if differ(read, known[0]):
                try:
                    renewed = aspect.restore(known[0])
                    if aspect.renews:
                        known[0] = renewed
                    if differ(read, known[0]):
                        dirty.append(aspect.name)
                except Exception as error:  # the system may refuse, and so may objects of users
                    dirty.append(f"{aspect.name} ({error})" if str(error) else aspect.name)
        self._versions = versions
        return dirty

    def _note_dicts(self) -> list[int] | None:
        """The versions of the dicts that there are now; None when a module is missing."""
        try:
            self._dicts = DictVersions(one for _, _, aspect in self._known for one in _counted_dicts(aspect))
        except Exception:
            return None
        return self._dicts.read()

    def change(self, act: Callable[[], object]) -> None:
        """Do something that changes the state for good."""
        before = self._before()
        act()
        self._after(before)

    def _look_for_new(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for aspect in waiting:
            if aspect.module and aspect.module not in sys.modules:
                self._waiting.append(aspect)
            else:
                known = [aspect.keep(aspect.read())]
                self._known.append((aspect.read, known, aspect))
                if not _is_counted(aspect):
                    self._read.append((aspect.read, known))

    def _before(self) -> list[Any]:
        return [aspect.keep(read()) for read, _, aspect in self._known]

    def _after(self, before: list[Any]) -> None:
        for (read, known, aspect), was in zip(self._known, before, strict=False):
            if differ(read, was):
                known[0] = merge(known[0], was, aspect.keep(read()))
        self._look_for_new()
        self._versions = None  # there may be more dicts than before


def _is_counted(aspect: Aspect) -> bool:
    return ARE_COUNTED and aspect.dicts is not None


def _counted_dicts(aspect: Aspect) -> Sequence[dict[Any, Any]]:
    return aspect.dicts() if ARE_COUNTED and aspect.dicts is not None else ()


def differ(read: Callable[[], Any], kept: Any) -> bool:
    """Whether something is not what it was; also when it cannot be read or compared any more."""
    try:
        return bool(read() != kept)
    except Exception:  # an array stands where another one stood, the directory was deleted
        return True


def merge(known: Any, before: Any, after: Any) -> Any:
    """`known` with what an import changed from `before` to `after`; the rest may be a task's doing."""
    if _same(before, after):
        return known
    if _same(known, before):
        return after
    if isinstance(known, Names):
        after.names = merge(known.names, before.names, after.names)
        return after
    if isinstance(known, dict):
        changed = {key: value for key, value in after.items() if key not in before or not _same(before[key], value)}
        left = {key: value for key, value in known.items() if key in after or key not in before}
        return {**left, **changed}
    if isinstance(known, list) and len(known) == len(before) == len(after):
        return [merge(kept, old, new) for kept, old, new in zip(known, before, after, strict=True)]
    if isinstance(known, list):
        added = [item for item in after if item not in before]
        kept = [item for item in known if item in after or item not in before]
        return kept + added if after[:1] == before[:1] else added + kept
    return after


def _same(one: Any, other: Any) -> bool:
    return one is other or not differ(lambda: one, other)


def put_back(live: Any, kept: Mapping[Any, Any]) -> None:
    """Make a dict equal to a shallow copy of it that was taken earlier."""
    for key in [key for key in live if key not in kept]:
        del live[key]
    for key, value in kept.items():
        if key not in live or live[key] is not value:
            live[key] = value


class Names(tuple[Any, ...]):
    """The values of a dict with, in `names`, a copy of the dict: to compare the values is five times as fast."""

    names: dict[str, Any]


def names_aspect(name: str) -> Aspect:
    """The names of a module, once that is imported."""

    def read() -> tuple[Any, ...]:
        return tuple(vars(sys.modules[name]).values())

    def keep(_: object) -> Names:
        live = vars(sys.modules[name])
        kept = Names(live.values())
        kept.names = dict(live)
        return kept

    def restore(kept: Names) -> Names:
        put_back(vars(sys.modules[name]), kept.names)
        return keep(None)  # in another order, perhaps

    return Aspect(
        f"names in {name}", read, restore, keep, module=name, renews=True, dicts=lambda: [vars(sys.modules[name])]
    )


def lists_aspect(*places: tuple[ModuleType, str]) -> Aspect:
    """Lists that stay the same objects with the same items, each under a name of a module."""
    lists = [getattr(owner, name) for owner, name in places]

    def restore(kept: list[list[Any]]) -> None:
        for (owner, name), items, copy in zip(places, lists, kept, strict=True):
            items[:] = copy
            setattr(owner, name, items)

    return Aspect(
        "lists of the interpreter",
        lambda: [getattr(owner, name) for owner, name in places],
        restore,
        lambda live: [list(items) for items in live],
    )
