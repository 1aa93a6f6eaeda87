"""Effects of a cell that leave no trace in a name: files, programs, the network, the clock, numbers by chance.

Python tells of most of it by audit events; the functions of `time` and `secrets` are wrapped, before anything that
uses them is imported. What C code does by itself is not seen (the rules on the text know the usual names).
"""

from __future__ import annotations

import dis
import functools
import importlib
import importlib.util
import os
import secrets
import sys
import sysconfig
import threading
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wf_jupyter.notebooks.facts import module_name
from wf_jupyter.notebooks.packages import places_of
from wf_jupyter.notebooks.settings import python_random_state, random_states
from wf_jupyter.notebooks.stamps import stamp

_CLOCKS = (
    "time",
    "time_ns",
    "perf_counter",
    "perf_counter_ns",
    "monotonic",
    "process_time",
    "localtime",
    "gmtime",
    "ctime",
)
#: Those who ask for the time for their own ends.
_PATIENT = frozenset[str]().union(
    ("logging", "threading", "queue", "asyncio", "tornado", "zmq", "ipykernel", "IPython", "traitlets"),
    ("concurrent", "selectors", "jupyter_client", "comm", "matplotlib_inline", "importlib"),
    ("tempfile", "subprocess", "tqdm", "joblib", "wf_jupyter", "matplotlib", "multiprocessing"),
    ("socket", "sqlite3", "zipfile", "gzip", "tarfile", "random", "email", "http"),
)
# Up to pandas 2.2 its parser in C takes the time before and after reading, for `verbose`: it counts as its caller's.
_TIMES_ITSELF = "pandas.io.parsers.c_parser_wrapper"
_PROGRAMS = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "os.forkpty", "pty.spawn")
_HARMLESS = ("fc-list", "ldconfig", "gcc", "cc", "ld", "objdump", "lscpu", "uname", "lsb_release", "nproc")
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request")
_CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.utime",
            "shutil.rmtree", "shutil.move", "shutil.copyfile", "os.chmod")  # fmt: skip
