"""Output of child processes in a worker that runs several attempts at once: each goes to the attempt that started it.

Descriptors 1 and 2 of the process are the same for all of them. So a child that would inherit them is given pipes
of its own, which a thread reads. What the attempts' own C code writes to the descriptors stays without an owner.
"""

from __future__ import annotations

import codecs
import functools
import os
import select
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.executors.worker.output import stream as output

_READ = 1 << 16
_NAMES = {"stdout": 1, "stderr": 2}
#: Arguments of `Popen` before these two, when they are given by position.
_BEFORE = 4


class ChildOutput:
    """The pipes of child processes that run, by their attempt."""

    def __init__(self) -> None:
        self._pipes: dict[int, list[_Pipe]] = {}

    def install(self, watch: ImportWatch) -> None:
        """Take over `subprocess.Popen`, with all that is built on it, and `os.system`."""
        watch.on_import("subprocess", self._wrap)

    def drain(self, sink: output.Output) -> None:
        """Pass on what the children of an attempt that is over have written."""
        for pipe in self._pipes.pop(id(sink), ()):
            pipe.read()

    def _wrap(self, subprocess: ModuleType) -> None:
        start: Callable[..., None] = subprocess.Popen.__init__

        @functools.wraps(start)
        def start_for_attempt(popen: Any, args: Any, *rest: Any, **options: Any) -> None:
            sink = output.current()
            wanted = [] if sink is None or len(rest) >= _BEFORE else [n for n in _NAMES if options.get(n) is None]
            ends = {name: os.pipe() for name in wanted}
            try:
                start(popen, args, *rest, **{**options, **{name: end for name, (_, end) in ends.items()}})
            except BaseException:
                for read_end, _ in ends.values():
                    os.close(read_end)
                raise
            finally:
                for _, write_end in ends.values():
                    os.close(write_end)
            for name, (read_end, _) in ends.items():
                self._pipes.setdefault(id(sink), []).append(_Pipe(read_end, name, sink))

        subprocess.Popen.__init__ = start_for_attempt

        def system(command: Any) -> int:
            status: int = subprocess.Popen(command, shell=True).wait()
            return status << 8 if status >= 0 else -status

        system.__module__, system.__qualname__ = "os", "system"
        os.system = system


class _Pipe:
    """One end of a pipe with the attempt that its text is for."""

    def __init__(self, descriptor: int, name: str, sink: output.Output | None) -> None:
        self._descriptor = descriptor
        self._name = name
        self._sink = sink
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()
        self._is_open = True
        os.set_blocking(descriptor, False)
        threading.Thread(target=self._follow, name=f"wf-{name}", daemon=True).start()

    def read(self) -> None:
        """Pass on what is there."""
        with self._lock:
            while self._is_open:
                try:
                    data = os.read(self._descriptor, _READ)
                except BlockingIOError:
                    return
                text = self._decoder.decode(data, final=not data)
                if self._sink is not None and text:
                    self._sink.write(self._name, text)
                if not data:
                    self._is_open = False
                    os.close(self._descriptor)

    def _follow(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        while self._is_open:
            poll.poll()
            self.read()
