"""The shape of the code: no cycles, small modules, a cheap import, and exactly the public names we mean."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import wf_jupyter

SOURCE = Path(wf_jupyter.__file__).parent
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "frontend" not in path.relative_to(SOURCE).parts)
LONGEST_MODULE = 400
LONGEST_INIT = 120
LONGEST_FUNCTION = 60
#: It stands for a string, a dict, a message and an error alike: a name says which.
VAGUE_NAMES = {"told"}
#: Words that a docstring does not begin with: it begins with what the thing is or does.
RIDDLES = re.compile(r"(And|Also|How|It|Its|Nobody|See|So|The same|There|Those|What|Whatever|Who|Whoever|Whose|Why)\b")
BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "misc"}

#: What a kernel must not pay for when it imports the package.
NOT_IN_A_KERNEL = {"IPython", "anywidget", "cloudpickle", "dask", "distributed", "jupyter_server", "sqlite3", "tornado"}
#: What the Jupyter server process must never load.
NOT_IN_THE_SERVER = {"cloudpickle", "numpy", "pandas", "wf_jupyter.dsl", "wf_jupyter.client", "wf_jupyter.widget"}
IMPORT_SECONDS = 0.1

PUBLIC_NAMES = """
    CellFailed Execution ExecutionCancelled ExecutionNotFound InputError NotPermitted ProtocolMismatch RateLimited
    Secret ServerUnavailable StateConflict StoreError TaskError TaskFailed ValueTooLarge WorkflowDefinitionError
    WorkflowError WorkflowNotFound __version__ allow_failure coalesce connect connection current_task execute executions
    get_execution notebook notebook_task progress task track unless when workflow workflows
""".split()


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {name_of(path): ast.parse(path.read_text("utf-8")) for path in MODULES}


def imports_of(module: str, tree: ast.AST) -> Iterator[str]:
    """Modules of ours that it imports: inside functions, for types and by name as well."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith("import_module"):
            named = node.args[0]
            if isinstance(named, ast.Constant) and named.value in TREES:
                yield named.value
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in TREES)
        elif isinstance(node, ast.ImportFrom) and node.module in TREES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in TREES else node.module
        else:
            yield from imports_of(module, node)


def test_no_module_imports_itself_through_others() -> None:
    # The package root names everything lazily, for users; from inside it serves only `__version__`.
    graph = {name: set(imports_of(name, tree)) - {name} for name, tree in TREES.items() if name != "wf_jupyter"}
    assert circles(graph) == {}


def test_no_typescript_module_imports_itself_through_others_either() -> None:
    folder = SOURCE / "frontend" / "src"
    found = re.compile(r"""(?:\bfrom|^import|\bimport\()\s*["'](\.[^"']+)["']""", re.MULTILINE)
    graph = {
        str(path.relative_to(folder)): {
            os.path.relpath(path.parent / name, folder) for name in found.findall(path.read_text("utf-8"))
        }
        for path in folder.rglob("*.ts")
    }
    assert len(graph) > 100 and sum(map(len, graph.values())) > 300, "imports are not found any more"
    assert circles(graph) == {}


def circles(graph: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """What is left when again and again all are taken away that import nothing that is left."""
    remaining = dict(graph)
    while leaves := [name for name, targets in remaining.items() if not targets & remaining.keys()]:
        for name in leaves:
            del remaining[name]
    return {name: sorted(targets & remaining.keys()) for name, targets in remaining.items()}


def test_nothing_inside_imports_the_package_root_but_for_the_version() -> None:
    wrong = [
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == "wf_jupyter"
        and any(alias.name != "__version__" and f"wf_jupyter.{alias.name}" not in TREES for alias in node.names)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=[name_of(path) for path in MODULES])
def test_modules_and_functions_are_small_and_named_for_what_they_are(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= (LONGEST_INIT if path.name == "__init__.py" else LONGEST_MODULE)
    assert not BANNED_NAMES & set(path.stem.split("_"))
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(TREES[name_of(path)])
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every name that is defined, bound or used, and every attribute."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=str(name)) | ast.Attribute(attr=str(name)) | ast.arg(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name


@pytest.mark.parametrize("path", MODULES, ids=[name_of(path) for path in MODULES])
def test_names_and_docstrings_say_what_a_thing_is(path: Path) -> None:
    tree = TREES[name_of(path)]
    assert [name for name in names_in(tree) if VAGUE_NAMES & set(name.strip("_").split("_"))] == []
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    assert [text.partition("\n")[0] for text in texts if RIDDLES.match(text)] == []


def test_no_name_in_the_page_is_vague() -> None:
    vague = re.compile(rf"#(?:{'|'.join(VAGUE_NAMES)})\b|\b(?:{'|'.join(VAGUE_NAMES)})(?:[?]?:| =|[(.\[])")
    wrong = [
        f"{path.name}: {line.strip()}"
        for path in (SOURCE / "frontend" / "src").rglob("*.ts")
        for line in path.read_text("utf-8").splitlines()
        if vague.search(line) and not line.lstrip().startswith(("//", "/*", "*"))
    ]
    assert wrong == []


def test_the_public_names_are_these_and_all_can_be_had() -> None:
    assert sorted(wf_jupyter.__all__) == sorted(PUBLIC_NAMES)
    for name in PUBLIC_NAMES:
        assert getattr(wf_jupyter, name) is not None


def loaded_by(statement: str) -> tuple[set[str], float]:
    """The modules that a fresh interpreter has after `statement`, and how many seconds of the processor it took.

    Of the processor, as on a busy machine the clock tells of others.
    """
    code = (
        "import json, sys, time; begin = time.process_time()\n"
        f"{statement}\n"
        "print(json.dumps([time.process_time() - begin, sorted(sys.modules)]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    seconds, modules = json.loads(done.stdout)
    return set(modules), seconds


def test_importing_the_package_is_cheap() -> None:
    runs = [loaded_by("import wf_jupyter") for _ in range(5)]
    assert not NOT_IN_A_KERNEL & runs[0][0]
    assert min(seconds for _, seconds in runs) < IMPORT_SECONDS


def test_defining_a_workflow_loads_neither_server_nor_store_nor_widget() -> None:
    modules, _ = loaded_by("import wf_jupyter as wf; wf.task; wf.workflow; wf.progress; wf.WorkflowError")
    assert not {"anywidget", "dask", "distributed", "jupyter_server", "sqlite3", "tornado"} & modules


def test_the_server_process_does_not_load_user_code_or_what_could_unpickle_it() -> None:
    modules, _ = loaded_by("import wf_jupyter.server.extension")
    assert not NOT_IN_THE_SERVER & modules