_PATHS = sysconfig.get_paths()
_INSTALLED = tuple({os.path.join(os.path.realpath(_PATHS[name]), "") for name in ("stdlib", "purelib", "platlib")}
                   | {os.path.join(sys.prefix, ""), os.path.join(sys.base_prefix, ""), "/proc/", "/sys/", "/dev/",
                      "/etc/", "/usr/share/", "/usr/lib/"})  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Events:
    """Collects what the main thread does while a cell runs."""

    def __init__(self, own: Path) -> None:
        """Start to observe; the directory `own` is the trunk's, and not counted."""
        self._is_on = False
        self._thread = threading.get_ident()
        self._ignored = tuple(
            os.path.join(Path(place).expanduser(), "") for place in (own, "~/.cache", "~/.ipython", "~/.config")
        )
        self.read: dict[str, str] = {}
        self.written: set[str] = set()
        self.never: dict[str, None] = {}
        #: Names of the notebook's that a pickle mentions.
        self.looked_up: set[str] = set()
        #: Whether random numbers were drawn otherwise than by modules that are being imported.
        self.has_drawn = False
        #: Random states as they were when the modules that hold them had been imported.
        self.first_states: dict[str, str] = {}
        self._state = ""
        self._is_importing = False

    def install(self) -> None:
        """Listen from now on, to the end of the process."""
        sys.addaudithook(self._audit)
        for name in _CLOCKS:
            setattr(time, name, self._count_clock(getattr(time, name)))
        secrets.randbits = self._by_chance(secrets.randbits)
        os.urandom = self._by_chance(os.urandom)
        self._watch_imports()
        importlib.util.find_spec = self._watch_questions(importlib.util.find_spec)

    def begin(self) -> None:
        """A cell begins."""
        self.read, self.written, self.never, self.looked_up = {}, set(), {}, set()
        self.has_drawn, self._state = False, python_random_state()
        self.first_states = random_states()
        self._is_on = True

    def end(self) -> None:
        """Note that the process has ended."""
        self._is_on = False
        self.has_drawn |= self._state != python_random_state()

    def _watch_imports(self) -> None:
        """Modules may draw when they are imported (an id to begin with); that makes no cell one of chance."""
        bootstrap: Any = importlib._bootstrap
        load = bootstrap._find_and_load

        def _find_and_load(name: str, import_: Any) -> Any:
            if not self._is_on or self._is_importing or threading.get_ident() != self._thread:
                return load(name, import_)
            self.has_drawn |= self._state != python_random_state()
            self._is_importing = True
            try:
                return load(name, import_)
            except ModuleNotFoundError as error:
                self._note_missing(error.name or name)
                raise
            finally:
                self._is_importing = False
                self._state = python_random_state()
                self.first_states = {**random_states(), **self.first_states}

        # So that Python leaves it out of tracebacks, as its own.
        _find_and_load.__code__ = _find_and_load.__code__.replace(co_filename="<frozen importlib._bootstrap>")
        bootstrap._find_and_load = _find_and_load

    def _watch_questions(self, find: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(find)
        def find_spec(name: str, *args: Any) -> Any:
            found = find(name, *args)
            origin = getattr(found, "origin", None)
            if self._is_on and found is None:
                self._note_missing(name)
            elif self._is_on and origin:
                self.read[origin] = stamp(origin)
            return found

        return find_spec

    def _note_missing(self, name: str) -> None:
        """Note where a module would be that is not there."""
        self.read.update((place, stamp(place)) for place in places_of(name))

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._is_on:
            return
        if event == "open":
            self._open(*args)
        elif event in ("os.listdir", "os.scandir", "glob.glob", "glob.glob/2"):
            self._reads(args[0] if args and args[0] else ".")
        elif event in _CHANGES:
            for path in args[:2]:
                self._writes(path)
        elif event == "pickle.find_class":
            module, name = args[-2:]
            self.looked_up.add(name.partition(".")[0] if module == "__main__" else module_name(module))
        elif event in _PROGRAMS:
            program = Path(str(args[0])).name if args else ""
            if program not in _HARMLESS:
                self.never["it runs another program, and what that does is not seen"] = None
        elif event in _NETWORK:
            if not (event == "socket.connect" and args and isinstance(args[1], str)):
                self.never["it uses the network"] = None
        elif event == "sqlite3.connect" and args and str(args[0]) not in (":memory:", ""):
            self.never[f"it uses the database {Path(str(args[0])).name}"] = None

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        writes = bool(flags & _WRITING) if isinstance(flags, int) and not isinstance(mode, str) else False
        if isinstance(mode, str):
            writes = any(letter in mode for letter in "wax+")
            if "a" in mode or "+" in mode:
                self._reads(path)
        if writes:
            self._writes(path)
        else:
            self._reads(path)

    def _place(self, path: Any) -> str | None:
        if isinstance(path, int) or path is None or (threading.get_ident() != self._thread and not path):
            return None
        try:
            found = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        except (TypeError, ValueError):
            return None
        is_installed = found.startswith(_INSTALLED) and ".dist-info/" not in found  # which has the version
        if is_installed or found.startswith(self._ignored) or found.endswith(".pyc"):
            return None
        return found

    def _reads(self, path: Any) -> None:
        place = self._place(path)
        if place is not None and place not in self.read and place not in self.written:
            self._is_on = False  # what the stamp reads is no deed of the cell
            try:
                self.read[place] = stamp(place)
            finally:
                self._is_on = True

    def _writes(self, path: Any) -> None:
        place = self._place(path)
        if place is not None:
            self.written.add(place)

    def _count_clock(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any) -> Any:
            if self._is_on and not args:
                asker = sys._getframe(1).f_globals.get("__name__", "")
                is_own = threading.get_ident() == self._thread or asker == "__main__"
                is_patient = asker.partition(".")[0] in _PATIENT or asker == _TIMES_ITSELF
                if is_own and not is_patient and not _imports():
                    self.never["it asks for the time"] = None
            return function(*args)

        return timed

    def _by_chance(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def asked(*args: Any) -> Any:
            if self._is_on:
                asker = sys._getframe(1).f_globals.get("__name__", "")
                own = ("tempfile", "uuid", "random", "multiprocessing", "jupyter_client", "ipykernel", "comm")
                if asker.partition(".")[0] not in own and not _imports() and not _is_seeded(sys._getframe(1)):
                    self.never["it draws numbers that nothing seeds"] = None
            return function(*args)

        return asked


def _is_seeded(frame: types.FrameType) -> bool:
    """Whether the frame calls `RandomState(seed)`: numpy fills it by chance before it looks at the seed."""
    name = _seed_name(frame.f_code, frame.f_lasti)
    if name is None:
        return False
    if isinstance(name, _Constant):
        return name.value is not None
    value = frame.f_locals.get(name, frame.f_globals.get(name))
    return value is not None


@dataclass(frozen=True)
class _Constant:
    value: object


@functools.lru_cache(maxsize=1024)
def _seed_name(code: types.CodeType, position: int) -> str | _Constant | None:
    """The variable or the constant that is the only argument of a call of `RandomState` at this instruction."""
    before = [each for each in dis.get_instructions(code) if each.offset <= position and each.opname not in _NO_STEPS]
    if len(before) < 3 or not before[-1].opname.startswith("CALL") or before[-1].arg != 1:
        return None
    function, seed = before[-3], before[-2]
    if function.argval != "RandomState":
        return None
    if seed.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
        return _Constant(seed.argval)
    return str(seed.argval) if seed.opname in _VARIABLES else None


_NO_STEPS = ("CACHE", "PRECALL", "KW_NAMES", "PUSH_NULL", "EXTENDED_ARG")
_VARIABLES = ("LOAD_FAST", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_DEREF")


def _imports() -> bool:
    """Whether a module is being imported: what it sets up then it does once, and the random states are looked at."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
