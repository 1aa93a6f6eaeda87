"""Notices when a module is imported: what an import changes belongs to the process, not to the task that caused it.

`import six` adds to `sys.meta_path`, `import numpy` to the warning filters. To take that back after the
attempt would break the module for the next one, which does not import it again. So the state before
and after an outermost import is compared, and the difference is kept. The same place lets us adapt a
library when it is loaded (`on_import`), without importing it ourselves.
"""

from __future__ import annotations

import importlib.abc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class ImportWatch(importlib.abc.MetaPathFinder):
    """Finds no module itself: it asks the other finders, and runs callbacks around the module's execution."""

    def __init__(self) -> None:
        self._adapt: dict[str, list[Callable[[ModuleType], object]]] = {}
        self._depth = threading.local()
        #: Modules that were executed, for whoever takes them out.
        self.executed: list[ModuleType] = []
        #: Called before and after an outermost import; `after` is given what `before` returned.
        self.before: Callable[[], object] = lambda: None
        self.after: Callable[[Any], None] = lambda seen: None

    def install(self) -> None:
        """Put it before all other finders."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def on_import(self, name: str, adapt: Callable[[ModuleType], object]) -> None:
        """Call `adapt(module)` when the module has been executed, or now if it is there already."""
        self._adapt.setdefault(name, []).append(adapt)
        if name in sys.modules:
            adapt(sys.modules[name])

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(fullname, path, target)
            if spec is not None:
                self._wrap(spec.loader)
                return spec
        return None

    def _wrap(self, loader: Any) -> None:
        # On the instance, so that the loader keeps its type: libraries ask for it. Built-in and frozen
        # modules have a class as their loader, and nothing that they change.
        if loader is None or isinstance(loader, type) or not hasattr(type(loader), "exec_module"):
            return
        if "exec_module" in getattr(loader, "__dict__", {"exec_module": None}):
            return
        loader.exec_module = lambda module: self._execute(loader, module)

    def _execute(self, loader: Any, module: ModuleType) -> None:
        loader.__dict__.pop("exec_module", None)
        with self._noticing():
            loader.exec_module(module)
            self.executed.append(module)
            for adapt in self._adapt.get(module.__name__, ()):
                adapt(module)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        depth = getattr(self._depth, "value", 0)
        self._depth.value = depth + 1
        seen = self.before() if depth == 0 else None
        try:
            yield
        finally:
            self._depth.value = depth
            if depth == 0:
                self.after(seen)
