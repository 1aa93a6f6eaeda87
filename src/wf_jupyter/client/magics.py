"""`%load_ext wf_jupyter`: `%wf` finds executions, `%%task` runs a cell as a task, beside the kernel.

    %wf                     the executions, newest first
    %wf list failed         those of one status
    %wf open 01JDA7Q4ZK     the live view of one; the latest without an id

    %%task fit --retries 2
    model = train(frame)
    model.score

A cell under `%%task` becomes a function: the values that it reads are its inputs, its last expression is the result.
It is submitted at once, shows live, and `fit` is its `Execution`: `fit.result()` waits for it.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import re
import shlex
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wf_jupyter.client import api, display
from wf_jupyter.dsl.task import Task
from wf_jupyter.dsl.workflow import Workflow
from wf_jupyter.errors import InputError

#: What is code, not data: the cell reaches it as every task reaches what it uses.
_CODE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, Task, Workflow)
_HELP = "%wf, %wf list [STATUS], or %wf open [ID]"


def load_ipython_extension(shell: Any) -> None:
    """Register the magics with IPython; what `%load_ext wf_jupyter` calls."""
    shell.register_magic_function(_wf, "line", "wf")
    shell.register_magic_function(lambda line, cell: _task(shell, line, cell), "cell", "task")


def _wf(line: str) -> Any:
    """List executions, or open one."""
    match line.split():
        case [] | ["list"]:
            return api.executions()
        case ["list", status]:
            return api.executions(status=status)
        case ["open"]:
            latest = api.executions(limit=1)
            if not latest:
                raise InputError("there is no execution yet", "id")
            return latest[0]
        case ["open", execution]:
            return api.get_execution(execution)
    raise InputError(f"%wf {line} is not understood: it must be {_HELP}", "line")


def _task(shell: Any, line: str, cell: str) -> None:
    """Run the cell as a task of its own workflow."""
    asked = _options().parse_args(shlex.split(line))
    if not asked.name.isidentifier():
        raise InputError(f"%%task {asked.name} is not allowed: the name must be an identifier, like fit", "name")
    function = cell_function(shell, asked.name, cell)
    given = {name: value for name in ("retries", "timeout", "cache") if (value := getattr(asked, name)) is not None}
    task: Task[..., Any] = Task(function, given)
    inputs = list(function.__code__.co_varnames[: function.__code__.co_argcount])
    workflow: Workflow[..., Any] = Workflow(_forwarding(task, inputs), asked.name, {})
    execution = workflow.submit(**{name: shell.user_ns[name] for name in inputs})
    shell.user_ns[asked.name] = execution
    display.show(execution)


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise InputError(f"%%task: {message}", "line")


def _options() -> argparse.ArgumentParser:
    options = _Options(prog="%%task", add_help=False)
    options.add_argument("name", nargs="?", default="cell")
    options.add_argument("--retries", type=int)
    options.add_argument("--timeout", type=float)
    options.add_argument("--cache", action="store_true", default=None)
    return options


def cell_function(shell: Any, name: str, cell: str) -> types.FunctionType:
    """The cell as a function of the values that it reads; its lines are those of the cell."""
    source = shell.transform_cell(cell)
    tree = ast.parse(source)
    inputs = [word for word in _read(tree) if _is_data(shell.user_ns, word)]
    body = tree.body or [ast.Pass()]
    if isinstance(last := body[-1], ast.Expr):
        body[-1] = ast.copy_location(ast.Return(value=last.value), last)
    kind = ast.AsyncFunctionDef if _awaits(tree) else ast.FunctionDef
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(word) for word in inputs], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    made = kind(name=name, args=arguments, body=body, decorator_list=[], lineno=1, col_offset=0)
    made.__dict__["type_params"] = []  # Python 3.12 and later miss it otherwise
    module = ast.fix_missing_locations(ast.Module(body=[made], type_ignores=[]))
    # IPython keeps the lines for tracebacks under the name that it gives to the cell.
    code = compile(module, shell.compile.cache(source, shell.execution_count), "exec")
    space: dict[str, Any] = {}
    exec(code, shell.user_ns, space)
    function: types.FunctionType = space[name]
    function.__module__ = "__main__"
    return function


def _read(tree: ast.AST) -> Iterator[str]:
    """Names that are read, each once, in order."""
    seen: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in seen and (isinstance(node.ctx, ast.Load) or _adds(tree, node)):
            seen.add(node.id)
            yield node.id


def _adds(tree: ast.AST, name: ast.Name) -> bool:
    """Whether `name += 1` reads what it writes."""
    return any(isinstance(node, ast.AugAssign) and node.target is name for node in ast.walk(tree))


def _is_data(space: Mapping[str, Any], name: str) -> bool:
    if name not in space or hasattr(builtins, name) or re.match(r"_+\d*$|_i+\d*$", name):
        return False
    return not isinstance(space[name], _CODE)


def _awaits(tree: ast.AST) -> bool:
    """Whether there is an `await` outside every function of the cell's own."""
    nodes = list(ast.iter_child_nodes(tree))
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            nodes += ast.iter_child_nodes(node)
    return False


def _forwarding(task: Task[..., Any], inputs: list[str]) -> Callable[..., Any]:
    """A workflow's body that calls one task, with a signature that names the inputs."""
    import inspect

    def body(**given: Any) -> Any:
        return task(**given)

    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in inputs]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return body
