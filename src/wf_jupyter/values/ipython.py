"""IPython's shell, which a worker has not: what code that names it gets instead.

`files = !ls` and `%time f()` are `get_ipython().getoutput("ls")` and `get_ipython().run_line_magic("time", "f()")`
once IPython has read them. In the process of the notebook a task finds the shell itself; elsewhere a stand-in
says which line it was and what to write instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any

NO_IPYTHON = (
    "a task runs in a worker, which has no IPython. Do that in a cell, outside of the task, or run the workflow "
    'in this process: workflow.with_options(executor="inline")'
)
_INSTEAD = {
    "time": "time.perf_counter()",
    "timeit": "the module timeit",
    "cd": "os.chdir",
    "env": "os.environ",
    "pip": "a cell of its own, before the workflow starts",
    "conda": "a cell of its own, before the workflow starts",
    "matplotlib": "nothing: figures of a task are shown with it",
    "run": "runpy.run_path",
}


def shell() -> Any:
    """The IPython shell of this process, or None."""
    module = sys.modules.get("IPython.core.interactiveshell")
    return None if module is None else module.InteractiveShell._instance


def shell_reducers(table: Mapping[type, Any]) -> dict[type, Callable[[Any], object]]:
    """Reducers of the shell and of its methods for a pickler with this dispatch table."""
    found = shell()
    if found is None:
        return {}

    def reduce_method(method: MethodType) -> object:
        if method.__self__ is found:
            return getattr, (found, method.__name__)
        return table[MethodType](method)

    return {type(found): lambda _: (shell_here, ()), MethodType: reduce_method}


def shell_here() -> Any:
    """The shell of the process that unpickles, or the stand-in."""
    return shell() or NoShell()


class NoShell:
    """Stands for `get_ipython()` where there is no IPython; whatever it is asked to run is an error that says so."""

    def get_ipython(self) -> NoShell:
        """Stand-in for IPython's function: never None, so that the error comes with the line that needs more."""
        return self

    def system(self, command: str) -> object:
        """`!command`"""
        raise _refusal(f"!{command}", "a shell line", f"subprocess.run({command!r}, shell=True, check=True)")

    def getoutput(self, command: str, *_: object, **__: object) -> object:
        """`lines = !command`"""
        replacement = f"subprocess.run({command!r}, shell=True, capture_output=True, text=True).stdout.splitlines()"
        raise _refusal(f"!{command}", "a shell line", replacement)

    system_raw = system_piped = getoutput_raw = system

    def run_line_magic(self, name: str, line: str, *_: object, **__: object) -> object:
        """`%name line`"""
        mark = "" if name.startswith("%") else "%"
        raise _refusal(f"{mark}{name} {line}".strip(), "a magic", _INSTEAD.get(name, "the function behind it"))

    def run_cell_magic(self, name: str, line: str, cell: str, *_: object, **__: object) -> object:
        """`%%name line`"""
        return self.run_line_magic(f"%%{name}", line)

    magic = run_line_magic

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"get_ipython().{name} is not there: {NO_IPYTHON}")


def _refusal(line: str, kind: str, instead: str) -> RuntimeError:
    return RuntimeError(f"`{line}` is {kind} of IPython: {NO_IPYTHON}. In plain Python: {instead}")
