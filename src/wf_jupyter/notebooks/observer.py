"""Observes each cell in the trunk: what it read, bound and changed.

Before a cell it carries out the orders that the cell's task left in the session's directory, and looks at what the
cell can read; after it, it looks again and leaves the facts there. It must not be noticed: no name, no output, no
code of the user's is touched.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import sys
import threading
import time
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from wf_jupyter.notebooks.content import Look
from wf_jupyter.notebooks.events import Events
from wf_jupyter.notebooks.exchange import FACTS, ORDERS
from wf_jupyter.notebooks.facts import MODULE, Facts, Orders, Written, module_name
from wf_jupyter.notebooks.flow import identifiers
from wf_jupyter.notebooks.handed import Handed
from wf_jupyter.notebooks.libraries import Members, changes_by, is_users, library_of
from wf_jupyter.notebooks.looks import look_at
from wf_jupyter.notebooks.packages import files_of
from wf_jupyter.notebooks.reach import reaches
from wf_jupyter.notebooks.rules import hidden_effects
from wf_jupyter.notebooks.settings import digest, random_states, settings_of
from wf_jupyter.notebooks.stamps import stamp

#: As it was before the cells' own questions for the time are watched.
_clock = time.perf_counter
_get_state, _set_state = random.getstate, random.setstate
#: Values that are worth a file: what took at least so long, and is at most so large.
_STORE_SECONDS, _STORE_BYTES = 0.3, 64 << 20
#: What is looked at after each cell though the cell does not name it: so large at most, and so many objects in all.
_SMALL_COUNT, _SMALL_SIZE, _ALLOWANCE = 100, 16 << 10, 3_000
#: A text that names may stand in is shorter.
_FORMULA_LENGTH = 10_000
#: Libraries that number what they make, so that what a cell shows depends on all that ran above.
_NUMBERING = ("bokeh", "altair", "holoviews", "panel", "hvplot", "tensorflow", "keras")

#: Names that IPython and Python keep for themselves.
_OWN = {"_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh", "__builtins__", "__warningregistry__",
        "__annotations__"}  # fmt: skip


class Observer:
    """Observes the runs of cells in one kernel."""

    def __init__(self, shell: Any, folder: Path) -> None:
        self._shell = shell
        self._folder = folder
        self._events = Events(folder)
        self._orders: Orders | None = None
        self._looks: dict[str, Look] = {}
        self._looked: set[str] = set()
        self._known: dict[str, int] = {}
        self._settings: dict[str, str] = {}
        self._members = Members()
        self._threads: set[threading.Thread] = set()
        self._modules: set[str] = set()
        self._module_count = 0
        self._loaded: dict[str, dict[str, str]] = {}
        self._own: dict[str, types.ModuleType] = {}
        self._running: set[threading.Thread] = set()
        self._begun = 0.0
        self._random: tuple[Any, ...] | None = None
        self._handed = Handed()

    def install(self) -> None:
        """Observe from now on. Before anything of the user's is imported."""
        self._events.install()
        self._number_cells()
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def _number_cells(self) -> None:
        """Each cell has its number of a run in order, in tracebacks too, however many ran before it here."""
        run = self._shell.run_cell_async

        async def run_cell_async(*args: Any, **options: Any) -> Any:
            self._orders = self._read_orders()
            if self._orders is not None:
                self._shell.execution_count = self._orders.number
            return await run(*args, **options)

        self._shell.run_cell_async = run_cell_async

    def _read_orders(self) -> Orders | None:
        path = self._folder / ORDERS
        with contextlib.suppress(Exception):  # the cell runs all the same, and without facts nothing is concluded
            return msgspec.json.decode(path.read_bytes(), type=Orders) if path.exists() else None
        return None

    @property
    def _names(self) -> dict[str, Any]:
        names: dict[str, Any] = self._shell.user_ns
        return names

    # -- before -----------------------------------------------------------------------------------

    def _before(self, info: Any) -> None:
        if self._random is not None and not self._threads:
            # The kernel draws as well, between cells: a tip for its banner, when somebody asks who it is.
            _set_state(self._random)
        try:
            (self._folder / FACTS).unlink(missing_ok=True)
            if self._orders is not None:
                reads = (*self._orders.reads, *sorted(self._handed.to_libraries))
                self._orders = msgspec.structs.replace(self._orders, reads=reads)
                self._prepare(self._orders)
        except Exception:  # the cell runs all the same, and without facts nothing is concluded from it
            self._orders = None

    def _prepare(self, orders: Orders) -> None:
        for name in orders.forget:
            self._names.pop(name, None)
        for name, file in orders.load.items():
            with contextlib.suppress(Exception):  # then the name is missing, and the cell is run in another way
                self._names[name] = pickle.loads(Path(file).read_bytes())
        present = self._present()
        for name in self._closure(orders, present):
            # Nothing runs between two cells, but threads.
            if name not in self._looks or self._known.get(name) != id(present[name]) or self._threads:
                self._look(name, present[name])
        self._known = {name: id(value) for name, value in present.items()}
        self._looks = {name: look for name, look in self._looks.items() if name in present}
        if not self._settings or self._threads or orders.load:
            self._settings = settings_of(self._names, self._shell)
            self._members.find_changed(self._names)
        self._modules = set(sys.modules)
        self._running = set(threading.enumerate())
        self._events.begin()
        self._begun = _clock()

    def _look(self, name: str, value: object) -> Look:
        look = self._looks[name] = self._handed.with_given(look_at(value, self._names))
        return look

    def _present(self) -> dict[str, Any]:
        hidden = self._shell.user_ns_hidden
        found = {
            name: value
            for name, value in list(self._names.items())
            if not (name in hidden and hidden[name] is value) and not _is_history(name)
        }
        return found | self._own_modules()

    def _own_modules(self) -> dict[str, types.ModuleType]:
        """Modules of the user's, which cells may import under any name."""
        if len(sys.modules) != self._module_count:
            self._module_count = len(sys.modules)
            self._own = {
                module_name(name): module
                for name, module in list(sys.modules.items())
                if "." not in name and name[:2] != "__" and isinstance(module, types.ModuleType) and is_users(module)
            }
        return self._own

    def _closure(self, orders: Orders, present: Mapping[str, Any]) -> list[str]:
        """Names with values among those that it reads, and those that functions among them look up."""
        found: dict[str, None] = {}
        waiting = list(orders.reads)
        while waiting:
            name = waiting.pop()
            if name in found or name not in present:
                continue
            found[name] = None
            look = self._looks.get(name) if self._known.get(name) == id(present[name]) else None
            waiting += self._uses(look or self._look(name, present[name]), present[name], orders)
        return list(found)

    @staticmethod
    def _uses(look: Look, value: object, orders: Orders) -> Iterable[str]:
        if orders.has_frames and type(value) is str and len(value) < _FORMULA_LENGTH:
            return identifiers((value,))
        return look.uses

    # -- after ------------------------------------------------------------------------------------

    def _after(self, result: Any) -> None:
        self._random = _get_state()
        orders, self._orders = self._orders, None
        seconds = _clock() - self._begun
        self._events.end()
        if orders is None:
            return
        with contextlib.suppress(Exception):  # without facts nothing is concluded from the cell
            facts = self._facts(orders, seconds)
            new = self._folder / (FACTS + ".new")
            new.write_bytes(msgspec.json.encode(facts))
            new.replace(self._folder / FACTS)

    def _facts(self, orders: Orders, seconds: float) -> Facts:
        before, present = dict(self._looks), self._present()
        read = self._closure_before(orders, before) | self._events.looked_up
        bound = {n for n, value in present.items() if self._known.get(n) != id(value)} | (
            set(orders.binds) & set(present)
        )
        kept = {name: value for name, value in present.items() if name not in bound}
        changed = self._differing(before, kept, read)
        # What was assigned to an item or an attribute counts, whether a digest shows it or not.
        changed |= {
            n for n in orders.changes if n in before and n in kept and not isinstance(kept[n], types.ModuleType)
        }
        changed |= self._sharing(changed, before, kept)
        # Where it led depends on what it was, whether the cell's text names it or not.
        read |= changed
        handed = self._handed.find(orders, self._names, self._look)
        writes = {}
        for name in sorted(bound | changed):
            look = self._looks[name] if name in self._looked else self._look(name, present[name])
            if look.is_opaque and handed:
                self._handed.to_object(present[name], look, handed)
                look = self._looks[name] = self._handed.with_given(look)
            stored = self._store(name, look, orders, seconds)
            writes[name] = Written(tuple(sorted(look.uses)), stored, name in changed, name not in self._known)
        self._known = {name: id(value) for name, value in present.items()}
        settings, drawn = self._changes(orders)
        looks = [before[name] for name in read if name in before] + [self._looks[name] for name in bound]
        effects = {*changes_by(orders.calls, self._names)}.union(*(look.changes for look in looks))
        effects |= {f"{n} of {home}" for n in sorted(changed) if (home := library_of(n, present[n]))}
        effects |= {*self._members.find_changed(self._names)}
        self._handed.note(effects, settings, handed, looks)
        secretly = hidden_effects({name for look in looks for name in look.names})
        written = {path: stamp(path) for path in sorted(self._events.written)}
        return Facts(
            reads=tuple(sorted(name for name in {*orders.reads, *read} if not _is_installed_module(name))),
            writes=writes,
            deletes=tuple(sorted(name for name in before if name not in present)),
            settings=(*settings, *sorted(effects)),
            drawn=drawn,
            seeded=self._seeded_states(orders),
            files_read={**self._events.read, **self._imported_files(read)},
            files_written=written,
            never=(*self._events.never, *secretly),
            barrier=self._barriers(orders),
            has_drawn=self._events.has_drawn,
            values=self._values(writes, read) if orders.is_varying or self._events.never else "",
        )

    def _differing(self, before: Mapping[str, Look], kept: Mapping[str, Any], read: set[str]) -> set[str]:
        """Names whose values are not as they were, of those that the cell may have reached."""
        looks = [before[name] for name in read if name in before]
        marks = frozenset[int]().union(*(look.marks for look in looks))
        is_vague = any(look.is_vague for look in looks)
        changed, allowance = set[str](), _ALLOWANCE
        self._looked.clear()
        for name, value in kept.items():
            old = before.get(name)
            if old is None:
                continue  # nobody looked at it, as nobody read it
            touched = name in read or bool(is_vague and old.marks) or bool(old.marks & marks)
            if not touched and _is_small(old):
                # A library may hold on to it and change it: a hook, a handler, a buffer to write to.
                allowance -= old.count
                touched = allowance > 0
            if touched:
                new = self._look(name, value)
                self._looked.add(name)
                if new.digest != old.digest or (new.is_opaque and name in read):
                    changed.add(name)
        return changed

    def _sharing(self, changed: set[str], before: Mapping[str, Look], kept: Mapping[str, Any]) -> set[str]:
        """Add names that share an object with a changed one: they changed as well, whether it shows or not."""
        moved = frozenset[int]().union(*(before[name].marks for name in changed if name in before))
        if not moved:
            return set()
        rest = {name: look for name, look in before.items() if name in kept and name not in changed}
        found = {name for name, look in rest.items() if look.marks & moved}
        large = [name for name, look in rest.items() if look.is_vague and name not in found]
        found |= {name for name, look in rest.items() if look.is_borrowing}
        return found | {name for name in large if reaches(kept[name], moved, self._names)}

    def _values(self, writes: Iterable[str], read: Iterable[str]) -> str:
        """A digest of what a cell left: of each value, and of which share objects, also with what it read."""
        looks = {name: self._looks[name] for name in writes}
        if any(look.is_opaque for look in looks.values()):
            return ""
        shared = [
            (name, other)
            for name, look in looks.items()
            for other in sorted({*looks, *read} & self._looks.keys())
            if other != name and not look.marks.isdisjoint(self._looks[other].marks)
        ]
        return digest([(name, look.digest) for name, look in looks.items()], shared)

    def _closure_before(self, orders: Orders, before: Mapping[str, Look]) -> set[str]:
        found: set[str] = set()
        waiting = list(orders.reads)
        while waiting:
            name = waiting.pop()
            if name not in found and name in before:
                found.add(name)
                waiting += self._uses(before[name], self._names.get(name), orders)
            elif name not in found:
                found.add(name)  # without a value, or a builtin's: a cell above may bind it
        return found

    def _store(self, name: str, look: Look, orders: Orders, seconds: float) -> str:
        """The file of a value that can be loaded instead of run again, or nothing."""
        if not orders.values or not look.is_plain or seconds < _STORE_SECONDS or look.size > _STORE_BYTES:
            return ""
        others = (other for key, other in self._looks.items() if key != name and key in self._names)
        if any(look.marks & other.marks or other.is_vague for other in others):
            return ""  # apart from what it shares an object with, it would be another one
        path = Path(orders.values, f"{look.digest}.pickle")
        try:
            if not path.exists():
                data = pickle.dumps(self._names[name], protocol=5)
                if look_at(pickle.loads(data), self._names).digest != look.digest:
                    return ""
                new = path.with_suffix(f".{os.getpid()}")
                new.write_bytes(data)
                new.replace(path)
        except Exception:  # a value that refuses is made again
            return ""
        return str(path)

    def _changes(self, orders: Orders) -> tuple[tuple[str, ...], tuple[str, ...]]:
        settings, states = settings_of(self._names, self._shell), random_states()
        changed = [name for name, state in settings.items() if self._settings.get(name) != state]
        self._settings = settings
        for name in orders.changes:
            value = self._names.get(name)
            if isinstance(value, types.ModuleType) or (isinstance(value, type) and value.__module__ != "__main__"):
                changed.append(f"attributes of {name}")
        drawn = {name for name, state in states.items() if self._events.first_states.get(name) != state}
        return tuple(changed), tuple(sorted(drawn | set(self._seeded_states(orders))))

    def _seeded_states(self, orders: Orders) -> tuple[str, ...]:
        """Random states that the cell sets before it draws from them."""
        found = []
        for call in orders.seeds:
            root, *path = call.split(".")
            value = self._names.get(root)
            for part in path:
                value = getattr(value, part, None) if isinstance(value, types.ModuleType) else None
            for module, functions, state in (
                ("random", ("seed", "setstate"), "@random"),
                ("numpy.random", ("seed", "set_state"), "@numpy.random"),
                ("torch", ("manual_seed",), "@torch"),
            ):
                if any(
                    value is not None and value == getattr(sys.modules.get(module), name, None) for name in functions
                ):
                    found.append(state)
        return tuple(found)

    def _imported_files(self, read: set[str]) -> dict[str, str]:
        """Files of what the cell loaded or mentions, as they were when they were loaded: others may be there by now."""
        new = files_of(set(sys.modules) - self._modules)
        for package, files in new.items():
            self._loaded.setdefault(package, {}).update(files)
        packages = {name.removeprefix(MODULE) for name in read if _is_installed_module(name)} | new.keys()
        return {path: then for each in packages for path, then in self._loaded.get(each, {}).items()}

    def _barriers(self, orders: Orders) -> tuple[str, ...]:
        found = []
        for name in orders.asks:
            value = self._names.get(name)
            if isinstance(value, types.ModuleType) and not is_users(value):
                found.append(f"it asks what {name} has, and any import may add to that")
        started = [t for t in threading.enumerate() if t not in self._running and not t.name.startswith("wf-")]
        for thread in started:
            if getattr(thread, "_target", None) is None or not _is_installed(thread):
                found.append(f"a thread that it started ({thread.name}) still runs")
                self._threads.add(thread)
        for library in _NUMBERING:
            if library in sys.modules and library not in self._modules:
                found.append(f"{library} numbers what it makes")
        return tuple(found)


def _is_small(look: Look) -> bool:
    return bool(look.marks) and not look.is_opaque and look.count <= _SMALL_COUNT and look.size <= _SMALL_SIZE


def _is_installed_module(name: str) -> bool:
    module = sys.modules.get(name.removeprefix(MODULE)) if name.startswith(MODULE) else None
    return module is not None and not is_users(module)


def _is_installed(thread: threading.Thread) -> bool:
    target: Any = getattr(thread, "_target", None)
    module = sys.modules.get(getattr(target, "__module__", "") or "")
    return "site-packages" in (getattr(module, "__file__", None) or "")


def _is_history(name: str) -> bool:
    return name in _OWN or (name.startswith("_") and (name[1:].isdigit() or (name[1:2] == "i" and name[2:].isdigit())))
